"""What the watcher does about OpenCode 2's database: nearly nothing while no login changes in it.

The database is written at every message; that a login has changed is told by the table alone.
"""

from __future__ import annotations

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


class DatabaseLook:
    """Looks at the database whenever it may have changed; use it from one thread."""

    def __init__(self, context: Context, woken: Callable[[], None] = lambda: None) -> None:
        """`woken` is called from another thread when there is something to look at."""
        self._context = context
        self._problems = Problems(context)
        self._reader = TableReader(context.paths.opencode_database)
        self._home = DatabaseHome(context.paths, reader=self._reader)
        self._seen: HomeReading | None = None
        self._watched = False
        self.switches = Switches(context, self._home, lambda: DatabaseHome(context.paths), woken)

    @property
    def files(self) -> list[Watched]:
        """What has to be watched for it."""
        return [Watched(DATABASE, path) for path in self._home.watched()]

    def close(self) -> None:
        """Close the database."""
        self.switches.close()
        self._reader.close()

    def look(self, *, closely: bool = False) -> bool:
        """Save what is new in it; tell whether anything is.

        What was read last is looked at again only `closely`: an account may have newer tokens
        than stand there. Raises StoreError.
        """
        reading = self._home.read()
        has_switched = self.switches.has_news
        if reading is self._seen and not closely and not has_switched:
            return False
        before = self._context.store.state()
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
        self._seen = reading
        # From the first look on nothing is missed.
        self._watched = True
        return self._context.store.state() is not before
