"""A household of its own for each test, and a provider on the loopback interface."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import watcher


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


@pytest.fixture
def watched(house: Household) -> Iterator[Household]:
    """Return a household with the keys A, live, and B captured, the bridge, and a watcher."""
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        yield house


@pytest.fixture
def server(watched: Household) -> Iterator[Server]:
    """Return a server that was started while A was live, with a watcher beside it."""
    with serve(watched) as server:
        yield server
