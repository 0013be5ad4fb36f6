"""What `status` tells: gathered in one place, for people and for programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rotator.context import Context
from rotator.core.selection.homes import live_in_each, live_of
from rotator.core.selection.policy import nobody_left
from rotator.live.every_home import every_home
from rotator.live.unclaimed import LIST
from rotator.model import SPENT_ELSEWHERE, AccountState, HomeName, State
from rotator.opencode.auth.placement_sentences import placement_notes
from rotator.opencode.bridge.install import BridgeFile, bridge_file
from rotator.opencode.bridge.presence import ELSEWHERE, Present, bridges_of, second_bridges_of
from rotator.opencode.bridge.watcher_files import broken_by, polled_by, waiting_by
from rotator.opencode.home import Absent, Entries, Unusable
from rotator.opencode.own_plugins import is_fixed_at_start
from rotator.services.auth_checks import live_problems
from rotator.services.own_keys import OwnKey, find_own_keys, own_key_sentences
from rotator.services.restarts import bridges_in_use
from rotator.services.spent_logins import STILL_LIVE
from rotator.services.still_sent import all_still_sent
from rotator.services.unseen_requests import unseen_requests
from rotator.services.without_bridge import Lack, Unbridged, aside_says, unbridged
from rotator.settings.active import active_settings, still_in_force
from rotator.system.locks import watch_holder
from rotator.system.paths import Paths
from rotator.system.processes import COMMAND, find_elsewhere
from rotator.system.watch_holder import WatchHolder


@dataclass(frozen=True, slots=True)
class RunningOpencode:
    """An opencode that runs now; `bridge` is its bridge's version, or None.

    `says` is what is known of one that we hear nothing of, or that has a bridge which stands aside.
    """

    pid: int | None
    kind: str
    bridge: str | None
    # None: it is an OpenCode 2, which has its logins in a database.
    auth_file: str | None
    says: str | None = None
    is_server_of_second: bool = False
    # What a server of OpenCode 2 says of itself, if it takes the password that we have.
    version: str | None = None
    # The bridge is there for it, and it loads that when it first uses a folder.
    loads_bridge_later: bool = False

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
class Status:
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


def read_status(context: Context) -> Status:
    """Gather the overview; changes nothing but sweeping away what dead bridges left."""
    now, state, paths = context.clock(), context.store.state(), context.paths
    watcher = watch_holder(paths.watch_lock, beat=paths.beat)
    pid = None if watcher is None else watcher.pid
    present = bridges_of(paths) if context.are_copies else bridges_in_use(context)
    without = unbridged(paths, present)
    file = str(paths.auth_file)
    opencodes = [
        RunningOpencode(p.pid if p.is_here else None, p.kind, p.bridge, file, aside_says(p))
        for p in present
    ]
    homes = tuple(_homes(context))
    # Where OpenCode 2 was never used no opencode is asked whether it is one.
    has_second = any(not home.name.has_one_place for home in homes) or any(
        other.lack is Lack.SECOND for other in without
    )
    opencodes += _second(paths) if has_second else []
    told = {opencode.pid for opencode in opencodes}
    opencodes += [
        RunningOpencode(
            o.opencode.pid,
            o.opencode.kind,
            None,
            None if o.lack is Lack.SECOND else file,
            o.says,
        )
        for o in without
        if o.opencode.pid not in told
    ]
    names = sorted({a.provider for a in state.accounts})
    return Status(
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
            # What is wrong with the one place is told above.
            *(home.problem for home in homes if home.problem and not home.name.has_one_place),
            *_unclaimed(context),
            *_polled(paths, pid),
            *_held(context, pid),
            *_settings(paths),
            *_exhausted(state, names, now),
            *_spent(state, names, now),
            *_restarts(context, present, names, without),
            *all_still_sent(context, present, without),
            *dict.fromkeys(own_key_sentences(context, present, names, without).values()),
            *unseen_requests(present, names),
            *state.broken,
            *_modules(context, pid),
        ),
    )


def _line(state: State, provider: str, now: datetime) -> ProviderLine:
    accounts = state.of(provider)
    active = live_of(state, provider)
    each = live_in_each(state, provider).items()
    live_in = {home.value: live.alias if live else None for home, live in each}
    ready = sum(a.state_at(now) is AccountState.READY for a in accounts)
    return ProviderLine(provider, active.alias if active else None, len(accounts), ready, live_in)


def _second(paths: Paths) -> list[RunningOpencode]:
    """Return the servers of OpenCode 2."""
    from rotator.opencode.database.servers import find_servers  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    bridges = {bridge.pid: bridge for bridge in second_bridges_of(paths)}
    is_installed = bridge_file(paths).version is not None
    versions = {server.pid: server.version for server in find_servers(paths)}
    # A server that has no port yet, or none of ours to ask, is known by its bridge.
    versions |= {pid: b.opencode for pid, b in bridges.items() if not versions.get(pid)}
    return [
        RunningOpencode(
            pid,
            "serve",
            bridges[pid].bridge if pid in bridges else None,
            None,
            is_server_of_second=True,
            version=version,
            loads_bridge_later=is_installed and pid not in bridges,
        )
        for pid, version in versions.items()
    ]


def _homes(context: Context) -> Iterator[HomeLine]:
    """Yield each home that is there."""
    for home in (live.opened() for live in every_home(context)):
        match home.read():
            case Entries(entries):
                # opencode 1 makes an empty table, too.
                if entries or home.name.has_one_place:
                    yield HomeLine(home.name, home.where(), len(entries))
            case Unusable(why=why):
                yield HomeLine(home.name, home.where(), None, why)
            case Absent():
                pass


def _unclaimed(context: Context) -> list[str]:
    count, _ = context.store.unclaimed_size()
    if count == 1:
        return [f"1 content of auth.json is unclaimed: {LIST}"]
    return [f"{count} contents of auth.json are unclaimed: {LIST}"] if count else []


def _polled(paths: Paths, pid: int | None) -> list[str]:
    polled = [] if pid is None else polled_by(paths, pid)
    return [f"{name} is polled: the system has no file notifications left" for name in polled]


def _modules(context: Context, pid: int | None) -> list[str]:
    # To try them takes longer than all else here: the watcher has done so, and `doctor` does.
    told = [] if pid is None else broken_by(context.paths, pid)
    return list(dict.fromkeys([*told, *context.registry.problems]))


def _settings(paths: Paths) -> list[str]:
    problem = active_settings(paths).problem
    return [still_in_force(problem)] if problem else []


def _held(context: Context, pid: int | None) -> list[str]:
    waiting = [] if pid is None else waiting_by(context.paths, pid)
    return [
        f"{waiting.count(provider)} turn(s) of {provider} wait for an account that frees up"
        for provider in sorted(set(waiting))
    ]


def _exhausted(state: State, providers: Sequence[str], now: datetime) -> list[str]:
    spent = [
        p for p in providers if all(a.state_at(now) is not AccountState.READY for a in state.of(p))
    ]
    return [nobody_left(state, p, now) for p in spent]


def _spent(state: State, providers: Sequence[str], now: datetime) -> list[str]:
    """Name the live logins that opencode would refresh with a token that is spent."""
    live = [account for p in providers if (account := state.active(p)) is not None]
    return [
        f"{account.name} is live and needs a login: {SPENT_ELSEWHERE}; {STILL_LIVE}"
        for account in live
        if account.spent_from is not None and account.spent_from <= now
    ]


def _restarts(
    context: Context, present: Sequence[Present], names: Sequence[str], without: Sequence[Unbridged]
) -> list[str]:
    """Name the opencodes that use a swapped key only after a restart, and do so then."""
    state = context.store.state()
    keys = [
        name
        for name in names
        if len(of := state.of(name)) > 1
        and any(a.credential.type != "oauth" or is_fixed_at_start(a) for a in of)
    ]
    return [
        f"opencode (pid {process.opencode.pid}) runs without the bridge: it uses a swapped key only"
        " after a restart"
        for process in without
        if process.is_stuck
        and process.is_sure
        and len(_given_for_good(context, present, keys, process)) < len(keys)
    ]


def _given_for_good(
    context: Context, present: Sequence[Present], keys: Sequence[str], process: Unbridged
) -> list[OwnKey]:
    """Return what gives those providers a key in that opencode, after a restart as well."""
    own_keys = find_own_keys(context, present, keys, running=[process.opencode])
    return [own for own in own_keys if own.is_sure and own.lasts]


def _elsewhere(paths: Paths) -> list[RunningOpencode]:
    return [
        RunningOpencode(process.pid, process.kind, None, str(process.paths.auth_file))
        for process in find_elsewhere(paths.auth_file.parent)
        if process.paths is not None
        and process.kind != COMMAND
        and not process.is_second
        and process.home == os.environ.get("HOME")
    ]
