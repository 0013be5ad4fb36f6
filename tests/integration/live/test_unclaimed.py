"""What stood in auth.json and nobody could take in: kept until a person adopts or drops it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import AccountNotFound, LiveFileError, UsageError
from rotator.live import unclaimed
from rotator.live.restore import Rebuilt, rebuild
from rotator.live.swap import SwapRequest, swap
from rotator.live.unclaimed import contents, drop
from rotator.model import AccountState, EventKind
from rotator.opencode.auth.file import LARGEST_BYTES, Torn
from rotator.services import accounts as ledger
from rotator.services.adopt import Adopted, adopt
from rotator.system.locks import swap_lock
from tests.support.household import Household
from tests.support.live import (
    Entry,
    Live,
    api,
    as_opencode,
    kept_aside,
    oauth,
    open_live,
)
from tests.support.rotator_process import Ended, rotator, status
from tests.support.terminal import terminal

A, B, C = "acme/acme-1", "acme/acme-2", "acme/acme-3"
ADA = "named/ada-acme.example"
MAGIC = {"type": "magic", "key": "KEY-CANARY-m"}
# An entry that an older plug-in wrote: opencode refuses it for its expiry.
ODD = oauth("odd") | {"expires": 1.5}


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


def put(live: Live, name: str) -> None:
    swap(live.context, SwapRequest(live.account(name).id, "for the test"))


def rebuilt(live: Live, content: bytes) -> Rebuilt | None:
    """Let auth.json stay torn for good, and write it anew."""
    torn = live.sees(content)
    assert isinstance(torn, Torn)
    with swap_lock(live.paths.swap_lock):
        return rebuild(live.context, torn)


def torn_with(**entries: object) -> bytes:
    """Return a content whose last entry is not finished."""
    return as_opencode({**entries, "last": api("last")})[:-30]


def keep(live: Live, content: bytes, provider: str | None = None) -> int:
    with live.context.store.transaction():
        return live.context.store.keep_unclaimed(content, "for the test", live.clock.now, provider)


# -- what is kept --------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [MAGIC, ODD, [1, "KEY-CANARY"], "KEY-CANARY"])
def test_an_entry_that_nobody_can_read_is_kept_with_its_provider_alone(
    live: Live, entry: object
) -> None:
    live.sees({"acme": entry, "zeta": api("z")})

    put(live, A)

    (kept,) = contents(live.context)
    assert (kept.number, kept.at, kept.provider, kept.logins) == (1, live.clock.now, "acme", ())
    assert [json.loads(content) for content in kept_aside(live)] == [entry]
    assert live.entries() == {"acme": api("a"), "zeta": api("z")}


@pytest.mark.parametrize(
    ("entry", "kept", "told"),
    [(MAGIC, [MAGIC], "it is kept as unclaimed content 1"), (17, [], "is gone from there")],
)
def test_an_entry_that_opencode_left_out_is_kept_if_it_says_something(
    live: Live, entry: object, kept: list[object], told: str
) -> None:
    """Whenever opencode writes an entry it leaves out those that it cannot read."""
    live.sees({"acme": api("b"), "odd": entry})

    live.sees({"acme": api("c")})

    assert [json.loads(content) for content in kept_aside(live)] == kept
    (said,) = [e.why for e in live.events() if e.provider == "odd" and "gone from there" in e.why]
    assert told in said


@pytest.mark.parametrize("entry", [None, {}, [], "", 17])
def test_an_entry_that_says_nothing_is_not_kept(live: Live, entry: object) -> None:
    live.sees({"acme": entry})

    put(live, A)

    assert contents(live.context) == []


def test_an_entry_that_is_kept_already_is_not_kept_again(live: Live) -> None:
    for name in (A, B, A):
        live.sees({"acme": MAGIC})
        put(live, name)

    assert [one.number for one in contents(live.context)] == [1]
    assert [e.provider for e in live.events() if "unclaimed content 1" in e.why] == ["acme"]


def test_an_entry_is_kept_before_its_account_is_taken_out(live: Live) -> None:
    live.sees({"acme": MAGIC})
    only = live.account(B)
    ledger.remove(live.context, live.account(A))

    ledger.remove(live.context, only)

    assert live.entries() == {}
    assert [json.loads(content) for content in kept_aside(live)] == [MAGIC]


def test_an_entry_is_kept_before_a_late_login_takes_its_place(live: Live) -> None:
    """An opencode had auth.json open when it was swapped, and wrote its login just after."""
    live.sees({"acme": api("b"), "odd": MAGIC})
    with live.file.open("r+b") as late:
        put(live, A)
        late.truncate(0)
        late.write(as_opencode({"acme": api("b"), "odd": api("o")}))

    live.look()

    assert live.entries() == {"acme": api("a"), "odd": api("o")}
    assert [json.loads(content) for content in kept_aside(live)] == [MAGIC]


def test_entries_are_never_counted_out(live: Live) -> None:
    """Twenty once was all that was kept: the oldest went, whatever was in them."""
    for number in range(60):
        live.sees({"acme": MAGIC | {"key": f"KEY-CANARY-{number}"}})
        put(live, A)

    assert [one.number for one in contents(live.context)] == list(range(1, 61))


def test_of_two_entries_of_one_name_the_hidden_one_is_kept(live: Live) -> None:
    """Opencode takes the last one, and drops the others when it writes."""
    hidden = json.dumps(api("hidden"))

    live.sees(f'{{"acme": {hidden}, "acme": {json.dumps(api("b"))}}}'.encode())

    (kept,) = contents(live.context)
    assert (kept.provider, kept.logins) == ("acme", ("acme",))
    assert kept_aside(live) == [hidden.encode()]


def test_a_hidden_entry_of_a_name_that_is_no_text_is_kept_with_its_name(live: Live) -> None:
    content = b'{"\\ud800": {"key": "KEY-CANARY-1"}, "\\ud800": {"key": "KEY-CANARY-2"}}'

    live.sees(content)
    live.sees(content + b" ")

    assert kept_aside(live) == [b'{"\\ud800": {"key": "KEY-CANARY-1"}}']
    assert contents(live.context)[0].logins == ()


def test_a_hidden_entry_that_is_saved_is_not_kept(live: Live) -> None:
    live.sees(f'{{"acme": {json.dumps(api("a"))}, "acme": {json.dumps(api("b"))}}}'.encode())

    assert contents(live.context) == []


# -- what is not kept of a torn file ---------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(b"\0" * 300, id="NUL bytes"),
        pytest.param(b"{\n", id="a brace"),
        pytest.param(as_opencode({"acme": api("b")})[:-9], id="a beginning of the last one"),
        pytest.param(as_opencode({"acme": api("a")})[:-2], id="a saved entry"),
        pytest.param(as_opencode({"acme": api("a")})[:-12], id="a beginning of a saved entry"),
        pytest.param(as_opencode({"acme": api("b")}) + b"\n}", id="a stray brace"),
    ],
)
def test_torn_bytes_that_hold_nothing_new_are_not_kept(live: Live, content: bytes) -> None:
    done = rebuilt(live, content)

    assert done is not None
    assert (done.kept, contents(live.context)) == (None, [])
    assert live.entries() == {"acme": api("b")}
    assert "unclaimed" not in live.events()[-1].why


@pytest.mark.parametrize(
    ("content", "logins"),
    [
        pytest.param(torn_with(zeta=api("z")), ("zeta",), id="a login that was complete"),
        pytest.param(as_opencode({"zeta": api("z")})[:-9], (), id="one that was not"),
        pytest.param(torn_with(acme=MAGIC), (), id="an entry that nobody can read"),
        pytest.param(b"KEY-CANARY-x", (), id="no JSON at all"),
        pytest.param(b'{"acme": "\xff', (), id="no text"),
    ],
)
def test_torn_bytes_that_hold_something_new_are_kept_whole(
    live: Live, content: bytes, logins: tuple[str, ...]
) -> None:
    done = rebuilt(live, content)

    assert done is not None
    assert done.kept is not None
    assert (done.kept.logins, kept_aside(live)) == (logins, [content])
    assert "unclaimed content 1" in live.events()[-1].why


def test_bytes_of_a_file_that_changed_meanwhile_are_not_kept(live: Live) -> None:
    torn = live.sees(torn_with(zeta=api("z")))
    assert isinstance(torn, Torn)
    live.write({"acme": api("b"), "zeta": api("z")})

    with swap_lock(live.paths.swap_lock):
        assert rebuild(live.context, torn) is None

    assert contents(live.context) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8"])
def test_what_opencode_takes_for_empty_is_kept_and_not_written_over(
    live: Live, encoding: str
) -> None:
    """Its next login would be all that is left of the file."""
    text = json.dumps({"acme": api("a"), "zeta": api("z")})
    content = ("\ufeff\ufeff" if encoding == "utf-8" else "").encode() + text.encode(encoding)
    reading = live.sees(content)
    assert isinstance(reading, Torn)
    assert reading.lasting

    for _ in range(2):
        with (
            swap_lock(live.paths.swap_lock),
            pytest.raises(LiveFileError, match="cannot be changed"),
        ):
            rebuild(live.context, reading)

    assert live.file.read_bytes() == content
    (kept,) = contents(live.context)
    assert kept.logins == ("acme", "zeta")
    told = [event.why for event in live.events() if "may write over it" in event.why]
    assert len(told) == 1
    assert "KEY-CANARY" not in str(told)
    adopt(live.context, kept.number)
    ledger.remove(live.context, live.account("zeta/zeta-1"))
    assert not any(b"KEY-CANARY-z" in one for one in kept_aside(live))


def test_it_is_kept_only_for_what_is_saved_nowhere(live: Live) -> None:
    reading = live.sees(live.file.read_text().encode("utf-16"))
    assert isinstance(reading, Torn)

    with swap_lock(live.paths.swap_lock), pytest.raises(LiveFileError, match="UTF-16"):
        rebuild(live.context, reading)

    assert contents(live.context) == []
    assert live.names() == [A, B]


# -- no room -------------------------------------------------------------------------------


def fill(live: Live) -> None:
    """Leave room for less than one more byte of what may be kept."""
    each = LARGEST_BYTES
    for number in range(unclaimed.MOST_BYTES // each):
        keep(live, b"%d" % (number % 10) + b"x" * (each - 2) + b"%d" % (number // 10))


def test_where_there_is_no_room_nothing_is_written_over(live: Live) -> None:
    fill(live)
    live.sees({"acme": MAGIC})

    with pytest.raises(LiveFileError, match="the entry of acme cannot be read") as caught:
        put(live, A)

    assert (caught.value.exit_code, live.entries()) == (6, {"acme": MAGIC})
    assert "adopt or drop some: rotator accounts unclaimed" in str(caught.value.hint)
    assert len(contents(live.context)) == 16


def test_where_there_is_no_room_a_torn_file_stays_torn(live: Live) -> None:
    fill(live)
    content = torn_with(zeta=api("z"))

    with pytest.raises(LiveFileError, match="leave no room"):
        rebuilt(live, content)

    assert live.file.read_bytes() == content


def test_where_there_is_no_room_no_late_login_is_put_over_what_cannot_be_read(live: Live) -> None:
    """It goes in once there is room: its writer had opened the file before a swap."""
    fill(live)
    live.sees({"acme": api("b"), "zeta": MAGIC})
    with live.file.open("r+b") as late:
        put(live, A)
        late.truncate()
        late.write(as_opencode({"acme": api("b"), "zeta": api("y")}))

    with pytest.raises(LiveFileError, match="the entry of zeta cannot be read"):
        live.look()

    assert live.entries() == {"acme": api("a"), "zeta": MAGIC}
    drop(live.context, 3)
    live.look()
    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert json.loads(kept_aside(live)[-1]) == MAGIC


def test_once_one_is_dropped_there_is_room_again(live: Live) -> None:
    fill(live)
    live.sees({"acme": MAGIC})
    drop(live.context, 3)

    put(live, A)

    assert live.entries() == {"acme": api("a")}
    assert contents(live.context)[-1].number == 17


def test_a_hidden_entry_that_finds_no_room_keeps_nobody_from_capturing(live: Live) -> None:
    fill(live)

    live.sees(f'{{"acme": {json.dumps(MAGIC)}, "acme": {json.dumps(api("c"))}}}'.encode())

    assert live.active("acme") == "acme-3"


# -- adopt ---------------------------------------------------------------------------------


def test_complete_logins_become_accounts_and_nobody_is_activated(live: Live) -> None:
    number = keep(live, as_opencode({"acme": api("c"), "zeta": api("z")})[:-2])

    done = adopt(live.context, number)

    assert done == Adopted(number, (C, "zeta/zeta-1"), (), (), dropped=True)
    assert (live.saved(C), live.saved("zeta/zeta-1")) == (api("c"), api("z"))
    assert (live.active("acme"), live.active("zeta")) == ("acme-2", None)
    assert live.entries() == {"acme": api("b")}
    assert contents(live.context) == []


def test_what_was_adopted_is_an_event_each(live: Live) -> None:
    adopt(live.context, keep(live, as_opencode({"acme": api("c")})[:-2]))

    event = live.events()[-1]
    assert (event.kind, event.account) == (EventKind.CAPTURED, C)
    assert event.why == "adopted from unclaimed content 1"


def test_a_new_account_gets_the_name_that_is_asked_for(live: Live) -> None:
    number = keep(live, as_opencode({"acme": api("c"), "named": oauth("ada")})[:-40])

    assert adopt(live.context, number, alias="Spare").saved == ("acme/spare",)


def test_one_name_is_not_given_to_two(live: Live) -> None:
    number = keep(live, as_opencode({"acme": api("c"), "zeta": api("z")})[:-2])

    with pytest.raises(UsageError, match="more than one new login"):
        adopt(live.context, number, alias="spare")

    assert (live.names(), len(contents(live.context))) == ([A, B], 1)


def test_a_name_that_is_taken_is_refused(live: Live) -> None:
    number = keep(live, as_opencode({"acme": api("c")})[:-2])

    with pytest.raises(UsageError, match="already"):
        adopt(live.context, number, alias="acme-1")

    assert len(contents(live.context)) == 1


def test_what_cannot_be_read_stays_until_it_is_dropped(live: Live) -> None:
    number = keep(live, torn_with(acme=api("c")))

    first = adopt(live.context, number)
    again = adopt(live.context, number, drop_rest=True)

    assert (first.saved, first.dropped) == ((C,), False)
    assert (again.known, again.dropped) == ((C,), True)
    assert contents(live.context) == []


def test_a_rest_that_is_the_beginning_of_a_saved_entry_is_nothing_that_stays(live: Live) -> None:
    content = as_opencode({"zeta": api("z"), "acme": api("b")})
    number = keep(live, content[: content.index(b"KEY-CANARY-b") + 5])

    assert adopt(live.context, number).dropped


def test_a_content_without_a_login_is_said_and_kept(live: Live) -> None:
    number = keep(live, json.dumps(MAGIC).encode(), "acme")

    with pytest.raises(UsageError, match="nothing in unclaimed content 1 can be read"):
        adopt(live.context, number)

    assert len(contents(live.context)) == 1


def test_a_content_without_a_login_goes_where_that_is_asked_for(live: Live) -> None:
    number = keep(live, json.dumps(MAGIC).encode(), "acme")

    assert adopt(live.context, number, drop_rest=True) == Adopted(number, (), (), (), dropped=True)


def test_an_entry_that_was_kept_alone_is_adopted_once_it_can_be_read(live: Live) -> None:
    """By a later version of this program, for one."""
    number = keep(live, json.dumps(api("c")).encode(), "acme")

    assert adopt(live.context, number).saved == (C,)


def test_what_an_account_has_already_renews_and_enables_nothing(live: Live) -> None:
    ledger.disable(live.context, live.account(A))
    number = keep(live, as_opencode({"acme": api("a")})[:-2])

    done = adopt(live.context, number)

    assert (done.known, live.state_of(A)) == ((A,), AccountState.DISABLED)


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param(oauth("ada", 1), id="a pair that is spent"),
        pytest.param(
            oauth("ada", 7, left=timedelta(minutes=50)), id="an unknown one that is older"
        ),
        pytest.param(oauth("ada", 7) | {"refresh": "REF-CANARY-ada-1"}, id="half of a spent pair"),
    ],
)
def test_nothing_older_ever_takes_the_place_of_an_account_s_tokens(
    live: Live, offered: Entry
) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("ada", 2)})
    number = keep(live, as_opencode({"named": offered})[:-2])

    done = adopt(live.context, number)

    assert (done.known, done.renewed) == ((ADA,), ())
    assert live.saved(ADA) == live.entries()["named"] == oauth("ada", 2)


def test_newer_tokens_of_a_parked_account_are_taken_and_it_stays_parked(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob", 1)})
    before = live.entries()
    number = keep(live, as_opencode({"named": oauth("ada", 2, left=timedelta(hours=2))})[:-2])

    done = adopt(live.context, number)

    assert (done.renewed, live.saved(ADA)["refresh"]) == ((ADA,), "REF-CANARY-ada-2")
    assert live.entries() == before
    assert live.kinds()[-1] is EventKind.REFRESHED


def test_newer_tokens_of_the_live_account_go_into_auth_json(live: Live) -> None:
    """A refresh that was torn: what was written anew is spent."""
    live.sees({"named": oauth("ada", 1)})
    newer = oauth("ada", 2, left=timedelta(hours=2))
    content = as_opencode({"named": newer})[:-2]
    rebuilt(live, content)
    before = live.entries()["named"]

    done = adopt(live.context, contents(live.context)[0].number)

    assert (before, done.renewed) == (oauth("ada", 1), (ADA,))
    assert live.entries()["named"] == newer


def test_adopted_tokens_are_not_put_over_a_login_that_nobody_has_seen_yet(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    number = keep(live, as_opencode({"named": oauth("ada", 2, left=timedelta(hours=2))}))
    live.write({"named": oauth("cem")})

    adopt(live.context, number)

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert live.entries()["named"] == oauth("cem")


def test_newer_tokens_lift_a_rejection(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    with live.context.store.transaction():
        live.context.store.set_rejected(live.account(ADA).id, "401, login no longer accepted")

    adopt(live.context, keep(live, as_opencode({"named": oauth("ada", 2)})[:-2]))

    assert live.state_of(ADA) is AccountState.READY


def test_the_login_of_an_account_that_was_removed_is_not_left_in_a_content(live: Live) -> None:
    number = keep(live, torn_with(acme=api("a")))

    ledger.remove(live.context, live.account(A))

    assert b"KEY-CANARY-a" not in kept_aside(live)[0]
    assert contents(live.context)[0].logins == ()
    with pytest.raises(UsageError, match="can be read as a login"):
        adopt(live.context, number)


# -- drop ----------------------------------------------------------------------------------


def test_dropping_forgets_it_for_ever(live: Live) -> None:
    number = keep(live, b"KEY-CANARY-gone")

    drop(live.context, number)

    assert kept_aside(live) == []
    assert b"KEY-CANARY-gone" not in live.paths.store.read_bytes()
    assert live.events()[-1].why == "unclaimed content 1 was dropped by you"


@pytest.mark.parametrize("act", [drop, adopt])
def test_a_number_that_is_not_there_is_said(live: Live, act: Any) -> None:
    with pytest.raises(AccountNotFound, match="no unclaimed content 7") as caught:
        act(live.context, 7)

    assert caught.value.exit_code == 3


# -- the commands --------------------------------------------------------------------------


@pytest.fixture
def house(home: Path) -> Household:
    """One key of acme is live, and two contents are unclaimed."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        keep(live, torn_with(acme=api("b"), zeta=api("z")))
        keep(live, json.dumps(MAGIC).encode(), "acme")
    return Household(home)


def test_the_accounts_are_followed_by_what_is_unclaimed(house: Household) -> None:
    lines = rotator(house, "accounts").stdout.splitlines()

    assert lines[0].startswith("* acme/acme-1")
    assert "rotator accounts adopt NUMBER" in lines[1]
    first, second = ([cell.strip() for cell in line.split("  ") if cell] for line in lines[2:])
    assert (first[0], first[2], first[-2:]) == (
        "1",
        "auth.json",
        ["2 logins to read", "for the test"],
    )
    assert (second[0], second[2], second[-2:]) == (
        "2",
        "acme",
        ["no logins to read", "for the test"],
    )


def test_what_is_unclaimed_is_listed_alone_too(house: Household) -> None:
    listed = rotator(house, "accounts", "unclaimed")

    assert listed.stdout.splitlines() == rotator(house, "accounts").stdout.splitlines()[1:]


def test_what_is_unclaimed_is_as_the_contract_has_it(house: Household) -> None:
    found = rotator(house, "accounts", "--json").json()["unclaimed"]

    assert found == rotator(house, "accounts", "unclaimed", "--json").json()["unclaimed"]
    torn = len(torn_with(acme=api("b"), zeta=api("z")))
    magic = len(json.dumps(MAGIC))
    assert [tuple(one.items()) for one in found] == [
        (
            ("number", 1),
            ("at", "2026-11-22T12:00:00.000Z"),
            ("provider", None),
            ("why", "for the test"),
            ("bytes", torn),
            ("logins", ["acme", "zeta"]),
        ),
        (
            ("number", 2),
            ("at", "2026-11-22T12:00:00.000Z"),
            ("provider", "acme"),
            ("why", "for the test"),
            ("bytes", magic),
            ("logins", []),
        ),
    ]


def test_with_nothing_unclaimed_that_is_said(home: Path) -> None:
    assert rotator(Household(home), "accounts", "unclaimed").stdout == "nothing is unclaimed\n"


def test_status_names_what_is_unclaimed_and_the_command(house: Household) -> None:
    before = status(house)["problems"]
    rotator(house, "accounts", "drop", "2", "--yes")

    after = status(house)["problems"]

    assert "2 contents of auth.json are unclaimed: rotator accounts unclaimed" in before
    assert "1 content of auth.json is unclaimed: rotator accounts unclaimed" in after


def test_adopting_says_what_was_saved_and_what_stays(house: Household) -> None:
    told = rotator(house, "accounts", "adopt", "1").stdout.splitlines()

    assert told[:2] == ["acme/acme-2 saved", "zeta/zeta-1 saved"]
    assert "cannot be read and stays; rotator accounts drop 1 deletes it" in told[2]


def test_adopting_with_json_says_the_same(house: Household) -> None:
    told = rotator(house, "accounts", "adopt", "1", "--drop-rest", "--json").json()

    assert told == {
        "schema": 1,
        "done": "adopted",
        "number": 1,
        "saved": ["acme/acme-2", "zeta/zeta-1"],
        "renewed": [],
        "known": [],
        "dropped": True,
    }


def test_adopting_the_rest_says_that_it_is_gone(house: Household) -> None:
    told = rotator(house, "accounts", "adopt", "1", "--drop-rest").stdout.splitlines()

    assert told[-1] == "unclaimed content 1 is gone"


def failure(ended: Ended) -> tuple[int, str]:
    error = ended.json()["error"]
    assert error["exit"] == ended.code
    return ended.code, error["hint"]


def test_what_is_not_there_and_what_was_not_confirmed_are_told_apart(house: Household) -> None:
    for command in ("adopt", "drop"):
        ended = rotator(house, "accounts", command, "9", "--json")

        assert failure(ended) == (3, "rotator accounts unclaimed lists them")
    assert failure(rotator(house, "accounts", "drop", "1", "--json")) == (2, "add --yes")
    assert len(rotator(house, "accounts", "unclaimed", "--json").json()["unclaimed"]) == 2


@pytest.mark.parametrize("drop_rest", [False, True])
def test_what_is_dropped_leaves_every_byte_of_the_data_folder(
    live: Live, *, drop_rest: bool
) -> None:
    number = keep(live, b'{"acme": {"type": "magic", "key": "KEY-CANARY-gone"}')

    if drop_rest:
        adopt(live.context, number, drop_rest=True)
    else:
        drop(live.context, number)

    folder = live.paths.data
    held = [
        p.name for p in folder.rglob("*") if p.is_file() and b"KEY-CANARY-gone" in p.read_bytes()
    ]
    assert held == []


def test_dropping_is_done_with_yes(house: Household) -> None:
    assert (
        rotator(house, "accounts", "drop", "1", "--yes").stdout == "unclaimed content 1 is gone\n"
    )
    assert rotator(house, "accounts", "drop", "2", "--yes", "--json").json() == {
        "schema": 1,
        "done": "dropped",
        "number": 2,
    }


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 130, 2), ("y", 0, 1)])
def test_at_a_terminal_dropping_is_asked_for(
    house: Household, answer: str, code: int, left: int
) -> None:
    command = [sys.executable, "-m", "rotator", "accounts", "drop", "1"]
    with terminal(command, env=house.env(), cwd=house.home) as person:
        person.wait_for_text("Drop unclaimed content 1? What is in it is deleted [y/N]")
        person.type(f"{answer}\n")
        ended = person.wait_for_end()

    listed = rotator(house, "accounts", "unclaimed", "--json").json()["unclaimed"]
    assert (ended, len(listed)) == (code, left)
