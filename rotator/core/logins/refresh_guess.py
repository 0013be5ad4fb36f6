"""Whose tokens probably are, by the time at which they came, where nothing else tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from rotator.clock import is_within
from rotator.core.logins.claims import name_two
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.nobody import says_nobody
from rotator.core.logins.owner import Owner, Proof
from rotator.model import Account, Credential, Identity, Replaced, Slot

# Plug-ins refresh some minutes before a token runs out, and opencode at its next request.
REFRESH_MARGIN = timedelta(minutes=10)
# An opencode may still be refreshing an account that has just left auth.json.
_JUST_LEFT = timedelta(minutes=2)


def owner_by_time(
    provider: str, credential: Credential, who: Identity, known: Knowledge, accounts: list[Account]
) -> Owner:
    """Return whose it probably is, or a new account and whose it may be.

    Only a vendor that replaces both tokens leaves nothing to recognise a refresh by, and what
    came from a refresh says how long it lives. Where nobody knows whether a vendor does nobody
    can be asked either: then it is never taken for a refresh.
    """
    if known.keeps_refresh_tokens(provider) or credential.expires_at is None:
        return Owner(None)
    may_be = tuple(
        a
        for a in _refreshable(provider, known)
        if a in accounts and _has_refresh_token(a.credential) and not _differ(a, credential, who)
    )
    if not known.rotates_tokens(provider):
        made = tuple(a for a in may_be if _may_have_made(a.credential, credential))
        return Owner(None, may_be=made)
    replaced = tuple(
        tokens
        for a, tokens in _just_replaced(provider, known)
        if a not in may_be and not _differ(_with(a, tokens), credential, who)
    )
    active = known.state.active(provider)
    is_in_doubt = may_be != (active,) or bool(replaced)
    if (
        active is None
        or is_in_doubt
        or named_before(active, credential, known)
        or not _is_refresh(active, credential, known.now)
    ):
        return Owner(None, may_be=may_be, may_be_replaced=replaced)
    return Owner(active, proof=Proof.NONE)


def _has_refresh_token(credential: Credential) -> bool:
    """Tell whether it has one: plug-ins whose vendor gives none put the access token there."""
    return credential.refresh != credential.secret


def _may_have_made(old: Credential, new: Credential) -> bool:
    """Tell whether new tokens may have been made from old ones: those run out, and not later."""
    return old.expires_at is not None and not is_older(new, old)


def _refreshable(provider: str, known: Knowledge) -> Iterator[Account]:
    """Yield the accounts that an opencode may just have refreshed: live, or live a moment ago."""
    active = known.state.active(provider)
    if active is not None:
        yield active
    for account, at in _just_left(known.state.slot(provider), known):
        expires_at = account.credential.expires_at
        if account != active and (expires_at is None or expires_at - at <= REFRESH_MARGIN):
            yield account


def _just_replaced(provider: str, known: Knowledge) -> Iterator[tuple[Account, Replaced]]:
    """Yield tokens that an opencode may just have refreshed, though others took their place."""
    for account in known.state.of(provider):
        for tokens in known.state.replaced.get(account.id, ()):
            expires_at = tokens.credential.expires_at
            was_at_its_end = expires_at is None or expires_at - tokens.at <= REFRESH_MARGIN
            if was_at_its_end and is_within(_JUST_LEFT, tokens.at, known.now):
                yield account, tokens


def _with(account: Account, tokens: Replaced) -> Account:
    return replace(account, credential=tokens.credential, identity_key=tokens.who.key)


def named_before(account: Account, credential: Credential, known: Knowledge) -> bool:
    """Tell whether tokens that an account had before name somebody else than these do.

    Those between the two may be either's.
    """
    before = known.state.replaced.get(account.id, ())
    return any(name_two(credential, tokens.credential) for tokens in before)


def _just_left(slot: Slot, known: Knowledge) -> Iterator[tuple[Account, datetime]]:
    """Yield who has left auth.json a moment ago, and when: by our swap, a login or a logout."""
    left = {
        tenure.account: then.since
        for tenure, then in pairwise(slot.tenures)
        if tenure.account is not None
    }
    if slot.swap is not None and slot.swap.left is not None:
        left[slot.swap.left] = slot.swap.at
    for account_id, at in left.items():
        account = known.state.account(account_id)
        if account is not None and is_within(_JUST_LEFT, at, known.now):
            yield account, at


def _is_refresh(active: Account, credential: Credential, now: datetime) -> bool:
    """Tell whether it is probable that the account's tokens were refreshed just now."""
    old = active.credential
    if old.expires_at is None or active.maybe is not None or not is_older(old, credential):
        return False
    left = old.expires_at - now
    if left > REFRESH_MARGIN:
        return False
    return left >= -REFRESH_MARGIN or active.identity_key is not None


def _differ(account: Account, credential: Credential, who: Identity) -> bool:
    """Tell whether something says that it is another one's; what says nothing does not."""
    old = account.credential
    if credential.enterprise_url != old.enterprise_url:
        return True
    if are_two(credential.account_id, old.account_id) or name_two(credential, old):
        return True
    told = [(who.key, account.identity_key)]
    told += [(value, old.extra.get(name)) for name, value in credential.extra.items()]
    return any(None not in pair and pair[0] != pair[1] for pair in told)


def are_two(name: str | None, other: str | None) -> bool:
    """Tell whether two texts are two owners' names; a word for nobody is not another one."""
    if name is None or other is None or name == other:
        return False
    return says_nobody(name) is says_nobody(other)


def is_older(credential: Credential, other: Credential) -> bool:
    """Tell whether `credential` runs out before `other`, as far as both say when."""
    if credential.expires_at is None or other.expires_at is None:
        return False
    return credential.expires_at < other.expires_at
