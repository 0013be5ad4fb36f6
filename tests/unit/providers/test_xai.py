"""xAI's traps; every documented answer is in fixtures/xai."""

from __future__ import annotations

from typing import Any

import pytest

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.xai.provider import XAI
from providers.xai.usage import read_billing
from rotator.errors import UnexpectedAnswer
from tests.support.builders import api, oauth

WEEK = {
    "type": "USAGE_PERIOD_TYPE_WEEKLY",
    "start": "2026-11-20T00:00:00Z",
    "end": "2026-11-27T00:00:00Z",
}


def used(**config: Any) -> list[float]:
    pieces = Pieces()
    windows = read_billing(Part({"currentPeriod": WEEK} | config), pieces)
    if pieces.faults:
        raise pieces.faults[0]
    return [window.used for window in windows]


def test_a_week_that_names_no_percentage_is_unused_unless_a_part_of_it_is_used() -> None:
    assert used() == [0.0]
    with pytest.raises(UnexpectedAnswer, match="creditUsagePercent"):
        used(productUsage=[{"product": "Api", "usagePercent": 11}])


def test_of_any_other_period_without_a_percentage_nothing_is_known() -> None:
    assert used(currentPeriod={"type": "USAGE_PERIOD_TYPE_MONTHLY"}) == []
    assert used(currentPeriod=None) == []


def test_only_a_login_can_be_asked_for() -> None:
    assert XAI().usage_obstacle(oauth()) is None
    assert "management key" in str(XAI().usage_obstacle(api()))
