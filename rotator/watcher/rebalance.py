"""Leaves an account that still works where the user's strategy prefers another one.

Nothing has failed then, so there is time: a strategy's wish waits until no turn is under way,
and no two such swaps follow each other sooner than the settings say. Only a swap before the wall
goes between two requests of a turn, for the next one might already fail.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from rotator.clock import is_within
from rotator.context import Context
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.core.selection.homes import seen_from
from rotator.core.selection.policy import Preferred, prefer
from rotator.errors import RotatorError
from rotator.live.every_home import LiveHome, homes_of_names
from rotator.live.swap import SwapRequest
from rotator.model import EventKind, HomeName, State
from rotator.opencode.bridge.exchange import Exchange
from rotator.services.refresh import obstacle_now
from rotator.services.restarts import unseen_turns
from rotator.services.spent_logins import reject_spent
from rotator.watcher.refresh_queue import RefreshQueue

log = logging.getLogger(__name__)

_A_CHOICE = 2
_PATIENCE_SECONDS = 0.15


class Rebalance:
    """Makes the swaps that nobody waits for; called from the watcher's one thread."""

    def __init__(self, context: Context, exchange: Exchange, refreshes: RefreshQueue) -> None:
        """Let a successor that needs new tokens get them by `refreshes` first."""
        self._context = context
        self._exchange = exchange
        self._refreshes = refreshes
        # A swap that is wanted waits for the end of a turn.
        self.is_waiting = False

    def work(self) -> bool:
        """Look at every provider with a choice; True if a swap was made. Raises StoreError."""
        self.is_waiting = False
        # Told whether or not anything is done about it.
        reject_spent(self._context)
        state = self._context.store.state()
        if not state.balancing:
            return False
        providers = sorted({account.provider for account in state.accounts})
        choices = [provider for provider in providers if len(state.of(provider)) >= _A_CHOICE]
        # Every one of them, whatever came of the others.
        looks = [self._look(home, provider) for home in self._homes() for provider in choices]
        return any(looks)

    def _homes(self) -> Sequence[LiveHome]:
        """Return the homes in which it is known when a turn is over."""
        return homes_of_names(self._context, [home for home in HomeName if home.tells_of_turns])

    def _look(self, home: LiveHome, provider: str) -> bool:
        state = seen_from(self._context.decision_state(provider), home.name)
        now = self._context.clock()
        choice = prefer(state, provider, self._model(provider), now)
        if choice is None or not self._is_time(state, provider, choice):
            return False
        if (
            wants_refresh(choice.account, now)
            and obstacle_now(self._context, choice.account) is None
        ):
            self._refreshes.want(choice.account)
            # It is looked again once it has them.
            return False
        return self._swap(home, state, provider, choice)

    def _model(self, provider: str) -> str | None:
        """Return the model that stands for the provider: what matters most is what serves it."""
        named = (p.model for p in self._context.preferences().priorities if p.provider == provider)
        return next((model for model in named if model), None)

    def _is_time(self, state: State, provider: str, choice: Preferred) -> bool:
        since = [tenure.since for tenure in state.slot(provider).tenures]
        least = timedelta(seconds=state.failover.min_swap_seconds)
        if since and is_within(least, since[-1], self._context.clock()):
            return False
        if choice.is_before_the_wall:
            return True
        present = self._exchange.present()
        if self._exchange.turns_under_way(present):
            self.is_waiting = True
            return False
        return unseen_turns(self._context, present) is None

    def _swap(self, home: LiveHome, state: State, provider: str, choice: Preferred) -> bool:
        order = SwapRequest(
            account=choice.account.id,
            why=choice.why,
            kind=EventKind.SWAPPED,
            expected=state.slot(provider).active,
            check_expected=True,
            watched=True,
            patience_seconds=_PATIENCE_SECONDS,
        )
        try:
            return home.put_in(order) is not None
        except RotatorError as exc:
            # Nobody waits for it: the account that is live goes on working.
            log.warning("a swap that nothing has asked for could not be made: %s", exc.message)
            return False
