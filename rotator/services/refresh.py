"""Gives a parked login new tokens before it is activated: asks its vendor, loses no answer.

The order is the safety: under the account's lock the intent is written down, the refresh token
is sent, the answer is stored durably, and only then it is the account's. Whoever dies in between
leaves an intent or an answer behind, which `settle_pending_refreshes` settles. Nothing here holds
the swap lock while a vendor is asked.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from rotator.context import Context
from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.refresh_policy import (
    is_due,
    refresh_obstacle,
    rest_after_unconfirmed,
    wants_refresh,
)
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import (
    ProviderError,
    ProviderUnavailable,
    RotatorError,
    SwapConflict,
)
from rotator.live.newest_tokens import look_into_both
from rotator.live.refresh_answers import (
    resting,
    take_in_kept,
)
from rotator.model import (
    SPENT_ELSEWHERE,
    Account,
    AccountId,
    Digest,
    EventKind,
    PendingRefresh,
)
from rotator.opencode.bridge.descent import read_descents
from rotator.provider import RefreshCall, Send
from rotator.secret import digest_of
from rotator.services.refresh_storing import (
    Attempt,
    Result,
    adopt_answer,
    let_rest,
    store_patiently,
    tell_event,
)
from rotator.system.interrupts import brief_waits, hearing, obey, put_off
from rotator.system.locks import Held, hold_all, is_held

log = logging.getLogger(__name__)

# Another process that refreshes the same account, or one of the same OAuth client, is waited for.
PATIENCE_SECONDS = 20.0
# The regular look takes up what could not be used before, and waits for nobody.
_NO_HURRY_SECONDS = 0.15
_CLIENT_LETTERS = 16


def obstacle_now(context: Context, account: Account) -> str | None:
    """Return why we would not refresh the account now, or None when we would.

    While somebody else is at it, there is only to wait for them.
    """
    state, now = context.store.state(), context.clock()
    call = context.registry.refresh_call(account.provider, account.credential)
    pending = state.refreshes.get(account.id)
    lock = context.paths.refresh_lock(account.id)
    if pending is not None and not is_due(pending, now) and is_held(lock):
        return None
    return refresh_obstacle(state, account, call, now)


def ensure_fresh(context: Context, account: Account) -> None:
    """Refresh the account's tokens if they have run out, or nearly so, and if we may.

    It waits for the vendor's answer, so call it without any lock. What the vendor says or fails
    to say is written down with the account and in the events. Raises StoreError, Interrupted.
    """
    if not wants_refresh(account, context.clock()) or obstacle_now(context, account) is not None:
        return
    with _held(context, account) as held:
        if held is None:
            return
        settle_pending_refreshes(context)
        # Who was told to end meanwhile asks nobody any more.
        obey()
        with put_off(f"waiting for the answer of {account.provider}: its new tokens work once"):
            with brief_waits():
                attempt = begin(context, account.id)
            if isinstance(attempt, Attempt):
                with hearing():
                    result = ask(context.registry.send, attempt)
                store_patiently(context, attempt, result)


def hold_refresh_locks(
    context: Context, account: Account, *, patience_seconds: float
) -> Held | None:
    """Take the locks of the account and of its OAuth client; None if others keep them."""
    call = context.registry.refresh_call(account.provider, account.credential)
    paths = [context.paths.refresh_lock(account.id)]
    if isinstance(call, RefreshCall):
        client = f"client-{digest_of(call.client)[:_CLIENT_LETTERS]}"
        paths.append(context.paths.refresh_lock(client))
    return hold_all(paths, patience_seconds=patience_seconds)


def is_held_up(context: Context, account: Account) -> bool:
    """Tell whether somebody keeps us from refreshing the account at once.

    They refresh it, or another one of its OAuth client, and may be stopped in the middle of it.
    """
    held = hold_refresh_locks(context, account, patience_seconds=0)
    if held is not None:
        held.release()
    return held is None


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
    try:
        why_unread = look_into_both(context, account_id)
    except SwapConflict as exc:
        return exc.message
    if why_unread is not None:
        # OpenCode 2 may have spent the token that we know.
        return why_unread
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
    reading = read_descents(context.paths)
    exchanged = {descent.spent for descent in (*reading.descents, *reading.elsewhere)}
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


def settle_pending_refreshes(context: Context) -> None:
    """Settle what processes that died have left: use stored answers, let doubtful ones rest.

    An account that somebody is refreshing just now is left to them. Raises StoreError.
    """
    take_in_kept(context)
    for pending in tuple(context.store.state().refreshes.values()):
        if pending.answer is not None:
            adopt_answer(context, pending)
        elif context.store.state().account(pending.account) is None:
            with context.store.transaction():
                context.store.end_refresh(pending.account)
        else:
            _rest_if_left(context, pending)


def use_answers(context: Context) -> None:
    """Use the answers that the store has and that could not be used yet. Raises StoreError."""
    for pending in tuple(context.store.state().refreshes.values()):
        if pending.answer is not None:
            adopt_answer(context, pending, patience_seconds=_NO_HURRY_SECONDS)


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
            let_rest(context, account, pending)
        tell_event(context, account, EventKind.LIMITED, f"{NOT_CONFIRMED}: it was cut off")
    finally:
        held.release()


def with_fresh_tokens(context: Context, account: Account) -> Account | None:
    """Freshen the account and return it as it is then; None if it was removed meanwhile.

    It rests where its refresh token was sent by somebody of whom nobody knows what came for it.
    """
    try:
        ensure_fresh(context, account)
    except RotatorError as exc:
        log.warning("a login was not refreshed: %s", exc.message)
        context.on_notice(f"{account.name} was not refreshed: {exc.message}")
    # Who was told to end while the answer was stored does not begin a swap.
    obey()
    after = context.store.state().account(account.id)
    return None if after is None else resting(context, after)
