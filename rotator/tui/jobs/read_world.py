"""Reads what the dashboard shows: the store and the history, as values.

Nothing here changes anything, and no secret goes further: a row holds none. The first screen
waits for this, so little is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from rotator.core.poll_schedule import UsageRecord
from rotator.model import Account, AccountId, Balance, State
from rotator.model.preferences import Preferences
from rotator.system.locks import watcher_pid
from rotator.system.paths import Paths
from rotator.tui.jobs.read_only import Sources
from rotator.tui.model.world import EventRow, Gauge, Past, Row, World
from rotator.tui.view.frame import plain

MOST_EVENTS = 500
# So far back the sparklines go, and so many columns they have at most.
_HOURS, _MOST_READINGS = timedelta(hours=12), 48
_NOTHING: Mapping[AccountId, UsageRecord] = MappingProxyType({})
_VARIABLES = "ROTATOR_"


@dataclass(frozen=True, slots=True)
class Environment:
    """What takes longer to find out: the bridge, running opencodes, problems."""

    bridge: str | None = None
    bridge_current: bool = True
    opencodes: int = 0
    unbridged: int = 0
    problems: tuple[str, ...] = ()


def read_world(sources: Sources, around: Environment | None) -> World:
    """Return the store and the history as they are now; raises StoreError."""
    state, now = sources.store.state(), sources.clock()
    asked = sources.history.all_asked() if state.accounts else _NOTHING
    rows = [_row(a, state, asked.get(a.id), now) for a in state.accounts]
    events = sources.history.read(most=MOST_EVENTS)
    preferences, unsettled = _preferences(sources.paths)
    known = around or Environment()
    return World(
        rows=tuple(sorted(rows, key=lambda row: (row.provider, row.alias, row.id))),
        balancing=state.balancing,
        watcher_pid=watcher_pid(sources.paths.watch_lock),
        scouted=around is not None,
        bridge=known.bridge,
        bridge_current=known.bridge_current,
        opencodes=known.opencodes,
        unbridged=known.unbridged,
        events=tuple(EventRow(entry.number, entry.event) for entry in events),
        problems=tuple(plain(problem) for problem in known.problems),
        priorities=preferences.priorities,
        unsettled=unsettled,
    )


def read_past(sources: Sources, accounts: Iterable[AccountId]) -> Past:
    """Return how the windows of these accounts came to be so, over the last hours."""
    since = sources.clock() - _HOURS
    return {
        account: {
            window: tuple(p.used for p in points if p.at >= since)[-_MOST_READINGS:]
            for window, points in sources.history.past(account).items()
        }
        for account in accounts
    }


def _preferences(paths: Paths) -> tuple[Preferences, str | None]:
    """Return the preferences that hold and what is wrong with the settings."""
    if not os.path.lexists(paths.config_file) and not any(
        v.startswith(_VARIABLES) for v in os.environ
    ):
        return Preferences(), None
    # Most people have neither, and their first screen comes sooner without it.
    from rotator.settings.active import active_settings  # noqa: PLC0415

    settings = active_settings(paths)
    return settings.preferences, settings.problem


def _row(account: Account, state: State, asked: UsageRecord | None, now: datetime) -> Row:
    read = asked.snapshot if asked else None
    windows = read.windows if read else ()
    return Row(
        id=account.id,
        provider=account.provider,
        alias=account.alias,
        type=account.credential.type,
        active=state.slot(account.provider).active == account.id,
        state=account.state_at(now),
        until=account.until_at(now),
        reason=plain(account.reason_at(now) or "") or None,
        parts=account.part_limits,
        identity=plain(account.identity or "") or account.credential.secret.fingerprint(),
        plan=plain((read.plan if read else None) or account.plan or "") or None,
        balance=_balance(read.balance if read else None),
        gauges=tuple(Gauge(w.name, w.used, w.resets_at, w.model, w.blocks) for w in windows),
        spent=bool(read and read.spent),
        read_at=read.read_at if read else None,
        unread=asked.failure if asked else None,
        last_used_at=account.last_used_at,
    )


def _balance(balance: Balance | None) -> str | None:
    return f"{balance.amount:f} {balance.currency}" if balance else None
