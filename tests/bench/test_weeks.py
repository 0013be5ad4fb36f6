"""What strategies make of weeks of work: the promises of docs/settings.md, in small.

The whole table: `python -m tests.bench --weeks 4`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rotator.model.preferences import Strategy
from tests.bench.weeks import BestHeadroom, FirstByName, Outcome, Table, ours, simulate
from tests.support.told_figures import FIGURE

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def table() -> Table:
    return simulate(weeks=2, seeds=1, most_accounts=6)


def figure(table: Table, strategy: Strategy | None, of: Callable[[Outcome], float]) -> float:
    """Return one of our figures, or (None) the better one of the others' rules."""
    if strategy is not None:
        return table.total(ours(strategy).name, of)
    return min(table.total(rule.name, of) for rule in (FirstByName, BestHeadroom))


def test_drain_loses_no_more_than_either_of_the_others(
    table: Table, record_property: Callable[[str, object], None]
) -> None:
    for line in table.lines():
        record_property(FIGURE, line)

    drained = figure(table, Strategy.DRAIN, lambda one: one.expired)

    assert drained <= figure(table, None, lambda one: one.expired)


def test_sticky_swaps_least(table: Table) -> None:
    swaps = [figure(table, strategy, lambda one: one.swaps) for strategy in (*Strategy, None)]

    assert swaps[0] == min(swaps)


def test_most_left_serves_as_long_as_anything_is_left(table: Table) -> None:
    headroom = table.rows[ours(Strategy.HEADROOM).name]

    assert all(one.refused == 0 for one in headroom)
