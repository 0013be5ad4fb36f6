"""Times, percentages, bars and states as a person reads them: the one place that has their words.

Pure: a value and, where it matters, the time now go in, text comes out. Times are local, and a
whole moment names its zone; what programs read is `rotator.clock.to_iso`. rotator-tui.js has the
same rules for percentages, short lengths and states (`src/tui/core/words.js`); a test holds both
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86_400
# With less than this left, the seconds are told.
COUNTED_SECONDS = 2 * MINUTE
TODAY_SECONDS = 12 * HOUR
_THIS_WEEK_SECONDS = 6 * DAY
_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE))
# What has no exact fraction is less than this beside it: 0.285 * 100 is 28.499999999999996.
_ROUNDING_ERROR = 1e-9
_STATES_WITHOUT_END = {"ready", "disabled"}


# -- how much ------------------------------------------------------------------------------------


def whole_percent(used: float) -> int:
    """Return a fraction in whole per cent: the nearest, half of one goes up.

    Only what is all used is 100, and only what nothing is used of is 0.
    """
    if used >= 1:
        return 100
    if used <= 0:
        return 0
    return min(max(int(used * 100 + 0.5 + _ROUNDING_ERROR), 1), 99)


def percent(used: float) -> str:
    """Return a fraction as a percentage for a column or a line: `29%`."""
    return f"{whole_percent(used)}%"


def used_words(used: float) -> str:
    """Return a fraction as a part of a sentence: `29 % used`."""
    return f"{whole_percent(used)} % used"


def filled_cells(used: float, cells: int) -> int:
    """Return how many cells of a bar are full: anything used shows, and anything left."""
    full = round(min(max(used, 0.0), 1.0) * cells)
    return min(max(full, 1), cells - 1) if 0 < used < 1 else full


def columns(readings: Sequence[float], steps: str) -> str:
    """Return readings as one line of small columns, of which `steps` has the heights."""
    last = len(steps) - 1
    return "".join(steps[min(max(int(used * len(steps)), 0), last)] for used in readings)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 account`, `2 accounts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- how long ------------------------------------------------------------------------------------


def span(seconds: float) -> str:
    """Return a length of time: `45 s`, `1 min 20 s`, `12 min`, `2 h 13 min`, `3 d 4 h`.

    A part of a second counts as one, so that what was said to last an hour lasts `1 h`.
    """
    left = max(-int(-seconds // 1), 0)
    if left < MINUTE:
        return f"{left} s"
    if left < COUNTED_SECONDS:
        return _both(left // MINUTE, "min", left % MINUTE, "s")
    if left < HOUR:
        return f"{left // MINUTE} min"
    if left < DAY:
        return _both(left // HOUR, "h", left % HOUR // MINUTE, "min")
    return _both(left // DAY, "d", left % DAY // HOUR, "h")


def _both(count: int, unit: str, more: int, smaller: str) -> str:
    return f"{count} {unit} {more} {smaller}" if more else f"{count} {unit}"


def span_in_minutes(seconds: float) -> str:
    """Return a length of time that changes once a minute: what is begun of one counts."""
    return span(max(-int(-seconds // MINUTE), 1) * MINUTE)


def short_span(seconds: float) -> str:
    """Return a length of time in its largest unit alone: `45s`, `12m`, `2h`, `3d`."""
    left = max(int(seconds), 0)
    for unit, length in _UNITS:
        if left >= length:
            return f"{left // length}{unit}"
    return f"{left}s"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago something was."""
    if at is None:
        return "never"
    seconds = int((now - at).total_seconds())
    # Seconds would tick for nothing.
    return "just now" if seconds < MINUTE else f"{span(seconds - seconds % MINUTE)} ago"


# -- when ----------------------------------------------------------------------------------------


def moment(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a time as it is said now, for a column: `14:00`, `Tue 09:00`, `13 Dec`.

    Without a `zone` it is this computer's.
    """
    there, left = local(at, zone), abs((at - now).total_seconds())
    if left < TODAY_SECONDS or there.date() == local(now, zone).date():
        return f"{there:%H:%M}"
    if left < _THIS_WEEK_SECONDS:
        return f"{there:%a %H:%M}"
    return f"{there.day} {there:%b}"


def day_or_time(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return when something was, in a list of what was: `14:00`, and `13 Dec` after a day."""
    there = local(at, zone)
    return f"{there:%d %b}" if (now - at).total_seconds() > DAY else f"{there:%H:%M}"


def long_moment(at: datetime, zone: tzinfo | None = None) -> str:
    """Return when something was, with all that is known of it: `Sun 22 Nov 2026 10:45:00`."""
    return f"{local(at, zone):%a %d %b %Y %H:%M:%S}"


def moment_with_zone(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a time as it is said now, with its zone: `14:00 CET`, `2026-12-13 09:00 CET`."""
    if abs((at - now).total_seconds()) < _THIS_WEEK_SECONDS:
        return f"{moment(at, now, zone)} {zone_name(local(at, zone))}"
    return moment_in_full(at, zone)


def moment_in_full(at: datetime, zone: tzinfo | None = None) -> str:
    """Return a time as sentences have it, also those that are kept: `2026-12-13 09:00 CET`."""
    there = local(at, zone)
    return f"{there:%Y-%m-%d %H:%M} {zone_name(there)}"


def moment_to_the_second(at: datetime, zone: tzinfo | None = None) -> str:
    """Return a time of which the seconds matter: `2026-12-13 09:00:00 CET`."""
    there = local(at, zone)
    return f"{there:%Y-%m-%d %H:%M:%S} {zone_name(there)}"


def local(at: datetime, zone: tzinfo | None = None) -> datetime:
    """Return a time in that zone, or in this computer's."""
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        # It is before or after every year there.
        return at.astimezone(UTC)


def zone_name(at: datetime) -> str:
    """Return what the zone of a time is called: `CET`, and `UTC+03:00` where it has no letters."""
    name = at.tzname() or ""
    if name.isalpha() and name.isascii():
        return name
    offset = f"{at:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def reset_in_full(resets_at: datetime | None, now: datetime, zone: tzinfo | None = None) -> str:
    """Return the same with both: `resets in 2 h 13 min (14:00 CET)`."""
    if resets_at is None or resets_at <= now:
        return reset_words(resets_at, now, zone)
    left = span((resets_at - now).total_seconds())
    return f"resets in {left} ({moment_with_zone(resets_at, now, zone)})"


def is_counted(at: datetime | None, now: datetime) -> bool:
    """Tell whether the seconds until `at` are counted on the screen."""
    return at is not None and 0 < (at - now).total_seconds() <= COUNTED_SECONDS


def reset_words(resets_at: datetime | None, now: datetime, zone: tzinfo | None = None) -> str:
    """Return when a window begins anew: `resets in 2 h 13 min`, `resets Tue 09:00`."""
    if resets_at is None:
        return ""
    left = (resets_at - now).total_seconds()
    if left <= 0:
        return "has begun anew"
    if left < TODAY_SECONDS:
        return f"resets in {span(left)}"
    return f"resets {moment(resets_at, now, zone)}"


# -- states --------------------------------------------------------------------------------------


def state_words(state: str, rest: str = "") -> str:
    """Return what an account can do, with how long that holds: `cooling 12 min`, `needs login`."""
    if state == "rejected":
        return "needs login"
    return f"{state} {rest}" if rest and state not in _STATES_WITHOUT_END else state


def short_state_words(state: str, rest: str = "") -> str:
    """Return the same where there is little room: `used up 2h`, `cooling 12m`."""
    return state_words("used up" if state == "exhausted" else state, rest)
