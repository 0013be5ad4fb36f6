"""What `status` tells: gathered in one place, for people and for programs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rotator.books import Books
from rotator.lock import watcher_pid
from rotator.model import AccountState, State
from rotator.opencode.authfile import BadEntry, Missing, Torn, Whole, parse_entry, read_live
from rotator.opencode.exchange import Exchange
from rotator.opencode.install import BridgeFile, bridge_file
from rotator.paths import Paths
from rotator.policy import nobody_left
from rotator.restarts import bridgeless


@dataclass(frozen=True, slots=True)
class RunningOpencode:
    """An opencode that runs now; `bridge` is its bridge's version, or None."""

    pid: int
    kind: str
    bridge: str | None


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider: its live alias, how many accounts it has and how many are ready."""

    id: str
    active: str | None
    accounts: int
    ready: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment."""

    now: datetime
    state: State
    auth_file: Path
    watcher_pid: int | None
    bridge: BridgeFile
    opencodes: tuple[RunningOpencode, ...]
    providers: tuple[ProviderLine, ...]
    problems: tuple[str, ...]


def look_around(books: Books) -> Overview:
    """Gather the overview; changes nothing but sweeping away what dead bridges left."""
    now, state, paths = books.clock(), books.store.state(), books.paths
    pid = watcher_pid(paths.watch_lock)
    exchange = Exchange(paths)
    present = exchange.present()
    without = bridgeless(books, present) if _opencode_may_run(paths.auth_file.parent) else []
    opencodes = [RunningOpencode(p.pid, p.kind, p.bridge) for p in present]
    opencodes += [RunningOpencode(o.pid, o.kind, None) for o in without]
    names = sorted({a.provider for a in state.accounts})
    return Overview(
        now=now,
        state=state,
        auth_file=paths.auth_file,
        watcher_pid=pid,
        bridge=bridge_file(paths),
        opencodes=tuple(sorted(opencodes, key=lambda o: o.pid)),
        providers=tuple(_line(state, name, now) for name in names),
        problems=(
            *_live_problems(paths),
            *_polled(exchange, pid),
            *_exhausted(state, names, now),
            *_restarts(state, [o.pid for o in without]),
            *state.broken,
            *books.registry.problems,
        ),
    )


def _line(state: State, provider: str, now: datetime) -> ProviderLine:
    accounts = state.of(provider)
    active = state.active(provider)
    ready = sum(a.state_at(now) is AccountState.READY for a in accounts)
    return ProviderLine(provider, active.alias if active else None, len(accounts), ready)


def _live_problems(paths: Paths) -> list[str]:
    match read_live(paths.auth_file):
        case Torn(why=why):
            return [f"auth.json is not whole: {why}"]
        case Missing():
            return []
        case Whole(entries=entries):
            found = []
            for provider, entry in entries.items():
                try:
                    parse_entry(provider, entry)
                except BadEntry as exc:
                    found.append(exc.message)
            return found


def _polled(exchange: Exchange, pid: int | None) -> list[str]:
    polled = [] if pid is None else exchange.polled(pid)
    return [f"{name} is polled: the system has no file notifications left" for name in polled]


def _exhausted(state: State, providers: Sequence[str], now: datetime) -> list[str]:
    spent = [
        p for p in providers if all(a.state_at(now) is not AccountState.READY for a in state.of(p))
    ]
    return [nobody_left(state, p, now) for p in spent]


def _restarts(state: State, pids: Sequence[int]) -> list[str]:
    keys = any(
        len(state.of(a.provider)) > 1 and a.credential.type != "oauth" for a in state.accounts
    )
    return [
        f"opencode (pid {pid}) runs without the bridge: it uses a swapped key only after a restart"
        for pid in (pids if keys else ())
    ]


def _opencode_may_run(data_folder: Path) -> bool:
    """Tell cheaply whether one may use that folder, before psutil is loaded to look closely."""
    if not sys.platform.startswith("linux"):
        return True
    inside = f"{data_folder.resolve()}{os.sep}"
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if "opencode" in comm.read_text("utf-8", "replace") and _has_open(comm.parent, inside):
                return True
        except OSError:
            continue
    return False


def _has_open(process: Path, inside: str) -> bool:
    with os.scandir(process / "fd") as links:
        for link in links:
            with contextlib.suppress(OSError):
                if os.readlink(link.path).startswith(inside):  # noqa: PTH115  # no Path for each
                    return True
    return False
