"""The benchmark runs, and prints its figures; few rounds here, many by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.__main__ import measure
from tests.bench.figures import Figure
from tests.support.told_figures import FIGURE

ROUNDS = 3


# It starts each opencode several times.
@pytest.mark.timeout(300)
def test_everything_is_measured_and_told(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """What a busy machine makes of the figures is nobody's fault: they are read, not judged."""
    figures = measure(tmp_path, ROUNDS)

    for figure in figures:
        record_property(FIGURE, str(figure))
    assert all(figure.values_ms for figure in figures)


def test_a_median_over_twice_its_aim_is_far_off() -> None:
    assert Figure("slow", [21.0, 21.0, 1.0], aim_ms=10).is_far_off
    assert not Figure("well", [19.0, 19.0, 99.0], aim_ms=10).is_far_off
    assert not Figure("without an aim", [99.0]).is_far_off
