"""Who keeps which of an account's tokens, once it is known whose they are or where they came from.

Pure. An account's tokens are a line, oldest first, and the last of them are in use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.core.logins.ancestry import Ancestry
from rotator.core.logins.credential_secrets import random_secrets, secrets_of
from rotator.core.logins.refresh_guess import REFRESH_MARGIN
from rotator.model import NOBODY, Credential, Identity

# Of one person's tokens that may each have been exchanged for the next ones.
_MOST_PERHAPS_SPENT = 8
# Replaced tokens of which nobody knows whose they are.
MOST_UNKNOWN = 64


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens of an account's line, and whose they are (without a key: nobody knows).

    `number` is that of replaced ones; None: they are in use. `at` is when others took their
    place; nobody knows any more which took the place of `loose` ones.
    """

    number: int | None
    credential: Credential
    who: Identity
    loose: bool = False
    at: datetime | None = None


Line = tuple[TokenPair, ...]


@dataclass(frozen=True, slots=True)
class Parted:
    """What an account keeps of its line, and what leaves it for an account of its own.

    `unsure` says that tokens of the older part of which nobody knows whose they are may have
    been exchanged for those that the newer one begins with.
    """

    kept: Line
    left: Line = ()
    unsure: bool = False


def told(line: Line, at: int, who: Identity) -> Parted:
    """Return what becomes of a line once a vendor has said who the tokens at `at` belong to.

    The account stays with those that it began with, whichever are told first; of loose ones nobody
    knows that, and it goes on with those that it was known by. Who is new gets an account of their
    own. One person's older tokens stay: a vendor may call two people the same, and say so later.
    """
    unsaid = _unsaid(line, at, who)
    now = tuple(
        replace(tokens, who=who if n == at else NOBODY) if n == at or n in unsaid else tokens
        for n, tokens in enumerate(line)
    )
    named = [n for n, tokens in enumerate(now) if n != at and tokens.who.key is not None]
    others = [n for n in named if now[n].who.key != who.key]
    if not others:
        return Parted(now)
    later = max(at, others[-1])
    is_later = [
        n >= later if tokens.who.key is None else (tokens.who.key == who.key) is (at == later)
        for n, tokens in enumerate(now)
    ]
    sides = tuple(
        _in_order([(n in unsaid, tokens) for n, tokens in enumerate(now) if is_later[n] is which])
        for which in (False, True)
    )
    # What was told of the tokens in use just now is not what it was known by.
    keeps_those_in_use = named[-1] == len(now) - 1
    kept = is_later[-1] is keeps_those_in_use
    if keeps_those_in_use and line[first := first_of(line)].who.key != line[-1].who.key:
        kept = is_later[first]
    # Between two that are named may be tokens of either.
    return Parted(sides[kept], sides[not kept], unsure=True)


def first_of(line: Line) -> int:
    """Return the place of the tokens that an account began with, as far as somebody knows."""
    return next(n for n, tokens in enumerate(line) if not tokens.loose or tokens.number is None)


def _unsaid(line: Line, at: int, who: Identity) -> frozenset[int]:
    """Return the places of tokens of which nobody knows any more whose they are.

    Where a vendor says another name of tokens than before, that one is no proof of others that
    may have been exchanged for them.
    """
    before = line[at].who.key
    if before in {None, who.key}:
        return frozenset()
    return frozenset(
        n for n in range(at) if line[n].who.key == before and is_perhaps_spent(line[n])
    )


def is_perhaps_spent(tokens: TokenPair) -> bool:
    """Tell whether tokens were at their end when others took their place, as at a refresh."""
    expires_at = tokens.credential.expires_at
    if tokens.at is None or tokens.loose or expires_at is None:
        return False
    return expires_at - tokens.at <= REFRESH_MARGIN


def _in_order(side: Iterable[tuple[bool, TokenPair]]) -> Line:
    """Return one side of a line, those to go on with last, if it has none that are in use."""
    pairs = list(side)
    if pairs[-1][1].number is not None:
        pairs.sort(key=lambda pair: (not pair[0], *_how_well_known(pair[1])))
    return tuple(tokens for _, tokens in pairs)


def _how_well_known(tokens: TokenPair) -> tuple[bool, float]:
    """Return what is larger for tokens to go on with; those in order stay in their order."""
    if not tokens.loose:
        return True, 0.0
    # They came from several accounts: the last ones are those that run out last.
    expires_at = tokens.credential.expires_at
    return False, expires_at.timestamp() if expires_at else 0.0


def traced(line: Line, came_from: Sequence[Ancestry]) -> Parted | None:
    """Return what becomes of a line by what bridges saw, late, of its tokens; None: nothing."""
    for n in range(len(line) - 1, 0, -1):
        for earlier in range(n):
            if _came_from(line[n], came_from[n], line[earlier]):
                # Those were exchanged for these: one person's, and spent.
                who = line[n].who if line[n].who.key is not None else line[earlier].who
                now = (*line[:n], replace(line[n], who=who), *line[n + 1 :])
                return Parted((*now[:earlier], *now[earlier + 1 :]))
        if came_from[n].is_login and not (line[n - 1].loose or _is_one_owner(line[n - 1 : n + 1])):
            # Those of which least is known are never the ones to go on with.
            return Parted(tuple(sorted(line[:n], key=_how_well_known)), line[n:])
    return None


def _is_one_owner(line: Line) -> bool:
    """Tell whether one person is named for all of these."""
    keys = {tokens.who.key for tokens in line}
    return len(keys) == 1 and None not in keys


def too_many(line: Line, came_from: Sequence[Ancestry]) -> Parted | None:
    """Return what is left of a line once the oldest of many refreshed tokens go; None: all."""
    spent = [
        tokens.number
        for n, tokens in enumerate(line[:-1])
        if _is_one_owner((tokens, line[-1])) and _was_refreshed(line, came_from, n)
    ]
    gone = frozenset(spent[:-_MOST_PERHAPS_SPENT])
    return Parted(tuple(tokens for tokens in line if tokens.number not in gone)) if gone else None


def crowded(
    line: Line, came_from: Sequence[Ancestry], doubted: Collection[str] = ()
) -> Parted | None:
    """Return what is left of a line with too many tokens of which nobody knows whose; None: all.

    The first ones, a login's, and those that are known or may be somebody else's stay: they may
    be the only copy, as may be `doubted` ones. What goes was most likely exchanged for what
    follows it, the oldest first.
    """
    owner = line[-1].who.key
    may_go = [
        (not is_perhaps_spent(tokens), n)
        for n, tokens in enumerate(line[:-1])
        if n > first_of(line)
        and not tokens.loose
        and tokens.who.key in {None, owner}
        and not came_from[n].is_login
        and not came_from[n + 1].is_login
        and not set(doubted) & set(secrets_of(tokens.credential))
    ]
    most = max(0, len(line) - 1 - MOST_UNKNOWN)
    gone = {n for _, n in sorted(may_go)[:most]}
    return Parted(tuple(pair for n, pair in enumerate(line) if n not in gone)) if gone else None


def of_others(line: Line, came_from: Sequence[Ancestry]) -> Line:
    """Return the replaced tokens of a line that may be of somebody else than those in use.

    Not so what shares a secret with these, or was refreshed under their owner's name.
    """
    own = random_secrets(line[-1].credential)
    return tuple(
        tokens
        for n, tokens in enumerate(line[:-1])
        if not own & random_secrets(tokens.credential)
        and not (_is_one_owner((tokens, line[-1])) and _was_refreshed(line, came_from, n))
    )


def split_off(line: Line, kept: Line) -> Parted | None:
    """Return what becomes of a line whose `kept` tokens are to be an account of their own.

    None: nothing, for what is known to be of one name would be joined again. The account stays
    with the tokens that it was known by.
    """
    in_use = line[-1]
    left = likeliest_last(
        tuple(tokens for tokens in kept if None in {tokens.who.key, in_use.who.key})
    )
    if not left:
        return None
    own = tuple(tokens for tokens in line if tokens not in left)
    if in_use.who.key is None and left[-1].who.key is not None:
        return Parted(left, own)
    return Parted(own, left)


def likeliest_last(line: Line) -> Line:
    """Return replaced tokens in the order in which they may be used: the last ones likely live."""
    return tuple(
        sorted(line, key=lambda pair: (not is_perhaps_spent(pair), *_how_well_known(pair)))
    )


def _was_refreshed(line: Line, came_from: Sequence[Ancestry], at: int) -> bool:
    """Tell whether others took the place of tokens as at a refresh: a login is none."""
    # That it was a login says so of those before it, for as long as it is there.
    is_login = came_from[at + 1].is_login or (at > 0 and came_from[at].is_login)
    return is_perhaps_spent(line[at]) and not is_login


def _came_from(newer: TokenPair, came_from: Ancestry, older: TokenPair) -> bool:
    """Tell whether tokens were exchanged for others; what names two owners was not."""
    is_another = None not in {newer.who.key, older.who.key} and newer.who.key != older.who.key
    return not is_another and bool(set(came_from.line) & set(secrets_of(older.credential)))
