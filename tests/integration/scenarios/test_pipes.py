"""A named pipe where one of our files, or one of opencode's, should be (field case I7).

Whoever opens a pipe waits until somebody writes into it: for ever, and deaf to signals.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.system.paths import find_paths
from tests.support.household import Household
from tests.support.rotator_process import accounts, rotator

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
# From the folder of the program's own data, and of its state.
OURS = ["auth.json.journal", "rotator.sqlite.restoring"]
STATE = [
    "bridge/state.json",
    "bridge/beat",
    "bridge/present/1.json",
    "bridge/inbox/s-1.json",
    "bridge/descent/d-1.json",
    "watcher.json",
    "opencode-files.json",
    "wanted-schema",
    "settings.json",
    "glance.json",
    "rotator.log",
    "changed",
]


@pytest.fixture
def house(home: Path) -> Household:
    """Return a household with two accounts."""
    house = Household(home)
    house.write_auth({"acme": {"type": "api", "key": A}})
    accounts(house)
    house.write_auth({"acme": {"type": "api", "key": B}})
    accounts(house)
    return house


def test_nobody_waits_for_a_pipe(house: Household) -> None:
    paths = find_paths(house.env())
    pipes = [paths.data / place for place in OURS] + [paths.state / place for place in STATE]
    pipes.append(house.home / ".cache" / "opencode" / "models.json")
    for path in pipes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    # Each ends within the time that a command has, and does what it is for.
    assert rotator(house, "status").code == 0
    assert rotator(house, "rotate", "acme").code == 0
    assert house.read_auth()["acme"]["key"] == A


def test_what_is_no_file_beside_the_store_is_put_aside(house: Household) -> None:
    paths = find_paths(house.env())
    for place in ("rotator.sqlite-wal", "rotator.sqlite-shm", "history.sqlite-wal"):
        (paths.data / place).unlink(missing_ok=True)
        os.mkfifo(paths.data / place)

    assert rotator(house, "statusline").code == 0
    assert rotator(house, "rotate", "acme").code == 0
    assert house.read_auth()["acme"]["key"] == A


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_store_that_is_no_file_is_rebuilt_from_its_backup(
    house: Household, make: Callable[[Path], None]
) -> None:
    paths = find_paths(house.env())
    with open_context(paths) as context:
        context.back_up_if_due()
    assert list(paths.backups.iterdir())
    for place in ("rotator.sqlite", "history.sqlite"):
        for file in paths.data.glob(place + "*"):
            file.unlink()
        make(paths.data / place)

    assert rotator(house, "statusline").code in {0, 1}
    assert [one["alias"] for one in accounts(house)] == ["acme-1", "acme-2"]
