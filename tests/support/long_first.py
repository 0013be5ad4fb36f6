"""What takes long comes first, so that the processes that share the tests end together.

Left alone, pytest-xdist begins with the files that have most tests: the few, long ones of the
real opencode would come last, one process with nothing to do beside them. Before all others come
the files with a test that runs alone: it waits for every test that has begun, and everybody waits
for it, which takes minutes once the long ones run.
"""

from __future__ import annotations

from collections.abc import Container
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
    with_alone = {item.path for item in items if item.get_closest_marker("alone") is not None}
    items.sort(key=lambda item: _rank(item, with_alone))


def _rank(item: pytest.Item, with_alone: Container[Path]) -> int:
    if item.path in with_alone:
        return -1
    if item.path.is_relative_to(TESTS):
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FOLDERS:
            return FOLDERS.index(folder)
    return len(FOLDERS)
