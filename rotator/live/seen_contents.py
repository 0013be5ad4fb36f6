"""What was read in auth.json and is in no store yet: another login may have taken its place.

The disk is full, or somebody holds a lock: whoever watches has read the login by then, and it
must not be forgotten with the file's next content.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from rotator.context import Context
from rotator.core.logins.unsaved import is_saved
from rotator.errors import LiveFileError
from rotator.live.capture_content import capture_content, take_descents
from rotator.live.knowledge import knowledge, try_parse
from rotator.live.late_writes import save_logins
from rotator.live.unclaimed import keep_unreadable
from rotator.live.unsaved_file import read_unsaved, remove_unsaved
from rotator.model import Digest
from rotator.opencode.auth.file import Reading, Whole, read_live
from rotator.secret import Secret
from rotator.text import bytes_of

log = logging.getLogger(__name__)

MOST_CONTENTS = 200
MOST_BYTES = 16 * 1024 * 1024


class SeenContents:
    """The contents of auth.json that were read, oldest first, until they are taken out.

    One that has no entry that an earlier one has not is left out, so that a file which is written
    all the time does not push a login out.
    """

    def __init__(self, auth_file: Path) -> None:
        self._auth_file = auth_file
        self._lock = threading.Lock()
        self._contents: list[Secret] = []
        self._last: Whole | None = None
        self._is_full = False

    def look(self) -> None:
        """Read auth.json, and keep what it holds; call it from any thread."""
        with self._lock:
            reading = read_live(self._auth_file)
            if not isinstance(reading, Whole) or reading == self._last:
                return
            self._last = reading
            if self._has_news(reading):
                self._contents.append(Secret(reading.text))
                self._bound()

    def all(self) -> list[Whole]:
        """Return what is kept."""
        with self._lock:
            return [Whole(bytes_of(content.reveal())) for content in self._contents]

    def forget(self, saved: Sequence[Whole]) -> None:
        """Take out what is saved."""
        gone = {Secret(whole.text) for whole in saved}
        with self._lock:
            self._contents = [content for content in self._contents if content not in gone]
            self._is_full = self._is_full and bool(self._contents)

    def _has_news(self, reading: Whole) -> bool:
        kept = {
            item
            for content in self._contents
            for item in Whole(bytes_of(content.reveal())).entries.items()
        }
        return not reading.entries.items() <= kept

    def _bound(self) -> None:
        while (
            len(self._contents) > MOST_CONTENTS
            or sum(len(content.reveal()) for content in self._contents) > MOST_BYTES
        ):
            del self._contents[0]
            if not self._is_full:
                log.warning("auth.json held more logins than can be kept until they are saved")
            self._is_full = True


def capture_seen(
    context: Context, contents: Sequence[Whole], since: Digest | None, *, watched: bool
) -> list[Whole]:
    """Save the logins that stood in auth.json one after the other; return what is dealt with.

    Call it under the swap lock, before anything else is taken in. `since` is the digest that the
    store had before: where nobody else has looked meanwhile each content means what it would have
    meant then. Of others only what is saved nowhere is taken. What stands in auth.json now is left
    to whoever looks at it. Raises StoreError.
    """
    done = list[Whole]()
    now = read_live(context.paths.auth_file)
    last = context.store.live_content()
    before = Whole(b"{}" if last is None else last)
    for content in contents:
        is_known = content.digest == context.store.live_digest()
        if content == now and not is_known:
            continue
        if not _keep_gone(context, content, now):
            continue
        if not is_known and _holds_news(context, content):
            take_descents(context)
            try:
                if context.store.live_digest() == since:
                    capture_content(context, content, watched=watched)
                    since = context.store.live_digest()
                else:
                    save_logins(context, before, content, to_be_live=False)
            except LiveFileError as exc:
                log.warning("a login that stood in auth.json waits: %s", exc.message)
                continue
        done.append(content)
        before = content
    return done


def _keep_gone(context: Context, content: Whole, now: Reading) -> bool:
    """Keep what could not be read and stands there no more; False where there is no room."""
    left = now.entries if isinstance(now, Whole) else {}
    try:
        for provider, entry in content.entries.items():
            if left.get(provider) != entry:
                keep_unreadable(context, content, provider)
    except LiveFileError as exc:
        log.warning("what stood in auth.json waits: %s", exc.message)
        return False
    return True


def take_in_unsaved(context: Context) -> None:
    """Save what a watcher has left that could not; call it under the swap lock."""
    for place, unsaved in read_unsaved(context.paths):
        done = capture_seen(context, unsaved.contents, unsaved.since, watched=False)
        if len(done) == len(unsaved.contents):
            remove_unsaved(place)


def _holds_news(context: Context, content: Whole) -> bool:
    known = knowledge(context)
    for provider, entry in content.entries.items():
        credential = try_parse(provider, entry)
        if not isinstance(credential, str) and not is_saved(provider, credential, known):
            return True
    return False
