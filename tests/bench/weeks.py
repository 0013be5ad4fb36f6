"""Simulated weeks of work on several accounts: what each way of choosing makes of their limits.

Our strategies run the real decisions (`rotator.core.selection.failover`,
`rotator.core.selection.policy`). Beside them are two rules of others, as they are known: the
reference plug-in (stay, else the first by name that was not refused within the last 60 s or before
its Retry-After) and claude-swap's best headroom (look once a minute at usage that may be three
minutes old; from 90 % on, go to whoever has most left).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from rotator.core.selection.failover import decide
from rotator.core.selection.policy import prefer
from rotator.model import (
    Account,
    AccountId,
    Finding,
    Meaning,
    Signal,
    Snapshot,
    State,
    VerdictKind,
    Window,
)
from rotator.model.preferences import Failover, Strategy
from tests.support.builders import ACME, NOW, a_signal, a_state, an_account, carried_out

FIVE_HOURS, WEEK = timedelta(hours=5), timedelta(days=7)
# Requests: what a window holds, and how many an hour somebody makes who works.
HOURLY_CAPACITY, WEEKLY_CAPACITY = 120, 900
BUSY_REQUESTS = 70
_POLL, _STALE, _THRESHOLD = timedelta(seconds=60), timedelta(seconds=180), 0.9
_COOLING = timedelta(seconds=60)


@dataclass
class Meter:
    """What a vendor counts for one account: a window of five hours, and one of a week.

    Each begins with the first request after its end, as the plans' windows do; the week begins at
    its own time for each account.
    """

    week_ends: datetime
    hours_end: datetime = NOW
    used_hours: int = 0
    used_week: int = 0
    expired: int = 0

    def pass_time(self, now: datetime) -> None:
        """Begin the windows anew whose time is over."""
        while now >= self.week_ends:
            self.expired += WEEKLY_CAPACITY - self.used_week
            self.used_week = 0
            self.week_ends += WEEK
        if now >= self.hours_end:
            self.used_hours = 0

    def ask(self, now: datetime) -> datetime | None:
        """Serve a request; or return when it would be served, if it is refused."""
        self.pass_time(now)
        if self.used_week >= WEEKLY_CAPACITY:
            return self.week_ends
        if self.used_hours >= HOURLY_CAPACITY:
            return self.hours_end
        if not self.used_hours:
            self.hours_end = now + FIVE_HOURS
        self.used_hours += 1
        self.used_week += 1
        return None

    def snapshot(self, now: datetime) -> Snapshot:
        """Return what the vendor tells of it."""
        self.pass_time(now)
        hours = Window(
            "5h",
            min(self.used_hours / HOURLY_CAPACITY, 1),
            self.hours_end if self.used_hours else None,
            int(FIVE_HOURS.total_seconds()),
        )
        week = Window(
            "7d",
            min(self.used_week / WEEKLY_CAPACITY, 1),
            self.week_ends,
            int(WEEK.total_seconds()),
        )
        return Snapshot(now, (hours, week), complete=True)


@dataclass
class Outcome:
    """What became of the requests."""

    served: int = 0
    served_before_all_were_used_up: int = 0
    refused: int = 0
    swaps: int = 0
    hours: float = 0
    expired: int = 0
    _dry: bool = False

    def count(self, *, is_served: bool) -> None:
        """Count a request."""
        self.served += is_served
        self.refused += not is_served
        self._dry = self._dry or not is_served
        self.served_before_all_were_used_up += is_served and not self._dry


class Rule:
    """Whoever chooses: is asked for each request, and told when one was refused."""

    name = ""

    def __init__(self, meters: dict[AccountId, Meter]) -> None:
        self.meters = meters
        self.active = next(iter(meters))
        self.swaps = 0

    def put(self, account: AccountId) -> None:
        """Make an account the live one."""
        self.swaps += account != self.active
        self.active = account

    def begin(self, now: datetime) -> None:
        """Choose for a turn that begins."""

    def refused(self, until: datetime, now: datetime) -> bool:
        """Choose anew; False: there is nobody."""
        raise NotImplementedError(until, now)


class FirstByName(Rule):
    """The reference plug-in's rule."""

    name = "reference: first by name, 60 s"

    def __init__(self, meters: dict[AccountId, Meter]) -> None:
        super().__init__(meters)
        self._cooling: dict[AccountId, datetime] = {}

    def refused(self, until: datetime, now: datetime) -> bool:
        """Go to the first that does not cool; most plans' answers name no Retry-After."""
        del until
        self._cooling[self.active] = now + _COOLING
        free = [one for one in sorted(self.meters) if self._cooling.get(one, now) <= now]
        if free:
            self.put(free[0])
        return bool(free)


class BestHeadroom(Rule):
    """claude-swap's rule."""

    name = "claude-swap: best headroom"

    def __init__(self, meters: dict[AccountId, Meter]) -> None:
        super().__init__(meters)
        self._polled_at = self._read_at = NOW - WEEK
        self._used: dict[AccountId, float] = {}

    def _read(self, now: datetime) -> None:
        if now - self._read_at >= _STALE:
            self._read_at = now
            self._used = {
                one: max(w.used for w in meter.snapshot(now).windows)
                for one, meter in self.meters.items()
            }

    def begin(self, now: datetime) -> None:
        """Look once a minute whether the threshold is passed."""
        if now - self._polled_at < _POLL:
            return
        self._polled_at = now
        self._read(now)
        if self._used[self.active] >= _THRESHOLD:
            best = min(self._used, key=lambda one: (self._used[one], one))
            if self._used[best] < _THRESHOLD:
                self.put(best)

    def refused(self, until: datetime, now: datetime) -> bool:
        """Take the one with most left, if there is one with anything."""
        del until
        self._read_at = NOW - WEEK
        self._read(now)
        best = min(self._used, key=lambda one: (self._used[one], one))
        if self._used[best] >= 1:
            return False
        self.put(best)
        return True


class Ours(Rule):
    """One of our strategies, by the real decisions."""

    failover = Failover()

    def __init__(self, meters: dict[AccountId, Meter]) -> None:
        super().__init__(meters)
        accounts = [an_account(str(one).rpartition("-")[2]) for one in meters]
        self._state = a_state(*accounts, active=accounts[0], failover=self.failover)
        self._swapped_at = self._read_at = NOW - WEEK

    def _look(self, now: datetime, *, everybody: bool) -> State:
        usage = dict(self._state.usage)
        # What is live is known from every answer, the others from readings.
        for one, meter in self.meters.items():
            if everybody or one == self.active:
                usage[one] = meter.snapshot(now)
        self._state = replace(self._state, usage=usage)
        return self._state

    def begin(self, now: datetime) -> None:
        """Swap between turns where the strategy wants it."""
        is_due = now - self._read_at >= timedelta(seconds=180)
        self._read_at = now if is_due else self._read_at
        state = self._look(now, everybody=is_due)
        least = timedelta(seconds=self.failover.min_swap_seconds)
        found = prefer(state, ACME, None, now) if now - self._swapped_at >= least else None
        if found is not None:
            self._swap(found.account, now)

    def _swap(self, account: Account, now: datetime) -> None:
        self._swapped_at = now
        self.put(account.id)
        slot = replace(self._state.slot(ACME), active=account.id)
        self._state = replace(self._state, slots={ACME: slot})

    def refused(self, until: datetime, now: datetime) -> bool:
        """Do what the watcher does about a failure."""
        state = self._look(now, everybody=False)
        failed = state.account(self.active)
        signal: Signal = a_signal(failed)
        outcome = decide(state, signal, Finding(Meaning.EXHAUSTED, "429", until), now)
        self._state = carried_out(state, outcome, now)
        if outcome.verdict.kind is not VerdictKind.RETRY:
            return False
        if outcome.order is not None:
            self._swap(outcome.order.to, now)
        return True


def ours(strategy: Strategy) -> type[Ours]:
    """Return the rule that follows one of our strategies."""

    class Follows(Ours):
        name = f"rotator: {strategy.value}"
        failover = Failover(strategy)

    return Follows


RULES: tuple[type[Rule], ...] = (FirstByName, BestHeadroom, *map(ours, Strategy))


def work(random: Random, weeks: int, load: float) -> Iterator[tuple[datetime, bool]]:
    """Yield the moments at which somebody asks, and whether a turn begins then.

    Five days a week, morning and afternoon, in turns of a few requests.
    """
    for day in range(weeks * 7):
        if day % 7 >= 5:  # the weekend
            continue
        for begin, length in ((9.0, 3.5), (13.5, 4.5)):
            at = NOW.replace(hour=0) + timedelta(days=day, hours=begin)
            end = at + timedelta(hours=length)
            while at < end:
                for number in range(random.randint(1, 12)):
                    yield at, number == 0
                    at += timedelta(seconds=random.expovariate(BUSY_REQUESTS * load / 3600))
                at += timedelta(seconds=random.uniform(5, 240))


def _is_served(chooser: Rule, now: datetime) -> bool:
    """Ask with one account after the other, each once at most, as long as somebody is chosen."""
    for _ in chooser.meters:
        until = chooser.meters[chooser.active].ask(now)
        if until is None:
            return True
        if not chooser.refused(until, now):
            return False
    return False


def live_through(rule: type[Rule], accounts: int, weeks: int, seed: int) -> Outcome:
    """Let one rule serve some weeks' work, which grows with the number of accounts."""
    random = Random(seed)  # noqa: S311  # chance that can be repeated
    names = [AccountId(f"id-{ACME}-{chr(97 + n)}") for n in range(accounts)]
    meters = {name: Meter(NOW + WEEK * random.random()) for name in names}
    chooser, outcome = rule(meters), Outcome()
    end = NOW
    for now, begins in work(random, weeks, accounts / 3):
        end = now
        if begins:
            chooser.begin(now)
        outcome.count(is_served=_is_served(chooser, now))
    for meter in meters.values():
        meter.pass_time(end)
    outcome.swaps, outcome.hours = chooser.swaps, (end - NOW) / timedelta(hours=1)
    outcome.expired = sum(meter.expired for meter in meters.values())
    return outcome


@dataclass
class Table:
    """The sums over several numbers of accounts, for each rule."""

    rows: dict[str, list[Outcome]] = field(default_factory=dict)

    def total(self, name: str, of: Callable[[Outcome], float]) -> float:
        """Return the sum of one figure of a rule's."""
        return sum(of(one) for one in self.rows[name])

    def lines(self) -> Iterator[str]:
        """Yield the table as text."""
        heads = ("served", "before all used up", "refused", "swaps/h", "expired unused")
        yield f"{'':34}" + "".join(f"{head:>20}" for head in heads)
        for name in self.rows:
            hours = self.total(name, lambda one: one.hours)
            values = (
                f"{self.total(name, lambda one: one.served):.0f}",
                f"{self.total(name, lambda one: one.served_before_all_were_used_up):.0f}",
                f"{self.total(name, lambda one: one.refused):.0f}",
                f"{self.total(name, lambda one: one.swaps) / hours:.3f}",
                f"{self.total(name, lambda one: one.expired):.0f}",
            )
            yield f"{name:34}" + "".join(f"{value:>20}" for value in values)


def simulate(weeks: int = 4, seeds: int = 3, most_accounts: int = 10) -> Table:
    """Let every rule live through the same weeks on 2 to `most_accounts` accounts."""
    table = Table()
    for rule in RULES:
        table.rows[rule.name] = [
            live_through(rule, accounts, weeks, seed)
            for accounts in range(2, most_accounts + 1, 2)
            for seed in range(seeds)
        ]
    return table
