"""The files through which the bridge and the watcher talk; see docs/architecture.md.

Everything read here was written by another process, so every field is checked, and a file
that is not understood costs itself alone. No secret is ever written.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from rotator import __version__
from rotator.atomic import publish
from rotator.clock import from_iso, to_iso
from rotator.file_owners import own_folder, remove_own
from rotator.liveness import NAMESPACE, is_alive, is_known_here, pid_namespace
from rotator.model import AccountState, Digest, Signal, Source, State, Verdict
from rotator.opencode.authfile import is_provider_id
from rotator.opencode.regular import head, open_regular
from rotator.opencode.session_notes import (
    SESSIONS,
    parse_note,
    served_sessions,
    set_aside,
    sweep_sessions,
)
from rotator.paths import Paths, private_folder
from rotator.processes import start_ticks
from rotator.repeats import Note
from rotator.routing import Directions, Entry
from rotator.text import clean

SCHEMA = 1
# For these variables a bridge leaves requests alone, and says so.
AUTH_CONTENT, WEBSOCKETS = "OPENCODE_AUTH_CONTENT", "OPENCODE_EXPERIMENTAL_WEBSOCKETS"
# What stands in a pid's place where the pid is another process's, or nobody's, here.
ELSEWHERE = "in another container"
LARGEST_SIGNAL = 256 * 1024
LONGEST_BODY = 16 * 1024
# The bridge waits a quarter of a second for a first word; older signals have nobody waiting.
STALE_SECONDS = 30.0
# A bridge also tells of good answers, for what their headers say of limits.
FIRST_FAILURE = 400
# Of more bridges than anybody runs the first are looked at, and those of dead processes removed.
MOST_PRESENT = 500
_ID = re.compile(r"[A-Za-z0-9-]{1,80}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_HEADERS = 64
_FIRST_STATUS, _LAST_STATUS = 100, 999
_KINDS = frozenset({"run", "serve", "tui", "web"})
_NOWHERE = Directions()
# Beside what a bridge says of itself, for as long as a turn of its opencode goes on.
_BUSY = ".busy"
# A bridge is named by its pid, and where another container has that name already by more.
_NAME = re.compile(r"[1-9]\d{0,9}(-[0-9a-f]{8})?")
# Beside state.json: touched at every look, for those who cannot tell by the watcher's pid.
_BEAT = "beat"


@dataclass(frozen=True, slots=True)
class Present:
    """A bridge that says it is loaded in a running opencode.

    `is_here` says that its pid names a process that we see; else it runs in another container.
    `unseen` are the providers whose last turn was answered past the bridge's fetch, `aside` the
    variable for which the bridge leaves requests alone: all, or those that a WebSocket takes.
    """

    pid: int
    bridge: str
    kind: str
    auth_file: str
    started_at: datetime | None
    opencode: str = ""
    directories: tuple[str, ...] = ()
    is_here: bool = True
    namespace: str = ""
    name: str = ""
    unseen: tuple[str, ...] = ()
    aside: str = ""

    def misses(self, provider: str) -> bool:
        """Tell whether it sees none of that provider's requests, though it sees others'."""
        return provider in self.unseen or self.sends_by_socket(provider)

    def sends_by_socket(self, provider: str) -> bool:
        """Tell whether opencode sends that provider's requests through a WebSocket (1.18.33)."""
        return self.aside == WEBSOCKETS and provider == "openai"

    @property
    def who(self) -> str:
        """The opencode, by its kind and pid."""
        return f"{self.kind} (pid {self.pid})" if self.is_here else f"{self.kind} ({ELSEWHERE})"


@dataclass(frozen=True, slots=True)
class Published:
    """What `state.json` says of the watcher that wrote it, and when that was."""

    pid: int
    version: str
    at: datetime


class Exchange:
    """The exchange folder, made on first use: `state.json`, `present/`, `inbox/`, `outbox/`."""

    def __init__(self, paths: Paths) -> None:
        """Make the folders below `paths.bridge` (0700)."""
        self._paths = paths
        self.folder = paths.bridge
        self._was_removed = False
        self._make()
        self._was_removed = False

    def restore(self) -> bool:
        """Make what is missing of the folders; tell whether anything was since the last time.

        Raises StoreError.
        """
        self._make()
        was_removed, self._was_removed = self._was_removed, False
        return was_removed

    def _make(self) -> None:
        folders = (self.folder, self.inbox, self.outbox, self.folder / "present")
        self._was_removed = not all(one.is_dir() for one in folders) or self._was_removed
        for folder in (self._paths.state, *folders):
            private_folder(folder)

    def _publish(self, path: Path, content: bytes) -> None:
        try:
            publish(path, content)
        except FileNotFoundError:
            # Somebody has removed the folder.
            self._make()
            publish(path, content)

    @property
    def inbox(self) -> Path:
        """Where signals arrive."""
        return self.folder / "inbox"

    @property
    def outbox(self) -> Path:
        """Where verdicts go."""
        return self.folder / "outbox"

    # -- watcher → bridge --------------------------------------------------------------------

    def write_state(
        self,
        state: State,
        *,
        started_at: datetime,
        now: datetime,
        directions: Directions = _NOWHERE,
    ) -> None:
        """Publish what the bridge has to know; it never holds more than digests and names."""
        value = {
            "schema": SCHEMA,
            "version": __version__,
            "watcher": {
                "pid": os.getpid(),
                "started_at": to_iso(started_at),
                "start_ticks": start_ticks(os.getpid()),
                NAMESPACE: pid_namespace(),
            },
            "auth_file": str(self._paths.auth_file),
            "balancing": state.balancing,
            "providers": _providers(state, now),
            "routing": [_entry(entry) for entry in directions.entries],
            "routing_spent": list(directions.spent),
            "routing_overrides_explicit": directions.overrides_explicit,
        }
        self._publish(self.folder / "state.json", _json(value))

    def beat(self) -> None:
        """Show by a file's time that the watcher works; its pid may mean nothing to a bridge."""
        path = self.folder / _BEAT
        try:
            os.utime(path)
        except FileNotFoundError:
            self._publish(path, b"")

    def write_watcher(self, *, polling: Sequence[str], waiting: Sequence[str] = ()) -> None:
        """Publish for `status` which files had to be polled, and which providers' turns wait.

        The bridge does not read it.
        """
        value = {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "polling": list(polling),
            "waiting": list(waiting),
        }
        self._publish(self._paths.state / "watcher.json", _json(value))

    def polled(self, watcher: int) -> list[str]:
        """Return what the watcher with that pid has told of files that it had to poll."""
        return polled_by(self._paths, watcher)

    def remove_state(self) -> None:
        """Take `state.json` away: from now on nobody answers signals."""
        with contextlib.suppress(OSError):
            remove_own(self.folder / "state.json")

    def answer(self, signal_id: str, verdict: Verdict) -> None:
        """Publish the verdict on a signal."""
        value = {
            "schema": SCHEMA,
            "id": signal_id,
            "verdict": verdict.kind.value,
            "credential": verdict.credential,
            "drop": verdict.drop,
            "wait_ms": verdict.wait_ms,
            "to": verdict.to and {"provider": verdict.to.provider, "model": verdict.to.model},
        }
        if verdict.note is not None:
            value["note"] = verdict.note
        self._publish(self.outbox / f"{signal_id}.json", _json(value))

    # -- bridge → watcher --------------------------------------------------------------------

    def waiting(self, known: Collection[Path] = ()) -> list[Path]:
        """Return the signals that lie in the inbox and are not `known`, oldest first."""
        found = []
        with (
            contextlib.suppress(OSError),
            own_folder(self.inbox) as inbox,
            os.scandir(inbox) as entries,
        ):
            for entry in entries:
                path = self.inbox / entry.name
                if _is_signal(entry.name) and path not in known:
                    with contextlib.suppress(OSError):
                        found.append((entry.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    def is_failure(self, path: Path) -> bool:
        """Tell whether a file in the inbox is a failure that somebody may wait for, by a glance.

        Raises OSError if it is gone or cannot be read.
        """
        if not path.is_file():
            return False
        try:
            value = json.loads(_head(path))
        except (ValueError, RecursionError):
            return False
        if not isinstance(value, dict) or "kind" in value:
            return False
        status = _status(value.get("status"))
        return status is None or status >= FIRST_FAILURE

    def take(self, path: Path) -> Signal | Note | None:
        """Read and unlink what a bridge tells; None if it is gone, stale or not understood."""
        # A pipe in its place is not waited for.
        if not _is_signal(path.name) or not path.is_file():
            return None
        try:
            age_seconds = time.time() - path.stat().st_mtime
            content = _head(path)
            remove_own(path)
        except OSError:
            return None
        if age_seconds > STALE_SECONDS or len(content) > LARGEST_SIGNAL:
            return None
        return parse_signal(path.stem, content) or parse_note(path.stem, content)

    def served_sessions(self) -> frozenset[str]:
        """Return the sessions that opencodes with the bridge have sent requests for."""
        return served_sessions(self.folder / "present")

    def sessions_of(self, bridges: Iterable[Present]) -> frozenset[str]:
        """Return those of these bridges' opencodes alone."""
        names = {one.name for one in bridges}
        return served_sessions(self.folder / "present", names) if names else frozenset()

    def present(self) -> list[Present]:
        """Return the bridges of running opencodes, and sweep the files of dead ones."""
        found = []
        for path in _present_files(self._paths):
            one = _present(path)
            if one is None:
                set_aside(path.with_suffix(SESSIONS))
                for gone in (path, path.with_suffix(_BUSY)):
                    with contextlib.suppress(OSError):
                        remove_own(gone)
            elif one.auth_file == str(self._paths.auth_file):
                found.append(one)
        return found

    def turns_under_way(self, present: Iterable[Present]) -> bool:
        """Tell whether an opencode of those is in the middle of a turn, as its bridge says."""
        folder = self.folder / "present"
        return any((folder / f"{one.name or one.pid}{_BUSY}").is_file() for one in present)

    def sweep(self) -> None:
        """Remove verdicts that nobody took and temporary files of dead writers."""
        sweep_sessions(self.folder / "present")
        limit = time.time() - STALE_SECONDS
        for folder in (self.inbox, self.outbox, self.folder):
            with (
                contextlib.suppress(OSError),
                own_folder(folder) as handle,
                os.scandir(handle) as entries,
            ):
                for entry in entries:
                    leftover = entry.name.startswith(".") or folder == self.outbox
                    with contextlib.suppress(OSError):
                        if leftover and entry.stat(follow_symlinks=False).st_mtime < limit:
                            os.unlink(entry.name, dir_fd=handle)


# -- for whoever only looks: no folder is made, nothing is swept ---------------------------------


def polled_by(paths: Paths, watcher: int) -> list[str]:
    """Return what the watcher with that pid has told of files that it had to poll."""
    return _told_by(paths, watcher, "polling")


def waiting_by(paths: Paths, watcher: int) -> list[str]:
    """Return the providers of which a turn waits for an account that frees up, as often as one."""
    return _told_by(paths, watcher, "waiting")


def _told_by(paths: Paths, watcher: int, what: str) -> list[str]:
    try:
        value = json.loads(_head(paths.state / "watcher.json"))
        told = value[what] if value["pid"] == watcher else []
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [clean(name) for name in _list(told) if isinstance(name, str)]


def bridges_of(paths: Paths) -> list[Present]:
    """Return the bridges of the opencodes that run and use our auth.json."""
    found = [_present(path) for path in _present_files(paths)]
    ours = str(paths.auth_file)
    return [one for one in found if one and one.auth_file == ours]


def published(paths: Paths) -> Published | None:
    """Return what a watcher has published last, or None where there is nothing."""
    path = paths.bridge / "state.json"
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        value = json.loads(_head(path))
        pid = _number(value["watcher"]["pid"])
        return None if pid is None else Published(pid, clean(value["version"]), at)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def parse_signal(signal_id: str, content: bytes) -> Signal | None:
    """Return the signal that the bridge wrote, or None if it is not one of schema 1."""
    try:
        value = json.loads(content)
        # Only a signal names no kind.
        if not isinstance(value, dict) or value.get("schema") != SCHEMA or "kind" in value:
            return None
        if value.get("id") != signal_id or not is_provider_id(value["provider"]):
            return None
        return Signal(
            id=signal_id,
            at=from_iso(value["at"]),
            provider=value["provider"],
            source=Source.BRIDGE,
            credential=_digest(value.get("credential")),
            request=clean(value.get("request") or ""),
            attempt=_number(value.get("attempt")) or 1,
            model=_words(value.get("model")),
            session=_words(value.get("session")),
            tried=tuple(d for one in _list(value.get("tried")) if (d := _digest(one))),
            status=_status(value.get("status")),
            error=_words(value.get("error")),
            headers=_headers(value.get("headers")),
            body=str(value.get("body") or "")[:LONGEST_BODY],
            left=tuple(one for one in _list(value.get("left")) if _is_provider(one)),
            aside=value.get("aside") is True,
            waited=value.get("waited") is True,
            opencode=_kind(value.get("opencode")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _entry(entry: Entry) -> dict[str, Any]:
    route = {"provider": entry.route.provider, "model": entry.route.model}
    return route | ({"instead": dict(entry.instead)} if entry.instead else {})


def _providers(state: State, now: datetime) -> dict[str, Any]:
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
        }
    return told


def _present_files(paths: Paths) -> list[Path]:
    return sorted((paths.bridge / "present").glob("*.json"))[:MOST_PRESENT]


def _present(path: Path) -> Present | None:
    """Return what a bridge says of itself, if it is one and its opencode still runs."""
    try:
        content = head(path, LARGEST_SIGNAL)
        value = json.loads(content or b"{}")
        pid = _number(value["pid"])
        is_named = _NAME.fullmatch(path.stem) and path.stem.partition("-")[0] == str(pid)
        if value["schema"] != SCHEMA or pid is None or not is_named:
            return None
        if not is_alive(value, pid, path.stat().st_mtime):
            return None
        started = value.get("started_at")
        return Present(
            pid=pid,
            bridge=clean(value.get("bridge")),
            kind=value["kind"] if value.get("kind") in {"tui", "serve", "run"} else "tui",
            auth_file=str(value.get("auth_file")),
            started_at=from_iso(started) if isinstance(started, str) else None,
            opencode=clean(value.get("opencode") or ""),
            directories=tuple(one for one in _list(value.get("directories")) if _is_text(one)),
            is_here=is_known_here(value),
            namespace=str(value.get(NAMESPACE) or ""),
            name=path.stem,
            unseen=tuple(one for one in _list(value.get("unseen")) if _is_provider(one)),
            aside=_variable(value.get("aside")),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(LARGEST_SIGNAL + 1)


def _is_signal(name: str) -> bool:
    stem, dot, ending = name.rpartition(".")
    return dot == "." and ending == "json" and _ID.fullmatch(stem) is not None


def _digest(value: object) -> Digest | None:
    ok = isinstance(value, str) and _DIGEST.fullmatch(value)
    return Digest(str(value)) if ok else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def _is_provider(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and is_provider_id(value)


def _kind(value: object) -> str | None:
    return value if isinstance(value, str) and value in _KINDS else None


def _variable(value: object) -> str:
    return value if isinstance(value, str) and value in {AUTH_CONTENT, WEBSOCKETS} else ""


def _status(value: object) -> int | None:
    number = _number(value)
    return number if number is not None and _FIRST_STATUS <= number <= _LAST_STATUS else None


def _words(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _list(value: object) -> list[object]:
    return value[:256] if isinstance(value, list) else []


def _headers(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    pairs = list(value.items())[:_MOST_HEADERS]
    return {clean(k).lower(): clean(v) for k, v in pairs if isinstance(v, str)}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
