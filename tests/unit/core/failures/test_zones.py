"""Time zones as people write them."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from rotator.core.failures.zones import (
    named_zone,
    without_zone,
    zone_apart,
    zone_at,
    zone_before,
    zone_of_all,
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


NO_WORDS_OF_A_ZONE = """
    next first each every any this that same last for by at wait reset retry more until some a long
    of and or one many another second to on if is be in
"""
PLACES = {
    "Asia/Shanghai": "Beijing time|China Standard Time|Shanghai time|China time|北京时间|北京時間"
    "|中国标准时间|中国时间|上海时间|东八区|東八區",
    "Asia/Hong_Kong": "Hong Kong time|Hong Kong Standard Time|香港时间|香港時間",
    "Asia/Taipei": "Taipei time|Taipei Standard Time|台北时间|台北時間|台湾时间|台灣時間",
    "Asia/Singapore": "Singapore time|Singapore Standard Time|新加坡时间|新加坡時間",
    "Asia/Tokyo": "Tokyo time|Japan time|Japan Standard Time|Tokyo Standard Time|东京时间|東京時間"
    "|日本时间|日本時間|日本标准时间|东九区",
    "Asia/Seoul": "Seoul time|Korea time|Korea Standard Time|Korean Standard Time|首尔时间|韩国时间"
    "|首爾時間|韓國時間",
    "Asia/Kolkata": "India Standard Time|Indian Standard Time|India time|印度时间|印度标准时间",
    "Asia/Dubai": "Dubai time|Gulf Standard Time|迪拜时间",
    "Australia/Sydney": "Sydney time|悉尼时间",
    "Europe/London": "London time|British Summer Time|UK time|伦敦时间|英国时间|倫敦時間",
    "Europe/Paris": "Central European Time|Central European Summer Time|Paris time|Berlin time"
    "|Central European Standard Time|欧洲中部时间|中欧时间|巴黎时间|柏林时间",
    "Europe/Athens": "Eastern European Time|Eastern European Summer Time|东欧时间",
    "Europe/Moscow": "Moscow time|Moscow Standard Time|莫斯科时间",
    "America/Los_Angeles": "Pacific time|Pacific|PT|Pacific Standard Time|Pacific Daylight Time"
    "|US Pacific time|Los Angeles time|San Francisco time|太平洋时间|太平洋標準時間|太平洋标准时间"
    "|太平洋夏令时间|美国太平洋时间|洛杉矶时间|旧金山时间|美西时间|美国西部时间",
    "America/New_York": "Eastern time|ET|Eastern Standard Time|Eastern Daylight Time"
    "|US Eastern time|New York time|纽约时间|紐約時間|美东时间|美国东部时间|美東時間"
    "|东部标准时间|东部夏令时间",
    "America/Chicago": "Central time|Central Standard Time|Central Daylight Time|US Central time"
    "|芝加哥时间|美国中部时间",
    "America/Denver": "Mountain time|Mountain Standard Time|Mountain Daylight Time"
    "|US Mountain time|美国山地时间",
    "UTC": "Coordinated Universal Time|Universal time|Greenwich Mean Time|Greenwich time|Zulu time"
    "|世界协调时|协调世界时|世界協調時|協調世界時|格林威治时间|格林尼治时间|格林尼治标准时间"
    "|格林威治標準時間|世界标准时间|国际标准时间",
}


@pytest.mark.parametrize(
    ("name", "place"), [(n, place) for place, names in PLACES.items() for n in names.split("|")]
)
def test_the_time_of_a_place_is_known_behind_a_time_and_before_it(name: str, place: str) -> None:
    zone, end, is_named = zone_at(f" {name}.", 0)

    assert (str(zone), end, is_named) == (place, len(name) + 1, True)
    assert str(zone_before(f"at {name}: ")[0]) == place
    assert without_zone(f"at {name}: ") == "at "


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *((f" {words} time", words) for words in (
            "local", "server", "your", "Kamchatka", "Samoa Standard",
            "Western Samoa Standard", "in your local",
        )),
        (" your time zone", ""),
        (" local timezone", ""),
        (" (local time)", ""),
        ("（Samoa time）", ""),
        (" [Samoa time]", ""),
        (" samoa-time", ""),
        (" (Narnia)", ""),
        (" （Narnia）", ""),
        (" (West Narnia)", ""),
        ("（当地时间）", ""),
        ("当地时间", ""),
        (" 曼谷当地时间", ""),
        (" 本地時間", ""),
        (" 服务器时间", ""),
        (" 系统的时间", ""),
        (" 萨摩亚标准时间", ""),
        (" 东部夏令时", ""),
        (" 泰国时间", ""),
        (" 加州时间", ""),
        (" 美时间", ""),
        (" 欧洲西部时间", ""),
        (" 西部时间", ""),
    ],
)  # fmt: skip
def test_somebody_s_time_that_nobody_knows_is_named_all_the_same(text: str, named: str) -> None:
    zone, _, is_named = zone_at(text, 0)

    assert (zone, is_named) == (None, True), named


@pytest.mark.parametrize(
    "text",
    [
        *(f" {word} time" for word in NO_WORDS_OF_A_ZONE.split()),
        " for the first time", " time", ". Local time", " a b c d e time",
        " (Thursday)", " (Nov)", " (today)", " (Tomorrow)", " (narnia)", " (in)", " (In)",
        " (After)", " (About)", " (approximately)", " (Next)", " (If)", " (X)", " local timer",
        "重置时间", "恢复时间", " 重置", "日期时间", " 下次时间",
    ],
)  # fmt: skip
def test_what_is_nobody_s_time_names_no_zone(text: str) -> None:
    assert zone_at(text, 0) == (None, 0, False)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Singapore", "Asia/Singapore"), ("Tokyo", "Asia/Tokyo"), ("New York", "America/New_York"),
        ("Japan", "Asia/Tokyo"), ("Hongkong", "Hongkong"), ("Turkey", "Turkey"),
    ],
)  # fmt: skip
def test_a_place_in_brackets_is_where_the_time_is_of(name: str, place: str) -> None:
    zone, end, is_named = zone_at(f" ({name}) x", 0)

    assert (str(zone), end, is_named) == (place, len(name) + 3, True)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("东九区", 9), ("東九區时间", 9), ("东一区", 1), ("东十区", 10), ("东十二区", 12),
        ("西五区", -5), ("西十一区時間", -11), ("东十四区", 14), ("东十五区", None),
        ("东二十区", None), ("东二三区", None),
    ],
)  # fmt: skip
def test_a_zone_may_be_so_many_hours_east_or_west(name: str, hours: int | None) -> None:
    for zone, is_named in (zone_at(f" {name}", 0)[::2], zone_before(f"在{name} ")):
        assert is_named
        offset = None if zone is None else zone.utcoffset(NOW.replace(tzinfo=None))
        assert offset == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "hours", "rest"),
    [
        ("at JST ", 9, "at "),
        ("at (EST): ", -5, "at ("),
        ("at CEST, ", 2, "at "),
        ("at CST ", None, "at "),
        ("at BST: ", None, "at "),
        ("at Samoa Standard Time ", None, "at "),
        ("at West Samoa Daylight Time: ", None, "at "),
        ("at Samoa Summer Time ", None, "at "),
        ("at Samoa Winter Time ", None, "at "),
        ("at local time ", None, "at "),
        ("at Local Time: ", None, "at "),
        ("额度将在当地时间 ", None, None),
        ("额度将在泰国时间：", None, None),
        ("额度将在当地时间的 ", None, None),
    ],
)
def test_a_name_before_a_time_is_of_a_zone(text: str, hours: int | None, rest: str | None) -> None:
    zone, is_named = zone_before(text)

    assert is_named
    offset = None if zone is None else zone.utcoffset(NOW.replace(tzinfo=None))
    assert offset == (None if hours is None else timedelta(hours=hours))
    assert rest is None or without_zone(text) == rest
    assert without_zone(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "AT ", "NEXT ", "LAST ", "WAIT ", "START ", "LIMIT ", "NOT ", "GET ", "RESET ",
        "Reset Time: ", "reset time ", "xJST ", "LIMITLESST ", "packet ", "重置时间：",
        "恢复时间 ", "jst ", "Standard Time ", "xutc ", "MYUTC ", "utc and then some more at ",
    ],
)  # fmt: skip
def test_a_word_before_a_time_is_of_no_zone(text: str) -> None:
    assert zone_before(text) == (None, False)
    assert without_zone(text) == text


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("10:30, UTC", 0),
        ("10:30，UTC+8", 8),
        ("10:30, Beijing time", 8),
        ("10:30, JST", 9),
        ("10:30 重置（北京时间）", 8),
        ("10:30重置(UTC+8)", 8),
        ("10:30 之后即可恢复使用（东九区）", 9),
    ],
)
def test_a_zone_may_be_told_apart_from_its_time(text: str, hours: int) -> None:
    zone, is_named = zone_apart(text, 5)

    assert is_named
    assert zone is not None
    assert zone.utcoffset(NOW) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text",
    [
        "10:30, est. 5",
        "10:30, -5 credits",
        "10:30, 北京",
        "10:30 重置（每周）",
        "10:30 UTC",
        "10:30",
    ],
)
def test_what_else_is_told_apart_is_no_zone(text: str) -> None:
    assert zone_apart(text, 5) == (None, False)


def test_a_zone_apart_that_nobody_knows_is_named_all_the_same() -> None:
    assert zone_apart("10:30 重置（当地时间）", 5) == (None, True)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Resets at 10:30. All times are in UTC.", 0),
        ("Times shown in Asia/Tokyo", 9),
        ("retried 3 times in a row; all times in UTC+8", 8),
        ("重置时间为 10:30，以上时间均为北京时间", 8),
        ("Resets at 10:30 UTC", None),
    ],
)
def test_a_zone_may_be_said_of_all_times(text: str, hours: int | None) -> None:
    zone = zone_of_all(text)

    offset = zone.utcoffset(NOW) if zone is not None else None
    assert offset == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize("before", ["Reset time (Beijing): ", "重置时间（Beijing）："])
def test_a_place_may_stand_before_a_time_in_brackets(before: str) -> None:
    zone, is_named = zone_before(before)

    assert is_named
    assert zone is not None
    assert zone.utcoffset(NOW) == timedelta(hours=8)
    assert without_zone(before) in {"Reset time ", "重置时间"}
