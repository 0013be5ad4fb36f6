"""Refreshes under way in the watcher: the vendor is asked in a thread, all else is the owner's.

A thread does nothing but ask; when it has an answer it says so through `woken`, and the owner
calls `work`, which stores the answer and goes on with whoever waited for it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rotator.context import Context
from rotator.core.logins.refresh_policy import is_due, wants_refresh
from rotator.errors import RotatorError, StoreError
from rotator.live.refresh_answers import take_in_kept
from rotator.model import Account, AccountId
from rotator.services.refresh import (
    ask,
    begin,
    hold_refresh_locks,
    obstacle_now,
    settle_pending_refreshes,
    use_answers,
)
from rotator.services.refresh_storing import Attempt, Result, finish, keep, store_patiently
from rotator.system.interrupts import brief_waits, put_off
from rotator.system.locks import Held

log = logging.getLogger(__name__)

Then = Callable[[], object]
# Whoever waits for new tokens is told after this time that there are none; a bridge has been
# promised a last word within twenty seconds.
PATIENCE_SECONDS = 17.0
# The HTTP client gives up before.
_LONGEST_ASKING_SECONDS = 20.0


def _nothing() -> None:
    """Wait for nobody."""


@dataclass
class _Wanted:
    """An account whose tokens are wanted, who waits for them, and how far it has come."""

    account: Account
    # Each with the time at which they wait no longer.
    waiting: list[tuple[float, Then]] = field(default_factory=list)
    held: Held | None = None
    attempt: Attempt | None = None
    thread: threading.Thread | None = None
    result: Result | None = None
    is_kept: bool | None = False

    def release(self) -> None:
        if self.held is not None:
            self.held.release()


class RefreshQueue:
    """What the watcher refreshes now; every method is called from its one thread."""

    def __init__(
        self,
        context: Context,
        woken: Callable[[], None],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`woken` is called from another thread when there is something for `work` to do."""
        self._context = context
        self._woken = woken
        self._patience_seconds = patience_seconds
        self._wanted: dict[AccountId, _Wanted] = {}
        self._closed = False

    @property
    def is_waiting(self) -> bool:
        """Whether `work` has to be called soon although nobody has called `woken`."""
        return any(w.thread is None or w.result is not None for w in self._wanted.values())

    @property
    def under_way(self) -> frozenset[AccountId]:
        """Whom a vendor is being asked for."""
        return frozenset(w.account.id for w in self._wanted.values() if w.thread is not None)

    def want(self, account: Account, then: Then = _nothing, until: float | None = None) -> None:
        """Get new tokens for `account` and call `then` once it has them or will not get them.

        However many want the same account, its vendor is asked once. `until` is when whoever waits
        is told that there are none, a `deadline` of before where they have waited already.
        """
        if self._closed or (until is not None and until < time.monotonic()):
            then()
            return
        wanted = self._wanted.setdefault(account.id, _Wanted(account))
        wanted.waiting.append((self.deadline() if until is None else until, then))
        self._go_on(wanted)

    def deadline(self) -> float:
        """Return until when somebody waits who begins to wait now."""
        return time.monotonic() + self._patience_seconds

    def work(self) -> None:
        """Store the answers that have come, begin what can be begun, send again what is due."""
        for wanted in tuple(self._wanted.values()):
            self._go_on(wanted)
        # A command that was interrupted may have left new tokens beside the store since.
        take_in_kept(self._context)
        use_answers(self._context)
        state, now = self._context.store.state(), self._context.clock()
        for pending in state.refreshes.values():
            account = state.account(pending.account)
            if account is None or account.id in self._wanted or not is_due(pending, now):
                continue
            if wants_refresh(account, now) and obstacle_now(self._context, account) is None:
                self.want(account)

    def close(self) -> None:
        """Wait for the answers that are on their way and store them: a token works once.

        For whatever else somebody holds a lock nobody waits any more.
        """
        self._closed = True
        with put_off("waiting for the answers of vendors: new tokens work once"), brief_waits():
            for wanted in tuple(self._wanted.values()):
                if wanted.thread is not None:
                    wanted.thread.join(_LONGEST_ASKING_SECONDS)
                    self._store_for_good(wanted)
                wanted.release()
        self._wanted.clear()

    def _go_on(self, wanted: _Wanted) -> None:
        if wanted.thread is None:
            self._begin(wanted)
        if wanted.result is not None:
            self._store(wanted)
        # Its answer is stored whenever it comes, but they wait for it no longer.
        self._tell(wanted, by=time.monotonic())
        if wanted.thread is None and not wanted.waiting:
            self._end(wanted)

    def _begin(self, wanted: _Wanted) -> None:
        held = hold_refresh_locks(self._context, wanted.account, patience_seconds=0)
        if held is None:
            return
        wanted.held = held
        try:
            settle_pending_refreshes(self._context)
            attempt = begin(self._context, wanted.account.id)
        except StoreError as exc:
            log.warning("a refresh could not be begun: %s", exc.message)
            attempt = exc.message
        if isinstance(attempt, str):
            self._end(wanted)
            return
        wanted.attempt = attempt
        wanted.thread = threading.Thread(target=self._ask, args=[wanted, attempt], daemon=True)
        wanted.thread.start()

    def _ask(self, wanted: _Wanted, attempt: Attempt) -> None:
        wanted.result = ask(self._context.registry.send, attempt)
        self._woken()

    def _store(self, wanted: _Wanted) -> None:
        if wanted.attempt is None or wanted.result is None:
            return
        try:
            if wanted.is_kept is False:
                wanted.is_kept = keep(self._context, wanted.attempt, wanted.result)
            finish(self._context, wanted.attempt, wanted.result)
        except StoreError as exc:
            # It is tried again at the next look: nothing else has these tokens.
            log.warning("new tokens could not be stored yet: %s", exc.message)
            return
        self._end(wanted)

    def _store_for_good(self, wanted: _Wanted) -> None:
        """Store what came as a command does: there is no next look."""
        if wanted.attempt is None or wanted.result is None:
            return
        try:
            store_patiently(self._context, wanted.attempt, wanted.result, is_ending=True)
        except StoreError as exc:
            log.warning("new tokens could not be stored: %s", exc.message)
        self._tell(wanted)

    def _end(self, wanted: _Wanted) -> None:
        wanted.release()
        self._wanted.pop(wanted.account.id, None)
        self._tell(wanted)

    def _tell(self, wanted: _Wanted, by: float = math.inf) -> None:
        """Tell those whose time is over by then that nothing more will come for them."""
        over = [then for until, then in wanted.waiting if until < by]
        wanted.waiting = [(until, then) for until, then in wanted.waiting if until >= by]
        for then in over:
            try:
                then()
            except RotatorError as exc:
                # It costs the one who waited, not the others.
                log.warning("a failure could not be worked off: %s", exc.message)
