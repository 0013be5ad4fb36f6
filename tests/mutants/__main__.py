"""Break the code at one place after the other, and tell which breaks no test notices.

`python -m tests.mutants --core` tries every one of the pure core, in some minutes; with `--recheck`
also those that need not be noticed, which stand with their reasons in accepted.toml. Without
`--core` 300 are drawn of what keeps logins, with tests that need files and processes:
`--count 300 --seed 1`. At first these tests run once to see which reach which line, which
takes long; `--reach FOLDER` keeps that for the next time, also what was measured before it was
stopped, and `--among tests/integration/live` measures no more than these.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.mutants import accepted, forked, reach
from tests.mutants.catalogue import Mutant, draw
from tests.mutants.changes import Kind
from tests.mutants.forked import Judged
from tests.mutants.modules import kept, pure
from tests.mutants.reach import Reach
from tests.mutants.workshop import Ended, Workshop
from tests.support.repository import ROOT

KILLED, SURVIVED, TIMED_OUT, UNREACHED = "killed", "SURVIVED", "timed out", "NOT REACHED"
ACCEPTED, NEEDLESS = "accepted", "LISTED BUT KILLED"
_COUNT = 300
_PROGRESS = 500
# What a test took was measured on a machine that others used, too.
_PATIENCE, _START_SECONDS = 3, 30.0


class Jury:
    """Runs the tests of one mutant after the other."""

    def __init__(self, reached: Reach, given: argparse.Namespace, workshop: Workshop) -> None:
        self._reached = reached
        self._budget: float = given.budget
        self._tests: Sequence[str] = given.tests
        self._workshop = workshop
        # Tests that were seen to pass in the copy, and those that do not whatever is broken.
        self._sound: set[str] = set()
        self._unsound: set[str] = set()

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Return what became of the mutant, and which test saw it."""
        while True:
            tests = self._tests or self._affordable(mutant)
            if not tests:
                return UNREACHED, ""
            ended = self._run(mutant, tests)
            if ended.passed or ended.timed_out or self._is_sound(ended.failed):
                break
        if ended.timed_out:
            return TIMED_OUT, ""
        return (SURVIVED, "") if ended.passed else (KILLED, ended.failed)

    def _run(self, mutant: Mutant, tests: Sequence[str]) -> Ended:
        whole = self._workshop.text(mutant.module)
        seconds = sum(self._reached.seconds.get(test, self._budget) for test in tests)
        with self._workshop.broken(mutant.module, mutant.change.apply(whole)):
            return self._workshop.run(tests, _START_SECONDS + _PATIENCE * seconds)

    def _affordable(self, mutant: Mutant) -> list[str]:
        chosen: list[str] = []
        spent = 0.0
        for test in self._reached.tests_of(mutant.module, mutant.change):
            if test not in self._unsound:
                spent += self._reached.seconds[test]
                if chosen and spent > self._budget:
                    break
                chosen.append(test)
        return chosen

    def _is_sound(self, test: str) -> bool:
        """Tell whether the test that failed passes where nothing is broken."""
        if not test or self._tests or test in self._sound:
            return True
        sound = self._workshop.run([test], _START_SECONDS + _PATIENCE * self._budget).passed
        (self._sound if sound else self._unsound).add(test)
        return sound


def main() -> int:
    """Break and tell; exit with 1 if a change was not noticed."""
    given = _words()
    names = given.module or (pure() if given.core else kept())
    count = given.count or (None if given.core else _COUNT)
    drawn = draw(names, given.kind or list(Kind), given.seed, count)
    if given.list:
        sys.stdout.writelines(f"{mutant}\n" for mutant in drawn)
        return 0
    if given.core:
        return _judge_core(drawn, given)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        measured = Path(given.reach or f"{folder}/reach")
        if not given.tests:
            reach.measure(ROOT, measured, given.among)
        if given.measure_only:
            return 0
        counts = _judge_all(drawn, reach.read(ROOT, measured), given, Path(folder))
    _say(", ".join(f"{name} {counts[name]}" for name in sorted(counts)))
    return 1 if counts[SURVIVED] or counts[UNREACHED] else 0


def _judge_core(drawn: Sequence[Mutant], given: argparse.Namespace) -> int:
    """Judge what is pure; what is listed is judged, too, if it is to be seen that it belongs there.

    What a test sees although it is listed is in the list for nothing.
    """
    started = time.monotonic()
    reasons = accepted.read()
    listed = {one for one in drawn if reasons.reason(one.module, one.change)}
    counts = Counter[str]() if given.recheck else Counter({ACCEPTED: len(listed)})

    def tell(judged: Judged) -> None:
        is_listed = judged.mutant in listed
        if judged.survived:
            word = ACCEPTED if is_listed else SURVIVED
        elif is_listed:
            word = NEEDLESS
        else:
            word = TIMED_OUT if judged.timed_out else KILLED
        counts[word] += 1
        if given.verbose or word in {SURVIVED, NEEDLESS}:
            _say(f"{word}: {judged.mutant}  [{judged.failed}]")
        if counts.total() % _PROGRESS == 0:
            _say(f"… {counts.total()} of {len(drawn)}")

    forked.judge([one for one in drawn if given.recheck or one not in listed], given.jobs, tell)
    words = ", ".join(f"{word} {counts[word]}" for word in sorted(counts))
    _say(f"{len(drawn)} mutants in {time.monotonic() - started:.0f} s: {words}")
    return 1 if counts[SURVIVED] or counts[NEEDLESS] else 0


def _judge_all(
    drawn: Sequence[Mutant], reached: Reach, given: argparse.Namespace, folder: Path
) -> Counter[str]:
    juries: Queue[Jury] = Queue()
    for number in range(given.jobs):
        juries.put(Jury(reached, given, Workshop(ROOT, folder / str(number))))
    reasons = accepted.read()

    def judge(mutant: Mutant) -> str:
        if reasons.reason(mutant.module, mutant.change):
            word, test = ACCEPTED, ""
        else:
            jury = juries.get()
            started = time.monotonic()
            try:
                word, test = jury.judge(mutant)
            finally:
                juries.put(jury)
            test = f"  [{test} {time.monotonic() - started:.0f} s]"
        _say(f"{word}: {mutant}{test}")
        return word

    with ThreadPoolExecutor(given.jobs) as pool:
        return Counter(pool.map(judge, drawn))


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--core", action="store_true", help="the pure core, in forked children")
    parser.add_argument("--count", type=int, help=f"default: {_COUNT}, or all of the core")
    parser.add_argument("--kind", action="append", type=Kind, choices=list(Kind))
    parser.add_argument("--recheck", action="store_true", help="of the core, what is listed, too")
    parser.add_argument("--verbose", action="store_true", help="of the core, tell of the killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", action="append", help="rotator/x.py, or one line of it: …:17")
    parser.add_argument("--list", action="store_true", help="only tell what would be broken")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--budget", type=float, default=30, help="seconds of tests for a change")
    parser.add_argument("--reach", help="a folder that keeps which tests reach what")
    parser.add_argument("--among", nargs="+", default=[], help="measure these tests alone")
    parser.add_argument("--measure-only", action="store_true", help="judge nothing yet")
    parser.add_argument("--tests", nargs="+", default=[], help="these instead of who reaches it")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
