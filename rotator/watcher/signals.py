"""What bridges and opencode's log report to the watcher, and what is done about it.

A failure is classified, by its vendor's rules first, and carried out; what a good answer's
headers say of limits is a reading of usage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from rotator.clock import is_ahead
from rotator.context import Context
from rotator.core.failures.classify import LIMITS
from rotator.core.failures.faults import (
    OWN,
    as_told,
    counted_before,
    counts,
    find_fault,
    with_end,
)
from rotator.core.failures.reported_failures import Note, ReportedFailure, StoppedWait
from rotator.core.selection import failover as engine
from rotator.core.selection.fallback import PASS
from rotator.core.selection.policy import stands_in
from rotator.model import (
    Account,
    AccountId,
    Event,
    EventKind,
    Fault,
    FaultKind,
    Finding,
    Meaning,
    Signal,
    Source,
    Verdict,
    VerdictKind,
)
from rotator.opencode.bridge.exchange import FIRST_FAILURE, Exchange
from rotator.opencode.log import LoggedFailure
from rotator.services.failover import Answer, Before, Means, carry_out, meaning_of
from rotator.services.lifts import lift_by_answer
from rotator.services.restarts import restart_note
from rotator.services.usage import note_headers
from rotator.watcher.logged_failures import LoggedFailures
from rotator.watcher.ramps import Ramps
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.switches import Switches
from rotator.watcher.usage_poller import UsagePoller

NOBODY: frozenset[AccountId] = frozenset()
_WAITING_KEPT = 200
_ASKS_WITHIN = timedelta(seconds=5)
# Of which opencode writes a line into its log.
_LOGGED = {FaultKind.ERROR, FaultKind.CUT, FaultKind.STALLED}
# What changes nothing about an account, so that no other event tells of it.
_UNMARKED = {Meaning.OVERLOAD, Meaning.NOT_OURS}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that waits for an account, since when, and by when it asks anew if it does."""

    provider: str
    since: datetime
    asks_by: datetime

    def is_there(self, now: datetime) -> bool:
        """Tell whether it may still ask anew; one that began ahead is of a clock set back since."""
        return now < self.asks_by and not is_ahead(self.since, now)


class SignalHandler:
    """Takes reports one at a time; called from the watcher's one thread."""

    def __init__(
        self,
        context: Context,
        exchange: Exchange,
        refreshes: RefreshQueue,
        readings: UsagePoller,
        switches: Switches | None = None,
    ) -> None:
        """Answer through `exchange`; what waits for new tokens gets them by `refreshes`.

        Of who was refused without a word until when, `readings` ask. OpenCode 2's logins are
        switched by `switches`.
        """
        self._context = context
        self._exchange = exchange
        self._refreshes = refreshes
        self._readings = readings
        self._switches = switches
        self._lines = LoggedFailures(context, exchange, self._decide_logged)
        # Since when requests wait for an account that frees up.
        self._waiting: dict[str, _Waiting] = {}
        self._ramps = Ramps()

    def on_bridge_signal(self, signal: Signal) -> None:
        """Work off what a bridge reported."""
        if signal.unproven and self._is_anothers(signal):
            return
        if signal.fault is not None:
            self._judge_fault(signal, signal.fault)
        elif _is_good(signal):
            lift_by_answer(self._context, signal)
            self._note_limits(signal)
        else:
            self._decide(signal, self._meaning(signal))

    def _is_anothers(self, signal: Signal) -> bool:
        """Leave alone what may say nothing about an account; tell whether that is so."""
        is_failure = not _is_good(signal)
        where = (signal.provider, signal.session, signal.host)
        if not self._lines.may_be_anothers(*where, says=is_failure):
            return False
        self._waiting.pop(signal.request, None)
        if is_failure and (signal.fault is None or signal.fault.kind in _LOGGED):
            self._lines.expect(_reported(self._context, signal))
        if is_failure and (signal.fault is None or signal.fault.is_held):
            self._reply(signal)(PASS)
        return True

    def on_session_note(self, note: Note | StoppedWait) -> None:
        """Work off what a bridge says of a request that is in its log, or waits no more."""
        if isinstance(note, StoppedWait):
            self._waiting.pop(note.request, None)
        else:
            self._lines.note(note)

    def on_logged_failure(self, failure: LoggedFailure, with_last: bool = False) -> None:  # noqa: FBT001, FBT002  # a hook
        """Work off a failure in opencode's log, unless a bridge has reported it already.

        `with_last`: it was read together with the one before it.
        """
        # What we let an answer fail with is known.
        if OWN not in failure.message:
            self._lines.hear(failure, with_last=with_last)

    @property
    def holds_lines(self) -> bool:
        """Whether a line of the log waits for what a bridge says of it."""
        return self._lines.is_holding

    def see_opencodes(self) -> None:
        """Know of the opencodes that write into the log."""
        self._lines.see_opencodes()

    def follow_swaps(self) -> None:
        """Know of the opencodes that go on with the login from before a swap."""
        self._lines.follow_swaps()

    def work_held_lines(self) -> None:
        """Look at the lines of the log that wait."""
        self._lines.work()

    def unsent_at(self, provider: str) -> datetime | None:
        """Return when a turn of the provider's last failed without a request to its model."""
        return self._lines.unsent_at(provider)

    def on_finding(self, signal: Signal, finding: Finding) -> None:
        """Do what a failure asks for whose meaning is known; nobody waits for a verdict."""
        self._decide(signal, finding)

    def _note_limits(self, signal: Signal) -> None:
        account = engine.account_of(self._context.store.state(), signal)
        if account is not None and note_headers(self._context, account, signal.headers):
            self._context.notify_changed()

    def _judge_fault(self, signal: Signal, fault: Fault) -> None:
        """Work off an answer that was none; what opencode has already is told as in its log."""
        if fault.kind in _LOGGED:
            self._lines.expect(_reported(self._context, signal))
        finding = find_fault(signal, fault, self._meaning(as_told(signal)))
        if not fault.is_held:
            signal = replace(signal, source=Source.LOG)
        state = self._context.store.state()
        account = engine.account_of(state, signal)
        if finding is None or account is None:
            self._reply(signal)(PASS)
            return
        before = state.slot(signal.provider).active
        verdict = self._decide(signal, finding)
        stays = self._context.store.state().slot(signal.provider).active == before
        if signal.home.follows_switches:
            stays = verdict.kind is VerdictKind.PASS
        is_news = counts(fault) and not counted_before(fault)
        if stays and is_news and finding.meaning in _UNMARKED:
            goes_on = "opencode pauses" if fault.is_held else "opencode tries again by itself"
            why = f"{account.name}: {finding.reason}; nobody takes over, and {goes_on}"
            news = Event(self._context.clock(), EventKind.PROBLEM, signal.provider, account.name)
            self._context.record([replace(news, why=why)])

    def _decide_logged(self, signal: Signal) -> None:
        self._decide(signal, self._meaning(signal))

    def _meaning(self, signal: Signal) -> Finding:
        return meaning_of(self._context, signal)

    def _decide(
        self,
        signal: Signal,
        finding: Finding,
        asked: frozenset[AccountId] = NOBODY,
        until: float | None = None,
    ) -> Verdict:
        """Do what a failure asks for, now or once an account has the tokens that it needs.

        For all of those that are `asked` for tokens together it is waited `until` then.
        """

        def freshen(account: Account) -> bool:
            ends = self._refreshes.deadline() if until is None else until
            again = partial(self._decide, signal, finding, asked | {account.id}, ends)
            self._refreshes.want(account, again, ends)
            return False

        before = self._context.store.state().slot(signal.provider).active
        verdict = carry_out(
            self._context,
            signal,
            finding,
            answer=self._reply(signal, finding),
            means=Means(freshen, self._switches, self._refreshes.under_way),
            before=Before(asked, self._waits_since(signal)),
        )
        self._note_wait(signal, verdict)
        if finding.meaning in LIMITS and finding.until is None:
            self._ask_until_when(signal)
        if not signal.home.follows_switches:
            self._say_who_needs_a_restart(signal, before)
        if signal.source is not Source.LOG and verdict.kind is VerdictKind.PASS:
            self._lines.expect(_reported(self._context, signal))
        return verdict

    @property
    def waiting(self) -> list[str]:
        """The providers of which a turn waits for an account that frees up, one for each turn."""
        now = self._context.clock()
        # Whoever gave up, or was ended, does not ask anew.
        return sorted(w.provider for w in self._waiting.values() if w.is_there(now))

    def _waits_since(self, signal: Signal) -> datetime | None:
        waiting = self._waiting.get(signal.request)
        return None if waiting is None else min(waiting.since, self._context.clock())

    def _note_wait(self, signal: Signal, verdict: Verdict) -> None:
        if verdict.kind is VerdictKind.WAIT:
            if verdict.note is None:
                # For its own account, and not for long.
                return
            now = self._context.clock()
            asks_by = now + timedelta(milliseconds=verdict.wait_ms) + _ASKS_WITHIN
            since = self._waits_since(signal) or now
            self._waiting[signal.request] = _Waiting(signal.provider, since, asks_by)
            for request in list(self._waiting)[:-_WAITING_KEPT]:
                del self._waiting[request]
        elif verdict.kind is not VerdictKind.ACK:
            self._waiting.pop(signal.request, None)

    def _ask_until_when(self, signal: Signal) -> None:
        state = self._context.store.state()
        account = engine.account_of(state, signal)
        if account is not None and state.balancing:
            self._readings.want(account)

    def _reply(self, signal: Signal, finding: Finding | None = None) -> Answer:
        if signal.source is Source.LOG:
            return lambda _: None
        # Of an answer that was none the sentence says whose it was.
        account = engine.account_of(self._context.store.state(), signal) if signal.fault else None

        def answer(verdict: Verdict) -> None:
            placed = self._ramps.placed(signal, verdict, self._context.clock())
            ended = with_end(placed, signal, account, finding) if finding else placed
            self._exchange.answer(signal.id, ended)

        return answer

    def _say_who_needs_a_restart(self, signal: Signal, before: AccountId | None) -> None:
        state = self._context.store.state()
        after, left = state.active(signal.provider), state.account(before) if before else None
        if after is None or after.id == before:
            return
        # A bridge puts in what is for the same place, unless it has nothing to put it into.
        follows = stands_in(after, left.credential if left else None)
        note = restart_note(
            self._context,
            self._exchange.present(),
            after,
            only_sure=signal.source is not Source.LOG and follows,
        )
        if note is not None:
            self._context.record([note])


def _is_good(signal: Signal) -> bool:
    return signal.status is not None and signal.status < FIRST_FAILURE


def _reported(context: Context, signal: Signal) -> ReportedFailure:
    return ReportedFailure(signal.provider, signal.session, context.clock())
