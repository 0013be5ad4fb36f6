"""The start-up budget: short commands do not pay for what only the watcher or a test needs.

Which modules a process has loaded is exact; how long that took is not, so it is not asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.tool import expect_success

HEAVY = {"blessed", "httpx2", "hypothesis", "psutil", "pydantic", "tomlkit", "watchdog"}


@pytest.mark.parametrize("command", [["--help"], ["status"], ["status", "--json"]], ids=" ".join)
def test_a_short_command_loads_nothing_heavy(tmp_path: Path, command: list[str]) -> None:
    report = tmp_path / "loaded"

    expect_success(sys.executable, "-m", "tests.support.loaded", str(report), *command)

    loaded = set(report.read_text().splitlines())
    assert "rotator" in loaded
    assert loaded & HEAVY == set()
