"""The values: what an account can do now, and how a state answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Digest,
    EventKind,
    HomeName,
    Identity,
    Limit,
    PendingRefresh,
    Signal,
    Slot,
    Snapshot,
    Source,
    State,
    SwapMark,
    Verdict,
    VerdictKind,
)
from tests.support.builders import (
    ACME,
    HOUR,
    NOW,
    SECOND,
    a_limit,
    a_standing,
    a_state,
    an_account,
    api,
    oauth,
    wellknown,
    with_account,
)

COOLING = a_limit(NOW + HOUR, AccountState.COOLING, "rate limit")
USED_UP = a_limit(NOW + HOUR, AccountState.EXHAUSTED, "usage limit")

STATES = [
    pytest.param(an_account(), AccountState.READY, None, None, id="ready"),
    pytest.param(
        an_account(limit=COOLING), AccountState.COOLING, "rate limit", NOW + HOUR, id="cooling"
    ),
    pytest.param(
        an_account(limit=USED_UP), AccountState.EXHAUSTED, "usage limit", NOW + HOUR, id="exhausted"
    ),
    pytest.param(
        an_account(rejected="dead", limit=USED_UP), AccountState.REJECTED, "dead", None, id="dead"
    ),
    pytest.param(
        an_account(disabled="by you", rejected="dead", limit=USED_UP),
        AccountState.DISABLED,
        "by you",
        None,
        id="disabled",
    ),
]


@pytest.mark.parametrize(("account", "state", "reason", "until"), STATES)
def test_the_first_state_that_holds_counts(
    account: Account, state: AccountState, reason: str | None, until: datetime | None
) -> None:
    found = (account.state_at(NOW), account.reason_at(NOW), account.until_at(NOW))

    assert found == (state, reason, until)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        pytest.param(NOW + HOUR - SECOND, AccountState.COOLING, id="a second before"),
        pytest.param(NOW + HOUR, AccountState.READY, id="at that very moment"),
    ],
)
def test_only_time_ends_a_rest(now: datetime, state: AccountState) -> None:
    """Case 41: no usage figure lifts a limit; it ends when the answer said."""
    assert an_account(limit=COOLING).state_at(now) is state


def test_a_rest_that_is_over_has_no_reason_and_no_end() -> None:
    account = an_account(limit=COOLING)

    assert (account.reason_at(NOW + HOUR), account.until_at(NOW + HOUR)) == (None, None)


def test_an_account_is_named_by_provider_and_alias() -> None:
    assert an_account("work", provider="https://a.example").name == "https://a.example/work"


def test_balancing_is_on_at_first() -> None:
    """Case 36: the reference product begins with balancing off; we begin with it on."""
    assert State().balancing is True


def test_accounts_are_listed_by_alias() -> None:
    b, a, other = an_account("b"), an_account("a"), an_account("0", provider="other")

    assert State(accounts=(b, other, a)).of(ACME) == (a, b)


def test_a_slot_that_was_never_seen_is_empty() -> None:
    assert (State().slot(ACME), State().active(ACME)) == (Slot(ACME), None)


def test_an_account_is_found_by_its_id() -> None:
    a, b = an_account("a"), an_account("b")
    state = a_state(a, b, active=b)

    assert [state.account(a.id), state.active(ACME), state.account(None)] == [a, b, None]


def test_an_account_that_cannot_be_read_is_nobody() -> None:
    state = a_state(an_account())

    assert state.account(AccountId("lost")) is None


def test_a_renamed_account_stays_the_active_one() -> None:
    """Case 18: the active account follows a rename."""
    a = an_account("a")

    state = with_account(a_state(a, active=a), a.id, alias="b")

    assert state.active(ACME) == replace(a, alias="b")


def test_a_credential_is_known_by_the_secret_of_its_requests() -> None:
    digests = [api().digest, oauth().digest, wellknown().digest]

    assert digests == [Digest(c.secret.digest()) for c in (api(), oauth(), wellknown())]


def test_the_words_of_the_contracts_are_these() -> None:
    assert " ".join(VerdictKind) == "ack retry wait pass reroute"
    assert " ".join(kind.value for kind in EventKind) == (
        "captured refreshed swapped failover limited recovered rejected reverted restored"
        " logged-out removed rerouted changed problem"
    )
    assert " ".join(AccountState) == "disabled rejected exhausted cooling ready"


def test_an_account_stands_in_each_home_that_has_it_and_is_live_where_it_is_active() -> None:
    a, b = an_account("a"), an_account("b")
    standings = (a_standing(a, slot="2"), a_standing(b, slot="1", active=True))
    state = replace(a_state(a, b, active=a), standings=standings)

    assert state.homes_of(a) == (HomeName.AUTH_FILE, HomeName.DATABASE)
    assert state.homes_of(b) == (HomeName.DATABASE,)
    assert state.live_in(a) == (HomeName.AUTH_FILE,)
    assert state.live_in(b) == (HomeName.DATABASE,)
    assert [state.active_in(home, ACME) for home in HomeName] == [a, b]
    assert [state.is_used(home, "other") for home in HomeName] == [False, False]
    assert [state.is_used(home, ACME) for home in HomeName] == [True, True]


def test_of_the_places_of_an_account_the_active_one_comes_first() -> None:
    a = an_account("a")
    standings = (a_standing(a, slot="1"), a_standing(a, slot="2", active=True))
    state = replace(a_state(a), standings=standings)

    assert [standing.slot for standing in state.standings_of(a.id)] == ["2", "1"]


def test_what_is_not_said_of_a_value_is_the_usual() -> None:
    signal = Signal("1", NOW, ACME, Source.BRIDGE)
    mark = SwapMark(None, AccountId("a"), NOW, None)

    assert (signal.attempt, signal.aside, signal.waited) == (1, False, False)
    assert Verdict(VerdictKind.PASS).wait_ms == 0
    assert PendingRefresh(AccountId("a"), Digest("0"), NOW).attempts == 1
    assert Limit(AccountState.COOLING, NOW, "429").strikes == 1
    assert (mark.left_expired, mark.rounds) == (False, 0)
    assert (Snapshot(NOW).complete, Snapshot(NOW).spent) == (False, False)


def test_who_somebody_is_does_not_change_with_how_a_vendor_promises_it() -> None:
    assert Identity("ada", by_contract=True, key_before="a") == Identity("ada")
    assert not Identity("ada").by_contract


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (SECOND, AccountState.READY, None),
        (0 * SECOND, AccountState.REJECTED, "its key has run out"),
        (-HOUR, AccountState.REJECTED, "its key has run out"),
    ],
)
def test_a_key_that_has_run_out_needs_a_login(
    left: timedelta, state: AccountState, why: str | None
) -> None:
    account = an_account(credential=replace(api(), ends_at=NOW + left))
    refused = replace(account, rejected="401, dead")

    assert (account.state_at(NOW), account.reason_at(NOW)) == (state, why)
    assert account.has_ended_at(NOW) is (why is not None)
    assert refused.why_login_at(NOW) == "401, dead"
