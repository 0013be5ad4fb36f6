"""Rate-limit headers that any vendor may send; documented ones are in fixtures/generic-headers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.generic import Generic
from rotator.model import Window
from tests.support.asked_vendor import asked
from tests.support.builders import NOW, api


def windows(remaining: str, limit: str, reset: str, what: str = "requests-hour") -> list[Window]:
    names = (f"x-ratelimit-{kind}-{what}" for kind in ("remaining", "limit", "reset"))
    headers = dict(zip(names, (remaining, limit, reset), strict=True))
    snapshot = Generic().read_headers(headers, NOW)
    return list(snapshot.windows) if snapshot else []


@pytest.mark.parametrize("reset", ["1h2m3s", "3723", "3723.0", "1795352523", "1795352523000"])
def test_a_reset_is_a_length_a_number_of_seconds_or_a_moment(reset: str) -> None:
    (window,) = windows("3", "4", reset)

    assert (window.name, window.used) == ("1h requests", 0.25)
    assert window.resets_at == NOW + timedelta(seconds=3_723)


@pytest.mark.parametrize("reset", ["soon", "2026-11-22T13:00:00", "1e3", "9" * 15, "1000000000"])
def test_a_reset_that_cannot_be_meant_is_left_out(reset: str) -> None:
    assert [window.resets_at for window in windows("3", "4", reset)] == [None]


def test_only_a_window_of_a_day_and_more_stops_an_account() -> None:
    lengths = ("minute", "hour", "day", "month")

    found = [windows("0", "4", "1s", f"tokens-{length}")[0] for length in lengths]

    assert [window.blocks for window in found] == [False, False, True, True]


def test_a_vendor_without_a_module_is_not_asked() -> None:
    assert Generic().usage_obstacle(api()) == Generic.why
    assert asked(Generic()).requests == ()
