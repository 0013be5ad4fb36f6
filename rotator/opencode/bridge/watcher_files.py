"""What the watcher tells: state.json for the bridge, watcher.json for `status`.

No secret is ever written; credentials are named by their digests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rotator.clock import to_iso
from rotator.core.selection.homes import seen_from
from rotator.core.selection.limit_lifts import held_since
from rotator.core.selection.routing import Entry
from rotator.model import AccountState, Digest, HomeName, State
from rotator.opencode.bridge.fields import as_list, as_number, head_of
from rotator.system.paths import Paths
from rotator.text import sanitize


@dataclass(frozen=True, slots=True)
class Published:
    """What `state.json` says of the watcher that wrote it, and when that was."""

    pid: int
    version: str
    at: datetime


def polled_by(paths: Paths, watcher: int) -> list[str]:
    """Return what the watcher with that pid has told of files that it had to poll."""
    return _told_by(paths, watcher, "polling")


def waiting_by(paths: Paths, watcher: int) -> list[str]:
    """Return the providers of which a turn waits for an account that frees up, as often as one."""
    return _told_by(paths, watcher, "waiting")


def broken_by(paths: Paths, watcher: int) -> list[str]:
    """Return a sentence for each module of a provider that the watcher found broken."""
    return _told_by(paths, watcher, "broken")


def _told_by(paths: Paths, watcher: int, what: str) -> list[str]:
    try:
        value = json.loads(head_of(paths.state / "watcher.json"))
        told = value[what] if value["pid"] == watcher else []
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [sanitize(name) for name in as_list(told) if isinstance(name, str)]


def published(paths: Paths) -> Published | None:
    """Return what a watcher has published last, or None where there is nothing."""
    path = paths.bridge / "state.json"
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        value = json.loads(head_of(path))
        pid = as_number(value["watcher"]["pid"])
        return None if pid is None else Published(pid, sanitize(value["version"]), at)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def routing_entry(entry: Entry) -> dict[str, Any]:
    """Return one step of the routing as the bridge reads it."""
    route = {"provider": entry.route.provider, "model": entry.route.model}
    return route | ({"instead": dict(entry.instead)} if entry.instead else {})


def database_facts(state: State, path: Path, now: datetime) -> dict[str, Any]:
    """Return what the bridge in OpenCode 2 has to know; nothing where no login stands there."""
    used = {standing.provider for standing in state.standings}
    if not used:
        return {}
    seen = seen_from(state, HomeName.DATABASE)
    facts = {name: told for name, told in provider_facts(seen, now).items() if name in used}
    return {"database": {"file": str(path), "providers": facts}}


def withdrawn_facts(state: State) -> dict[str, list[Digest]]:
    """Return of each provider the secrets of accounts that are disabled or were removed.

    A word that stands in a secret's place is that of an account in use as well.
    """
    disabled = {a.id for a in state.accounts if a.disabled is not None}
    owned = {secret for secret, account in state.digests.items() if account in disabled}
    in_use = {(a.provider, a.credential.digest) for a in state.accounts if a.id not in disabled}
    told: dict[str, list[Digest]] = {}
    for provider, digest in sorted((owned | state.removed) - in_use):
        told.setdefault(provider, []).append(digest)
    return told


def provider_facts(state: State, now: datetime) -> dict[str, Any]:
    """Return of each provider what the bridge has to know."""
    told = {}
    for provider in sorted({a.provider for a in state.accounts}):
        active = state.active(provider)
        accounts = state.of(provider)
        # Only what may be replaced by the active credential, or is about to leave, is named.
        same = [
            a
            for a in accounts
            if active is None or a.credential.destination == active.credential.destination
        ]
        names = {a.id for a in same}
        known = {d for (p, d), a in state.digests.items() if p == provider and a in names}
        refresh_only = {
            Digest(a.credential.refresh.digest())
            for a in same
            if a.credential.refresh and a.credential.refresh != a.credential.secret
        }
        told[provider] = {
            "active": active.credential.digest if active else None,
            "known": sorted(known - refresh_only),
            "ready": any(a.state_at(now) is AccountState.READY for a in accounts),
            # Of a good answer with one of these the watcher has to hear.
            "limited": {
                a.credential.digest: to_iso(since)
                for a in accounts
                if (since := held_since(a, now)) is not None
            },
        }
    return told
