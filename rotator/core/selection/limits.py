"""Which of an account's limits hold for a model, and what accounts of one group share.

Pure. A limit is about the whole account, or about the models that its vendor names: by an id
(`gpt-5-mini`), by the name of a family (`Opus`) or of several (`Claude and GPT models`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rotator.clock import is_ahead
from rotator.model import Account, AccountState, Limit

# Why an account rests whose new tokens its vendor has not confirmed.
NOT_CONFIRMED = "refresh not confirmed"

_SEVERAL = re.compile(r"[,/&+]|\band\b|\bmodels?\b", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^a-z0-9]+")


def concerns(scope: str | None, model: str | None) -> bool:
    """Tell whether what is counted for `scope` (None: for everything) counts for `model`.

    Of a model that is not known no narrower limit is known to hold.
    """
    if scope is None:
        return True
    asked = _plain(model or "")
    families = [family for part in _SEVERAL.split(scope) if (family := _plain(part))]
    return any(family in asked for family in families)


def limits_of(account: Account, model: str | None, now: datetime) -> list[Limit]:
    """Return the limits that keep the account from answering for `model`, the last to end first."""
    held = [account.limit, *account.part_limits]
    limits = [
        limit for limit in held if limit and now < limit.until and concerns(limit.model, model)
    ]
    return sorted(limits, key=lambda limit: (limit.until, limit.model or ""), reverse=True)


def is_ready(account: Account, model: str | None, now: datetime) -> bool:
    """Tell whether the account can answer for `model`; None: for any that has no limit alone."""
    if account.state_at(now) is not AccountState.READY:
        return False
    return not limits_of(account, model, now)


def limit_on(account: Account, scope: str | None) -> Limit | None:
    """Return the limit that the account has, or had last, on just that scope."""
    if scope is None:
        return account.limit
    return next((limit for limit in account.part_limits if limit.model == scope), None)


def with_limit(account: Account, limit: Limit) -> Account:
    """Return the account with that limit in place of the one on the same scope."""
    if limit.model is None:
        return replace(account, limit=limit)
    others = [other for other in account.part_limits if other.model != limit.model]
    return replace(account, part_limits=(*others, limit))


def pinned(limit: Limit, now: datetime) -> Limit:
    """Return the limit with its own length from `now` on where it began ahead of `now`.

    The clock was set back since: a rest of a minute would last for hours. Of a time that a vendor
    has stated nobody knows any more whether it was a length or a date; a date comes early by the
    change of the clock at most, and then the vendor states it once more.
    """
    since = limit.since
    if since is None or not is_ahead(since, now):
        return limit
    return replace(limit, since=now, until=now + (limit.until - since))


def of_tokens_in_use(account: Account, came_at: datetime) -> Account:
    """Return the account without the limits that are older than its unproven tokens.

    Those came at `came_at`, maybe of another person, and nobody has refused them since.
    """
    own: list[Limit] = []
    before: list[Limit] = []
    for limit in filter(None, (account.limit, *account.part_limits)):
        (own if limit.since is None or limit.since >= came_at else before).append(limit)
    return replace(
        account,
        limit=next((rest for rest in own if rest.model is None), None),
        part_limits=tuple(rest for rest in own if rest.model is not None),
        limits_before=tuple(before),
    )


def members(accounts: Iterable[Account], account: Account) -> list[Account]:
    """Return the accounts that are limited together with `account`, itself among them."""
    return [other for other in accounts if other.id == account.id or is_together(other, account)]


def shared(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Return the accounts, each with the limits that any of its group has.

    Of two limits on one scope the one counts that ends later.
    """
    everybody = tuple(accounts)
    return tuple(
        _with_shared(account, everybody) if account.group else account for account in everybody
    )


def is_together(account: Account, other: Account) -> bool:
    """Tell whether two are of one group; of unproven tokens nobody knows in which they are."""
    if account.group is None or account.unproven or other.unproven:
        return False
    return (account.provider, account.group) == (other.provider, other.group)


def _with_shared(account: Account, everybody: tuple[Account, ...]) -> Account:
    for other in everybody:
        if other.id == account.id or not is_together(other, account):
            continue
        for limit in filter(None, (other.limit, *other.part_limits)):
            own = limit_on(account, limit.model)
            if not limit.is_own and (own is None or own.until < limit.until):
                account = with_limit(account, replace(limit, reason=_whose(limit, other)))
    return account


def _whose(limit: Limit, other: Account) -> str:
    return f"{limit.reason}; counted together with {other.alias}"


def _plain(text: str) -> str:
    return _PUNCTUATION.sub("", text.lower())
