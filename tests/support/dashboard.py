"""What a dashboard shows in tests: made-up accounts, events and situations, all at `NOW`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from rotator.model import AccountId, AccountState, Event, EventKind
from rotator.model.preferences import Priority
from rotator.tui.model.state import DashboardState
from rotator.tui.model.world import EventRow, Gauge, Past, Row, SettingRow, World
from rotator.tui.view.frame import Frame
from tests.support.builders import HOUR, MINUTE, NOW

DAY = timedelta(days=1)


def a_row(provider: str, alias: str, **fields: Any) -> Row:
    """Return an account's row; `fields` replace or add to what an idle OAuth login has."""
    values: dict[str, Any] = {"type": "oauth", "last_used_at": NOW - 3 * HOUR} | fields
    return Row(AccountId(f"{provider}-{alias}"), provider, alias, **values)


def gauges(five_hours: float, week: float) -> tuple[Gauge, ...]:
    """Return the two windows that many vendors have."""
    return (
        Gauge("5h", five_hours, NOW + 2 * HOUR + 13 * MINUTE),
        Gauge("7d", week, NOW + 3 * DAY + 21 * HOUR),
    )


WORK = a_row(
    "openai",
    "work",
    active=True,
    identity="jane@example.org",
    plan="Plus",
    gauges=gauges(0.62, 0.14),
    read_at=NOW - MINUTE,
    last_used_at=NOW - 2 * MINUTE,
)
PRIVATE = a_row(
    "openai",
    "private",
    state=AccountState.COOLING,
    until=NOW + 12 * MINUTE,
    reason="429, rate limit reached",
    identity="joe@example.org",
    plan="Pro",
    gauges=gauges(1.0, 0.81),
    read_at=NOW - 4 * MINUTE,
)
SPARE = a_row(
    "openai",
    "spare",
    state=AccountState.REJECTED,
    reason="the provider does not accept its refresh token",
    identity="spare@example.org",
)
MAIN = a_row(
    "anthropic",
    "main",
    active=True,
    identity="jane@example.org",
    plan="Max 5x",
    gauges=(*gauges(0.31, 0.77), Gauge("7d", 0.9, NOW + 2 * DAY, "opus")),
    read_at=NOW - 30 * MINUTE,
)
SECOND = a_row(
    "anthropic",
    "second",
    state=AccountState.EXHAUSTED,
    until=NOW + DAY + 21 * HOUR,
    reason="the weekly limit is used up",
    identity="team@example.org",
    plan="Pro",
    gauges=(gauges(0.0, 1.0)[0], Gauge("7d", 1.0, NOW + DAY + 21 * HOUR)),
    read_at=NOW - MINUTE,
)
KEY = a_row("openrouter", "key", type="api", active=True, balance="12.40 USD", last_used_at=None)
OLD_KEY = a_row(
    "openrouter",
    "old",
    type="api",
    state=AccountState.DISABLED,
    reason="disabled by you",
    balance="0.02 USD",
)
ROWS = (MAIN, SECOND, PRIVATE, SPARE, WORK, KEY, OLD_KEY)


def an_event(number: int, kind: EventKind, why: str, **fields: Any) -> EventRow:
    """Return an event that happened `number` minutes after two hours ago."""
    at = NOW - 2 * HOUR + number * MINUTE
    return EventRow(number, Event(at, kind, why=why, **fields))


EVENTS = (
    an_event(
        1,
        EventKind.CAPTURED,
        "a login in opencode",
        provider="openrouter",
        account="openrouter/key",
    ),
    an_event(
        44,
        EventKind.LIMITED,
        "429, rate limit reached, until 12:12",
        provider="openai",
        account="openai/private",
    ),
    an_event(
        45,
        EventKind.FAILOVER,
        "work is ready; private rests until 12:12 (429, rate limit reached)",
        provider="openai",
        account="openai/work",
        from_alias="private",
        to_alias="work",
    ),
    an_event(
        90,
        EventKind.REJECTED,
        "the provider does not accept its refresh token",
        provider="openai",
        account="openai/spare",
        detail="invalid_grant",
    ),
)
PRIORITIES = (
    Priority("openai", "gpt-5.5"),
    Priority("anthropic", "claude-sonnet-5"),
    Priority("openrouter", None, enabled=False),
)
SETTINGS = (
    SettingRow("failover.strategy", "sticky", "default", "which account takes over"),
    SettingRow("failover.swap_before_wall", "true", "config.toml:3", "swap early", is_switch=True),
    SettingRow("dashboard.key", "ctrl+b", "ROTATOR_DASHBOARD__KEY", "opens the dashboard"),
)
PAST: Past = {
    WORK.id: {("5h", None): tuple(n / 20 for n in range(14))},
    MAIN.id: {("7d", None): (0.1, 0.3, 0.5, 0.7, 0.77)},
}
WORLD = World(
    rows=ROWS,
    watcher_pid=4711,
    bridge="0.3.0",
    opencodes=2,
    events=EVENTS,
    priorities=PRIORITIES,
)


def a_screen(
    width: int = 120, height: int = 40, world: World | None = WORLD, **fields: Any
) -> DashboardState:
    """Return the state of a dashboard of that size, as it is a moment after it was opened."""
    values: dict[str, Any] = {"account": WORK.id, "past": PAST, "settings": SETTINGS} | fields
    return DashboardState(now=NOW, width=width, height=height, zone=UTC, world=world, **values)


def with_world(state: DashboardState, **fields: Any) -> DashboardState:
    """Return the state with some fields of its world replaced."""
    return replace(state, world=replace(state.seen, **fields))


def shown(frame: Frame) -> str:
    """Return a frame as one reads it, without the blanks at the ends of lines."""
    return "\n".join(line.text.rstrip() for line in frame.lines) + "\n"
