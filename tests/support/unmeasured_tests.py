"""Tests that loop over many cases, or run whole programs, are not measured by coverage.

Its tracer makes them up to six times as slow, and each child half a second later. They are no
proof that a line was looked at: what they reach has tests of its own, which are measured.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# pytest-cov stops measuring for a test with this mark.
MARK = "no_cover"
FOLDERS = ("bench", "e2e", "fuzz", "property")
_FOR_CHILDREN = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of those folders, and those that draw their cases wherever they are."""
    for item in items:
        path = item.path
        is_there = path.is_relative_to(TESTS) and path.relative_to(TESTS).parts[0] in FOLDERS
        if is_there or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(MARK)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let the children of a test that is not measured not be measured either."""
    if item.get_closest_marker(MARK) is None:
        return (yield)
    kept = {name: os.environ.pop(name) for name in _FOR_CHILDREN if name in os.environ}
    try:
        return (yield)
    finally:
        os.environ.update(kept)
