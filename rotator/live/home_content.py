"""Saves what stands in a home with several logins of a provider, and notes what stands where.

Each login becomes an account by what it proves, whatever its place is. Call everything here
under the swap lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.aliases import normalise
from rotator.core.logins.ancestry import ancestry_of, comes_from
from rotator.core.logins.changes import Login
from rotator.core.logins.credential_secrets import is_blank, same_secrets
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import is_forgotten
from rotator.core.logins.row_owner import owner_of_row
from rotator.live.account_changes import How, renew, settle
from rotator.live.apply_change import (
    LOGGED_OUT,
    account_event,
    add_account,
    keep_unknown,
    renewed_event,
)
from rotator.live.knowledge import knowledge
from rotator.model import Account, AccountId, Credential, Event, EventKind, HomeName, Standing
from rotator.opencode.auth.entries import parse_entry, renewed_entry
from rotator.opencode.home import Entries, HomeEntry
from rotator.provider import Tokens

# What OpenCode calls a login that nobody has named.
_NAMES_OF_NOBODY = frozenset({"api-key", "oauth", "default"})


@dataclass
class HomeCapture:
    """One content of a home that is being saved; `is_first`: nobody has looked at it before.

    `watched` says that no change since the last look can have been missed; `ours` are the slots
    that we have just written or switched to.
    """

    context: Context
    home: HomeName
    before: dict[str, Standing]
    now: datetime
    is_first: bool
    watched: bool
    ours: frozenset[str]
    events: list[Event] = field(default_factory=list)
    providers: set[str] = field(default_factory=set)
    captured: set[AccountId] = field(default_factory=set)
    copies: set[str] = field(default_factory=set)


def capture_entries(
    context: Context,
    home: HomeName,
    reading: Entries,
    *,
    watched: bool,
    ours: frozenset[str] = frozenset(),
) -> bool:
    """Save what stands in a home; tell whether anything is new. Raises StoreError."""
    state = context.store.state()
    before = {standing.slot: standing for standing in state.standings if standing.home is home}
    is_first = not context.store.has_seen(home)
    if not is_first and _is_known(reading, before, context):
        return False
    work = HomeCapture(context, home, before, context.clock(), is_first, watched, ours)
    with context.store.transaction():
        standings = [_standing(work, entry) for entry in reading.entries]
        _note_switches(work, standings)
        _note_gone(work, standings)
        for provider in sorted(work.providers):
            work.events += settle(context, provider, work.now)
        context.store.set_standings(home, standings)
    context.record(work.events)
    context.notify_changed()
    return True


def forget_home(context: Context, home: HomeName) -> bool:
    """Note that a home is gone: no account is touched; tell whether anything stood there."""
    if not context.store.has_seen(home):
        return False
    had_logins = any(standing.home is home for standing in context.store.state().standings)
    with context.store.transaction():
        context.store.forget_standings(home)
    if had_logins:
        why = f"{home.value} is gone; every account stays saved"
        context.record([Event(context.clock(), EventKind.PROBLEM, why=why)])
    context.notify_changed()
    return True


def _is_known(reading: Entries, before: dict[str, Standing], context: Context) -> bool:
    """Tell whether everything stands as it was seen last, each as a login that is there."""
    state = context.store.state()
    return len(reading.entries) == len(before) and all(
        (was := before.get(entry.slot)) is not None
        and (was.digest, was.active, was.label) == (entry.digest, entry.active, entry.label)
        and was.provider == entry.provider
        and (was.account is None or state.account(was.account) is not None)
        for entry in reading.entries
    )


def _standing(work: HomeCapture, entry: HomeEntry) -> Standing:
    """Save one login, and return what is noted of its place."""
    was = work.before.get(entry.slot)
    if entry.is_copy:
        work.copies.add(entry.slot)
    account = _account_of(work, entry, was)
    left_at = None
    if was is not None and not entry.active:
        left_at = work.now if was.active else was.left_at
    return Standing(
        work.home,
        entry.slot,
        entry.provider,
        None if account is None else account.id,
        entry.label,
        entry.active,
        entry.digest,
        left_at,
    )


def _account_of(work: HomeCapture, entry: HomeEntry, was: Standing | None) -> Account | None:
    state = work.context.store.state()
    held = state.account(was.account) if was is not None else None
    if was is not None and was.digest == entry.digest and held is not None:
        return held
    if isinstance(entry.credential, str):
        if was is None or was.digest != entry.digest:
            _tell(work, Event(work.now, EventKind.PROBLEM, entry.provider, why=entry.credential))
        return None
    if is_blank(entry.credential):
        return None
    return _owner(work, entry, entry.credential, held, is_new=was is None)


def _owner(
    work: HomeCapture,
    entry: HomeEntry,
    credential: Credential,
    held: Account | None,
    *,
    is_new: bool,
) -> Account | None:
    """Return whose login it is, saved with it."""
    context, provider = work.context, entry.provider
    who = context.registry.identify(provider, credential)
    known = knowledge(context, watched=work.watched)
    is_login = is_new and work.watched and not work.is_first and not entry.is_copy
    if is_forgotten(provider, credential, known) and not is_login:
        # What the user removed is not brought back by a copy of it that was left.
        return None
    owner = owner_of_row(provider, credential, who, known, held)
    work.providers.add(provider)
    if owner.account is None:
        login = Login(
            provider,
            credential,
            who,
            may_be=owner.may_be,
            may_be_replaced=owner.may_be_replaced,
        )
        return _added(work, entry, login)
    account, came_from = owner.account, ancestry_of(credential, known)
    is_stale = not is_login and _is_outdated(work, owner, credential, account, held)
    owner = replace(owner, stale=owner.stale or is_stale)
    has_news = owner.fresh and not owner.stale
    is_refresh = comes_from(account, came_from, known)
    if is_login and is_refresh and has_news:
        # It ends a refresh that began in a row which is gone: nobody has logged in.
        work.copies.add(entry.slot)
        is_login = False
    elif has_news and owner.proof is not Proof.NONE:
        is_login = is_login or (came_from.is_login and not is_refresh)
    if owner.stale:
        keep_unknown(context, Login(provider, credential, who, account))
    elif owner.fresh and not same_secrets(account.credential, credential):
        news = renewed(account, credential)
        how = How(owner.proof, owner.of_replaced)
        work.events += renew(context, account, news, who, how, work.now)
        change = Login(
            *(provider, news, who, account),
            proof=owner.proof,
            is_login=owner.proof is Proof.IDENTITY and is_login,
        )
        _tell(work, renewed_event(account, change, work.now))
    if is_login:
        _enable(work, account)
    return context.store.state().account(account.id)


def _is_outdated(
    work: HomeCapture,
    owner: Owner,
    credential: Credential,
    account: Account,
    held: Account | None,
) -> bool:
    """Tell whether the tokens that an account has were given later, to the other home.

    What was seen to come in the place of the account's own is newer, whatever its times say.
    """
    is_seen = work.watched and held is not None and held.id == account.id
    if is_seen or owner.proof is Proof.DESCENT:
        return False
    ends, newer_ends = credential.expires_at, account.credential.expires_at
    return (
        account.credential.type == credential.type == "oauth"
        and ends is not None
        and newer_ends is not None
        and ends < newer_ends
    )


def renewed(account: Account, newer: Credential) -> Credential:
    """Return an account's credential with the tokens of a newer one; what else it says stays."""
    if newer.type != "oauth" or account.credential.type != "oauth" or newer.expires_at is None:
        return newer
    tokens = Tokens(newer.secret, newer.expires_at, newer.refresh)
    merged = parse_entry(account.provider, renewed_entry(account.credential, tokens))
    return newer if merged.account_id != newer.account_id else merged


def _added(work: HomeCapture, entry: HomeEntry, change: Login) -> Account | None:
    context, taken = work.context, {account.id for account in work.context.store.state().accounts}
    label = entry.label if _is_a_name(entry) else None
    event = add_account(context, change, work.now, label=label)
    why = event.why.replace(
        "a login that opencode wrote just when another one was put in was saved",
        f"a new login in {work.home.value} was saved",
    )
    _tell(work, replace(event, why=why))
    added = next((a for a in context.store.state().accounts if a.id not in taken), None)
    if added is not None:
        work.captured.add(added.id)
    return added


def _is_a_name(entry: HomeEntry) -> bool:
    said = normalise(entry.label)
    return bool(said) and said not in {*_NAMES_OF_NOBODY, normalise(entry.provider)}


def _enable(work: HomeCapture, account: Account) -> None:
    """Let an account be used again that somebody has logged in with."""
    work.context.store.set_disabled(account.id, None)
    work.context.store.set_rejected(account.id, None)


def _note_switches(work: HomeCapture, standings: Sequence[Standing]) -> None:
    """Tell which login is active by now where somebody has switched to it, or logged in."""
    was = {old.provider: old for old in work.before.values() if old.active}
    there = {new.slot for new in standings}
    for standing in (s for s in standings if s.active and s.account is not None):
        before = was.get(standing.provider)
        is_same = before is not None and before.slot == standing.slot
        if is_same or work.is_first or standing.slot in {*work.ours, *work.copies}:
            continue
        account = work.context.store.state().account(standing.account)
        if account is None:
            continue
        left = work.context.store.state().account(before.account) if before else None
        # Where the one before was taken out nobody has chosen this one.
        is_chosen = before is None or before.slot in there
        if is_chosen:
            _enable(work, account)
        if account.id in work.captured or (left is not None and left.id == account.id):
            continue
        why = f"active in {work.home.value} by the user's choice"
        if not is_chosen:
            why = f"active in {work.home.value}: the login before was taken out"
        event = account_event(work.now, EventKind.SWAPPED, account, why)
        from_alias = left.alias if left else None
        _tell(work, replace(event, from_alias=from_alias, to_alias=account.alias))


def _note_gone(work: HomeCapture, standings: Sequence[Standing]) -> None:
    """Tell who was logged out: an account that stands nowhere any more by that."""
    there = {standing.slot for standing in standings}
    gone = [old for slot, old in work.before.items() if slot not in there]
    still = {standing.account for standing in standings}
    # Nobody logs out of everything at once: the table was made anew.
    is_emptied = len(gone) > 1 and not standings
    for account_id in dict.fromkeys(old.account for old in gone):
        state = work.context.store.state()
        account = state.account(account_id)
        if account is None or account_id in still:
            continue
        if state.slot(account.provider).active == account_id:
            continue
        if work.watched and not is_emptied:
            if account.disabled is None:
                work.context.store.set_disabled(account.id, LOGGED_OUT)
            _tell(work, account_event(work.now, EventKind.LOGGED_OUT, account, LOGGED_OUT))
            continue
        how = "all at once" if is_emptied else "while no watcher ran"
        why = f"its login went from {work.home.value} {how}; rotate puts it back"
        _tell(work, account_event(work.now, EventKind.PROBLEM, account, why))


def _tell(work: HomeCapture, event: Event) -> None:
    work.events.append(event)
