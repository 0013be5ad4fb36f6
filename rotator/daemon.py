"""The watcher: one thread owns the state and takes one message at a time from a queue.

File notifications and signals only put messages on the queue. What a signal means and leads
to is decided in `rotator.classify` and `rotator.engine`; here it is carried out.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Literal

from rotator import engine
from rotator.books import Books
from rotator.capture import absorb_missing, rebuild_torn
from rotator.clock_change import follow_clock
from rotator.errors import LiveFileError, NewerSchema, RotatorError, StoreDamaged, StoreError
from rotator.glance_file import publish_glance, remove_glance
from rotator.herald import Herald
from rotator.identity_questions import IdentityQuestions
from rotator.lock import swap_lock
from rotator.model import (
    Event,
    EventKind,
)
from rotator.opencode.authfile import Missing, Reading, Torn
from rotator.opencode.authwrite import sweep_live
from rotator.opencode.exchange import Exchange
from rotator.opencode.inbox import Inbox
from rotator.opencode.logtail import LoggedFailure, LogTail
from rotator.rebalance import Rebalance
from rotator.refresh import adopt_answers, reject_spent
from rotator.refreshes import Refreshes
from rotator.repeats import Note
from rotator.reports import Reports
from rotator.routing import directions
from rotator.settings_file import SettingsFile
from rotator.swap import settled
from rotator.turns import Turns
from rotator.uptake import take_up
from rotator.usage import Readings
from rotator.versions import newer_wanted
from rotator.visit import settle
from rotator.watch import FileWatcher, Watched

log = logging.getLogger(__name__)

# What is watched, by the names that `status` shows.
LIVE, INBOX, LOG, STORE = "auth.json", "the bridge's inbox", "opencode's log", "the store"
SETTINGS = "the settings"
STOP, REFRESHED, READ, NAMED, MORE = "stop", "refreshed", "read", "named", "more"
Message = tuple[str, Path | None]

# Events are hints; whatever they say, the files are looked at this often.
LOOK_EVERY = timedelta(seconds=5)
# A bridge that got no answer in time asks again only once state.json is another file.
PUBLISH_EVERY = timedelta(seconds=30)
# A torn or missing file is looked at again this soon, and settled after these times.
DOUBT_LOOK_EVERY = timedelta(seconds=0.05)
TORN_PATIENCE = timedelta(seconds=10)
MISSING_PATIENCE = timedelta(seconds=1)
# So often it is looked whether a reading of usage has served its time.
READ_EVERY = timedelta(seconds=30)
SAY_AGAIN_AFTER = timedelta(hours=1)
# A file that was just replaced is looked at again this often: nothing may tell of a late write.
LATE_LOOK_EVERY = timedelta(seconds=0.5)
# A swap that waits for the end of a turn is tried this often: the next turn may begin soon.
TURN_LOOK_EVERY = timedelta(seconds=1)
# While there is always something to do, news are told to the bridges this often.
NEWS_EVERY = timedelta(seconds=0.25)
# A store that cannot be read is tried again this often.
TROUBLED_SECONDS = 1.0


class End(Enum):
    """Why a watcher's work has ended."""

    STOPPED = auto()
    # A newer version of this program wants the store.
    NEWER = auto()
    # Our lock's file was removed, and another watcher has begun with a new one.
    REPLACED = auto()


class Daemon:
    """A watcher that has been set up; `run` works until `stop` is called."""

    def __init__(
        self,
        books: Books,
        *,
        watcher: Callable[..., FileWatcher] = FileWatcher,
        keep: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare the exchange folder and what is to be watched; nothing runs yet.

        `keep` tells before each piece of work whether this is still the only watcher.
        """
        self._keep = keep
        self._settings = SettingsFile(books.paths, later=lambda: self._queue.put((SETTINGS, None)))
        books = replace(books, preferences=lambda: self._settings.preferences)
        self._herald = Herald(books)
        self._books = books = replace(books, heard=self._herald.hear)
        self._exchange = Exchange(books.paths)
        self._tail = LogTail(books.paths.opencode_logs)
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._started_at = books.clock()
        self._looked_at = self._started_at
        self._watched = False
        self._unpublished = self._is_ready = False
        self._published_at = self._read_next_at = self._ask_next_at = self._started_at
        self._told = ("", self._started_at)
        self._doubt: tuple[Literal["torn", "missing"], bytes, datetime] | None = None
        self._refreshes = Refreshes(books, lambda: self._queue.put((REFRESHED, None)))
        self._readings = Readings(books, lambda: self._queue.put((READ, None)))
        self._questions = IdentityQuestions(books, lambda: self._queue.put((NAMED, None)))
        self._looks = {
            LIVE: self._look_at_live,
            INBOX: self._look_at_inbox,
            LOG: self._look_at_log,
            STORE: self._look_at_store,
            SETTINGS: self._look_at_settings,
            REFRESHED: self._look_at_refreshes,
            READ: self._look_at_readings,
            NAMED: self._look_at_owners,
        }
        self._reports = Reports(books, self._exchange, self._refreshes, self._readings)
        self._turns = Turns(Inbox(self._exchange), self._tail, self._take, self._hear)
        self._rebalance = Rebalance(books, self._exchange, self._refreshes)
        self._files = watcher(
            [
                Watched(LIVE, books.paths.auth_file, folder=False),
                Watched(INBOX, self._exchange.inbox, folder=True),
                Watched(LOG, books.paths.opencode_logs, folder=True),
                Watched(STORE, books.paths.changed, folder=False),
                Watched(SETTINGS, books.paths.config_file, folder=False),
            ],
            self._hint,
        )

    def _hint(self, name: str, path: Path) -> None:
        # A hidden name in the inbox is a signal that is still being written.
        if not path.name.startswith("."):
            self._queue.put((name, path))

    def stop(self) -> None:
        """Ask `run` to end; may be called from a signal handler or another thread."""
        self._queue.put((STOP, None))

    def run(self, ready: Callable[[], None]) -> End:
        """Watch until stopped; call `ready` once everything is in place; return why it ended."""
        # Loaded now: the first request that fails does not wait for them.
        for problem in self._books.registry.all_problems():
            log.warning("%s", problem)
        self._files.start()
        is_last = True
        try:
            self._tail.start()
            self._tidy()
            self._tick()
            self._publish()
            ready()
            # Whoever begins has other things to do first.
            self._is_ready, self._ask_next_at = True, self._books.clock() + LOOK_EVERY
            while (end := self._step()) is None:
                pass
            if end is End.STOPPED:
                # What was written into a replaced file a moment ago is in nobody else's hands.
                settle(self._books)
            is_last = end is not End.REPLACED
            return end
        finally:
            self._files.stop()
            self._refreshes.close()
            self._readings.close()
            self._questions.close()
            self._settings.close()
            self._herald.close()
            # What another watcher publishes by now is its own.
            if is_last:
                self._exchange.remove_state()
                remove_glance(self._books.paths)

    def _tidy(self) -> None:
        """Take in what commands left half done beside auth.json."""
        try:
            adopt_answers(self._books)
            reject_spent(self._books)
            with swap_lock(self._books.paths.swap_lock):
                sweep_live(self._books.paths.auth_file)
        except LiveFileError as exc:
            # What cannot be mended now keeps nobody from watching.
            self._problem(exc)

    def _step(self) -> End | None:
        """Work one message off, or have the regular look; return why it was the last one."""
        name, path = self._next_message()
        if name == STOP:
            return End.STOPPED
        # Whoever removed our folders has made room for a second watcher: only one of them acts.
        if not self._keep():
            return End.REPLACED
        try:
            self._work(name, path)
        except NewerSchema:
            return End.NEWER
        except StoreDamaged:
            self._mend()
        except RotatorError as exc:
            self._problem(exc)
        except Exception:
            # One bad message must not end the watch over everything else.
            log.exception("a message could not be worked off")
        return None if newer_wanted(self._books.paths) is None else End.NEWER

    def _next_message(self) -> Message:
        """Wait for a message until the regular look is due; an empty one stands for that look."""
        try:
            pause_seconds = self._pause_seconds()
        except RotatorError:
            # The work that follows meets it again, and says so.
            pause_seconds = TROUBLED_SECONDS
        try:
            return self._queue.get(timeout=pause_seconds)
        except queue.Empty:
            return "", None

    def _mend(self) -> None:
        try:
            self._books.mend()
        except RotatorError as exc:
            self._problem(exc)

    def _work(self, name: str, path: Path | None) -> None:
        if path is not None and self._is_signal(name, path):
            self._turns.inbox.hint(path)
            self._drain()
        elif name == MORE:
            self._drain(name)
        elif name:
            self._drain(name)
            self._files.check()
            self._look(name)
        self._work_inbox()
        # However many hints come in, the regular look has its turn.
        if not name or self._pause_seconds() == 0:
            self._tick()
        if not name:
            self._books.back_up_if_due()
        # Many failures at once need the news only once.
        now = self._books.clock()
        is_time = not timedelta(0) <= now - self._published_at < NEWS_EVERY
        if self._unpublished and (self._queue.empty() or is_time):
            self._publish()

    def _is_signal(self, name: str, path: Path | None) -> bool:
        return name == INBOX and path is not None and path != self._exchange.inbox

    def _drain(self, name: str | None = None) -> None:
        """Leave out repetitions that wait in the queue, also of `name`; know of all signals."""
        kept: list[Message] = []
        try:
            while True:
                message = self._queue.get_nowait()
                if message[1] is not None and self._is_signal(*message):
                    self._turns.inbox.hint(message[1])
                elif message[0] != name and message not in kept:
                    kept.append(message)
        except queue.Empty:
            for message in kept:
                self._queue.put(message)

    def _look(self, name: str) -> None:
        self._looks[name]()

    def _look_at_inbox(self) -> None:
        self._restore_exchange()
        self._turns.inbox.look()
        self._work_more()

    def _work_inbox(self) -> None:
        try:
            self._turns.work_inbox()
        finally:
            self._work_more()

    def _work_more(self) -> None:
        """Let the rest of the inbox have another turn."""
        if not self._turns.inbox.is_empty:
            self._queue.put((MORE, None))

    def _restore_exchange(self) -> None:
        """Make the bridge's folders again if somebody has removed them, and say so."""
        folder = self._exchange.folder
        try:
            if not self._exchange.restore():
                return
        except StoreError as exc:
            # It is tried again at every look; the rest is watched meanwhile.
            self._problem(exc)
            return
        self._unpublished = True
        why = f"{folder}, or a folder in it, was removed: it is made again"
        log.warning("%s", why)
        self._books.record([Event(self._books.clock(), EventKind.PROBLEM, why=why)])

    def _take(self, path: Path) -> None:
        told = self._exchange.take(path)
        # Whoever took a signal back while we were held up has to see that we are here again.
        self._unpublished = True
        if isinstance(told, Note):
            self._reports.noted(told)
        elif told is not None:
            self._reports.told(told)

    def _look_at_log(self) -> None:
        try:
            self._unpublished |= self._turns.work_log()
        finally:
            if self._turns.has_more_lines:
                self._queue.put((LOG, None))

    def _hear(self, failure: LoggedFailure, with_last: bool) -> None:  # noqa: FBT001  # a hook
        self._reports.logged(failure, with_last=with_last)

    def _look_at_refreshes(self) -> None:
        self._refreshes.work()
        self._unpublished = True

    def _look_at_readings(self) -> None:
        if self._readings.work():
            self._books.announce()
            self._rebalance.work()

    def _look_at_owners(self) -> None:
        if self._questions.work():
            self._books.announce()
            self._unpublished = True

    def _look_at_store(self) -> None:
        self._unpublished = True
        self._ask_next_at = self._books.clock()

    def _look_at_settings(self) -> None:
        if take_up(self._books, self._settings):
            # Another strategy may want another account at once.
            self._rebalance.work()
            self._unpublished = True

    # -- auth.json -------------------------------------------------------------------------

    def _look_at_live(self) -> None:
        before = self._books.store.live_digest()
        with swap_lock(self._books.paths.swap_lock):
            reading = settled(self._books, self._watched, patience_seconds=0)
            # From the first whole content on nothing is missed.
            self._watched = self._watched or not isinstance(reading, Torn)
            self._settle_doubt(reading)
        if self._books.store.live_digest() != before:
            self._unpublished = True
            # Whose a new login is may be worth a question.
            self._ask_next_at = self._books.clock()

    def _settle_doubt(self, reading: Reading) -> None:
        now = self._books.clock()
        match reading:
            case Torn(content=content):
                since = self._in_doubt("torn", content, now)
                if now - since >= TORN_PATIENCE and rebuild_torn(self._books, reading):
                    self._doubt = None
            case Missing():
                since = self._in_doubt("missing", b"", now)
                if now - since >= MISSING_PATIENCE:
                    absorb_missing(self._books)
                    self._doubt = None
            case _:
                self._doubt = None

    def _in_doubt(
        self, what: Literal["torn", "missing"], content: bytes, now: datetime
    ) -> datetime:
        if self._doubt is None or self._doubt[:2] != (what, content):
            self._doubt = (what, content, now)
        return self._doubt[2]

    # -- upkeep ----------------------------------------------------------------------------

    def _pause_seconds(self) -> float:
        """Return how long nothing needs to be done, if no hint comes in."""
        now = self._books.clock()
        if now < self._looked_at:
            # The clock was set back.
            return 0.0
        due = [self._looked_at + LOOK_EVERY]
        if self._doubt is not None and now - self._doubt[2] < 2 * TORN_PATIENCE:
            due.append(self._looked_at + DOUBT_LOOK_EVERY)
        if self._refreshes.is_waiting or self._reports.holds_lines:
            due.append(self._looked_at + DOUBT_LOOK_EVERY)
        if self._books.replaced:
            due.append(self._looked_at + LATE_LOOK_EVERY)
        if self._rebalance.is_waiting:
            due.append(self._looked_at + TURN_LOOK_EVERY)
        if self._is_ready:
            due.append(self._ask_next_at)
        back = engine.next_recovery(self._books.store.state(), self._looked_at)
        if back is not None:
            due.append(back)
        return min(max((min(due) - now).total_seconds(), 0.0), LOOK_EVERY.total_seconds())

    def _tick(self) -> None:
        now, since = self._books.clock(), self._looked_at
        self._looked_at = now
        self._follow_clock(now)
        self._beat()
        self._files.check()
        self._say_who_is_back(since, now)
        try:
            self._look_at_live()
        except LiveFileError as exc:
            # It keeps nobody from looking at the rest.
            self._problem(exc)
        self._look(INBOX)
        self._look(LOG)
        self._reports.work_held_lines()
        self._look(SETTINGS)
        self._refreshes.work()
        if now - self._published_at >= PUBLISH_EVERY:
            self._exchange.sweep()
            self._unpublished = True
        is_time = now >= self._read_next_at
        if is_time:
            self._read_next_at = now + READ_EVERY
            if self._exchange.present():
                self._readings.begin()
        if self._is_ready and now >= self._ask_next_at:
            self._ask_next_at = now + READ_EVERY
            self._questions.begin()
        if (is_time or self._rebalance.is_waiting) and self._rebalance.work():
            self._unpublished = True

    def _follow_clock(self, now: datetime) -> None:
        """Let nothing wait for a time that was near before the clock was set back."""
        follow_clock(self._books)
        self._published_at = min(self._published_at, now)
        self._read_next_at = min(self._read_next_at, now + READ_EVERY)
        self._ask_next_at = min(self._ask_next_at, now + READ_EVERY)
        self._told = (self._told[0], min(self._told[1], now))
        if self._doubt is not None:
            self._doubt = (*self._doubt[:2], min(self._doubt[2], now))

    def _say_who_is_back(self, since: datetime, now: datetime) -> None:
        back = engine.recoveries(self._books.store.state(), since, now)
        if not back:
            return
        why = "ready again"
        self._books.record(
            Event(now, EventKind.RECOVERED, a.provider, a.name, why=why) for a in back
        )
        self._books.announce()

    def _beat(self) -> None:
        try:
            self._exchange.beat()
        except (OSError, RotatorError) as exc:
            self._untold(exc)

    def _publish(self) -> None:
        self._unpublished = False
        now = self._published_at = self._books.clock()
        state = self._books.store.state()
        way = directions(state, self._books.preferences(), now)
        try:
            self._exchange.write_state(state, started_at=self._started_at, now=now, directions=way)
            self._exchange.write_watcher(polling=self._files.polling, waiting=self._reports.waiting)
        except OSError as exc:
            self._untold(exc)
        publish_glance(self._books)

    def _untold(self, exc: OSError | RotatorError) -> None:
        why = exc.message if isinstance(exc, RotatorError) else exc.strerror or str(exc)
        message = f"nothing can be told to opencode in {self._exchange.folder}: {why}"
        self._problem(StoreError(message, hint="check the folder's rights, and the disk"))

    def _problem(self, exc: RotatorError) -> None:
        now = self._books.clock()
        told, at = self._told
        # What stays as it is comes up at every look; it is told when it begins and then hourly.
        if exc.message == told and now - at < SAY_AGAIN_AFTER:
            return
        self._told = (exc.message, now)
        log.warning("%s", exc.message)
        if isinstance(exc, LiveFileError):
            self._books.record([Event(now, EventKind.PROBLEM, why=exc.message)])
