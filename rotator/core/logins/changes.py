"""What a change in auth.json means: two contents and what we know -> a list of changes.

Pure: no I/O, no clock. Applying a change is the work of `rotator.live.capture`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from rotator.clock import is_within
from rotator.core.logins.ancestry import Ancestry, ancestry_of, comes_from
from rotator.core.logins.credential_secrets import (
    halves_of,
    has_real_secret,
    is_blank,
    refresh_digests,
    same_secrets,
)
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import is_forgotten, owner_of
from rotator.model import Account, Credential, Digest, Identity, Replaced, Slot, State, SwapMark
from rotator.secret import Secret

REVERT_WINDOW = timedelta(seconds=30)
MOST_REVERT_ROUNDS = 3
# So long after they came tokens are written into auth.json by whoever refreshed.
WRITTEN_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Login:
    """A credential of an account that was not the active one; `account` None: an unknown one.

    `fresh` says that the account has to take this credential; otherwise it has this one or a
    newer one already, and `stale` says that the newer one has to go into auth.json. For `proof`,
    `of_replaced`, `may_be` and `may_be_replaced` see `rotator.core.logins.ownership.Owner`.
    `is_login`: a bridge saw that it came from a login, `is_refresh`: that it came from the
    account's own tokens, and nobody wants the slot to be otherwise.
    """

    provider: str
    credential: Credential
    identity: Identity
    account: Account | None = None
    fresh: bool = True
    stale: bool = False
    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None
    may_be: tuple[Account, ...] = ()
    may_be_replaced: tuple[Replaced, ...] = ()
    is_login: bool = False
    is_refresh: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """The active account's credential was replaced by a newer one (or, `stale`, an older one).

    For `is_login` see `Login`. `ends_older`: a bridge saw that it ends a refresh of tokens whose
    place others had taken, so those were a login, which keeps the slot.
    """

    provider: str
    credential: Credential
    identity: Identity
    account: Account
    stale: bool = False
    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None
    is_login: bool = False
    ends_older: bool = False


@dataclass(frozen=True, slots=True)
class Logout:
    """The provider's entry is gone and nothing else changed, or its secrets were taken out."""

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
    """An opencode brought back an account that is not in the slot by our or the user's wish.

    It undoes our last swap, or a bridge saw that it ends a refresh that began before whatever the
    user did. `put` is who belongs there; None: nobody.
    """

    provider: str
    credential: Credential
    identity: Identity
    account: Account
    fresh: bool
    put: Account | None
    rounds: int
    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None

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


@dataclass(frozen=True, slots=True)
class Dropped:
    """An entry that nobody could read is gone: opencode leaves it out of what it writes."""

    provider: str
    entry: Secret
    why: str


Change = Login | Refresh | Logout | Wipe | Gone | Revert | Revived | Unreadable | Dropped


def interpret(
    before: Mapping[str, Secret], after: Mapping[str, Secret], known: Knowledge
) -> list[Change]:
    """Return what the step from `before` to `after` (provider -> JSON text) means, in order.

    An entry that stayed the same is looked at too: it may be one that nobody has saved yet.
    """
    cleared = _cleared(after, known)
    before = {p: entry for p, entry in before.items() if not _is_cleared(p, entry, known)}
    after = {p: entry for p, entry in after.items() if p not in cleared}
    changed = {p for p, entry in after.items() if _has_changed(p, before.get(p), entry, known)}
    gone = [p for p in before if p not in after]
    # What opencode cannot read it leaves out of whatever it writes.
    lost = [p for p in gone if not isinstance(known.parse(p, before[p]), str)]
    changes: list[Change] = []
    for provider, entry in after.items():
        credential = known.parse(provider, entry)
        if isinstance(credential, str):
            if provider in changed:
                changes.append(Unreadable(provider, credential))
            continue
        alone = changed == {provider} and not lost
        change = _entry(provider, credential, known, alone=alone)
        if change is not None:
            changes.append(change)
    left = [p for p in gone if p not in cleared]
    others_changed = bool(changed) or len(left) < len(gone)
    changes.extend(_gone(left, before, known, others_changed=others_changed))
    changes.extend(
        Logout(p, account) for p in cleared if (account := known.state.active(p)) is not None
    )
    changes.extend(_dropped(before, after, known))
    return changes


def _cleared(entries: Mapping[str, Secret], known: Knowledge) -> list[str]:
    """Return the providers whose entry holds no secret: nobody is logged in there."""
    return [provider for provider, entry in entries.items() if _is_cleared(provider, entry, known)]


def _is_cleared(provider: str, entry: Secret, known: Knowledge) -> bool:
    credential = known.parse(provider, entry)
    return not isinstance(credential, str) and is_blank(credential)


def _dropped(
    before: Mapping[str, Secret], after: Mapping[str, Secret], known: Knowledge
) -> list[Change]:
    read = [(provider, entry, known.parse(provider, entry)) for provider, entry in before.items()]
    return [
        Dropped(provider, entry, why)
        for provider, entry, why in read
        if isinstance(why, str) and after.get(provider) != entry
    ]


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
    return kept != new or not same_secrets(old, new)


def _gone(
    gone: list[str], before: Mapping[str, Secret], known: Knowledge, *, others_changed: bool
) -> list[Change]:
    changes: list[Change] = []
    for provider in gone:
        account = known.state.active(provider)
        if others_changed and known.watched:
            entry = _lost(provider, before[provider], account, known)
            changes.extend([Wipe(provider, entry)] if entry else [])
        elif account is not None:
            changes.append((Gone if others_changed else Logout)(provider, account))
    return changes


def _lost(
    provider: str, before: Secret, account: Account | None, known: Knowledge
) -> Secret | None:
    """Return what has to be put back for an entry that was wiped; None: there is nothing."""
    held = known.parse(provider, before)
    if isinstance(held, str):
        # opencode leaves out what it cannot read; only what was saved can come back.
        return account.credential.entry if account else None
    if account is None or same_secrets(held, account.credential):
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
    account, came_from = owner.account, ancestry_of(credential, known)
    is_refresh = account is not None and comes_from(account, came_from, known)
    # A text that several may have does not say whose login it is.
    is_owned = account is not None and owner.proof in {Proof.DESCENT, Proof.IDENTITY}
    is_login = is_owned and came_from.is_login and not is_refresh
    if account is not None and active is not None and account.id == active.id:
        if not owner.fresh and not owner.stale:
            return None
        how = (owner.stale, owner.proof, owner.of_replaced, is_login)
        is_of_older = owner.of_replaced is not None and is_refresh
        ends_older = is_of_older and _is_new(provider, credential, known)
        return Refresh(provider, credential, who, account, *how, ends_older)
    revert = _revert(slot, credential, who, owner, known)
    if revert is not None:
        return revert
    return Login(
        *(provider, credential, who, account, owner.fresh, owner.stale),
        *(owner.proof, owner.of_replaced, owner.may_be, owner.may_be_replaced),
        *(is_login, is_refresh and owner.fresh and not owner.stale),
    )


def _comes_back(provider: str, credential: Credential, known: Knowledge, *, alone: bool) -> bool:
    """Tell whether an old copy of the file brought a removed account's login back."""
    if not is_forgotten(provider, credential, known):
        return False
    # A real login brings new tokens, but a key is typed in again as it was, and so is a word in
    # its place. Taken out, it would be lost: that takes a write that we saw and that a login
    # does not make.
    brings_new = credential.type == "oauth" and has_real_secret(credential)
    return brings_new or (known.watched and not alone)


def _revert(
    slot: Slot, credential: Credential, who: Identity, owner: Owner, known: Knowledge
) -> Revert | None:
    account = owner.account
    if account is None:
        return None
    came_from = ancestry_of(credential, known)
    put, undone = known.state.active(slot.provider), _undone(slot, account, known)
    fresh = owner.fresh and not owner.stale
    is_refresh = comes_from(account, came_from, known)
    if is_refresh and _is_new(slot.provider, credential, known):
        # Nobody logged in by it, however long ago the account left.
        is_revert = _is_meant(slot, account, known) and not _is_copied(credential, came_from, known)
    else:
        is_revert = (
            undone is not None
            and (put is not None or undone.put is None)
            and (is_refresh or _brings_back(undone, credential, account, came_from, fresh=fresh))
        )
    if not is_revert:
        return None
    rounds = undone.rounds + 1 if undone is not None else 1
    how = (owner.proof, owner.of_replaced)
    return Revert(slot.provider, credential, who, account, fresh, put, rounds, *how)


def _is_copied(credential: Credential, came_from: Ancestry, known: Knowledge) -> bool:
    """Tell whether somebody has put tokens there that came long before, and may still work.

    Whoever refreshes writes the answer down at once.
    """
    if came_from.at is None or known.written_at is None:
        return False
    if any(known.was_exchanged(digest) for digest in refresh_digests(credential)):
        return False
    return not is_within(WRITTEN_WITHIN, came_from.at, known.written_at)


def _undone(slot: Slot, account: Account, known: Knowledge) -> SwapMark | None:
    """Return our last swap in a slot, if it was a moment ago and that account left by it."""
    mark = slot.swap
    if mark is None or (mark.left, mark.put) != (account.id, slot.active):
        return None
    # Ahead by more than that it is of a clock that was set back since.
    return mark if abs(known.now - mark.at) <= REVERT_WINDOW else None


def _brings_back(
    undone: SwapMark, credential: Credential, account: Account, came_from: Ancestry, *, fresh: bool
) -> bool:
    """Tell whether it is what was swapped out: the very same, or refreshed in the meantime."""
    # opencode lays out anew what somebody else wrote.
    as_before = Digest(credential.entry.digest()) == undone.left_entry or same_secrets(
        account.credential, credential
    )
    # Whoever has just logged in means it.
    is_login = fresh and came_from.is_login
    return not is_login and (as_before or undone.left_expired)


def _is_new(provider: str, credential: Credential, known: Knowledge) -> bool:
    """Tell whether it holds a secret that nobody has seen."""
    return any(
        all(known.holder(provider, digest) is None for digest in half)
        for half in halves_of(credential)
    )


def _is_meant(slot: Slot, account: Account, known: Knowledge) -> bool:
    """Tell whether somebody wants that account out of its slot, for whoever is there or nobody."""
    if account.disabled is not None:
        return True
    active = known.state.active(slot.provider)
    if active is not None:
        # One whose token somebody has exchanged and kept is no good there.
        return active.spent_from is None or active.spent_from > known.now
    return is_left_empty(slot, known.state)


def is_left_empty(slot: Slot, state: State) -> bool:
    """Tell whether somebody wants nobody in a slot.

    Where an entry or the whole file got lost nobody has logged out.
    """
    was = next((tenure.account for tenure in reversed(slot.tenures) if tenure.account), None)
    last = state.account(was)
    return slot.active is None and last is not None and last.disabled is not None
