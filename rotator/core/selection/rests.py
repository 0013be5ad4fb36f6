"""How long an account rests after a failure that names no end, and who is back when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from rotator.core.selection.limit_lifts import is_lifted
from rotator.model import Account, AccountState, Finding, Limit, Meaning, Reach, RestState, State

FIRST_REST = timedelta(seconds=60)
LONGEST_REST = timedelta(minutes=30)
# What is used up is so for hours, and nobody pays within a minute; the vendor's usage may say so
# earlier.
FIRST_LONG_REST = timedelta(minutes=30)
LONGEST_USED_UP_REST = timedelta(hours=5)
LONGEST_UNPAID_REST = timedelta(hours=8)
# A limit that comes this soon after the last one ended counts as the next in a row.
STRIKE_MEMORY = timedelta(minutes=30)
# Answers to one limit differ by the time they travelled; less than this is no news.
SAME_RESET = timedelta(seconds=5)
REFRESHED_ELSEWHERE = "another process is getting new tokens for it, or for one of its client"
_LOOK_AGAIN_AFTER = timedelta(minutes=1)


def next_limit(before: Limit | None, finding: Finding, now: datetime) -> Limit:
    """Return the limit that a failure leads to; `before` itself if that says nothing new.

    Without a time in the answer an account rests for 60 s, doubled for each limit in a row up
    to 30 min; what is used up for 30 min up to 5 h, without anything to pay with up to 8 h.
    Failures during a rest do not lengthen it: they are of requests that were under way already.
    """
    until = finding.until if finding.until is not None and finding.until > now else None
    kind: RestState = AccountState.EXHAUSTED
    if finding.meaning is Meaning.SHORT_LIMIT:
        kind = AccountState.COOLING
    strikes = 1
    if before is not None and now < before.until:
        if until is None or until - before.until <= _same_reset(before):
            return before
        strikes = before.strikes
    elif before is not None and now - before.until < STRIKE_MEMORY:
        strikes = before.strikes + 1
    return Limit(
        kind,
        until or now + _guessed_rest(finding.meaning, strikes),
        finding.reason,
        strikes,
        since=now,
        is_stated=until is not None,
        model=finding.scope.model,
        is_own=finding.scope.reach is Reach.ACCOUNT,
        is_uncounted=finding.is_uncounted or finding.meaning is Meaning.BILLING,
    )


def _same_reset(before: Limit) -> timedelta:
    # Of a rest of seconds a second more is one.
    return min(SAME_RESET, (before.until - before.since) / 2) if before.since else SAME_RESET


def _guessed_rest(meaning: Meaning, strikes: int) -> timedelta:
    first, longest = FIRST_REST, LONGEST_REST
    if meaning is Meaning.EXHAUSTED:
        first, longest = FIRST_LONG_REST, LONGEST_USED_UP_REST
    if meaning is Meaning.BILLING:
        first, longest = FIRST_LONG_REST, LONGEST_UNPAID_REST
    return min(first * (1 << min(strikes - 1, 10)), longest)


def held_up(account: Account, why: str, now: datetime) -> Account:
    """Return the account as one that rests, for somebody else keeps it to themselves just now.

    Nobody can tell for how long.
    """
    rest = Limit(AccountState.COOLING, now + _LOOK_AGAIN_AFTER, why, since=now)
    return replace(account, limit=rest)


def recoveries(state: State, since: datetime, now: datetime) -> list[Account]:
    """Return the accounts whose rest, or the rest for some models, ended after `since`.

    Of one that was lifted it was said then.
    """
    return [
        a
        for a in state.accounts
        if any(since < limit.until <= now and not is_lifted(limit) for limit in _limits(a))
        and a.state_at(now) is AccountState.READY
    ]


def next_recovery(state: State, now: datetime) -> datetime | None:
    """Return when the next rest ends, or None if nobody rests."""
    ends = (limit.until for a in state.accounts for limit in _limits(a))
    return min((until for until in ends if until > now), default=None)


def _limits(account: Account) -> list[Limit]:
    return [limit for limit in (account.limit, *account.part_limits) if limit is not None]
