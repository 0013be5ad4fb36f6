"""What `status` tells: gathered in one place, for people and for programs."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rotator.books import Books
from rotator.known import try_parse
from rotator.lock import watch_holder
from rotator.model import AccountState, State
from rotator.opencode.authfile import Missing, Torn, Whole, read_live, way_out
from rotator.opencode.exchange import (
    ELSEWHERE,
    Exchange,
    Present,
    bridges_of,
    polled_by,
    waiting_by,
)
from rotator.opencode.install import BridgeFile, bridge_file
from rotator.opencode.placement_told import placement_notes, placement_problems
from rotator.own_keys import OwnKey, find_own_keys, own_key_sentences
from rotator.paths import Paths
from rotator.policy import nobody_left
from rotator.processes import COMMAND, find_elsewhere
from rotator.settings_file import in_force
from rotator.text import clean
from rotator.unbridged import Lack, Unbridged, aside_says, unbridged
from rotator.unclaimed import LIST
from rotator.unseen_requests import unseen_requests
from rotator.uptake import still_in_force
from rotator.watch_holder import WatchHolder


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
        RunningOpencode(p.pid if p.is_here else None, p.kind, p.bridge, file, aside_says(p))
        for p in present
    ]
    told = {one.pid for one in opencodes}
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
    return Overview(
        now=now,
        state=state,
        auth_file=paths.auth_file,
        watcher=watcher,
        bridge=bridge_file(paths),
        opencodes=tuple(sorted(opencodes, key=lambda o: o.pid or 0)),
        elsewhere=tuple(_elsewhere(paths)),
        providers=tuple(_line(state, name, now) for name in names),
        problems=(
            *live_problems(paths.auth_file),
            *placement_notes(paths.auth_file),
            *_unclaimed(books),
            *_polled(paths, pid),
            *_held(books, pid),
            *_settings(paths),
            *_exhausted(state, names, now),
            *_restarts(books, present, names, without),
            *dict.fromkeys(own_key_sentences(books, present, names, without).values()),
            *unseen_requests(present, names),
            *state.broken,
            *books.registry.problems,
        ),
    )


def _line(state: State, provider: str, now: datetime) -> ProviderLine:
    accounts = state.of(provider)
    active = state.active(provider)
    ready = sum(a.state_at(now) is AccountState.READY for a in accounts)
    return ProviderLine(provider, active.alias if active else None, len(accounts), ready)


def live_problems(auth_file: Path) -> list[str]:
    """Return what is wrong with auth.json: what stands in its place, in it, and who may write it.

    A symlink is judged by what it leads to.
    """
    found = _rights(auth_file)
    match read_live(auth_file):
        case Torn(lasting=True) as torn:
            found.append(f"{auth_file} cannot be used: {torn.why}; {way_out(torn)}")
        case Torn() as torn:
            found.append(f"auth.json is not whole: {torn.why}; {way_out(torn)}")
        case Missing():
            if auth_file.is_symlink():
                target = clean(auth_file.readlink())
                found.append(f"auth.json is a link to nothing: {target} is made at the next login")
        case Whole() as whole:
            found += _entry_problems(whole)
    return found


def _entry_problems(whole: Whole) -> list[str]:
    parsed = [try_parse(provider, entry) for provider, entry in whole.entries.items()]
    names = [member.provider for member in whole.members]
    return [
        *(found for found in parsed if isinstance(found, str)),
        *(
            f"auth.json has more than one entry of {clean(name)}: opencode takes the last one and"
            " drops the others when it writes"
            for name in sorted({name for name in names if names.count(name) > 1})
        ),
    ]


def _rights(auth_file: Path) -> list[str]:
    """Return who else may change auth.json, and whether opencode and we may."""
    target = Path(os.path.realpath(auth_file))
    # Whoever may put another link in place decides what auth.json is, too.
    folders = sorted({auth_file.parent, target.parent})
    found = [f"anybody may replace auth.json: chmod o-w {one}" for one in folders if _is_open(one)]
    found += placement_problems(auth_file)
    facts = _facts(target)
    if facts is None or not stat.S_ISREG(facts.st_mode):
        return found
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found.append(f"others may change auth.json: chmod 600 {target}")
    elif not facts.st_mode & stat.S_IWUSR:
        found.append(f"opencode cannot save new tokens in auth.json: chmod 600 {target}")
    return found


def _is_open(folder: Path) -> bool:
    facts = _facts(folder)
    mode = facts.st_mode if facts else 0
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _unclaimed(books: Books) -> list[str]:
    count, _ = books.store.aside_size()
    if count == 1:
        return [f"1 content of auth.json is unclaimed: {LIST}"]
    return [f"{count} contents of auth.json are unclaimed: {LIST}"] if count else []


def _polled(paths: Paths, pid: int | None) -> list[str]:
    polled = [] if pid is None else polled_by(paths, pid)
    return [f"{name} is polled: the system has no file notifications left" for name in polled]


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


def _restarts(
    books: Books, present: Sequence[Present], names: Sequence[str], without: Sequence[Unbridged]
) -> list[str]:
    """Name the opencodes that use a swapped key only after a restart, and do so then."""
    state = books.store.state()
    keys = [
        name
        for name in names
        if len(of := state.of(name)) > 1 and any(a.credential.type != "oauth" for a in of)
    ]
    return [
        f"opencode (pid {one.opencode.pid}) runs without the bridge: it uses a swapped key only"
        " after a restart"
        for one in without
        if one.is_stuck
        and one.is_sure
        and len(_given_for_good(books, present, keys, one)) < len(keys)
    ]


def _given_for_good(
    books: Books, present: Sequence[Present], keys: Sequence[str], one: Unbridged
) -> list[OwnKey]:
    """Return what gives those providers a key in that opencode, after a restart as well."""
    found = find_own_keys(books, present, keys, running=[one.opencode])
    return [own for own in found if own.is_sure and own.lasts]


def _elsewhere(paths: Paths) -> list[RunningOpencode]:
    return [
        RunningOpencode(one.pid, one.kind, None, str(one.paths.auth_file))
        for one in find_elsewhere(paths.auth_file.parent)
        if one.paths is not None
        and one.kind != COMMAND
        and not one.is_second
        and one.home == os.environ.get("HOME")
    ]
