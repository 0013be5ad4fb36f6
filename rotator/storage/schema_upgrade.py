"""Two versions of this program on one store: the older watcher leaves before the schema changes.

A watcher holds `watch.lock` for its life, and the schema of a store that is in use changes only
under that lock. Whoever has a newer schema asks for it by a file in the state folder, which an
older watcher sees.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rotator.errors import AlreadyRunning, StoreError
from rotator.storage.database import Connection
from rotator.storage.migrations import STORE, version_of
from rotator.system.file_owners import remove_own
from rotator.system.files import publish, touch
from rotator.system.locks import watch_holder, watch_lock
from rotator.system.paths import Paths, private_folder
from rotator.system.regular_files import head

PATIENCE_SECONDS = 10.0
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

    Where the watcher is of this version it changes the schema itself. Raises StoreError if an
    older one does not leave.
    """
    with contextlib.ExitStack() as stack:
        deadline = time.monotonic() + patience_seconds
        while not _entered(stack, paths) and version_of(connection) < len(STORE):
            if time.monotonic() > deadline:
                raise _stays(paths, patience_seconds)
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


def _stays(paths: Paths, patience_seconds: float) -> StoreError:
    holder = watch_holder(paths.watch_lock)
    who, end = (f" ({holder})", f" ({holder.way_to_end})") if holder else ("", "")
    message = (
        f"the store has to be brought to schema {len(STORE)}, and the older watcher{who}"
        f" has not left within {patience_seconds:g} s"
    )
    return StoreError(message, hint=f"end it{end} and run the command again")
