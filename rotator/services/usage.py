"""Asks vendors how much of their accounts' limits is used, on one schedule for all who look.

The history holds the schedule: whoever looks, a command, the watcher or a dashboard, takes a
lease on an account before it asks, and what it learns serves them all. A failed question keeps
the last good answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.core.poll_schedule import UsageRecord, after_failure, after_reading
from rotator.core.selection.limit_updates import as_whole_as, limit_updates
from rotator.core.selection.policy import is_stale
from rotator.core.usage_codec import merged
from rotator.errors import LoginRejected, ProviderError, StoreError, SwapConflict
from rotator.live.account_owners import learn_owner
from rotator.model import Account, Credential, Snapshot
from rotator.services.lifts import lift_events
from rotator.services.refresh import with_fresh_tokens
from rotator.system.interrupts import hearing, obey, pending_signal, put_off

MOST_AT_ONCE = 8
_RAN_OUT = "its access token has run out; opencode renews it at its next request"
_ROOM, _FULL = "its usage says that there is room again", "its usage says that it is used up"
Chance = Callable[[], float]
# None: the vendor accepts a login of which it tells nothing.
Found = Snapshot | ProviderError | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is known of an account's usage, and the sentence that says why it is not more."""

    account: Account
    asked: UsageRecord
    why_not: str | None


def known(context: Context, accounts: Iterable[Account]) -> list[Usage]:
    """Return what is known of the usage of `accounts`, asking nobody. Raises StoreError."""
    return [_known(context, account) for account in accounts]


def _known(context: Context, account: Account) -> Usage:
    asked, why_not = context.history.asked(account.id), obstacle(context, account)
    if why_not is not None and account.rejected is None:
        # Of a login that tells no usage only the question whether it is accepted can have failed.
        why_not = asked.failure or why_not
    return Usage(account, asked, why_not)


def obstacle(context: Context, account: Account) -> str | None:
    """Return why the account's usage cannot be asked for now, or None."""
    if account.rejected is not None:
        return f"it needs a login: {account.rejected}"
    return context.registry.usage_obstacle(account.provider, account.credential)


def read(
    context: Context,
    accounts: Sequence[Account],
    *,
    forced: bool = False,
    done: Callable[[Account], None] = lambda _: None,
    chance: Chance = random.random,
) -> int:
    """Ask for the usage of those accounts whose reading has served its time; return how many.

    `forced` asks for the others, too, unless somebody asks just now, and whether those are
    accepted that tell no usage. `done` is called after each answer. Several vendors are asked at
    a time; only their answers are waited for in threads. Raises StoreError.
    """
    asking: dict[Future[Found], Account] = {}
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="usage") as pool:
        try:
            for account in accounts:
                obey()
                ready = _prepared(context, account, forced=forced)
                if ready is not None:
                    asking[pool.submit(ask_usage, context, ready, context.clock())] = ready
        finally:
            with put_off("waiting for the answers of those who were asked for their usage"):
                for future in _answered(asking):
                    keep_answer(context, asking[future], future.result(), chance())
                    done(asking[future])
    return len(asking)


def _answered(asking: Collection[Future[Found]]) -> Iterator[Future[Found]]:
    """Yield what was answered as it comes; after a signal nobody else is asked."""
    answers = as_completed(asking)
    while (future := _next(answers)) is not None:
        if pending_signal() is not None:
            for other in asking:
                other.cancel()
        if not future.cancelled():
            yield future


def _next(answers: Iterator[Future[Found]]) -> Future[Found] | None:
    with hearing():
        return next(answers, None)


def _prepared(context: Context, account: Account, *, forced: bool) -> Account | None:
    """Return the account with good tokens and a lease on asking about it, or None."""
    now = context.clock()
    tells_usage = obstacle(context, account) is None
    # It gets no new tokens only to be asked whether they are good.
    if not (tells_usage or (forced and _can_be_checked(context, account, now))):
        return None
    if not context.history.lease(account.id, now, forced=forced):
        return None
    if tells_usage and wants_refresh(account, now):
        account = with_fresh_tokens(context, account) or account
    if is_stale(account, now) or account.rejected is not None:
        # Not for long: whoever refreshes it makes it readable.
        context.history.keep_failure(account.id, _RAN_OUT, now + _SOON)
        return None
    return account


def _can_be_checked(context: Context, account: Account, now: datetime) -> bool:
    is_usable = account.rejected is None and not is_stale(account, now)
    return is_usable and context.registry.can_check(account.provider, account.credential, now)


_SOON = timedelta(minutes=1)


def verify(context: Context, provider: str, credential: Credential) -> str | None:
    """Ask the vendor whether it accepts a credential; return why that stays open, or None.

    Raises LoginRejected if it does not.
    """
    now = context.clock()
    why = context.registry.usage_obstacle(provider, credential)
    if why is not None and not context.registry.can_check(provider, credential, now):
        return why
    if credential.expires_at is not None and credential.expires_at <= now:
        return "its access token has run out"
    try:
        if why is None:
            context.registry.read_usage(provider, credential, now)
        else:
            context.registry.check_login(provider, credential, now)
    except LoginRejected:
        raise
    except ProviderError as exc:
        return exc.message
    return None


def note_headers(context: Context, account: Account, headers: Mapping[str, str]) -> bool:
    """Keep what the headers of a good answer to `account` say of its limits; False: nothing.

    It serves as a reading would, so that nobody has to ask. Raises StoreError.
    """
    now = context.clock()
    snapshot = context.registry.read_headers(account.provider, headers, now)
    if snapshot is None:
        return False
    whole = merged(context.history.asked(account.id).snapshot, snapshot)
    least = context.registry.usage_pause(account.provider)
    context.history.keep_reading(account.id, whole, after_reading(whole, least, 0.0))
    _take_in(context, account, snapshot)
    return True


def ask_usage(context: Context, account: Account, now: datetime) -> Found:
    """Ask the vendor of one account, in any thread; nothing is kept yet."""
    registry, which = context.registry, (account.provider, account.credential)
    try:
        if registry.usage_obstacle(*which) is None:
            return registry.read_usage(*which, now)
        registry.check_login(*which, now)
    except ProviderError as exc:
        return exc
    return None


def keep_answer(context: Context, account: Account, answer: Found, chance: float) -> None:
    """Keep what a vendor said of an account, and when it is asked again."""
    now = context.clock()
    if isinstance(answer, ProviderError):
        failures = context.history.asked(account.id).failures + 1
        due_at = after_failure(answer, failures, now, chance)
        context.history.keep_failure(account.id, answer.message, due_at)
        return
    if answer is None:
        context.history.keep_accepted(account.id)
        return
    least = context.registry.usage_pause(account.provider)
    before = context.history.asked(account.id).snapshot
    context.history.keep_reading(account.id, answer, after_reading(answer, least, chance))
    _take_in(context, account, as_whole_as(answer, before, now))


def _take_in(context: Context, account: Account, told: Snapshot) -> None:
    """Note what a reading says of who an account is, and of limits that failures told of."""
    now = context.clock()
    try:
        who = replace(told.identity, plan=told.plan or told.identity.plan)
        learn_owner(context, account.id, account.credential.digest, who)
        with context.store.transaction():
            state = context.store.state()
            holder = context.store.holder(account.provider, account.credential.digest)
            read = state.account(holder) or account
            changed = limit_updates(state.of(account.provider), read, told, now)
            for revision in changed:
                context.store.set_limit(revision.account.id, revision.after)
    except (StoreError, SwapConflict):
        # The reading is kept; the rest can be learned the next time.
        return
    if changed:
        context.record(lift_events(changed, _ROOM, now, otherwise=_FULL))
        context.notify_changed()
