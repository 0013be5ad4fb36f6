"""What the watcher does about auth.json: at each change, and as long as one could not be saved."""

from __future__ import annotations

import logging
from datetime import datetime

from rotator.context import Context
from rotator.errors import StoreError, SwapConflict
from rotator.live.capture import capture_until_whole
from rotator.live.seen_contents import SeenContents, capture_seen
from rotator.live.unsaved_file import write_unsaved
from rotator.model import Digest
from rotator.opencode.auth.file import Torn, Whole
from rotator.system.interrupts import Interrupted
from rotator.system.locks import swap_lock
from rotator.watcher.unsettled import UnsettledFile

log = logging.getLogger(__name__)


class LiveLook:
    """Saves what stands in auth.json; `glance` may be called from any thread, the rest from one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._watched = False
        self._unsettled = UnsettledFile(context)
        self._seen = SeenContents(context.paths.auth_file)
        self._since: Digest | None = None
        self._has_looked = self._is_troubled = False
        self._written: list[Whole] = []

    def glance(self) -> None:
        """Read the file now, without a lock: who saves it may have to wait."""
        self._seen.look()

    def look(self) -> bool:
        """Save what stands there, and what stood there since; tell whether anything is new.

        Raises StoreError, LiveFileError; what was read then is saved at the next look.
        """
        self.glance()
        try:
            is_new = self._look()
        except (StoreError, SwapConflict, Interrupted):
            # A signal that ends a wait for a lock ends this, too: what was read is kept.
            self._is_troubled = True
            self._keep()
            raise
        self._is_troubled = False
        return is_new

    def leave(self) -> None:
        """Leave what could not be saved to whoever looks next."""
        if self._is_troubled and not self._keep():
            log.warning("a login that stood in auth.json could not be saved, and is gone")

    def wants_a_look(self, now: datetime) -> bool:
        """Tell whether the file may change soon: it is torn or missing since a short time."""
        return self._unsettled.wants_a_look(now)

    def follow_clock(self, now: datetime) -> None:
        """Let no doubt have begun after now: the clock may have been set back."""
        self._unsettled.follow_clock(now)

    def _look(self) -> bool:
        store = self._context.store
        before = store.live_digest()
        if not self._has_looked:
            self._since, self._has_looked = before, True
        with swap_lock(self._context.paths.swap_lock):
            contents = self._seen.all()
            if contents:
                done = capture_seen(self._context, contents, self._since, watched=self._watched)
                self._seen.forget(done)
            reading = capture_until_whole(self._context, self._watched, patience_seconds=0)
            # From the first whole content on nothing is missed.
            self._watched = self._watched or not isinstance(reading, Torn)
            self._unsettled.settle(reading)
            self._since = store.live_digest()
        self._seen.forget([c for c in self._seen.all() if c.digest == self._since])
        return self._since != before

    def _keep(self) -> bool:
        """Write down what could not be saved; False where that cannot be done either."""
        contents = self._seen.all()
        if contents != self._written:
            self._written = []
            if contents and not write_unsaved(self._context.paths, contents, self._since):
                return False
            self._written = contents
        return True
