"""Which two accounts a person may make one, and which of their logins is used then; pure."""

from __future__ import annotations

from datetime import datetime

from rotator.core.logins.token_lines import liveliness, owner_key
from rotator.errors import UsageError
from rotator.model import Account


def refuse_strangers(keep: Account, other: Account) -> None:
    """Raise UsageError for two that cannot be one."""
    why = None
    if keep.id == other.id:
        why = "they are one account already"
    elif keep.provider != other.provider:
        why = "they are of two providers"
    elif keep.credential.type != other.credential.type:
        why = f"one is {keep.credential.type} and the other {other.credential.type}"
    if why is not None:
        message = f"{keep.name} and {other.name} cannot be merged: {why}"
        raise UsageError(message, hint="rotator accounts lists them")


def _are_for_two(account: str | None, other: str | None) -> bool:
    return None not in {account, other} and account != other


def refuse_two_that_work(keep: Account, other: Account, now: datetime) -> None:
    """Raise UsageError where one of two that both may work would never be used any more."""
    owners = {owner_key(keep), owner_key(other)}
    is_one_dead = any(account.why_login_at(now) is not None for account in (keep, other))
    why = None
    if keep.credential.type == "api" and keep.credential.digest != other.credential.digest:
        why = "they are two keys, and each works by itself"
    elif None not in owners and len(owners) > 1 and not is_one_dead:
        why = f"they belong to {keep.identity or 'one'} and to {other.identity or 'another'}"
    elif _are_for_two(keep.credential.account_id, other.credential.account_id) and not is_one_dead:
        why = "their logins are for two accounts of the vendor, each with limits of its own"
    if why is not None:
        message = f"{keep.name} and {other.name} are not merged: {why}"
        raise UsageError(message, hint=f"rotator accounts remove {other.name} forgets one of them")


def may_be_two(keep: Account, other: Account, now: datetime) -> bool:
    """Tell whether nothing but a person's word says of two that both may work that they are one."""
    is_known = None not in {owner_key(keep), owner_key(other)}
    is_one_dead = any(account.why_login_at(now) is not None for account in (keep, other))
    is_one = keep.credential.digest == other.credential.digest
    return not (is_known or is_one_dead or is_one)


def likelier(keep: Account, other: Account, active: Account | None) -> Account:
    """Return the one of two whose credential more likely lives."""

    def how_likely(account: Account) -> tuple[object, ...]:
        *first, captured_at = liveliness(account, keep, other)
        return (*first, active is not None and account.id == active.id, captured_at)

    return max((keep, other), key=how_likely)
