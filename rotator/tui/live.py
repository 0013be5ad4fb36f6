"""Reads what the dashboard shows: the store, the history and what is around, as values.

Nothing here changes anything, and no secret goes further: a row holds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from rotator.books import Books
from rotator.cadence import Asked
from rotator.lock import watcher_pid
from rotator.model import Account, AccountId, Balance, State
from rotator.opencode.exchange import Exchange
from rotator.opencode.install import bridge_file
from rotator.settings_file import in_force
from rotator.tui.frame import plain
from rotator.tui.world import Gauge, Happened, Past, Row, World

MOST_EVENTS = 500
# So far back the sparklines go, and so many columns they have at most.
_HOURS, _MOST_READINGS = timedelta(hours=12), 48
_NOTHING: Mapping[AccountId, Asked] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Around:
    """What takes longer to find out: running opencodes without the bridge, and problems."""

    opencodes: int = 0
    unbridged: int = 0
    problems: tuple[str, ...] = ()


def read_world(books: Books, around: Around) -> World:
    """Return the store and the history as they are now; raises StoreError."""
    state, now = books.store.state(), books.clock()
    asked = books.history.all_asked() if state.accounts else _NOTHING
    rows = [_row(a, state, asked.get(a.id), now) for a in state.accounts]
    events = books.history.read(most=MOST_EVENTS)
    settings, bridge = in_force(books.paths), bridge_file(books.paths)
    present = len(Exchange(books.paths).present())
    return World(
        rows=tuple(sorted(rows, key=lambda row: (row.provider, row.alias, row.id))),
        balancing=state.balancing,
        watcher_pid=watcher_pid(books.paths.watch_lock),
        bridge=bridge.version,
        bridge_current=bridge.current,
        opencodes=max(present, around.opencodes),
        unbridged=around.unbridged,
        events=tuple(Happened(one.number, one.event) for one in events),
        problems=tuple(plain(problem) for problem in around.problems),
        priorities=settings.preferences.priorities,
        unsettled=settings.problem,
    )


def look_around(books: Books) -> Around:
    """Return what `status` would say of opencodes and problems; may take a tenth of a second."""
    # psutil, which it may need, takes longer to load than the first screen may take.
    from rotator import overview  # noqa: PLC0415

    found = overview.look_around(books)
    return Around(
        opencodes=len(found.opencodes),
        unbridged=sum(one.bridge is None for one in found.opencodes),
        problems=found.problems,
    )


def read_past(books: Books, accounts: Iterable[AccountId]) -> Past:
    """Return how the windows of these accounts came to be so, over the last hours."""
    since = books.clock() - _HOURS
    return {
        account: {
            window: tuple(p.used for p in points if p.at >= since)[-_MOST_READINGS:]
            for window, points in books.history.past(account).items()
        }
        for account in accounts
    }


def _row(account: Account, state: State, asked: Asked | None, now: datetime) -> Row:
    read = asked.snapshot if asked else None
    windows = read.windows if read else ()
    return Row(
        id=account.id,
        provider=plain(account.provider),
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
