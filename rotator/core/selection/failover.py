"""What the watcher does about a failure, as data: a signal and its meaning -> an outcome.

Pure: no I/O, no clock. The daemon carries an outcome out: the swap first, then the verdict,
then the bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from rotator.clock import is_ahead, is_within
from rotator.core.logins.refresh_policy import wants_refresh
from rotator.core.selection.failover_decision import (
    AccountUpdate,
    Decision,
    NoteOverloadSwap,
    PlannedSwap,
    Renewal,
    SetLimit,
    SetRejected,
)
from rotator.core.selection.fallback import PASS, fall_back, first_recovery, wait_until
from rotator.core.selection.limit_lifts import kept_name
from rotator.core.selection.limits import is_ready, limit_on, members, with_limit
from rotator.core.selection.patience import continued, is_waited_for, waits_until, was_limited
from rotator.core.selection.places import fits, has_left_place, within_reach
from rotator.core.selection.policy import Selection, choose, chosen, is_stale, stands_in
from rotator.core.selection.rests import REFRESHED_ELSEWHERE, held_up, next_limit
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


def account_of(state: State, signal: Signal, now: datetime | None = None) -> Account | None:
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


def decide(
    state: State,
    signal: Signal,
    finding: Finding,
    now: datetime,
    *,
    renewal: Callable[[Account], Renewal] = lambda _: Renewal.NEVER,
    since: datetime | None = None,
) -> Decision:
    """Return what to do about a failed request whose meaning is `finding`.

    `renewal` tells of an account whose tokens have run out whether we could renew them. Where that
    has to wait for somebody else, another one takes over that can serve the request, if there is
    one. `since` is when the request began to wait for an account, if it does.
    """
    account = account_of(state, signal, now)
    if account is None:
        return Decision()
    if signal.waited:
        decision = _after_wait(state, signal, account, now)
    else:
        decision = _about(state, signal, account, finding, now)
    if decision.is_last_resort:
        decision = _last_resort(state, signal, account, decision, since or now, now)
    order = decision.order
    if order is None or not wants_refresh(order.to, now):
        return decision
    when = renewal(order.to)
    if when is Renewal.NEVER:
        return decision
    if when is Renewal.HELD_UP:
        others = _with(state, held_up(order.to, REFRESHED_ELSEWHERE, now))
        other = decide(others, signal, finding, now, renewal=renewal, since=since)
        if _is_at_once(other, renewal):
            return other
    # The swap that the overload is counted for comes later.
    marks = tuple(mark for mark in decision.updates if not isinstance(mark, NoteOverloadSwap))
    return replace(decision, verdict=ACK, freshen=True, updates=marks)


def _last_resort(
    state: State,
    signal: Signal,
    account: Account,
    decision: Decision,
    since: datetime,
    now: datetime,
) -> Decision:
    """Return the decision with where the turn goes on, or how long it waits."""
    after = _marked(state, decision.updates)
    verdict, news = fall_back(after, signal, account, since, now)
    decision = replace(decision, verdict=verdict, events=(*decision.events, *news))
    first = first_recovery(within_reach(after, signal, account), signal, now)
    if verdict.kind is VerdictKind.WAIT and first and first[0].provider == signal.provider:
        # One for its own place is waited for, and can be put in only while none of another is.
        return replace(decision, order=None)
    return decision


def _is_at_once(decision: Decision, renewal: Callable[[Account], Renewal]) -> bool:
    """Tell whether the request goes on with another account, and waits for nobody else's doing."""
    if decision.order is None or decision.verdict == PASS:
        return False
    return not decision.freshen or renewal(decision.order.to) is Renewal.NOW


def _about(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Decision:
    match finding.meaning:
        case Meaning.NOT_OURS:
            return Decision()
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


def _foreign_history(state: State, signal: Signal) -> Decision:
    """Send once more on the same account, without what it cannot read; blame nobody."""
    # More attempts than are listed: one was a repetition, and the list names each account once.
    repeated = signal.attempt > max(len(signal.tried), 1)
    alone = len(state.of(signal.provider)) == 1
    if signal.credential is None or signal.tried.count(signal.credential) > 1 or repeated or alone:
        return Decision()
    return Decision(Verdict(VerdictKind.RETRY, signal.credential, drop="reasoning"))


def _limit(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Decision:
    before = limit_on(account, finding.scope.model)
    limit = next_limit(before, finding, now)
    patience = timedelta(seconds=state.failover.patience_seconds)
    if limit is not before:
        limit = continued(before, limit, patience, now)
        limit = replace(limit, asked=None if limit.model else kept_name(signal.model))
    successor = chosen(state, _wanted(state, signal, account), now)
    is_elsewhere = successor is not None and was_limited(
        limit_on(successor, finding.scope.model), now
    )
    is_kept = _is_kept(state, signal, account, now) and is_waited_for(
        before, limit, finding, patience, now, is_elsewhere=is_elsewhere
    )
    marks: tuple[AccountUpdate, ...] = ()
    events: tuple[Event, ...] = ()
    if limit is not before:
        # What is counted for all of them together is known of each.
        marks = tuple(SetLimit(member, limit) for member in _limited_with(state, account, finding))
        why = _why_limited(limit, finding, marks)
        waits = f"{why}; waited for" if is_kept else why
        events = (_event(now, EventKind.LIMITED, account, waits),)
        state = _marked(state, marks)
    if not state.balancing:
        return Decision(updates=marks, events=events)
    if is_kept:
        # Whoever reads of it in the log has nobody to hold: opencode waits as long by itself.
        verdict = PASS if signal.source is Source.LOG else wait_until(limit.until, now)
        return Decision(verdict, updates=marks, events=events)
    choice = choose(state, _wanted(state, signal, account), now)
    if choice.account is None:
        # Only the failure that used up the last account says so; the others repeat it.
        events = tuple(replace(event, detail=choice.why) for event in events)
    decision = _hand_to(choice, state, signal, account, now)
    return replace(decision, updates=marks, events=events)


def _is_kept(state: State, signal: Signal, account: Account, now: datetime) -> bool:
    """Tell whether a request of the account's could go on with it, were it not for the limit."""
    active = state.active(account.provider)
    is_barred = account.disabled or account.maybe or account.why_login_at(now)
    if not state.balancing or active is None or is_barred:
        return False
    return active.id == account.id or has_left_place(state, signal, account)


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


def _why_limited(limit: Limit, finding: Finding, marks: tuple[AccountUpdate, ...]) -> str:
    what = f"{finding.reason} for {limit.model}" if limit.model else finding.reason
    # The account itself is one of them.
    others = len(marks) - 1
    together = f", and {others} more that are counted together with it" if others else ""
    return f"{what}; rests until {moment_in_full(limit.until)}{together}"


def _marked(state: State, marks: tuple[AccountUpdate, ...]) -> State:
    """Return the state as it is once the accounts are marked."""
    for rest in (mark for mark in marks if isinstance(mark, SetLimit)):
        state = _with(state, with_limit(rest.account, rest.limit))
    for reject in (mark for mark in marks if isinstance(mark, SetRejected)):
        state = _with(state, replace(reject.account, rejected=reject.reason))
    return state


def _overload(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Decision:
    last = state.slot(signal.provider).overload_swap_at
    decision = _one_other(state, signal, account, now)
    if decision.order is None:
        # Trouble at a provider is over before anybody has gone elsewhere.
        return replace(decision, is_last_resort=False)
    if last is not None and is_within(OVERLOAD_PAUSE, last, now):
        return Decision()
    order = replace(decision.order, why=f"{account.alias}: {finding.reason}; {decision.order.why}")
    return replace(decision, order=order, updates=(NoteOverloadSwap(signal.provider),))


def _login_dead(
    state: State, signal: Signal, account: Account, finding: Finding, now: datetime
) -> Decision:
    if signal.credential not in {None, account.credential.digest}:
        # Older tokens of a login that was renewed meanwhile: they say nothing about it.
        decision = _one_other(state, signal, account, now)
        return Decision(decision.verdict) if decision.order is None else Decision()
    if account.rejected is not None:
        return _one_other(state, signal, account, now)
    last = state.slot(signal.provider).rejected_at
    if last is not None and is_within(REJECTION_PAUSE, last, now):
        # Two dead logins within minutes are more likely the vendor's trouble than ours.
        return Decision()
    marks = (SetRejected(account, finding.reason),)
    events = (_event(now, EventKind.REJECTED, account, f"{finding.reason}; it needs a login"),)
    state = _marked(state, marks)
    return replace(_one_other(state, signal, account, now), updates=marks, events=events)


def _one_other(state: State, signal: Signal, account: Account, now: datetime) -> Decision:
    """Hand over once, for failures that another account is unlikely to help with."""
    if not state.balancing or len(set(signal.tried)) > 1:
        return Decision()
    return _hand_over(state, signal, account, now)


def _hand_over(state: State, signal: Signal, account: Account, now: datetime) -> Decision:
    return _hand_to(
        choose(state, _wanted(state, signal, account), now), state, signal, account, now
    )


def _hand_to(
    choice: Choice, state: State, signal: Signal, account: Account, now: datetime
) -> Decision:
    if choice.account is None:
        return Decision(is_last_resort=True)
    active = state.active(signal.provider)
    if active is not None and active.id not in {choice.account.id, account.id}:
        # Whoever was put in stays until a signal about it.
        return Decision(is_last_resort=has_left_place(state, signal, account))
    return _put(state, signal, account, choice, now)


def _put(state: State, signal: Signal, failed: Account, choice: Choice, now: datetime) -> Decision:
    """Let the request go on with the chosen account: the live one, or one in its place."""
    active, to = state.active(failed.provider), choice.account
    if active is None or to is None:
        # An empty slot stays empty until the user says otherwise.
        return Decision()
    verdict = _retry_with(signal, to, now) if stands_in(to, failed.credential) else PASS
    order = None if active.id == to.id else PlannedSwap(to, active, choice.why)
    # What was built for one place is not sent to another.
    return Decision(verdict, order, is_last_resort=not fits(signal, to, failed))


def _retry_with(signal: Signal, account: Account, now: datetime) -> Verdict:
    if not signal.home.follows_switches and is_stale(account, now):
        # opencode has to refresh the token first, which it does at its own next try (where
        # switches are followed, whenever it is asked for it).
        return PASS
    return Verdict(VerdictKind.RETRY, account.credential.digest)


def _after_wait(state: State, signal: Signal, account: Account, now: datetime) -> Decision:
    """Ask anew for a request whose wait is over, or was cut short; nothing has failed since."""
    if _is_kept(state, signal, account, now):
        patience = timedelta(seconds=state.failover.patience_seconds)
        until = waits_until(account, signal.model, patience, now)
        if until is not None:
            return Decision(wait_until(until, now))
    if has_left_place(state, signal, account):
        is_ready_now = state.balancing and is_ready(account, signal.model, now)
        is_ours = account.credential.digest == signal.credential
        if not is_ready_now or not is_ours:
            return Decision(is_last_resort=True)
        return Decision(_retry_with(signal, account, now))
    wanted = Selection(signal.provider, (), account.credential, signal.model)
    choice = choose(state, wanted, now)
    if choice.account is None:
        return Decision(is_last_resort=True)
    return _put(state, signal, account, choice, now)


def _wanted(state: State, signal: Signal, account: Account) -> Selection:
    tried = {state.digests.get((signal.provider, d)) for d in signal.tried}
    # Two rows may hold one credential; sent again it is refused again.
    same = {a.id for a in state.of(signal.provider) if a.credential.digest in signal.tried}
    barred = frozenset({account.id, *same, *(t for t in tried if t is not None)})
    return Selection(
        signal.provider,
        barred,
        account.credential,
        signal.model,
        has_failed=True,
        is_built_anew=signal.home.follows_switches,
    )


def _with(state: State, account: Account) -> State:
    accounts = tuple(account if a.id == account.id else a for a in state.accounts)
    return replace(state, accounts=accounts)


def _event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    return Event(now, kind, account.provider, account.name, why=why)
