"""A household of its own for each test, and a provider on the loopback interface."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    """Return a provider that answers everybody until a test says otherwise."""
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture
def house(home: Path, provider: LoopbackProvider) -> Iterator[Household]:
    """Return a HOME in which opencode asks that provider, and nobody is logged in."""
    house = Household(home)
    house.configure(provider.url)
    yield house
    # pytest keeps the HOMEs of the last runs; the TUI's libraries are 20 MB each time.
    shutil.rmtree(house.temporary, ignore_errors=True)
