"""Asks vendors whose logins are, in the background of the watcher, once for each credential.

What is not known of a login may be told by its vendor: so a second login to one account becomes
one row, and a pair that replaced another one without proof is given to whom it belongs. Nothing
is refreshed for it, and a vendor that counts its questions counts these among those about usage.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Context
from rotator.core.poll_schedule import (
    LEASE,
    MOST_TRIES,
    OwnerRecord,
    after_failure,
    may_ask_owner,
)
from rotator.core.selection.policy import is_stale
from rotator.errors import LoginRejected, ProviderError, ProviderUnavailable
from rotator.live.account_owners import learn_owner
from rotator.model import Account, AccountId, Credential, Digest, Identity, State

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2

Found = Identity | ProviderError


@dataclass(frozen=True, slots=True)
class _Question:
    """A question under way: about which credential of which account, and how often it was put."""

    account: Account
    digest: Digest
    tries: int


def in_doubt(state: State) -> set[AccountId]:
    """Return the accounts that may be another one's, and those whose pair may be."""
    return {account_id for account in state.accounts for account_id in _doubted(account)}


def _doubted(account: Account) -> Iterator[AccountId]:
    if account.unproven or account.maybe is not None:
        yield account.id
    if account.maybe is not None:
        yield account.maybe
    yield from (doubt.newer for doubt in account.doubts)


class IdentityQuestions:
    """Questions under way in the watcher, which never waits; every method is its one thread's."""

    def __init__(self, context: Context, woken: Callable[[], None]) -> None:
        """`woken` is called from another thread when there is something for `work` to do."""
        self._context = context
        self._woken = woken
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="owner")
        self._asking: dict[Future[Found], _Question] = {}
        self._asked_again: set[Digest] = set()
        # Who was known by another key before, and who nobody is named to any more.
        self._renamed: dict[Digest, tuple[AccountId, Identity]] = {}
        self._refused: set[Digest] = set()

    @property
    def is_asking(self) -> bool:
        """Whether an answer has not been taken in yet."""
        return bool(self._asking)

    def begin(self) -> None:
        """Ask about each login whose owner is not known, or in doubt. Raises StoreError."""
        if not self._context.preferences().ask_owner:
            return
        state, now = self._context.store.state(), self._context.clock()
        doubted = in_doubt(state)
        for account in state.accounts:
            # What somebody else has exchanged works until it runs out, and may say who it is.
            if account.rejected is not None and account.spent_from is None:
                continue
            if account.id in doubted or self._is_unknown(account):
                self._begin(account, account.credential, now)
            if account.id in doubted:
                # What was replaced may work still, and say who was here before.
                for tokens in state.replaced.get(account.id, ()):
                    if tokens.who.key is None:
                        self._begin(account, tokens.credential, now)

    def _is_unknown(self, account: Account) -> bool:
        if account.identity_key is not None and not self._has_key_before(account):
            return False
        return not self._context.registry.asks_only_in_doubt(account.provider)

    def _has_key_before(self, account: Account) -> bool:
        """Tell whether an older version has named it, with a key that may be another's since."""
        key = account.identity_key
        return key is not None and self._context.registry.is_key_before(account.provider, key)

    def _asked(self, account: Account, credential: Credential) -> OwnerRecord:
        """Return how often it was asked about; what an older version was told does not count."""
        asked = self._context.history.owner_asked(credential.digest)
        is_old = asked.is_answered and self._has_key_before(account)
        return OwnerRecord() if is_old and credential.digest not in self._asked_again else asked

    def _begin(self, account: Account, credential: Credential, now: datetime) -> None:
        history = self._context.history
        if not credential.secret or is_stale(replace(account, credential=credential), now):
            return
        if any(credential.digest == other.digest for other in self._asking.values()):
            return
        if self._context.registry.identity_obstacle(account.provider, credential) is not None:
            return
        asked = self._asked(account, credential)
        if not may_ask_owner(asked, now):
            return
        if self._is_counted(account) and not history.lease(account.id, now):
            return
        # Counted before it is put: whoever is killed meanwhile does not ask for ever.
        question = _Question(account, credential.digest, asked.tries + 1)
        history.keep_owner_asked(question.digest, OwnerRecord(question.tries, due_at=now + LEASE))
        self._asked_again.add(question.digest)
        future = self._pool.submit(_ask, self._context, account.provider, credential, now)
        self._asking[future] = question
        future.add_done_callback(lambda _: self._woken())

    def _is_counted(self, account: Account) -> bool:
        """Tell whether the vendor counts questions, so that those about usage wait for this one."""
        return bool(self._context.registry.usage_pause(account.provider))

    def work(self) -> bool:
        """Take in the answers that have come; False if none told an owner. Raises StoreError."""
        learned = False
        for future in [job for job in self._asking if job.done()]:
            learned |= self._take_in(self._asking.pop(future), future.result())
        if learned:
            # An answer may have made it a question whose another login is.
            self.begin()
        return learned

    def _take_in(self, question: _Question, answer: Found) -> bool:
        now, account = self._context.clock(), question.account
        asked = OwnerRecord(question.tries, is_answered=True)
        due_at = now + self._context.registry.usage_pause(account.provider)
        if isinstance(answer, ProviderError):
            # A failure is nothing that a person has to hear of: the rows stay as they are.
            log.info("whose login %s is was not told: %s", account.name, answer.message)
            chance = random.random()  # noqa: S311  # no secret
            tries, failures = question.tries, question.tries
            if isinstance(answer, ProviderUnavailable) and not answer.sent:
                # Nobody was asked: a computer that is offline uses up no question.
                tries, failures = tries - 1, MOST_TRIES
            again_at = after_failure(answer, failures, now, chance)
            asked = OwnerRecord(tries, due_at=again_at)
            due_at = max(due_at, again_at)
            if isinstance(answer, LoginRejected) and self._has_key_before(account):
                self._refused.add(question.digest)
                for digest, (holder, who) in self._renamed.items():
                    if who.key_before == account.identity_key:
                        learn_owner(self._context, holder, digest, who, self._refused)
        else:
            learn_owner(self._context, account.id, question.digest, answer, self._refused)
            if answer.key_before is not None:
                self._renamed[question.digest] = account.id, answer
        self._context.history.keep_owner_asked(question.digest, asked)
        if self._is_counted(account):
            self._context.history.postpone(account.id, due_at)
        return isinstance(answer, Identity)

    def close(self) -> None:
        """End; an answer that has not come is asked for again some other time."""
        self._pool.shutdown(cancel_futures=True)


def _ask(context: Context, provider: str, credential: Credential, now: datetime) -> Found:
    try:
        return context.registry.read_identity(provider, credential, now)
    except ProviderError as exc:
        return exc
