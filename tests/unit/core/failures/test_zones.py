"""Time zones as people write them."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from rotator.core.failures.zones import (
    named_zone,
    without_zone,
    zone_at,
    zone_before,
    zone_of_place,
)
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
        ("+14:00", 14),
        ("+15:00", None),
        ("+19:00", None),
        ("UTC+530", 5.5),
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


SHORT_NAMES = """
    utc=0 gmt=0 z=0 ut=0 wet=0 cet=1 cest=2 eet=2 eest=3 msk=3 jst=9 kst=9 hkt=8 sgt=8 awst=8
    aest=10 aedt=11 nzst=12 nzdt=13 est=-5 edt=-4 cdt=-5 mst=-7 mdt=-6 pst=-8 pdt=-7 akst=-9
    akdt=-8 hst=-10
"""


@pytest.mark.parametrize("told", SHORT_NAMES.split())
def test_a_short_name_that_means_one_zone_is_known(told: str) -> None:
    name, hours = told.split("=")

    zone = named_zone(name.upper())

    assert zone is not None
    assert zone.utcoffset(None) == timedelta(hours=int(hours))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Beijing time", "Asia/Shanghai"),
        ("China Standard Time", "Asia/Shanghai"),
        ("北京时间", "Asia/Shanghai"),
        ("中国标准时间", "Asia/Shanghai"),
        ("东八区", "Asia/Shanghai"),
        ("Singapore time", "Asia/Singapore"),
        ("Pacific time", "America/Los_Angeles"),
        ("Pacific", "America/Los_Angeles"),
        ("PT", "America/Los_Angeles"),
        ("Eastern time", "America/New_York"),
        ("ET", "America/New_York"),
        ("Central time", "America/Chicago"),
        ("Mountain time", "America/Denver"),
        ("世界协调时", "UTC"),
        ("协调世界时", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_a_zone_may_be_called_by_whose_time_it_is(name: str, place: str) -> None:
    assert str(named_zone(name)) == place


@pytest.mark.parametrize("word", ["AM", "PM", "OR", "AND", "IF", "AI", "API", "ID", "TO"])
def test_a_word_in_capitals_that_is_none_names_no_zone(word: str) -> None:
    assert zone_at(f" {word} go on", 0) == (None, 0, False)


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
    assert zone_of_place("UTC") is UTC
    zone_of_place.cache_clear()

    zones = [zone_of_place(name) for name in ("UTC", "Asia/Tokyo", "Asia/Nowhere", "Asia/Tokyo")]

    assert [None if zone is None else str(zone) for zone in zones] == [
        "UTC", "Asia/Tokyo", None, "Asia/Tokyo",
    ]  # fmt: skip
    assert zone_of_place.cache_info().hits == 1


@pytest.mark.parametrize(
    "zone",
    [
        "UTC", "GMT", "UTC+8", "gmt+08:00", "UTC-0530", "Beijing time", "China Standard Time",
        "北京时间", "中国标准时间", "东八区", "Singapore time", "Pacific time", "Pacific", "PT",
        "ET", "Eastern time", "Central time", "Mountain time", "Coordinated universal time",
        "世界协调时", "协调世界时",
    ],
)  # fmt: skip
@pytest.mark.parametrize("behind", ["", " ", ", ", "）"])
def test_the_zone_before_a_time_is_taken_off(zone: str, behind: str) -> None:
    assert without_zone(f"at {zone}{behind}") == "at "


@pytest.mark.parametrize(
    "text", ["", "resets at ", "reset", "at 12:00", "2026-11-23 ", "gmt is 12345678", "utc 12"]
)
def test_where_no_zone_stands_before_a_time_nothing_is_taken_off(text: str) -> None:
    assert without_zone(text) == text


@pytest.mark.parametrize(
    ("text", "hours", "rest"),
    [
        ("GMT+0800 (中国标准时间)", 8, " (中国标准时间)"),
        ("GMT+0800 (China Standard Time)", 8, " (China Standard Time)"),
        ("GMT+0800 (GMT+08:00)", 8, " (GMT+08:00)"),
        ("+0800 CST go", 8, " go"),
        ("+0800 (CST) go", 8, " go"),
        ("+0800 CST+1", 8, " CST+1"),
        ("CST (UTC+8)", 8, ""),
    ],
)
def test_what_stands_behind_an_offset_is_of_it_where_it_is_a_short_name(
    text: str, hours: float, rest: str
) -> None:
    zone, end, is_named = zone_at(text, 0)

    assert is_named
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(hours=hours)
    assert text[end:] == rest


def test_the_longest_name_that_stands_there_is_meant() -> None:
    assert zone_at("Pacific time today", 0)[1] == len("Pacific time")
    assert zone_at("Pacific today", 0)[1] == len("Pacific")
