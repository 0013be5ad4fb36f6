"""What a change in auth.json means: two contents and what we know -> a list of changes.

Pure: no I/O, no clock. Applying a change is the work of `rotator.capture`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.model import Account, AccountId, Credential, Digest, Identity, Slot, State
from rotator.secret import Secret

REVERT_WINDOW = timedelta(seconds=30)
MOST_REVERT_ROUNDS = 3
# opencode refreshes a token that has expired; a plug-in may do so a little before.
REFRESH_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Login:
    """A credential of an account that was not the active one; `account` None: an unknown one.

    `fresh` says that the account has to take this credential; otherwise it has this one or a
    newer one already, and `stale` says that the newer one has to go into auth.json.
    """

    provider: str
    credential: Credential
    identity: Identity
    account: Account | None = None
    fresh: bool = True
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """The active account's credential was replaced by a newer one (or, `stale`, an older one)."""

    provider: str
    credential: Credential
    identity: Identity
    account: Account
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Logout:
    """The provider's entry is gone and nothing else changed."""

    provider: str
    account: Account


@dataclass(frozen=True, slots=True)
class Wipe:
    """The provider's entry is gone while another one changed: it has to be put back."""

    provider: str
    entry: Secret


@dataclass(frozen=True, slots=True)
class Gone:
    """The provider's entry went while nobody watched, so that nobody can tell why."""

    provider: str
    account: Account


@dataclass(frozen=True, slots=True)
class Revert:
    """An opencode brought back the account that we had just swapped out."""

    provider: str
    credential: Credential
    identity: Identity
    account: Account
    fresh: bool
    put: Account
    rounds: int

    @property
    def give_up(self) -> bool:
        """Whether it came back so often that it is left alone."""
        return self.rounds > MOST_REVERT_ROUNDS


@dataclass(frozen=True, slots=True)
class Revived:
    """An old copy of auth.json brought back the login of an account that the user removed."""

    provider: str
    entry: Secret | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that opencode would not take either."""

    provider: str
    why: str


Change = Login | Refresh | Logout | Wipe | Gone | Revert | Revived | Unreadable


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the interpretation needs beside the contents.

    `watched` says that no write between the two contents can have been missed. `recall` and
    `was_removed` are asked for secrets so old that `state` does not have them at hand.
    """

    state: State
    parse: Callable[[str, Secret], Credential | str]
    identify: Callable[[str, Credential], Identity]
    rotates_tokens: Callable[[str], bool]
    now: datetime
    watched: bool
    recall: Callable[[str, Digest], AccountId | None] = lambda *_: None
    was_removed: Callable[[str, Digest], bool] = lambda *_: False

    def holder(self, provider: str, digest: Digest) -> AccountId | None:
        """Return whose secret that is or once was, or None."""
        return self.state.digests.get((provider, digest)) or self.recall(provider, digest)

    def is_removed(self, provider: str, digest: Digest) -> bool:
        """Tell whether it is a secret of an account that the user removed."""
        return (provider, digest) in self.state.removed or self.was_removed(provider, digest)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose credential it is, and whether the account has it, or a newer one, already."""

    account: Account | None
    fresh: bool = True
    stale: bool = False


def interpret(
    before: Mapping[str, Secret], after: Mapping[str, Secret], known: Knowledge
) -> list[Change]:
    """Return what the step from `before` to `after` (provider -> JSON text) means, in order.

    An entry that stayed the same is looked at too: it may be one that nobody has saved yet.
    """
    changed = {p for p, entry in after.items() if _has_changed(p, before.get(p), entry, known)}
    gone = [p for p in before if p not in after]
    # What opencode cannot read it leaves out of whatever it writes.
    lost = [p for p in gone if not isinstance(known.parse(p, before[p]), str)]
    found: list[Change] = []
    for provider, entry in after.items():
        credential = known.parse(provider, entry)
        if isinstance(credential, str):
            if provider in changed:
                found.append(Unreadable(provider, credential))
            continue
        alone = changed == {provider} and not lost
        change = _entry(provider, credential, known, alone=alone)
        if change is not None:
            found.append(change)
    found.extend(_gone(gone, before, known, others_changed=bool(changed)))
    return found


def _has_changed(provider: str, before: Secret | None, after: Secret, known: Knowledge) -> bool:
    """Tell whether an entry says something else now.

    opencode lays out every entry anew and drops fields unknown to it when it writes any one.
    """
    if before is None or before == after:
        return before is None
    old, new = known.parse(provider, before), known.parse(provider, after)
    if isinstance(old, str) or isinstance(new, str):
        return True
    kept = replace(old, entry=new.entry, extra=new.extra)
    return kept != new or not _same_secrets(old, new)


def _gone(
    gone: list[str], before: Mapping[str, Secret], known: Knowledge, *, others_changed: bool
) -> list[Change]:
    found: list[Change] = []
    for provider in gone:
        account = known.state.active(provider)
        if others_changed and known.watched:
            entry = _lost(provider, before[provider], account, known)
            found.extend([Wipe(provider, entry)] if entry else [])
        elif account is not None:
            found.append((Gone if others_changed else Logout)(provider, account))
    return found


def _lost(
    provider: str, before: Secret, account: Account | None, known: Knowledge
) -> Secret | None:
    """Return what has to be put back for an entry that was wiped; None: there is nothing."""
    held = known.parse(provider, before)
    if isinstance(held, str):
        # opencode leaves out what it cannot read; only what was saved can come back.
        return account.credential.entry if account else None
    if account is None or _same_secrets(held, account.credential):
        return before
    # The account has got newer tokens since that content was seen.
    return account.credential.entry


def _entry(
    provider: str, credential: Credential, known: Knowledge, *, alone: bool
) -> Change | None:
    slot = known.state.slot(provider)
    active = known.state.active(provider)
    if _comes_back(provider, credential, known, alone=alone):
        return Revived(provider, active.credential.entry if active else None)
    who = known.identify(provider, credential)
    owner = owner_of(provider, credential, who, known)
    if owner.account is not None:
        if active is not None and owner.account.id == active.id:
            if not owner.fresh and not owner.stale:
                return None
            return Refresh(provider, credential, who, owner.account, owner.stale)
        revert = _revert(slot, credential, who, owner, known)
        if revert is not None:
            return revert
    return Login(provider, credential, who, owner.account, owner.fresh, owner.stale)


def _comes_back(provider: str, credential: Credential, known: Knowledge, *, alone: bool) -> bool:
    """Tell whether an old copy of the file brought a removed account's login back."""
    if not is_forgotten(provider, credential, known):
        return False
    # A real login brings new tokens, but a key is typed in again as it was. Taken out, it
    # would be lost: that takes a write that we saw and that a login does not make.
    return credential.type == "oauth" or (known.watched and not alone)


def is_forgotten(provider: str, credential: Credential, known: Knowledge) -> bool:
    """Tell whether every secret of a credential is one of an account that the user removed."""
    digests = secrets_of(credential)
    return bool(digests) and all(known.is_removed(provider, d) for d in digests)


def _revert(
    slot: Slot, credential: Credential, who: Identity, owner: Owner, known: Knowledge
) -> Revert | None:
    mark, account = slot.swap, owner.account
    if mark is None or account is None or (mark.left, mark.put) != (account.id, slot.active):
        return None
    put = known.state.account(mark.put)
    # opencode lays out anew what somebody else wrote.
    as_before = Digest(credential.entry.digest()) == mark.left_entry or _same_secrets(
        account.credential, credential
    )
    # Ahead by more than that it is of a clock that was set back since.
    recent = abs(known.now - mark.at) <= REVERT_WINDOW
    if put is None or not recent or not (as_before or mark.left_expired):
        return None
    fresh = owner.fresh and not owner.stale
    return Revert(slot.provider, credential, who, account, fresh, put, mark.rounds + 1)


def owner_of(provider: str, credential: Credential, who: Identity, known: Knowledge) -> Owner:
    """Return whose credential it is. In any doubt it is nobody's: a new account."""
    accounts = [a for a in known.state.of(provider) if a.credential.type == credential.type]
    for account in accounts:
        if _same_secrets(account.credential, credential):
            # Another layout of the same values is no news.
            laid_out = replace(account.credential, entry=credential.entry)
            return Owner(account, fresh=laid_out != credential)
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
    if not refresh or refresh == kept.credential.refresh:
        return False
    return known.holder(provider, Digest(refresh.digest())) == kept.id


def _owner_of_oauth(
    provider: str, credential: Credential, who: Identity, known: Knowledge, accounts: list[Account]
) -> Owner:
    holders = [known.holder(provider, d) for d in secrets_of(credential)]
    for account in (a for holder in holders for a in accounts if a.id == holder):
        # One half known and the other new: a refresh that kept its refresh token. Both known
        # and not the current pair: a copy from before.
        kept = account.credential
        behind = kept.refresh != credential.refresh and _is_older(credential, kept)
        return Owner(account, fresh=None in holders, stale=None not in holders or behind)
    for account in accounts:
        if who.key is not None and account.identity_key == who.key:
            return Owner(account, stale=_is_relic(account, credential, known.now))
    active = known.state.active(provider)
    if active is not None and active in accounts and _is_rotation(active, credential, who, known):
        return Owner(active)
    return Owner(None)


def _is_rotation(active: Account, credential: Credential, who: Identity, known: Knowledge) -> bool:
    old = active.credential
    ran_out = old.expires_at is not None and old.expires_at - known.now < REFRESH_MARGIN
    if not (known.rotates_tokens(active.provider) and ran_out and _is_older(old, credential)):
        return False
    told_apart = (
        (who.key, active.identity_key),
        (credential.account_id, old.account_id),
        (credential.enterprise_url, old.enterprise_url),
        (dict(credential.extra), dict(old.extra)),
    )
    return all(new == kept for new, kept in told_apart)


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


def _same_secrets(one: Credential, other: Credential) -> bool:
    return (
        one.secret == other.secret
        and one.refresh == other.refresh
        and (one.type != "wellknown" or one.extra.get("key") == other.extra.get("key"))
    )


def secrets_of(credential: Credential) -> tuple[Digest, ...]:
    """Return the digests by which a credential is recognised: refresh token, request secret."""
    # Some plug-ins leave a field empty until its first use: that is nobody's secret.
    secrets = (credential.refresh, credential.secret)
    return tuple(Digest(secret.digest()) for secret in secrets if secret)
