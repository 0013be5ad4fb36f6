"""Kimi's traps; every documented answer is in fixtures/kimi-for-coding."""

from __future__ import annotations

import pytest

from providers.kimi import Kimi
from rotator.model import Identity
from tests.support.asked_vendor import told


@pytest.mark.parametrize(
    "week",
    [
        {"limit": "100", "used": "6", "remaining": "94"},
        {"limit": "100", "used": "6"},
        {"limit": "100", "remaining": "94"},
        # Both are there, and do not fit: what is used is what counts.
        {"limit": "100", "used": "6", "remaining": "100"},
    ],
)
def test_what_is_used_is_told_or_what_remains_or_both(week: dict[str, str]) -> None:
    assert [w.used for w in told(Kimi(), {"usage": week}).windows] == pytest.approx([0.06])


def test_the_keys_of_one_user_are_limited_together() -> None:
    body = {"user": {"userId": "d1example"}, "limits": []}

    assert told(Kimi(), body).identity == Identity(key="d1example", group="d1example")


def test_a_week_that_stands_in_both_places_is_one_window() -> None:
    detail = {"limit": "100", "used": "50"}
    days = {"window": {"duration": 168, "timeUnit": "TIME_UNIT_HOUR"}, "detail": detail}

    body = {"usage": {"limit": "100", "used": "6"}, "limits": [days]}

    assert [(w.name, w.used) for w in told(Kimi(), body).windows] == [("7d", 0.5)]
