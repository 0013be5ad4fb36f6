"""Rotating by hand: which account is meant, may it be put in, and when is it used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.aliases import normalise
from rotator.core.logins.refresh_policy import is_refresh_unconfirmed, wants_refresh
from rotator.core.selection.homes import homes_for, left_by, seen_from, whose_place
from rotator.core.selection.policy import Selection, choose, nobody_in
from rotator.core.selection.rests import REFRESHED_ELSEWHERE, held_up
from rotator.errors import (
    AccountNotFound,
    LiveFileError,
    NothingToRotateTo,
    RotatorError,
    UsageError,
)
from rotator.live.apply_change import LOGGED_OUT
from rotator.live.every_home import homes_of_names
from rotator.live.refresh_answers import why_unsettled, with_resting
from rotator.live.swap import Swapped, SwapRequest
from rotator.model import Account, AccountId, AccountState, Event, HomeName, State
from rotator.services.lifts import lift_by_hand
from rotator.services.refresh import is_held_up, with_fresh_tokens
from rotator.wording import moment_in_full

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
    homes: tuple[HomeName, ...]
    # The sentence about a home that was not changed, where another one was.
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
    if alias is not None:
        named = _by_name(accounts, chosen, alias, now)
        return Plan(chosen, left_by(state, named), named, "asked for by name", by_name=True)
    return _to_best(state, chosen, now)


def _to_best(state: State, provider: str, now: datetime) -> Plan:
    """Plan for the first home in which another account can take over."""
    reasons = []
    for home, seen in ((home, seen_from(state, home)) for home in HomeName):
        if not seen.of(provider):
            continue
        left = seen.active(provider)
        like = left.credential if left else None
        choice = choose(seen, Selection(provider, {left.id} if left else (), like), now)
        if choice.account is not None:
            return Plan(provider, left, choice.account, choice.why)
        reasons.append(nobody_in(state, seen, home, provider, choice.why))
    why = "; ".join(dict.fromkeys(reasons))
    hint = "rotator accounts shows where each stands, and when it is ready again"
    raise NothingToRotateTo(why, hint=hint)


def split_target(state: State, text: str) -> tuple[str, str | None]:
    """Return provider and alias of a word that names a provider, or an account with its provider.

    A provider's id may hold slashes of its own, so what there is decides.
    """
    head, slash, alias = text.rpartition("/")
    if slash and not state.of(text) and state.of(head):
        return head, alias
    return text, None


def rotate(context: Context, plan: Plan) -> Rotated:
    """Carry a rotation out, with good tokens where the vendor gives some.

    If it has none for the account, another one takes its place, unless it was asked for by
    name; that one rests no longer, whatever it was refused for. Raises what `swap` and
    `plan_rotation` raise.
    """
    if plan.by_name and plan.to.maybe is not None:
        # Who asks for it by name says that it is no other one's login.
        with context.store.transaction():
            context.store.set_doubts(plan.to.id, ())
    plan = _with_good_tokens(context, plan)
    lifted: list[Event] = []

    def enable() -> None:
        context.store.set_disabled(plan.to.id, None)
        if plan.by_name:
            lifted[:] = lift_by_hand(context, plan.to, plan.why)

    try:
        done = _put_in(context, plan, also=enable)
    except NothingToRotateTo:
        if plan.by_name:
            raise
        # Its refresh token was exchanged meanwhile: from now on it is no choice.
        again = plan_rotation(
            context.decision_state(plan.provider), plan.provider, None, context.clock()
        )
        if again.to.id == plan.to.id:
            raise
        return rotate(context, again)
    if lifted:
        context.record(lifted)
        context.notify_changed()
    return done


def _put_in(context: Context, plan: Plan, *, also: Callable[[], None]) -> Rotated:
    """Make the account the active one in each home that it is for.

    What is wrong in one stops no other; what is wrong in all of them is raised.
    """
    wanted = homes_for(context.store.state(), plan.to)
    order = SwapRequest(plan.to.id, plan.why, also=also)
    done: dict[HomeName, Swapped] = {}
    obstacles: list[LiveFileError] = []
    for home in homes_of_names(context, wanted):
        try:
            swapped = home.put_in(order)
        except LiveFileError as exc:
            obstacles.append(exc)
            continue
        if swapped is not None:
            done[home.name] = swapped
    if not done:
        raise obstacles[-1] if obstacles else RotatorError("the rotation was given up")
    return _rotated(plan, wanted, done, obstacles)


def _rotated(
    plan: Plan,
    wanted: Sequence[HomeName],
    done: Mapping[HomeName, Swapped],
    obstacles: Sequence[LiveFileError],
) -> Rotated:
    homes = tuple(home for home in wanted if home in done)
    put = done[homes[0]].put
    as_it_was = ", ".join(home.value for home in wanted if home not in done)
    return Rotated(
        whose_place([done[home].left for home in homes], put),
        put,
        plan.why,
        # Who follows switches needs no restart.
        written=any(done[home].written for home in homes if not home.follows_switches),
        homes=homes,
        obstacle=goes_on(as_it_was, obstacles[-1].message) if obstacles else None,
    )


def goes_on(home: str, why: str) -> str:
    """Return the sentence that says that nothing is changed in a home."""
    return f"{home} goes on with what it has: {why}"


def _with_good_tokens(context: Context, plan: Plan) -> Plan:
    tried: set[AccountId] = set()
    plan = _not_held_up(context, plan)
    while plan.to.id not in tried:
        tried.add(plan.to.id)
        account = with_fresh_tokens(context, plan.to)
        state, now = context.decision_state(plan.provider), context.clock()
        is_usable = account is not None and account.why_login_at(now) is None
        why = None if account is None or not is_usable else why_unsettled(context, account)
        if why is not None and not plan.by_name:
            context.on_notice(f"{plan.to.name} is not put in: {why}")
        is_good = is_usable and why is None
        if account is not None and is_good and not is_refresh_unconfirmed(account, now):
            return replace(plan, to=account)
        if plan.by_name:
            plan = plan_rotation(state, plan.provider, plan.to.alias, now)
        else:
            plan = plan_rotation(with_resting(context, state, tried), plan.provider, None, now)
    return plan


def _not_held_up(context: Context, plan: Plan) -> Plan:
    """Return the rotation to one that can be put in at once, if there is one and none was named."""
    state, now = context.decision_state(plan.provider), context.clock()
    chosen = plan
    while not plan.by_name and wants_refresh(chosen.to, now) and is_held_up(context, chosen.to):
        accounts = (
            held_up(a, REFRESHED_ELSEWHERE, now) if a.id == chosen.to.id else a
            for a in state.accounts
        )
        state = replace(state, accounts=tuple(accounts))
        try:
            chosen = plan_rotation(state, plan.provider, None, now)
        except NothingToRotateTo:
            # Whoever is at it is waited for.
            return plan
    return chosen


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
    # Also of one that is disabled: nobody finds out by putting it in.
    why = account.why_login_at(now)
    if why is not None:
        message = f"{account.name} needs a new login: {why}"
        raise NothingToRotateTo(message, hint=f"log in again: opencode auth login -p {provider}")
    if state is AccountState.DISABLED and account.disabled not in {None, LOGGED_OUT}:
        message = f"{account.name} is disabled: {account.disabled}"
        raise NothingToRotateTo(message, hint=f"rotator accounts enable {account.name}")
    if is_refresh_unconfirmed(account, now) and account.limit is not None:
        message = f"{account.name} waits for new tokens: its vendor has not confirmed them"
        hint = f"it is asked again at {moment_in_full(account.limit.until)}"
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
