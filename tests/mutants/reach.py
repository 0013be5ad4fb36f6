"""Which tests reach which line, measured once by running them and kept in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage

from tests.mutants.changes import Change
from tests.mutants.modules import kept
from tests.mutants.users import test_files

_DONE = "done"
# Loading the program takes a second or two each time.
_AT_ONCE = 6
_FAR = 2
_PLUGIN = "tests.mutants.reach_plugin"


@dataclass(frozen=True, slots=True)
class Reach:
    """Who reaches what, and how many seconds each test that passes takes."""

    root: Path
    seconds: dict[str, float]
    lines: dict[str, dict[int, set[str]]]

    def tests_of(self, module: str, change: Change) -> list[str]:
        """Return the tests that run into `change`: those of the module first, the quickest first.

        What runs when the module is loaded is reached by whoever uses the module, if only a
        constant of it, in which nothing runs.
        """
        reached = self.lines.get(module, {})
        places = range(change.line, change.last_line + 1)
        numbers: Collection[int] = reached if change.is_at_import else places
        found = {test for number in numbers for test in reached.get(number, ())}
        if change.is_at_import:
            found |= self._near_tests(module)
        files = {test.split("::", maxsplit=1)[0] for test in found}
        nearness = {name: self._nearness(name, module) for name in files}

        def near(test: str) -> tuple[int, float, str]:
            return nearness[test.split("::", maxsplit=1)[0]], self.seconds[test], test

        ordered = sorted(found & self.seconds.keys(), key=near)
        # The cases of one test break together: the first of each comes before the second of any.
        firsts = {test.partition("[")[0]: test for test in reversed(ordered)}

        def rank(test: str) -> tuple[int, bool, float]:
            return near(test)[0], firsts[test.partition("[")[0]] != test, self.seconds[test]

        return sorted(ordered, key=rank)

    def is_near(self, test_file: str, module: str) -> bool:
        """Tell whether the file has the module's own tests, or uses it."""
        return self._nearness(test_file, module) < _FAR

    def _near_tests(self, module: str) -> set[str]:
        by_file = defaultdict(set)
        for test in self.seconds:
            by_file[test.split("::", maxsplit=1)[0]].add(test)
        near = [tests for name, tests in by_file.items() if self.is_near(name, module)]
        return {test for tests in near for test in tests}

    def _nearness(self, test_file: str, module: str) -> int:
        """Return 0 for the module's own tests, 1 for those that import it, 2 for all others."""
        if Path(test_file).stem == f"test_{Path(module).stem}":
            return 0
        return 1 if self._uses(test_file, module) else _FAR

    def _uses(self, test_file: str, module: str) -> bool:
        path = self.root / test_file
        if not path.is_file():
            return False
        package, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
        text = path.read_text()
        return f"{package}.{name} " in text or any(
            line.startswith(f"from {package} import") and name in line for line in text.splitlines()
        )


def measure(root: Path, folder: Path, among: Sequence[str]) -> None:
    """Run the tests of `root` and write into `folder` what they reach.

    A few files at a time, and none that was measured there before: who is stopped goes on later.
    Where `among` names folders or files, it is those of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / _DONE
    before = set(done.read_text().splitlines()) if done.exists() else set()
    places = [place.rstrip("/") for place in among]
    left = [
        name
        for name in test_files(root, kept())
        if name not in before and (not places or any(_is_at(name, place) for place in places))
    ]
    for start in range(0, len(left), _AT_ONCE):
        some = left[start : start + _AT_ONCE]
        _run(root, folder, some)
        with done.open("a") as file:
            file.writelines(f"{name}\n" for name in some)


def _is_at(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}/")


def _run(root: Path, folder: Path, files: Sequence[str]) -> None:
    words = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", _PLUGIN)
    # Tests that fail are left out later: they could not tell a broken code from a whole one.
    subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--reach", str(folder), *files],
        cwd=root,
        stdout=sys.stderr,
        check=False,
    )


def read(root: Path, folder: Path) -> Reach:
    """Return what was measured in `folder`."""
    seconds: dict[str, float] = {}
    for path in folder.glob("times-*"):
        for line in path.read_text().splitlines():
            noted = json.loads(line)
            if noted["passed"]:
                seconds[noted["test"]] = noted["seconds"]
    lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in folder.glob("lines.*"):
        _add(lines, path)
    return Reach(root, seconds, {name: dict(found) for name, found in lines.items()})


def _add(lines: dict[str, dict[int, set[str]]], path: Path) -> None:
    data = coverage.CoverageData(str(path))
    data.read()
    for name in data.measured_files():
        # By the module's own place, so that it may have been measured in another copy.
        module = "rotator/" + name.rpartition("/rotator/")[2]
        for number, contexts in data.contexts_by_lineno(name).items():
            lines[module][number].update(test for test in contexts if test)
