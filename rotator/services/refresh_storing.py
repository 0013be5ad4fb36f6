"""Stores what a vendor answered to a refresh, wherever it can be stored, and then uses it.

Nobody else has these tokens, so nothing else is done before they are safe.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from rotator.context import Context
from rotator.core.logins.refresh_policy import due_again_at, rest_after_unconfirmed
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import (
    LiveFileError,
    ProviderError,
    ProviderUnavailable,
    StoreBusy,
    StoreDamaged,
    StoreError,
    SwapConflict,
)
from rotator.live.refresh_answers import WHY_REFRESHED, tell_refreshed, use_answer
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, Event, EventKind, PendingRefresh
from rotator.opencode.auth.entries import renewed_entry
from rotator.provider import DeadLogin, HttpAnswer, RefreshCall, Tokens
from rotator.storage.kept_answers import forget_answer, keep_answer
from rotator.system.interrupts import brief_waits, pending_signal
from rotator.system.locks import swap_lock
from rotator.wording import moment_in_full

log = logging.getLogger(__name__)

# A store that refuses an answer is asked again for so long: the disk may have room in a moment.
STORING_SECONDS = 5.0
# One that somebody keeps locked is asked for so long after a signal, which is as long as a vendor
# is waited for; and for a moment where the answer lies beside it.
AFTER_SIGNAL_SECONDS, _LAST_SECONDS = 15.0, 0.3
_STORE_AGAIN_SECONDS = 0.05
_NOT_USED = "new tokens that are not in use yet"
Result = HttpAnswer | ProviderError
Reply = Tokens | DeadLogin | ProviderError


@dataclass(frozen=True, slots=True)
class Attempt:
    """A refresh whose intent is written down: the account as it was then, and what to ask."""

    account: Account
    pending: PendingRefresh
    call: RefreshCall


class _Patience:
    """How long a store that refuses an answer is asked again."""

    def __init__(self, *, is_ending: bool) -> None:
        self._is_ending = is_ending
        self._began = time.monotonic()
        self._told_at: float | None = None

    def ends(self, exc: StoreError, *, is_kept: bool | None) -> bool:
        """Tell whether it does; who keeps the store locked is waited for until a signal comes."""
        now = time.monotonic()
        if is_kept is None or not isinstance(exc, StoreBusy):
            return now > self._began + STORING_SECONDS
        if self._told_at is None and (self._is_ending or pending_signal() is not None):
            self._told_at = now
        last_seconds = _LAST_SECONDS if is_kept else AFTER_SIGNAL_SECONDS
        return self._told_at is not None and now > self._told_at + last_seconds


def store_patiently(
    context: Context, attempt: Attempt, result: Result, *, is_ending: bool = False
) -> None:
    """Do `finish` until it succeeds or patience ends: nobody else has what the vendor gave.

    Who keeps the store locked is waited for until a signal asks for the end (`is_ending`: it has),
    and then a moment more if the answer is safe beside the store, else as long as a vendor is. What
    else is wrong with the store is waited for a few seconds. Raises StoreError.
    """
    patience = _Patience(is_ending=is_ending)
    is_kept: bool | None = False
    with brief_waits():
        while True:
            if is_kept is False:
                is_kept = keep(context, attempt, result)
            try:
                return finish(context, attempt, result)
            except StoreError as exc:
                is_beyond = isinstance(exc, StoreDamaged) and not context.mend()
                if is_beyond or patience.ends(exc, is_kept=is_kept):
                    raise
            time.sleep(_STORE_AGAIN_SECONDS)


def keep(context: Context, attempt: Attempt, result: Result) -> bool | None:
    """Write what a vendor gave beside the store; False if that cannot be done, None: nothing."""
    reply = _read(context, attempt, result) if isinstance(result, HttpAnswer) else result
    if not isinstance(reply, Tokens):
        return None
    return keep_answer(context.paths.data, _answered(attempt, reply))


def _read(context: Context, attempt: Attempt, answer: HttpAnswer) -> Reply:
    """Return what a vendor's answer says, or the error that it is."""
    account, now = attempt.account, context.clock()
    try:
        return context.registry.read_refresh(account.provider, account.credential, answer, now)
    except ProviderError as exc:
        return exc


def _answered(attempt: Attempt, reply: Tokens) -> PendingRefresh:
    entry = renewed_entry(attempt.account.credential, reply)
    return replace(attempt.pending, answer=entry)


def finish(context: Context, attempt: Attempt, result: Result) -> None:
    """Store what the vendor answered, then use it; call under the same `hold` as `begin`.

    Raises StoreError if nothing could be stored: call it again with the same result then.
    """
    reply = _read(context, attempt, result) if isinstance(result, HttpAnswer) else result
    match reply:
        case Tokens():
            _accept(context, _answered(attempt, reply))
        case DeadLogin():
            _mark_dead(context, attempt, reply)
        case ProviderUnavailable(sent=False):
            _take_back(context, attempt, reply)
        case _:
            _doubt(context, attempt, reply)


def _accept(context: Context, answered: PendingRefresh) -> None:
    if answered.answer is not None:
        with context.store.transaction():
            context.store.answer_refresh(answered, answered.answer)
    forget_answer(context.paths.data, answered)
    why = adopt_answer(context, answered)
    account = context.store.state().account(answered.account)
    if why is not None and account is not None:
        # Should the store be damaged meanwhile, this tells whose answer was in it.
        tell_event(context, account, EventKind.PROBLEM, f"has {_NOT_USED}: {why}")


def adopt_answer(
    context: Context, answered: PendingRefresh, *, patience_seconds: float = 10.0
) -> str | None:
    """Make a stored answer the account's; while somebody keeps the swap lock it stays stored.

    Then it is returned who does.
    """
    try:
        with (
            swap_lock(context.paths.swap_lock, patience_seconds=patience_seconds),
            context.store.transaction(),
        ):
            account = use_answer(context, answered.account)
            state = context.store.state()
    except SwapConflict as exc:
        # It is in the store: whoever looks next, or puts the account in, uses it.
        log.warning("%s: %s", _NOT_USED, exc.message)
        return exc.message
    if account is None:
        return None
    tell_refreshed(context, account)
    if state.slot(account.provider).active == account.id:
        _renew_live(context, account)
    return None


def _renew_live(context: Context, account: Account) -> None:
    """Put new tokens into auth.json: the account was put in while its vendor was being asked."""
    try:
        # Who has just logged in, and was not seen yet, stays.
        swap(
            context,
            SwapRequest(account.id, WHY_REFRESHED, expected=account.id, check_expected=True),
        )
    except LiveFileError as exc:
        log.warning("new tokens could not be put into auth.json yet: %s", exc.message)
        with context.store.transaction():
            # The next look then takes nothing in auth.json for known, and mends it.
            context.store.forget_live_digest()


def _mark_dead(context: Context, attempt: Attempt, refusal: DeadLogin) -> None:
    with context.store.transaction():
        account = _unchanged(context, attempt)
        context.store.end_refresh(attempt.pending.account)
        if account is not None:
            context.store.set_rejected(account.id, refusal.reason)
    if account is not None:
        why = f"its tokens cannot be refreshed: {refusal.reason}; it needs a login"
        tell_event(context, account, EventKind.REJECTED, why)


def _take_back(context: Context, attempt: Attempt, exc: ProviderUnavailable) -> None:
    """Undo the intent of a token that was not sent; older doubts about it stay."""
    pending, now = attempt.pending, context.clock()
    with context.store.transaction():
        context.store.end_refresh(pending.account)
        if pending.attempts > 1 and _unchanged(context, attempt) is not None:
            context.store.begin_refresh(
                replace(pending, attempts=pending.attempts - 1, begun_at=now)
            )
    tell_event(
        context, attempt.account, EventKind.PROBLEM, f"could not be refreshed: {exc.message}"
    )


def _doubt(context: Context, attempt: Attempt, exc: ProviderError) -> None:
    """Keep the intent of a token that was sent without an answer that says what became of it."""
    with context.store.transaction():
        account = _unchanged(context, attempt)
        if account is None:
            context.store.end_refresh(attempt.pending.account)
            return
        let_rest(context, account, attempt.pending)
    due_at = due_again_at(attempt.pending)
    then = f"it is asked again at {moment_in_full(due_at)}" if due_at else "it is left to opencode"
    why = f"{NOT_CONFIRMED}: {exc.message}; {then}"
    tell_event(context, account, EventKind.LIMITED if due_at else EventKind.PROBLEM, why)


def let_rest(context: Context, account: Account, pending: PendingRefresh) -> None:
    """Let an account rest until its token is sent again; call it in a transaction."""
    rest = rest_after_unconfirmed(account, pending, context.clock())
    if rest is not None:
        context.store.set_limit(account.id, rest)


def _unchanged(context: Context, attempt: Attempt) -> Account | None:
    """Return the account if its refresh token is still the one that was sent."""
    account = context.store.state().account(attempt.account.id)
    refresh = account.credential.refresh if account else None
    return account if refresh is not None and refresh.digest() == attempt.pending.spent else None


def tell_event(context: Context, account: Account, kind: EventKind, why: str) -> None:
    """Write an event of an account down."""
    context.record([Event(context.clock(), kind, account.provider, account.name, why=why)])
    context.notify_changed()
