"""Live → store: what stands in auth.json is saved before anything else happens to it.

Call everything here under the swap lock. The meaning of a change is decided in
`rotator.core.logins.changes`; here it is carried out, and auth.json is mended where the meaning
asks for it.
"""

from __future__ import annotations

import time

from rotator.context import Books
from rotator.errors import SwapConflict
from rotator.live.capture_content import take_descents, take_in
from rotator.live.late_writes import absorb_late
from rotator.live.restore import rebuild
from rotator.model import Event, EventKind
from rotator.opencode.auth.file import Reading, Torn, Whole, read_live
from rotator.opencode.auth.writer import put_live, resolve
from rotator.system.files import sync_folder
from rotator.system.locks import watcher_pid

_MOST_MENDING = 5
_LOOK_SECONDS = 0.002


def absorb(books: Books, *, watched: bool) -> Reading:
    """Save what auth.json holds now, mend what has to be mended, and return what it holds then.

    A torn or missing file changes nothing. `watched` says that every write since the last
    call was seen. Raises StoreError, and LiveFileError if a needed repair cannot be written:
    then the next call tries it again.
    """
    absorb_late(books)
    for _ in range(_MOST_MENDING):
        reading = read_live(books.paths.auth_file)
        # Whoever wrote tokens there has told before where they came from.
        take_descents(books)
        if not isinstance(reading, Whole) or reading.digest == books.store.live_digest():
            return reading
        mended = take_in(books, reading, watched=watched)
        if mended is None:
            return reading
        if put_live(books.paths.auth_file, reading, mended.content, books.replaced):
            sync_folder(resolve(books.paths.auth_file).parent)
            with books.store.transaction():
                books.store.set_live(mended.content, books.clock())
            books.record(mended.events)
            books.announce()
            return read_live(books.paths.auth_file)
    # What it holds now has not been saved: nobody may write over it.
    message = f"{books.paths.auth_file} kept changing while it was to be mended"
    raise SwapConflict(message, hint="try again in a moment")


def settled(books: Books, watched: bool, patience_seconds: float) -> Reading:  # noqa: FBT001
    """Return what auth.json holds once it is whole, everything in it saved.

    A torn file is looked at again until it is whole or patience ends; then it is returned torn.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        reading = absorb(books, watched=watched)
        if not isinstance(reading, Torn) or reading.lasting or time.monotonic() > deadline:
            return reading
        time.sleep(_LOOK_SECONDS)


def await_late(books: Books, *, patience_seconds: float) -> None:
    """Do the same for the last time, after whoever writes just now has ended.

    opencode empties the file as it opens it: one that is whole now has nobody in it any more.
    """
    deadline = time.monotonic() + patience_seconds
    while books.replaced.is_being_written() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    absorb_late(books)
    while books.store.late_logins() and time.monotonic() < deadline:
        # What stands in auth.json has to be whole and saved before anything is put beside it.
        absorb(books, watched=watcher_pid(books.paths.watch_lock) is not None)
        absorb_late(books)
        time.sleep(_LOOK_SECONDS)


def absorb_missing(books: Books) -> None:
    """Note that there is no auth.json (any more): every slot is empty, no account is touched."""
    if books.store.live_content() is None:
        return
    now = books.clock()
    with books.store.transaction():
        for provider, slot in books.store.state().slots.items():
            if slot.active is not None:
                books.store.set_active(provider, None, now)
        books.store.set_live(None, now)
    why = "auth.json is gone; every account stays saved, rotator rotate PROVIDER ALIAS puts it back"
    books.record([Event(now, EventKind.PROBLEM, why=why)])
    books.announce()


def rebuild_torn(books: Books, torn: Torn) -> bool:
    """Write auth.json anew from its last whole content, keeping what would be lost.

    For a file that nobody finishes. False if there is nothing to write or it changed meanwhile.
    Raises LiveFileUnreadable for one that is never written over, LiveFileError, StoreError.
    """
    return rebuild(books, torn) is not None
