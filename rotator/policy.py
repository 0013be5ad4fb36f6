"""Which account shall take over, and why, as a sentence; who frees up first.

Pure: accounts and the time go in, a choice comes out. An account is only ever chosen when it
is ready; ties end in the order of aliases, so that the same question has the same answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.limits import is_ready, limits_of
from rotator.model import Account, AccountId, Choice, Credential, State

# An access token with less left than this may run out before the request arrives.
FRESH_MARGIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: an account of `provider`, none of `barred`.

    With `instead_of` it must be able to stand in for that credential in a request that is
    already built: the same kind of credential for the same destination. It has to be able to
    answer for `model` (None: that is not known).
    """

    provider: str
    barred: Collection[AccountId] = ()
    instead_of: Credential | None = None
    model: str | None = None


def choose(state: State, wanted: Wanted, now: datetime) -> Choice:
    """Return the account that shall take over: the active one if it can, else the best other."""
    able = [a for a in state.of(wanted.provider) if _is_able(a, wanted, now)]
    active = state.active(wanted.provider)
    if active is not None and active in able:
        return Choice(active, f"{active.alias} is live and ready")
    if not able:
        return Choice(None, nobody_left(state, wanted.provider, now, wanted.model))
    best = min(able, key=lambda a: _rank(a, now))
    others = [a for a in state.of(wanted.provider) if a.id != best.id]
    return Choice(best, "; ".join([f"{best.alias} is ready", *_against(others, wanted, now)]))


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
    if account.disabled is not None or account.rejected is not None:
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
    return f"{sentence}, {free[0].alias} is first at {clock_time(free[1])}" if free else sentence


def is_stale(account: Account, now: datetime) -> bool:
    """Tell whether the account's access token has run out, or is about to."""
    expires_at = account.credential.expires_at
    return expires_at is not None and expires_at - now < FRESH_MARGIN


def clock_time(at: datetime) -> str:
    """Return a time as sentences show it: to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _is_able(account: Account, wanted: Wanted, now: datetime) -> bool:
    if account.id in wanted.barred or not is_ready(account, wanted.model, now):
        return False
    like = wanted.instead_of
    return like is None or account.credential.destination == like.destination


def _rank(account: Account, now: datetime) -> tuple[bool, int, str]:
    return is_stale(account, now), account.limit.strikes if account.limit else 0, account.alias


def _against(others: list[Account], wanted: Wanted, now: datetime) -> list[str]:
    said = []
    for account in others:
        until = _rests_until(account, wanted.model, now)
        reason = account.reason_at(now)
        if until is not None:
            said.append(
                f"{account.alias} rests until {clock_time(until)} ({_why(account, wanted, now)})"
            )
        elif reason is not None:
            said.append(f"{account.alias} is {account.state_at(now).value} ({reason})")
        elif account.id in wanted.barred and wanted.instead_of is not None:
            said.append(f"{account.alias} just failed")
    return said


def _why(account: Account, wanted: Wanted, now: datetime) -> str:
    limit = limits_of(account, wanted.model, now)[0]
    return f"{limit.reason} for {limit.model}" if limit.model else limit.reason
