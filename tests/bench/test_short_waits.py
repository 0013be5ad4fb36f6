"""What patience with limits of seconds is good for: half of the caches are not written anew.

The whole table: `python -m tests.bench --waits`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bench.short_waits import Compared, compared
from tests.support.told_figures import FIGURE

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def series() -> list[Compared]:
    return compared(hours=4, seeds=1, most_sessions=2)


def test_at_least_half_of_the_caches_are_not_written_anew(
    series: list[Compared], record_property: Callable[[str, object], None]
) -> None:
    for each in series:
        record_property(FIGURE, str(each))

    assert [each.name for each in series if each.gone < 0.5] == []


def test_every_request_is_served_in_the_end(series: list[Compared]) -> None:
    for each in series:
        served = (each.without.served, each.patient.served)
        assert max(served) - min(served) <= max(served) * 0.1, each.name
