"""Figures that tests have measured stand at the end of the run's output.

A test hands one on with `record_property("figure", "…")`, whichever process runs it.
"""

from __future__ import annotations

import pytest

FIGURE = "figure"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of all tests."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = [
        str(value) for report in reports for name, value in report.user_properties if name == FIGURE
    ]
    if told:
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.line(line)
