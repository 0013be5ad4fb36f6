"""A bridge in a process of its own, between a made-up opencode and a made-up provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Return the server; whatever a test does, no mark may ever reach it."""
    with Upstream() as server:
        yield server
    assert server.leaked_marks == []


@pytest.fixture
def live(home: Path) -> LiveFile:
    """Return auth.json with the key A."""
    live = LiveFile(home)
    live.key("KEY-CANARY-A")
    return live


@pytest.fixture
def watcher(home: Path, live: LiveFile) -> FakeWatcher:
    """Return a watcher that knows the keys A and B, and has A active."""
    assert live.path.exists()
    fake = FakeWatcher(home)
    fake.publish(["KEY-CANARY-A", "KEY-CANARY-B"])
    return fake


@pytest.fixture
def slowness() -> int:
    """Return how much slower the bridge's time runs; more than 1 where a test is not about it."""
    return 1


@pytest.fixture
def bridge(home: Path, live: LiveFile, slowness: int) -> Iterator[BridgeProcess]:
    """Return a process that has loaded the bridge while the key A was live."""
    assert live.path.exists()
    with bridge_process(home, slowness=slowness) as process:
        process.load()
        yield process
