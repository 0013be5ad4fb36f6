"""What holds for every test: a HOME of its own, no network, no leaks, no skips, no secret shown.

Each rule is a file in tests/support/ that says what it does; here they are switched on.
"""

from __future__ import annotations

import platform
import sqlite3

import hypothesis
import pytest

from tests.support import (
    canary,
    core_coverage,
    forked_command,
    home,
    late,
    leaks,
    long_first,
    memory_homes,
    network,
    quiet,
    skips,
    slow_files,
    told_figures,
    traced_parts,
    unmeasured_tests,
    waiting_files,
)

GUARDS = (
    forked_command,
    home,
    network,
    leaks,
    skips,
    canary,
    core_coverage,
    late,
    long_first,
    memory_homes,
    quiet,
    slow_files,
    told_figures,
    traced_parts,
    unmeasured_tests,
    waiting_files,
)


def pytest_configure(config: pytest.Config) -> None:
    """Switch the guards on; a slow machine is no reason for a test to fail."""
    hypothesis.settings.register_profile("without-deadline", deadline=None)
    hypothesis.settings.load_profile("without-deadline")
    for guard in GUARDS:
        config.pluginmanager.register(guard)


def pytest_report_header() -> str:
    """Name the versions that a failure may depend on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"SQLite {sqlite3.sqlite_version}, {python}, {platform.system()} {platform.release()}"
