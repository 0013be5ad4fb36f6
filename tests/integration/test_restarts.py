"""Opencodes that cannot follow a swap: who they are, what is said, whom their failures blame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator import ledger
from rotator.opencode.exchange import Present
from rotator.processes import find_opencodes, is_running, kind_of, start_ticks
from rotator.restarts import applies, restart_note, why_unseen
from rotator.swap import Order, swap
from rotator.unbridged import bridgeless
from tests.support.live import Entry, Live, api, oauth, open_live, opencode_running, wellknown

HOUR = timedelta(hours=1)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live; the clock is the real one's."""
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - 2 * HOUR
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
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
    swap(live.books, Order(live.account(name).id, "for the test"))
    return live.clock.now


def test_an_opencode_is_known_by_the_files_it_holds_open(live: Live, opencode: int) -> None:
    found = find_opencodes(live.file.parent)

    assert [(one.pid, one.kind) for one in found] == [(opencode, "tui")]
    assert abs(found[0].started_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_opencode_of_another_home_is_not_ours(opencode: int, tmp_path: Path) -> None:
    assert opencode
    assert find_opencodes(tmp_path) == []


def test_an_opencode_with_the_bridge_follows(live: Live, opencode: int) -> None:
    assert [one.pid for one in bridgeless(live.paths, [])] == [opencode]
    assert bridgeless(live.paths, [present(live, opencode)]) == []


def test_whose_turns_cannot_be_seen_is_said(live: Live, opencode: int) -> None:
    why = why_unseen(live.books, [])

    assert why is not None
    assert why.startswith(f"opencode tui (pid {opencode}) runs without the bridge")
    assert why_unseen(live.books, [present(live, opencode)]) is None


def test_a_swapped_key_names_who_has_to_be_restarted(live: Live, opencode: int) -> None:
    note = restart_note(live.books, [], live.account("acme/acme-1"))

    assert note is not None
    assert note.why == (
        f"restart opencode tui (pid {opencode}) to use acme-1: it runs without the bridge"
    )


def test_nobody_has_to_be_restarted_where_everybody_has_the_bridge(
    live: Live, opencode: int
) -> None:
    assert restart_note(live.books, [present(live, opencode)], live.account("acme/acme-1")) is None


@pytest.mark.parametrize(
    ("entry", "said"), [pytest.param(oauth("a"), False, id="login"), (wellknown("w"), True)]
)
def test_a_well_known_token_needs_a_restart_even_with_the_bridge_and_a_login_none(
    live: Live, entry: Entry, *, said: bool
) -> None:
    live.sees({"acme": api("b"), "x": entry})

    note = restart_note(live.books, [present(live, os.getpid())], live.account("x/x-1"))

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
    live.sees({"acme": entry})
    put = live.account("acme/acme-3")

    note = restart_note(live.books, [began], put)

    assert applies(live.books, [began], put) == "after-restart"
    assert note is not None
    assert note.why == (
        f"restart opencode serve (pid {os.getpid()}) to use acme-3: it goes to another place than"
        " the login they began with"
    )
    # Who began with it, before any login, or with the place that is put back, has it already.
    later = replace(began, started_at=live.clock.now)
    for one, account in (
        (later, put),
        (replace(began, started_at=None), put),
        (replace(began, started_at=live.clock.now - HOUR), put),
        (began, live.account("acme/acme-1")),
    ):
        assert applies(live.books, [one], account) == "next-request"
        assert restart_note(live.books, [one], account) is None


def test_a10_who_has_logged_in_to_that_place_meanwhile_follows(live: Live) -> None:
    """Opencode builds everything anew after a login of its own."""
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    for name in ("c", "d"):
        live.clock.pass_time(minutes=1)
        live.sees({"acme": oauth(name)})

    assert applies(live.books, [began], live.account("acme/acme-4")) == "next-request"


def test_a10_an_account_that_is_gone_tells_nothing(live: Live) -> None:
    began = replace(present(live, os.getpid()), started_at=live.clock.now)
    live.clock.pass_time(minutes=1)
    live.sees({"acme": oauth("c")})
    ledger.remove(live.books, live.account("acme/acme-2"))

    assert applies(live.books, [began], live.account("acme/acme-3")) == "next-request"


def test_b1_nobody_is_told_to_restart_for_a_key_that_a_restart_does_not_change(
    live: Live, opencode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opencode
    monkeypatch.setenv("HOME", str(live.paths.data.parents[2]))
    put = live.account("acme/acme-1")
    file = live.paths.opencode_config / "opencode.json"
    file.parent.mkdir(parents=True)
    before = restart_note(live.books, [], put)
    file.write_text('{"provider": {"acme": {"options": {"apiKey": "KEY-OF-ELSEWHERE"}}}}')

    assert before is not None
    assert restart_note(live.books, [], put) is None


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
