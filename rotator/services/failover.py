"""Carries an outcome of the engine out: the swap, then the verdict, then the bookkeeping."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from rotator.context import Context
from rotator.core.failures.classify import LIMITS, classify
from rotator.core.failures.limit_scope import scope_of
from rotator.core.selection import failover as engine
from rotator.core.selection.failover_decision import (
    AccountUpdate,
    Decision,
    NoteOverloadSwap,
    PlannedSwap,
    Renewal,
    SetLimit,
    SetRejected,
)
from rotator.core.selection.fallback import PASS
from rotator.core.selection.homes import seen_by
from rotator.errors import NothingToRotateTo, RotatorError, SwapUnverified
from rotator.live.refresh_answers import with_resting
from rotator.live.swap import SwapRequest, swap
from rotator.model import (
    EVERYTHING,
    Account,
    AccountId,
    Digest,
    Event,
    EventKind,
    Finding,
    Signal,
    State,
    Verdict,
)
from rotator.services.refresh import is_held_up, obstacle_now, with_fresh_tokens
from rotator.services.spent_logins import reject_spent

log = logging.getLogger(__name__)

# Somebody logs in or rotates just while a failure is worked off: decide anew, but not for ever.
_MOST_DECISIONS = 5
# A request waits for the swap, and the bridge for a quarter of a second.
_PATIENCE_SECONDS = 0.15

Answer = Callable[[Verdict], None]


class Switching(Protocol):
    """**Protocol:** what switches logins, where that is followed, for whoever works off a failure.

    Each request takes its login by the slot there, so it goes on before the switch.
    """

    def prepare(self, account: AccountId) -> tuple[Account, str]:
        """Let an account stand there; return it and its slot. Raises RotatorError."""

    def begin(self, slot: str) -> bool:
        """Let the login in a slot become the active one, soon; False if it is about to be."""


# Gets new tokens for an account; False: they come later, and then it is decided anew.
Freshen = Callable[[Account], bool]


@dataclass(frozen=True, slots=True)
class Before:
    """What this failure has led to before.

    `asked` are accounts whose tokens were asked for because of it; `since` is when its request
    began to wait for an account, if it does.
    """

    asked: Collection[AccountId] = ()
    since: datetime | None = None


NOTHING_BEFORE = Before()


@dataclass(frozen=True, slots=True)
class Means:
    """What a failure is worked off with: who gets new tokens, and who switches logins."""

    freshen: Freshen | None = None
    switches: Switching | None = None
    # Whom this process refreshes just now: others wait for the same answer.
    under_way: Collection[AccountId] = ()


_HERE_AND_NOW = Means()


def meaning_of(context: Context, signal: Signal) -> Finding:
    """Return what a failure means, by its vendor's own rules first, and what it is counted for."""
    now = context.clock()
    registry = context.registry
    finding = registry.classify(signal, now) or classify(signal, now, registry.zone_of(signal))
    if finding.meaning not in LIMITS or finding.scope != EVERYTHING:
        return finding
    scope = registry.limit_scope(signal) or scope_of(signal, finding.meaning)
    return replace(finding, scope=scope)


def carry_out(
    context: Context,
    signal: Signal,
    finding: Finding,
    *,
    answer: Answer,
    means: Means = _HERE_AND_NOW,
    before: Before = NOTHING_BEFORE,
) -> Verdict:
    """Do what a failure asks for, call `answer` with the verdict, and return it.

    Where the account that shall take over needs new tokens, the first verdict is ack, and
    `means` get them (by default here and now). It never raises for a swap that could not be
    made: then the verdict is pass, the account is marked all the same, and an event says what
    stood in the way.
    """
    reply, tried = _Once(answer), set(before.asked)
    refused, told = set[AccountId](), set[AccountId]()
    is_over = True
    try:
        reject_spent(context)
        for _ in range(_MOST_DECISIONS):
            state = _with_resting(context, signal.provider, tried | refused, told)
            state = seen_by(state, signal)
            decision = engine.decide(
                state,
                signal,
                finding,
                context.clock(),
                renewal=partial(_renewal, context, means, tried),
                since=before.since,
            )
            if not decision.freshen or decision.order is None:
                if _done(context, signal, decision, reply, means.switches):
                    break
                refused |= {decision.order.to.id} if decision.order else set()
                continue
            reply.first_word(decision.verdict)
            _mark(context, decision)
            tried.add(decision.order.to.id)
            is_over = (means.freshen or _here_and_now(context))(decision.order.to)
            if not is_over:
                return decision.verdict
    finally:
        if is_over:
            reply(PASS)
    return reply.given or PASS


def _renewal(
    context: Context, means: Means, tried: Collection[AccountId], account: Account
) -> Renewal:
    if account.id in tried or obstacle_now(context, account) is not None:
        return Renewal.NEVER
    if account.id not in means.under_way and is_held_up(context, account):
        return Renewal.HELD_UP
    return Renewal.NOW


def _with_resting(
    context: Context, provider: str, tried: set[AccountId], told: set[AccountId]
) -> State:
    """Return the state without those of `tried` whose token may be spent; say so once of each."""
    before = context.decision_state(provider)
    after = with_resting(context, before, tried)
    for account, rests in zip(before.accounts, after.accounts, strict=True):
        if rests.limit is not account.limit and rests.limit is not None and rests.id not in told:
            told.add(rests.id)
            why = f"{rests.alias} could not take over: {rests.limit.reason}"
            event = Event(context.clock(), EventKind.PROBLEM, provider, rests.name, why=why)
            context.record([event])
    return after


def _here_and_now(context: Context) -> Freshen:
    def freshen(account: Account) -> bool:
        with_fresh_tokens(context, account)
        return True

    return freshen


class _Once:
    """Gives the first answer it gets, and no other; one that is not the last may come before."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.given: Verdict | None = None

    def __call__(self, verdict: Verdict) -> None:
        if self.given is None:
            self.given = verdict
            self.first_word(verdict)

    def first_word(self, verdict: Verdict) -> None:
        try:
            self._answer(verdict)
        except OSError as exc:
            # The request passes by itself then; what happened is written down all the same.
            log.warning("a verdict could not be given: %s", exc.strerror)


def _done(
    context: Context,
    signal: Signal,
    decision: Decision,
    reply: _Once,
    switches: Switching | None,
) -> bool:
    if signal.home.follows_switches:
        return switches is None or _done_by_switch(context, signal, decision, reply, switches)
    order = decision.order
    if order is None:
        reply(decision.verdict)
        _mark(context, decision)
        return True
    try:
        done = swap(
            context,
            SwapRequest(
                account=order.to.id,
                why=order.why,
                kind=EventKind.FAILOVER,
                expected=order.expected.id if order.expected else None,
                check_expected=True,
                watched=True,
                patience_seconds=_PATIENCE_SECONDS,
                on_renamed=lambda put: reply(_for(decision.verdict, put.credential.digest)),
                also=lambda: _write_marks(context, decision.updates),
                events=decision.events,
            ),
        )
    except NothingToRotateTo as exc:
        # Its refresh token was exchanged meanwhile, or sent: another one is chosen.
        log.warning("another account takes over: %s", exc.message)
        return False
    except SwapUnverified as exc:
        # Everything is written down already; the watcher's next look puts it right.
        context.record([_problem(context, order.to, exc)])
        return True
    except RotatorError as exc:
        log.warning("a failover could not be made: %s", exc.message)
        # A turn that goes on elsewhere does not need the swap.
        reply(PASS if decision.verdict.credential else decision.verdict)
        _mark(
            context, replace(decision, events=(*decision.events, _problem(context, order.to, exc)))
        )
        return True
    return done is not None


def _done_by_switch(
    context: Context,
    signal: Signal,
    decision: Decision,
    reply: _Once,
    switches: Switching,
) -> bool:
    """Let a request go on; who is active is switched once it is under way."""
    order, verdict = decision.order, decision.verdict
    to = order.to if order else _named(context, signal, verdict)
    if to is None or verdict.drop is not None:
        reply(verdict)
        _mark(context, decision)
        return True
    if not context.store.state().standings_of(to.id):
        # A row is yet to be written.
        reply.first_word(engine.ACK)
    try:
        account, slot = switches.prepare(to.id)
    except RotatorError as exc:
        if order is not None and isinstance(exc, NothingToRotateTo):
            log.warning("another account takes over: %s", exc.message)
            return False
        log.warning("a failover could not be made: %s", exc.message)
        reply(PASS)
        problem = _problem(context, to, exc)
        _mark(context, replace(decision, events=(*decision.events, problem)))
        return True
    reply(replace(_for(verdict, account.credential.digest), slot=slot))
    if order is not None and switches.begin(slot):
        decision = replace(
            decision, events=(*decision.events, _switched(context, signal, order, account))
        )
    _mark(context, decision)
    return True


def _named(context: Context, signal: Signal, verdict: Verdict) -> Account | None:
    state = context.store.state()
    if verdict.credential is None:
        return None
    return state.account(state.digests.get((signal.provider, verdict.credential)))


def _switched(context: Context, signal: Signal, order: PlannedSwap, put: Account) -> Event:
    left = order.expected.alias if order.expected else None
    why = f"{order.why} (in {signal.home.value})"
    now, kind = context.clock(), EventKind.FAILOVER
    return Event(now, kind, put.provider, put.name, left, put.alias, why)


def _problem(context: Context, to: Account, exc: RotatorError) -> Event:
    why = f"{to.alias} could not take over: {exc.message}"
    return Event(context.clock(), EventKind.PROBLEM, to.provider, to.name, why=why)


def _for(verdict: Verdict, credential: Digest) -> Verdict:
    # The account may have got a newer credential between the decision and the swap.
    return replace(verdict, credential=credential) if verdict.credential else verdict


def _mark(context: Context, decision: Decision) -> None:
    if decision.updates:
        with context.store.transaction():
            _write_marks(context, decision.updates)
    context.record(decision.events)
    if decision.updates:
        context.notify_changed()


def _write_marks(context: Context, marks: tuple[AccountUpdate, ...]) -> None:
    now = context.clock()
    for mark in marks:
        match mark:
            case SetLimit(account=account, limit=limit):
                context.store.set_limit(account.id, limit)
            case SetRejected(account=account, reason=reason):
                context.store.set_rejected(account.id, reason)
                context.store.note_rejection(account.provider, now)
            case NoteOverloadSwap(provider=provider):
                context.store.note_overload_swap(provider, now)
