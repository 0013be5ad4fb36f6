"""Live → store: what stands in auth.json is saved before anything else happens to it.

Call everything here under the swap lock. The meaning of a change is decided in
`rotator.core.logins.changes`; here it is carried out, and auth.json is mended where the meaning
asks for it.
"""

from __future__ import annotations

import time

from rotator.context import Context
from rotator.errors import SwapConflict
from rotator.live.capture_content import capture_content, take_descents
from rotator.live.late_writes import capture_late_writes
from rotator.live.restore import rebuild
from rotator.live.seen_contents import take_in_unsaved
from rotator.model import Event, EventKind
from rotator.opencode.auth.file import Reading, Torn, Whole, read_live
from rotator.opencode.auth.writer import put_live, resolve
from rotator.system.files import sync_folder
from rotator.system.locks import watcher_pid

_MOST_MENDING = 5
_LOOK_SECONDS = 0.002


def capture_live(context: Context, *, watched: bool) -> Reading:
    """Save what auth.json holds now, mend what has to be mended, and return what it holds then.

    A torn or missing file changes nothing. `watched` says that every write since the last
    call was seen. Raises StoreError, and LiveFileError if a needed repair cannot be written:
    then the next call tries it again.
    """
    capture_late_writes(context)
    take_in_unsaved(context)
    for _ in range(_MOST_MENDING):
        reading = read_live(context.paths.auth_file)
        # Whoever wrote tokens there has told before where they came from.
        take_descents(context)
        if not isinstance(reading, Whole) or reading.digest == context.store.live_digest():
            return reading
        mended = capture_content(context, reading, watched=watched)
        if mended is None:
            return reading
        context.store.require_turn()
        if put_live(context.paths.auth_file, reading, mended.content, context.replaced):
            sync_folder(resolve(context.paths.auth_file).parent)
            with context.store.transaction():
                context.store.set_live(mended.content, context.clock())
            context.record(mended.events)
            context.notify_changed()
            return read_live(context.paths.auth_file)
    # What it holds now has not been saved: nobody may write over it.
    message = f"{context.paths.auth_file} kept changing while it was to be mended"
    raise SwapConflict(message, hint="try again in a moment")


def capture_until_whole(context: Context, watched: bool, patience_seconds: float) -> Reading:  # noqa: FBT001
    """Return what auth.json holds once it is whole, everything in it saved.

    A torn file is looked at again until it is whole or patience ends; then it is returned torn.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        reading = capture_live(context, watched=watched)
        if not isinstance(reading, Torn) or reading.lasting or time.monotonic() > deadline:
            return reading
        time.sleep(_LOOK_SECONDS)


def wait_for_late_writes(context: Context, *, patience_seconds: float) -> None:
    """Do the same for the last time, after whoever writes just now has ended.

    opencode empties the file as it opens it: one that is whole now has nobody in it any more.
    """
    deadline = time.monotonic() + patience_seconds
    while context.replaced.is_being_written() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    capture_late_writes(context)
    while context.store.late_logins() and time.monotonic() < deadline:
        # What stands in auth.json has to be whole and saved before anything is put beside it.
        capture_live(context, watched=watcher_pid(context.paths.watch_lock) is not None)
        capture_late_writes(context)
        time.sleep(_LOOK_SECONDS)


def capture_missing(context: Context) -> None:
    """Note that there is no auth.json (any more): every slot is empty, no account is touched."""
    if context.store.live_content() is None:
        return
    now = context.clock()
    with context.store.transaction():
        for provider, slot in context.store.state().slots.items():
            if slot.active is not None:
                context.store.set_active(provider, None, now)
        context.store.set_live(None, now)
    why = "auth.json is gone; every account stays saved, rotator rotate PROVIDER ALIAS puts it back"
    context.record([Event(now, EventKind.PROBLEM, why=why)])
    context.notify_changed()


def rebuild_torn(context: Context, torn: Torn) -> bool:
    """Write auth.json anew from its last whole content, keeping what would be lost.

    For a file that nobody finishes. False if there is nothing to write or it changed meanwhile.
    Raises LiveFileUnreadable for one that is never written over, LiveFileError, StoreError.
    """
    return rebuild(context, torn) is not None
