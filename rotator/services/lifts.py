"""Lifting limits before their time, each with an event: an answered request, a person's word."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rotator.context import Context
from rotator.core.selection.failover import account_of
from rotator.core.selection.limit_lifts import (
    Answered,
    LimitUpdate,
    lifted_by_answer,
    lifted_by_hand,
)
from rotator.model import Account, Event, EventKind, Signal
from rotator.wording import moment_in_full

_ANSWERED = "it has answered a request"


def lift_by_answer(context: Context, signal: Signal) -> None:
    """Lift what a good answer shows not to hold; raises StoreError."""
    if not signal.answered or signal.sent_at is None:
        return
    now = context.clock()
    with context.store.transaction():
        state = context.store.state()
        account = account_of(state, signal)
        if account is None:
            return
        answered = Answered(signal.model, signal.sent_at, signal.aside)
        changed = lifted_by_answer(state.of(account.provider), account, answered, now)
        _write(context, changed)
    if changed:
        what = f"{_ANSWERED} for {signal.model}" if signal.model else _ANSWERED
        context.record(lift_events(changed, what, now))
        context.notify_changed()


def lift_by_hand(context: Context, account: Account, why: str) -> list[Event]:
    """Lift all of an account's limits, and return what is to be said of it; raises StoreError.

    Call it in a transaction.
    """
    now = context.clock()
    accounts = context.store.state().of(account.provider)
    # As it is by now.
    account = next((a for a in accounts if a.id == account.id), account)
    changed = lifted_by_hand(accounts, account, now)
    _write(context, changed)
    return lift_events(changed, why, now)


def lift_events(
    changed: Iterable[LimitUpdate], why: str, now: datetime, *, otherwise: str | None = None
) -> list[Event]:
    """Return an event for each limit that is another one now, or (because of `why`) none.

    `otherwise` is why one that is not lifted is another one, if that is something else.
    """
    return [_event(update, why, otherwise or why, now) for update in changed]


def _event(update: LimitUpdate, why: str, otherwise: str, now: datetime) -> Event:
    account, after = update.account, update.after
    if update.is_lifted:
        about = f" for {after.model}" if after.model else ""
        kind, says = EventKind.RECOVERED, f"{why}: it rests no longer{about}"
    else:
        about = f" for {after.model} alone" if after.model else ""
        until = moment_in_full(after.until)
        kind, says = EventKind.LIMITED, f"{otherwise}: it rests until {until}{about}"
    return Event(now, kind, account.provider, account.name, why=says)


def _write(context: Context, changed: Iterable[LimitUpdate]) -> None:
    for update in changed:
        context.store.set_limit(update.account.id, update.after)
