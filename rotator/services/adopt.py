"""Makes accounts of the logins in an unclaimed content, by the rules of a login by hand.

Nobody is made the live one by it; but wherever an account is live it gets its newer tokens, too,
or opencode would go on with tokens that those have spent.
"""

from __future__ import annotations

from dataclasses import dataclass

from rotator.context import Context
from rotator.core.logins.aliases import free_alias
from rotator.core.logins.owner import Owner
from rotator.core.logins.unsaved import logins_of
from rotator.errors import UsageError
from rotator.live.account_changes import How, renew
from rotator.live.every_home import homes_of_names
from rotator.live.knowledge import knowledge, owner_of_offered_entry
from rotator.live.swap import SwapRequest
from rotator.live.unclaimed import find, has_unread
from rotator.model import Account, Credential, Event, EventKind
from rotator.opencode.auth.fragments import take_apart
from rotator.services.accounts import untaken
from rotator.system.locks import swap_lock


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of a content: names of new accounts, of renewed ones, of those left as they are.

    `dropped` says that the content is gone, for nothing in it is left.
    """

    number: int
    saved: tuple[str, ...]
    renewed: tuple[str, ...]
    known: tuple[str, ...]
    dropped: bool


def adopt(
    context: Context, number: int, *, alias: str | None = None, drop_rest: bool = False
) -> Adopted:
    """Save every login of the content; drop it if nothing unreadable is left, or with `drop_rest`.

    `alias` names the one new account. Raises AccountNotFound, UsageError if there is no login or
    `alias` does not fit, and what `swap` raises.
    """
    renewed: list[Account] = []
    saved: list[str] = []
    left: list[str] = []
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        aside = find(context, number)
        logins = logins_of(take_apart(aside.content, aside.provider), knowledge(context))
        if not logins and not drop_rest:
            message = f"nothing in unclaimed content {number} can be read as a login"
            raise UsageError(message, hint=f"rotator accounts drop {number} deletes it")
        for provider, credential in logins:
            owner, _ = owner_of_offered_entry(context, provider, credential)
            if owner.account is None:
                saved.append(_add(context, provider, credential, alias))
                _refuse_second(saved, alias, number)
            elif owner.fresh and not owner.stale:
                renewed.append(_renew(context, owner.account, credential, owner))
            else:
                left.append(owner.account.name)
        dropped = drop_rest or not has_unread(context, aside)
        if dropped:
            context.store.replace_unclaimed(number, None)
            context.store.note_purge()
    context.back_up_if_due()
    _tell(context, number, saved, renewed)
    why = f"adopted from unclaimed content {number}"
    for account in renewed:
        # Who has just logged in, and was not seen yet, stays.
        order = SwapRequest(account.id, why, expected=account.id, check_expected=True)
        for home in homes_of_names(context, context.store.state().live_in(account)):
            home.put_in(order)
    names = tuple(account.name for account in renewed)
    return Adopted(number, tuple(saved), names, tuple(left), dropped)


def _add(context: Context, provider: str, credential: Credential, alias: str | None) -> str:
    who = context.registry.identify(provider, credential)
    taken = context.store.aliases(provider)
    name = untaken(provider, alias, taken) if alias else free_alias(provider, who.label, taken)
    context.store.add_account(provider, name, credential, who, context.clock())
    return f"{provider}/{name}"


def _refuse_second(saved: list[str], alias: str | None, number: int) -> None:
    if alias is not None and len(saved) > 1:
        message = f"unclaimed content {number} holds more than one new login: a name is for one"
        raise UsageError(message, hint="leave --alias out; rotator accounts rename comes after")


def _renew(context: Context, account: Account, credential: Credential, owner: Owner) -> Account:
    who = context.registry.identify(account.provider, credential)
    how = How(owner.proof, owner.of_replaced)
    renew(context, account, credential, who, how, context.clock())
    return account


def _tell(context: Context, number: int, saved: list[str], renewed: list[Account]) -> None:
    now, why = context.clock(), f"adopted from unclaimed content {number}"
    context.record(
        [
            *(Event(now, EventKind.CAPTURED, n.rpartition("/")[0], n, why=why) for n in saved),
            *(Event(now, EventKind.REFRESHED, a.provider, a.name, why=why) for a in renewed),
        ]
    )
    context.notify_changed()
