"""Time zones as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.failures.zones import named_zone, zone_at, zone_before, zone_of_place
from tests.support.failures import NOW


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("Z", 0),
        ("UTC", 0),
        ("UTC+8", 8),
        ("+0530", 5.5),
        ("-03:30", -3.5),
        ("+0800 CST", 8),
        ("JST", 9),
        ("America/New_York", -5),
        ("Pacific time", -8),
        ("北京时间", 8),
        ("coordinated universal time", 0),
        ("+19:00", None),
        ("Asia/Nowhere", None),
        ("CST", None),
        ("e\u017ft", None),
        ("Pac\u0131f\u0131c time", None),
        ("", None),
    ],
)
def test_a_zone_is_known_by_any_of_its_names(name: str, hours: float | None) -> None:
    zone = named_zone(name)
    offset = None if zone is None else zone.utcoffset(NOW.replace(tzinfo=None))

    assert offset == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "is_named"),
    [(" CST", True), (" (XYZ)", True), (" OR", False), ("", False), (" Request id", False)],
)
def test_what_stands_at_the_place_of_a_zone_names_one_or_not(text: str, is_named: bool) -> None:  # noqa: FBT001  # a table's column
    assert zone_at(text, 0) == (None, 0, is_named)


def test_a_zone_may_stand_before_its_time() -> None:
    zone, is_named = zone_before("北京时间 ")

    assert is_named
    assert zone == named_zone("Asia/Shanghai")
    assert zone_before("resets at ") == (None, False)


def test_a_place_is_looked_up_once() -> None:
    zone_of_place.cache_clear()

    zones = [zone_of_place(name) for name in ("UTC", "Asia/Tokyo", "Asia/Nowhere", "Asia/Tokyo")]

    assert [None if zone is None else str(zone) for zone in zones] == [
        "UTC", "Asia/Tokyo", None, "Asia/Tokyo",
    ]  # fmt: skip
    assert zone_of_place.cache_info().hits == 1
