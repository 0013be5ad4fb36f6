"""Whose credential it is: what is known of secrets, of where tokens came from, and of people.

Pure: no I/O, no clock. In any doubt it is a new account; where that one may be the refresh of
another, the other is named, for its tokens may be spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import pairwise

from rotator.clock import is_within
from rotator.core.logins.credential_secrets import (
    PACKED,
    bare_text,
    halves_of,
    has_real_secret,
    is_random,
    same_secrets,
    secrets_of,
)
from rotator.model import (
    Account,
    AccountId,
    Credential,
    Descent,
    Digest,
    Identity,
    Replaced,
    Slot,
    State,
)
from rotator.secret import Secret

# Plug-ins refresh some minutes before a token runs out, and opencode at its next request.
REFRESH_MARGIN = timedelta(minutes=10)
# An opencode may still be refreshing an account that has just left auth.json.
_JUST_LEFT = timedelta(minutes=2)
_LONGEST_LINE = 64
# Fields of plug-ins, in small letters, that say whose an entry is.
_NAMES = frozenset({"email", "login", "sub", "subject", "user", "userid", "username"})


class Proof(Enum):
    """What says that a credential is an account's."""

    # A secret of its own, or the token that it was exchanged for.
    DESCENT = auto()
    # Its vendor names one owner for both.
    IDENTITY = auto()
    # A text that stands in its place with several people, as far as anybody can tell.
    SHARED = auto()
    # Nothing but the time at which it came.
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose credential it is, and whether the account has it, or a newer one, already.

    With `of_replaced` it comes from tokens of the account that others took the place of: it is
    theirs, and those others are somebody's of their own. Of a new login `may_be` names the
    accounts whose tokens it may have been made from, and `may_be_replaced` such tokens of others.
    """

    account: Account | None
    fresh: bool = True
    stale: bool = False
    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None
    may_be: tuple[Account, ...] = ()
    may_be_replaced: tuple[Replaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the interpretation needs beside the contents.

    `watched` says that no write between the two contents can have been missed. Of a vendor for
    which neither `rotates_tokens` nor `keeps_refresh_tokens` nobody knows what a refresh does.
    `recall` and
    `was_removed` are asked for secrets so old that `state` does not have them at hand; `descent`
    and `was_exchanged` for what bridges saw of tokens.
    """

    state: State
    parse: Callable[[str, Secret], Credential | str]
    identify: Callable[[str, Credential], Identity]
    rotates_tokens: Callable[[str], bool]
    now: datetime
    watched: bool
    keeps_refresh_tokens: Callable[[str], bool] = lambda _: False
    recall: Callable[[str, Digest], AccountId | None] = lambda *_: None
    was_removed: Callable[[str, Digest], bool] = lambda *_: False
    descent: Callable[[Digest], Descent | None] = lambda _: None
    was_exchanged: Callable[[Digest], bool] = lambda _: False

    def holder(self, provider: str, digest: Digest) -> AccountId | None:
        """Return whose secret that is or once was, or None."""
        return self.state.digests.get((provider, digest)) or self.recall(provider, digest)

    def is_removed(self, provider: str, digest: Digest) -> bool:
        """Tell whether it is a secret of an account that the user removed."""
        return (provider, digest) in self.state.removed or self.was_removed(provider, digest)


# -- whom the user removed ---------------------------------------------------------------------


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


# -- where tokens came from --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The tokens that were exchanged for a credential, by digests, the last ones first.

    `is_login` says that the first of them, or the credential itself, came from a login.
    """

    line: tuple[Digest, ...] = ()
    is_login: bool = False


def ancestry_of(credential: Credential, known: Knowledge) -> Ancestry:
    """Return where a credential came from, as far as bridges saw it."""
    return ancestry_of_secrets(secrets_of(credential), known)


def ancestry_of_secrets(secrets: tuple[Digest, ...], known: Knowledge) -> Ancestry:
    """Return where the credential with those secrets came from."""
    steps = list(_line(secrets, known))
    line = tuple(one.came_from for one in steps if one.came_from is not None)
    return Ancestry(line, is_login=bool(steps) and steps[-1].is_login)


def _line(digests: tuple[Digest, ...], known: Knowledge) -> Iterator[Descent]:
    """Yield what led to a credential, backwards; each question once, and not without end."""
    seen: set[str] = set()
    wanted: tuple[Digest, ...] = digests
    for _ in range(_LONGEST_LINE):
        found = [one for d in wanted if (one := known.descent(d)) and one.id not in seen]
        if not found:
            return
        seen.add(found[0].id)
        yield found[0]
        wanted = (found[0].came_from,) if found[0].came_from is not None else ()


# -- whose it is -------------------------------------------------------------------------------


def owner_of(provider: str, credential: Credential, who: Identity, known: Knowledge) -> Owner:
    """Return whose credential it is. In any doubt it is nobody's: a new account."""
    accounts = [a for a in known.state.of(provider) if a.credential.type == credential.type]
    for account in accounts:
        if same_secrets(account.credential, credential):
            if not has_real_secret(credential) and _names_another(account, credential, who, known):
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
    is_behind = kept.rejected is None and _is_older(credential, kept.credential)
    return replace(owner, stale=is_behind or _is_spent(provider, credential, kept, known))


def _is_spent(provider: str, credential: Credential, kept: Account, known: Knowledge) -> bool:
    """Tell whether its refresh token is one that the account had before its present one."""
    refresh = credential.refresh
    if not refresh or bare_text(refresh, PACKED) == bare_text(kept.credential.refresh, PACKED):
        return False
    return known.holder(provider, Digest(refresh.digest())) == kept.id


def _says_the_same(kept: Credential, new: Credential) -> bool:
    """Tell of the same secrets whether only their layout differs, or white space around them."""
    as_new = replace(kept, entry=new.entry, secret=new.secret)
    # What a plug-in packs behind the token is news.
    if bare_text(kept.refresh) == bare_text(new.refresh):
        as_new = replace(as_new, refresh=new.refresh)
    return as_new == new


def _owner_of_oauth(
    provider: str, credential: Credential, who: Identity, known: Knowledge, accounts: list[Account]
) -> Owner:
    # Who is named to be another one is another one, whatever word or token they share.
    others = [a for a in accounts if not _names_another(a, credential, who, known)]
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
    return _by_time(provider, credential, who, known, accounts)


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
        behind = not is_current and _is_older(credential, kept)
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
    found = [h for d in half if (h := known.holder(provider, d))]
    if found and all(a.id != found[0] for a in accounts):
        in_use = [a.id for a in accounts if set(half) & set(secrets_of(a.credential))]
        return (in_use or found)[0]
    return found[0] if found else None


def _descendant(account: Account, credential: Credential, spent: Digest, known: Knowledge) -> Owner:
    """Return the account whose token was exchanged for these, or for some before these."""
    of_replaced = _replaced(account, (spent,), known)
    is_of_those_in_use = spent in secrets_of(account.credential)
    # Even if they were exchanged as well: for something that nobody has written down.
    if not is_of_those_in_use and any(known.was_exchanged(d) for d in secrets_of(credential)):
        return Owner(account, stale=True)
    is_next = of_replaced is not None or is_of_those_in_use
    stale = not is_next and _is_older(credential, account.credential)
    return Owner(account, stale=stale, of_replaced=None if stale else of_replaced)


def _replaced(account: Account, digests: tuple[Digest, ...], known: Knowledge) -> int | None:
    """Return the number of the replaced tokens that one of the digests is of, or None."""
    if set(digests) & set(secrets_of(account.credential)):
        return None
    for one in known.state.replaced.get(account.id, ()):
        if set(digests) & set(secrets_of(one.credential)):
            return one.number
    return None


def _by_time(
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
        if a in accounts and not _differ(a, credential, who)
    )
    if not known.rotates_tokens(provider):
        made = tuple(a for a in may_be if _may_have_made(a.credential, credential))
        return Owner(None, may_be=made)
    replaced = tuple(
        one
        for a, one in _just_replaced(provider, known)
        if a not in may_be and not _differ(_with(a, one), credential, who)
    )
    active = known.state.active(provider)
    is_in_doubt = may_be != (active,) or bool(replaced)
    if active is None or is_in_doubt or not _is_refresh(active, credential, known.now):
        return Owner(None, may_be=may_be, may_be_replaced=replaced)
    return Owner(active, proof=Proof.NONE)


def _may_have_made(old: Credential, new: Credential) -> bool:
    """Tell whether new tokens may have been made from old ones: those run out, and not later."""
    return old.expires_at is not None and not _is_older(new, old)


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
        for one in known.state.replaced.get(account.id, ()):
            expires_at = one.credential.expires_at
            was_at_its_end = expires_at is None or expires_at - one.at <= REFRESH_MARGIN
            if was_at_its_end and is_within(_JUST_LEFT, one.at, known.now):
                yield account, one


def _with(account: Account, one: Replaced) -> Account:
    return replace(account, credential=one.credential, identity_key=one.who.key)


def _just_left(slot: Slot, known: Knowledge) -> Iterator[tuple[Account, datetime]]:
    """Yield who has left auth.json a moment ago, and when: by our swap, a login or a logout."""
    left = {
        one.account: then.since for one, then in pairwise(slot.tenures) if one.account is not None
    }
    if slot.swap is not None and slot.swap.left is not None:
        left[slot.swap.left] = slot.swap.at
    for one, at in left.items():
        account = known.state.account(one)
        if account is not None and is_within(_JUST_LEFT, at, known.now):
            yield account, at


def _is_refresh(active: Account, credential: Credential, now: datetime) -> bool:
    """Tell whether it is probable that the account's tokens were refreshed just now."""
    old = active.credential
    if old.expires_at is None or active.maybe is not None or not _is_older(old, credential):
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
    told = [(who.key, account.identity_key), (credential.account_id, old.account_id)]
    told += [(value, old.extra.get(name)) for name, value in credential.extra.items()]
    return any(None not in pair and pair[0] != pair[1] for pair in told)


def _names_another(
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
    told = [(credential.account_id, old.account_id)]
    if not has_real_secret(credential):
        # Nothing else tells two keys apart that are one word.
        told.append((credential.destination, old.destination))
    told += [
        (value, old.extra.get(name)) for name, value in credential.extra.items() if _is_name(name)
    ]
    return any(None not in pair and pair[0] != pair[1] for pair in told)


def _is_name(field: str) -> bool:
    """Tell whether a field of a plug-in's says whose an entry is."""
    return "".join(one for one in field.lower() if one.isalnum()) in _NAMES


def _is_relic(account: Account, credential: Credential, now: datetime) -> bool:
    """Tell whether tokens of an account are so old that nobody remembers them.

    A login has never run out when it is made. But whatever comes may be the cure of a
    rejected one.
    """
    expires_at = credential.expires_at
    ran_out = expires_at is not None and expires_at <= now
    return ran_out and account.rejected is None and _is_older(credential, account.credential)


def _is_older(one: Credential, other: Credential) -> bool:
    """Tell whether `one` runs out before `other`, as far as both say when."""
    if one.expires_at is None or other.expires_at is None:
        return False
    return one.expires_at < other.expires_at
