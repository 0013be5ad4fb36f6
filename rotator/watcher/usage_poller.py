"""Readings of usage in the background, for the watcher."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.model import Account
from rotator.services.usage import MOST_AT_ONCE, Found, ask_usage, keep_answer, obstacle

_A_CHOICE = 2


class UsagePoller:
    """Readings under way in the watcher, which never waits; every method is its one thread's.

    While balancing has a choice between accounts, and an opencode is there to be served, they
    are read as they fall due.
    """

    def __init__(self, context: Context, woken: Callable[[], None]) -> None:
        """`woken` is called from another thread when there is something for `work` to do."""
        self._context = context
        self._woken = woken
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="usage")
        self._asking: dict[Future[Found], Account] = {}

    def begin(self) -> None:
        """Ask for what is due among the accounts that there is a choice between.

        Tokens that have run out are left as they are: a vendor is not asked for new ones only to
        be asked another question. Raises StoreError.
        """
        state, now = self._context.store.state(), self._context.clock()
        if not state.balancing:
            return
        for account in state.accounts:
            usable = [a for a in state.of(account.provider) if a.disabled is None]
            if account in usable and len(usable) >= _A_CHOICE:
                self._begin(account, now, forced=False)

    def want(self, account: Account) -> None:
        """Ask about an account now: it was refused, and only its usage may say until when.

        Raises StoreError.
        """
        self._begin(account, self._context.clock(), forced=True)

    def _begin(self, account: Account, now: datetime, *, forced: bool) -> None:
        if any(account.id == asked.id for asked in self._asking.values()):
            return
        if wants_refresh(account, now) or obstacle(self._context, account) is not None:
            return
        if self._context.history.lease(account.id, now, forced=forced):
            future = self._pool.submit(ask_usage, self._context, account, now)
            self._asking[future] = account
            future.add_done_callback(lambda _: self._woken())

    def work(self) -> bool:
        """Keep the answers that have come; False if none has. Raises StoreError."""
        done = [future for future in self._asking if future.done()]
        for future in done:
            keep_answer(self._context, self._asking.pop(future), future.result(), random.random())  # noqa: S311  # no secret
        return bool(done)

    def close(self) -> None:
        """End; an answer that has not come is asked for again some other time."""
        self._pool.shutdown(cancel_futures=True)
