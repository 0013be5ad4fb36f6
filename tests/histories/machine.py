"""The rules by which chance writes a history, for hypothesis."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    get_state_machine_test,
    invariant,
    precondition,
    rule,
)

from rotator.model import Account
from rotator.system.paths import find_paths
from tests.histories.computer import SLOT, Change, Computer, person_of
from tests.histories.ours import FAULTS, UNDISTURBED, Ours, Plan
from tests.histories.truth import ANYBODY
from tests.support.home import places
from tests.support.interrupted import memory_folder
from tests.support.live import as_opencode
from tests.support.token_vendor import Mood, owner_of_token

PEOPLE = ("ada", "bob", "cem")
MOST_WRITERS = 3
_WRITING_STEPS = 4
# More than any day needs.
_BYTES_OF_A_DAY = 65_536


def plans(longest: int) -> st.SearchStrategy[Plan]:
    """Return what may come in between something of ours that takes so many steps."""
    step = st.integers(1, longest)
    # The moments that matter most are hit most often.
    moment = st.one_of(step, st.sampled_from(["fsync", "replace", "replace"]))
    other = st.tuples(moment, st.integers(0, MOST_WRITERS - 1), st.integers(1, _WRITING_STEPS))
    return st.one_of(
        st.just(UNDISTURBED),
        st.builds(Plan, crash_at=step),
        st.builds(Plan, fault=st.sampled_from(FAULTS), fault_at=step, lasting=st.booleans()),
        st.builds(Plan, others=st.tuples(other)),
        st.builds(Plan, others=st.tuples(other, other)),
        st.builds(Plan, others=st.tuples(other), crash_at=step),
    )


people = st.sampled_from(PEOPLE)
# Whether an opencode is through with it at once, and whether the watcher sees it at once.
at_once = st.sampled_from([True, True, False])
numbers = st.integers(0, MOST_WRITERS - 1)


class Logins(RuleBasedStateMachine):
    """One person's computer: opencodes that write, and our program beside them."""

    # Where homes are made; None: in memory, where there is such a place.
    place: ClassVar[Path | None] = None
    counted: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._left = contextlib.ExitStack()
        home = self._left.enter_context(memory_folder(self.place))
        self.computer = Computer(find_paths(places(home)).auth_file)
        self.ours = Ours(home, self.computer)
        # The last one first, and each of them whatever becomes of the others.
        self._left.callback(self.ours.truth.store.close)
        self._left.callback(self._count)
        self._left.callback(self.ours.stop)
        self._left.callback(self._end_writers)
        self.ours.start()

    def teardown(self) -> None:
        """Let everybody finish, see that all is well, and forget everything."""
        with self._left:
            # A day that ended badly is told as it was.
            if sys.exc_info()[0] is None:
                self.come_to_rest()

    def _end_writers(self) -> None:
        for writer in self.computer.writers:
            writer.steps.close()

    def _count(self) -> None:
        self.counted.update(self.ours.counted)
        self.counted["mended"] += self.ours.truth.mended

    # -- people and opencodes ----------------------------------------------------------------------

    def _write(self, change: Change, *, whole: bool, seen: bool) -> None:
        writer = self.computer.begin(change)
        while whole and writer in self.computer.writers:
            self.computer.go_on(writer)
        self._happened(seen=seen)

    def _happened(self, *, seen: bool) -> None:
        """Let the watcher see what opencodes did, if there is one and it is quick."""
        computer, watcher = self.computer, self.ours.watcher if seen else None
        noticed = watcher is not None and watcher.watched
        for written in computer.finished:
            self.ours.truth.take(written, mixed=False, noticed=noticed)
            computer.unseen = True
        computer.finished.clear()
        if watcher is not None:
            self.ours.look()

    @precondition(lambda self: len(self.computer.writers) < MOST_WRITERS)
    @rule(person=people, whole=at_once, seen=at_once)
    def log_in(self, person: str, *, whole: bool, seen: bool) -> None:
        self._write(self.computer.log_in(person), whole=whole, seen=seen)

    @precondition(lambda self: len(self.computer.writers) < MOST_WRITERS)
    @rule(whole=at_once, seen=at_once)
    def opencode_refreshes(self, *, whole: bool, seen: bool) -> None:
        seconds = self.computer.time_to_refresh()
        if seconds is not None:
            self.wait(seconds)
        if self.computer.time_to_refresh() == 0:
            self._write(self.computer.refresh(), whole=whole, seen=seen)

    @precondition(lambda self: len(self.computer.writers) < MOST_WRITERS)
    @rule(whole=at_once, seen=at_once)
    def log_out(self, *, whole: bool, seen: bool) -> None:
        self._write(self.computer.log_out(), whole=whole, seen=seen)

    @precondition(lambda self: len(self.computer.writers) < MOST_WRITERS)
    @rule(number=st.integers(0, 3), whole=at_once, seen=at_once)
    def log_in_elsewhere(self, number: int, *, whole: bool, seen: bool) -> None:
        self._write(self.computer.other(number), whole=whole, seen=seen)

    @precondition(lambda self: self.computer.writers)
    @rule(number=numbers, seen=at_once)
    def opencode_goes_on(self, number: int, *, seen: bool) -> None:
        written = self.computer.writers[number % len(self.computer.writers)]
        self.computer.go_on(written)
        self._happened(seen=seen)

    @precondition(lambda self: self.computer.writers)
    @rule(number=numbers)
    def opencode_is_killed(self, number: int) -> None:
        computer = self.computer
        computer.end(computer.writers[number % len(computer.writers)])
        self._happened(seen=True)

    @rule(back=st.integers(1, 6))
    def put_an_old_login_back(self, back: int) -> None:
        """Let somebody restore the entry of a while ago, and nothing else."""
        old = self.computer.past[-back:][0].get(SLOT)
        if old is None or not self.computer.is_whole or self.computer.is_being_written:
            return
        if not self.ours.truth.may_know(*owner_of_token(old["access"])):
            return
        # One that was removed is taken out again, for whoever was there before.
        self.ours.truth.doubt(person_of(old), self.ours.truth.saved().active)
        self.computer.put(as_opencode(self.computer.entries | {SLOT: old}))
        self._happened(seen=True)

    @rule(seconds=st.sampled_from([0.3, 1.5]))
    def lose_the_file(self, seconds: float) -> None:
        """Let somebody move auth.json away, and back after a while."""
        if self.computer.is_whole and not self.computer.is_being_written:
            self.ours.truth.intended = ANYBODY
            self.computer.move_away()
            self.wait(seconds)
            self.computer.bring_back()
            self._happened(seen=True)

    # -- time --------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 61.0, 3700.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass; a watcher looks now and then."""
        soon = min(seconds, 0.4)
        self.computer.pass_time(soon)
        if self.ours.watcher is not None:
            self.ours.look()
        self.computer.pass_time(seconds - soon)
        if self.ours.watcher is not None:
            self.ours.look()

    @rule(minutes=st.sampled_from([-300, -1, 1, 300]))
    def set_the_clock(self, minutes: int) -> None:
        self.ours.truth.is_clock_off |= minutes < 0
        self.computer.clock.pass_time(minutes=minutes)

    @rule(mood=st.sampled_from(Mood))
    def vendor_is(self, mood: Mood) -> None:
        self.computer.vendor.mood = mood

    # -- us ----------------------------------------------------------------------------------------

    def _has_accounts(self) -> bool:
        return self.ours.watcher is not None and bool(self.ours.truth.kept)

    def _account(self, number: int) -> Account:
        accounts = self.ours.accounts()
        return accounts[number % len(accounts)]

    @precondition(lambda self: self.ours.watcher is not None)
    @rule(plan=plans(30))
    def look(self, plan: Plan) -> None:
        self.ours.look(plan)

    @precondition(lambda self: self._has_accounts())
    @rule(number=numbers, plan=plans(60))
    def fail_over(self, number: int, plan: Plan) -> None:
        self.ours.fail_over(self._account(number), plan)

    @precondition(lambda self: self._has_accounts() and len(self.computer.writers) < MOST_WRITERS)
    @rule(number=numbers, is_refresh=st.booleans())
    def fail_over_under_an_opencode(self, number: int, *, is_refresh: bool) -> None:
        """Let what an opencode began before a swap end right after it."""
        change = self.computer.other(number)
        if is_refresh:
            self.wait(self.computer.time_to_refresh() or 0.1)
            if self.computer.time_to_refresh() != 0:
                return
            change = self.computer.refresh()
        writer = self.computer.begin(change)
        self.ours.fail_over(self._account(number), UNDISTURBED)
        while writer in self.computer.writers:
            self.computer.go_on(writer)
        self._happened(seen=True)

    @precondition(lambda self: self.ours.truth.kept)
    @rule(person=st.one_of(people, st.none()), plan=plans(110))
    def rotate_by_hand(self, person: str | None, plan: Plan) -> None:
        self.ours.rotate(person, plan)

    @precondition(lambda self: self._has_accounts())
    @rule(number=numbers, plan=plans(25))
    def begin_refresh(self, number: int, plan: Plan) -> None:
        self.ours.begin_refresh(self._account(number), plan)

    @precondition(lambda self: self.ours.is_asking)
    @rule()
    def ask_the_vendor(self) -> None:
        self.ours.ask_vendor()

    @precondition(lambda self: self.ours.is_asking)
    @rule(plan=plans(35))
    def finish_refresh(self, plan: Plan) -> None:
        self.ours.finish_refresh(plan)

    @precondition(lambda self: self._has_accounts())
    @rule(number=numbers, plan=plans(90))
    def disable_and_enable(self, number: int, plan: Plan) -> None:
        self.ours.disable_and_enable(self._account(number), plan)

    @precondition(lambda self: self._has_accounts())
    @rule(number=numbers, plan=plans(100))
    def remove(self, number: int, plan: Plan) -> None:
        self.ours.remove(self._account(number), plan)

    @precondition(lambda self: self.ours.watcher is None)
    @rule(plan=plans(45))
    def start(self, plan: Plan) -> None:
        self.ours.start(plan)

    @precondition(lambda self: self.ours.watcher is not None)
    @rule()
    def stop(self) -> None:
        self.ours.stop()

    # -- what always holds -------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        self.counted["steps"] += 1
        self.ours.truth.require_nothing_lost(self.ours.truth.saved())

    @invariant()
    def what_we_wrote_is_whole(self) -> None:
        self.ours.truth.require_whole()

    @rule()
    def come_to_rest(self) -> None:
        """Let everybody finish and a watcher look a few times: then all is as it should be."""
        computer, ours = self.computer, self.ours
        while computer.writers:
            computer.go_on(computer.writers[0])
            self._happened(seen=True)
        while ours.is_asking:
            ours.finish_refresh()
        if ours.watcher is None:
            ours.start()
        for seconds in (0.5, 1.5, 11.0, 0.5):
            ours.look()
            computer.pass_time(seconds)
        ours.look()
        truth = ours.truth
        saved = truth.saved()
        truth.require_nothing_lost(saved)
        truth.require_taken_in(saved)
        truth.require_usable(saved, computer.vendor.newest)
        truth.require_intended()
        self.counted["rests"] += 1
        self.counted["rests with one answer"] += len(truth.intended - ANYBODY) == 1
        # One that was torn before anybody saw it whole cannot be written anew.
        assert not computer.is_torn_for_good or saved.seen is None


@dataclass(frozen=True)
class Book:
    """Random days of a machine, by number: the same day under the same number of a seed.

    Each is drawn for itself. What hypothesis does by default is to change a day a little for
    the next one; with days as long as these it hardly meets the rare ones then.
    """

    machine: type[Logins]
    longest: int
    seed: int

    def live(self, number: int, *, told: bool = False) -> bool:
        """Live through a day; False if it could not be drawn to its end.

        `told`: each step is printed before the next one.
        """
        test = self._told if told else self._quiet
        return test.hypothesis.fuzz_one_input(self._drawn(number)) is not None

    def shrink(self, number: int) -> None:
        """Make a day that ends badly as short as it gets, which takes minutes, and print it."""
        test = self._test(phases=(Phase.reuse, Phase.shrink), database=InMemoryExampleDatabase())
        with contextlib.suppress(Exception):
            test.hypothesis.fuzz_one_input(self._drawn(number))
        test()

    @cached_property
    def _quiet(self) -> Any:
        return self._test(database=None)

    @cached_property
    def _told(self) -> Any:
        return self._test(database=None, verbosity=Verbosity.debug)

    def _drawn(self, number: int) -> bytes:
        chance = Random(f"{self.seed}/{number}")  # noqa: S311  # no secret: the same bytes again
        return chance.randbytes(_BYTES_OF_A_DAY)

    def _test(self, **more: Any) -> Any:
        # A day takes its time, and so does what makes a long one shorter.
        slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
        wanted = settings(
            stateful_step_count=self.longest, deadline=None, suppress_health_check=slow, **more
        )
        return get_state_machine_test(self.machine, settings=wanted)


def run(book: Book, days: int) -> Counter[str]:
    """Live through so many days; return how many steps and rests there were.

    The first that ends badly is lived through once more, told step by step, and is the last.
    """
    counted: Counter[str] = Counter()
    book.machine.counted = counted
    lived = number = 0
    while lived < days:
        try:
            lived += book.live(number)
        except Exception as exc:
            with contextlib.suppress(Exception):
                book.live(number, told=True)
            exc.add_note(f"day {number} of seed {book.seed}")
            raise
        number += 1
    return counted
