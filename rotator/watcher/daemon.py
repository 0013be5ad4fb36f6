"""The watcher: one thread owns the state and takes one message at a time from a queue.

File notifications and signals only put messages on the queue. What a signal means and leads to is
decided in `rotator.core.failures.classify` and `rotator.core.selection.failover`; here it is
carried out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from rotator.context import Context
from rotator.core.selection.rests import next_recovery
from rotator.errors import LiveFileError, NewerSchema, RotatorError, StoreDamaged
from rotator.live.clock_change import follow_clock
from rotator.live.late_writes import capture_late_writes
from rotator.model import Signal
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.inbox import Inbox
from rotator.opencode.log import LogTail
from rotator.services.refresh import settle_pending_refreshes
from rotator.services.spent_logins import reject_spent
from rotator.services.sync import finish
from rotator.settings.follow import SettingsFile
from rotator.storage.schema_upgrade import newer_wanted
from rotator.system.file_watch import FileWatcher
from rotator.system.interrupts import Interrupted
from rotator.system.locks import swap_lock
from rotator.system.watched_folders import Watched
from rotator.watcher.database_look import DatabaseLook
from rotator.watcher.end import End
from rotator.watcher.identity_questions import IdentityQuestions
from rotator.watcher.live_look import LiveLook
from rotator.watcher.messages import (
    DATABASE,
    INBOX,
    LIVE,
    LOG,
    MORE,
    NAMED,
    READ,
    REFRESHED,
    SETTINGS,
    STOP,
    STORE,
    Message,
    MessageQueue,
)
from rotator.watcher.notifier import Notifier
from rotator.watcher.problems import Problems
from rotator.watcher.publisher import Publisher
from rotator.watcher.question_times import QuestionTimes
from rotator.watcher.rebalance import Rebalance
from rotator.watcher.recovered_accounts import say_who_is_back
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.refused_refreshes import RefusedRefreshes
from rotator.watcher.settings_reload import reload_settings
from rotator.watcher.signals import SignalHandler
from rotator.watcher.turn_ends import Turns
from rotator.watcher.unsettled import DOUBT_LOOK_EVERY
from rotator.watcher.usage_poller import UsagePoller

log = logging.getLogger(__name__)

# Events are hints; whatever they say, the files are looked at this often.
LOOK_EVERY = timedelta(seconds=5)
# A file that was just replaced is looked at again this often: nothing may tell of a late write.
LATE_LOOK_EVERY = timedelta(seconds=0.5)
# A swap that waits for the end of a turn is tried this often: the next turn may begin soon.
TURN_LOOK_EVERY = timedelta(seconds=1)
# A store that cannot be read is tried again this often.
TROUBLED_SECONDS = 1.0


class Daemon:
    """A watcher that has been set up; `run` works until `stop` is called."""

    def __init__(
        self,
        context: Context,
        *,
        watcher: Callable[..., FileWatcher] = FileWatcher,
        keep: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare the exchange folder and what is to be watched; nothing runs yet.

        `keep` tells before each piece of work whether this is still the only watcher.
        """
        self._keep = keep
        self._settings = SettingsFile(context.paths, later=lambda: self._messages.put(SETTINGS))
        context = replace(context, preferences=lambda: self._settings.preferences)
        self._herald = Notifier(context)
        self._context = context = replace(context, on_event=self._herald.on_event)
        self._exchange = Exchange(context.paths)
        self._tail = LogTail(context.paths.opencode_logs)
        self._messages = MessageQueue(self._exchange.inbox)
        self._looked_at, self._is_stopped = context.clock(), False
        self._live = LiveLook(context)
        self._problems = Problems(context)
        self._database = DatabaseLook(context, lambda: self._messages.put(DATABASE))
        self._publisher = Publisher(context, self._exchange, self._problems)
        self._refreshes = RefreshQueue(context, lambda: self._messages.put(REFRESHED))
        self._readings = UsagePoller(context, lambda: self._messages.put(READ))
        self._questions = IdentityQuestions(context, lambda: self._messages.put(NAMED))
        self._times = QuestionTimes(self._readings, self._questions, self._looked_at)
        self._looks = {
            LIVE: self._look_at_live,
            DATABASE: lambda: self._look_at_database(closely=False),
            INBOX: self._look_at_inbox,
            LOG: self._look_at_log,
            STORE: self._look_at_store,
            SETTINGS: self._look_at_settings,
            REFRESHED: self._look_at_refreshes,
            READ: self._look_at_readings,
            NAMED: self._look_at_owners,
        }
        works = self._refreshes, self._readings, self._database.switches
        self._reports = SignalHandler(context, self._exchange, *works)
        blame, unsent_at = self._reports.on_finding, self._reports.unsent_at
        self._refused = RefusedRefreshes(context, blame, unsent_at, self._refreshes)
        self._turns = Turns(
            Inbox(self._exchange), self._tail, self._take, self._reports.on_logged_failure
        )
        self._rebalance = Rebalance(context, self._exchange, self._refreshes)
        self._files = watcher(
            [
                Watched(LIVE, context.paths.auth_file, folder=False),
                *self._database.files,
                Watched(INBOX, self._exchange.inbox, folder=True),
                Watched(LOG, context.paths.opencode_logs, folder=True),
                Watched(STORE, context.paths.changed, folder=False),
                Watched(SETTINGS, context.paths.config_file, folder=False),
            ],
            self._hint,
        )

    def stop(self) -> None:
        """Ask `run` to end; may be called from a signal handler or another thread."""
        self._is_stopped = True
        self._messages.put(STOP)

    def _hint(self, name: str, path: Path) -> None:
        if name == LIVE:
            # By the time that this has its turn another login may stand there.
            self._live.glance()
        self._messages.hint(name, path)

    def run(self, ready: Callable[[], None]) -> End:
        """Watch until stopped; call `ready` once everything is in place; return why it ended."""
        # Loaded now: the first request that fails does not wait for them.
        for problem in self._context.registry.all_problems():
            log.warning("%s", problem)
        self._files.start()
        is_last = True
        try:
            end = self._work_until_end(ready)
            if end is End.STOPPED:
                self._live.leave()
                # What was written into a replaced file a moment ago is in nobody else's hands.
                finish(self._context)
            is_last = end is not End.REPLACED
            return end
        finally:
            self._files.stop()
            self._database.close()
            self._refreshes.close()
            self._times.close()
            self._settings.close()
            self._herald.close()
            # What another watcher publishes by now is its own.
            if is_last:
                self._publisher.remove()

    def _work_until_end(self, ready: Callable[[], None]) -> End:
        try:
            self._tail.start()
            self._tidy()
            self._tick()
            self._publish()
            ready()
            # Whoever begins has other things to do first.
            self._times.ready(self._context.clock() + LOOK_EVERY)
            while (end := self._step()) is None:
                pass
        except Interrupted:
            # A signal has ended a wait for a lock.
            return End.STOPPED
        return end

    def _tidy(self) -> None:
        """Take in what commands left half done beside auth.json."""
        try:
            settle_pending_refreshes(self._context)
            reject_spent(self._context)
            with swap_lock(self._context.paths.swap_lock):
                capture_late_writes(self._context)
        except LiveFileError as exc:
            # What cannot be mended now keeps nobody from watching.
            self._problems.tell(exc)

    def _step(self) -> End | None:
        """Work one message off, or have the regular look; return why it was the last one."""
        name, path = self._next_message()
        # Whatever else waits in the queue before it.
        if name == STOP or self._is_stopped:
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
            self._problems.tell(exc)
        except Exception:
            # One bad message must not end the watch over everything else.
            log.exception("a message could not be worked off")
        return None if newer_wanted(self._context.paths) is None else End.NEWER

    def _next_message(self) -> Message:
        """Wait for a message until the regular look is due; an empty one stands for that look."""
        try:
            pause_seconds = self._pause_seconds()
        except RotatorError:
            # The work that follows meets it again, and says so.
            pause_seconds = TROUBLED_SECONDS
        return self._messages.next(pause_seconds)

    def _mend(self) -> None:
        try:
            self._context.mend()
        except RotatorError as exc:
            self._problems.tell(exc)

    def _work(self, name: str, path: Path | None) -> None:
        if path is not None and self._messages.is_signal(name, path):
            self._turns.inbox.hint(path)
            self._drain()
        elif name == MORE:
            self._drain(name)
        elif name:
            self._drain(name)
            self._files.check()
            self._looks[name]()
        self._work_inbox()
        # However many hints come in, the regular look has its turn.
        if not name or self._pause_seconds() == 0:
            self._tick()
        # Many failures at once need the news only once.
        is_time = self._messages.is_empty or self._publisher.is_time_for_news()
        if self._publisher.has_news and is_time:
            self._publish()
        if not name or self._messages.is_empty:
            self._context.back_up_if_due(regular=not name)

    def _drain(self, name: str | None = None) -> None:
        """Leave out repetitions that wait in the queue, also of `name`; know of all signals."""
        for path in self._messages.drain(name):
            self._turns.inbox.hint(path)

    def _look_at_inbox(self) -> None:
        self._publisher.restore()
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
            self._messages.put(MORE)

    def _take(self, path: Path) -> None:
        told = self._exchange.take(path)
        # Whoever took a signal back while we were held up has to see that we are here again.
        self._publisher.has_news = True
        if isinstance(told, Signal):
            self._reports.on_bridge_signal(told)
        elif told is not None:
            self._reports.on_session_note(told)

    def _look_at_log(self) -> None:
        try:
            self._reports.see_opencodes()
            self._publisher.has_news |= self._turns.work_log()
            # A turn whose login got no new tokens ends with a line there.
            self._publisher.has_news |= self._refused.look()
        finally:
            if self._turns.has_more_lines:
                self._messages.put(LOG)

    def _look_at_refreshes(self) -> None:
        self._refreshes.work()
        self._look_at_database()
        self._publisher.has_news = True

    def _look_at_readings(self) -> None:
        if self._readings.work():
            self._context.notify_changed()
            self._rebalance.work()

    def _look_at_owners(self) -> None:
        if self._questions.work():
            self._context.notify_changed()
            self._publisher.has_news = True

    def _look_at_store(self) -> None:
        self._reports.follow_swaps()
        self._hear_of_accounts()

    def _look_at_settings(self) -> None:
        if reload_settings(self._context, self._settings):
            # Another strategy may want another account at once.
            self._rebalance.work()
            self._publisher.has_news = True

    def _hear_of_accounts(self) -> None:
        self._publisher.has_news = True
        # Whose a new login is may be worth a question.
        self._times.ask_owners_at(self._context.clock())

    # -- auth.json -------------------------------------------------------------------------

    def _look_at_live(self) -> None:
        if self._live.look():
            self._hear_of_accounts()
            self._look_at_database()

    def _look_at_database(self, *, closely: bool = True) -> None:
        if self._database.look(closely=closely):
            self._hear_of_accounts()
            if self._context.store.live_digest() is None:
                # It has newer tokens of what stands in auth.json.
                self._look_at_live()

    def _pause_seconds(self) -> float:
        """Return how long nothing needs to be done, if no hint comes in."""
        now = self._context.clock()
        if now < self._looked_at:
            # The clock was set back.
            return 0.0
        due = [self._looked_at + LOOK_EVERY]
        is_soon = self._refreshes.is_waiting or self._reports.holds_lines
        if is_soon or self._live.wants_a_look(now):
            due.append(self._looked_at + DOUBT_LOOK_EVERY)
        if self._context.replaced:
            due.append(self._looked_at + LATE_LOOK_EVERY)
        if self._rebalance.is_waiting or self._refused.is_waiting:
            due.append(self._looked_at + TURN_LOOK_EVERY)
        if self._times.due_at is not None:
            due.append(self._times.due_at)
        back = next_recovery(self._context.store.state(), self._looked_at)
        if back is not None:
            due.append(back)
        return min(max((min(due) - now).total_seconds(), 0.0), LOOK_EVERY.total_seconds())

    def _tick(self) -> None:
        now, since = self._context.clock(), self._looked_at
        self._looked_at = now
        self._follow_clock(now)
        self._publisher.beat()
        self._files.check()
        say_who_is_back(self._context, since, now)
        for look in (self._look_at_live, self._look_at_database):
            try:
                look()
            except LiveFileError as exc:
                # It keeps nobody from looking at the rest.
                self._problems.tell(exc)
        self._look_at_inbox()
        self._look_at_log()
        self._reports.work_held_lines()
        self._reports.follow_swaps()
        self._look_at_settings()
        self._publisher.has_news |= self._refused.work()
        self._refreshes.work()
        self._publisher.sweep_if_due(now)
        is_time = self._times.begin(now, self._exchange.present)
        if (is_time or self._rebalance.is_waiting) and self._rebalance.work():
            self._publisher.has_news = True

    def _follow_clock(self, now: datetime) -> None:
        """Let nothing wait for a time that was near before the clock was set back."""
        follow_clock(self._context, watched=True)
        for part in (self._publisher, self._problems, self._live, self._times):
            part.follow_clock(now)

    def _publish(self) -> None:
        self._publisher.publish(polling=self._files.polling, waiting=self._reports.waiting)
