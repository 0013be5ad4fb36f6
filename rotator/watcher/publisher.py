"""What the watcher publishes: state.json for the bridges, its own notes, and the sidebar's file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.core.selection.routing import directions
from rotator.errors import RotatorError, StoreError
from rotator.model import Event, EventKind
from rotator.opencode.bridge.exchange import Exchange
from rotator.watcher.problems import Problems
from rotator.watcher.sidebar_file import publish_sidebar, remove_sidebar

log = logging.getLogger(__name__)

# A bridge that got no answer in time asks again only once state.json is another file.
PUBLISH_EVERY = timedelta(seconds=30)
# While there is always something to do, news are told to the bridges this often.
NEWS_EVERY = timedelta(seconds=0.25)


class Publisher:
    """Publishes whenever there is news, and now and then without."""

    def __init__(self, context: Context, exchange: Exchange, problems: Problems) -> None:
        """Prepare; nothing is published yet."""
        self._context = context
        self._exchange = exchange
        self._problems = problems
        self._started_at = self._published_at = context.clock()
        self.has_news = False

    def is_time_for_news(self) -> bool:
        """Tell whether the last news are so old that others need not wait for a pause."""
        return not timedelta(0) <= self._context.clock() - self._published_at < NEWS_EVERY

    def sweep_if_due(self, now: datetime) -> None:
        """Remove what nobody took, as often as something is published in any case."""
        if now - self._published_at >= PUBLISH_EVERY:
            self._exchange.sweep()
            self.has_news = True

    def publish(self, *, polling: Sequence[str], waiting: Sequence[str]) -> None:
        """Write the files anew; `polling` and `waiting` are for `status`."""
        # Else what is written would make a removed folder again without a word.
        self.restore()
        self.has_news = False
        now = self._published_at = self._context.clock()
        state = self._context.store.state()
        way = directions(state, self._context.preferences(), now)
        try:
            self._exchange.write_state(state, started_at=self._started_at, now=now, directions=way)
            broken = self._context.registry.problems
            self._exchange.write_watcher(polling=polling, waiting=waiting, broken=broken)
        except OSError as exc:
            self._untold(exc)
        publish_sidebar(self._context)

    def beat(self) -> None:
        """Show that the watcher works."""
        try:
            self._exchange.beat()
        except (OSError, RotatorError) as exc:
            self._untold(exc)

    def restore(self) -> None:
        """Make the bridge's folders again if somebody has removed them, and say so."""
        folder = self._exchange.folder
        try:
            if not self._exchange.restore():
                return
        except StoreError as exc:
            # It is tried again at every look; the rest is watched meanwhile.
            self._problems.tell(exc)
            return
        self.has_news = True
        why = f"{folder}, or a folder in it, was removed: it is made again"
        log.warning("%s", why)
        self._context.record([Event(self._context.clock(), EventKind.PROBLEM, why=why)])

    def remove(self) -> None:
        """Take away what says that a watcher works."""
        self._exchange.remove_state()
        remove_sidebar(self._context.paths)

    def follow_clock(self, now: datetime) -> None:
        """Let nothing have been published after now: the clock may have been set back."""
        self._published_at = min(self._published_at, now)

    def _untold(self, exc: OSError | RotatorError) -> None:
        why = exc.message if isinstance(exc, RotatorError) else exc.strerror or str(exc)
        message = f"nothing can be told to opencode in {self._exchange.folder}: {why}"
        self._problems.tell(StoreError(message, hint="check the folder's rights, and the disk"))
