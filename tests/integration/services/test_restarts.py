"""Opencodes that cannot follow a swap: who they are, what is said, whom their failures blame."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.live.swap import SwapRequest, swap
from rotator.opencode.bridge.presence import Present
from rotator.services import accounts as ledger
from rotator.services.restarts import restart_note, takes_effect, unseen_turns, when_used
from rotator.services.unseen_requests import (
    OWN_PLUGIN_TO_DO,
    UNSEEN_TO_DO,
    unseen_requests,
    unseen_to_do,
)
from rotator.services.without_bridge import opencodes_without_bridge
from rotator.storage.tables.slots import TENURES_KEPT
from rotator.system.locks import watch_lock
from rotator.system.processes import find_opencodes, is_running, kind_of, start_ticks, started
from tests.support.live import Entry, Live, api, oauth, open_live, opencode_running, wellknown

HOUR = timedelta(hours=1)
NEXT = "next-request"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of xai were logged in, the second is live; the clock is the real one's."""
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - 2 * HOUR
        live.sees({"xai": api("a")})
        live.sees({"xai": api("b")})
        yield live


@pytest.fixture
def opencode(live: Live, tmp_path: Path) -> Iterator[int]:
    """Start an opencode now, two hours after the logins."""
    with opencode_running(live.paths, tmp_path) as pid:
        yield pid


def present(live: Live, pid: int) -> Present:
    return Present(pid, "0.1.0", "serve", str(live.file), live.clock.now)


def rotate_to(live: Live, name: str, **later: float) -> datetime:
    """Swap that account in so long after now; return when that is."""
    live.clock.now = datetime.now(UTC) + timedelta(**later)
    swap(live.context, SwapRequest(live.account(name).id, "for the test"))
    return live.clock.now


def write_log(live: Live, lines: Sequence[tuple[datetime, str]]) -> None:
    """Let a run have said when it did what with the folder /w."""
    log = live.paths.opencode_logs / "opencode.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(
        "".join(
            f"timestamp={when.isoformat()} level=INFO run=a1"
            f' message="{does} instance" directory=/w\n'
            for when, does in lines
        )
    )


def test_an_opencode_is_known_by_the_files_it_holds_open(live: Live, opencode: int) -> None:
    found = find_opencodes(live.file.parent)

    assert [(one.pid, one.kind) for one in found] == [(opencode, "tui")]
    assert abs(found[0].started_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_opencode_of_another_home_is_not_ours(opencode: int, tmp_path: Path) -> None:
    assert opencode
    assert find_opencodes(tmp_path) == []


def test_an_opencode_with_the_bridge_follows(live: Live, opencode: int) -> None:
    assert [one.pid for one in opencodes_without_bridge(live.paths, [])] == [opencode]
    assert opencodes_without_bridge(live.paths, [present(live, opencode)]) == []


def test_whose_turns_cannot_be_seen_is_said(live: Live, opencode: int) -> None:
    why = unseen_turns(live.context, [])

    assert why is not None
    assert why.startswith(f"opencode tui (pid {opencode}) runs without the bridge")
    assert unseen_turns(live.context, [present(live, opencode)]) is None


def test_a_swapped_key_names_who_has_to_be_restarted(live: Live, opencode: int) -> None:
    note = restart_note(live.context, [], live.account("xai/xai-1"))

    assert note is not None
    assert note.why == (
        f"restart opencode tui (pid {opencode}) to use xai-1: it runs without the bridge"
    )


@pytest.mark.parametrize(("vendor", "when"), [("poe", "after-restart"), ("openai", "next-request")])
def test_b_a_login_that_is_read_once_needs_a_restart_as_a_key_does(
    live: Live, opencode: int, vendor: str, when: str
) -> None:
    assert opencode
    live.sees({vendor: oauth("a")})
    live.sees({vendor: oauth("b")})
    first = live.state.of(vendor)[0]
    rotate_to(live, first.name, minutes=1)

    assert takes_effect(live.context, [], first) == when


def test_nobody_has_to_be_restarted_where_everybody_has_the_bridge(
    live: Live, opencode: int
) -> None:
    assert restart_note(live.context, [present(live, opencode)], live.account("xai/xai-1")) is None


@pytest.mark.parametrize(
    ("entry", "said"), [pytest.param(oauth("a"), False, id="login"), (wellknown("w"), True)]
)
def test_a_well_known_token_needs_a_restart_even_with_the_bridge_and_a_login_none(
    live: Live, entry: Entry, *, said: bool
) -> None:
    live.sees({"xai": api("b"), "x": entry})

    note = restart_note(live.context, [present(live, os.getpid())], live.account("x/x-1"))

    assert (note is not None) is said


PLACES = [
    pytest.param(api("c", metadata={"accountId": "two"}), id="another gateway"),
    pytest.param(api("c", metadata={"resourceName": "two"}), id="another resource"),
    pytest.param(oauth("c"), id="another kind of login"),
    pytest.param(oauth("c") | {"enterpriseUrl": "https://b.example"}, id="a company's server"),
]


@pytest.mark.parametrize("entry", PLACES)
def test_a10_what_goes_to_another_place_is_used_after_a_restart_even_with_the_bridge(
    live: Live, entry: Entry
) -> None:
    """It is built into every request of an opencode that runs; the bridge changes no address."""
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    live.clock.pass_time(minutes=1)
    live.sees({"xai": entry})
    put = live.account("xai/xai-3")

    note = restart_note(live.context, [began], put)

    assert takes_effect(live.context, [began], put) == "after-restart"
    assert note is not None
    assert note.why == (
        f"restart opencode serve (pid {os.getpid()}) to use xai-3: it goes to another place than"
        " the login they began with"
    )
    # Who began with it, before any login, or with the place that is put back, has it already.
    later = replace(began, started_at=live.clock.now)
    for one, account in (
        (later, put),
        (replace(began, started_at=None), put),
        (replace(began, started_at=live.clock.now - HOUR), put),
        (began, live.account("xai/xai-1")),
    ):
        assert takes_effect(live.context, [one], account) == "next-request"
        assert restart_note(live.context, [one], account) is None


def test_a10_who_has_logged_in_to_that_place_meanwhile_follows(live: Live) -> None:
    """Opencode builds everything anew after a login of its own."""
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    for name in ("c", "d"):
        live.clock.pass_time(minutes=1)
        live.sees({"xai": oauth(name)})

    assert takes_effect(live.context, [began], live.account("xai/xai-4")) == "next-request"


@pytest.mark.parametrize(
    ("laid_down", "when"),
    [
        pytest.param(False, "after-restart", id="a login in another opencode, or by a command"),
        pytest.param(True, NEXT, id="a login of its own"),
    ],
)
def test_a10_a_login_elsewhere_builds_nothing_anew_in_an_opencode_whose_log_says_so(
    live: Live, when: str, *, laid_down: bool
) -> None:
    at = started(os.getpid())
    assert at is not None
    live.clock.now = at - HOUR
    live.sees({"xai": api("a")})
    began = replace(present(live, os.getpid()), directories=("/w",), started_at=at)
    lines = [(at, "creating")]
    for minutes, name in ((1, "c"), (2, "d")):
        live.clock.now = at + timedelta(minutes=minutes)
        if laid_down:
            lines += [(live.clock.now, "disposing"), (live.clock.now, "creating")]
        live.sees({"xai": oauth(name)})
    write_log(live, lines)

    assert takes_effect(live.context, [began], live.account("xai/xai-4")) == when


def test_a10_what_was_swapped_in_meanwhile_was_no_login_in_opencode(live: Live) -> None:
    for name in ("c", "d"):
        live.sees({"xai": oauth(name) | {"enterpriseUrl": "corp.example"}})
    live.sees({"xai": oauth("e")})
    live.clock.pass_time(minutes=1)
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    for name in ("xai/xai-3", "xai/xai-4"):
        live.clock.pass_time(minutes=1)
        swap(live.context, SwapRequest(live.account(name).id, "for the test"))

        assert takes_effect(live.context, [began], live.account(name)) == "after-restart"
    assert takes_effect(live.context, [began], live.account("xai/xai-5")) == "next-request"


@pytest.mark.parametrize(
    ("provider", "mine", "other"),
    [
        (
            "snowflake-cortex",
            oauth("a") | {"accountId": "org-a"},
            oauth("b") | {"accountId": "org-b"},
        ),
        (
            "snowflake-cortex",
            api("a", metadata={"account": "org-a"}),
            api("b", metadata={"account": "org-b"}),
        ),
        ("azure", oauth("a") | {"accountId": "res-a"}, oauth("b") | {"accountId": "res-b"}),
        (
            "github-copilot",
            oauth("a") | {"enterpriseUrl": "corp.ghe.com"},
            oauth("b") | {"enterpriseUrl": "other.ghe.com"},
        ),
    ],
)
def test_a10_an_account_that_names_the_host_is_used_after_a_restart(
    live: Live, provider: str, mine: Entry, other: Entry
) -> None:
    for entry in (other, mine):
        live.clock.pass_time(minutes=1)
        live.sees({provider: entry})
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    put = live.account(f"{provider}/{provider}-1")

    assert takes_effect(live.context, [began], put) == "after-restart"


@pytest.mark.parametrize("provider", ["poe", "gitlab", "azure"])
def test_b1_a_login_that_is_handed_on_at_the_start_is_used_as_a_key_is(
    live: Live, opencode: int, provider: str
) -> None:
    """Opencode's own plug-ins read these logins once; every other is read at each request."""
    live.clock.now = datetime.now(UTC) - HOUR
    for name in ("a", "b"):
        live.sees({provider: oauth(name), "openai": oauth(name)})
    live.clock.now = datetime.now(UTC)
    put, other = live.account(f"{provider}/{provider}-1"), live.account("openai/openai-1")
    passing = replace(present(live, os.getpid()), unseen=(provider, "openai"))

    assert takes_effect(live.context, [], put) == "after-restart"
    assert f"restart opencode tui (pid {opencode})" in str(restart_note(live.context, [], put))
    assert takes_effect(live.context, [], other) == "next-request"
    # Where a bridge sees its requests it puts the login of now into them.
    for process, when in ((replace(passing, unseen=()), NEXT), (passing, "after-restart")):
        mine = replace(process, pid=opencode)
        assert takes_effect(live.context, [mine], put) == when, process


def test_a10_an_account_that_is_gone_tells_nothing(live: Live) -> None:
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    live.clock.pass_time(minutes=1)
    live.sees({"xai": oauth("c")})
    ledger.remove(live.context, live.account("xai/xai-2"))

    assert takes_effect(live.context, [began], live.account("xai/xai-3")) == "next-request"


def test_b1_nobody_is_told_to_restart_for_a_key_that_a_restart_does_not_change(
    live: Live, opencode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opencode
    monkeypatch.setenv("HOME", str(live.paths.data.parents[2]))
    put = live.account("xai/xai-1")
    file = live.paths.opencode_config / "opencode.json"
    file.parent.mkdir(parents=True)
    before = restart_note(live.context, [], put)
    file.write_text('{"provider": {"xai": {"options": {"apiKey": "KEY-OF-ELSEWHERE"}}}}')

    assert before is not None
    assert restart_note(live.context, [], put) is None


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["opencode"], "tui"),
        (["opencode", "."], "tui"),
        (["opencode", "serve", "--port", "1"], "serve"),
        (["node", "opencode", "serve"], "serve"),
        (["opencode", "web"], "serve"),
        (["opencode", "run", "hi"], "run"),
        (["opencode", "run", "serve"], "run"),
        ([], "tui"),
    ],
)
def test_the_kind_of_an_opencode_stands_in_its_command_line(words: list[str], kind: str) -> None:
    assert kind_of(words) == kind


def test_a_process_is_named_by_its_pid_and_the_ticks_of_its_start() -> None:
    ticks = start_ticks(os.getpid())

    assert ticks is not None
    assert ticks.isdigit()
    assert start_ticks(0) is None


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 10**30])
def test_no_process_runs_under_an_impossible_pid(pid: int) -> None:
    assert not is_running(pid)


def test_processes_of_others_run_too() -> None:
    assert is_running(1)


@pytest.fixture
def began(live: Live) -> Present:
    """Return a bridge that began before openai had a login, while somebody of ours looked."""
    return replace(present(live, os.getpid()), started_at=live.clock.now)


def late(live: Live, *entries: Entry) -> None:
    """Log in to openai, with one after the other."""
    for entry in entries:
        live.clock.pass_time(minutes=1)
        live.sees({"xai": api("b"), "openai": entry})


@pytest.mark.parametrize("of", [api, oauth], ids=["key", "login"])
def test_c12_an_opencode_that_began_before_the_first_login_has_to_be_restarted(
    live: Live, began: Present, of: Callable[[str], Entry]
) -> None:
    late(live, of("c"), of("d"))
    put = live.account("openai/openai-1")
    who = f"opencode serve (pid {os.getpid()})"
    told = f"restart {who} to use {{}}: it may have begun before openai had a login"

    note = restart_note(live.context, [began], put, only_sure=True)

    assert takes_effect(live.context, [began], put) == "after-restart"
    assert when_used(live.context, [began], put) == told.format("it")
    assert note is not None
    assert note.why == told.format("openai-1")
    later = replace(began, started_at=live.clock.now)
    assert takes_effect(live.context, [later], put) == "next-request"
    assert restart_note(live.context, [later], put) is None


BEGAN_BEFORE = "it may have begun before openai had a login"
BUILT_WITHOUT = "it built its requests while openai had no login"
# What openai's slot held, minute by minute; when opencode began, and when it laid its folder down
# and built it anew (below zero: laid it down alone).
PASTS: dict[str, tuple[Sequence[str | None], int, int | None, str | None]] = {
    "before the first login": ([None, "c"], 0, None, BEGAN_BEFORE),
    "laid down before the first login": ([None, None, "c"], 0, 1, BEGAN_BEFORE),
    "while it was logged out": (["c", None, "d"], 1, None, BUILT_WITHOUT),
    "while it was logged out, in again as before": (["c", None, "c"], 1, None, BUILT_WITHOUT),
    "logged out for the second time": (["c", None, "d", None, "e"], 3, None, BUILT_WITHOUT),
    "with a login, laid down at its logout": (["c", None, "d"], 0, 1, BUILT_WITHOUT),
    "with this login, laid down at its logout": (["c", None, "c"], 0, 1, BUILT_WITHOUT),
    "before the first, laid down at a logout": ([None, "c", None, "d"], 0, 2, BUILT_WITHOUT),
    "with a login, laid down at its logout, not asked since": (["c", None, "d"], 0, -1, None),
    "with a login that was logged out": (["c", None, "d"], 0, None, None),
    "with a login that was replaced": (["c", "d"], 0, None, None),
    "logged out, laid down at the new login": (["c", None, "d"], 1, 2, None),
    "before the first, laid down at a login": ([None, "c"], 0, 1, None),
}


@pytest.mark.parametrize("past", PASTS)
@pytest.mark.parametrize("of", [api, oauth], ids=["key", "login"])
def test_c12_why_an_opencode_has_to_be_restarted_is_true_of_each_past(
    live: Live, of: Callable[[str], Entry], past: str
) -> None:
    held, began_in, laid_down_in, because = PASTS[past]
    at = started(os.getpid())
    assert at is not None
    start = at - timedelta(minutes=began_in, seconds=30)
    for minute, name in enumerate(held):
        live.clock.now = start + timedelta(minutes=minute)
        live.sees({"xai": api("b")} | ({"openai": of(name)} if name else {}))
    one = replace(present(live, os.getpid()), directories=("/w",), started_at=at)
    lines = [(at, "creating")]
    if laid_down_in is not None:
        again = start + timedelta(minutes=abs(laid_down_in), seconds=30)
        lines.append((again, "disposing"))
        if laid_down_in > 0:
            lines.append((again, "creating"))
    write_log(live, lines)
    state = live.context.store.state()
    put = state.account(state.slot("openai").active)
    assert put is not None

    said = when_used(live.context, [one], put)

    who = f"opencode serve (pid {os.getpid()})"
    assert said == (
        f"restart {who} to use it: {because}"
        if because
        else "running opencodes use it from the next request on"
    )


def test_c12_so_has_one_that_began_while_nobody_was_logged_in(live: Live) -> None:
    live.clock.pass_time(minutes=1)
    live.sees({})
    live.clock.pass_time(minutes=1)
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    live.clock.pass_time(minutes=1)
    swap(live.context, SwapRequest(live.account("xai/xai-1").id, "for the test"))

    assert takes_effect(live.context, [began], live.account("xai/xai-1")) == "after-restart"


def test_c12_a_login_without_a_bridge_has_none_either(live: Live, opencode: int) -> None:
    live.clock.now = datetime.now(UTC)
    late(live, oauth("c"), oauth("d"))
    put = live.account("openai/openai-1")

    note = restart_note(live.context, [], put)

    assert takes_effect(live.context, [], put) == "after-restart"
    assert note is not None
    assert (
        f"restart opencode tui (pid {opencode}) to use openai-1: it may have begun before"
        in note.why
    )


def test_c12_whether_there_was_a_login_is_known_where_a_watcher_looked_already(live: Live) -> None:
    """Who found it in auth.json at the first look does not know since when it is there."""
    one = replace(present(live, os.getpid()), started_at=datetime.now(UTC) - 9 * HOUR)
    at_first = takes_effect(live.context, [one], live.account("xai/xai-1"))
    with open_live(live.paths.data / "another") as other, watch_lock(other.paths.watch_lock):
        other.clock.now = datetime.now(UTC) + HOUR
        other.sees({"xai": api("a")})
        put = other.account("xai/xai-1")
        before_the_watcher = takes_effect(other.context, [one], put)
        late_one = replace(one, started_at=datetime.now(UTC))
        after = takes_effect(other.context, [late_one], put)
        said = when_used(other.context, [late_one], put)

    assert said.endswith("to use it: it began before xai had a login")
    assert (at_first, before_the_watcher, after) == (NEXT, NEXT, "after-restart")


@pytest.mark.parametrize(
    ("laid_down", "said"),
    [(["/w"], "after-restart"), (["/w", "/v"], NEXT), ([], "after-restart")],
    ids=["one folder", "every folder", "none"],
)
def test_c12_what_was_laid_down_after_the_login_follows(
    live: Live, laid_down: Sequence[str], said: str
) -> None:
    """That is what opencode does at a login of its own."""
    at = started(os.getpid())
    assert at is not None
    live.clock.now = at + timedelta(minutes=1)
    one = replace(present(live, os.getpid()), directories=("/w", "/v"), started_at=live.clock.now)
    late(live, api("c"), api("d"))
    put = live.account("openai/openai-1")
    lines = [(at, f'"creating instance" directory={folder}') for folder in ("/w", "/v")]
    lines += [(at + 2 * HOUR, f'"disposing instance" directory={folder}') for folder in laid_down]
    log = live.paths.opencode_logs / "opencode.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(
        "".join(
            f"timestamp={when.isoformat()} level=INFO run=a1 message={m}\n" for when, m in lines
        )
    )

    assert takes_effect(live.context, [one], put) == said
    nobody_knows = replace(one, is_here=False, namespace="x")
    assert takes_effect(live.context, [nobody_knows], put) == "after-restart"


def test_c12_a_slot_with_a_long_past_tells_nothing_of_what_was_before(live: Live) -> None:
    one = replace(present(live, os.getpid()), started_at=live.clock.now)
    late(live, *[api(str(number % 2)) for number in range(TENURES_KEPT + 1)])

    assert takes_effect(live.context, [one], live.account("openai/openai-1")) == NEXT


def test_c7_an_opencode_whose_requests_pass_the_bridge_by_has_to_be_restarted(live: Live) -> None:
    one = replace(present(live, os.getpid()), unseen=("xai",), started_at=live.clock.now)
    put = live.account("xai/xai-1")

    note = restart_note(live.context, [one], put, only_sure=True)

    assert takes_effect(live.context, [one], put) == "after-restart"
    assert note is not None
    assert note.why == (
        f"restart opencode serve (pid {os.getpid()}) to use xai-1: its bridge does not see the"
        " requests of xai: something in it sends them past it"
    )
    assert when_used(live.context, [one], put) == note.why.replace("xai-1", "it")


def test_b3_what_opencode_s_own_plug_in_sends_past_the_bridge_is_nobody_s_fault(live: Live) -> None:
    """Azure's login keeps the fetch of before: there is nothing to take out."""
    live.sees({"azure": oauth("a") | {"accountId": "res-a"}})
    presence = replace(present(live, os.getpid()), unseen=("azure", "xai"))

    own, other = unseen_requests([presence], [])

    assert own.endswith(
        "does not see the requests of azure, so none of them is sent again: opencode's own plug-in"
        " sends them past it"
    )
    assert unseen_to_do(own) == OWN_PLUGIN_TO_DO
    assert unseen_to_do(other) == UNSEEN_TO_DO
    assert f"restart opencode serve (pid {os.getpid()}) to use" in str(
        restart_note(live.context, [presence], live.account("azure/azure-1"))
    )


def test_an_opencode_that_buys_tokens_with_its_login_has_to_be_restarted(live: Live) -> None:
    one = replace(present(live, os.getpid()), bought=("xai",), started_at=live.clock.now)
    put = live.account("xai/xai-1")

    note = restart_note(live.context, [one], put, only_sure=True)

    assert takes_effect(live.context, [one], put) == "after-restart"
    assert note is not None
    assert note.why == (
        f"restart opencode serve (pid {os.getpid()}) to use xai-1: it asks xai with a token that"
        " the login of its start buys"
    )


def test_c7_a_login_is_read_at_each_request_and_other_providers_are_not_meant(live: Live) -> None:
    live.sees({"xai": api("b"), "openai": oauth("z"), "yota": api("y")})
    one = replace(present(live, os.getpid()), unseen=("xai", "openai"))

    assert takes_effect(live.context, [one], live.account("openai/openai-1")) == NEXT
    assert takes_effect(live.context, [one], live.account("yota/yota-1")) == NEXT


def test_c7_c12_who_is_told_of_in_one_sentence_is_told_of_once(live: Live, opencode: int) -> None:
    one = replace(present(live, os.getpid()), unseen=("xai",), started_at=live.clock.now)
    two = replace(one, pid=os.getppid(), unseen=())
    put = live.account("xai/xai-1")

    note = restart_note(live.context, [one, two], put)

    assert note is not None
    assert note.why.startswith(
        f"restart opencode tui (pid {opencode}) to use xai-1: it runs without the bridge;"
        f" and opencode serve (pid {os.getpid()}): its bridge does not see"
    )
    assert when_used(live.context, [one, two], put) == "restart opencode to use it"
