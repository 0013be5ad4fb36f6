"""Judges mutants of the pure core, each in a child of one process that has loaded all tests.

Such a child costs some hundredths of a second: it takes over what is loaded, exchanges the code
of the changed function, and runs the tests that reach it, the module's own first, until one
fails. Where the change is no function's (a constant, a default), and before anything is said to
survive, the child loads everything anew.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path

import pytest

from tests.mutants import afresh, core_reach
from tests.mutants.catalogue import Mutant
from tests.mutants.child import Child, Unusable, limit
from tests.mutants.live_code import LiveCode
from tests.mutants.modules import tests_of_pure
from tests.mutants.reach import Reach
from tests.support.repository import ROOT

_WORDS = (
    *("-q", "--noconftest", "--capture=no", "--tb=no", "-o", "addopts=--import-mode=importlib"),
    *("-p", "no:cacheprovider", "-p", "pytest_timeout", "-o", "timeout=0"),
)
_NO_OTHER_PLUGINS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
# Processor time for a change that never ends: it does not depend on who else uses the machine.
_PATIENCE, _START_SECONDS = 10, 10
_TIME_IS_UP = {signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a mutant: the test that saw it, or that its time was up, or neither."""

    mutant: Mutant
    failed: str = ""
    timed_out: bool = False

    @property
    def survived(self) -> bool:
        """Tell whether nobody saw it."""
        return not self.failed and not self.timed_out


def judge(mutants: Sequence[Mutant], jobs: int, tell: Callable[[Judged], None]) -> None:
    """Judge all, so many at once, and tell of each as soon as it is known."""
    os.environ[_NO_OTHER_PLUGINS] = "1"
    said, outer = io.StringIO(), sys.stdout

    def tell_outside(judged: Judged) -> None:
        with contextlib.redirect_stdout(outer):
            tell(judged)

    court = _Court(mutants, jobs, tell_outside)
    with contextlib.redirect_stdout(said):
        code = pytest.main([*_WORDS, *tests_of_pure()], plugins=[court])
    if court.error or code != pytest.ExitCode.OK:
        raise Unusable(court.error or said.getvalue())


@dataclass
class _Court:
    """A pytest plugin: has the tests loaded, and then breaks instead of running them."""

    mutants: Sequence[Mutant]
    jobs: int
    tell: Callable[[Judged], None]
    error: str = ""
    _items: dict[str, pytest.Item] = field(default_factory=dict)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return False
        self._items = {item.nodeid: item for item in session.items if not afresh.is_drawn(item)}
        try:
            trial = _Trial(self._measure(), LiveCode(ROOT / "rotator"), self._items)
            gc.collect()
            gc.freeze()
            _expect_survival(trial, self.mutants[:1])
            for judged in _judged(trial, self.mutants, self.jobs):
                self.tell(judged)
        except Unusable as error:
            self.error = str(error)
        return True

    def _measure(self) -> Reach:
        """Run each test once, in a child, and return which lines it reaches."""
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            path = Path(folder) / "reach"
            child = Child(lambda: core_reach.measure(self._items, path))
            _, status = os.waitpid(child.pid, 0)
            failed = child.answer(os.waitstatus_to_exitcode(status), is_given=True)
            if failed:
                raise Unusable(f"with nothing broken these fail: {failed}")
            return core_reach.read(path)


@dataclass(frozen=True)
class _Trial:
    """What a child does for one mutant."""

    reached: Reach
    live: LiveCode
    items: dict[str, pytest.Item]

    def first_failure(self, mutant: Mutant) -> str:
        """Break the code of this process, and return the test that sees it."""
        path = ROOT / mutant.module
        whole = path.read_text()
        broken = mutant.change.apply(whole)
        tests = self.reached.tests_of(mutant.module, mutant.change)
        seconds = sum(self.reached.seconds[test] for test in tests)
        limit(_START_SECONDS + _PATIENCE * seconds)
        is_function_s = not mutant.change.is_at_import
        if is_function_s and self.live.exchange(path, whole, broken):
            failed = self._run(tests)
        else:
            failed = ""
        return failed or self._afresh(mutant, broken, tests)

    def _run(self, tests: Sequence[str]) -> str:
        chosen = [self.items[test] for test in tests]
        witness = afresh.Witness()
        for item in chosen[:1]:
            item.config.pluginmanager.register(witness)
        for item, following in zip_longest(chosen, chosen[1:]):
            core_reach.run(item, following)
            if witness.failed:
                break
        return witness.failed

    def _afresh(self, mutant: Mutant, broken: str, tests: Sequence[str]) -> str:
        """Run the files that use the module and those of the tests; for a constant, then all."""
        files = sorted({test.partition("::")[0] for test in self.items})
        near = [name for name in files if self.reached.is_near(name, mutant.module)]
        reaching = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        dotted = mutant.module.removesuffix(".py").replace("/", ".")
        seen: set[str] = set()
        for some in (near, reaching, files if mutant.change.is_at_import else []):
            new = [*_WORDS, *(name for name in some if name not in seen)]
            seen.update(some)
            if len(new) == len(_WORDS):
                continue
            if failed := afresh.first_failure(ROOT / mutant.module, broken, dotted, new):
                return failed
        return ""


def _judged(trial: _Trial, mutants: Iterable[Mutant], jobs: int) -> Iterator[Judged]:
    """Yield what becomes of each, in the order in which their children end."""
    running: dict[int, tuple[Mutant, Child]] = {}
    waiting = iter(mutants)
    try:
        while True:
            for mutant in islice(waiting, jobs - len(running)):
                child = Child(partial(trial.first_failure, mutant))
                running[child.pid] = mutant, child
            if not running:
                return
            pid, status = os.wait()
            mutant, child = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            timed_out = code < 0 and -code in _TIME_IS_UP
            yield Judged(mutant, child.answer(code, is_given=not timed_out), timed_out)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def _expect_survival(trial: _Trial, mutants: Iterable[Mutant]) -> None:
    """Load everything anew with nothing changed: what fails then says nothing of a change."""
    for judged in _judged(trial, map(_unchanged, mutants), 1):
        if not judged.survived:
            raise Unusable(f"with nothing changed this fails: {judged.failed}")


def _unchanged(mutant: Mutant) -> Mutant:
    change = mutant.change
    same = (ROOT / mutant.module).read_bytes()[change.start : change.end].decode()
    return Mutant(mutant.module, replace(change, after=same, is_at_import=True))
