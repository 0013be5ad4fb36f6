"""No test is left out in silence: a skip and an expected failure are failures, with the reason.

A test whose tool is missing says `pytest.fail("tmux is not installed")`; should it skip all the
same, the run is red and names what is missing.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def _refuse(report: pytest.TestReport | pytest.CollectReport, reason: object) -> None:
    # A skip's longrepr is (file, line, reason).
    text = reason[2] if isinstance(reason, tuple) else reason
    report.outcome = "failed"
    report.longrepr = f"left out, which counts as a failure here: {text}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the report of a test that was skipped or expected to fail into a failure."""
    report = yield
    if report.skipped:
        _refuse(report, getattr(report, "wasxfail", report.longrepr))
        # With this mark pytest would not count the failure.
        vars(report).pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the report of a file that was skipped as a whole into a failure."""
    report = yield
    if report.skipped:
        _refuse(report, report.longrepr)
    return report
