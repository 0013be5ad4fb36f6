"""What the watcher does about a failure, as data: a signal and its meaning -> an outcome.

Pure: no I/O, no clock. The daemon carries an outcome out: the swap first, then the verdict,
then the bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from rotator.clock import is_ahead, is_within
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.core.selection.fallback import PASS, go_on
from rotator.core.selection.limits import limit_on, members, with_limit
from rotator.core.selection.policy import Wanted, choose, is_stale, stands_in
from rotator.core.selection.rests import next_limit
from rotator.model import (
    Account,
    Choice,
    Event,
    EventKind,
    Finding,
    Limit,
    Meaning,
    Reach,
    Signal,
    Source,
    State,
    Verdict,
    VerdictKind,
)
from rotator.wording import moment_in_full

OVERLOAD_PAUSE = timedelta(minutes=1)
REJECTION_PAUSE = timedelta(minutes=10)
# The longest that a bridge waits for the last word.
ACK = Verdict(VerdictKind.ACK, wait_ms=20_000)


@dataclass(frozen=True, slots=True)
class Rest:
    """The account rests until the limit is over."""

    account: Account
    limit: Limit


@dataclass(frozen=True, slots=True)
class Reject:
    """The account needs a new login."""

    account: Account
    reason: str


@dataclass(frozen=True, slots=True)
class NoteOverload:
    """A swap of this provider was made because of an overload."""

    provider: str


Mark = Rest | Reject | NoteOverload


@dataclass(frozen=True, slots=True)
class Order:
    """Put `to` into its provider's slot, in which `expected` is now."""

    to: Account
    expected: Account | None
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a signal leads to. The verdict holds if the ordered swap succeeds, else it is pass.

    With `freshen` the account that shall take over gets new tokens first, and then it is
    decided anew.
    """

    verdict: Verdict = PASS
    order: Order | None = None
    freshen: bool = False
    marks: tuple[Mark, ...] = ()
    events: tuple[Event, ...] = ()
    # No account of the provider can answer: the turn goes on elsewhere, if it goes on.
    is_last_resort: bool = False


def blamed(state: State, signal: Signal, now: datetime | None = None) -> Account | None:
    """Return the account whose request failed, or None if that cannot be told.

    A signal with a digest is about that account, whoever is active by now; a log line names
    none, so it is about the account that was in the slot at its time. The bridge always names
    one: what it sends without is damaged. A time in the slot that is ahead of `now` is of a clock
    that was set back since, and is past.
    """
    if signal.credential is not None:
        return state.account(state.digests.get((signal.provider, signal.credential)))
    if signal.source is Source.BRIDGE:
        return None
    tenures = state.slot(signal.provider).tenures
    past = [t for t in tenures if t.since <= signal.at or (now and is_ahead(t.since, now))]
    return state.account(past[-1].account) if past else None


def on_signal(
    state: State,
    signal: Signal,
    finding: Finding,
    now: datetime,
    *,
    may_refresh: Callable[[Account], bool] = lambda _: False,
    since: datetime | None = None,
) -> Outcome:
    """Return what to do about a failed request whose meaning is `finding`.

    `may_refresh` tells of an account whose tokens have run out whether we could renew them now.
    `since` is when the request began to wait for an account, if it does.
    """
    account = blamed(state, signal, now)
    if account is None:
        return Outcome()
    if signal.waited:
        outcome = _after_wait(state, signal, account, now)
    else:
        outcome = _about(state, signal, account, finding, now)
    if outcome.is_last_resort:
        after = _marked(state, outcome.marks)
        verdict, news = go_on(after, signal, account, since or now, now)
        outcome = replace(outcome, verdict=verdict, events=(*outcome.events, *news))
    order = outcome.order
    if order is None or not wants_refresh(order.to, now) or not may_refresh(order.to):
        return outcome
    # The swap that the overload is counted for comes later.
    marks = tuple(mark for mark in outcome.marks if not isinstance(mark, NoteOverload))
    return replace(outcome, verdict=ACK, freshen=True, marks=marks)


def _about(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Outcome:
    match finding.meaning:
        case Meaning.NOT_OURS:
            return Outcome()
        case Meaning.FOREIGN_HISTORY:
            return _foreign_history(state, signal)
        case Meaning.OVERLOAD:
            return _overload(state, signal, account, finding, now)
        case Meaning.LOGIN_DEAD:
            return _login_dead(state, signal, account, finding, now)
        case Meaning.SHORT_LIMIT | Meaning.EXHAUSTED | Meaning.BILLING:
            return _limit(state, signal, account, finding, now)
        case never:
            assert_never(never)


def _foreign_history(state: State, signal: Signal) -> Outcome:
    """Send once more on the same account, without what it cannot read; blame nobody."""
    # More attempts than are listed: one was a repetition, and the list names each account once.
    repeated = signal.attempt > max(len(signal.tried), 1)
    alone = len(state.of(signal.provider)) == 1
    if signal.credential is None or signal.tried.count(signal.credential) > 1 or repeated or alone:
        return Outcome()
    return Outcome(Verdict(VerdictKind.RETRY, signal.credential, drop="reasoning"))


def _limit(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Outcome:
    before = limit_on(account, finding.scope.model)
    limit = next_limit(before, finding, now)
    marks: tuple[Mark, ...] = ()
    events: tuple[Event, ...] = ()
    if limit is not before:
        # What is counted for all of them together is known of each.
        marks = tuple(Rest(member, limit) for member in _limited_with(state, account, finding))
        events = (_event(now, EventKind.LIMITED, account, _why_limited(limit, finding, marks)),)
        state = _marked(state, marks)
    if not state.balancing:
        return Outcome(marks=marks, events=events)
    choice = choose(state, _wanted(state, signal, account), now)
    if choice.account is None:
        # Only the failure that used up the last account says so; the others repeat it.
        events = tuple(replace(event, detail=choice.why) for event in events)
    outcome = _hand_over(state, signal, account, now)
    return replace(outcome, marks=marks, events=events)


def _limited_with(state: State, account: Account, finding: Finding) -> list[Account]:
    """Return the account and those that are known to be limited by the same failure."""
    everybody = state.of(account.provider)
    match finding.scope.reach:
        case Reach.ACCOUNT:
            return [account]
        case Reach.GROUP:
            return members(everybody, account)
        case Reach.PROVIDER:
            return list(everybody)
        case never:
            assert_never(never)


def _why_limited(limit: Limit, finding: Finding, marks: tuple[Mark, ...]) -> str:
    what = f"{finding.reason} for {limit.model}" if limit.model else finding.reason
    # The account itself is one of them.
    others = len(marks) - 1
    together = f", and {others} more that are counted together with it" if others else ""
    return f"{what}; rests until {moment_in_full(limit.until)}{together}"


def _marked(state: State, marks: tuple[Mark, ...]) -> State:
    """Return the state as it is once the accounts are marked."""
    for rest in (mark for mark in marks if isinstance(mark, Rest)):
        state = _with(state, with_limit(rest.account, rest.limit))
    for reject in (mark for mark in marks if isinstance(mark, Reject)):
        state = _with(state, replace(reject.account, rejected=reject.reason))
    return state


def _overload(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Outcome:
    last = state.slot(signal.provider).overload_swap_at
    outcome = _one_other(state, signal, account, now)
    if outcome.order is None:
        # Trouble at a provider is over before anybody has gone elsewhere.
        return replace(outcome, is_last_resort=False)
    if last is not None and is_within(OVERLOAD_PAUSE, last, now):
        return Outcome()
    order = replace(outcome.order, why=f"{account.alias}: {finding.reason}; {outcome.order.why}")
    return replace(outcome, order=order, marks=(NoteOverload(signal.provider),))


def _login_dead(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Outcome:
    if signal.credential not in {None, account.credential.digest}:
        # Older tokens of a login that was renewed meanwhile: they say nothing about it.
        outcome = _one_other(state, signal, account, now)
        return Outcome(outcome.verdict) if outcome.order is None else Outcome()
    if account.rejected is not None:
        return _one_other(state, signal, account, now)
    last = state.slot(signal.provider).rejected_at
    if last is not None and is_within(REJECTION_PAUSE, last, now):
        # Two dead logins within minutes are more likely the vendor's trouble than ours.
        return Outcome()
    marks = (Reject(account, finding.reason),)
    events = (_event(now, EventKind.REJECTED, account, f"{finding.reason}; it needs a login"),)
    state = _marked(state, marks)
    return replace(_one_other(state, signal, account, now), marks=marks, events=events)


def _one_other(state: State, signal: Signal, account: Account, now: datetime) -> Outcome:
    """Hand over once, for failures that another account is unlikely to help with."""
    if not state.balancing or len(set(signal.tried)) > 1:
        return Outcome()
    return _hand_over(state, signal, account, now)


def _hand_over(state: State, signal: Signal, account: Account, now: datetime) -> Outcome:
    choice = choose(state, _wanted(state, signal, account), now)
    if choice.account is None:
        return Outcome(is_last_resort=True)
    active = state.active(signal.provider)
    if active is not None and active.id not in {choice.account.id, account.id}:
        # Whoever was put in stays until a signal about it.
        return Outcome()
    return _put(state, account, choice, now)


def _put(state: State, failed: Account, choice: Choice, now: datetime) -> Outcome:
    """Let the request go on with the chosen account: the live one, or one in its place."""
    active, to = state.active(failed.provider), choice.account
    if active is None or to is None:
        # An empty slot stays empty until the user says otherwise.
        return Outcome()
    verdict = Verdict(VerdictKind.RETRY, to.credential.digest)
    if is_stale(to, now) or not stands_in(to, failed.credential):
        # opencode has to refresh the token first, which it does at its own next try; and what
        # was built for one place is not sent to another.
        verdict = PASS
    if active.id == to.id:
        return Outcome(verdict)
    return Outcome(verdict, Order(to, active, choice.why))


def _after_wait(state: State, signal: Signal, account: Account, now: datetime) -> Outcome:
    """Ask anew for a request whose wait is over; nothing has failed since."""
    wanted = Wanted(signal.provider, (), account.credential, signal.model)
    choice = choose(state, wanted, now)
    if choice.account is None:
        return Outcome(is_last_resort=True)
    return _put(state, account, choice, now)


def _wanted(state: State, signal: Signal, account: Account) -> Wanted:
    tried = {state.digests.get((signal.provider, d)) for d in signal.tried}
    # Two rows may hold one credential; sent again it is refused again.
    same = {a.id for a in state.of(signal.provider) if a.credential.digest in signal.tried}
    barred = frozenset({account.id, *same, *(t for t in tried if t is not None)})
    return Wanted(signal.provider, barred, account.credential, signal.model, has_failed=True)


def _with(state: State, account: Account) -> State:
    accounts = tuple(account if a.id == account.id else a for a in state.accounts)
    return replace(state, accounts=accounts)


def _event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    return Event(now, kind, account.provider, account.name, why=why)
