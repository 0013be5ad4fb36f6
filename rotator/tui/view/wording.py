"""What an account can do and what has happened, in the dashboard's words and styles."""

from __future__ import annotations

from datetime import datetime, tzinfo

from rotator.model import AccountState, EventKind
from rotator.tui.model.world import Row
from rotator.tui.view.frame import Style
from rotator.wording import HOUR, moment, short_span, short_state_words, span
from rotator.wording import state_words as words_of

_SOON_SECONDS = HOUR

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


def state_words(row: Row, now: datetime, zone: tzinfo | None) -> str:
    """Return what an account can do: `ready`, `cooling 12 min`, `exhausted until Tue 09:00`."""
    rest = ""
    if row.until is not None:
        left = (row.until - now).total_seconds()
        rest = span(left) if left < _SOON_SECONDS else f"until {moment(row.until, now, zone)}"
    return words_of(row.state_at(now).value, rest)


def short_state(row: Row, now: datetime) -> str:
    """Return the state for a narrow column: `ready`, `cooling 12m`, `login`."""
    state = row.state_at(now)
    if state is AccountState.REJECTED:
        return "login"
    rest = "" if row.until is None else short_span((row.until - now).total_seconds())
    return short_state_words(state.value, rest)


def state_style(row: Row, now: datetime) -> Style:
    """Return the style of the account's state."""
    return _STATE_STYLES[row.state_at(now)]


def event_style(kind: EventKind) -> Style:
    """Return the style of an event's kind."""
    return _EVENT_STYLES.get(kind, Style.QUIET)
