"""A disk without room, or without inodes: whoever only looks is shown what was saved last."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from rotator.system.room import lacks_inodes, no_room
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api, as_opencode
from tests.support.namespaces import rotator_inside
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

READING = ("accounts", "status", "events", "usage", "explain")
SAYS = ": nothing new can be taken in, and what is shown is what was saved last"
FULL = {
    "room": ("size=4m", "dd if=/dev/zero of=$D/fill bs=1k 2>/dev/null || true"),
    "inodes": (
        "size=50m,nr_inodes=90",
        "i=0; while touch $D/fill$i 2>/dev/null; do i=$((i+1)); done",
    ),
}
LACKING = pytest.mark.parametrize("lacking", FULL)


@pytest.fixture
def house(home: Path) -> Household:
    """Return somebody with two logins of acme, of which the second is live."""
    house = Household(home)
    for name in ("a", "b"):
        house.write_auth({"acme": api(name)})
        assert rotator(house, "accounts").code == 0
    return house


def full(house: Household, lacking: str, *then: str) -> list[str]:
    """Return what makes a copy of the person's files on a disk of their own and fills it."""
    options, fill = FULL[lacking]
    at, copy = house.home / ".local", house.home / "copy"
    return [
        f"D={shlex.quote(str(at))}",
        f"cp -a $D {shlex.quote(str(copy))}",
        f"mount -t tmpfs -o mode=700,{options} none $D",
        f"cp -a {shlex.quote(str(copy))}/. $D/",
        f"rm -r {shlex.quote(str(copy))}",
        fill,
        *then,
    ]


@LACKING
@pytest.mark.parametrize("is_first", [True, False])
def test_whoever_only_reads_is_told_as_ever_and_why_nothing_is_taken_in(
    house: Household, lacking: str, *, is_first: bool
) -> None:
    # What a command that failed has left beside the store is in nobody's way.
    before = "" if is_first else f"{sys.executable} -m rotator accounts >/dev/null 2>&1 || true"
    setup = full(house, lacking, before)
    usual = [rotator(house, word) for word in READING]

    ended = [rotator_inside(house, setup, word) for word in READING]
    line = rotator_inside(house, setup, "statusline")

    assert [one.code for one in ended] == [0] * len(READING), ended
    assert [one.stdout for one in ended] == [one.stdout for one in usual]
    assert all(SAYS in one.stderr and "is full" in one.stderr for one in ended), ended
    assert all(("inodes" in one.stderr) is (lacking == "inodes") for one in ended), ended
    assert line.stdout == "no watcher | acme acme-2\n"


def test_a_login_that_there_is_no_room_for_keeps_nobody_from_looking(house: Household) -> None:
    assert rotator(house, "rotate", "acme").code == 0
    entries = as_opencode({"acme": api("c")}).decode()
    file = shlex.quote(str(house.auth_file))
    setup = full(house, "room", f"printf %s {shlex.quote(entries)} 1<>{file}")

    ended = rotator_inside(house, setup, "accounts", "--json")

    assert ended.code == 0, ended
    assert [one["alias"] for one in ended.json()["accounts"]] == ["acme-1", "acme-2"]
    assert SAYS in ended.stderr


@LACKING
def test_whoever_wants_a_change_is_told_that_the_disk_is_full(
    house: Household, lacking: str
) -> None:
    ended = rotator_inside(house, full(house, lacking), "rotate", "acme")

    data = find_paths(places(house.home)).data
    assert ended.code == 7
    assert f"cannot be used: the disk of {data} is full" in ended.stderr
    assert "make room on its disk" in ended.stderr


@LACKING
def test_doctor_names_what_there_is_no_more_of(house: Household, lacking: str) -> None:
    says = {"room": "no room is free where the store lies", "inodes": "no inodes are left"}

    ended = rotator_inside(house, full(house, lacking), "doctor")

    assert says[lacking] in ended.stdout
    other = says["inodes" if lacking == "room" else "room"]
    assert other not in ended.stdout


def test_a_disk_with_room_is_not_full_and_nothing_is_left_there(tmp_path: Path) -> None:
    assert no_room(tmp_path) is None
    assert no_room(tmp_path / "absent") is None
    assert not lacks_inodes(tmp_path)
    assert not lacks_inodes(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
