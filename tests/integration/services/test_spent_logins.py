"""A refresh token that a bridge saw exchanged is never sent again and never put in, by any way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.clock import to_iso
from rotator.core.logins.refresh_policy import HANDS_OFF
from rotator.core.logins.spent_tokens import SAVED_WITHIN
from rotator.errors import NothingToRotateTo
from rotator.live.swap import SwapRequest, swap
from rotator.live.unclaimed import keep
from rotator.model import (
    SPENT_ELSEWHERE,
    AccountState,
    Event,
    EventKind,
    Finding,
    Meaning,
    Signal,
    Source,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services.adopt import adopt
from rotator.services.failover import carry_out
from rotator.services.refresh import begin, ensure_fresh
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.spent_logins import STILL_LIVE, reject_spent
from rotator.services.status import read_status
from rotator.services.sync import sync
from rotator.tui.jobs.undo import Removed, UndoHistory
from tests.support.descents import seen_login, seen_refresh, write
from tests.support.live import NOON, Entry, Live, oauth_until, open_live
from tests.support.renewing import RENEWING, Vendor

ADA, BOB, CYD = (f"{RENEWING}/{one}-acme.example" for one in ("ada", "bob", "cyd"))
SPENT = "REF-CANARY-ada-1"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEFT = [pytest.param(-MINUTE, id="run out"), MINUTE, 30 * MINUTE, pytest.param(None, id="endless")]
LIMITED = Finding(Meaning.SHORT_LIMIT, "429, rate limit")


def entry(person: str, generation: int = 1, left: timedelta | None = HOUR) -> Entry:
    """Return a login whose access token has `left` from the test's beginning on."""
    made = oauth_until(person, generation, NOON + 2 * HANDS_OFF + (left or HOUR))
    return {**made, "accountId": person, **({"expires": 0} if left is None else {})}


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def live(home: Path, vendor: Vendor) -> Iterator[Live]:
    """Return a context of nobody yet."""
    with open_live(home, registry=vendor.registry()) as live:
        yield live


def park(live: Live, left: timedelta | None = HOUR, *others: str) -> None:
    """Let ada's login be parked and others come after it, the last of them live."""
    live.sees({RENEWING: entry("ada", left=left)})
    for one in others or ("bob",):
        live.sees({RENEWING: entry(one, left=5 * HOUR)})
    live.clock.pass_time(seconds=2 * HANDS_OFF.total_seconds())


def exchange(live: Live, left: timedelta | None = HOUR) -> None:
    """Let a bridge have seen ada's refresh token exchanged, by whoever keeps what came for it."""
    seen_refresh(live, entry("ada", left=left), entry("ada", 2, 2 * HOUR))


def spend(live: Live, left: timedelta | None = HOUR) -> None:
    """Do the same, and let a command have looked since."""
    exchange(live, left)
    sync(live.context)


def is_untouched(live: Live, vendor: Vendor) -> bool:
    """Tell whether the spent token was neither sent nor put into auth.json."""
    return SPENT not in vendor.asked and SPENT not in live.file.read_text()


def told(live: Live) -> list[Event]:
    return [one for one in live.events() if one.kind is EventKind.REJECTED]


def refused(live: Live, name: str) -> Signal:
    digest = live.account(name).credential.digest
    return Signal("s-1", live.clock.now, RENEWING, Source.BRIDGE, digest, tried=(digest,))


# -- a parked one is neither sent nor put in -----------------------------------------------


@pytest.mark.parametrize("left", LEFT)
def test_nobody_rotates_to_it_by_name(live: Live, vendor: Vendor, left: timedelta | None) -> None:
    park(live, left)
    spend(live, left)

    with pytest.raises(NothingToRotateTo, match="needs a new login: its refresh token was exch"):
        rotate(
            live.context, plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
        )

    assert is_untouched(live, vendor)


@pytest.mark.parametrize("left", LEFT)
def test_it_is_not_the_last_choice_either(
    live: Live, vendor: Vendor, left: timedelta | None
) -> None:
    park(live, left)
    spend(live, left)

    with pytest.raises(NothingToRotateTo):
        rotate(live.context, plan_rotation(live.state, RENEWING, None, live.clock.now))
    carry_out(live.context, refused(live, BOB), LIMITED, answer=lambda _: None)

    assert is_untouched(live, vendor)
    assert live.active(RENEWING) == "bob-acme.example"


def test_whoever_is_ready_takes_over_in_its_place(live: Live, vendor: Vendor) -> None:
    park(live, HOUR, "cyd", "bob")
    spend(live)

    carry_out(live.context, refused(live, BOB), LIMITED, answer=lambda _: None)

    assert live.active(RENEWING) == "cyd-acme.example"
    assert "ada-acme.example is rejected (its refresh token" in live.events()[-1].why
    assert is_untouched(live, vendor)


@pytest.mark.parametrize("left", LEFT)
def test_it_is_told_once_that_it_needs_a_login(live: Live, left: timedelta | None) -> None:
    park(live, left)
    spend(live, left)
    sync(live.context)

    (event,) = told(live)
    assert (event.account, event.why) == (ADA, f"{SPENT_ELSEWHERE}; it needs a login")
    assert live.state_of(ADA) is AccountState.REJECTED


def test_one_that_was_logged_out_is_not_put_in_by_its_name(live: Live, vendor: Vendor) -> None:
    live.sees({RENEWING: entry("ada")})
    live.sees({})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(minutes=5)
    spend(live)

    with pytest.raises(NothingToRotateTo, match="needs a new login"):
        plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)

    assert is_untouched(live, vendor)


@pytest.mark.parametrize("wish", [ledger.disable, ledger.remove])
def test_it_follows_nobody_who_is_disabled_or_removed(
    live: Live, vendor: Vendor, wish: Callable[..., object]
) -> None:
    park(live)
    spend(live)

    wish(live.context, live.account(BOB))

    assert is_untouched(live, vendor)


# -- what a bridge has told and nobody has taken in yet ------------------------------------


def test_the_last_gate_before_the_vendor_asks_what_bridges_have_told(
    live: Live, vendor: Vendor
) -> None:
    park(live, -MINUTE)
    exchange(live, -MINUTE)

    ensure_fresh(live.context, live.account(ADA))

    assert begin(live.context, live.account(ADA).id) == (
        f"ada-acme.example needs a login: {SPENT_ELSEWHERE}"
    )
    assert (vendor.asked, live.state.refreshes) == ([], {})


def test_the_last_gate_before_auth_json_asks_it_too(live: Live, vendor: Vendor) -> None:
    park(live)
    exchange(live)

    with pytest.raises(NothingToRotateTo, match="needs a new login"):
        swap(live.context, SwapRequest(live.account(ADA).id, "for the test"))

    assert is_untouched(live, vendor)


@pytest.mark.parametrize("left", [-MINUTE, HOUR])
def test_a_rotation_that_meets_it_there_goes_on_to_the_next_one(
    live: Live, vendor: Vendor, left: timedelta
) -> None:
    park(live, left, "cyd", "bob")
    plan = plan_rotation(live.state, RENEWING, None, live.clock.now)
    plan = replace(plan, to=live.account(ADA))
    exchange(live, left)

    done = rotate(live.context, plan)

    assert done.put.alias == "cyd-acme.example"
    assert is_untouched(live, vendor)


def test_a_rotation_to_it_by_name_says_why_it_was_not_made(live: Live, vendor: Vendor) -> None:
    park(live, HOUR, "cyd", "bob")
    plan = plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
    exchange(live)

    with pytest.raises(NothingToRotateTo, match="needs a new login"):
        rotate(live.context, plan)

    assert is_untouched(live, vendor)


@pytest.mark.parametrize("left", [-MINUTE, HOUR])
def test_a_failover_that_meets_it_there_goes_on_to_the_next_one(
    live: Live, vendor: Vendor, left: timedelta
) -> None:
    park(live, left, "cyd", "bob")
    ledger.disable(live.context, live.account(CYD))
    asked = refused(live, BOB)
    exchange(live, left)
    ledger.enable(live.context, live.account(CYD))

    carry_out(live.context, asked, LIMITED, answer=lambda _: None)

    assert live.active(RENEWING) == "cyd-acme.example"
    assert is_untouched(live, vendor)


# -- whoever brings it back ----------------------------------------------------------------


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("activate", [True, False])
def test_a_copy_of_it_that_is_added_is_saved_and_not_put_in(
    live: Live, vendor: Vendor, left: timedelta | None, *, activate: bool
) -> None:
    live.sees({RENEWING: entry("bob", left=5 * HOUR)} if activate else {})
    live.clock.pass_time(seconds=2 * HANDS_OFF.total_seconds())
    spend(live, left)
    copy = parse_entry(RENEWING, Secret(json.dumps(entry("ada", left=left))))

    done = ledger.add(live.context, RENEWING, copy, alias=None, activate=activate)

    assert done.note == f"it needs a login: {SPENT_ELSEWHERE}"
    assert live.state_of(ADA) is AccountState.REJECTED
    assert SPENT not in vendor.asked
    assert not live.file.exists() or SPENT not in live.file.read_text()


def test_one_that_is_added_beside_a_live_one_says_what_it_needs(live: Live) -> None:
    live.sees({RENEWING: entry("bob")})
    spend(live)
    copy = parse_entry(RENEWING, Secret(json.dumps(entry("ada"))))

    done = ledger.add(live.context, RENEWING, copy, alias=None, activate=False)

    assert done.note == f"it needs a login: {SPENT_ELSEWHERE}"


@pytest.mark.parametrize("left", [-MINUTE, HOUR])
def test_one_that_is_added_while_a_bridge_tells_of_it_is_not_put_in(
    live: Live, vendor: Vendor, left: timedelta
) -> None:
    live.sees({RENEWING: entry("bob")})
    exchange(live, left)
    copy = parse_entry(RENEWING, Secret(json.dumps(entry("ada", left=left))))

    done = ledger.add(live.context, RENEWING, copy, alias=None, activate=True)

    assert done.note == f"it needs a login: {SPENT_ELSEWHERE}"
    assert is_untouched(live, vendor)


def test_one_that_is_saved_already_stays_as_it_is_when_it_is_added_again(
    live: Live, vendor: Vendor
) -> None:
    park(live)
    spend(live)
    copy = parse_entry(RENEWING, Secret(json.dumps(entry("ada"))))

    done = ledger.add(live.context, RENEWING, copy, alias=None, activate=True)

    assert done.note == f"it was saved already, as {ADA}; it needs a login: {SPENT_ELSEWHERE}"
    assert is_untouched(live, vendor)


def test_a_removal_that_is_taken_back_puts_it_in_no_more(live: Live, vendor: Vendor) -> None:
    live.sees({RENEWING: entry("ada", left=-MINUTE)})
    account, undo = live.account(ADA), UndoHistory()
    token = undo.keep(Removed(account, was_live=True, until=live.clock.now + HOUR), "").token
    ledger.remove(live.context, account)
    spend(live, -MINUTE)

    says, _ = undo.take_back(live.context, token)

    assert says == f"{ADA} is back; it needs a login: {SPENT_ELSEWHERE}"
    assert is_untouched(live, vendor)


def test_what_is_adopted_takes_the_place_of_no_login_that_works(live: Live) -> None:
    live.sees({RENEWING: entry("ada", 7, MINUTE)})
    spend(live)
    content = json.dumps({RENEWING: entry("ada")}).encode()
    number = keep(live.context, content, "for the test").number

    adopted = adopt(live.context, number)

    assert (adopted.renewed, adopted.known) == ((), (ADA,))
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-7"


def test_of_two_accounts_that_are_merged_the_one_that_works_is_kept(live: Live) -> None:
    live.sees({RENEWING: {**entry("bob", left=MINUTE), "accountId": "x"}})
    live.sees({RENEWING: {**entry("ada", left=5 * HOUR), "accountId": "y"}})
    live.sees({RENEWING: entry("cyd")})
    live.clock.pass_time(minutes=3)
    exchange(live)
    live.look()

    ledger.merge(live.context, live.account(ADA), live.account(BOB))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-bob-1"


# -- the live one --------------------------------------------------------------------------


def test_the_live_one_is_left_where_it_is_and_told_of(live: Live, vendor: Vendor) -> None:
    live.sees({RENEWING: entry("ada")})
    exchange(live)
    live.clock.pass_time(seconds=SAVED_WITHIN.total_seconds())

    sync(live.context)
    sync(live.context)

    assert [one.why for one in told(live)] == [f"{SPENT_ELSEWHERE}; it needs a login; {STILL_LIVE}"]
    assert live.state_of(ADA) is AccountState.REJECTED
    assert (
        f"{ADA} is live and needs a login: {SPENT_ELSEWHERE}; {STILL_LIVE}"
        in read_status(live.context).problems
    )
    assert live.entries() == {RENEWING: entry("ada")}
    assert vendor.asked == []


def test_the_live_one_may_be_about_to_get_what_came_for_its_token(live: Live) -> None:
    live.sees({RENEWING: entry("ada")})
    exchange(live)

    sync(live.context)
    assert live.state_of(ADA) is AccountState.READY
    assert live.active(RENEWING) == "ada-acme.example"
    live.sees({RENEWING: entry("ada", 2, 2 * HOUR)})
    live.clock.pass_time(minutes=10)
    sync(live.context)

    assert told(live) == []
    assert live.state_of(ADA) is AccountState.READY
    assert not any("needs a login" in one for one in read_status(live.context).problems)


def test_one_that_has_just_left_auth_json_is_not_given_up_yet(live: Live) -> None:
    live.sees({RENEWING: entry("ada")})
    live.sees({RENEWING: entry("bob")})
    spend(live)

    assert told(live) == []

    live.clock.pass_time(seconds=HANDS_OFF.total_seconds())
    sync(live.context)

    assert [one.account for one in told(live)] == [ADA]


@pytest.mark.parametrize("torn", [b'{"renewing": {"type": "oauth", "ref', None])
def test_while_auth_json_says_nothing_the_live_one_is_not_given_up(
    live: Live, torn: bytes | None
) -> None:
    live.sees({RENEWING: entry("ada")})
    exchange(live)
    live.clock.pass_time(hours=3)
    live.file.unlink()
    if torn is not None:
        live.file.write_bytes(torn)

    sync(live.context)

    assert told(live) == []

    live.sees({RENEWING: entry("ada", 2, 9 * HOUR)})
    sync(live.context)

    assert told(live) == []
    assert live.state_of(ADA) is AccountState.READY


def test_a_copy_of_it_that_somebody_puts_into_auth_json_is_told_of(live: Live) -> None:
    park(live)
    spend(live)
    live.clock.pass_time(minutes=3)

    live.sees({RENEWING: entry("ada")})
    sync(live.context)

    assert [one.why for one in told(live)][-1].endswith(STILL_LIVE)
    assert live.state_of(ADA) is AccountState.REJECTED


# -- what is no exchange, and what ends it -------------------------------------------------


@pytest.mark.parametrize("live_too", [True, False])
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"ok": False}, id="refused"),
        pytest.param({"to": ["a" * 64]}, id="access token alone"),
        pytest.param({"to": [None, "a" * 64]}, id="kept"),
        pytest.param({"to": [None, "a" * 64, "b" * 64]}, id="kept beside two others"),
    ],
)
def test_an_answer_without_another_refresh_token_spends_none(
    live: Live, vendor: Vendor, fields: dict[str, object], *, live_too: bool
) -> None:
    if live_too:
        live.sees({RENEWING: entry("ada", left=-MINUTE)})
        live.clock.pass_time(minutes=5)
    else:
        park(live, -MINUTE)
    # Where it came from is known: that it is in the answer, too, is nothing new then.
    seen_login(live, entry("ada", left=-MINUTE))
    sent = parse_entry(RENEWING, Secret(json.dumps(entry("ada")))).refresh
    assert sent is not None
    to = fields.get("to", ["a" * 64, "b" * 64])
    told_to = [one or sent.digest() for one in to] if isinstance(to, list) else to
    write(
        live.paths,
        {"grant": "refresh", "from": sent.digest(), "to": ["d" * 64]} | fields | {"to": told_to},
    )
    live.clock.pass_time(minutes=5)

    sync(live.context)

    assert told(live) == []
    assert live.state_of(ADA) is AccountState.READY
    if not live_too:
        ensure_fresh(live.context, live.account(ADA))
        assert vendor.asked == [SPENT]


def test_what_came_for_it_makes_it_ready_however_late(live: Live) -> None:
    park(live)
    spend(live)
    live.clock.pass_time(days=100)
    seen_refresh(live, entry("zed"), entry("zed", 2), at="2027-03-02T12:00:00.000Z")
    sync(live.context)

    fresh = oauth_until("ada", 2, live.clock.now + HOUR)
    live.sees({RENEWING: {**fresh, "accountId": "ada"}})
    sync(live.context)

    assert live.names() == [ADA, BOB]
    assert live.state_of(ADA) is AccountState.READY


def test_a_login_makes_it_ready(live: Live) -> None:
    park(live)
    spend(live)

    new = entry("ada", 9, 2 * HOUR)
    seen_login(live, new)
    live.sees({RENEWING: new})
    sync(live.context)

    assert live.names() == [ADA, BOB]
    assert live.state_of(ADA) is AccountState.READY


def test_what_came_for_it_may_have_been_exchanged_as_well(live: Live, vendor: Vendor) -> None:
    park(live)
    second = entry("ada", 2, 2 * HOUR)
    exchange(live)
    seen_refresh(live, second, entry("ada", 3, 3 * HOUR))
    sync(live.context)

    live.sees({RENEWING: second})
    live.sees({RENEWING: entry("bob", left=5 * HOUR)})
    live.clock.pass_time(minutes=5)
    sync(live.context)

    assert live.state_of(ADA) is AccountState.REJECTED
    live.sees({RENEWING: entry("ada", 3, 3 * HOUR)})
    assert live.state_of(ADA) is AccountState.READY
    assert vendor.asked == []


def test_an_exchange_is_remembered_as_long_as_the_account_has_that_token(
    live: Live, vendor: Vendor
) -> None:
    park(live)
    exchange(live)
    live.look()
    live.clock.pass_time(days=100)
    seen_refresh(live, entry("zed"), entry("zed", 2), at=to_iso(live.clock.now))
    live.look()

    with pytest.raises(NothingToRotateTo, match="needs a new login"):
        plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
    reject_spent(live.context)

    assert is_untouched(live, vendor)
