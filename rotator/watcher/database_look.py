"""What the watcher does about OpenCode 2's database: nearly nothing while no login changes in it.

The database is written at every message; that a login has changed is told by the table alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from rotator.context import Context
from rotator.errors import LiveFileUnreadable
from rotator.live.homes import capture_home
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.table import TableReader
from rotator.opencode.home import HomeReading, Unusable
from rotator.system.locks import swap_lock
from rotator.system.watched_folders import Watched
from rotator.watcher.messages import DATABASE
from rotator.watcher.problems import Problems
from rotator.watcher.switches import Switches

# A change is heard of once its writer has written into the log, and can be read once that has
# reached the disk, which takes a busy one its time.
_AGAIN_AFTER_SECONDS = (0.02, 0.2, 1.0)


class DatabaseLook:
    """Looks at the database whenever it may have changed; use it from one thread."""

    def __init__(self, context: Context, woken: Callable[[], None] = lambda: None) -> None:
        """`woken` is called from another thread when there is something to look at."""
        self._context = context
        self._problems = Problems(context)
        self._reader = TableReader(context.paths.opencode_database)
        self._home = DatabaseHome(context.paths, reader=self._reader)
        self._seen: HomeReading | None = None
        self._version = 0
        self._watched = False
        self._woken = woken
        self._again: threading.Timer | None = None
        self._is_again_due = False
        self._times_again = 0
        self.switches = Switches(context, self._home, lambda: DatabaseHome(context.paths), woken)

    @property
    def files(self) -> list[Watched]:
        """What has to be watched for it."""
        return [Watched(DATABASE, path) for path in self._home.watched()]

    def close(self) -> None:
        """Close the database."""
        if self._again is not None:
            self._again.cancel()
            self._again.join()
        self.switches.close()
        self._reader.close()

    def look(self, *, closely: bool = False) -> bool:
        """Save what is new in it; tell whether anything is.

        What was read last is looked at again only `closely`: an account may have newer tokens
        than stand there. Raises StoreError.
        """
        reading = self._home.read()
        has_switched = self.switches.has_news
        before, self._version = self._version, self._reader.versions
        if reading is self._seen and not closely and not has_switched:
            if self._version == before:
                self._look_again()
            else:
                self._times_again = 0
            return False
        known = self._context.store.state()
        with swap_lock(self._context.paths.swap_lock):
            reading = capture_home(
                self._context, self._home, watched=self._watched, ours=self.switches.slots
            )
        for error in self.switches.ended() if has_switched else ():
            self._problems.tell(error)
        if isinstance(reading, Unusable):
            self._seen = None
            if not reading.is_passing:
                self._problems.tell(LiveFileUnreadable(reading.why))
            return False
        self._seen, self._times_again = reading, 0
        # From the first look on nothing is missed.
        self._watched = True
        return self._context.store.state() is not known

    def _look_again(self) -> None:
        """Have a few more looks at what could not be read yet, each later than the one before."""
        if self._is_again_due:
            # Whoever has heard of more meanwhile is served by it, too.
            return
        if self._times_again == len(_AGAIN_AFTER_SECONDS):
            self._times_again = 0
            return
        after_seconds = _AGAIN_AFTER_SECONDS[self._times_again]
        self._times_again += 1
        self._is_again_due = True
        self._again = threading.Timer(after_seconds, self._wake)
        self._again.daemon = True
        self._again.start()

    def _wake(self) -> None:
        self._is_again_due = False
        self._woken()
