"""The ten files that took longest are named at the end, with their seconds and their tests.

With several processes beside each other these seconds are of one process: their sum is what the
check costs, not how long it takes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest

MOST = 10

_seconds: defaultdict[str, float] = defaultdict(float)
_tests: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add what a step of a test has taken to its file."""
    file = report.nodeid.partition("::")[0]
    _seconds[file] += report.duration
    _tests[file] += report.when == "call"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the slowest files."""
    lines = slowest(_seconds, _tests)
    if len(lines) > 1:
        terminalreporter.write_sep("=", "slowest files")
        for line in lines:
            terminalreporter.write_line(line)


def slowest(seconds: Mapping[str, float], tests: Counter[str]) -> list[str]:
    """Return a line for each of the slowest files, and one for all of them together."""
    files = sorted(seconds, key=lambda file: seconds[file], reverse=True)
    lines = [f"{seconds[file]:7.1f} s  {tests[file]:5}  {file}" for file in files[:MOST]]
    whole = sum(seconds.values())
    return [*lines, f"{whole:7.1f} s  {tests.total():5}  all {len(seconds)} files"]
