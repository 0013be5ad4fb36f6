"""The start-up budget: short commands do not pay for what only the watcher or a test needs.

Which modules a process has loaded is exact; how long that took is not, so it is not asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.tool import expect_success

HEAVY = {"blessed", "httpx2", "hypothesis", "psutil", "pydantic", "watchdog"}
CHILD = """
import atexit, sys
report = sys.argv.pop()
sys.argv[0] = "rotator"
tops = lambda: {name.partition(".")[0] for name in sys.modules}
atexit.register(lambda: open(report, "w").write(" ".join(tops())))
from rotator.cli.main import main
main()
"""


@pytest.mark.parametrize("command", [["--help"], ["status"], ["status", "--json"]], ids=" ".join)
def test_a_short_command_loads_nothing_heavy(tmp_path: Path, command: list[str]) -> None:
    modules = tmp_path / "modules"

    expect_success(sys.executable, "-c", CHILD, *command, str(modules))

    loaded = set(modules.read_text().split())
    assert "rotator" in loaded
    assert loaded & HEAVY == set()
