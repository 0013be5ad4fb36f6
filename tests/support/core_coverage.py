"""The pure core is covered whole, every branch: a gate beside the one for all code.

Both gates hold when coverage is measured (`--cov`), which the whole check does and a run of a
few tests does not.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

from tests.support import late
from tests.support.late import is_one_of_several

WHOLE = 100.0
CORE = (
    "rotator/core/*",
    "rotator/errors.py",
    "rotator/model/*",
    "rotator/secret.py",
    "rotator/text.py",
    "rotator/wording.py",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Fail a measured session that left a line or a branch of the core untouched."""
    result = yield
    # This wrapper is the outer one: pytest-cov has combined and saved by now.
    is_measured = session.config.getoption("cov_source", None)
    # One of several processes has seen a part of it only.
    if is_measured and not (session.config.option.collectonly or is_one_of_several(session.config)):
        gaps = uncovered(session.config.rootpath)
        if gaps:
            late.fail(session, "coverage of the pure core", gaps)
    return result


def uncovered(root: Path) -> str:
    """Return the report of what is not covered of the core, empty when all is."""
    measured = coverage.Coverage(data_file=str(root / ".coverage"))
    measured.load()
    table = io.StringIO()
    try:
        total = measured.report(include=[str(root / name) for name in CORE], file=table)
    except coverage.exceptions.NoDataError as error:
        return f"nothing of the core was measured: {error}"
    return "" if total >= WHOLE else table.getvalue()
