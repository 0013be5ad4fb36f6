"""Switches of OpenCode 2's logins under way: a thread tells the server, all else is the owner's.

A server may keep whoever tells it waiting, and a request that has failed meanwhile waits for an
answer of ours. So nobody waits for a switch: the request goes on with the other login before.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from rotator.context import Context
from rotator.errors import LiveFileUnreadable, RotatorError
from rotator.live.homes import prepare
from rotator.model import Account, AccountId
from rotator.opencode.home import Home

_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Ended:
    slot: str
    error: RotatorError | None


class Switches:
    """What is being switched in one home; every method is called from the watcher's one thread."""

    def __init__(
        self,
        context: Context,
        home: Home,
        open_home: Callable[[], Home],
        woken: Callable[[], None],
    ) -> None:
        """`home` is the owner's; the thread has one of its own, which `open_home` makes.

        `woken` is called from the thread when something is over.
        """
        self._context = context
        self._home = home
        self._open_home = open_home
        self._under_way: set[str] = set()
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._woken = woken

    @property
    def slots(self) -> frozenset[str]:
        """Where we are about to switch to: nobody has chosen these."""
        return frozenset(self._under_way)

    def prepare(self, account: AccountId) -> tuple[Account, str]:
        """Let the account stand in the home; raises RotatorError."""
        return prepare(self._context, self._home, account, ours=self.slots)

    def begin(self, slot: str) -> bool:
        """Let the login in a slot become the active one, soon; False if it is about to be."""
        if slot in self._under_way:
            return False
        self._under_way.add(slot)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._wanted.put(slot)
        return True

    def ended(self) -> list[RotatorError]:
        """Forget what is over; return what went wrong. Call it after the home was looked at."""
        errors = []
        while not self._ended.empty():
            done = self._ended.get()
            self._under_way.discard(done.slot)
            if done.error is not None:
                errors.append(done.error)
        return errors

    @property
    def has_news(self) -> bool:
        """Whether something is over."""
        return not self._ended.empty()

    def close(self) -> None:
        """End what is under way; a server that keeps us waiting is left alone."""
        if self._thread is not None:
            self._wanted.put(None)
            self._thread.join(_END_SECONDS)

    def _work(self) -> None:
        home = self._open_home()
        while (slot := self._wanted.get()) is not None:
            self._ended.put(_Ended(slot, _activated(home, slot)))
            self._woken()


def _activated(home: Home, slot: str) -> RotatorError | None:
    try:
        if home.activate(slot):
            return None
    except RotatorError as exc:
        return exc
    return LiveFileUnreadable(f"a login went from {home.where()} while it was to be activated")
