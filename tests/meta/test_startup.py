"""The start-up budget: short commands do not pay for what only the watcher or a test needs.

Which modules a process has loaded is exact; how long that took is not, so it is not asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from tests.support.config_files import write_config
from tests.support.opencode2_table import Table, key
from tests.support.tool import expect_success

HEAVY = {
    *("blessed", "httpx2", "hypothesis", "psutil", "pydantic", "tomlkit", "watchdog"),
    # What judges an answer: many patterns, which are compiled.
    "rotator.core.failures.classify",
}


@pytest.mark.parametrize("command", [["--help"], ["status"], ["status", "--json"]], ids=" ".join)
def test_a_short_command_loads_nothing_heavy(tmp_path: Path, command: list[str]) -> None:
    report = tmp_path / "loaded"

    expect_success(sys.executable, "-m", "tests.support.loaded", str(report), *command)

    loaded = set(report.read_text().splitlines())
    assert "rotator" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("command", ["status", "accounts", "explain"])
@pytest.mark.parametrize("has_logins", [False, True])
def test_only_who_has_an_opencode_2_loads_what_reads_its_logins(
    tmp_path: Path, command: str, *, has_logins: bool
) -> None:
    report = tmp_path / "loaded"
    table = Table(find_paths().opencode_database)
    # opencode 1 makes an empty one.
    table.make()
    if has_logins:
        table.log_in("acme", key("a"))

    expect_success(sys.executable, "-m", "tests.support.loaded", str(report), command)

    loaded = set(report.read_text().splitlines())
    reads = {"rotator.live.homes", "rotator.opencode.database.home"}
    assert loaded & reads == (reads if has_logins else set())
    assert "http.client" not in loaded or has_logins


def test_settings_that_were_read_once_are_not_read_closely_again(tmp_path: Path) -> None:
    report = tmp_path / "loaded"
    write_config(find_paths().config_file, "failover.strategy = 'drani'\n")
    told, loaded = [], []

    for _ in range(2):
        words = [sys.executable, "-m", "tests.support.loaded", str(report), "status"]
        told.append("must be one of sticky" in expect_success(*words))
        loaded.append("pydantic" in report.read_text().splitlines())

    assert (told, loaded) == ([True, True], [True, False])


def test_to_show_the_priorities_costs_no_close_reading(tmp_path: Path) -> None:
    report = tmp_path / "loaded"

    expect_success(sys.executable, "-m", "tests.support.loaded", str(report), "priority", "list")

    assert set(report.read_text().splitlines()) & HEAVY == set()
