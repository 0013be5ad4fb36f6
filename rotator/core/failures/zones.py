"""Time zones as people write them: `Z`, `UTC+8`, `+0800 CST`, `(America/New_York)`, `北京时间`.

Pure. A zone that is named and not known is not guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Short names that mean one zone in the whole world; `CST`, `IST` and `BST` mean several.
_HOURS = {
    "utc": 0.0, "gmt": 0.0, "z": 0.0, "ut": 0.0, "wet": 0.0, "cet": 1.0, "cest": 2.0, "eet": 2.0,
    "eest": 3.0, "msk": 3.0, "jst": 9.0, "kst": 9.0, "hkt": 8.0, "sgt": 8.0, "awst": 8.0,
    "aest": 10.0, "aedt": 11.0, "nzst": 12.0, "nzdt": 13.0, "est": -5.0, "edt": -4.0, "cdt": -5.0,
    "mst": -7.0, "mdt": -6.0, "pst": -8.0, "pdt": -7.0, "akst": -9.0, "akdt": -8.0, "hst": -10.0,
}  # fmt: skip
# Whose time it is, in the words of people and of Windows; summer's is that of the place.
_OF_PLACES = {
    "Asia/Shanghai": "beijing time|china standard time|shanghai time|china time|北京时间|北京時間"
    "|中国标准时间|中国时间|上海时间|东八区|東八區",
    "Asia/Hong_Kong": "hong kong time|hong kong standard time|香港时间|香港時間",
    "Asia/Taipei": "taipei time|taipei standard time|台北时间|台北時間|台湾时间|台灣時間",
    "Asia/Singapore": "singapore time|singapore standard time|新加坡时间|新加坡時間",
    "Asia/Tokyo": "tokyo time|japan time|japan standard time|tokyo standard time|东京时间|東京時間"
    "|日本时间|日本時間|日本标准时间|东九区",
    "Asia/Seoul": "seoul time|korea time|korea standard time|korean standard time|首尔时间|韩国时间"
    "|首爾時間|韓國時間",
    "Asia/Kolkata": "india standard time|indian standard time|india time|印度时间|印度标准时间",
    "Asia/Dubai": "dubai time|gulf standard time|迪拜时间",
    "Australia/Sydney": "sydney time|悉尼时间",
    "Europe/London": "london time|british summer time|uk time|伦敦时间|英国时间|倫敦時間",
    "Europe/Paris": "central european time|central european summer time|paris time|berlin time"
    "|central european standard time|欧洲中部时间|中欧时间|巴黎时间|柏林时间",
    "Europe/Athens": "eastern european time|eastern european summer time|东欧时间",
    "Europe/Moscow": "moscow time|moscow standard time|莫斯科时间",
    "America/Los_Angeles": "pacific time|pacific|pt|pacific standard time|pacific daylight time"
    "|us pacific time|los angeles time|san francisco time|太平洋时间|太平洋標準時間|太平洋标准时间"
    "|太平洋夏令时间|美国太平洋时间|洛杉矶时间|旧金山时间|美西时间|美国西部时间",
    "America/New_York": "eastern time|et|eastern standard time|eastern daylight time"
    "|us eastern time|new york time|纽约时间|紐約時間|美东时间|美国东部时间|美東時間"
    "|东部标准时间|东部夏令时间",
    "America/Chicago": "central time|central standard time|central daylight time|us central time"
    "|芝加哥时间|美国中部时间",
    "America/Denver": "mountain time|mountain standard time|mountain daylight time|us mountain time"
    "|美国山地时间",
    "UTC": "coordinated universal time|universal time|greenwich mean time|greenwich time|zulu time"
    "|世界协调时|协调世界时|世界協調時|協調世界時|格林威治时间|格林尼治时间|格林尼治标准时间"
    "|格林威治標準時間|世界标准时间|国际标准时间",
}  # fmt: skip
_PLACES = {name: place for place, names in _OF_PLACES.items() for name in names.split("|")}
_AREAS = (
    "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian"
    "|Mexico|Pacific|Etc|US"
)
_PLACE = "|".join(sorted(_PLACES, key=len, reverse=True))
_NAMES = "|".join(_HOURS)
_OFFSET = r"[+\-\u2212]\d{1,2}(?::?[0-5]\d)?(?![\d:])"
_OPEN, _SHUT = r"[(（\[]?", r"[)）\]]?"
_ZONE = re.compile(
    # A short name may say nothing where the offset stands behind it: `CST (UTC+8)`.
    rf"(?:[ ]?[A-Z]{{2,5}}(?=[ ]?[(（](?:utc|gmt)))?"
    rf"[ ]?{_OPEN}(?:(?P<name>utc|gmt)? ?(?P<offset>{_OFFSET})"
    r"(?: [A-Z]{2,5}\b(?![+-])| \([A-Z]{2,5}\))?"
    rf"|(?P<place>{_PLACE})(?![a-z/])"
    rf"|(?P<iana>(?:{_AREAS})(?:/[A-Za-z](?:[A-Za-z0-9_+-]{{0,30}}[A-Za-z0-9])?){{1,2}})"
    rf"|(?P<short>{_NAMES})(?![\w/])){_SHUT}",
    # Else a dotless i and a long s would be letters of names that the tables do not have.
    re.IGNORECASE | re.ASCII,
)
_UTC_BEFORE = re.compile(
    rf"(?<![A-Z])(?:UTC|GMT)(?:{_OFFSET})?{_SHUT}[ :：，,]{{0,2}}$", re.IGNORECASE | re.ASCII
)
_LAST_LETTERS = frozenset("ctepCTEP0123456789")
_LONGEST_UTC, _NEAR = 20, 24
# What names a zone that is in no list, behind a time and before it: somebody's time.
_NOT_OF_A_ZONE = (
    "next|first|each|every|any|this|that|same|last|for|by|at|wait|reset|retry|more|until|some|a|long"
    "|of|and|or|one|many|another|second|to|on|if|is|be|in"
)
_OTHERS_TIME = re.compile(
    rf"[ ]?[(（\[]?(?:in )?(?:(?!(?:{_NOT_OF_A_ZONE})\b)[a-z]++[ -]){{1,4}}time(?: ?zone)?(?![a-z])"
    # `(Singapore)`, but no day: `(Thursday)`.
    r"|[ ]?[(（](?P<name>(?!(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct"
    r"|nov|dec|approx)[a-z]*\b|(?:to|in|after|about|if|next|the|today|tomorrow|tonight)\b)"
    r"(?-i:[A-Z])[a-z]{2,20}(?: (?-i:[A-Z])[a-z]{2,20})?)[)）]",
    re.IGNORECASE | re.ASCII,
)
_CHINESE_TIME = (
    "(?:[东東西][一二三四五六七八九十]{1,2}[区區](?:[时時][间間])?"
    "|[\u4e00-\u9fff]{0,6}(?:标准|標準|夏令|冬令|当地|當地|本地|服务器|伺服器|系统|系統|所在地|时区"
    "|當前時區)(?:的)?[时時][间間]?"
    "|(?:[东東西南北中美欧歐亚亞澳非俄英法德韩韓日印泰越]|[\u4e00-\u9fff]{1,5}[国國洲市州])"
    "[东東西中南北]?部?[时時][间間])"
)
_CHINESE_AT = re.compile(rf"[ ]?{_OPEN}{_CHINESE_TIME}")
_CHINESE_BEFORE = re.compile(rf"{_CHINESE_TIME}{_SHUT}[ :：，,的]{{0,2}}$")
# Before a time a name in capitals is one that a clock has, in small letters one that says so.
_OTHERS_BEFORE = re.compile(
    r"(?:(?<![A-Za-z])(?P<short>[A-Z]{1,4}[SDE]?T)"
    r"|(?:[A-Z][a-z]+ ){1,3}(?:Standard|Daylight|Summer|Winter) Time|\b[Ll]ocal [Tt]ime)"
    rf"{_SHUT}[ :,]{{0,2}}$",
    re.ASCII,
)
_APART = re.compile("[,，] ?|[ ]?[\u4e00-\u9fff]{1,10}(?=[(（])")
_SHORT = 4
_OF_ALL = re.compile(
    r"\btimes (?:are |shown )?(?:all )?in\b|[时時][间間][均都皆]?(?:为|為|是|以)", re.IGNORECASE
)
# `(Beijing): 2026-11-24 10:30`.
_PLACE_BEFORE = re.compile(r"[(（](?P<place>[A-Z][a-z]+(?: [A-Z][a-z]+)?)[)）][ :：]{1,3}$")
_BEHIND = " :：，,)）]"
# The longest of those that end alike.
_LAST = tuple(sorted(_PLACES, key=len, reverse=True))
# A word in capitals at the place of a zone.
_UNKNOWN = re.compile(r"[ ]?\(?[A-Z]{2,5}\b(?![A-Z'])")
_CLOCK_WORDS = {"AM", "PM", "OR", "AND", "IF", "AI", "API", "ID", "TO"}
# Words in capitals before a time that are no zones.
_NO_ZONES = frozenset({"AT", "NEXT", "LAST", "WAIT", "START", "LIMIT", "NOT", "GET", "RESET"})
_BY_HOURS = re.compile(
    "(?P<way>[东東西])(?P<ten>十)?(?P<ones>(?(ten)[一二三四]?|[一二三四五六七八九]))[区區]"
)
_DIGITS = "一二三四五六七八九"
_LARGEST_HOURS = 14


def zone_at(text: str, at: int) -> tuple[tzinfo | None, int, bool]:
    """Return the zone that stands there, where it ends, and whether one is named at all."""
    match = _ZONE.match(text, at)
    if match is not None:
        return _known(match), match.end(), True
    word = _UNKNOWN.match(text, at)
    if word is not None and word[0].strip(" (") not in _CLOCK_WORDS:
        return None, at, True
    other = _OTHERS_TIME.match(text, at) or (
        None if text.isascii() else _CHINESE_AT.match(text, at)
    )
    if other is None:
        return None, at, False
    name = other.groupdict().get("name")
    return _of_a_place(name) if name else _hours_east(other[0]), other.end(), True


def zone_apart(text: str, at: int) -> tuple[tzinfo | None, bool]:
    """Return the zone that is told apart from a time, and whether one is named.

    Behind a comma, or in brackets behind what happens then: `10:30 重置（北京时间）`.
    """
    joint = _APART.match(text, at)
    if joint is None:
        return None, False
    if (zone := _ZONE.match(text, joint.end())) is None:
        other = _CHINESE_AT.match(text, joint.end())
        return (None, False) if other is None else (_hours_east(other[0]), True)
    name = zone[0].strip(" ()（）")
    # `est.` is no zone, and neither is a number with its sign.
    if (name.isascii() and len(name) <= _SHORT and not name.isupper()) or name[0] in "+-\u2212":
        return None, False
    return _known(zone), True


def zone_of_all(text: str) -> tzinfo | None:
    """Return the zone that a text says all its times are in, or None."""
    named = (zone_at(text, told.end())[0] for told in _OF_ALL.finditer(text))
    return next(filter(None, named), None)


def zone_before(text: str) -> tuple[tzinfo | None, bool]:
    """Return the zone that the end of `text` names, and whether it names one."""
    begin = _before(text)
    if begin is None:
        return None, False
    place = _PLACE_BEFORE.search(text, begin)
    if place is not None:
        return _of_a_place(place["place"]), True
    name = text[begin:].strip(_BEHIND)
    return named_zone(name) or _hours_east(name), True


def without_zone(text: str) -> str:
    """Return `text` without the zone that its end names."""
    return text[: _before(text)]


def _before(text: str) -> int | None:
    """Return where the name of a zone begins with which `text` ends."""
    # Looking for one costs more than telling that there is none.
    place = _PLACE_BEFORE.search(text) if text.rstrip(" :：").endswith((")", "）")) else None
    if place is not None and _of_a_place(place["place"]) is not None:
        return place.start()
    told = text.rstrip(_BEHIND)
    if text.isascii() and told[-1:] not in _LAST_LETTERS:
        return None
    small = told.lower()
    if small.endswith(_LAST):
        name = next(name for name in _LAST if small.endswith(name))
        begin = len(told) - len(name)
        # Not the last letters of a word: "reset" names no zone.
        if not (small[begin - 1 : begin].isalpha() and name.isascii()):
            return begin
    if "utc" in small[-_LONGEST_UTC:] or "gmt" in small[-_LONGEST_UTC:]:
        match = _UTC_BEFORE.search(text, len(text) - _LONGEST_UTC)
    elif told.endswith(("T", "ime")):
        match = _OTHERS_BEFORE.search(text)
        match = None if match is None or match["short"] in _NO_ZONES else match
    else:
        match = None if text.isascii() else _CHINESE_BEFORE.search(text, len(text) - _NEAR)
    return None if match is None else match.start()


def _of_a_place(name: str) -> tzinfo | None:
    """Return the zone of `Singapore`, a city or a country as the lists have it."""
    place = _PLACES.get(f"{name.lower()} time")
    return zone_of_place(place or name)


def _hours_east(text: str) -> tzinfo | None:
    """Return the zone of `东九区`, so many hours east, or None for another name."""
    match = _BY_HOURS.search(text)
    if match is None:
        return None
    ones = match["ones"]
    hours = (10 if match["ten"] else 0) + (_DIGITS.index(ones) + 1 if ones else 0)
    return timezone(timedelta(hours=hours if match["way"] in "东東" else -hours))


def named_zone(name: str) -> tzinfo | None:
    """Return a zone by any of its names, or None."""
    match = _ZONE.fullmatch(name)
    return None if match is None else _known(match)


def _known(match: re.Match[str]) -> tzinfo | None:
    if match["offset"]:
        return _by_offset(match["offset"])
    if match["place"]:
        return zone_of_place(_PLACES[match["place"].lower()])
    if match["iana"]:
        return zone_of_place(match["iana"])
    return timezone(timedelta(hours=_HOURS[match["short"].lower()]))


def _by_offset(text: str) -> tzinfo | None:
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")  # noqa: PLR2004  # HHMM
    if int(hours) > _LARGEST_HOURS:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(offset if text[0] == "+" else -offset)


@lru_cache(maxsize=64)
def zone_of_place(name: str) -> tzinfo | None:
    """Return the zone of a place by its name in the IANA's list, or None."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
