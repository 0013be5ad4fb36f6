"""What `update` gives back: the next state, and what is to be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rotator.model import AccountId
from rotator.tui.model.effects import Effect
from rotator.tui.model.state import DashboardState, Job

Update = tuple[DashboardState, tuple[Effect, ...]]


def without_effects(state: DashboardState) -> Update:
    """Return a state with nothing to do."""
    return state, ()


def with_job(
    state: DashboardState,
    says: str,
    make: Callable[[int], Effect],
    account: AccountId | None = None,
    *,
    can_be_undone: bool = False,
) -> Update:
    """Return the state with one more piece of work under way, and the effect that begins it."""
    number = state.jobs_begun + 1
    jobs = (*state.jobs, Job(number, says, account, can_be_undone))
    return replace(state, jobs=jobs, jobs_begun=number, notice=None), (make(number),)
