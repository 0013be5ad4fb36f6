"""A pytest plugin: tests run in the order of the command line, whatever other plugins prefer."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Put back the order that the others have changed."""
    given = list(items)
    yield
    items[:] = given
