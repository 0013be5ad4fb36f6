"""What lifts a limit before its time: a request that was answered, and a person's word.

Pure. A limit that is lifted ends when it began: so the next failure still counts as one in a row,
and nobody is told once more that the account is back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.core.selection.limits import NOT_CONFIRMED, concerns, is_together, limit_on
from rotator.model import Account, Limit

# A text of many words may be anything that came from outside; it is not written down.
_NAME = re.compile(r"[\w./:@+-]{1,120}")


@dataclass(frozen=True, slots=True)
class LimitUpdate:
    """A limit of an account's that is another one from now on, or that is lifted."""

    account: Account
    after: Limit
    is_lifted: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A model has answered a request of an account's, which was sent at `sent_at`.

    One that is `aside` (a title) asks a model of its own.
    """

    model: str | None
    sent_at: datetime
    aside: bool = False


def kept_name(model: str | None) -> str | None:
    """Return the name of the model that was asked as a limit keeps it: what is plainly a name."""
    return model if model is not None and _NAME.fullmatch(model) else None


def lifted(limit: Limit, now: datetime) -> Limit:
    """Return what is left of a limit that is over before its time."""
    since = now if limit.since is None else min(limit.since, now)
    return replace(limit, since=since, until=since)


def is_lifted(limit: Limit) -> bool:
    """Tell whether a limit was lifted, and has not ended by itself."""
    return limit.since is not None and limit.until <= limit.since


def held_since(account: Account, now: datetime) -> datetime | None:
    """Return since when the newest limit holds that an answer may lift; None: there is none."""
    return max((limit.since for limit in _held(account, now) if limit.since), default=None)


def lifted_by_hand(
    accounts: Iterable[Account], account: Account, now: datetime
) -> list[LimitUpdate]:
    """Return what a person lifts who wants an account to be used: all its limits."""
    everybody = tuple(accounts)
    return [
        update
        for limit in _held(account, now)
        for other, its in _with_the_same(everybody, account, limit, now)
        for update in (LimitUpdate(other, lifted(its, now), is_lifted=True),)
    ]


def lifted_by_answer(
    accounts: Iterable[Account], account: Account, answered: Answered, now: datetime
) -> list[LimitUpdate]:
    """Return what an answer to a request changes that was sent while the account was limited.

    It lifts the limits of its model. A limit on all models that began with another model's
    request is one on that model: this one is seen to work.
    """
    everybody = tuple(accounts)
    if answered.sent_at > now:
        # The clock was set back since.
        return []
    return [
        update
        for limit in _held(account, now)
        if _is_disproved(limit, answered)
        for other, its in _with_the_same(everybody, account, limit, now)
        if _is_older(its, answered)
        for update in _after_answer(other, its, limit.asked, answered.model, now)
    ]


def _after_answer(
    account: Account, limit: Limit, asked: str | None, model: str | None, now: datetime
) -> Iterator[LimitUpdate]:
    yield LimitUpdate(account, lifted(limit, now), is_lifted=True)
    if limit.model is not None or asked is None or asked == model:
        return
    rest = replace(limit, model=asked, asked=None)
    before = limit_on(account, asked)
    if before is None or before.until < rest.until:
        yield LimitUpdate(account, rest, is_lifted=False)


def _is_disproved(limit: Limit, answered: Answered) -> bool:
    """Tell whether an answer to a request of now shows that a limit does not hold for its model."""
    if not _is_older(limit, answered) or not concerns(limit.model, answered.model):
        return False
    # Where nobody knows for what the account was refused, it was for what its turns ask.
    return limit.model is not None or limit.asked is not None or not answered.aside


def _is_older(limit: Limit, answered: Answered) -> bool:
    return limit.since is None or limit.since < answered.sent_at


def _held(account: Account, now: datetime) -> list[Limit]:
    """Return the limits that hold, without the rest of one whose tokens may be spent."""
    limits = filter(None, (account.limit, *account.part_limits))
    return [limit for limit in limits if now < limit.until and limit.reason != NOT_CONFIRMED]


def _with_the_same(
    accounts: Iterable[Account], account: Account, limit: Limit, now: datetime
) -> Iterator[tuple[Account, Limit]]:
    """Yield whoever is limited by the same: its group, and all of whom one failure told."""
    yield account, limit
    if limit.is_own:
        return
    for other in accounts:
        its = limit_on(other, limit.model)
        if other.id == account.id or its is None or its.is_own or its.until <= now:
            continue
        is_one_failure = other.provider == account.provider and its == limit
        if is_one_failure or is_together(other, account):
            yield other, its
