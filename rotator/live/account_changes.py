"""Writes down whose credentials are: renews, parts and joins accounts, within a transaction.

What is right is decided in `rotator.core.logins` (`ownership`, `token_lines`). Nothing here touches
auth.json: an account that is live with older tokens is unseen then, and whoever looks next mends
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.aliases import free_alias, is_given
from rotator.core.logins.credential_secrets import given_as, secrets_of
from rotator.core.logins.line_parting import Line, Parted, TokenPair, first_of, told
from rotator.core.logins.owner import Proof
from rotator.core.logins.remembered import JOINED
from rotator.core.logins.token_lines import (
    EndDoubt,
    Join,
    PartLine,
    Spend,
    Step,
    about,
    doubts_of,
    identity_of,
    joined_disabled,
    joined_identity,
    line_of,
    next_step,
    owner_key,
    shown,
)
from rotator.live.knowledge import knowledge
from rotator.live.limits_of_parts import keep_off, limits_of, move_limits, replaced_at
from rotator.model import (
    NOBODY,
    Account,
    AccountId,
    Credential,
    Doubt,
    Event,
    EventKind,
    Identity,
)

# Each step leaves an account, or a doubt, less.
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class How:
    """By what a credential is an account's; see `rotator.core.logins.ownership.Owner`."""

    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None


def renew(
    context: Context,
    account: Account,
    credential: Credential,
    who: Identity,
    how: How,
    now: datetime,
) -> list[Event]:
    """Put newer tokens into an account; return what else happened to accounts by it.

    What may be somebody else's is kept.
    """
    store, events = context.store, []
    if how.of_replaced is not None:
        account, news = _go_on_with(context, account, how.of_replaced, now)
        events += news
    if how.proof in {Proof.NONE, Proof.SHARED}:
        before = NOBODY if account.unproven else identity_of(account)
        store.replace_credential(account, credential, now, before)
    elif how.proof is Proof.IDENTITY and account.unproven:
        store.replace_credential(account, credential, now, NOBODY)
    elif how.proof is Proof.IDENTITY:
        # Its vendor may call two people the same.
        store.keep_replaced(account.id, account.credential, identity_of(account), now)
        store.renew_credential(account, credential, who, now)
    else:
        store.renew_credential(account, credential, NOBODY if account.unproven else who, now)
        # Of those before nobody has shown that they live.
        store.set_doubts(
            account.id, doubts_of(account.doubts, line_of(store.state(), account)[:-1])
        )
    # Whoever could refresh the login has shown that it lives.
    store.set_rejected(account.id, None)
    renewed = store.state().account(account.id)
    if renewed is not None and renewed.unproven and who.key is not None:
        line = line_of(store.state(), renewed)
        why = "its tokens name their owner"
        events += part(context, renewed, told(line, len(line) - 1, who), why, now)
    return events


def _go_on_with(
    context: Context, account: Account, number: int, now: datetime
) -> tuple[Account, list[Event]]:
    """Let an account go on with tokens that others had taken the place of: those are alive."""
    line = line_of(context.store.state(), account)
    at = next((n for n, tokens in enumerate(line) if tokens.number == number), len(line) - 1)
    parted = Parted(line[: at + 1], line[at + 1 :])
    why = "the tokens that it had before were refreshed by an opencode"
    events = part(context, account, parted, why, now, doubtful=True)
    return context.store.state().account(account.id) or account, events


def part(  # what is parted, and how it is told
    context: Context,
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
        context.store.lay_out(account, parted.kept, now)
        return []
    has_tokens_in_use = parted.left[-1].number is None
    older = parted.kept if has_tokens_in_use else parted.left
    since = replaced_at(context, account, older)
    new = _new_account(context, account, parted, now)
    move_limits(context, account, new, since, of_newer=has_tokens_in_use)
    context.store.move_replaced([tokens.number for tokens in parted.left[:-1]], new)
    if has_tokens_in_use:
        _take_along(context, account, parted, new, since, now)
    else:
        # They are in use in an account of their own now.
        context.store.move_replaced([parted.left[-1].number], new)
        _move_digests_of(context, account, parted.left, new)
        # Whoever may be this account may be those tokens, which it began with.
        context.store.repoint_doubts(account.id, new)
    _part_doubts(context, account, parted, new)
    if parted.unsure:
        _doubt_older(context, account, parted, new)
    context.store.lay_out(account, parted.kept, now)
    added = context.store.state().account(new)
    if added is None:
        return []
    context.store.lay_out(added, parted.left, now)
    if doubtful and parted.left[-1].who.key is None:
        context.store.set_doubts(new, [*added.doubts, Doubt(account.id)])
    told_why = f"{why}: what it had got since is {added.alias} now"
    if not has_tokens_in_use:
        told_why = f"{why}: what it had before is {added.alias} now"
    captured = f"kept with {account.alias} until it was known whose it is"
    return [
        _event(now, EventKind.CHANGED, account, told_why),
        _event(now, EventKind.CAPTURED, added, captured),
    ]


def _new_account(context: Context, account: Account, parted: Parted, now: datetime) -> AccountId:
    who = shown(parted.left)
    alias = free_alias(account.provider, who.label, context.store.aliases(account.provider))
    in_use = parted.left[-1].credential
    return context.store.add_account(account.provider, alias, in_use, who, now)


def _part_doubts(context: Context, account: Account, parted: Parted, new: AccountId) -> None:
    """Let each part of a line have the doubts about its own tokens."""
    before = context.store.state().account(account.id) or account
    for row, other, line in ((account.id, new, parted.kept), (new, account.id, parted.left)):
        # What was joined into it may be what left it.
        mine = [
            replace(doubt, newer=other) if doubt.newer == row else doubt
            for doubt in doubts_of(before.doubts, line)
        ]
        context.store.set_doubts(row, mine)


def _doubt_older(context: Context, account: Account, parted: Parted, new: AccountId) -> None:
    """Note that unnamed tokens of the older part may have been exchanged for the newer part's."""
    parts = [(account.id, parted.kept), (new, parted.left)]
    (newer, after), (older, before) = sorted(parts, key=lambda side: side[1][-1].number is not None)
    doubts = [
        doubt
        for tokens in before
        if tokens.who.key is None
        for doubt in about_older(tokens, newer, after)
    ]
    row = context.store.state().account(older)
    if row is not None:
        context.store.set_doubts(older, [*row.doubts, *doubts])


def about_older(tokens: TokenPair, newer: AccountId, line: Line) -> list[Doubt]:
    """Return the doubts whether tokens were exchanged for those that a newer account began with.

    Where other accounts' came into its line the first of these may be what it began with, or not.
    """
    own = given_as(tokens.credential)
    began_with = (given_as(line[at].credential) for at in (0, first_of(line)))
    return [Doubt(newer, came_as, own) for came_as in dict.fromkeys(began_with)]


def _take_along(  # what is parted, and when
    context: Context,
    account: Account,
    parted: Parted,
    new: AccountId,
    since: datetime,
    now: datetime,
) -> None:
    """Let everything else go to a new account that is about the tokens in use."""
    store = context.store
    mine = {digest for tokens in parted.kept for digest in secrets_of(tokens.credential)}
    store.move_digests(account, new, since=since, but=mine)
    store.follow(account, new, parted.left[-1].credential)
    store.set_rejected(new, account.rejected)
    store.set_rejected(account.id, None)
    if store.state().slot(account.provider).active == account.id:
        store.set_active(account.provider, new, now)


def _move_digests_of(context: Context, account: Account, left: Line, new: AccountId) -> None:
    theirs = {digest for tokens in left for digest in secrets_of(tokens.credential)}
    context.store.give_digests(account.provider, theirs, new)


def settle(context: Context, provider: str, now: datetime) -> list[Event]:
    """Do what is known by now of a provider's accounts; return what happened."""
    events: list[Event] = []
    for _ in range(_MOST_STEPS):
        step = next_step(provider, knowledge(context))
        if step is None:
            break
        events += _carry_out(context, step, now)
    return events


def _carry_out(context: Context, step: Step, now: datetime) -> list[Event]:
    match step:
        case PartLine(account, parted, why, is_loss):
            told_loss = [_event(now, EventKind.CHANGED, account, why)] if is_loss else []
            return [*part(context, account, parted, why, now), *told_loss]
        case EndDoubt(account, doubt, why):
            left = [claim for claim in account.doubts if claim != doubt]
            context.store.set_doubts(account.id, left)
            if account.maybe is None or about(left, account.credential):
                return []
            return [_event(now, EventKind.CHANGED, account, f"it can be used again: {why}")]
        case Spend(account, spent, newer, why):
            return _spend(context, account, spent, newer, why, now)
        case Join(keep, other, best, why, at):
            if at is not None and (number := line_of(context.store.state(), best)[at].number):
                _name(context, number, keep if best.id == other.id else other)
                join(context, step, now, known_by=best)
            else:
                join(context, step, now)
            gone = other.alias
            if _is_given(other) and not _is_given(keep):
                # The settings may name it.
                gone, keep = keep.alias, replace(keep, alias=other.alias)
                context.store.rename_account(keep, keep.alias)
            return [
                _event(now, EventKind.CHANGED, keep, f"{gone}{JOINED}: {why}"),
                *_settled_line(context, keep.id, why, now),
            ]


def _is_given(account: Account) -> bool:
    return is_given(account.alias, account.provider, account.identity)


def _spend(  # what is spent, and what is told of it
    context: Context,
    account: Account,
    spent: TokenPair,
    newer: Account | None,
    why: str,
    now: datetime,
) -> list[Event]:
    """Forget tokens of an account that became another one's."""
    if newer is not None:
        context.store.give_digests(account.provider, secrets_of(spent.credential), newer.id)
    line = line_of(context.store.state(), account)
    rest = Parted(tuple(tokens for tokens in line if tokens.number != spent.number))
    return part(context, account, rest, why, now)


def _name(context: Context, number: int, owner: Account) -> None:
    """Note that replaced tokens are those of whoever an account's tokens in use belong to."""
    if owner_key(owner) is not None:
        context.store.name_replaced(number, identity_of(owner))


def _settled_line(context: Context, account: AccountId, why: str, now: datetime) -> list[Event]:
    """Part what a join has brought together of two persons; drop what is the owner's own."""
    state = context.store.state()
    joined = state.account(account)
    if joined is None or joined.unproven or joined.identity_key is None:
        return []
    line = line_of(state, joined)
    parted = told(line, len(line) - 1, line[-1].who)
    return part(context, joined, parted, why, now)


def join(context: Context, step: Join, now: datetime, *, known_by: Account | None = None) -> None:
    """Make one account of two; `keep` stays and gets the credential of `best`, one of both.

    Their tokens in use are one person's; with `known_by` nobody knows more of them than of its.
    The others are kept beside them where somebody's word is all that says so.
    """
    keep, other, best = step.keep, step.other, step.best
    store = context.store
    dropped = keep if best.id == other.id else other
    # What was exchanged for the tokens that go now is not known to live any more.
    spent = _doubts_without(dropped, line_of(store.state(), dropped), keep.id)
    for row, joined in ((keep, other), (other, keep)):
        keep_off(context, row, joined)
    store.merge_accounts(keep, other)
    if best.id == other.id:
        store.renew_credential(keep, other.credential, NOBODY, now)
    # What was live may be older.
    store.forget_live_of(keep.id)
    who = joined_identity(keep, other, best)
    asked = (known_by,) if known_by is not None else (keep, other)
    is_known = any(owner_key(account) is not None for account in asked)
    is_unproven = any(account.unproven for account in asked)
    store.set_owner(keep.id, who, unproven=is_unproven and not is_known)
    # With a doubt nobody knows which of the two lives.
    is_kept = step.is_told or any(
        doubt.newer not in {keep.id, other.id} for doubt in about(best.doubts, best.credential)
    )
    if is_kept:
        before = NOBODY if dropped.unproven else identity_of(dropped)
        store.keep_replaced(keep.id, dropped.credential, before, now, loose=True)
    doubts = _joined_doubts(step, dropped, is_kept=is_kept)
    store.set_doubts(keep.id, [*doubts, *([] if is_kept else spent)])
    store.set_rejected(keep.id, best.rejected)
    store.set_disabled(keep.id, joined_disabled(best, dropped))
    # One person's limit is a limit of both.
    for limit in sorted([*limits_of(keep), *limits_of(other)], key=lambda rest: rest.until):
        store.set_limit(keep.id, limit)


def _doubts_without(dropped: Account, line: Line, newer: AccountId) -> list[Doubt]:
    """Return the doubts about an account's older tokens once those in use are kept nowhere."""
    owner, came_as = line[-1].who.key, given_as(dropped.credential)
    return [
        Doubt(newer, came_as, given_as(tokens.credential))
        for tokens in line[:-1]
        if None in {tokens.who.key, owner} or tokens.who.key == owner
    ]


def _joined_doubts(step: Join, dropped: Account, *, is_kept: bool) -> list[Doubt]:
    """Return what is in doubt of two accounts that are one, and of the tokens that it has."""
    keep, best = step.keep, step.best
    both = {best.id, dropped.id}
    in_use = about(best.doubts, best.credential)
    gone = () if is_kept else about(dropped.doubts, dropped.credential)
    before = [doubt for doubt in (*best.doubts, *dropped.doubts) if doubt not in {*in_use, *gone}]
    left = [doubt for doubt in in_use if doubt.newer not in both]
    if dropped.rejected is not None or dropped.spent_from is not None:
        # They may have been exchanged for those that are dead: these do not show that they live.
        left = [replace(d, newer=step.other.id) if d.newer in both else d for d in in_use]
    return [
        *(
            replace(doubt, newer=keep.id) if doubt.newer in both else doubt
            for doubt in before
            if doubt.of
        ),
        *left,
    ]


def _event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    return Event(now, kind, account.provider, account.name, why=why)
