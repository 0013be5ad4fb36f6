"""What takes long comes first, so that the processes that share the tests end together.

Left alone, pytest-xdist begins with the files that have most tests: the few, long ones of the
real opencode would come last, one process with nothing to do beside them.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# Longest first; whatever is in no such folder comes after them.
FOLDERS = ("e2e", "bench", "mutants", "property", "contract", "integration", "meta", "tui")


def pytest_configure(config: pytest.Config) -> None:
    """Take the files in the order in which they were collected."""
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the folders into order, and leave the order within each to chance."""
    items.sort(key=lambda item: _rank(item.path))


@functools.cache
def _rank(path: Path) -> int:
    if path.is_relative_to(TESTS):
        folder = path.relative_to(TESTS).parts[0]
        if folder in FOLDERS:
            return FOLDERS.index(folder)
    return len(FOLDERS)
