"""What speaks for and against each account, in the words that decisions are recorded with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rotator.core.selection.explain import explain, sentences
from rotator.model import Snapshot, State, Window
from rotator.model.preferences import Failover, Strategy
from tests.support.builders import ACME, HOUR, NOW, a_limit, a_standing, a_state, an_account, oauth

A = an_account("personal")
B = an_account("spare", limit=a_limit(NOW + HOUR))
C = an_account("work")
RESET = "resets 2026-11-22 15:00 UTC"


def reads(used: float) -> Snapshot:
    return Snapshot(NOW, (Window("5h", used, NOW + 3 * HOUR),))


def a_world(**fields: Any) -> State:
    usage = {A.id: reads(0.97), C.id: reads(0.12)}
    return a_state(A, B, C, active=A, usage=usage, **fields)


def test_every_account_is_told_of_with_its_numbers() -> None:
    told = explain(a_world(), ACME, None, NOW)

    assert sentences(told) == (
        "acme: the live account stays until it is limited, then the one with most left (sticky)",
        f"* personal is ready, 5h 97 % used, {RESET}",
        "  spare rests until 2026-11-22 13:00 UTC (429, rate limit)",
        f"  work is ready, 5h 12 % used, {RESET}",
        (
            "if the live one is refused: work"
            f" (work is ready, 5h 12 % used, {RESET};"
            f" personal is ready, 5h 97 % used, {RESET};"
            " spare rests until 2026-11-22 13:00 UTC (429, rate limit))"
        ),
    )


def test_a_swap_that_the_strategy_wants_is_told() -> None:
    told = explain(a_world(failover=Failover(Strategy.HEADROOM)), ACME, None, NOW)

    assert told.first.better == C
    assert any(line.startswith("to be swapped between turns: work") for line in sentences(told))


def test_a_swap_that_has_to_wait_says_for_whom() -> None:
    unseen = "opencode run (pid 15) runs without the bridge"

    told, settled, urgent = (
        explain(a_world(failover=failover), ACME, None, NOW, unseen)
        for failover in (
            Failover(Strategy.HEADROOM),
            Failover(),
            Failover(swap_before_wall=True),
        )
    )

    assert f"that waits: {unseen}" in sentences(told)
    assert (told.first.better, settled.first.better, urgent.first.better) == (C, None, C)
    assert (settled.first.held_by, urgent.first.held_by) == (None, None)


def test_a_key_from_elsewhere_is_told_where_there_is_one() -> None:
    says = "acme: opencode.json gives a key of its own"

    own = explain(a_world(), ACME, None, NOW, own_key=says)
    none = explain(a_world(), ACME, None, NOW)

    assert says in sentences(own)
    assert says not in sentences(none)


def test_with_balancing_off_nothing_is_wanted_and_that_is_told() -> None:
    state = a_world(failover=Failover(Strategy.HEADROOM), balancing=False)

    told = explain(state, ACME, "big-1", NOW)

    assert (told.first.better, told.first.better_why) == (None, None)
    lines = sentences(told)
    assert lines[0].startswith("acme for big-1: ")
    assert lines[1] == "balancing is off: nothing is swapped unless you rotate"


def test_where_nobody_is_left_nobody_is_next() -> None:
    told = explain(a_state(A, active=None), ACME, None, NOW)
    alone = explain(a_state(A, active=A), ACME, None, NOW)

    assert told.first.next == A
    assert sentences(alone)[-1] == "if the live one is refused: nobody (acme has no other account)"


def test_a_login_that_stands_in_the_other_home_alone_takes_over_in_no_other_one() -> None:
    here, there = an_account("here", oauth("a")), an_account("there", oauth("b"))
    state = replace(a_state(here, there, active=here), standings=(a_standing(there),))

    assert explain(state, ACME, None, NOW).first.next is None


def test_where_only_opencode_2_is_used_its_own_next_one_is_told() -> None:
    live, spare = an_account("live", oauth("a")), an_account("spare", oauth("b"))
    places = (a_standing(live, active=True), a_standing(spare))
    told = explain(replace(a_state(live, spare), standings=places), ACME, None, NOW)

    assert told.first.next == spare
    assert [argument.is_live for argument in told.arguments] == [True, False]
