"""E4: a limit that ends within seconds is waited for on the same account."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.core.selection.failover import (
    decide,
)
from rotator.core.selection.failover_decision import (
    Decision,
)
from rotator.core.selection.fallback import PASS
from rotator.model import (
    Account,
    EventKind,
    Finding,
    Meaning,
    Reach,
    Scope,
    Signal,
    Source,
    State,
    Verdict,
    VerdictKind,
)
from rotator.model.preferences import Failover, Priority
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
    carried_out,
    with_account,
    with_slot,
)

A, B = (an_account(alias) for alias in "ab")
STATE = a_state(A, B, active=A)
MARGIN_MS = 200
LIMITS = [Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING]


def wait(seconds: float) -> Verdict:
    return Verdict(VerdictKind.WAIT, wait_ms=int(seconds * 1000) + MARGIN_MS)


def retry(account: Account) -> Verdict:
    return Verdict(VerdictKind.RETRY, account.credential.digest)


def short(
    state: State,
    signal: Signal | None = None,
    seconds: float = 1,
    now: datetime = NOW,
    meaning: Meaning = Meaning.SHORT_LIMIT,
) -> Decision:
    """Decide about a request of A whose limit ends so soon."""
    finding = a_finding(meaning, now + timedelta(seconds=seconds))
    return decide(state, signal or a_signal(A), finding, now)


def moves_on(decision: Decision) -> bool:
    return decision.order is not None and decision.order.to.alias == "b"


@pytest.mark.parametrize("meaning", LIMITS)
@pytest.mark.parametrize("seconds", [0.5, 1, 5])
def test_e4_a_stated_end_within_five_seconds_is_waited_for(
    meaning: Meaning, seconds: float
) -> None:
    decision = short(STATE, seconds=seconds, meaning=meaning)

    assert (decision.verdict, decision.order) == (wait(seconds), None)
    (event,) = decision.events
    assert event.kind is EventKind.LIMITED
    assert event.why.endswith("; waited for")


def test_after_the_wait_the_same_account_is_asked_again() -> None:
    state = carried_out(STATE, short(STATE), NOW)

    decision = decide(
        state, a_signal(A, waited=True, tried=()), a_finding(Meaning.NOT_OURS), NOW + SECOND
    )

    assert (decision.verdict, decision.order) == (retry(A), None)


def test_a_wait_that_is_cut_short_goes_on() -> None:
    state = carried_out(STATE, short(STATE, seconds=4), NOW)

    decision = decide(
        state, a_signal(A, waited=True, tried=()), a_finding(Meaning.NOT_OURS), NOW + SECOND
    )

    assert (decision.verdict, decision.order) == (wait(3), None)


@pytest.mark.parametrize(
    ("seconds", "patience"),
    [(5.001, 5), (3600, 5), (1, 0), (11, 10)],
)
def test_an_end_beyond_the_patience_moves_on(seconds: float, patience: int) -> None:
    state = a_state(A, B, active=A, failover=Failover(patience_seconds=patience))

    assert moves_on(short(state, seconds=seconds))


def test_the_patience_is_the_user_s() -> None:
    state = a_state(A, B, active=A, failover=Failover(patience_seconds=60))

    # A bridge is held for a minute at most.
    assert short(state, seconds=60).verdict == Verdict(VerdictKind.WAIT, wait_ms=60_000)


@pytest.mark.parametrize("until", [None, NOW, NOW - SECOND])
def test_an_end_that_is_not_stated_moves_on(until: datetime | None) -> None:
    decision = decide(STATE, a_signal(A), a_finding(Meaning.SHORT_LIMIT, until), NOW)

    assert moves_on(decision)


def test_a_second_limit_within_a_minute_moves_on_for_everybody() -> None:
    state = carried_out(STATE, short(STATE), NOW)
    again = NOW + SECOND

    decision = short(state, now=again)
    assert moves_on(decision)
    assert "waited for" not in decision.events[0].why
    state = carried_out(state, decision, again)

    # The others that went on with it are refused by the same limit.
    assert short(state, now=again + SECOND / 4).verdict == retry(B)


def test_a_second_one_is_waited_for_where_the_next_account_had_one_as_well() -> None:
    state = carried_out(STATE, short(STATE), NOW)
    again = NOW + SECOND
    state = carried_out(state, short(state, now=again), again)
    first = again + SECOND
    state = carried_out(state, short(state, a_signal(B), now=first), first)
    back = first + SECOND

    decision = short(state, a_signal(B), now=back)
    assert decision.verdict == wait(1)
    assert "waited for" in decision.events[0].why


def test_one_after_a_minute_is_waited_for_again() -> None:
    state = carried_out(STATE, short(STATE), NOW)

    assert short(state, now=NOW + MINUTE + SECOND).verdict == wait(1)


def test_many_that_fail_together_wait_together_and_are_told_of_once() -> None:
    state = carried_out(STATE, short(STATE), NOW)
    later = NOW + SECOND / 4

    decision = short(state, seconds=1, now=later)

    # Until the first one's end.
    assert (decision.verdict, decision.updates, decision.events) == (wait(0.75), (), ())


def test_a_later_end_is_waited_for_from_the_first_one_s_beginning() -> None:
    state = carried_out(STATE, short(STATE, seconds=3), NOW)

    longer = short(state, seconds=4, now=NOW + SECOND)
    state = carried_out(state, longer, NOW + SECOND)
    as_long = short(state, seconds=4, now=NOW + 2 * SECOND)
    too_long = short(state, seconds=5, now=NOW + 3 * SECOND)

    assert (longer.verdict, as_long.verdict) == (wait(4), wait(3))
    assert moves_on(too_long)


def test_a_request_whose_account_was_left_meanwhile_goes_on_with_the_new_one() -> None:
    state = with_slot(STATE, ACME, active=B.id)

    assert short(state).verdict == retry(B)


@pytest.mark.parametrize(
    "fields",
    [{"disabled": "disabled by you"}, {"rejected": "401"}, {"maybe": B.id, "doubt": "b"}],
)
def test_an_account_that_shall_not_be_used_is_not_waited_for(fields: dict[str, str]) -> None:
    assert moves_on(short(with_account(STATE, A.id, **fields)))


def test_an_account_that_rests_for_longer_is_not_waited_for() -> None:
    resting = replace(a_limit(NOW + HOUR), since=NOW - SECOND, is_stated=True)

    assert moves_on(short(with_account(STATE, A.id, limit=resting)))


def test_without_balancing_opencode_gets_the_answer() -> None:
    state = a_state(A, B, active=A, balancing=False)

    assert short(state).verdict == PASS


def test_the_only_account_is_waited_for_as_well() -> None:
    assert short(a_state(A, active=A)).verdict == wait(1)


def test_a_second_s_wait_leaves_no_provider() -> None:
    zeta = an_account("z", provider="zeta")
    priorities = (Priority(ACME, "m1"), Priority("zeta", "m2"))
    state = a_state(A, zeta, active=A, priorities=priorities)

    assert short(state, a_signal(A, model="m1", opencode="run")).verdict == wait(1)


def test_a_line_of_the_log_swaps_nothing_for_opencode_waits_by_itself() -> None:
    decision = short(STATE, a_signal(A, source=Source.LOG, credential=None))

    assert (decision.verdict, decision.order) == (PASS, None)
    assert decision.events[0].why.endswith("; waited for")


def test_a_report_by_hand_is_told_to_wait() -> None:
    assert short(STATE, a_signal(A, source=Source.MANUAL)).verdict == wait(1)


def test_a_limit_on_a_model_is_waited_for_by_that_model_s_requests() -> None:
    finding = Finding(Meaning.SHORT_LIMIT, "429", NOW + SECOND, Scope("opus"))
    state = carried_out(STATE, decide(STATE, a_signal(A, model="opus-4"), finding, NOW), NOW)

    def asks(model: str) -> Verdict:
        signal = a_signal(A, waited=True, tried=(), model=model)
        return decide(state, signal, a_finding(Meaning.NOT_OURS), NOW).verdict

    assert (asks("opus-4"), asks("haiku-4")) == (wait(1), retry(A))


def test_a_limit_of_everybody_s_is_waited_for() -> None:
    finding = Finding(Meaning.SHORT_LIMIT, "429", NOW + SECOND, Scope(reach=Reach.PROVIDER))

    decision = decide(STATE, a_signal(A), finding, NOW)

    assert (decision.verdict, len(decision.updates)) == (wait(1), 2)
