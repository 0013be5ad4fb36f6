"""The files through which the bridge and the watcher talk; see docs/architecture.md.

Everything read here was written by another process, so every field is checked, and a file
that is not understood costs itself alone. No secret is ever written.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from rotator import __version__
from rotator.clock import to_iso
from rotator.core.failures.reported_failures import Note, StoppedWait
from rotator.core.selection.routing import Directions
from rotator.model import Signal, State, Verdict
from rotator.opencode.bridge.fields import LARGEST_SIGNAL, SCHEMA, as_status, head_of, json_bytes
from rotator.opencode.bridge.presence import BUSY, Present, present_files, read_present
from rotator.opencode.bridge.session_notes import (
    SESSIONS,
    Sessions,
    parse_note,
    parse_stopped,
    served_sessions,
    set_aside,
    sweep_sessions,
)
from rotator.opencode.bridge.signal_file import parse_signal
from rotator.opencode.bridge.watcher_files import (
    database_facts,
    polled_by,
    provider_facts,
    routing_entry,
    withdrawn_facts,
)
from rotator.system.file_owners import own_folder, remove_own
from rotator.system.files import is_left_from_before, publish
from rotator.system.liveness import NAMESPACE, pid_namespace
from rotator.system.paths import Paths, private_folder
from rotator.system.processes import start_ticks

# The bridge waits a quarter of a second for a first word; older signals have nobody waiting.
STALE_SECONDS = 30.0
# A bridge also tells of good answers, for what their headers say of limits.
FIRST_FAILURE = 400
# Of a folder in one sweep: nobody waits while thousands of files are looked at.
_MOST_SWEPT = 1000
_ID = re.compile(r"[A-Za-z0-9-]{1,80}")
_NOWHERE = Directions()
# Beside state.json: touched at every look, for those who cannot tell by the watcher's pid.


class Exchange:
    """The exchange folder, made on first use: `state.json`, `present/`, `inbox/`, `outbox/`."""

    def __init__(self, paths: Paths) -> None:
        """Make the folders below `paths.bridge` (0700)."""
        self._paths = paths
        self.folder = paths.bridge
        self._was_removed = False
        self._made: list[int | None] = []
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
        self._was_removed = not all(path.is_dir() for path in folders) or self._was_removed
        for folder in (self._paths.state, *folders):
            private_folder(folder)
        # One may be gone in between: then another one has been made.
        made = [_number_of(path) for path in folders]
        self._was_removed |= self._made not in ([], made)
        self._made = made

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
            "providers": provider_facts(state, now),
            "withdrawn": withdrawn_facts(state),
            "routing": [routing_entry(entry) for entry in directions.entries],
            "routing_spent": list(directions.spent),
            "routing_overrides_explicit": directions.overrides_explicit,
        }
        value |= database_facts(state, self._paths.opencode_database, now)
        self._publish(self.folder / "state.json", json_bytes(value))

    def beat(self) -> None:
        """Show by a file's time that the watcher works; its pid may mean nothing to a bridge."""
        path = self._paths.beat
        try:
            os.utime(path)
        except FileNotFoundError:
            self._publish(path, b"")

    def write_watcher(
        self, *, polling: Sequence[str], waiting: Sequence[str] = (), broken: Sequence[str] = ()
    ) -> None:
        """Publish for `status` what only the watcher knows; the bridge does not read it.

        Which files had to be polled, which providers' turns wait, and a sentence for each module
        of a provider that is broken.
        """
        value = {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "polling": list(polling),
            "waiting": list(waiting),
            "broken": list(broken),
        }
        self._publish(self._paths.state / "watcher.json", json_bytes(value))

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
        if verdict.end is not None:
            value["end"] = verdict.end
        if verdict.slot is not None:
            value["slot"] = verdict.slot
        self._publish(self.outbox / f"{signal_id}.json", json_bytes(value))

    # -- bridge → watcher --------------------------------------------------------------------

    def names(self) -> set[str]:
        """Return the names of all that lies in the inbox, whatever it is."""
        with contextlib.suppress(OSError), own_folder(self.inbox) as inbox:
            return set(os.listdir(inbox))  # noqa: PTH208  # an open folder
        return set()

    def is_failure(self, path: Path) -> bool:
        """Tell whether a file in the inbox is a failure that somebody may wait for, by a glance.

        Raises OSError if it is gone or cannot be read.
        """
        if not path.is_file():
            return False
        try:
            value = json.loads(head_of(path))
        except (ValueError, RecursionError):
            return False
        if not isinstance(value, dict) or "kind" in value:
            return False
        status = as_status(value.get("status"))
        return status is None or status >= FIRST_FAILURE

    def take(self, path: Path) -> Signal | Note | StoppedWait | None:
        """Read and unlink what a bridge tells; None if it is gone, stale or not understood.

        A file's time may be another computer's, whose disk it lies on: so what is stale is so by
        the bridge's clock, too.
        """
        # A pipe in its place is not waited for.
        if not is_signal(path.name) or not path.is_file():
            return None
        try:
            is_stale = is_left_from_before(path.stat().st_mtime, STALE_SECONDS)
            content = head_of(path)
            remove_own(path)
        except OSError:
            return None
        if len(content) > LARGEST_SIGNAL:
            return None
        name = path.stem
        told: Signal | Note | StoppedWait | None
        told = parse_signal(name, content) or parse_note(name, content)
        told = told or parse_stopped(name, content)
        if told is None or (is_stale and is_left_from_before(told.at.timestamp(), STALE_SECONDS)):
            return None
        return told

    def served_sessions(self) -> Sessions:
        """Return the sessions that opencodes with the bridge have sent requests for."""
        return served_sessions(self.folder / "present")

    def sessions_of(self, bridges: Iterable[Present]) -> Sessions:
        """Return those of these bridges' opencodes alone."""
        names = {bridge.name for bridge in bridges}
        return served_sessions(self.folder / "present", names) if names else Sessions()

    def present(self) -> list[Present]:
        """Return the bridges of running opencodes 1, and sweep the files of all dead ones."""
        bridges = []
        for path in present_files(self._paths):
            bridge = read_present(path)
            if bridge is None:
                set_aside(path.with_suffix(SESSIONS))
                for gone in (path, path.with_suffix(BUSY)):
                    with contextlib.suppress(OSError):
                        remove_own(gone)
            elif bridge.auth_file == str(self._paths.auth_file) and not bridge.is_second:
                bridges.append(bridge)
        return bridges

    def turns_under_way(self, present: Iterable[Present]) -> bool:
        """Tell whether an opencode of those is in the middle of a turn, as its bridge says."""
        folder = self.folder / "present"
        return any((folder / f"{bridge.name or bridge.pid}{BUSY}").is_file() for bridge in present)

    def sweep(self) -> None:
        """Remove verdicts that nobody took and temporary files of dead writers."""
        sweep_sessions(self.folder / "present")
        for folder in (self.inbox, self.outbox, self.folder):
            with (
                contextlib.suppress(OSError),
                own_folder(folder) as handle,
                os.scandir(handle) as entries,
            ):
                leftovers = (e for e in entries if e.name.startswith(".") or folder == self.outbox)
                for entry in islice(leftovers, _MOST_SWEPT):
                    with contextlib.suppress(OSError):
                        changed_at_seconds = entry.stat(follow_symlinks=False).st_mtime
                        if is_left_from_before(changed_at_seconds, STALE_SECONDS):
                            os.unlink(entry.name, dir_fd=handle)


def is_signal(name: str) -> bool:
    """Tell whether a file of that name in the inbox is one of a bridge."""
    stem, dot, ending = name.rpartition(".")
    return dot == "." and ending == "json" and _ID.fullmatch(stem) is not None


def _number_of(folder: Path) -> int | None:
    """Return by what number the disk knows a folder; None where it is gone."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None
