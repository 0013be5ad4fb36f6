"""Failures that belong to the session and not to one test of it.

Where several processes share the tests, each has a session; what is wrong with one of those is
told by the process that reports for all.
"""

from __future__ import annotations

from typing import Any

import pytest

_LATE = "late_failures"


def fail(session: pytest.Session, name: str, text: str) -> None:
    """Turn the session red with an error called `name` that shows `text`.

    It must be called before `pytest_runtestloop` has returned: later the exit status is fixed.
    """
    told = getattr(session.config, "workeroutput", None)
    if told is None:
        _report(session.config, name, text)
    else:
        told.setdefault(_LATE, []).append((name, text))


def is_one_of_several(config: pytest.Config) -> bool:
    """Tell whether this process runs a part of the tests for another one."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Report what one of several processes has found at its end."""
    for name, text in getattr(node, "workeroutput", {}).get(_LATE, []):
        _report(node.config, f"{name} of {node.gateway.id}", text)


def _report(config: pytest.Config, name: str, text: str) -> None:
    report = pytest.TestReport(
        nodeid=name,
        location=(name, None, name),
        keywords={},
        outcome="failed",
        longrepr=text,
        when="teardown",
    )
    config.hook.pytest_runtest_logreport(report=report)
