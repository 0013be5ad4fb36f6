"""Which account shall take over, and why, as a sentence; who frees up first.

Pure: accounts, what is known of their usage, the user's strategy and the time go in, a choice
comes out. An account is only ever chosen when it is ready; ties end in the order of aliases, so
that the same question has the same answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.core.selection.headroom import Headroom, headroom_of
from rotator.core.selection.limits import is_ready, limits_of
from rotator.core.selection.strategies import before_the_wall, better, rank
from rotator.model import Account, AccountId, Choice, Credential, HomeName, State
from rotator.model.preferences import Strategy
from rotator.wording import moment_in_full, used_words

# An access token with less left than this may run out before the request arrives.
FRESH_MARGIN = timedelta(seconds=20)
# A login that opencode may not refresh is left so long before its access token runs out.
_LEFT_BEFORE = timedelta(minutes=2)
_FROM_ITS_START = "an opencode that is started now uses it, the request that failed does not"
_ANEW = "the request that failed is built anew for it"
_PREFERENCES = {
    Strategy.STICKY: "",
    Strategy.ORDERED: "comes before {} in your order",
    Strategy.HEADROOM: "has more left than {}",
    Strategy.DRAIN: "loses what it has left before {}",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: an account of `provider`, none of `barred`.

    One that can stand in for `instead_of` in a request that is already built (the same kind of
    credential for the same destination) comes before others, which serve the next request. It
    has to be able to answer for `model` (None: that is not known). `has_failed`: a request of
    those that are barred was refused just now. `is_built_anew`: opencode builds the request
    anew for whoever is active then.
    """

    provider: str
    barred: Collection[AccountId] = ()
    instead_of: Credential | None = None
    model: str | None = None
    has_failed: bool = False
    is_built_anew: bool = False


def choose(state: State, wanted: Selection, now: datetime) -> Choice:
    """Return the account that shall take over: the active one if it can, else the best other."""
    best = _best(state, wanted, now)
    if best is None:
        return Choice(None, nobody_left(state, wanted.provider, now, wanted.model))
    account, active = best.account, state.active(wanted.provider)
    if active is not None and active.id == account.id:
        return Choice(account, f"{account.alias} is live and ready")
    others = [a for a in state.of(wanted.provider) if a.id != account.id]
    how = _ANEW if wanted.is_built_anew else _FROM_ITS_START
    is_near = stands_in(account, wanted.instead_of)
    elsewhere = [] if is_near else [f"it goes to another place: {how}"]
    against = _against(state, others, wanted, now)
    return Choice(account, "; ".join([_is_ready(best), *elsewhere, *against]))


def chosen(state: State, wanted: Selection, now: datetime) -> Account | None:
    """Return whom `choose` chooses, without its reason, which takes as long as all else."""
    best = _best(state, wanted, now)
    return None if best is None else best.account


def _best(state: State, wanted: Selection, now: datetime) -> Headroom | None:
    able = [a for a in state.of(wanted.provider) if _is_able(a, wanted, now)]
    active = state.active(wanted.provider)
    if active is not None and active in able:
        return _stands(state, active, wanted, now)
    near = [a for a in able if stands_in(a, wanted.instead_of)]
    return min(
        (_stands(state, a, wanted, now) for a in near or able),
        key=lambda standing: (
            is_stale(standing.account, now),
            rank(standing, state.failover, now),
        ),
        default=None,
    )


def stands_in(account: Account, like: Credential | None) -> bool:
    """Tell whether an account can answer a request that was built for that credential."""
    return like is None or account.credential.destination == like.destination


@dataclass(frozen=True, slots=True)
class Preferred:
    """An account that is better than the live one although that one works, and why."""

    account: Account
    why: str
    is_before_the_wall: bool


def prefer(state: State, provider: str, model: str | None, now: datetime) -> Preferred | None:
    """Return the account that shall take over from one that still works, or None: then it stays.

    That is the strategy's wish, or a swap before the wall where the user wants those; one whose
    refresh token somebody else has exchanged, or whose key has run out, is left for any that is
    ready. `model` is what is asked for, as far as that is known.
    """
    active = state.active(provider)
    if active is not None and _is_over(active, now):
        return _instead_of_spent(state, active, model, now)
    if active is None or not is_ready(active, model, now):
        return None
    wanted = Selection(provider, {active.id}, model=model)
    able = [_stands(state, a, wanted, now) for a in state.of(provider) if _is_able(a, wanted, now)]
    mine = _stands(state, active, wanted, now)
    ahead = before_the_wall(mine, able, state.failover)
    if ahead is not None:
        why = f"{active.alias} is about to be used up"
        return Preferred(
            ahead.account, f"{_is_ready(ahead)}; {why}{_usage(mine)}", is_before_the_wall=True
        )
    best = better(mine, able, state.failover, now)
    if best is None:
        return None
    why = _PREFERENCES[state.failover.strategy_of(provider)].format(active.alias)
    return Preferred(
        best.account, f"{_is_ready(best)}; {why}{_usage(mine)}", is_before_the_wall=False
    )


def _is_over(active: Account, now: datetime) -> bool:
    is_spent = active.spent_from is not None and active.rejected is not None
    return is_spent or active.has_ended_at(now)


def _instead_of_spent(
    state: State, active: Account, model: str | None, now: datetime
) -> Preferred | None:
    """Return who takes over from one that cannot be renewed any more.

    A refresh token that somebody has exchanged must not be sent by opencode once more.
    """
    wanted = Selection(active.provider, {active.id}, active.credential, model)
    choice = choose(state, wanted, now)
    if choice.account is None:
        return None
    expires_at = active.credential.expires_at
    is_urgent = expires_at is not None and expires_at - now < _LEFT_BEFORE
    why = f"{active.alias} needs a login ({active.why_login_at(now)}); {choice.why}"
    return Preferred(choice.account, why, is_before_the_wall=is_urgent)


def first_free(
    state: State, provider: str, now: datetime, model: str | None = None
) -> tuple[Account, datetime] | None:
    """Return which account of the provider frees up first by itself, for `model`, and when."""
    waiting = [
        (until, a) for a in state.of(provider) if (until := _rests_until(a, model, now)) is not None
    ]
    if not waiting:
        return None
    # Of several at one time the first by alias: `of` is in that order.
    until, account = min(waiting, key=lambda pair: pair[0])
    return account, until


def _rests_until(account: Account, model: str | None, now: datetime) -> datetime | None:
    barred = (account.disabled, account.maybe, account.why_login_at(now))
    if any(reason is not None for reason in barred):
        return None
    held = limits_of(account, model, now)
    return held[0].until if held else None


def nobody_left(state: State, provider: str, now: datetime, model: str | None = None) -> str:
    """Return the sentence that says that no account can take over and who is first again."""
    accounts = state.of(provider)
    if len(accounts) < 2:  # noqa: PLR2004  # one account has nobody to hand over to
        return f"{provider} has no other account"
    free = first_free(state, provider, now, model)
    sentence = f"no other account of {provider} can take over"
    return f"{sentence}, {first_words(*free)}" if free else sentence


def nobody_in(state: State, seen: State, home: HomeName, provider: str, why: str) -> str:
    """Return why no account can take over in a home, from which the state is `seen`."""
    if len(seen.of(provider)) == 1 < len(state.of(provider)):
        return f"no other account of {provider} is for {home.value}"
    return why


def first_words(account: Account, at: datetime) -> str:
    """Return the end of a sentence that says who frees up first, and when."""
    return f"{account.alias} is first at {moment_in_full(at)}"


def is_stale(account: Account, now: datetime) -> bool:
    """Tell whether the account's access token has run out, or is about to."""
    expires_at = account.credential.expires_at
    return expires_at is not None and expires_at - now < FRESH_MARGIN


def standing_sentence(state: State, account: Account, wanted: Selection, now: datetime) -> str:
    """Return what speaks for or against an account now, as a part of a sentence."""
    until = _rests_until(account, wanted.model, now)
    reason = account.reason_at(now)
    if until is not None:
        return f"rests until {moment_in_full(until)} ({_why(account, wanted, now)})"
    if reason is not None:
        return f"is {account.state_at(now).value} ({reason})"
    if account.id in wanted.barred and wanted.has_failed:
        return "just failed"
    stale = ", its access token has run out" if is_stale(account, now) else ""
    return f"is ready{_usage(_stands(state, account, wanted, now))}{stale}"


def _is_able(account: Account, wanted: Selection, now: datetime) -> bool:
    return account.id not in wanted.barred and is_ready(account, wanted.model, now)


def _stands(state: State, account: Account, wanted: Selection, now: datetime) -> Headroom:
    return headroom_of(account, state.usage.get(account.id), wanted.model, now)


def _is_ready(candidate: Headroom) -> str:
    return f"{candidate.account.alias} is ready{_usage(candidate)}"


def _usage(candidate: Headroom) -> str:
    """Return what is used of what binds, with when it begins anew; nothing where it is unknown."""
    binding = candidate.binding
    if binding is None:
        return ", nothing is left of it" if candidate.is_spent else ""
    used = f", {binding.name} {used_words(binding.used)}"
    return f"{used}, resets {moment_in_full(binding.resets_at)}" if binding.resets_at else used


def _against(state: State, others: list[Account], wanted: Selection, now: datetime) -> list[str]:
    """Return a part of a sentence for each of the others that there is something to say of."""
    said = []
    for account in others:
        told = standing_sentence(state, account, wanted, now)
        if told != "is ready":
            said.append(f"{account.alias} {told}")
    return said


def _why(account: Account, wanted: Selection, now: datetime) -> str:
    limit = limits_of(account, wanted.model, now)[0]
    return f"{limit.reason} for {limit.model}" if limit.model else limit.reason
