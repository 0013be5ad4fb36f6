"""What the next message will use: the first priority whose provider has an account ready."""

from __future__ import annotations

from datetime import datetime

from rotator.model.preferences import Priority
from rotator.tui.model.world import Row, World

# One alone is no choice: opencode's own model stands then.
_A_CHOICE = 2


def next_priority(world: World, now: datetime) -> int | None:
    """Return which line of the priorities serves the next message, or None where none does."""
    usable = [n for n, p in enumerate(world.priorities) if p.enabled and p.model]
    if not world.balancing or len(usable) < _A_CHOICE:
        return None
    return next((n for n in usable if _serves(world, world.priorities[n], now)), None)


def next_words(world: World, now: datetime) -> str:
    """Return the sentence that says what the next message will use."""
    number = next_priority(world, now)
    if number is not None:
        first = world.priorities[number]
        live = _serving(world, first, now)
        return f"{first.provider}/{first.model}" + (f" as {live.alias}" if live else "")
    live_rows = [row for row in world.rows if row.active]
    if not live_rows:
        return "no account is live"
    named = ", ".join(f"{row.provider} as {row.alias}" for row in live_rows)
    return f"opencode's own model; {named}"


def _serving(world: World, priority: Priority, now: datetime) -> Row | None:
    """Return the live account, if it is the one that serves there."""
    live = world.active(priority.provider)
    return live if live is not None and live.serves(priority.model, now) else None


def _serves(world: World, priority: Priority, now: datetime) -> bool:
    return any(
        row.provider == priority.provider and row.serves(priority.model, now) for row in world.rows
    )
