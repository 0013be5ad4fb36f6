"""What becomes of a turn whose provider has nobody left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core.selection.failover import Decision, decide
from rotator.core.selection.fallback import LONGEST_WAIT, PASS, fall_back, first_recovery
from rotator.model import (
    Account,
    Event,
    EventKind,
    Finding,
    Meaning,
    Route,
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
    oauth,
    with_account,
)

A, B = an_account("a"), an_account("b")
RESTING = an_account("b", limit=a_limit(NOW + HOUR))
OTHER = an_account("z", provider="other")
BIG, LARGE = "big-1", "large-1"
PRIORITIES = (Priority(ACME, BIG), Priority("other", LARGE))
WAITS = Failover(wait_for_reset=True, max_wait_seconds=7200)


def a_turn(account: Account = A, **fields: Any) -> Signal:
    """Return a failure of a request for the big model in an opencode on a screen."""
    values: dict[str, Any] = {"model": BIG, "opencode": "tui", "request": "req-1"} | fields
    return a_signal(account, **values)


def a_world(*accounts: Account, **fields: Any) -> State:
    values: dict[str, Any] = {"priorities": PRIORITIES, "active": A} | fields
    return a_state(*accounts, **values)


def used_up(state: State, signal: Signal, **fields: Any) -> Decision:
    finding = a_finding(Meaning.EXHAUSTED, NOW + HOUR, "429, usage limit reached")
    return decide(state, signal, finding, NOW, **fields)


def test_the_turn_goes_on_with_the_next_provider_and_the_person_is_told() -> None:
    outcome = used_up(a_world(A, RESTING, OTHER), a_turn())

    assert outcome.verdict == Verdict(
        VerdictKind.REROUTE,
        to=Route("other", LARGE),
        note="acme/big-1 has 0 of 2 accounts ready, a is first at 2026-11-22 13:00 UTC",
    )
    assert outcome.order is None
    limited, rerouted = outcome.events
    assert limited.kind is EventKind.LIMITED
    assert rerouted == Event(
        NOW,
        EventKind.REROUTED,
        ACME,
        "acme/a",
        why=(
            "acme/big-1 has 0 of 2 accounts ready, a is first at 2026-11-22 13:00 UTC;"
            " next in the priorities, other/large-1 has 1 of 1 accounts ready"
        ),
        detail="to other/large-1",
    )


def test_as_long_as_an_account_is_left_the_turn_stays() -> None:
    outcome = used_up(a_world(A, B, OTHER), a_turn())

    assert outcome.verdict == Verdict(VerdictKind.RETRY, B.credential.digest)


def test_the_only_account_of_a_provider_hands_the_turn_on_as_well() -> None:
    assert used_up(a_world(A, OTHER), a_turn()).verdict.kind is VerdictKind.REROUTE


def test_a_dead_login_hands_the_turn_on_too() -> None:
    outcome = decide(a_world(A, OTHER), a_turn(), a_finding(Meaning.LOGIN_DEAD), NOW)

    assert outcome.verdict.kind is VerdictKind.REROUTE


def test_a_title_goes_on_elsewhere_and_is_no_news() -> None:
    outcome = used_up(a_world(A, OTHER), a_turn(aside=True))

    assert outcome.verdict.kind is VerdictKind.REROUTE
    assert [event.kind for event in outcome.events] == [EventKind.LIMITED]


@pytest.mark.parametrize(
    ("state", "signal", "finding"),
    [
        pytest.param(
            a_world(A, OTHER, balancing=False),
            a_turn(),
            a_finding(Meaning.EXHAUSTED),
            id="balancing is off",
        ),
        pytest.param(
            a_world(A, OTHER),
            a_turn(source=Source.MANUAL),
            a_finding(Meaning.EXHAUSTED),
            id="told by hand",
        ),
        pytest.param(
            a_world(A, OTHER), a_turn(model=None), a_finding(Meaning.EXHAUSTED), id="no model"
        ),
        pytest.param(
            a_world(A, OTHER), a_turn(), a_finding(Meaning.OVERLOAD), id="trouble that passes"
        ),
        pytest.param(
            a_world(A, OTHER), a_turn(), a_finding(Meaning.NOT_OURS), id="the request's own fault"
        ),
        pytest.param(
            a_world(A, OTHER),
            a_turn(left=("other",)),
            a_finding(Meaning.EXHAUSTED),
            id="this turn was there already",
        ),
        pytest.param(a_world(A, RESTING), a_turn(), a_finding(Meaning.EXHAUSTED), id="nobody"),
    ],
)
def test_else_opencode_gets_the_answer(state: State, signal: Signal, finding: Finding) -> None:
    assert decide(state, signal, finding, NOW).verdict == PASS


# -- waiting for a reset ---------------------------------------------------------------------


def wait(milliseconds: int, note: str) -> Verdict:
    return Verdict(VerdictKind.WAIT, wait_ms=milliseconds, note=note)


def test_a_turn_is_held_until_the_first_account_frees_up() -> None:
    soon = an_account("b", limit=a_limit(NOW + 5 * SECOND))

    outcome = used_up(a_world(A, soon, failover=WAITS), a_turn())

    note = "every account is used up; acme/b is first at 2026-11-22 12:00 UTC"
    assert outcome.verdict == wait(5200, note)


def test_a_long_wait_is_asked_about_every_minute() -> None:
    outcome = used_up(a_world(A, RESTING, failover=WAITS), a_turn())

    assert outcome.verdict.wait_ms == LONGEST_WAIT / timedelta(milliseconds=1)


def test_whoever_is_first_elsewhere_is_waited_for_too() -> None:
    elsewhere = an_account("z", provider="other", limit=a_limit(NOW + MINUTE))
    state = a_world(A, RESTING, elsewhere, failover=WAITS)

    assert first_recovery(state, a_turn(), NOW) == (elsewhere, NOW + MINUTE)
    assert first_recovery(state, a_turn(left=("other",)), NOW) == (RESTING, NOW + HOUR)


@pytest.mark.parametrize(
    ("failover", "signal"),
    [
        pytest.param(Failover(), a_turn(), id="not wanted"),
        pytest.param(WAITS, a_turn(opencode="run"), id="a run is not held"),
        pytest.param(WAITS, a_turn(opencode=None), id="nobody knows what asks"),
        pytest.param(WAITS, a_turn(aside=True), id="a title is not waited for"),
        pytest.param(
            Failover(wait_for_reset=True, max_wait_seconds=600), a_turn(), id="longer than allowed"
        ),
    ],
)
def test_else_nobody_waits(failover: Failover, signal: Signal) -> None:
    assert used_up(a_world(A, RESTING, failover=failover), signal).verdict == PASS


def test_where_nobody_frees_up_by_himself_nobody_waits() -> None:
    out = an_account("a", rejected="401")

    verdict, events = fall_back(a_world(out, failover=WAITS), a_turn(), out, NOW, NOW)

    assert (verdict, events) == (PASS, ())


def test_the_whole_wait_is_bounded_whatever_comes_in_between() -> None:
    state = a_world(A, RESTING, failover=WAITS)

    assert used_up(state, a_turn(), since=NOW - HOUR).verdict.kind is VerdictKind.WAIT
    assert used_up(state, a_turn(), since=NOW - HOUR - SECOND).verdict == PASS


def after_wait(state: State, signal: Signal, finding: Finding | None = None) -> Decision:
    return decide(state, signal, finding or a_finding(Meaning.EXHAUSTED), NOW)


def test_after_the_wait_the_account_that_is_free_goes_on_and_nobody_is_blamed_anew() -> None:
    state = a_world(A, RESTING, failover=WAITS)

    outcome = after_wait(state, a_turn(A, waited=True))

    assert outcome == Decision(Verdict(VerdictKind.RETRY, A.credential.digest))


def test_after_the_wait_another_account_may_be_the_one_that_is_free() -> None:
    a = an_account("a", limit=a_limit(NOW + HOUR))
    state = a_world(a, B, active=a, failover=WAITS)

    outcome = after_wait(state, a_turn(a, waited=True))

    assert outcome.verdict == Verdict(VerdictKind.RETRY, B.credential.digest)
    assert outcome.order is not None
    assert (outcome.order.to, outcome.updates) == (B, ())


def test_after_the_wait_another_provider_may_be_free() -> None:
    a = an_account("a", limit=a_limit(NOW + HOUR))

    outcome = after_wait(a_world(a, OTHER, active=a), a_turn(a, waited=True))

    assert outcome.verdict.to == Route("other", LARGE)
    assert outcome.updates == ()


def test_a_wait_that_was_too_short_goes_on() -> None:
    a = an_account("a", limit=a_limit(NOW + HOUR))

    outcome = after_wait(a_world(a, active=a, failover=WAITS), a_turn(a, waited=True))

    assert (outcome.verdict.kind, outcome.updates, outcome.events) == (VerdictKind.WAIT, (), ())


def test_an_empty_slot_stays_empty_after_a_wait() -> None:
    state = a_world(A, B, active=None)

    assert after_wait(state, a_turn(A, waited=True)) == Decision()


def test_after_the_wait_a_token_that_has_run_out_is_left_to_opencode() -> None:
    stale = an_account("a", oauth("a", expires_at=NOW))

    outcome = after_wait(a_world(stale, active=stale), a_turn(stale, waited=True))

    assert outcome == Decision(PASS)


def test_a_limit_on_the_model_alone_hands_on_that_model_s_turn() -> None:
    finding = Finding(Meaning.EXHAUSTED, "429", NOW + HOUR, Scope(BIG))
    state = a_world(A, OTHER)

    outcome = decide(state, a_turn(), finding, NOW)

    assert outcome.verdict.to == Route("other", LARGE)
    assert with_account(state, A.id).account(A.id) == A


@pytest.mark.parametrize("kind", ["tui", "serve", "web"])
def test_a_request_is_held_wherever_somebody_waits_for_it(kind: str) -> None:
    outcome = used_up(a_world(A, failover=WAITS, priorities=()), a_turn(opencode=kind))

    assert outcome.verdict.kind is VerdictKind.WAIT
    assert outcome.verdict.wait_ms == LONGEST_WAIT / timedelta(milliseconds=1) == 60_000


def test_the_first_that_is_back_is_asked_for_the_model_of_the_turn() -> None:
    limited = an_account("a", part_limits=(replace(a_limit(NOW + HOUR), model=BIG),))

    assert first_recovery(a_world(limited, priorities=()), a_turn(), NOW) == (limited, NOW + HOUR)
