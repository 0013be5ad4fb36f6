"""Which test of the pure core reaches which line, and how long each takes: one run of them all."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import coverage
import pytest

from tests.mutants.reach import Reach
from tests.support.repository import ROOT


class _Times:
    """A pytest plugin: adds up how long each test takes, and keeps those that fail."""

    def __init__(self) -> None:
        self.seconds = Counter[str]()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration  # type: ignore[assignment] # no whole number
        if report.failed:
            self.failed.append(report.nodeid)


def measure(items: Mapping[str, pytest.Item], path: Path) -> str:
    """Run the tests, write into `path` what they reach, and return which of them failed."""
    measured = coverage.Coverage(data_file=None, config_file=False, source=[str(ROOT / "rotator")])
    times = _Times()
    measured.start()
    for name, item in items.items():
        item.config.pluginmanager.register(times, "times")
        measured.switch_context(name)
        run(item, None)
        item.config.pluginmanager.unregister(name="times")
    measured.stop()
    numbers = {name: number for number, name in enumerate(items)}
    lines: dict[str, dict[int, list[int]]] = defaultdict(dict)
    data = measured.get_data()
    for file in data.measured_files():
        module = str(Path(file).relative_to(ROOT))
        for line, tests in data.contexts_by_lineno(file).items():
            lines[module][line] = [numbers[test] for test in tests if test]
    seconds = [times.seconds[name] for name in items]
    path.write_text(json.dumps({"tests": list(items), "seconds": seconds, "lines": lines}))
    return ", ".join(times.failed)


def read(path: Path) -> Reach:
    """Return what was written there."""
    found = json.loads(path.read_text())
    names: list[str] = found["tests"]
    lines = {
        module: {int(line): {names[number] for number in tests} for line, tests in reached.items()}
        for module, reached in found["lines"].items()
    }
    return Reach(ROOT, dict(zip(names, found["seconds"], strict=True)), lines)


def run(item: pytest.Item, following: pytest.Item | None) -> None:
    """Run one test, as pytest's own loop does; `following` says which fixtures may stay."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
