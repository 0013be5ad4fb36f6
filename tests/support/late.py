"""Failures that belong to the session and not to one test of it."""

from __future__ import annotations

import pytest


def fail(session: pytest.Session, name: str, text: str) -> None:
    """Turn the session red with an error called `name` that shows `text`.

    It must be called before `pytest_runtestloop` has returned: later the exit status is fixed.
    """
    report = pytest.TestReport(
        nodeid=name,
        location=(name, None, name),
        keywords={},
        outcome="failed",
        longrepr=text,
        when="teardown",
    )
    session.config.hook.pytest_runtest_logreport(report=report)
