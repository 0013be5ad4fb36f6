"""Rotating by hand: which account is meant, may it be put in, and when is it used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Books
from rotator.core.logins.aliases import normalise
from rotator.core.logins.refresh_policy import is_in_doubt
from rotator.core.selection.homes import homes_for, left_by, live_of
from rotator.core.selection.policy import Wanted, choose, clock_time
from rotator.errors import (
    AccountNotFound,
    LiveFileError,
    NothingToRotateTo,
    RotatorError,
    UsageError,
)
from rotator.live.apply_change import LOGGED_OUT
from rotator.live.homes import switch
from rotator.live.swap import Order, swap
from rotator.model import Account, AccountId, AccountState, HomeName, State
from rotator.opencode.database.home import DatabaseHome
from rotator.services.refresh import freshened

_PAIR = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rotation would do and why."""

    provider: str
    left: Account | None
    to: Account
    why: str
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: who left, who is live now, and why that one."""

    left: Account | None
    put: Account
    why: str
    written: bool
    homes: tuple[HomeName, ...] = (HomeName.AUTH_FILE,)
    # What keeps OpenCode 2 as it was, where auth.json was changed all the same.
    obstacle: str | None = None


def plan_rotation(state: State, provider: str | None, alias: str | None, now: datetime) -> Plan:
    """Return what `rotate PROVIDER ALIAS` means now.

    Raises AccountNotFound, UsageError (which provider?), NothingToRotateTo.
    """
    chosen = _only_provider(state) if provider is None else provider
    accounts = state.of(chosen)
    if not accounts:
        message = f"there is no account of {chosen}"
        raise AccountNotFound(message, hint="rotator accounts lists them")
    left = live_of(state, chosen)
    if alias is not None:
        named = _by_name(accounts, chosen, alias, now)
        return Plan(chosen, left_by(state, named), named, "asked for by name", by_name=True)
    like = left.credential if left else None
    choice = choose(state, Wanted(chosen, {left.id} if left else (), like), now)
    if choice.account is None:
        raise NothingToRotateTo(choice.why, hint="rotator accounts shows when each is ready again")
    return Plan(chosen, left, choice.account, choice.why)


def split_target(state: State, text: str) -> tuple[str, str | None]:
    """Return provider and alias of a word that names a provider, or an account with its provider.

    A provider's id may hold slashes of its own, so what there is decides.
    """
    head, slash, alias = text.rpartition("/")
    if slash and not state.of(text) and state.of(head):
        return head, alias
    return text, None


def rotate(books: Books, plan: Plan) -> Rotated:
    """Carry a rotation out, with good tokens where the vendor gives some.

    If it has none for the account, another one takes its place, unless it was asked for by
    name. Raises what `swap` and `plan_rotation` raise.
    """
    if plan.by_name and plan.to.maybe is not None:
        # Who asks for it by name says that it is no other one's login.
        with books.store.transaction():
            books.store.set_doubts(plan.to.id, ())
    plan = _with_good_tokens(books, plan)

    def enable() -> None:
        books.store.set_disabled(plan.to.id, None)

    homes = homes_for(books.store.state(), plan.to)
    found = _in_database(books, plan, homes)
    if HomeName.AUTH_FILE not in homes:
        with books.store.transaction():
            enable()
        return found
    done = swap(books, Order(plan.to.id, plan.why, also=enable))
    if done is None:
        message = "the rotation was given up"
        raise RotatorError(message)
    return replace(found, left=done.left or found.left, put=done.put, written=done.written)


def _in_database(books: Books, plan: Plan, homes: tuple[HomeName, ...]) -> Rotated:
    """Switch in OpenCode 2 if that is one of the homes; what is wrong there stops no other."""
    found = Rotated(plan.left, plan.to, plan.why, written=False, homes=homes)
    if HomeName.DATABASE not in homes:
        return found
    try:
        done = switch(books, DatabaseHome(books.paths), plan.to.id, plan.why)
    except LiveFileError as exc:
        if HomeName.AUTH_FILE not in homes:
            raise
        return replace(found, homes=(HomeName.AUTH_FILE,), obstacle=exc.message)
    return replace(found, left=done.left, put=done.put)


def _with_good_tokens(books: Books, plan: Plan) -> Plan:
    tried: set[AccountId] = set()
    while plan.to.id not in tried:
        tried.add(plan.to.id)
        account = freshened(books, plan.to)
        state, now = books.outlook(plan.provider), books.clock()
        if account is not None and account.rejected is None and not is_in_doubt(account, now):
            return replace(plan, to=account)
        plan = plan_rotation(state, plan.provider, plan.to.alias if plan.by_name else None, now)
    return plan


def find_account(state: State, provider: str, alias: str) -> Account:
    """Return the account of that name; raises AccountNotFound."""
    wanted = normalise(alias)
    for account in state.of(provider):
        if account.alias in {alias, wanted}:
            return account
    message = f"there is no account {provider}/{alias}"
    raise AccountNotFound(message, hint="rotator accounts lists them")


def _by_name(accounts: tuple[Account, ...], provider: str, alias: str, now: datetime) -> Account:
    account = find_account(State(accounts=accounts), provider, alias)
    state = account.state_at(now)
    if state is AccountState.REJECTED:
        message = f"{account.name} needs a new login: {account.rejected}"
        raise NothingToRotateTo(message, hint=f"log in again: opencode auth login -p {provider}")
    if state is AccountState.DISABLED and account.disabled not in {None, LOGGED_OUT}:
        message = f"{account.name} is disabled: {account.disabled}"
        raise NothingToRotateTo(message, hint=f"rotator accounts enable {account.name}")
    if is_in_doubt(account, now) and account.limit is not None:
        message = f"{account.name} waits for new tokens: its vendor has not confirmed them"
        hint = f"it is asked again at {clock_time(account.limit.until)}"
        raise NothingToRotateTo(message, hint=hint)
    return account


def _only_provider(state: State) -> str:
    providers = sorted({a.provider for a in state.accounts})
    several = [p for p in providers if len(state.of(p)) >= _PAIR]
    if len(several) == 1:
        return several[0]
    if not several:
        message = "no provider has a second account to rotate to"
        raise NothingToRotateTo(message, hint="log in with another account in opencode")
    message = f"several providers have more than one account: {', '.join(several)}"
    raise UsageError(message, hint="name one: rotator rotate PROVIDER")
