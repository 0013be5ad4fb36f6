"""Gives a parked login new tokens before it is activated: asks its vendor, loses no answer.

The order is the safety: under the account's lock the intent is written down, the refresh token
is sent, the answer is stored durably, and only then it is the account's. Whoever dies in between
leaves an intent or an answer behind, which `adopt_answers` settles. Nothing here holds the swap
lock while a vendor is asked.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rotator.clock import to_iso
from rotator.context import Context
from rotator.core.logins.credential_secrets import refresh_digests, secrets_of
from rotator.core.logins.refresh_policy import (
    due_again_at,
    is_due,
    refresh_obstacle,
    rest_after_unconfirmed,
    wants_refresh,
)
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import (
    LiveFileError,
    ProviderError,
    ProviderUnavailable,
    RotatorError,
    StoreDamaged,
    StoreError,
)
from rotator.live.account_changes import How, renew
from rotator.live.swap import SwapRequest, swap
from rotator.model import (
    SPENT_ELSEWHERE,
    Account,
    AccountId,
    Credential,
    Descent,
    Digest,
    Event,
    EventKind,
    PendingRefresh,
)
from rotator.opencode.auth.entries import parse_entry, renewed_entry
from rotator.opencode.bridge.descent import read_descents
from rotator.provider import DeadLogin, HttpAnswer, RefreshCall, Send, Tokens
from rotator.secret import digest_of
from rotator.system.interrupts import hearing, put_off
from rotator.system.locks import Held, hold_all, is_held, swap_lock
from rotator.wording import moment_in_full

log = logging.getLogger(__name__)

# Another process that refreshes the same account, or one of the same OAuth client, is waited for.
PATIENCE_SECONDS = 20.0
WHY_REFRESHED = "refreshed before its use"
# A store that refuses an answer is asked again for so long: the disk may have room in a moment.
STORING_SECONDS = 5.0
_STORE_AGAIN_SECONDS = 0.05
_CLIENT_LETTERS = 16

Result = HttpAnswer | ProviderError


@dataclass(frozen=True, slots=True)
class Attempt:
    """A refresh whose intent is written down: the account as it was then, and what to ask."""

    account: Account
    pending: PendingRefresh
    call: RefreshCall


def obstacle_now(context: Context, account: Account) -> str | None:
    """Return why we would not refresh the account now, or None when we would.

    While somebody else is at it, there is only to wait for them.
    """
    state, now = context.store.state(), context.clock()
    call = context.registry.refresh_call(account.provider, account.credential)
    pending = state.refreshes.get(account.id)
    if pending is not None and not is_due(pending, now) and is_held(_lock(context, account.id)):
        return None
    return refresh_obstacle(state, account, call, now)


def ensure_fresh(context: Context, account: Account) -> None:
    """Refresh the account's tokens if they have run out, or nearly so, and if we may.

    It waits for the vendor's answer, so call it without any lock. What the vendor says or fails
    to say is written down with the account and in the events. Raises StoreError.
    """
    if not wants_refresh(account, context.clock()) or obstacle_now(context, account) is not None:
        return
    with _held(context, account) as held:
        if held is None:
            return
        settle_pending_refreshes(context)
        with put_off(f"waiting for the answer of {account.provider}: its new tokens work once"):
            attempt = begin(context, account.id)
            if isinstance(attempt, Attempt):
                with hearing():
                    result = ask(context.registry.send, attempt)
                store_patiently(context, attempt, result)


def store_patiently(context: Context, attempt: Attempt, result: Result) -> None:
    """Do `finish` until it succeeds or patience ends: nobody else has what the vendor gave."""
    deadline = time.monotonic() + STORING_SECONDS
    while True:
        try:
            return finish(context, attempt, result)
        except StoreDamaged:
            if time.monotonic() > deadline or not context.mend():
                raise
        except StoreError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_STORE_AGAIN_SECONDS)


def hold_refresh_locks(
    context: Context, account: Account, *, patience_seconds: float
) -> Held | None:
    """Take the locks of the account and of its OAuth client; None if others keep them."""
    call = context.registry.refresh_call(account.provider, account.credential)
    paths = [_lock(context, account.id)]
    if isinstance(call, RefreshCall):
        paths.append(_lock(context, f"client-{digest_of(call.client)[:_CLIENT_LETTERS]}"))
    return hold_all(paths, patience_seconds=patience_seconds)


def _lock(context: Context, name: str) -> Path:
    return context.paths.refresh_locks / f"{name}.lock"


@contextlib.contextmanager
def _held(context: Context, account: Account) -> Iterator[Held | None]:
    held = hold_refresh_locks(context, account, patience_seconds=PATIENCE_SECONDS)
    try:
        yield held
    finally:
        if held is not None:
            held.release()


def begin(context: Context, account_id: AccountId) -> Attempt | str:
    """Write down that the account's refresh token is about to be sent; call under `hold`.

    Returns a sentence instead if there is nothing to refresh any more, or something stands in
    the way by now. Raises StoreError: then nothing may be sent.
    """
    with context.store.transaction():
        state, now = context.store.state(), context.clock()
        account = state.account(account_id)
        if account is None or not account.credential.refresh:
            return "there is no refresh token any more"
        if not wants_refresh(account, now):
            return f"{account.alias} has good tokens"
        call = context.registry.refresh_call(account.provider, account.credential)
        why = refresh_obstacle(state, account, call, now)
        if why is not None or isinstance(call, str):
            return why or str(call)
        if _is_being_exchanged(context, account):
            return f"{account.alias} needs a login: {SPENT_ELSEWHERE}"
        spent = Digest(account.credential.refresh.digest())
        before = state.refreshes.get(account_id)
        attempts = before.attempts + 1 if before is not None and before.spent == spent else 1
        pending = PendingRefresh(account_id, spent, now, attempts)
        context.store.begin_refresh(pending)
    return Attempt(account, pending, call)


def _is_being_exchanged(context: Context, account: Account) -> bool:
    """Tell whether a bridge saw the refresh token exchanged of which nobody has been told yet."""
    exchanged = {descent.spent for descent in read_descents(context.paths).descents}
    return not exchanged.isdisjoint(refresh_digests(account.credential))


def ask(send: Send, attempt: Attempt) -> Result:
    """Send the refresh token and return what came of it; never raises."""
    try:
        return send(attempt.call.request)
    except ProviderError as exc:
        return exc
    except Exception:
        # It may have been sent: nobody can tell how far a fault of ours came.
        log.exception("a refresh could not be asked for")
        message = f"asking for new tokens of {attempt.account.provider} failed"
        return ProviderUnavailable(message, sent=True)


def finish(context: Context, attempt: Attempt, result: Result) -> None:
    """Store what the vendor answered, then use it; call under the same `hold` as `begin`.

    Raises StoreError if nothing could be stored: call it again with the same result then.
    """
    account = attempt.account
    if isinstance(result, HttpAnswer):
        try:
            reply = context.registry.read_refresh(
                account.provider, account.credential, result, context.clock()
            )
        except ProviderError as exc:
            result = exc
        else:
            _accept(context, attempt, reply)
            return
    if isinstance(result, ProviderUnavailable) and not result.sent:
        _take_back(context, attempt, result)
    else:
        _doubt(context, attempt, result)


def settle_pending_refreshes(context: Context) -> None:
    """Settle what processes that died have left: use stored answers, let doubtful ones rest.

    An account that somebody is refreshing just now is left to them. Raises StoreError.
    """
    for pending in tuple(context.store.state().refreshes.values()):
        if pending.answer is not None:
            _adopt(context, pending)
        elif context.store.state().account(pending.account) is None:
            with context.store.transaction():
                context.store.end_refresh(pending.account)
        else:
            _rest_if_left(context, pending)


def _accept(context: Context, attempt: Attempt, reply: Tokens | DeadLogin) -> None:
    if isinstance(reply, DeadLogin):
        _mark_dead(context, attempt, reply)
        return
    entry = renewed_entry(attempt.account.credential, reply)
    with context.store.transaction():
        context.store.answer_refresh(attempt.pending, entry)
    _adopt(context, replace(attempt.pending, answer=entry))


def _adopt(context: Context, pending: PendingRefresh) -> None:
    """Make a stored answer the account's, unless the account has got other tokens meanwhile."""
    live = False
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        state, now = context.store.state(), context.clock()
        kept, account = state.refreshes.get(pending.account), state.account(pending.account)
        if kept is None or kept.answer is None:
            return
        context.store.end_refresh(pending.account)
        if account is None:
            return
        credential = parse_entry(account.provider, kept.answer)
        refresh = account.credential.refresh
        is_next = refresh is not None and refresh.digest() == kept.spent
        if is_next:
            who = context.registry.identify(account.provider, credential)
            context.store.note_descents([_descent(kept, credential, now)], now)
            renew(context, account, credential, who, How(), now)
            live = state.slot(account.provider).active == account.id
        else:
            # Somebody logged in meanwhile: what came is the account's, but no longer its newest.
            context.store.know_credential(account, credential, now)
    if is_next:
        _tell(context, account, EventKind.REFRESHED, WHY_REFRESHED)
    if live:
        _renew_live(context, account)


def _descent(pending: PendingRefresh, credential: Credential, now: datetime) -> Descent:
    """Return what is known of where tokens come from that a vendor has given us."""
    name = f"{pending.account}-{to_iso(now)}"
    return Descent(name, now, is_login=False, came_from=pending.spent, to=secrets_of(credential))


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
        _tell(context, account, EventKind.REJECTED, why)


def _take_back(context: Context, attempt: Attempt, exc: ProviderUnavailable) -> None:
    """Undo the intent of a token that was not sent; older doubts about it stay."""
    pending, now = attempt.pending, context.clock()
    with context.store.transaction():
        context.store.end_refresh(pending.account)
        if pending.attempts > 1 and _unchanged(context, attempt) is not None:
            context.store.begin_refresh(
                replace(pending, attempts=pending.attempts - 1, begun_at=now)
            )
    _tell(context, attempt.account, EventKind.PROBLEM, f"could not be refreshed: {exc.message}")


def _doubt(context: Context, attempt: Attempt, exc: ProviderError) -> None:
    """Keep the intent of a token that was sent without an answer that says what became of it."""
    with context.store.transaction():
        account = _unchanged(context, attempt)
        if account is None:
            context.store.end_refresh(attempt.pending.account)
            return
        _let_rest(context, account, attempt.pending)
    due_at = due_again_at(attempt.pending)
    then = f"it is asked again at {moment_in_full(due_at)}" if due_at else "it is left to opencode"
    why = f"{NOT_CONFIRMED}: {exc.message}; {then}"
    _tell(context, account, EventKind.LIMITED if due_at else EventKind.PROBLEM, why)


def _rest_if_left(context: Context, pending: PendingRefresh) -> None:
    """Let an account rest whose refresh was begun by a process that is gone."""
    account = context.store.state().account(pending.account)
    if account is None or rest_after_unconfirmed(account, pending, context.clock()) is None:
        return
    held = hold_refresh_locks(context, account, patience_seconds=0)
    if held is None:
        return
    try:
        with context.store.transaction():
            _let_rest(context, account, pending)
        _tell(context, account, EventKind.LIMITED, f"{NOT_CONFIRMED}: it was cut off")
    finally:
        held.release()


def _let_rest(context: Context, account: Account, pending: PendingRefresh) -> None:
    rest = rest_after_unconfirmed(account, pending, context.clock())
    if rest is not None:
        context.store.set_limit(account.id, rest)


def _unchanged(context: Context, attempt: Attempt) -> Account | None:
    """Return the account if its refresh token is still the one that was sent."""
    account = context.store.state().account(attempt.account.id)
    refresh = account.credential.refresh if account else None
    return account if refresh is not None and refresh.digest() == attempt.pending.spent else None


def _tell(context: Context, account: Account, kind: EventKind, why: str) -> None:
    context.record([Event(context.clock(), kind, account.provider, account.name, why=why)])
    context.notify_changed()


def with_fresh_tokens(context: Context, account: Account) -> Account | None:
    """Freshen the account and return it as it is then; None if it was removed meanwhile.

    A store that cannot be written keeps nobody from using the tokens that are there.
    """
    try:
        ensure_fresh(context, account)
    except RotatorError as exc:
        log.warning("a login was not refreshed: %s", exc.message)
    return context.store.state().account(account.id)
