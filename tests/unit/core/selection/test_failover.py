"""What the watcher does about a failed request: who is blamed, marked, put in and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from rotator.core.selection.failover import (
    account_of,
    decide,
)
from rotator.core.selection.failover_decision import (
    Decision,
    NoteOverloadSwap,
    Renewal,
    SetLimit,
    SetRejected,
)
from rotator.core.selection.fallback import PASS
from rotator.core.selection.limits import is_ready
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Digest,
    Event,
    EventKind,
    Meaning,
    Reach,
    Scope,
    Signal,
    Source,
    State,
    Tenure,
    Verdict,
    VerdictKind,
)
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_finding,
    a_limit,
    a_signal,
    a_state,
    an_account,
    api,
    carried_out,
    oauth,
    with_account,
    with_slot,
)

A, B, C, D = (an_account(alias) for alias in "abcd")
LIMITS = [Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING]
MOVING = [*LIMITS, Meaning.OVERLOAD, Meaning.LOGIN_DEAD]


def retry(account: Account) -> Verdict:
    return Verdict(VerdictKind.RETRY, account.credential.digest)


def limited(state: State, signal: Signal, until: datetime | None = NOW + HOUR) -> Decision:
    return decide(state, signal, a_finding(Meaning.SHORT_LIMIT, until), NOW)


def overloaded(state: State, signal: Signal, now: datetime = NOW) -> Decision:
    return decide(state, signal, a_finding(Meaning.OVERLOAD), now)


def dead(state: State, signal: Signal, now: datetime = NOW) -> Decision:
    return decide(state, signal, a_finding(Meaning.LOGIN_DEAD, reason="401, dead"), now)


def rested(decision: Decision) -> dict[str, AccountState]:
    """Return the state that the outcome puts each account into that has to rest."""
    return {m.account.alias: m.limit.state for m in decision.updates if isinstance(m, SetLimit)}


def ids(*accounts: Account | None) -> list[AccountId | None]:
    return [account.id if account else None for account in accounts]


def told(decision: Decision) -> list[tuple[EventKind, str | None]]:
    return [(event.kind, event.account) for event in decision.events]


# -- whose failure it is -------------------------------------------------------------------


def test_a_signal_is_about_the_account_whose_digest_it_names_not_the_active_one() -> None:
    state = a_state(A, B, active=B)

    assert account_of(state, a_signal(A)) == A


def test_an_older_credential_names_its_account_too() -> None:
    a = an_account("a", oauth("a", 2))
    state = a_state(a, older=[(a, oauth("a", 1))], active=a)

    assert account_of(state, a_signal(a, credential=oauth("a", 1).digest)) == a


def test_a_digest_that_nobody_knows_blames_nobody() -> None:
    decision = limited(a_state(A, B, active=A), a_signal(A, credential=Digest("0" * 64)))

    assert decision == Decision()


def test_a_digest_of_another_provider_blames_nobody() -> None:
    assert account_of(a_state(A, active=A), a_signal(A, provider="zeta")) is None


def test_a_signal_of_the_bridge_that_names_no_credential_blames_nobody() -> None:
    assert account_of(a_state(A, active=A), a_signal(None)) is None


@pytest.mark.parametrize(
    ("at", "account"),
    [
        pytest.param(NOW - 3 * MINUTE, None, id="before anyone"),
        pytest.param(NOW - 2 * MINUTE, A, id="at the beginning of a tenure"),
        pytest.param(NOW - MINUTE - SECOND, A, id="within it"),
        pytest.param(NOW - MINUTE, B, id="after a swap"),
        pytest.param(NOW, None, id="after a logout"),
    ],
)
def test_a_log_line_is_about_whoever_was_active_at_its_time(
    at: datetime, account: Account | None
) -> None:
    tenures = (
        Tenure(A.id, NOW - 2 * MINUTE),
        Tenure(B.id, NOW - MINUTE),
        Tenure(None, NOW - SECOND),
    )
    state = a_state(A, B, active=B, tenures=tenures)

    assert account_of(state, a_signal(None, source=Source.LOG, at=at)) == account


def test_a_logged_failure_leads_to_a_swap() -> None:
    state = a_state(A, B, active=A)

    decision = limited(state, a_signal(None, source=Source.LOG))

    assert decision.order is not None
    assert decision.order.to == B
    assert rested(decision) == {"a": AccountState.COOLING}


# -- what changes nothing ------------------------------------------------------------------


def test_what_is_not_ours_passes_and_marks_nobody() -> None:
    """Case 28: what does not say that an account is limited marks nobody."""
    decision = decide(a_state(A, B, active=A), a_signal(A), a_finding(Meaning.NOT_OURS), NOW)

    assert decision == Decision(PASS)


@pytest.mark.parametrize("meaning", list(Meaning))
def test_with_one_account_nothing_ever_happens_to_a_request(meaning: Meaning) -> None:
    decision = decide(a_state(A, active=A), a_signal(A), a_finding(meaning), NOW)

    assert (decision.verdict, decision.order) == (PASS, None)


@pytest.mark.parametrize("meaning", MOVING)
def test_with_balancing_off_the_verdict_is_pass_and_nothing_is_swapped(meaning: Meaning) -> None:
    """Case 22: with balancing off there is one attempt and no write of auth.json."""
    state = a_state(A, B, active=A, balancing=False)

    decision = decide(state, a_signal(A), a_finding(meaning), NOW)

    assert (decision.verdict, decision.order) == (PASS, None)


@pytest.mark.parametrize("meaning", [*LIMITS, Meaning.LOGIN_DEAD])
def test_with_balancing_off_the_account_is_marked_all_the_same(meaning: Meaning) -> None:
    """Case 22: with balancing off the account is marked."""
    state = a_state(A, B, active=A, balancing=False)

    decision = decide(state, a_signal(A), a_finding(meaning), NOW)

    assert [
        mark.account for mark in decision.updates if isinstance(mark, SetLimit | SetRejected)
    ] == [A]
    assert len(decision.events) == 1


# -- limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meaning", "state"),
    [
        (Meaning.SHORT_LIMIT, AccountState.COOLING),
        (Meaning.EXHAUSTED, AccountState.EXHAUSTED),
        (Meaning.BILLING, AccountState.EXHAUSTED),
    ],
)
def test_a_limit_makes_the_account_rest_and_another_carry_on(
    meaning: Meaning, state: AccountState
) -> None:
    """Case 20: main is limited, backup is healthy, the request goes on with backup."""
    decision = decide(a_state(A, B, active=A), a_signal(A), a_finding(meaning), NOW)

    assert decision.verdict == retry(B)
    assert decision.order is not None
    assert ids(decision.order.to, decision.order.expected) == [B.id, A.id]
    assert rested(decision) == {"a": state}


def test_the_swap_says_why() -> None:
    finding = a_finding(Meaning.SHORT_LIMIT, NOW + HOUR, "429, rate limit")

    decision = decide(a_state(A, B, active=A), a_signal(A), finding, NOW)

    assert decision.order is not None
    assert decision.order.why == "b is ready; a rests until 2026-11-22 13:00 UTC (429, rate limit)"


def test_a_limit_is_told_once_with_its_reason_and_its_end() -> None:
    finding = a_finding(Meaning.SHORT_LIMIT, NOW + HOUR, "429, rate limit")

    (event,) = decide(a_state(A, B, active=A), a_signal(A), finding, NOW).events

    assert (event.kind, event.account) == (EventKind.LIMITED, "acme/a")
    assert event.why == "429, rate limit; rests until 2026-11-22 13:00 UTC"
    assert event.detail is None


def test_a_limit_of_a_parked_account_moves_nobody() -> None:
    state = a_state(A, B, active=B)

    decision = limited(state, a_signal(A))

    assert (decision.verdict, decision.order) == (retry(B), None)
    assert rested(decision) == {"a": AccountState.COOLING}


def test_a_resting_backup_is_not_asked() -> None:
    """Case 25: a backup that is disabled or cooling is not chosen."""
    b, c = replace(B, limit=a_limit()), replace(C, disabled="by you")

    decision = limited(a_state(A, b, c, D, active=A), a_signal(A))

    assert decision.verdict == retry(D)


def test_nobody_left_says_who_frees_up_first() -> None:
    """Case 53: when all are used up, the event says which account frees up when."""
    state = a_state(A, replace(B, limit=a_limit(NOW + 5 * MINUTE)), active=A)

    decision = limited(state, a_signal(A))

    assert (decision.verdict, decision.order) == (PASS, None)
    assert [event.detail for event in decision.events] == [
        "no other account of acme can take over, b is first at 2026-11-22 12:05 UTC"
    ]


def test_the_account_that_was_just_limited_may_be_the_first_to_be_free() -> None:
    state = a_state(A, replace(B, limit=a_limit(NOW + 2 * HOUR)), active=A)

    decision = limited(state, a_signal(A))

    assert decision.events[0].detail is not None
    assert "a is first at 2026-11-22 13:00 UTC" in decision.events[0].detail


def test_failures_of_a_resting_account_repeat_no_event() -> None:
    state = a_state(replace(A, limit=a_limit()), B, active=B)

    decision = limited(state, a_signal(A))

    assert (decision.updates, decision.events) == ((), ())


def test_a_rest_that_turns_out_longer_is_told_again() -> None:
    """Case 53: what the events say about when an account frees up is what holds."""
    state = a_state(replace(A, limit=a_limit(NOW + MINUTE)), B, active=B)

    decision = limited(state, a_signal(A), NOW + 5 * HOUR)

    assert told(decision) == [(EventKind.LIMITED, "acme/a")]
    assert "2026-11-22 17:00 UTC" in decision.events[0].why


def test_a_limit_of_a_disabled_account_is_told_each_time_it_begins() -> None:
    a = replace(A, disabled="by you", limit=a_limit(NOW - SECOND))

    assert told(limited(a_state(a, active=a), a_signal(a))) == [(EventKind.LIMITED, "acme/a")]


def test_a_swap_to_a_token_that_has_run_out_lets_opencode_refresh_it_first() -> None:
    a = an_account("a", oauth("a"))
    b = an_account("b", oauth("b", expires_at=NOW - HOUR))

    decision = limited(a_state(a, b, active=a), a_signal(a))

    assert decision.verdict == PASS
    assert decision.order is not None
    assert decision.order.to == b
    assert decision.events[0].detail is None


def test_a_token_that_has_run_out_is_not_waited_for_while_a_fresh_one_is_there() -> None:
    a, c = an_account("a", oauth("a")), an_account("c", oauth("c"))
    b = an_account("b", oauth("b", expires_at=NOW - HOUR))

    assert limited(a_state(a, b, c, active=a), a_signal(a)).verdict == retry(c)


def test_only_an_account_for_the_same_place_carries_a_request_on() -> None:
    b = an_account("b", api("b", metadata={"host": "b.example"}))

    decision = limited(a_state(A, b, active=A), a_signal(A))

    assert decision.verdict == PASS
    assert decision.order is not None
    assert decision.order.to == b
    assert "an opencode that is started now uses it" in decision.order.why


# -- many requests and many accounts -------------------------------------------------------


@dataclass
class Request:
    """A request that goes on until it is answered or handed back, as the bridge sends it."""

    account: Account
    tried: tuple[Account, ...] = ()

    def fail(self, state: State, meaning: Meaning = Meaning.SHORT_LIMIT) -> tuple[Decision, State]:
        """Report a failure and note with which account the request goes on."""
        signal = a_signal(self.account, *self.tried)
        decision = decide(state, signal, a_finding(meaning, NOW + HOUR), NOW)
        self.tried = (*self.tried, self.account)
        for account in state.accounts:
            if account.credential.digest == decision.verdict.credential:
                self.account = account
        return decision, carried_out(state, decision, NOW)


@pytest.mark.parametrize("meaning", MOVING)
def test_many_requests_failing_at_once_cause_one_swap(meaning: Meaning) -> None:
    state = a_state(A, B, C, active=A)
    requests = [Request(A) for _ in range(200)]
    orders = []

    for request in requests:
        decision, state = request.fail(state, meaning)
        orders.append(decision.order)

    assert [order.to for order in orders if order] == [B]
    assert {request.account.alias for request in requests} == {"b"}


def test_many_requests_failing_at_once_tell_of_one_limit() -> None:
    state = a_state(A, B, active=A)
    events: list[Event] = []

    for request in [Request(A) for _ in range(200)]:
        decision, state = request.fail(state)
        events += decision.events

    assert [event.kind for event in events] == [EventKind.LIMITED]


def test_each_account_is_tried_once_per_request() -> None:
    """Case 21: four accounts are all limited; each is asked once, then the 429 is returned."""
    state = a_state(A, B, C, D, active=A)
    request = Request(A)
    verdicts = []

    for _ in range(4):
        decision, state = request.fail(state)
        verdicts.append(decision.verdict)

    assert verdicts == [retry(B), retry(C), retry(D), PASS]
    assert [account.alias for account in request.tried] == ["a", "b", "c", "d"]


def test_the_fourth_of_four_accounts_is_reached_when_three_are_limited() -> None:
    """Case 21: unlike the reference product, the healthy fourth account is tried."""
    state = a_state(A, B, C, D, active=A)
    request = Request(A)

    for _ in range(3):
        _, state = request.fail(state)

    assert request.account == D


def test_an_account_that_was_tried_and_is_ready_again_is_not_tried_again() -> None:
    decision = limited(a_state(A, B, active=B), a_signal(B, A))

    assert (decision.verdict, decision.order) == (PASS, None)


def test_an_account_that_was_tried_with_older_tokens_is_not_tried_again() -> None:
    a, b = an_account("a", oauth("a", 2)), an_account("b", oauth("b"))
    state = a_state(a, b, older=[(a, oauth("a", 1))], active=b)
    tried = (oauth("a", 1).digest, b.credential.digest)

    assert limited(state, a_signal(b, tried=tried)).verdict == PASS


def test_what_was_tried_and_is_forgotten_by_now_bars_nobody() -> None:
    signal = a_signal(A, tried=(Digest("0" * 64), A.credential.digest))

    assert limited(a_state(A, B, active=A), signal).verdict == retry(B)


# -- the slot is the user's ----------------------------------------------------------------


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize("meaning", MOVING)
def test_a_slot_left_empty_by_a_logout_stays_empty(meaning: Meaning, source: Source) -> None:
    a = replace(A, disabled="logged out in opencode")
    signal = a_signal(a, source=source)

    decision = decide(a_state(a, B, C), signal, a_finding(meaning), NOW)

    assert (decision.verdict, decision.order) == (PASS, None)


@pytest.mark.parametrize("meaning", MOVING)
@pytest.mark.parametrize(
    "active",
    [
        pytest.param(an_account("b", oauth("b")), id="of another kind"),
        pytest.param(an_account("b", limit=a_limit()), id="that rests, put in by name"),
        pytest.param(an_account("b", disabled="by you"), id="that is disabled, the last one"),
    ],
)
def test_an_account_stays_until_a_signal_about_it(active: Account, meaning: Meaning) -> None:
    decision = decide(a_state(A, active, C, active=active), a_signal(A), a_finding(meaning), NOW)

    assert (decision.verdict, decision.order) == (PASS, None)


# -- trouble at the provider ---------------------------------------------------------------


def test_an_overload_cools_nobody_and_tries_one_other_account() -> None:
    decision = overloaded(a_state(A, B, C, active=A), a_signal(A))

    assert (decision.verdict, decision.updates) == (retry(B), (NoteOverloadSwap(ACME),))
    assert decision.events == ()


def test_a_swap_for_an_overload_says_why() -> None:
    finding = a_finding(Meaning.OVERLOAD, reason="529, trouble at the provider")

    decision = decide(a_state(A, B, active=A), a_signal(A), finding, NOW)

    assert decision.order is not None
    assert decision.order.why == "a: 529, trouble at the provider; b is ready; a just failed"


def test_a_logged_overload_moves_to_another_account() -> None:
    decision = overloaded(a_state(A, B, active=A), a_signal(None, source=Source.LOG))

    assert decision.order is not None
    assert decision.order.to == B


def test_an_overload_of_the_second_account_is_passed_on() -> None:
    assert overloaded(a_state(A, B, C, active=B), a_signal(B, A)) == Decision()


@pytest.mark.parametrize(
    ("ago", "swaps"),
    [
        pytest.param(0 * SECOND, False, id="at once"),
        pytest.param(MINUTE - SECOND, False, id="within the minute"),
        pytest.param(MINUTE, True, id="after a minute"),
        pytest.param(HOUR, True, id="after an hour"),
    ],
)
def test_there_is_one_swap_a_minute_for_overloads(ago: timedelta, *, swaps: bool) -> None:
    state = a_state(A, B, active=A, overload_swap_at=NOW - ago)

    decision = overloaded(state, a_signal(A))

    assert decision == Decision() if not swaps else decision.verdict == retry(B)


def test_within_the_minute_a_request_may_still_follow_the_swap_that_was_made() -> None:
    state = a_state(A, B, active=B, overload_swap_at=NOW - SECOND)

    decision = overloaded(state, a_signal(A))

    assert decision == Decision(retry(B))


def test_the_pause_is_of_one_provider() -> None:
    state = with_slot(a_state(A, B, active=A), "zeta", overload_swap_at=NOW)

    assert overloaded(state, a_signal(A)).verdict == retry(B)


def test_a_limit_within_the_minute_after_an_overload_is_worked_off() -> None:
    state = a_state(A, B, active=A, overload_swap_at=NOW - SECOND)

    assert limited(state, a_signal(A)).verdict == retry(B)


def test_an_overload_with_nobody_left_makes_no_note() -> None:
    assert overloaded(a_state(A, replace(B, limit=a_limit()), active=A), a_signal(A)) == Decision()


# -- dead logins ---------------------------------------------------------------------------


def test_a_dead_login_is_rejected_and_one_other_account_is_tried() -> None:
    decision = dead(a_state(A, B, C, active=A), a_signal(A))

    assert (decision.verdict, decision.updates) == (retry(B), (SetRejected(A, "401, dead"),))
    assert decision.order is not None
    assert decision.order.to == B


def test_a_rejection_is_told_with_what_to_do() -> None:
    (event,) = dead(a_state(A, B, active=A), a_signal(A)).events

    assert (event.kind, event.why) == (EventKind.REJECTED, "401, dead; it needs a login")


def test_the_swap_away_from_a_dead_login_says_why() -> None:
    decision = dead(a_state(A, B, active=A), a_signal(A))

    assert decision.order is not None
    assert decision.order.why == "b is ready; a is rejected (401, dead)"


def test_a_third_account_is_never_tried_for_a_dead_login() -> None:
    decision = dead(a_state(A, B, C, active=B), a_signal(B, A))

    assert (decision.verdict, decision.order) == (PASS, None)
    assert decision.updates == (SetRejected(B, "401, dead"),)


@pytest.mark.parametrize(
    ("ago", "rejects"),
    [
        pytest.param(SECOND, False, id="at once"),
        pytest.param(10 * MINUTE - SECOND, False, id="within ten minutes"),
        pytest.param(10 * MINUTE, True, id="after ten minutes"),
    ],
)
def test_no_second_account_is_rejected_within_ten_minutes(ago: timedelta, *, rejects: bool) -> None:
    a = replace(A, rejected="dead")
    state = a_state(a, B, C, active=B, rejected_at=NOW - ago)

    decision = dead(state, a_signal(B))

    if rejects:
        assert decision.updates == (SetRejected(B, "401, dead"),)
    else:
        assert decision == Decision()


def test_the_ten_minutes_are_of_one_provider() -> None:
    state = with_slot(a_state(A, B, active=A), "zeta", rejected_at=NOW)

    assert dead(state, a_signal(A)).updates == (SetRejected(A, "401, dead"),)


def test_a_vendor_that_refuses_everyone_costs_one_account() -> None:
    state = a_state(A, B, C, D, active=A)

    for request in [Request(A), Request(A), Request(A)]:
        for _ in range(4):
            _, state = request.fail(state, Meaning.LOGIN_DEAD)

    assert [account.alias for account in state.accounts if account.rejected] == ["a"]


def test_requests_of_a_rejected_account_follow_the_swap_without_a_second_mark() -> None:
    a = replace(A, rejected="dead")
    state = a_state(a, B, active=B, rejected_at=NOW - SECOND)

    assert dead(state, a_signal(a)) == Decision(retry(B))


def test_the_refusal_of_older_tokens_does_not_reject_the_newer_login() -> None:
    a, b = an_account("a", oauth("a", 2)), an_account("b", oauth("b"))
    state = a_state(a, b, older=[(a, oauth("a", 1))], active=a)
    late = oauth("a", 1).digest

    assert dead(state, a_signal(a, credential=late, tried=(late,))) == Decision()


def test_a_request_with_older_tokens_follows_a_swap_that_was_made() -> None:
    a, b = an_account("a", oauth("a", 2)), an_account("b", oauth("b"))
    state = a_state(a, b, older=[(a, oauth("a", 1))], active=b)
    late = oauth("a", 1).digest

    assert dead(state, a_signal(a, credential=late, tried=(late,))) == Decision(retry(b))


def test_a_request_with_older_tokens_tries_no_third_account() -> None:
    a, b = an_account("a", oauth("a", 2)), an_account("b", oauth("b"))
    c = an_account("c", oauth("c"))
    state = a_state(a, b, c, older=[(a, oauth("a", 1))], active=c)
    late = oauth("a", 1).digest
    signal = a_signal(a, credential=late, tried=(b.credential.digest, late))

    assert dead(state, signal) == Decision()


def test_a_logged_dead_login_is_rejected_too() -> None:
    state = a_state(A, B, active=A)

    assert dead(state, a_signal(None, source=Source.LOG)).updates == (SetRejected(A, "401, dead"),)


# -- history of another account ------------------------------------------------------------


def test_a_refused_history_blames_nobody_and_is_sent_again_without_it() -> None:
    decision = decide(a_state(A, B, active=B), a_signal(B), a_finding(Meaning.FOREIGN_HISTORY), NOW)

    assert decision == Decision(Verdict(VerdictKind.RETRY, B.credential.digest, "reasoning"))


def test_after_a_failover_the_new_account_may_refuse_the_history_too() -> None:
    signal = a_signal(B, A)

    decision = decide(a_state(A, B, active=B), signal, a_finding(Meaning.FOREIGN_HISTORY), NOW)

    assert decision.verdict.drop == "reasoning"


@pytest.mark.parametrize(
    "tried",
    [
        pytest.param((B, B), id="the list repeats the account"),
        pytest.param((B,), id="the list names each account once"),
    ],
)
def test_a_history_that_is_refused_twice_passes(tried: tuple[Account, ...]) -> None:
    signal = a_signal(B, tried=tuple(a.credential.digest for a in tried), attempt=2)

    decision = decide(a_state(A, B, active=B), signal, a_finding(Meaning.FOREIGN_HISTORY), NOW)

    assert decision == Decision()


def test_a_logged_refusal_of_history_cannot_be_sent_again() -> None:
    signal = a_signal(None, source=Source.LOG)

    decision = decide(a_state(A, B, active=A), signal, a_finding(Meaning.FOREIGN_HISTORY), NOW)

    assert decision == Decision()


def test_a_history_is_mended_with_balancing_off_too() -> None:
    """Rotating by hand brings another account's history as a failover does."""
    state = a_state(A, B, active=B, balancing=False)

    decision = decide(state, a_signal(B), a_finding(Meaning.FOREIGN_HISTORY), NOW)

    assert decision.verdict.drop == "reasoning"


def test_a_credential_that_was_tried_is_not_tried_again_in_another_row() -> None:
    same = an_account("b", A.credential)

    decision = limited(a_state(A, same, active=A), a_signal(A))

    assert (decision.verdict, decision.order) == (PASS, None)


STALE = an_account("b", oauth("b", expires_at=NOW + MINUTE))
LIVE = an_account("a", oauth("a"))


@pytest.mark.parametrize("meaning", LIMITS)
def test_who_takes_over_gets_new_tokens_first_where_the_vendor_gives_some(meaning: Meaning) -> None:
    state = a_state(LIVE, STALE, active=LIVE)

    decision = decide(
        state,
        a_signal(LIVE),
        a_finding(meaning),
        NOW,
        renewal=lambda one: Renewal.NOW if one == STALE else Renewal.NEVER,
    )

    assert (decision.freshen, decision.order and decision.order.to) == (True, STALE)
    assert decision.verdict == Verdict(VerdictKind.ACK, wait_ms=20_000)
    assert [type(mark) for mark in decision.updates] == [SetLimit]


def test_good_tokens_are_not_asked_about() -> None:
    def asked(account: Account) -> Renewal:
        raise AssertionError(account.name)

    other = an_account("b", oauth("b"))
    state = a_state(LIVE, other, active=LIVE)

    decision = decide(state, a_signal(LIVE), a_finding(Meaning.EXHAUSTED), NOW, renewal=asked)

    assert (decision.verdict, decision.freshen) == (retry(other), False)


def test_tokens_that_nobody_may_renew_go_in_as_they_are() -> None:
    state = a_state(LIVE, STALE, active=LIVE)

    decision = decide(state, a_signal(LIVE), a_finding(Meaning.EXHAUSTED), NOW)

    assert (decision.verdict, decision.freshen) == (retry(STALE), False)


def test_the_swap_for_an_overload_is_counted_when_it_is_made() -> None:
    state = a_state(LIVE, STALE, active=LIVE)

    decision = decide(
        state, a_signal(LIVE), a_finding(Meaning.OVERLOAD), NOW, renewal=lambda _: Renewal.NOW
    )

    assert (decision.freshen, decision.updates) == (True, ())


def test_a_dead_login_is_rejected_before_the_other_one_gets_new_tokens() -> None:
    state = a_state(LIVE, STALE, active=LIVE)

    decision = decide(
        state, a_signal(LIVE), a_finding(Meaning.LOGIN_DEAD), NOW, renewal=lambda _: Renewal.NOW
    )

    assert (decision.freshen, [type(mark) for mark in decision.updates]) == (True, [SetRejected])


def test_a_state_after_the_outcome_is_what_the_next_signal_sees() -> None:
    state = a_state(A, B, active=A)

    state = carried_out(state, limited(state, a_signal(A)), NOW)

    assert state.active(ACME) == B
    assert with_account(state, A.id, limit=None).account(A.id) == A


# -- what a limit is counted for -----------------------------------------------------------


def limited_for(
    state: State, signal: Signal, scope: Scope, until: datetime | None = NOW + HOUR
) -> Decision:
    finding = replace(a_finding(Meaning.EXHAUSTED, until, "429"), scope=scope)
    return decide(state, signal, finding, NOW)


OPUS = Scope("Opus")
ASKED = "claude-opus-4-5"


def test_a_limit_on_one_model_leaves_the_account_to_the_others() -> None:
    state = a_state(A, B, active=A)

    decision = limited_for(state, a_signal(A, model=ASKED), OPUS)

    after = carried_out(state, decision, NOW).account(A.id)
    assert decision.verdict == retry(B)
    assert after is not None
    assert (is_ready(after, ASKED, NOW), is_ready(after, "claude-sonnet-4-5", NOW)) == (False, True)
    assert decision.events[0].why == "429 for Opus; rests until 2026-11-22 13:00 UTC"


def test_whoever_rests_for_the_model_asked_for_does_not_take_over() -> None:
    resting = replace(a_limit(), model="Opus")
    b = replace(B, part_limits=(resting,))
    state = a_state(A, b, C, active=A)

    for_opus = limited_for(state, a_signal(A, model=ASKED), OPUS)
    for_sonnet = limited_for(state, a_signal(A, model="claude-sonnet-4-5"), Scope("Sonnet"))

    assert (for_opus.verdict, for_sonnet.verdict) == (retry(C), retry(b))
    assert for_opus.order is not None
    assert "b rests until 2026-11-22 13:00 UTC (429, rate limit for Opus)" in for_opus.order.why


def test_when_one_of_a_group_is_limited_all_are() -> None:
    a, b, c = replace(A, group="org"), replace(B, group="org"), replace(C, group="other")
    state = a_state(a, b, c, active=a)

    decision = limited(state, a_signal(a))

    assert decision.verdict == retry(c)
    assert rested(decision) == {"a": AccountState.COOLING, "b": AccountState.COOLING}
    assert "and 1 more that are counted together with it" in decision.events[0].why


def test_a_limit_of_the_account_s_own_leaves_its_group_alone() -> None:
    a, b = replace(A, group="org"), replace(B, group="org")
    state = a_state(a, b, active=a)

    decision = limited_for(state, a_signal(a), Scope(reach=Reach.ACCOUNT))

    assert (decision.verdict, rested(decision)) == (retry(b), {"a": AccountState.EXHAUSTED})


def test_a_limit_on_the_address_is_everybody_s_and_nobody_takes_over() -> None:
    """Another key would be refused as well: none is tried, and paid models go on."""
    state = a_state(A, B, C, active=A)

    decision = limited_for(state, a_signal(A, model="free-1"), Scope("free-1", Reach.PROVIDER))

    after = carried_out(state, decision, NOW)
    assert (decision.verdict, decision.order) == (PASS, None)
    assert set(rested(decision)) == {"a", "b", "c"}
    assert all(is_ready(one, "paid-1", NOW) for one in after.accounts)
    assert not any(is_ready(one, "free-1", NOW) for one in after.accounts)


def test_whoever_was_put_in_after_a_failure_is_not_blamed_for_it() -> None:
    tenures = (Tenure(A.id, NOW - HOUR), Tenure(B.id, NOW - 10 * SECOND))
    state = a_state(A, B, active=B, tenures=tenures)
    line = a_signal(None, source=Source.LOG, at=NOW - MINUTE)

    assert account_of(state, line, NOW) == A
