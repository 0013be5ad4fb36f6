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
_PLACES = {
    "beijing time": "Asia/Shanghai", "china standard time": "Asia/Shanghai",
    "北京时间": "Asia/Shanghai", "中国标准时间": "Asia/Shanghai", "东八区": "Asia/Shanghai",
    "singapore time": "Asia/Singapore",
    "pacific time": "America/Los_Angeles", "pacific": "America/Los_Angeles",
    "pt": "America/Los_Angeles", "eastern time": "America/New_York", "et": "America/New_York",
    "central time": "America/Chicago", "mountain time": "America/Denver",
    "coordinated universal time": "UTC", "世界协调时": "UTC", "协调世界时": "UTC",
}  # fmt: skip
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
_BEFORE = re.compile(
    # Not the last letters of a word: "reset" names no zone.
    rf"(?<![A-Z])(?:{_PLACE}|(?:UTC|GMT)(?:{_OFFSET})?){_SHUT}[ :：，,]{{0,2}}$",
    re.IGNORECASE | re.ASCII,
)
_BEHIND = " :：，,)）]"
_LAST = tuple(_PLACES)
# A word in capitals at the place of a zone.
_UNKNOWN = re.compile(r"[ ]?\(?[A-Z]{2,5}\b(?![A-Z'])")
_CLOCK_WORDS = {"AM", "PM", "OR", "AND", "IF", "AI", "API", "ID", "TO"}
_LARGEST_HOURS = 14


def zone_at(text: str, at: int) -> tuple[tzinfo | None, int, bool]:
    """Return the zone that stands there, where it ends, and whether one is named at all."""
    match = _ZONE.match(text, at)
    if match is not None:
        return _known(match), match.end(), True
    word = _UNKNOWN.match(text, at)
    is_named = word is not None and word[0].strip(" (") not in _CLOCK_WORDS
    return None, at, is_named


def zone_before(text: str) -> tuple[tzinfo | None, bool]:
    """Return the zone that the end of `text` names, and whether it names one."""
    match = _BEFORE.search(text)
    return (None, False) if match is None else (named_zone(match[0].strip(_BEHIND)), True)


def without_zone(text: str) -> str:
    """Return `text` without the zone that its end names."""
    # Looking for one costs more than telling that there is none.
    told = text.rstrip(_BEHIND).lower()
    may_name_one = "utc" in told or "gmt" in told or told.endswith(_LAST)
    return _BEFORE.sub("", text) if may_name_one else text


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
