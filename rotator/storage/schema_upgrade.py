"""Two versions of this program on one store: the older watcher leaves before the schema changes.

A watcher holds `watch.lock` for its life, and the schema of a store that is in use changes only
under that lock. Whoever has a newer schema asks for it by a file in the state folder, which an
older watcher sees.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rotator.errors import AlreadyRunning, StoreBusy
from rotator.storage.database import Connection
from rotator.storage.migrations import STORE, version_of
from rotator.system.file_owners import remove_own
from rotator.system.files import publish, touch
from rotator.system.locks import watch_holder, watch_lock
from rotator.system.paths import Paths, private_folder
from rotator.system.regular_files import head

PATIENCE_SECONDS = 10.0
_STOPPED_SECONDS = 1.0
# A request is of somebody who waits; one that is older is nobody's any more.
_GOOD_FOR_SECONDS = 30.0
_MOST_DIGITS = 9


def newer_wanted(paths: Paths) -> int | None:
    """Return the schema that a newer version waits to bring the store to, or None."""
    wanted = _wanted(paths)
    if wanted is None or wanted <= len(STORE):
        return None
    with contextlib.suppress(OSError):
        age_seconds = time.time() - paths.wanted_schema.stat().st_mtime
        return wanted if abs(age_seconds) < _GOOD_FOR_SECONDS else None
    return None


@contextlib.contextmanager
def without_watcher(
    paths: Paths, connection: Connection, *, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[None]:
    """Hold the watcher's lock, for the store's schema to change; ask a watcher to leave first.

    Where the watcher is of this version it changes the schema itself. Raises StoreBusy if an
    older one does not leave.
    """
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        while not _entered(stack, paths) and version_of(connection) < len(STORE):
            waited_seconds = time.monotonic() - began
            holder = watch_holder(paths.watch_lock)
            # A stopped one hears nothing.
            if holder is not None and holder.is_stopped and waited_seconds > _STOPPED_SECONDS:
                raise _stays(f"({holder}) is {holder.how_stopped}", holder.way_on)
            if waited_seconds > patience_seconds:
                who, end = (f"({holder}) ", f" ({holder.way_to_end})") if holder else ("", "")
                how = f"{who}has not left within {patience_seconds:g} s"
                raise _stays(how, f"end it{end} and run the command again")
            _ask(paths)
        yield


def forget_request(paths: Paths) -> None:
    """Take back what somebody wanted of the store, now that it has that schema."""
    wanted = _wanted(paths)
    if wanted is not None and wanted <= len(STORE):
        with contextlib.suppress(OSError):
            remove_own(paths.wanted_schema)


def _wanted(paths: Paths) -> int | None:
    text = (head(paths.wanted_schema, _MOST_DIGITS + 2) or b"").strip()
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else None


def _entered(stack: contextlib.ExitStack, paths: Paths) -> bool:
    try:
        stack.enter_context(watch_lock(paths.watch_lock))
    except AlreadyRunning:
        return False
    return True


def _ask(paths: Paths) -> None:
    private_folder(paths.state)
    publish(paths.wanted_schema, f"{len(STORE)}\n".encode())
    touch(paths.changed)


def _stays(how: str, hint: str) -> StoreBusy:
    message = f"the store has to be brought to schema {len(STORE)}, and the older watcher {how}"
    return StoreBusy(message, hint=hint)
