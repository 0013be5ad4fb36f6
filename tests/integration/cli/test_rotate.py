"""`rotator rotate` where something odd stands in the place of the bridge's folders (I7)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.live import api
from tests.support.rotator_process import rotator

KEYS = ("KEY-CANARY-A", "KEY-CANARY-B")


@pytest.fixture
def house(home: Path) -> Household:
    """Make two accounts; the second one is live."""
    house = Household(home)
    for key in KEYS:
        house.write_auth({"mock": api(key.removeprefix("KEY-CANARY-"))})
        assert rotator(house, "accounts").code == 0
    return house


ODD = {
    "pipe": (os.mkfifo, "is a pipe; move it away"),
    "file": (Path.touch, "is a file; move it away"),
    "circle": (lambda place: place.symlink_to(place.name), "is a link in a circle; remove it"),
    "device": (lambda place: place.symlink_to("/dev/zero"), "is a link to a device; remove it"),
    "nothing": (lambda place: place.symlink_to("nowhere"), "is a link to nothing; remove it, or"),
}


@pytest.mark.parametrize(("make", "says"), ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("where", ["bridge", "bridge/present", "bridge/inbox"])
def test_a_swap_that_was_made_is_told_and_beside_it_what_is_no_folder(
    house: Household, make: Callable[[Path], object], says: str, where: str
) -> None:
    place = house.state_dir / where
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    make(place)

    done = rotator(house, "rotate", "mock")
    again = rotator(house, "rotate", "mock", "--json")
    shown = rotator(house, "status")

    assert [ended.code for ended in (done, again, shown)] == [0, 0, 0]
    assert "mock-1 is now live" in done.stdout
    assert json.loads(again.stdout)["to"] == "mock-2"
    for ended in (done, again, shown):
        (line,) = ended.stderr.splitlines()
        assert line.startswith("! no bridge can be heard: the folder ")
        assert f"{place} {says}" in line
    assert house.read_auth()["mock"]["key"] == KEYS[1]


@pytest.mark.parametrize(("make", "says"), ODD.values(), ids=ODD.keys())
def test_what_is_no_folder_is_named_before_anything_is_done(
    house: Household, make: Callable[[Path], object], says: str
) -> None:
    shutil.rmtree(house.state_dir)
    make(house.state_dir)

    ended = rotator(house, "rotate", "mock")

    assert ended.code == 7
    assert f"cannot be used: {house.state_dir} {says.partition(';')[0]}\n" in ended.stderr
    assert house.read_auth()["mock"]["key"] == KEYS[1]
