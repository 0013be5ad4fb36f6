"""The order of accounts that the user's strategy gives, and when to leave one that still works.

Pure. A rank is a tuple: the account with the least goes first, and the alias makes every tie end
in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from rotator.core.selection.headroom import Headroom
from rotator.model.preferences import Failover, Strategy

# Of what is unknown neither all nor nothing is left.
UNKNOWN_HEADROOM = 0.5
# An account with less left than this is soon used up, whatever speaks for it.
GUARD = 0.1
# A difference between two resets that is worth a swap.
SOONER = timedelta(hours=1)

Rank = tuple[float | str, ...]


def rank(standing: Headroom, failover: Failover, now: datetime) -> Rank:
    """Return the account's place among those that could take over."""
    strikes = float(standing.account.limit.strikes if standing.account.limit else 0)
    alias = standing.account.alias
    room = -_room(standing)
    strategy = failover.strategy_of(standing.account.provider)
    match strategy:
        case Strategy.STICKY | Strategy.HEADROOM:
            return (float(standing.is_full), strikes, room, alias)
        case Strategy.ORDERED:
            return (float(standing.is_full), float(place(standing, failover)), alias)
        case Strategy.DRAIN:
            return (
                float(standing.is_full),
                float(_is_short(standing, failover)),
                _seconds_left(standing, now),
                room,
                alias,
            )
        case never:
            assert_never(never)


def place(standing: Headroom, failover: Failover) -> int:
    """Return the account's place in the user's order; whoever is not named comes last."""
    order = failover.order_of(standing.account.provider)
    return order.index(standing.account.alias) if standing.account.alias in order else len(order)


def better(
    active: Headroom, others: Sequence[Headroom], failover: Failover, now: datetime
) -> Headroom | None:
    """Return the account that the strategy prefers to one that still works, or None.

    `others` are ready. What is unknown is no reason to leave.
    """
    fit = [standing for standing in others if not standing.is_full]
    match failover.strategy_of(active.account.provider):
        case Strategy.STICKY:
            return None
        case Strategy.ORDERED:
            ahead = [
                standing
                for standing in fit
                if _is_ahead(standing, active, failover) and not _is_short(standing, failover)
            ]
            return min(ahead, key=lambda standing: rank(standing, failover, now), default=None)
        case Strategy.HEADROOM:
            return _roomier(active, fit, failover)
        case Strategy.DRAIN:
            return _sooner(active, fit, failover, now)
        case never:
            assert_never(never)


def before_the_wall(
    active: Headroom, others: Sequence[Headroom], failover: Failover
) -> Headroom | None:
    """Return who takes over before the active account is used up, or None: see `swap_before_wall`.

    Only an account goes that is known to be about to, to one that is known not to be.
    """
    wall = failover.wall_threshold
    if not failover.swap_before_wall or active.used is None or active.used < wall:
        return None
    known = [
        standing
        for standing in others
        if standing.used is not None and standing.used < wall - GUARD / 2
    ]
    return min(known, key=lambda standing: (standing.used, standing.account.alias), default=None)


def _room(standing: Headroom) -> float:
    return UNKNOWN_HEADROOM if standing.left is None else standing.left


def _is_short(standing: Headroom, failover: Failover) -> bool:
    """Tell whether so little is left that it is no good to come to, or to stay with.

    Whoever was left before the wall is not returned to on this side of it.
    """
    guard = GUARD
    if failover.swap_before_wall:
        guard = max(guard, 1 - failover.wall_threshold + GUARD / 2)
    return standing.left is not None and standing.left <= guard


def _seconds_left(standing: Headroom, now: datetime) -> float:
    return (
        float("inf") if standing.expires_at is None else (standing.expires_at - now).total_seconds()
    )


def _is_ahead(standing: Headroom, active: Headroom, failover: Failover) -> bool:
    mine, other = place(standing, failover), place(active, failover)
    return (mine, standing.account.alias) < (other, active.account.alias)


def _roomier(active: Headroom, fit: Sequence[Headroom], failover: Failover) -> Headroom | None:
    if active.left is None:
        return None
    gains = [standing for standing in fit if standing.left is not None]
    best = max(gains, key=lambda standing: (_room(standing), standing.account.alias), default=None)
    if best is None or _room(best) - active.left < failover.headroom_gain:
        return None
    return best


def _sooner(
    active: Headroom, fit: Sequence[Headroom], failover: Failover, now: datetime
) -> Headroom | None:
    known = [
        standing
        for standing in fit
        if standing.expires_at is not None and not _is_short(standing, failover)
    ]
    best = min(known, key=lambda standing: rank(standing, failover, now), default=None)
    if best is None or best.expires_at is None:
        return None
    if _is_short(active, failover):
        return best
    if active.expires_at is None or active.expires_at - best.expires_at < SOONER:
        return None
    return best
