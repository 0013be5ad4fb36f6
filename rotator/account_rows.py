"""Writes down whose credentials are: renews, parts and joins accounts, within a transaction.

What is right is decided in `rotator.ownership` and `rotator.generations`. Nothing here touches
auth.json: an account that is live with older tokens is unseen then, and whoever looks next
mends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rotator.alias import free_alias
from rotator.books import Books
from rotator.generations import (
    EndDoubt,
    Join,
    Line,
    Part,
    Parted,
    Step,
    identity_of,
    joined_identity,
    line_of,
    next_step,
    owner_key,
    shown,
    told,
)
from rotator.known import knowledge
from rotator.model import (
    NOBODY,
    Account,
    AccountId,
    Credential,
    Doubt,
    Event,
    EventKind,
    Identity,
    Limit,
)
from rotator.ownership import Proof, secrets_of

# Each step leaves an account, or a doubt, less.
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class How:
    """By what a credential is an account's; see `rotator.ownership.Owner`."""

    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None


def renew(
    books: Books, account: Account, credential: Credential, who: Identity, how: How, now: datetime
) -> list[Event]:
    """Put newer tokens into an account; return what else happened to accounts by it.

    What may be somebody else's is kept.
    """
    store, events = books.store, []
    if how.of_replaced is not None:
        account, news = _go_on_with(books, account, how.of_replaced, now)
        events += news
    if how.proof is Proof.NONE:
        before = NOBODY if account.unproven else identity_of(account)
        store.replace_credential(account, credential, now, before)
    elif how.proof is Proof.IDENTITY and account.unproven:
        store.replace_credential(account, credential, now, NOBODY)
    else:
        store.renew_credential(account, credential, NOBODY if account.unproven else who, now)
        store.set_doubts(account.id, ())
    # Whoever could refresh the login has shown that it lives.
    store.set_rejected(account.id, None)
    renewed = store.state().account(account.id)
    if renewed is not None and renewed.unproven and who.key is not None:
        line = line_of(store.state(), renewed)
        why = "its tokens name their owner"
        events += part(books, renewed, told(line, len(line) - 1, who), why, now)
    return events


def _go_on_with(
    books: Books, account: Account, number: int, now: datetime
) -> tuple[Account, list[Event]]:
    """Let an account go on with tokens that others had taken the place of: those are alive."""
    line = line_of(books.store.state(), account)
    at = next((n for n, one in enumerate(line) if one.number == number), len(line) - 1)
    parted = Parted(line[: at + 1], line[at + 1 :])
    why = "the tokens that it had before were refreshed by an opencode"
    events = part(books, account, parted, why, now, doubtful=True)
    return books.store.state().account(account.id) or account, events


def part(  # what is parted, and how it is told
    books: Books,
    account: Account,
    parted: Parted,
    why: str,
    now: datetime,
    *,
    doubtful: bool = False,
) -> list[Event]:
    """Let an account keep a part of its line, and make an account of its own of the rest.

    `doubtful`: the one may still be the other. Returns what happened.
    """
    if not parted.left:
        books.store.lay_out(account, parted.kept, now)
        return []
    has_tokens_in_use = parted.left[-1].number is None
    new = _new_account(books, account, parted, now)
    books.store.move_replaced([one.number for one in parted.left[:-1]], new)
    if has_tokens_in_use:
        _take_along(books, account, parted, new, now)
    else:
        # They are in use in an account of their own now.
        books.store.move_replaced([parted.left[-1].number], new)
        _move_digests_of(books, account, parted.left, new)
        # Whoever may be this account may be those tokens, which it began with.
        books.store.repoint_doubts(account.id, new)
    books.store.lay_out(account, parted.kept, now)
    added = books.store.state().account(new)
    if added is None:
        return []
    books.store.lay_out(added, parted.left, now)
    if doubtful and parted.left[-1].who.key is None:
        books.store.set_doubts(new, [Doubt(account.id)])
    told_why = f"{why}: what it had got since is {added.alias} now"
    if not has_tokens_in_use:
        told_why = f"{why}: what it had before is {added.alias} now"
    captured = f"kept with {account.alias} until it was known whose it is"
    return [
        _event(now, EventKind.CHANGED, account, told_why),
        _event(now, EventKind.CAPTURED, added, captured),
    ]


def _new_account(books: Books, account: Account, parted: Parted, now: datetime) -> AccountId:
    who = shown(parted.left)
    alias = free_alias(account.provider, who.label, books.store.aliases(account.provider))
    in_use = parted.left[-1].credential
    return books.store.add_account(account.provider, alias, in_use, who, now)


def _take_along(
    books: Books, account: Account, parted: Parted, new: AccountId, now: datetime
) -> None:
    """Let everything go to a new account that is about the tokens in use."""
    store, since = books.store, _replaced_at(books, account, parted.kept)
    mine = {digest for one in parted.kept for digest in secrets_of(one.credential)}
    store.move_digests(account, new, since=since, but=mine)
    store.follow(account, new, parted.left[-1].credential)
    store.set_rejected(new, account.rejected)
    store.set_rejected(account.id, None)
    # Its doubt was about them.
    store.set_doubts(new, account.doubts)
    store.set_doubts(account.id, ())
    if store.state().slot(account.provider).active == account.id:
        store.set_active(account.provider, new, now)


def _replaced_at(books: Books, account: Account, kept: Line) -> datetime:
    before = books.store.state().replaced.get(account.id, ())
    return next(one.at for one in before if one.number == kept[-1].number)


def _move_digests_of(books: Books, account: Account, left: Line, new: AccountId) -> None:
    theirs = {digest for one in left for digest in secrets_of(one.credential)}
    books.store.give_digests(account.provider, theirs, new)


def settle(books: Books, provider: str, now: datetime) -> list[Event]:
    """Do what is known by now of a provider's accounts; return what happened."""
    events: list[Event] = []
    for _ in range(_MOST_STEPS):
        step = next_step(provider, knowledge(books))
        if step is None:
            break
        events += _carry_out(books, step, now)
    return events


def _carry_out(books: Books, step: Step, now: datetime) -> list[Event]:
    match step:
        case Part(account, parted, why):
            return part(books, account, parted, why, now)
        case EndDoubt(account, doubt, why):
            left = [one for one in account.doubts if one != doubt]
            books.store.set_doubts(account.id, left)
            if left:
                return []
            return [_event(now, EventKind.CHANGED, account, f"it can be used again: {why}")]
        case Join(keep, other, best, why, at):
            if at is not None and (number := line_of(books.store.state(), best)[at].number):
                _name(books, number, keep if best.id == other.id else other)
                join(books, keep, other, best, now, known_by=best)
            else:
                join(books, keep, other, best, now)
            sentence = f"{other.alias} was joined into it: {why}"
            return [
                _event(now, EventKind.CHANGED, keep, sentence),
                *_settled_line(books, keep.id, why, now),
            ]


def _name(books: Books, number: int, owner: Account) -> None:
    """Note that replaced tokens are those of whoever an account's tokens in use belong to."""
    if owner_key(owner) is not None:
        books.store.name_replaced(number, identity_of(owner))


def _settled_line(books: Books, account: AccountId, why: str, now: datetime) -> list[Event]:
    """Part what a join has brought together of two persons; drop what is the owner's own."""
    state = books.store.state()
    joined = state.account(account)
    if joined is None or joined.unproven or joined.identity_key is None:
        return []
    line = line_of(state, joined)
    return part(books, joined, told(line, len(line) - 1, line[-1].who), why, now)


def join(  # who is joined, and what is known of them
    books: Books,
    keep: Account,
    other: Account,
    best: Account,
    now: datetime,
    *,
    known_by: Account | None = None,
) -> None:
    """Make one account of two; `keep` stays and gets the credential of `best`, one of both.

    Their tokens in use are one person's; with `known_by` nobody knows more of them than of its.
    """
    store = books.store
    store.merge_accounts(keep, other)
    if best.id == other.id:
        store.renew_credential(keep, other.credential, NOBODY, now)
    # What was live may be older.
    store.forget_live_of(keep.id)
    who = joined_identity(keep, other, best)
    asked = (known_by,) if known_by is not None else (keep, other)
    is_known = any(owner_key(one) is not None for one in asked)
    is_unproven = any(one.unproven for one in asked)
    store.set_owner(keep.id, who, unproven=is_unproven and not is_known)
    both = {keep.id, other.id}
    store.set_doubts(keep.id, [one for one in best.doubts if one.newer not in both])
    store.set_rejected(keep.id, best.rejected)
    store.set_disabled(keep.id, best.disabled)
    # One person's limit is a limit of both.
    store.set_limit(keep.id, _longer(keep.limit, other.limit))
    mine = {part.model: part for part in keep.part_limits}
    for limit in other.part_limits:
        store.set_limit(keep.id, _longer(mine.get(limit.model), limit))


def _longer(one: Limit | None, other: Limit | None) -> Limit | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda limit: limit.until)


def _event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    return Event(now, kind, account.provider, account.name, why=why)
