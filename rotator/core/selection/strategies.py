"""The order of accounts that the user's strategy gives, and when to leave one that still works.

Pure. A rank is a tuple: the account with the least goes first, and the alias makes every tie end
in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from rotator.core.selection.headroom import Standing
from rotator.model.preferences import Failover, Strategy

# Of what is unknown neither all nor nothing is left.
UNKNOWN_HEADROOM = 0.5
# An account with less left than this is soon used up, whatever speaks for it.
GUARD = 0.1
# A difference between two resets that is worth a swap.
SOONER = timedelta(hours=1)

Rank = tuple[float | str, ...]


def rank(one: Standing, failover: Failover, now: datetime) -> Rank:
    """Return the account's place among those that could take over."""
    strikes = float(one.account.limit.strikes if one.account.limit else 0)
    alias = one.account.alias
    room = -_room(one)
    strategy = failover.strategy_of(one.account.provider)
    match strategy:
        case Strategy.STICKY | Strategy.HEADROOM:
            return (float(one.is_full), strikes, room, alias)
        case Strategy.ORDERED:
            return (float(one.is_full), float(place(one, failover)), alias)
        case Strategy.DRAIN:
            return (
                float(one.is_full),
                float(_is_short(one, failover)),
                _seconds_left(one, now),
                room,
                alias,
            )
        case never:
            assert_never(never)


def place(one: Standing, failover: Failover) -> int:
    """Return the account's place in the user's order; whoever is not named comes last."""
    order = failover.order_of(one.account.provider)
    return order.index(one.account.alias) if one.account.alias in order else len(order)


def better(
    active: Standing, others: Sequence[Standing], failover: Failover, now: datetime
) -> Standing | None:
    """Return the account that the strategy prefers to one that still works, or None.

    `others` are ready. What is unknown is no reason to leave.
    """
    fit = [one for one in others if not one.is_full]
    match failover.strategy_of(active.account.provider):
        case Strategy.STICKY:
            return None
        case Strategy.ORDERED:
            ahead = [
                one
                for one in fit
                if _is_ahead(one, active, failover) and not _is_short(one, failover)
            ]
            return min(ahead, key=lambda one: rank(one, failover, now), default=None)
        case Strategy.HEADROOM:
            return _roomier(active, fit, failover)
        case Strategy.DRAIN:
            return _sooner(active, fit, failover, now)
        case never:
            assert_never(never)


def before_the_wall(
    active: Standing, others: Sequence[Standing], failover: Failover
) -> Standing | None:
    """Return who takes over before the active account is used up, or None: see `swap_before_wall`.

    Only an account goes that is known to be about to, to one that is known not to be.
    """
    wall = failover.wall_threshold
    if not failover.swap_before_wall or active.used is None or active.used < wall:
        return None
    known = [one for one in others if one.used is not None and one.used < wall - GUARD / 2]
    return min(known, key=lambda one: (one.used, one.account.alias), default=None)


def _room(one: Standing) -> float:
    return UNKNOWN_HEADROOM if one.headroom is None else one.headroom


def _is_short(one: Standing, failover: Failover) -> bool:
    """Tell whether so little is left that it is no good to come to, or to stay with.

    Whoever was left before the wall is not returned to on this side of it.
    """
    guard = GUARD
    if failover.swap_before_wall:
        guard = max(guard, 1 - failover.wall_threshold + GUARD / 2)
    return one.headroom is not None and one.headroom <= guard


def _seconds_left(one: Standing, now: datetime) -> float:
    return float("inf") if one.expires_at is None else (one.expires_at - now).total_seconds()


def _is_ahead(one: Standing, active: Standing, failover: Failover) -> bool:
    mine, other = place(one, failover), place(active, failover)
    return (mine, one.account.alias) < (other, active.account.alias)


def _roomier(active: Standing, fit: Sequence[Standing], failover: Failover) -> Standing | None:
    if active.headroom is None:
        return None
    gains = [one for one in fit if one.headroom is not None]
    best = max(gains, key=lambda one: (_room(one), one.account.alias), default=None)
    if best is None or _room(best) - active.headroom < failover.headroom_gain:
        return None
    return best


def _sooner(
    active: Standing, fit: Sequence[Standing], failover: Failover, now: datetime
) -> Standing | None:
    known = [one for one in fit if one.expires_at is not None and not _is_short(one, failover)]
    best = min(known, key=lambda one: rank(one, failover, now), default=None)
    if best is None or best.expires_at is None:
        return None
    if _is_short(active, failover):
        return best
    if active.expires_at is None or active.expires_at - best.expires_at < SOONER:
        return None
    return best
