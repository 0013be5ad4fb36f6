"""Two accounts become one: what the user wants of either, and what auth.json holds, stays.

Ada logs in a second time; her vendor says later that it is she again, or the user does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.live.apply_change import LOGGED_OUT
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, AccountState
from rotator.services import accounts as ledger
from tests.integration.scenarios.test_whose_login import ROTATING, kept_of, learn, only, rows, sees
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, oauth_until, open_live

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def logs_in(live: Live, number: int, left: timedelta, *, is_seen: bool = True) -> Entry:
    """Let Ada log in, with or without a bridge that sees it."""
    live.clock.pass_time(minutes=20)
    entry = oauth_until("ada", number, live.clock.now + left)
    if is_seen:
        seen_login(live, entry)
    return sees(live, entry)


def ada(live: Live) -> Account:
    """Return Ada's account, whoever else has one."""
    (account,) = [one for one in live.state.of(ROTATING) if one.identity_key == "ada"]
    return account


def with_bob(live: Live) -> None:
    entry = oauth_until("bob", 1, live.clock.now + 8 * HOUR)
    seen_login(live, entry)
    learn(live, sees(live, entry), "bob")


def is_used(live: Live, account: Account, entry: Entry) -> None:
    """Tell that an account is ready and has those tokens, in auth.json as well."""
    assert account.state_at(live.clock.now) is AccountState.READY
    assert account.credential.secret.reveal() == entry["access"]
    assert live.entries()[ROTATING] == entry
    assert live.active(ROTATING) == account.alias


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("how", ["logged out", "disabled", "parked"])
def test_a_new_login_stays_in_auth_json_whatever_became_of_one_that_lives_longer(
    live: Live, how: str, *, is_seen: bool
) -> None:
    year = logs_in(live, 1, YEAR)
    learn(live, year, "ada")
    if how == "logged out":
        live.sees({})
        assert only(live).disabled == LOGGED_OUT
    else:
        with_bob(live)
    if how == "disabled":
        ledger.disable(live.context, ada(live))
    new = logs_in(live, 2, 8 * HOUR, is_seen=is_seen)

    learn(live, new, "ada")

    is_used(live, ada(live), new)
    assert year["access"] in kept_of(live)


def test_each_login_after_one_that_was_disabled_is_used(live: Live) -> None:
    learn(live, logs_in(live, 1, YEAR), "ada")
    with_bob(live)
    ledger.disable(live.context, ada(live))
    for number in (2, 3, 4):
        new = logs_in(live, number, 8 * HOUR)
        learn(live, new, "ada")
        is_used(live, ada(live), new)


@pytest.mark.parametrize("by", ["the vendor", "the user"])
def test_a_duplicate_that_was_disabled_disables_nothing_else(live: Live, by: str) -> None:
    first = logs_in(live, 1, 6 * HOUR)
    learn(live, first, "ada")
    second = logs_in(live, 2, 8 * HOUR)
    one, two = live.account(f"{ROTATING}/rotating-1"), live.account(f"{ROTATING}/rotating-2")
    ledger.disable(live.context, two)

    if by == "the vendor":
        learn(live, second, "ada")
    else:
        ledger.merge(live.context, one, live.account(two.name))
        live.look()

    is_used(live, only(live), first)
    assert only(live).alias == one.alias
    # Nobody has seen that those are spent.
    assert second["access"] in kept_of(live)


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (None, "work", "work"),
        ("home", None, "home"),
        ("home", "work", "home"),
        (None, None, "rotating-1"),
    ],
)
def test_a_join_keeps_the_name_that_a_person_gave(
    live: Live, first: str | None, second: str | None, left: str
) -> None:
    logins = [logs_in(live, 1, 6 * HOUR), logs_in(live, 2, 8 * HOUR)]
    for alias, to in (("rotating-1", first), ("rotating-2", second)):
        if to is not None:
            ledger.rename(live.context, live.account(f"{ROTATING}/{alias}"), to)

    for login in logins:
        learn(live, login, "ada")

    assert only(live).alias == left
    (joined,) = [event for event in live.events() if "was joined into it" in event.why]
    gone = {"home", "work", "rotating-1", "rotating-2"} - {left}
    assert joined.account == f"{ROTATING}/{left}"
    assert joined.why.split()[0] in gone


def test_two_that_are_both_disabled_are_one_that_is(live: Live) -> None:
    first = logs_in(live, 1, 6 * HOUR)
    learn(live, first, "ada")
    second = logs_in(live, 2, 8 * HOUR)
    with_bob(live)
    for name in ("rotating-1", "rotating-2"):
        ledger.disable(live.context, live.account(f"{ROTATING}/{name}"))

    learn(live, second, "ada")

    assert ada(live).disabled == ledger.BY_USER


def test_of_two_logins_of_one_person_the_one_in_auth_json_stays_there(live: Live) -> None:
    first = logs_in(live, 1, 6 * HOUR)
    learn(live, first, "ada")
    second = logs_in(live, 2, 8 * HOUR)
    account = live.account(f"{ROTATING}/rotating-1")
    swap(live.context, SwapRequest(account.id, "for the test"))

    learn(live, second, "ada")

    is_used(live, only(live), first)
    assert second["access"] in kept_of(live)


def test_tokens_that_are_refused_give_way_though_the_others_are_disabled(live: Live) -> None:
    first = logs_in(live, 1, 6 * HOUR)
    learn(live, first, "ada")
    second = logs_in(live, 2, 8 * HOUR)
    account = live.account(f"{ROTATING}/rotating-1")
    ledger.disable(live.context, live.account(f"{ROTATING}/rotating-2"))
    live.context.store.set_rejected(account.id, "401")

    learn(live, second, "ada")

    is_used(live, only(live), second)


def test_a_login_that_was_disabled_and_refreshed_stays_as_its_newest_tokens_are(
    live: Live,
) -> None:
    """What may be the newer one is not used: that nobody disabled it says nothing."""
    first = sees(live, oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(hours=2)
    second = sees(live, oauth_until("ada", 2, live.clock.now + HOUR))
    older = live.account(f"{ROTATING}/rotating-1")
    assert older.maybe is not None
    ledger.disable(live.context, live.account(f"{ROTATING}/rotating-2"))

    seen_refresh(live, first, second)
    live.look()

    assert rows(live) == [second["access"]]
    assert only(live).disabled == ledger.BY_USER
