"""Our real code on that computer: a watcher and commands, each a process that can die at any step.

What the watcher does at a look is what rotator/watcher/daemon.py does at one; threads and queues
are left out, so that a history can be told again step by step.
"""

from __future__ import annotations

import contextlib
import errno
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from rotator.errors import LiveFileError, RotatorError
from rotator.live.capture import (
    capture_live,
    capture_missing,
    capture_until_whole,
    rebuild_torn,
    wait_for_late_writes,
)
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account
from rotator.opencode.auth.file import Missing, Reading, Torn
from rotator.provider import HttpAnswer, HttpRequest
from rotator.services import accounts as ledger
from rotator.services.refresh import ask, begin, hold_refresh_locks, settle_pending_refreshes
from rotator.services.refresh_storing import Attempt, Result, finish
from rotator.services.rotate import plan_rotation, rotate
from rotator.system.locks import Held, swap_lock
from rotator.system.paths import Paths, find_paths
from rotator.watcher.unsettled import MISSING_PATIENCE, TORN_PATIENCE
from tests.histories.computer import SLOT, Computer
from tests.histories.truth import ANYBODY, Truth
from tests.support.faults import Act, Crash, Seam, Step, anything, at, failing, named
from tests.support.home import places
from tests.support.live import Entry, Live, open_live
from tests.support.token_vendor import Mood, owner_of_token, registry_of

FAULTS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO)
_LATE_SECONDS = 2.0
_FAILOVER_PATIENCE_SECONDS = 0.15


@dataclass(frozen=True)
class Plan:
    """What comes in between while we are at work: a death, a fault, or an opencode's steps."""

    crash_at: int = 0
    fault: int = 0
    fault_at: int = 0
    lasting: bool = False
    # Before which step (a number, or the first of a name) opencode number so-and-so does how
    # many of its own.
    others: tuple[tuple[int | str, int, int], ...] = ()

    def __repr__(self) -> str:
        """Name what there is of it, as one would write it."""
        named = ("crash_at", "fault", "fault_at", "lasting", "others")
        parts = [f"{name}={getattr(self, name)!r}" for name in named if getattr(self, name)]
        return f"Plan({', '.join(parts)})"


UNDISTURBED = Plan()


@dataclass
class Outcome:
    """How something that we did has ended."""

    done: bool = False
    crashed: bool = False
    refused: RotatorError | None = None
    # Whether an opencode did something in the middle of it.
    mixed: bool = False
    # And after a command has looked for the last time.
    mixed_late: bool = False
    faulty: bool = False
    wrote: bool = False
    # The entry that our last write took the place of.
    left: Entry | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing stood in its way and nobody came in between."""
        return self.done and not self.mixed and not self.faulty


@dataclass
class Asking:
    """A refresh that the watcher has begun: its locks, and what the vendor has answered."""

    held: Held
    attempt: Attempt
    result: Result | None = None


@dataclass
class Watcher:
    """A running watcher."""

    seam: Seam
    stack: ExitStack
    live: Live
    watched: bool = False
    doubt: tuple[type[Reading], bytes, float] | None = None
    asking: list[Asking] = field(default_factory=list)

    def look(self, uptime: float) -> Reading:
        """Look at auth.json as rotator/watcher/daemon.py does."""
        with swap_lock(self.live.paths.swap_lock):
            reading = capture_until_whole(self.live.context, self.watched, patience_seconds=0)
            self.watched = self.watched or not isinstance(reading, Torn)
            self._settle(reading, uptime)
        return reading

    def _settle(self, reading: Reading, uptime: float) -> None:
        match reading:
            case Torn(content=content):
                waited = self._in_doubt(Torn, content, uptime)
                if waited >= TORN_PATIENCE.total_seconds():
                    rebuild_torn(self.live.context, reading)
            case Missing():
                if self._in_doubt(Missing, b"", uptime) >= MISSING_PATIENCE.total_seconds():
                    capture_missing(self.live.context)
            case _:
                self.doubt = None

    def _in_doubt(self, what: type[Reading], content: bytes, uptime: float) -> float:
        if self.doubt is None or self.doubt[:2] != (what, content):
            self.doubt = (what, content, uptime)
        return uptime - self.doubt[2]


class Ours:
    """Everything of ours that runs on that computer."""

    def __init__(self, home: Path, computer: Computer) -> None:
        self.paths: Paths = find_paths(places(home))
        self.computer = computer
        self.truth = Truth(computer, self.paths.store)
        self.watcher: Watcher | None = None
        self._home = home
        self._registry = replace(registry_of(computer.vendor), send=self._send)
        # The seam of whoever is at work, and what came of it.
        self._seam = Seam()
        self._outcome = Outcome()
        self._awaits_late = False
        # How often what we did was cut off, refused by the disk, or met by an opencode.
        self.counted: Counter[str] = Counter()
        computer.on_destroyed = self.truth.may_be_gone

    # -- the watcher -----------------------------------------------------------------------------

    def start(self, plan: Plan = UNDISTURBED) -> Outcome:
        """Start a watcher: it opens its context, adopts what was left behind, and looks."""
        seam, stack = self._new_seam(), ExitStack()
        started: list[Watcher] = []

        def run() -> None:
            live = stack.enter_context(self._open())
            started.append(Watcher(seam, stack, live))
            with contextlib.suppress(LiveFileError):
                settle_pending_refreshes(live.context)
            started[0].look(self.computer.uptime)

        outcome = self._through(seam, run, plan)
        # One that has its context goes on, whatever stood in the way of its first look.
        if outcome.crashed or not started:
            self._bury(seam, stack.close)
        else:
            self.watcher = started[0]
        return outcome

    def stop(self) -> None:
        """End the watcher as `rotator watch` ends: answers that have come are stored."""
        watcher = self.watcher
        if watcher is None:
            return
        while self.is_asking:
            self.finish_refresh()
        watcher.stack.close()
        self.watcher = None
        self._orphan(watcher.seam)

    def look(self, plan: Plan = UNDISTURBED) -> Outcome:
        """Let the watcher look at auth.json."""
        watcher = self._running()
        outcome = self._by_watcher(lambda: void(watcher.look(self.computer.uptime)), plan)
        if outcome.is_plain and not self.computer.is_being_written:
            self.computer.unseen = False
            if self.computer.is_whole:
                self.truth.require_taken_in(self.truth.saved())
        return outcome

    def fail_over(self, account: Account, plan: Plan) -> Outcome:
        """Let the watcher put an account in."""
        watcher = self._running()
        order = SwapRequest(
            account.id,
            "for the test",
            watched=watcher.watched,
            patience_seconds=_FAILOVER_PATIENCE_SECONDS,
        )
        return self._put(account, lambda: void(swap(watcher.live.context, order)), plan)

    # -- its refreshes ---------------------------------------------------------------------------

    def begin_refresh(self, account: Account, plan: Plan) -> Outcome:
        """Let the watcher write down that it is about to refresh a parked login."""
        watcher = self._running()

        def run() -> None:
            held = hold_refresh_locks(watcher.live.context, account, patience_seconds=0)
            if held is None:
                return
            attempt: Attempt | str = ""
            try:
                settle_pending_refreshes(watcher.live.context)
                attempt = begin(watcher.live.context, account.id)
            finally:
                if isinstance(attempt, str):
                    held.release()
                else:
                    watcher.asking.append(Asking(held, attempt))

        before = len(watcher.asking)
        outcome = self._by_watcher(run, plan)
        if len(watcher.asking) > before and outcome.is_plain:
            self.truth.we_begin_to_refresh(person_named(account.alias))
        return outcome

    @property
    def is_asking(self) -> bool:
        """Whether the watcher has a refresh under way."""
        return self.watcher is not None and bool(self.watcher.asking)

    def ask_vendor(self) -> None:
        """Let the vendor be asked; the answer is in the watcher's memory then."""
        asking = self._running().asking[0]
        if asking.result is None:
            asking.result = ask(self._send, asking.attempt)
            self._settle_given(is_over=False)

    def finish_refresh(self, plan: Plan = UNDISTURBED) -> Outcome:
        """Let the watcher store what the vendor has answered."""
        watcher = self._running()
        asking = watcher.asking[0]
        self.ask_vendor()

        def run() -> None:
            assert asking.result is not None
            finish(watcher.live.context, asking.attempt, asking.result)
            asking.held.release()
            watcher.asking.remove(asking)

        return self._by_watcher(run, plan)

    # -- commands --------------------------------------------------------------------------------

    def command(self, act: Callable[[Live], None], plan: Plan = UNDISTURBED) -> Outcome:
        """Run a command, from its start to its end, as rotator/cli/common.py does."""
        seam = self._new_seam()

        def run() -> None:
            with self._open() as live, self._looking_late(live):
                context = live.context
                with contextlib.suppress(LiveFileError), swap_lock(live.paths.swap_lock):
                    capture_live(context, watched=self.watcher is not None)
                with contextlib.suppress(LiveFileError):
                    settle_pending_refreshes(context)
                act(live)

        self._awaits_late = False
        outcome = self._through(seam, run, plan)
        if outcome.crashed:
            self._bury(seam, nothing)
        else:
            late = not (outcome.faulty or outcome.mixed_late)
            self._orphan(seam, must_be_saved=late)
        return outcome

    @contextlib.contextmanager
    def _looking_late(self, live: Live) -> Iterator[None]:
        try:
            yield
        finally:
            self._awaits_late = True
            if live.context.replaced:
                with contextlib.suppress(RotatorError), swap_lock(live.paths.swap_lock):
                    wait_for_late_writes(live.context, patience_seconds=_LATE_SECONDS)

    def rotate(self, person: str | None, plan: Plan) -> Outcome:
        """Rotate by hand, to a person's account or to the best other one."""
        put: list[str] = []

        def act(live: Live) -> None:
            # What an account that was removed had kept is another one, called `…-2`.
            called = [a.alias for a in live.state.accounts if person_named(a.alias) == person]
            alias = (called or [alias_of(person)])[0] if person else None
            planned = plan_rotation(live.state, SLOT, alias, live.clock.now)
            put.append(person_named(planned.to.alias))
            done = rotate(live.context, planned)
            put.append(person_named(done.put.alias))

        before = self.computer.entries.get(SLOT)
        outcome = self.command(act, plan)
        self._note_put(outcome, before, put)
        return outcome

    def remove(self, account: Account, plan: Plan) -> Outcome:
        """Remove an account; what it holds is nobody's loss then."""
        person, truth = person_named(account.alias), self.truth
        had = truth.known.get(person, set()) | set(truth.saved().people.get(person, []))
        truth.kept.pop(person, None)
        truth.leaving = person
        outcome = self.command(lambda live: void(ledger.remove(live.context, account)), plan)
        truth.leaving = None
        if person in truth.intended:
            truth.intended = ANYBODY
        if person not in truth.saved().people:
            truth.removed[person] = had
            truth.may_be_gone("it was removed")
        return outcome

    def disable_and_enable(self, account: Account, plan: Plan) -> Outcome:
        """Disable an account, which lets another one take over, and enable it again."""

        def act(live: Live) -> None:
            ledger.disable(live.context, account)
            ledger.enable(live.context, account)

        if person_named(account.alias) in self.truth.intended:
            self.truth.intended = ANYBODY
        return self.command(act, plan)

    # -- how all of it is done ---------------------------------------------------------------------

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts of the slot, as the watcher knows them."""
        return self._running().live.state.of(SLOT)

    def _put(self, account: Account, act: Callable[[], None], plan: Plan) -> Outcome:
        before = self.computer.entries.get(SLOT)
        outcome = self._by_watcher(act, plan)
        self._note_put(outcome, before, [person_named(account.alias)])
        return outcome

    def _note_put(self, outcome: Outcome, before: Entry | None, put: list[str]) -> None:
        truth = self.truth
        if outcome.is_plain:
            # A late login may have come in first: then it is the one that left.
            truth.swapped(outcome.left if outcome.wrote else before, put[-1])
            truth.intend(put[-1])
            self.computer.unseen = False
        elif outcome.wrote:
            truth.doubt(*put)
            truth.swap = None

    def _running(self) -> Watcher:
        assert self.watcher is not None
        return self.watcher

    def _new_seam(self) -> Seam:
        return Seam(monotonic=self.computer.monotonic, sleep=self.computer.sleep)

    def _open(self) -> contextlib.AbstractContextManager[Live]:
        return open_live(self._home, clock=self.computer.clock, registry=self._registry)

    def _by_watcher(self, run: Callable[[], None], plan: Plan) -> Outcome:
        watcher = self._running()
        outcome = self._through(watcher.seam, run, plan)
        if outcome.crashed:
            for asking in watcher.asking:
                asking.held.release()
            self.watcher = None
            self._bury(watcher.seam, watcher.stack.close)
            self._settle_given(is_over=True)
        return outcome

    def _through(self, seam: Seam, run: Callable[[], None], plan: Plan) -> Outcome:
        self._seam, self._outcome = seam, Outcome()
        outcome = self._outcome
        try:
            with seam.watching(*self._acts(seam, plan), self._observe):
                run()
                outcome.done = True
        except Crash:
            outcome.crashed = True
        except RotatorError as exc:
            outcome.refused = exc
        for written in self.computer.finished:
            self.truth.take(written, mixed=True, noticed=False)
        self.computer.finished.clear()
        self._settle_given(is_over=outcome.crashed or (outcome.faulty and plan.lasting))
        self.truth.require_nothing_lost(self.truth.saved())
        self.counted["crashes"] += outcome.crashed
        self.counted["faults"] += outcome.faulty
        self.counted["steps of others in ours"] += outcome.mixed
        return outcome

    def _acts(self, seam: Seam, plan: Plan) -> list[Act]:
        acts: list[Act] = []
        if plan.crash_at:
            acts.append(at(plan.crash_at, seam.crash))
        if plan.fault:
            acts.append(self._fault(plan))
        for when, writer, steps in plan.others:
            act = self._other(writer, steps)
            if isinstance(when, int):
                acts.append(at(when, act, anything))
            else:
                acts.append(at(1, act, named(when)))
        return acts

    def _fault(self, plan: Plan) -> Act:
        fail = failing(plan.fault_at, plan.fault, lasting=plan.lasting)

        def act(step: Step) -> None:
            try:
                fail(step)
            except Exception:
                self._outcome.faulty = True
                raise

        return act

    def _other(self, number: int, steps: int) -> Act:
        def act(_: Step) -> None:
            writers = self.computer.writers
            if not writers:
                return
            writer = writers[number % len(writers)]
            self._outcome.mixed = True
            self._outcome.mixed_late = self._outcome.mixed_late or self._awaits_late
            for _one in range(steps):
                if writer in writers:
                    self.computer.go_on(writer)

        return act

    def _observe(self, step: Step) -> None:
        if step.name == "replace" and step.to == self.computer.file and step.path is not None:
            self._outcome.wrote = True
            self._outcome.left = self.computer.entries.get(SLOT)
            left = {path.name for path in step.to.parent.iterdir()} - {step.to.name}
            assert self._outcome.faulty or left == {step.path.name}, "what a crash left is there"
            self.truth.we_replace(step.path.read_bytes(), self._seam)

    def _send(self, request: HttpRequest) -> HttpAnswer:
        """Ask the vendor; something may happen before it is asked and before it is heard."""
        vendor, truth = self.computer.vendor, self.truth
        self._seam.step(Step("ask"))
        before = dict(vendor.newest)
        assert request.body is not None
        person, generation = owner_of_token(json.loads(request.body.reveal())["refresh_token"])
        truth.we_ask(person, generation)
        if not self.is_asking:
            truth.we_begin_to_refresh(person)
        try:
            answer = vendor.send(request)
        finally:
            given = {(p, g) for p, g in vendor.newest.items() if before[p] != g}
            (truth.with_us if vendor.mood is Mood.ANSWERS else truth.unheard).update(given)
        self._seam.step(Step("answer"))
        return answer

    def _settle_given(self, *, is_over: bool) -> None:
        """See what became of tokens that the vendor has given us."""
        truth, saved = self.truth, self.truth.saved()
        asking = self.watcher.asking if self.watcher else []
        underway = {person_named(one.attempt.account.alias) for one in asking}
        for person, generation in tuple(truth.with_us):
            if generation in saved.of(person) or truth.has_better(person, saved):
                truth.with_us.discard((person, generation))
            elif person not in underway:
                assert is_over, f"the vendor's answer for {person} is lost"
                truth.unheard.add((person, generation))
                truth.with_us.discard((person, generation))
        for person, _ in tuple(truth.unheard):
            truth.require_doubt_is_written_down(saved, person)
        truth.unheard.clear()

    def _bury(self, seam: Seam, close: Callable[[], None]) -> None:
        self.truth.store.close()
        seam.bury(close, alone=self.watcher is None)
        self._orphan(seam)

    def _orphan(self, seam: Seam, *, must_be_saved: bool = False) -> None:
        """Forget files without a name: whoever kept them open is gone."""
        if must_be_saved:
            saved = self.truth.saved()
            for one in self.computer.nameless:
                if one.owner is seam:
                    self.truth.require_late_saved(one, saved)
        self.computer.forget_nameless(seam)
        self.truth.may_be_gone("it was written into a file that nobody kept open any more")


def alias_of(person: str) -> str:
    """Return the alias of a person's account."""
    return f"{person}-acme.example"


def person_named(alias: str) -> str:
    """Return whose account it is."""
    return alias.partition("-acme.example")[0]


def void(_: object) -> None:
    """Take a value and return nothing."""


def nothing() -> None:
    """Do nothing."""
