"""Whose credential it is: what is known of secrets, of where tokens came from, and of people.

Pure: no I/O, no clock. In any doubt it is a new account; where that one may be the refresh of
another, the other is named, for its tokens may be spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rotator.core.logins.ancestry import ancestry_of
from rotator.core.logins.claims import name_two
from rotator.core.logins.credential_secrets import (
    PACKED,
    bare_text,
    halves_of,
    has_real_secret,
    is_random,
    refresh_digests,
    same_secrets,
    secrets_of,
    why_useless,
)
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.nobody import says_nobody
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.refresh_guess import are_two, is_older, owner_by_time
from rotator.model import Account, AccountId, Credential, Digest, Identity

# Fields of plug-ins, in small letters, that say whose an entry is.
_NAMES = frozenset({"email", "login", "sub", "subject", "user", "userid", "username"})


def is_forgotten(provider: str, credential: Credential, known: Knowledge) -> bool:
    """Tell whether it is a credential of an account that the user removed, or comes from one."""
    halves = halves_of(credential)
    if halves and all(any(known.is_removed(provider, d) for d in half) for half in halves):
        return True
    line = ancestry_of(credential, known).line
    first = next((d for d in line if _is_known(provider, d, known)), None)
    return first is not None and known.holder(provider, first) is None


def _is_known(provider: str, digest: Digest, known: Knowledge) -> bool:
    return known.holder(provider, digest) is not None or known.is_removed(provider, digest)


def owner_of(provider: str, credential: Credential, who: Identity, known: Knowledge) -> Owner:
    """Return whose credential it is. In any doubt it is nobody's: a new account."""
    accounts = [a for a in known.state.of(provider) if a.credential.type == credential.type]
    for account in accounts:
        if same_secrets(account.credential, credential):
            if not has_real_secret(credential) and names_another(account, credential, who, known):
                continue
            return Owner(account, fresh=not _says_the_same(account.credential, credential))
    if credential.type != "oauth":
        return Owner(None)
    return _owner_of_oauth(provider, credential, who, known, accounts)


def owner_of_offered(
    provider: str, credential: Credential, who: Identity, known: Knowledge
) -> Owner:
    """Return whose credential it is, where nobody can say when it was made.

    What stands in auth.json was written just now; what a person hands over or what was kept
    aside may be older than the account, and the one that runs out first is taken for the older.
    """
    owner = owner_of(provider, credential, who, known)
    kept = owner.account
    if kept is None or owner.stale:
        return owner
    is_behind = not _wants_cure(kept) and is_older(credential, kept.credential)
    is_spent = _is_spent(provider, credential, kept, known) or _is_exchanged(credential, known)
    return replace(owner, stale=is_behind or is_spent)


def _is_exchanged(credential: Credential, known: Knowledge) -> bool:
    """Tell whether a bridge saw its refresh token exchanged: it makes nobody's login good."""
    return any(known.was_exchanged(digest) for digest in refresh_digests(credential))


def _is_spent(provider: str, credential: Credential, kept: Account, known: Knowledge) -> bool:
    """Tell whether its refresh token is one that the account had before its present one."""
    refresh = credential.refresh
    if not refresh or bare_text(refresh, PACKED) == bare_text(kept.credential.refresh, PACKED):
        return False
    return known.holder(provider, Digest(refresh.digest())) == kept.id


def _says_the_same(kept: Credential, new: Credential) -> bool:
    """Tell of the same secrets whether only their layout differs, or white space around them."""
    if (useless := why_useless(kept)) != why_useless(new):
        # What is around the one lets no request carry it: the other one is kept.
        return useless is None
    as_new = replace(kept, entry=new.entry, secret=new.secret)
    # What a plug-in packs behind the token is news.
    if bare_text(kept.refresh) == bare_text(new.refresh):
        as_new = replace(as_new, refresh=new.refresh)
    return as_new == new


def _owner_of_oauth(
    provider: str, credential: Credential, who: Identity, known: Knowledge, accounts: list[Account]
) -> Owner:
    # Who is named to be another one is another one, whatever word or token they share.
    others = [a for a in accounts if not names_another(a, credential, who, known)]
    by_secret = _by_secret(provider, credential, known, others)
    if by_secret is not None:
        return by_secret
    came_from = ancestry_of(credential, known)
    for spent in came_from.line:
        holder = known.holder(provider, spent)
        for account in (a for a in others if a.id == holder):
            return _descendant(account, credential, spent, known)
    for account in accounts:
        if who.key is not None and account.identity_key == who.key:
            stale = _is_relic(account, credential, known.now)
            return Owner(account, stale=stale, proof=Proof.IDENTITY)
    if came_from.is_login:
        return Owner(None)
    return owner_by_time(provider, credential, who, known, accounts)


def _by_secret(
    provider: str, credential: Credential, known: Knowledge, accounts: list[Account]
) -> Owner | None:
    halves = halves_of(credential)
    holders = [_holder_of(provider, half, known, accounts) for half in halves]
    for account in (a for holder in holders for a in accounts if a.id == holder):
        # One half known and the other new: a refresh that kept its refresh token. Both known
        # and not the current pair: a copy from before.
        kept = account.credential
        is_current = bare_text(kept.refresh, PACKED) == bare_text(credential.refresh, PACKED)
        behind = not is_current and is_older(credential, kept)
        stale = None not in holders or behind
        known_half = next(half for half, h in zip(halves, holders, strict=True) if h == account.id)
        of_replaced = None if stale else _replaced(account, known_half, known)
        fresh = None in holders
        is_shared = fresh and len(halves) > 1 and not is_random(credential, known_half)
        proof = Proof.SHARED if is_shared else Proof.DESCENT
        return Owner(account, fresh=fresh, stale=stale, proof=proof, of_replaced=of_replaced)
    return None


def _holder_of(
    provider: str, half: tuple[Digest, ...], known: Knowledge, accounts: list[Account]
) -> AccountId | None:
    """Return which account a secret is or was of, by the ways in which it is spelt.

    Where two have it, the one that has it in use is meant, if it is among `accounts`.
    """
    holders = [h for d in half if (h := known.holder(provider, d))]
    if holders and all(a.id != holders[0] for a in accounts):
        in_use = [a.id for a in accounts if set(half) & set(secrets_of(a.credential))]
        return (in_use or holders)[0]
    return holders[0] if holders else None


def _descendant(account: Account, credential: Credential, spent: Digest, known: Knowledge) -> Owner:
    """Return the account whose token was exchanged for these, or for some before these."""
    of_replaced = _replaced(account, (spent,), known)
    is_of_those_in_use = spent in secrets_of(account.credential)
    # Even if they were exchanged as well: for something that nobody has written down.
    if not is_of_those_in_use and any(known.was_exchanged(d) for d in secrets_of(credential)):
        return Owner(account, stale=True)
    is_next = of_replaced is not None or is_of_those_in_use
    stale = not is_next and is_older(credential, account.credential)
    return Owner(account, stale=stale, of_replaced=None if stale else of_replaced)


def _replaced(account: Account, digests: tuple[Digest, ...], known: Knowledge) -> int | None:
    """Return the number of the replaced tokens that one of the digests is of, or None."""
    if set(digests) & set(secrets_of(account.credential)):
        return None
    for tokens in known.state.replaced.get(account.id, ()):
        if set(digests) & set(secrets_of(tokens.credential)):
            return tokens.number
    return None


def names_another(
    account: Account, credential: Credential, who: Identity, known: Knowledge
) -> bool:
    """Tell whether it names another owner than the account's, or another account of theirs.

    What was said of an account's tokens by its vendor and by themselves may be two names.
    """
    old = account.credential
    if who.key is not None:
        own = known.identify(account.provider, old).key
        keys = {own, None if account.unproven else account.identity_key} - {None}
        if keys:
            return who.key not in keys
    if name_two(credential, old):
        return True
    told = [(credential.account_id, old.account_id)]
    if not has_real_secret(credential) and credential.destination != old.destination:
        # Nothing else tells two keys apart that are one word.
        return True
    told += [
        (value, old.extra.get(name)) for name, value in credential.extra.items() if _is_name(name)
    ]
    return any(are_two(*pair) for pair in told)


def fields_of(credential: Credential) -> Mapping[tuple[str, ...], str]:
    """Return what an entry's fields say of whose it is; another value is another owner's."""
    told = {("accountId",): credential.account_id}
    told |= {(name,): text for name, text in credential.extra.items() if _is_name(name)}
    return {name: text for name, text in told.items() if text is not None and not says_nobody(text)}


def _is_name(field: str) -> bool:
    """Tell whether a field of a plug-in's says whose an entry is."""
    return "".join(sign for sign in field.lower() if sign.isalnum()) in _NAMES


def _is_relic(account: Account, credential: Credential, now: datetime) -> bool:
    """Tell whether tokens of an account are so old that nobody remembers them.

    A login has never run out when it is made. But whatever comes may be the cure of a
    rejected one.
    """
    expires_at = credential.expires_at
    ran_out = expires_at is not None and expires_at <= now
    return ran_out and not _wants_cure(account) and is_older(credential, account.credential)


def _wants_cure(account: Account) -> bool:
    return account.rejected is not None or account.spent_from is not None
