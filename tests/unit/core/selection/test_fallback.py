"""What becomes of a turn whose provider has nobody left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core.selection.failover import (
    decide,
)
from rotator.core.selection.failover_decision import (
    Decision,
)
from rotator.core.selection.fallback import LONGEST_WAIT, PASS, fall_back, first_recovery
from rotator.model import (
    Account,
    Event,
    EventKind,
    Finding,
    HomeName,
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
    api,
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


def wait(milliseconds: int, note: str | None) -> Verdict:
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


# -- accounts for several places -------------------------------------------------------------

NEAR = an_account("b", limit=a_limit(NOW + MINUTE))
FAR = an_account("f", api("f", metadata={"host": "f.example"}))
FAR_SOON = an_account("f", api("f", metadata={"host": "f.example"}), limit=a_limit(NOW + SECOND))


def test_a_turn_goes_on_elsewhere_although_an_account_for_another_place_is_ready() -> None:
    """That one is put in all the same, for opencodes that begin with it."""
    outcome = used_up(a_world(A, NEAR, FAR, OTHER), a_turn())

    assert outcome.verdict == Verdict(
        VerdictKind.REROUTE,
        to=Route("other", LARGE),
        note="acme/big-1 has 0 of 2 accounts ready, b is first at 2026-11-22 12:01 UTC"
        " (of those that its request can go on with)",
    )
    assert outcome.order is not None
    assert outcome.order.to == FAR


def test_a_turn_waits_for_an_account_for_its_own_place_and_nobody_is_put_in_before_it() -> None:
    outcome = used_up(a_world(A, NEAR, FAR, failover=WAITS), a_turn())

    note = "every account is used up; acme/b is first at 2026-11-22 12:01 UTC"
    assert outcome.verdict == wait(60000, note)
    assert outcome.order is None


def test_a_turn_does_not_wait_for_an_account_for_another_place() -> None:
    outcome = used_up(a_world(A, NEAR, FAR_SOON, failover=WAITS), a_turn())

    assert outcome.verdict.wait_ms == LONGEST_WAIT / timedelta(milliseconds=1)
    assert (
        outcome.verdict.note == "every account is used up; acme/b is first at 2026-11-22 12:01 UTC"
    )


def test_who_waits_for_another_provider_leaves_its_own_to_whoever_is_ready() -> None:
    a = an_account("a", rejected="401")
    soon = an_account("z", provider="other", limit=a_limit(NOW + MINUTE))

    outcome = used_up(a_world(a, FAR, soon, active=a, failover=WAITS), a_turn(a))

    assert outcome.verdict.kind is VerdictKind.WAIT
    assert outcome.order is not None
    assert outcome.order.to == FAR


def test_a_turn_that_does_not_wait_leaves_its_own_place_as_ever() -> None:
    outcome = used_up(a_world(A, NEAR, FAR), a_turn())

    assert (outcome.verdict, outcome.order is not None) == (PASS, True)


def test_after_the_wait_the_request_goes_on_in_its_own_place() -> None:
    a = an_account("a", limit=a_limit(NOW + HOUR))
    state = a_world(a, B, FAR, active=a, failover=WAITS)

    outcome = after_wait(state, a_turn(a, waited=True))

    assert outcome.verdict == Verdict(VerdictKind.RETRY, B.credential.digest)


def test_after_the_wait_it_waits_on_although_an_account_for_another_place_is_ready() -> None:
    a = an_account("a", limit=a_limit(NOW + MINUTE))

    outcome = after_wait(a_world(a, FAR, active=a, failover=WAITS), a_turn(a, waited=True))

    assert outcome.verdict.kind is VerdictKind.WAIT
    assert outcome.order is None


# What is live is for another place: the request has its own login, and gets no other one.


def test_a_turn_goes_on_with_its_own_login_once_that_is_ready() -> None:
    """Whoever is live stays, and is asked nothing."""
    state = a_world(A, B, FAR, active=FAR, failover=WAITS)

    outcome = after_wait(state, a_turn(waited=True))

    assert outcome == Decision(Verdict(VerdictKind.RETRY, A.credential.digest))


def test_a_turn_waits_for_its_own_login_and_for_no_other_one() -> None:
    state = a_world(A, B, FAR, active=FAR, failover=WAITS)

    outcome = used_up(state, a_turn())

    note = "every account is used up; acme/a is first at 2026-11-22 13:00 UTC"
    assert (outcome.verdict.kind, outcome.verdict.note) == (VerdictKind.WAIT, note)
    assert outcome.order is None


def test_its_turn_goes_on_elsewhere_while_its_own_login_rests() -> None:
    outcome = used_up(a_world(A, B, FAR, OTHER, active=FAR), a_turn())

    assert outcome.verdict.kind is VerdictKind.REROUTE
    assert outcome.verdict.note is not None
    assert outcome.verdict.note.startswith("acme/big-1 has 0 of 1 accounts ready, a is first")
    assert outcome.order is None


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(an_account("a", disabled="disabled by you"), id="taken back"),
        pytest.param(an_account("a", limit=a_limit(NOW + HOUR)), id="rests"),
    ],
)
def test_its_own_login_is_not_sent_again_while_it_is_not_ready(own: Account) -> None:
    outcome = after_wait(a_world(own, B, FAR, active=FAR), a_turn(own, waited=True))

    assert outcome == Decision(is_last_resort=True)


def test_older_tokens_of_its_own_login_are_not_sent_again() -> None:
    now, before = an_account("a", oauth("a", 2)), an_account("a", oauth("a"))
    far = an_account("f", oauth("f", enterpriseUrl="f.example"))
    state = a_world(now, far, active=far, older=[(now, before.credential)])

    assert after_wait(state, a_turn(before, waited=True)) == Decision(is_last_resort=True)


def test_tokens_of_its_own_that_have_run_out_are_left_to_opencode() -> None:
    own = an_account("a", oauth("a", expires_at=NOW))
    far = an_account("f", oauth("f", enterpriseUrl="f.example"))

    assert after_wait(a_world(own, far, active=far), a_turn(own, waited=True)) == Decision()


def test_a_limit_of_seconds_is_waited_for_on_its_own_login() -> None:
    finding = a_finding(Meaning.SHORT_LIMIT, NOW + SECOND, "429")

    outcome = decide(a_world(A, B, FAR, active=FAR), a_turn(), finding, NOW)

    assert outcome.verdict == wait(1200, None)
    assert outcome.order is None


def test_trouble_of_a_provider_takes_nobody_elsewhere_for_a_place() -> None:
    outcome = decide(a_world(A, FAR, OTHER, active=FAR), a_turn(), a_finding(Meaning.OVERLOAD), NOW)

    assert (outcome.verdict, outcome.order) == (PASS, None)


def test_opencode_2_builds_its_requests_anew_for_whoever_is_switched_to() -> None:
    signal = a_turn(home=HomeName.DATABASE)

    outcome = used_up(a_world(A, FAR, OTHER), signal)

    assert (outcome.verdict, outcome.order is not None) == (PASS, True)
