"""Times, states and amounts as a person reads them, short enough for a column."""

from __future__ import annotations

from datetime import datetime, tzinfo

from rotator.model import AccountState, EventKind
from rotator.tui.model.world import Row
from rotator.tui.view.frame import Style

MINUTE, HOUR, DAY = 60, 3600, 86_400
# With less than this left, the seconds are counted.
COUNTED_SECONDS = 2 * MINUTE
_SOON_SECONDS = HOUR
_TODAY_SECONDS = 12 * HOUR
_THIS_WEEK_SECONDS = 6 * DAY

_STATE_STYLES = {
    AccountState.READY: Style.GOOD,
    AccountState.COOLING: Style.WARN,
    AccountState.EXHAUSTED: Style.WARN,
    AccountState.REJECTED: Style.BAD,
    AccountState.DISABLED: Style.QUIET,
}
_EVENT_STYLES = {
    EventKind.FAILOVER: Style.ACCENT,
    EventKind.REROUTED: Style.ACCENT,
    EventKind.LIMITED: Style.WARN,
    EventKind.REVERTED: Style.WARN,
    EventKind.REJECTED: Style.BAD,
    EventKind.PROBLEM: Style.BAD,
    EventKind.RECOVERED: Style.GOOD,
}


def span(seconds: float) -> str:
    """Return a length of time: `45 s`, `1 min 20 s`, `12 min`, `2 h 13 min`, `3 d 4 h`."""
    left = max(int(seconds), 0)
    if left < MINUTE:
        return f"{left} s"
    if left < COUNTED_SECONDS:
        return f"{left // MINUTE} min {left % MINUTE} s"
    if left < HOUR:
        return f"{left // MINUTE} min"
    if left < DAY:
        hours, minutes = left // HOUR, left % HOUR // MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = left // DAY, left % DAY // HOUR
    return f"{days} d {hours} h" if hours else f"{days} d"


def short_span(seconds: float) -> str:
    """Return a length of time in its largest unit alone: `45s`, `12m`, `2h`, `3d`."""
    left = max(int(seconds), 0)
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if left >= length:
            return f"{left // length}{unit}"
    return f"{left}s"


def moment(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Return a time as it is said now: `14:00`, `Tue 09:00`, `13 Dec`."""
    local, left = at.astimezone(zone), abs((at - now).total_seconds())
    if left < _TODAY_SECONDS or local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    if left < _THIS_WEEK_SECONDS:
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b}"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago something was."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if seconds < MINUTE:
        return "just now"
    # Seconds would tick for nothing.
    return f"{int(seconds) // MINUTE} min ago" if seconds < HOUR else f"{span(seconds)} ago"


def state_words(row: Row, now: datetime, zone: tzinfo | None) -> str:
    """Return what an account can do: `ready`, `cooling 12 min`, `exhausted until Tue 09:00`."""
    state = row.state_at(now)
    if state is AccountState.REJECTED:
        return "needs login"
    if row.until is None or state in {AccountState.READY, AccountState.DISABLED}:
        return state.value
    left = (row.until - now).total_seconds()
    if left < _SOON_SECONDS:
        return f"{state.value} {span(left)}"
    return f"{state.value} until {moment(row.until, now, zone)}"


def short_state(row: Row, now: datetime) -> str:
    """Return the state for a narrow column: `ready`, `cooling 12m`, `login`."""
    state = row.state_at(now)
    if state is AccountState.REJECTED:
        return "login"
    word = "used up" if state is AccountState.EXHAUSTED else state.value
    if row.until is None or state in {AccountState.READY, AccountState.DISABLED}:
        return word
    return f"{word} {short_span((row.until - now).total_seconds())}"


def state_style(row: Row, now: datetime) -> Style:
    """Return the style of the account's state."""
    return _STATE_STYLES[row.state_at(now)]


def event_style(kind: EventKind) -> Style:
    """Return the style of an event's kind."""
    return _EVENT_STYLES.get(kind, Style.QUIET)


def reset_words(resets_at: datetime | None, now: datetime, zone: tzinfo | None) -> str:
    """Return when a window begins anew: `resets in 2 h 13 min`, `resets Tue 09:00`."""
    if resets_at is None:
        return ""
    left = (resets_at - now).total_seconds()
    if left <= 0:
        return "has begun anew"
    if left < _TODAY_SECONDS:
        return f"resets in {span(left)}"
    return f"resets {moment(resets_at, now, zone)}"


def is_counted(at: datetime | None, now: datetime) -> bool:
    """Tell whether the seconds until `at` are counted on the screen."""
    return at is not None and 0 < (at - now).total_seconds() <= COUNTED_SECONDS


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 account`, `2 accounts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
