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

from rotator.context import Books
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.core.poll_schedule import Asked, after_failure, after_reading
from rotator.core.selection.limit_updates import Revision, revisions
from rotator.core.selection.policy import is_stale
from rotator.core.usage_codec import merged
from rotator.errors import LoginRejected, ProviderError, StoreError, SwapConflict
from rotator.live.account_owners import learn_owner
from rotator.model import Account, Credential, Event, EventKind, Snapshot
from rotator.services.refresh import freshened
from rotator.system.interrupts import came, hearing, obey, put_off
from rotator.wording import moment_in_full

MOST_AT_ONCE = 8
_RAN_OUT = "its access token has run out; opencode renews it at its next request"
Chance = Callable[[], float]
# None: the vendor accepts a login of which it tells nothing.
Found = Snapshot | ProviderError | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is known of an account's usage, and the sentence that says why it is not more."""

    account: Account
    asked: Asked
    why_not: str | None


def known(books: Books, accounts: Iterable[Account]) -> list[Usage]:
    """Return what is known of the usage of `accounts`, asking nobody. Raises StoreError."""
    return [_known(books, account) for account in accounts]


def _known(books: Books, account: Account) -> Usage:
    asked, why_not = books.history.asked(account.id), obstacle(books, account)
    if why_not is not None and account.rejected is None:
        # Of a login that tells no usage only the question whether it is accepted can have failed.
        why_not = asked.failure or why_not
    return Usage(account, asked, why_not)


def obstacle(books: Books, account: Account) -> str | None:
    """Return why the account's usage cannot be asked for now, or None."""
    if account.rejected is not None:
        return f"it needs a login: {account.rejected}"
    return books.registry.usage_obstacle(account.provider, account.credential)


def read(
    books: Books,
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
                ready = _prepared(books, account, forced=forced)
                if ready is not None:
                    asking[pool.submit(ask_usage, books, ready, books.clock())] = ready
        finally:
            with put_off("waiting for the answers of those who were asked for their usage"):
                for future in _answered(asking):
                    keep_answer(books, asking[future], future.result(), chance())
                    done(asking[future])
    return len(asking)


def _answered(asking: Collection[Future[Found]]) -> Iterator[Future[Found]]:
    """Yield what was answered as it comes; after a signal nobody else is asked."""
    answers = as_completed(asking)
    while (future := _next(answers)) is not None:
        if came() is not None:
            for other in asking:
                other.cancel()
        if not future.cancelled():
            yield future


def _next(answers: Iterator[Future[Found]]) -> Future[Found] | None:
    with hearing():
        return next(answers, None)


def _prepared(books: Books, account: Account, *, forced: bool) -> Account | None:
    """Return the account with good tokens and a lease on asking about it, or None."""
    now = books.clock()
    tells_usage = obstacle(books, account) is None
    # It gets no new tokens only to be asked whether they are good.
    if not (tells_usage or (forced and _can_be_checked(books, account, now))):
        return None
    if not books.history.lease(account.id, now, forced=forced):
        return None
    if tells_usage and wants_refresh(account, now):
        account = freshened(books, account) or account
    if is_stale(account, now) or account.rejected is not None:
        # Not for long: whoever refreshes it makes it readable.
        books.history.keep_failure(account.id, _RAN_OUT, now + _SOON)
        return None
    return account


def _can_be_checked(books: Books, account: Account, now: datetime) -> bool:
    is_usable = account.rejected is None and not is_stale(account, now)
    return is_usable and books.registry.can_check(account.provider, account.credential, now)


_SOON = timedelta(minutes=1)


def verify(books: Books, provider: str, credential: Credential) -> str | None:
    """Ask the vendor whether it accepts a credential; return why that stays open, or None.

    Raises LoginRejected if it does not.
    """
    now = books.clock()
    why = books.registry.usage_obstacle(provider, credential)
    if why is not None and not books.registry.can_check(provider, credential, now):
        return why
    if credential.expires_at is not None and credential.expires_at <= now:
        return "its access token has run out"
    try:
        if why is None:
            books.registry.read_usage(provider, credential, now)
        else:
            books.registry.check_login(provider, credential, now)
    except LoginRejected:
        raise
    except ProviderError as exc:
        return exc.message
    return None


def note_headers(books: Books, account: Account, headers: Mapping[str, str]) -> bool:
    """Keep what the headers of a good answer to `account` say of its limits; False: nothing.

    It serves as a reading would, so that nobody has to ask. Raises StoreError.
    """
    now = books.clock()
    snapshot = books.registry.read_headers(account.provider, headers, now)
    if snapshot is None:
        return False
    whole = merged(books.history.asked(account.id).snapshot, snapshot)
    least = books.registry.usage_pause(account.provider)
    books.history.keep_reading(account.id, whole, after_reading(whole, least, 0.0))
    _take_in(books, account, snapshot)
    return True


def ask_usage(books: Books, account: Account, now: datetime) -> Found:
    """Ask the vendor of one account, in any thread; nothing is kept yet."""
    registry, which = books.registry, (account.provider, account.credential)
    try:
        if registry.usage_obstacle(*which) is None:
            return registry.read_usage(*which, now)
        registry.check_login(*which, now)
    except ProviderError as exc:
        return exc
    return None


def keep_answer(books: Books, account: Account, answer: Found, chance: float) -> None:
    """Keep what a vendor said of an account, and when it is asked again."""
    now = books.clock()
    if isinstance(answer, ProviderError):
        failures = books.history.asked(account.id).failures + 1
        due_at = after_failure(answer, failures, now, chance)
        books.history.keep_failure(account.id, answer.message, due_at)
        return
    if answer is None:
        books.history.keep_accepted(account.id)
        return
    least = books.registry.usage_pause(account.provider)
    books.history.keep_reading(account.id, answer, after_reading(answer, least, chance))
    _take_in(books, account, answer)


def _take_in(books: Books, account: Account, told: Snapshot) -> None:
    """Note what a reading says of who an account is, and of limits that failures told of."""
    now = books.clock()
    try:
        who = replace(told.identity, plan=told.plan or told.identity.plan)
        learn_owner(books, account.id, account.credential.digest, who)
        with books.store.transaction():
            state = books.store.state()
            holder = books.store.holder(account.provider, account.credential.digest)
            read = state.account(holder) or account
            changed = revisions(state.of(account.provider), read, told, now)
            for revision in changed:
                books.store.set_limit(revision.account.id, revision.after)
    except (StoreError, SwapConflict):
        # The reading is kept; the rest can be learned the next time.
        return
    if changed:
        books.record(_revised_event(revision, now) for revision in changed)
        books.announce()


def _revised_event(revision: Revision, now: datetime) -> Event:
    about = f" for {revision.after.model}" if revision.after.model else ""
    if revision.is_lifted:
        kind, why = EventKind.RECOVERED, f"its usage says that there is room again{about}"
    else:
        until = moment_in_full(revision.after.until)
        kind, why = EventKind.LIMITED, f"its usage says that it rests until {until}{about}"
    return Event(now, kind, revision.account.provider, revision.account.name, why=why)
