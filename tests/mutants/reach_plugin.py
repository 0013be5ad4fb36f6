"""A pytest plugin: notes which test reaches which line, in children too, and how long it takes.

Only `python -m tests.mutants` loads it. Children are measured by coverage's own start-up file,
which reads the settings that the environment names; these hold the name of the test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

_OPTION = "--reach"
_SETTINGS = "COVERAGE_PROCESS_START"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the folder into which everything is written."""
    parser.addoption(_OPTION, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Follow the session; a process that only hands tests out will see none."""
    config.pluginmanager.register(_Watch(config.rootpath, Path(config.getoption(_OPTION))))


class _Watch:
    """Follows a session from test to test."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._settings = folder / f"settings-{os.getpid()}"
        self._write_settings("")
        self._lines = coverage.Coverage(config_file=str(self._settings))
        self._passed = True
        self._seconds = 0.0

    def pytest_sessionstart(self) -> None:
        self._lines.start()

    def pytest_sessionfinish(self) -> None:
        self._lines.stop()
        self._lines.save()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Name the test, for this process and for its children."""
        self._passed, self._seconds = True, 0.0
        self._write_settings(item.nodeid)
        before = os.environ.get(_SETTINGS)
        os.environ[_SETTINGS] = str(self._settings)
        self._lines.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._lines.switch_context("")
            if before is None:
                del os.environ[_SETTINGS]
            self._note(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up how long the test's parts took."""
        self._passed = self._passed and report.passed
        self._seconds += report.duration

    def _write_settings(self, test: str) -> None:
        self._settings.write_text(
            f"[run]\nsource = {self._root}/rotator\ndata_file = {self._folder}/lines\n"
            f"parallel = true\ndisable_warnings = no-data-collected\n"
            f"context = {test.replace('$', '$$')}\n"
        )

    def _note(self, name: str) -> None:
        line = json.dumps({"test": name, "seconds": self._seconds, "passed": self._passed})
        with (self._folder / f"times-{os.getpid()}").open("a") as file:
            file.write(line + "\n")
