"""What opencode's sidebar shows, and of what it tells at once, as one value without secrets.

Pure. The plugin inside opencode draws it and counts the time; which words it uses for a state is
its own affair, as every face has its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rotator.clock import to_iso
from rotator.core.notifications import notice_of
from rotator.core.selection.headroom import headroom_of
from rotator.core.selection.homes import live_of
from rotator.model import Account, Event, EventKind, Snapshot, State
from rotator.text import sanitize

SCHEMA = 1
# What a person has to hear at once; whatever else happened is in the dashboard.
TOLD = frozenset({EventKind.FAILOVER, EventKind.REJECTED, EventKind.REROUTED})
# An opencode looks twice a second: more than these have not happened since.
_MOST_TOLD = 8
# A sidebar has no room for more; the dashboard has.
_MOST_ACCOUNTS = 20
_LONGEST_NAME = 60


def sidebar_content(
    state: State, happened: Iterable[tuple[int, Event]], version: str, now: datetime
) -> dict[str, Any]:
    """Return the contract of glance.json; `happened` are numbered events, oldest first.

    Providers are those in use: an account of theirs is active in one of opencode's homes.
    """
    in_use = [p for p in sorted({a.provider for a in state.accounts}) if live_of(state, p)]
    told = [_told(number, event, state, now) for number, event in happened if event.kind in TOLD]
    return {
        "schema": SCHEMA,
        "version": version,
        "balancing": state.balancing,
        "providers": [_provider(state, name, now) for name in in_use],
        "events": told[-_MOST_TOLD:],
    }


def _provider(state: State, provider: str, now: datetime) -> dict[str, Any]:
    """Return the provider's accounts, the active one first."""
    ours = state.of(provider)
    live = {account.id for account in ours if state.live_in(account)}
    shown = sorted(ours, key=lambda account: account.id not in live)[:_MOST_ACCOUNTS]
    accounts = [_account(a, state.usage.get(a.id), now, is_active=a.id in live) for a in shown]
    return {"id": provider, "accounts": accounts, "more": len(ours) - len(shown)}


def _account(
    account: Account, usage: Snapshot | None, now: datetime, *, is_active: bool
) -> dict[str, Any]:
    stands = headroom_of(account, usage, None, now)
    until = account.until_at(now)
    return {
        "alias": account.alias,
        "active": is_active,
        "state": account.state_at(now).value,
        "until": None if until is None else to_iso(until),
        "window": None if stands.binding is None else sanitize(stands.binding.name, _LONGEST_NAME),
        "used": stands.used,
    }


def _told(number: int, event: Event, state: State, now: datetime) -> dict[str, Any]:
    notice = notice_of(event, state, now, frozenset())
    title = notice and notice.title
    return {
        "number": number,
        "at": to_iso(event.at),
        "kind": event.kind.value,
        "title": title or f"The turn goes on with {(event.detail or '').removeprefix('to ')}",
        "text": sanitize(event.why),
    }
