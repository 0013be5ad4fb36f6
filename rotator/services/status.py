"""What `status` tells: gathered in one place, for people and for programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rotator.context import Books
from rotator.core.selection.homes import live_of
from rotator.core.selection.policy import nobody_left
from rotator.live.unclaimed import LIST
from rotator.model import AccountState, HomeName, State
from rotator.opencode.auth.home import AuthFileHome
from rotator.opencode.auth.placement_sentences import placement_notes
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.install import BridgeFile, bridge_file
from rotator.opencode.bridge.presence import ELSEWHERE, bridges_of
from rotator.opencode.bridge.watcher_files import broken_by, polled_by, waiting_by
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.servers import find_servers
from rotator.opencode.home import Absent, Entries, Home, Unusable
from rotator.services.auth_checks import live_problems
from rotator.services.own_keys import own_key_sentences
from rotator.services.unseen_requests import unseen_requests
from rotator.services.without_bridge import unbridged
from rotator.settings.active import in_force, still_in_force
from rotator.system.locks import watch_holder
from rotator.system.paths import Paths
from rotator.system.processes import COMMAND, find_elsewhere, find_opencodes
from rotator.system.watch_holder import WatchHolder

SECOND = "is an OpenCode 2"


@dataclass(frozen=True, slots=True)
class RunningOpencode:
    """An opencode that runs now; `bridge` is its bridge's version, or None.

    `says` is what is known of one that we hear nothing of.
    """

    pid: int | None
    kind: str
    bridge: str | None
    auth_file: str
    says: str | None = None
    # OpenCode 2 says its version; its logins stand in its database.
    version: str | None = None

    @property
    def who(self) -> str:
        """The opencode, by its kind and pid; one of another container has no pid here."""
        return f"{self.kind} ({ELSEWHERE if self.pid is None else f'pid {self.pid}'})"


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider: its live alias, how many accounts it has and how many are ready."""

    id: str
    active: str | None
    accounts: int
    ready: int
    # Who is live in each home that has a login of the provider.
    active_in: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HomeLine:
    """A home of logins: where it is, how many stand there, and why it cannot be used, if so."""

    name: HomeName
    path: Path
    logins: int | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment."""

    now: datetime
    state: State
    auth_file: Path
    watcher: WatchHolder | None
    bridge: BridgeFile
    opencodes: tuple[RunningOpencode, ...]
    # Those of the same HOME that use another auth.json.
    elsewhere: tuple[RunningOpencode, ...]
    providers: tuple[ProviderLine, ...]
    homes: tuple[HomeLine, ...]
    problems: tuple[str, ...]

    @property
    def watcher_pid(self) -> int | None:
        """What the watcher calls itself where it runs, or None."""
        return None if self.watcher is None else self.watcher.pid


def look_around(books: Books) -> Overview:
    """Gather the overview; changes nothing but sweeping away what dead bridges left."""
    now, state, paths = books.clock(), books.store.state(), books.paths
    watcher = watch_holder(paths.watch_lock)
    pid = None if watcher is None else watcher.pid
    present = bridges_of(paths) if books.are_copies else Exchange(paths).present()
    without = unbridged(paths, present)
    file = str(paths.auth_file)
    opencodes = [
        RunningOpencode(p.pid if p.is_here else None, p.kind, p.bridge, file) for p in present
    ]
    homes = tuple(_homes(books))
    # Where OpenCode 2 was never used no opencode is asked whether it is one.
    has_second = any(home.name is HomeName.DATABASE for home in homes) or any(
        one.is_second for one in find_opencodes(paths.auth_file.parent)
    )
    second = _second(paths) if has_second else []
    told = {one.pid for one in second}
    without = [one for one in without if one.opencode.pid not in told]
    opencodes += second
    opencodes += [
        RunningOpencode(o.opencode.pid, o.opencode.kind, None, file, o.says) for o in without
    ]
    names = sorted({a.provider for a in state.accounts})
    return Overview(
        now=now,
        state=state,
        auth_file=paths.auth_file,
        watcher=watcher,
        bridge=bridge_file(paths),
        opencodes=tuple(sorted(opencodes, key=lambda o: o.pid or 0)),
        elsewhere=tuple(_elsewhere(paths)),
        providers=tuple(_line(state, name, now) for name in names),
        homes=homes,
        problems=(
            *live_problems(paths.auth_file),
            *placement_notes(paths.auth_file),
            *(one.problem for one in homes if one.problem and one.name is HomeName.DATABASE),
            *_unclaimed(books),
            *_polled(paths, pid),
            *_held(books, pid),
            *_settings(paths),
            *_exhausted(state, names, now),
            *_restarts(state, [o.opencode.pid for o in without if o.is_stuck]),
            *dict.fromkeys(own_key_sentences(books, present, names, without).values()),
            *unseen_requests(present),
            *state.broken,
            *_modules(books, pid),
        ),
    )


def _line(state: State, provider: str, now: datetime) -> ProviderLine:
    accounts = state.of(provider)
    active = live_of(state, provider)
    live_in = {
        home.value: found.alias if (found := state.active_in(home, provider)) else None
        for home in HomeName
        if state.is_used(home, provider)
    }
    ready = sum(a.state_at(now) is AccountState.READY for a in accounts)
    return ProviderLine(provider, active.alias if active else None, len(accounts), ready, live_in)


def _second(paths: Paths) -> list[RunningOpencode]:
    """Return the servers of OpenCode 2."""
    found = find_servers(paths)
    file = str(paths.opencode_database)
    return [RunningOpencode(one.pid, "serve", None, file, SECOND, one.version) for one in found]


def _homes(books: Books) -> Iterator[HomeLine]:
    """Yield each home that is there."""
    found: tuple[Home, ...] = (
        AuthFileHome(books.paths.auth_file, books.replaced),
        DatabaseHome(books.paths),
    )
    for home in found:
        match home.read():
            case Entries(entries):
                # opencode 1 makes an empty table, too.
                if entries or home.name is HomeName.AUTH_FILE:
                    yield HomeLine(home.name, home.where(), len(entries))
            case Unusable(why=why):
                yield HomeLine(home.name, home.where(), None, why)
            case Absent():
                pass


def _unclaimed(books: Books) -> list[str]:
    count, _ = books.store.aside_size()
    if count == 1:
        return [f"1 content of auth.json is unclaimed: {LIST}"]
    return [f"{count} contents of auth.json are unclaimed: {LIST}"] if count else []


def _polled(paths: Paths, pid: int | None) -> list[str]:
    polled = [] if pid is None else polled_by(paths, pid)
    return [f"{name} is polled: the system has no file notifications left" for name in polled]


def _modules(books: Books, pid: int | None) -> list[str]:
    # To try them takes longer than all else here: the watcher has done so, and `doctor` does.
    told = [] if pid is None else broken_by(books.paths, pid)
    return list(dict.fromkeys([*told, *books.registry.problems]))


def _settings(paths: Paths) -> list[str]:
    problem = in_force(paths).problem
    return [still_in_force(problem)] if problem else []


def _held(books: Books, pid: int | None) -> list[str]:
    waiting = [] if pid is None else waiting_by(books.paths, pid)
    return [
        f"{waiting.count(provider)} turn(s) of {provider} wait for an account that frees up"
        for provider in sorted(set(waiting))
    ]


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


def _elsewhere(paths: Paths) -> list[RunningOpencode]:
    return [
        RunningOpencode(one.pid, one.kind, None, str(one.paths.auth_file))
        for one in find_elsewhere(paths.auth_file.parent)
        if one.paths is not None and one.kind != COMMAND and one.home == os.environ.get("HOME")
    ]
