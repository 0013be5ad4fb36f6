"""An auth.json whose writer was killed before it had filled it, with and without a watcher."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.errors import LiveFileError, LiveFileUnreadable
from rotator.live.capture import capture_missing, rebuild_torn
from rotator.live.restore import REST_SECONDS, Rebuilt, rebuild, rebuild_at_rest
from rotator.live.unclaimed import contents
from rotator.model import EventKind
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.auth.file import Torn, read_live
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.system.locks import swap_lock
from tests.support.faults import Seam
from tests.support.household import Household
from tests.support.live import (
    Entry,
    Live,
    api,
    as_anybody,
    as_opencode,
    kept_aside,
    oauth,
    open_live,
    write_as_opencode,
)
from tests.support.rotator_process import accounts, events, rotator, status, watcher
from tests.support.terminal import terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

A, B = "acme/acme-1", "acme/acme-2"
ADA = "named/ada-acme.example"
WHOLE = {"acme": api("b"), "named": oauth("ada")}
# A login to zeta was complete when its writer was killed, the entry behind it was not.
TORN = as_opencode({**WHOLE, "zeta": api("z"), "last": api("l")})[:-30]


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme and ada were logged in; the second key and ada are live."""
    with open_live(home) as live:
        live.sees(WHOLE | {"acme": api("a")})
        live.sees(WHOLE)
        yield live


@pytest.fixture
def house(live: Live, home: Path) -> Household:
    """Tear auth.json for good."""
    live.write(TORN)
    return Household(home)


def bytes_of(house: Household) -> bytes:
    return house.auth_file.read_bytes()


# -- the command -----------------------------------------------------------------------------


def test_without_yes_a_torn_file_is_left_and_the_way_is_said(house: Household) -> None:
    ended = rotator(house, "rotate", "acme", "--json")

    error = ended.json()["error"]
    assert (ended.code, error["exit"], bytes_of(house)) == (6, 6, TORN)
    assert "rotator rotate PROVIDER --yes writes it anew" in error["hint"]
    assert str(house.auth_file) in error["message"]


def test_at_a_terminal_nothing_is_asked(house: Household) -> None:
    command = [sys.executable, "-m", "rotator", "rotate", "acme"]
    with terminal(command, env=house.env(), cwd=house.home) as person:
        code = person.wait_for_end()

    assert (code, bytes_of(house)) == (6, TORN)


def test_with_yes_it_is_written_anew_and_rotated(house: Household) -> None:
    ended = rotator(house, "rotate", "acme", "--yes")

    assert (ended.code, ended.stderr) == (0, "")
    written, kept, rotated = ended.stdout.splitlines()
    assert written.startswith("auth.json was left half-written (it is not JSON")
    assert kept == "logins in it (zeta) are kept: rotator accounts adopt 1"
    assert rotated.startswith("acme: acme-1 is now live")
    assert house.read_auth() == WHOLE | {"acme": api("a")}


def test_what_was_kept_can_be_adopted(house: Household) -> None:
    rotator(house, "rotate", "acme", "--yes")

    told = rotator(house, "accounts", "adopt", "1", "--drop-rest").stdout.splitlines()

    assert told[0] == "zeta/zeta-1 saved"
    assert rotator(house, "accounts", "unclaimed").stdout == "nothing is unclaimed\n"
    restored = [e["why"] for e in events(house) if e["kind"] == "restored"]
    assert [why.partition("; ")[2].partition("; ")[2] for why in restored] == [
        "what else was in it is unclaimed content 1: rotator accounts unclaimed"
    ]


def test_with_json_it_says_the_same(house: Household) -> None:
    told = rotator(house, "rotate", "acme", "--yes", "--json").json()

    why = told["rebuilt"].pop("why")
    assert told["rebuilt"] == {"unclaimed": 1, "logins": ["zeta"]}
    assert why.startswith("it is not JSON")
    assert (told["from"], told["to"]) == ("acme-2", "acme-1")


def test_what_is_left_without_a_login_is_said_too(house: Household) -> None:
    house.auth_file.write_bytes(as_opencode({"zeta": api("z")})[:-9])

    told = rotator(house, "rotate", "acme", "--yes").stdout.splitlines()

    assert told[1] == "what was in it is unclaimed content 1: rotator accounts unclaimed"


def test_a_whole_file_is_rotated_as_ever(house: Household) -> None:
    house.write_auth(WHOLE)

    told = rotator(house, "rotate", "acme", "--yes", "--json").json()

    assert ("rebuilt" in told, told["to"]) == (False, "acme-1")


def test_a_dry_run_writes_nothing(house: Household) -> None:
    assert rotator(house, "rotate", "acme", "--yes", "--dry-run").code == 0

    assert bytes_of(house) == TORN


def test_the_only_account_is_put_back_though_there_is_no_other(home: Path) -> None:
    with open_live(home) as live:
        content = live.write({"acme": api("a")})
        live.look()
        live.write(content[:20])
    house = Household(home)

    ended = rotator(house, "rotate", "acme", "--yes", "--json")

    assert (ended.code, ended.json()["error"]["exit"]) == (4, 4)
    assert bytes_of(house) == content


@pytest.mark.parametrize(
    ("words", "code"), [(["nobody"], 3), (["acme", "nobody"], 3)], ids=["provider", "alias"]
)
def test_who_is_not_there_is_said_and_nothing_is_written(
    house: Household, words: list[str], code: int
) -> None:
    assert rotator(house, "rotate", *words, "--yes").code == code

    assert bytes_of(house) == TORN


def test_with_several_providers_nothing_is_written_before_one_is_named(
    live: Live, home: Path
) -> None:
    for name in ("y", "z"):
        live.sees(WHOLE | {"zeta": api(name)})
    live.write(TORN)
    house = Household(home)

    assert rotator(house, "rotate", "--yes").code == 2

    assert bytes_of(house) == TORN


def test_every_other_command_that_writes_names_the_way_too(house: Household) -> None:
    ended = rotator(house, "accounts", "add", "acme", "--activate", "--json", given="KEY-CANARY-c")

    assert ended.json()["error"]["exit"] == 6
    assert "rotator rotate PROVIDER --yes" in ended.json()["error"]["hint"]


# -- what is written -------------------------------------------------------------------------


def torn(live: Live, content: bytes = TORN) -> Torn:
    live.write(content)
    reading = live.look()
    assert isinstance(reading, Torn)
    return reading


def rebuilt(live: Live, reading: Torn) -> Rebuilt | None:
    with swap_lock(live.paths.swap_lock):
        return rebuild(live.context, reading)


def test_the_last_whole_content_comes_back_byte_for_byte(live: Live) -> None:
    odd = b'{ "acme" :%b, "odd":{"type":"magic","n":1.0e5},\t"named": %b }\n' % (
        json.dumps(api("b")).encode(),
        json.dumps(oauth("ada")).encode(),
    )
    live.sees(odd)

    rebuilt(live, torn(live))

    assert live.file.read_bytes() == odd
    assert live.look() == read_live(live.file)
    assert (live.active("acme"), live.kinds()[-1]) == ("acme-2", EventKind.RESTORED)


def test_no_spent_token_comes_back(live: Live) -> None:
    """The account got newer tokens while auth.json could not be written."""
    reading = torn(live)
    newer = oauth("ada", 2)
    with pytest.raises(LiveFileUnreadable):
        add(live, "named", newer)

    rebuilt(live, reading)

    assert live.entries() == WHOLE | {"named": newer}
    live.look()
    assert (live.saved(ADA), live.active("named")) == (newer, "ada-acme.example")


def add(live: Live, provider: str, entry: Entry) -> None:
    credential = parse_entry(provider, Secret(json.dumps(entry)))
    ledger.add(live.context, provider, credential, alias=None, activate=False)


def test_an_entry_that_nobody_can_read_comes_back_as_it_was(live: Live) -> None:
    odd = {"type": "magic", "key": "KEY-CANARY-m"}
    live.sees(WHOLE | {"acme": odd})

    rebuilt(live, torn(live))

    assert live.entries() == WHOLE | {"acme": odd}


def test_where_no_whole_one_was_ever_seen_the_accounts_of_the_slots_go_in(live: Live) -> None:
    with live.context.store.transaction():
        live.context.store.set_live(None, live.clock.now)

    rebuilt(live, torn(live))

    assert live.entries() == WHOLE


def test_with_empty_slots_the_account_that_is_rotated_to_goes_in_alone(
    live: Live, home: Path
) -> None:
    live.file.unlink()
    capture_missing(live.context)
    live.write(TORN)
    house = Household(home)

    refused = rebuilt(live, torn(live))
    told = rotator(house, "rotate", "acme", "acme-1", "--yes", "--json").json()

    assert (refused, told["rebuilt"]["unclaimed"]) == (None, 1)
    assert house.read_auth() == {"acme": api("a")}
    assert (told["from"], told["to"]) == (None, "acme-1")
    assert [a["alias"] for a in accounts(house) if a["active"]] == ["acme-1"]


def test_what_cannot_be_written_is_left_and_said(live: Live) -> None:
    reading = torn(live)
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)

    with as_anybody(), pytest.raises(LiveFileError, match="could not be written"):
        rebuilt(live, reading)

    live.file.parent.chmod(0o700)
    assert live.file.read_bytes() == TORN
    assert kept_aside(live) == [TORN]


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_deep(file: Path) -> None:
    file.write_bytes(b'{"a":' * 100_000)


def make_huge(file: Path) -> None:
    file.write_bytes(b'{"a": "' + b"x" * 20_000_000)


@pytest.mark.parametrize("make", [make_folder, make_deep, make_huge])
def test_what_stays_unreadable_is_never_written_over(
    live: Live, make: Callable[[Path], None]
) -> None:
    make(live.file)
    reading = read_live(live.file)
    assert isinstance(reading, Torn)

    with swap_lock(live.paths.swap_lock):
        with pytest.raises(LiveFileUnreadable, match="cannot be changed") as caught:
            rebuild_torn(live.context, reading)
        assert rebuild_at_rest(live.context) is None

    assert "mend it or move it away" in str(caught.value.hint)
    assert read_live(live.file) == reading


# -- when it is written ------------------------------------------------------------------------


def test_a_file_that_is_finished_meanwhile_is_not_written_anew(live: Live) -> None:
    torn(live)
    finish = threading.Timer(0.1, lambda: live.write(WHOLE | {"zeta": api("z")}))
    finish.start()

    done = rebuild_at_rest(live.context, rest_seconds=20)

    finish.join()
    assert done is None
    assert live.entries() == WHOLE | {"zeta": api("z")}


def test_a_change_begins_the_wait_again(live: Live) -> None:
    torn(live)
    longer = TORN + b"  "
    change = threading.Timer(0.2, lambda: live.write(longer))
    change.start()

    done = rebuild_at_rest(live.context, rest_seconds=0.4)

    change.join()
    assert done is not None
    assert kept_aside(live) == [longer]


def test_whoever_waits_until_a_file_rests_leaves_the_processor_to_its_writer(live: Live) -> None:
    torn(live)

    with Seam().watching() as trace:
        done = rebuild_at_rest(live.context, rest_seconds=0.2)

    assert done is not None
    assert any(step.name == "sleep" for step in trace)


def test_a_file_that_never_rests_is_left(live: Live) -> None:
    torn(live)
    stop = threading.Event()

    def scribble() -> None:
        number = 0
        while not stop.wait(0.005):
            number += 1
            write_as_opencode(live.file, b'{"%d' % number)

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        done = rebuild_at_rest(live.context, rest_seconds=0.2, most_seconds=0.6)
    finally:
        stop.set()
        writer.join()

    assert done is None
    assert contents(live.context) == []


def test_a_person_waits_two_seconds_and_a_watcher_ten() -> None:
    assert REST_SECONDS == 2.0


# -- with a watcher ----------------------------------------------------------------------------


def test_a_watcher_writes_it_anew_by_itself_and_loses_no_login(home: Path) -> None:
    house = Household(home)
    with watcher(house):
        house.write_auth(WHOLE)
        wait_until(lambda: len(accounts(house)) == 2, 10, "the logins")
        house.auth_file.write_bytes(TORN)

        wait_until(lambda: bytes_of(house) != TORN, 20, "the file to be written anew")

        assert house.read_auth() == WHOLE
        problems = status(house)["problems"]
        assert "1 content of auth.json is unclaimed: rotator accounts unclaimed" in problems
    told = rotator(house, "accounts", "adopt", "1").stdout.splitlines()
    assert told[0] == "zeta/zeta-1 saved"
