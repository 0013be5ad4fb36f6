"""What limits of seconds cost: how often a conversation's cache is written anew elsewhere.

A vendor keeps the beginning of a conversation for a while, for one account alone; whenever a
request goes to another account than the one before, all of it is read and written once more. The
real decisions (`rotator.core.selection.failover`) and the real ramp live through refusals that
people have reported, and through simulated hours on accounts that take so many requests at once.
"""

from __future__ import annotations

import heapq
import json
import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random

from rotator.core.failures.classify import classify
from rotator.core.selection.failover import decide
from rotator.model import Account, AccountId, Signal, State, Verdict, VerdictKind
from rotator.model.preferences import Failover
from rotator.watcher.ramps import Ramps
from tests.support.builders import ACME, NOW, a_signal, a_state, an_account, carried_out
from tests.support.repository import ROOT

RECORDED = ROOT / "fixtures" / "field" / "short-waits.json"
# An account may have so many requests at once, and so many more a second.
AT_ONCE, A_SECOND = 6, 2.0
# A turn asks for several helpers at once now and then, each a conversation of its own.
HELPERS, HELPED = (2, 9), 0.08
# The last request of a turn, after which a person reads.
LAST, READING_SECONDS = 0.15, (20.0, 240.0)
# A vendor's first word comes after so long; a model writes for as long as this.
ANSWER_SECONDS, LEAST_WRITING, MOST_WRITING = 0.3, 3.0, 15.0
APART = timedelta(minutes=10)


@dataclass
class Counts:
    """What became of the requests: served, refused, and caches that were written anew."""

    served: int = 0
    refused: int = 0
    rewrites: int = 0
    waited_seconds: float = 0.0
    _on: dict[str, AccountId] = field(default_factory=dict)

    def serve(self, session: str, account: AccountId) -> None:
        """Count a request that was answered."""
        self.served += 1
        self.rewrites += self._on.get(session, account) != account
        self._on[session] = account


@dataclass
class Bucket:
    """How many requests an account takes at once, which come back all the time."""

    left: float = AT_ONCE
    at: datetime = NOW

    def ask(self, now: datetime) -> int | None:
        """Serve a request; or return after how many whole seconds it shall come again."""
        gone = (now - self.at).total_seconds()
        self.at, self.left = now, min(self.left + gone * A_SECOND, AT_ONCE)
        if self.left >= 1:
            self.left -= 1
            return None
        return max(math.ceil((1 - self.left) / A_SECOND), 1)


@dataclass(order=True)
class _Step:
    """A request that is sent, or that asks anew, at a moment; `left` requests follow it."""

    at: datetime
    number: int
    session: str = field(compare=False)
    left: int | None = field(default=None, compare=False)
    asks: bool = field(default=False, compare=False)
    tried: tuple[Account, ...] = field(default=(), compare=False)
    began: datetime | None = field(default=None, compare=False)


class Watcher:
    """The decisions about one provider's accounts, as the watcher makes them."""

    def __init__(self, accounts: int, patience_seconds: int) -> None:
        names = [an_account(chr(97 + number)) for number in range(accounts)]
        failover = Failover(patience_seconds=patience_seconds)
        self.state: State = a_state(*names, active=names[0], failover=failover)
        self._ramps = Ramps()

    @property
    def active(self) -> Account:
        """The account in auth.json."""
        account = self.state.active(ACME)
        assert account is not None
        return account

    def verdict(self, signal: Signal, now: datetime) -> Verdict:
        """Decide about a failure, and do it."""
        decision = decide(self.state, signal, classify(signal, now), now)
        self.state = carried_out(self.state, decision, now)
        return self._ramps.placed(signal, decision.verdict, now)


def recorded(patience_seconds: int) -> Counts:
    """Let one conversation meet each refusal that was reported, ten minutes apart."""
    counts, watcher, now = Counts(), Watcher(2, patience_seconds), NOW
    for number, told in enumerate(json.loads(RECORDED.read_text())["refusals"]):
        # The account that is live serves until it is refused, and again once it may.
        counts.serve("ses", watcher.active.id)
        now += APART
        counts.refused += 1
        request, account = f"request-{number}", watcher.active
        body = json.dumps({"error": {"message": told["text"], "code": "rate_limit_exceeded"}})
        signal = a_signal(account, request=request, status=429, body=body, at=now)
        verdict = watcher.verdict(signal, now)
        while verdict.kind is VerdictKind.WAIT:
            waited = timedelta(milliseconds=verdict.wait_ms)
            counts.waited_seconds += waited.total_seconds()
            now += waited
            again = replace(signal, at=now, waited=True, tried=())
            verdict = watcher.verdict(again, now)
        counts.serve("ses", watcher.active.id)
    return counts


class Hours:
    """Some hours of conversations side by side, on accounts with such buckets."""

    def __init__(self, patience_seconds: int, *, accounts: int, sessions: int, seed: int) -> None:
        self.counts = Counts()
        self._watcher = Watcher(accounts, patience_seconds)
        self._buckets = {a.id: Bucket() for a in self._watcher.state.accounts}
        # Both lives have the same work, whatever becomes of it.
        self._random = {f"ses-{n}": Random(f"{seed}-{n}") for n in range(sessions)}  # noqa: S311  # chance that can be repeated
        self._numbers = count()
        self._steps: list[_Step] = []
        for session in list(self._random):
            self._next(session, NOW)

    def _push(self, step: _Step) -> None:
        heapq.heappush(self._steps, replace(step, number=next(self._numbers)))

    def _next(self, session: str, now: datetime) -> None:
        """Let a conversation ask once more: soon within a turn, later after a person has read."""
        chance = self._random[session]
        is_last = chance.random() < LAST
        pause = chance.uniform(*READING_SECONDS) if is_last else chance.uniform(0.2, 2.0)
        at = now + timedelta(seconds=pause)
        self._push(_Step(at, 0, session))
        if chance.random() < HELPED:
            for number in range(chance.randint(*HELPERS)):
                name = f"{session}-{at.timestamp()}-{number}"
                self._random[name] = Random(name)  # noqa: S311  # chance that can be repeated
                self._push(_Step(at, 0, name, self._random[name].randint(1, 10)))

    def live(self, hours: float) -> Counts:
        """Let the hours go by."""
        while self._steps and self._steps[0].at < NOW + timedelta(hours=hours):
            step = heapq.heappop(self._steps)
            if step.asks:
                self._ask(step)
            else:
                self._send(step)
        return self.counts

    def _send(self, step: _Step) -> None:
        account = self._watcher.active
        wait = self._buckets[account.id].ask(step.at)
        if wait is None:
            self._serve(step, account)
            return
        self.counts.refused += 1
        at = step.at + timedelta(seconds=ANSWER_SECONDS)
        tried = (*(a for a in step.tried if a.id != account.id), account)
        signal = a_signal(account, *tried[:-1], request=step.session, status=429)
        signal = replace(signal, at=at, headers={"retry-after": str(wait)})
        self._obey(replace(step, at=at, tried=tried), signal)

    def _serve(self, step: _Step, account: Account) -> None:
        self.counts.serve(step.session, account.id)
        if step.began is not None:
            self.counts.waited_seconds += (step.at - step.began).total_seconds()
        writing = self._random[step.session].uniform(LEAST_WRITING, MOST_WRITING)
        at = step.at + timedelta(seconds=writing)
        if step.left is None:
            self._next(step.session, at)
        elif step.left:
            self._push(_Step(at, 0, step.session, step.left - 1))

    def _ask(self, step: _Step) -> None:
        account = step.tried[-1]
        asking = {"request": step.session, "status": 429, "waited": True, "tried": ()}
        self._obey(replace(step, tried=(account,)), a_signal(account, at=step.at, **asking))

    def _obey(self, step: _Step, signal: Signal) -> None:
        verdict = self._watcher.verdict(signal, step.at)
        step = replace(step, began=step.began or step.at, asks=False)
        if verdict.kind is VerdictKind.WAIT:
            waited = timedelta(milliseconds=verdict.wait_ms)
            self._push(replace(step, at=step.at + waited, asks=True))
        elif verdict.kind is VerdictKind.RETRY:
            self._push(step)
        else:
            # opencode's own retry, after two seconds for the first time.
            self._push(replace(step, at=step.at + timedelta(seconds=2), tried=()))


class Foreseen(Hours):
    """The same hours with full knowledge: whoever is refused waits as long as it takes."""

    def _send(self, step: _Step) -> None:
        account = self._watcher.active
        wait = self._buckets[account.id].ask(step.at)
        if wait is None:
            self._serve(step, account)
            return
        self.counts.refused += 1
        began = step.began or step.at
        self._push(replace(step, at=step.at + timedelta(seconds=wait), began=began))


def simulated(
    patience_seconds: int, sessions: int, *, hours: float, seeds: int, of: type[Hours] = Hours
) -> Counts:
    """Return the sums over some days of work with so many conversations on three accounts."""
    total = Counts()
    for seed in range(seeds):
        day = of(patience_seconds, accounts=3, sessions=sessions, seed=seed).live(hours)
        total.served += day.served
        total.refused += day.refused
        total.rewrites += day.rewrites
        total.waited_seconds += day.waited_seconds
    return total


@dataclass(frozen=True)
class Compared:
    """A series without patience, and with what is set by default."""

    name: str
    without: Counts
    patient: Counts
    # With full knowledge, where that can be known.
    foreseen: Counts | None = None

    @property
    def gone(self) -> float:
        """Which part of the caches is not written anew any more."""
        return 1 - self.patient.rewrites / self.without.rewrites

    def __str__(self) -> str:
        """Return one line of the report."""
        counts, best = self.patient, self.foreseen
        bound = "" if best is None else (
            f"; at best {best.rewrites}, waited {best.waited_seconds:7.1f} s"
        )  # fmt: skip
        return (
            f"{self.name:<32} caches written anew {self.without.rewrites:>6} →"
            f" {counts.rewrites:>6} ({self.gone:.0%} gone)  refused {self.without.refused:>5} →"
            f" {counts.refused:>5} of {counts.served:>6}  waited {counts.waited_seconds:7.1f} s"
            f"{bound}"
        )


def compared(*, hours: float = 8, seeds: int = 3, most_sessions: int = 6) -> list[Compared]:
    """Return each series, with what would be best.

    With full knowledge nobody moves: one account could serve them all. It is the rule that a
    second limit within a minute moves on, and all conversations with it, that many together meet
    more often.
    """
    default = Failover().patience_seconds
    return [
        Compared("refusals that were reported", recorded(0), recorded(default)),
        *(
            Compared(
                f"{sessions} conversation{'s' if sessions > 1 else ''} with helpers",
                simulated(0, sessions, hours=hours, seeds=seeds),
                simulated(default, sessions, hours=hours, seeds=seeds),
                simulated(default, sessions, hours=hours, seeds=seeds, of=Foreseen),
            )
            for sessions in (1, 2, 3, 6)
            if sessions <= most_sessions
        ),
    ]
