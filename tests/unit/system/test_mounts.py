"""The lines of mountinfo: what is mounted where, and which file of a device a path is."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.system.mounts import Mount, mount_at, mounts_of, origin_of, parse_mounts

TEXT = b"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /dev/pts rw - tmpfs none rw
41 22 254:3 /people/ada /users/ada rw - ext4 /dev/vdb rw
55 41 254:0 /x/auth.json//deleted /users/ada/auth.json ro - ext4 /dev/vda rw
56 41 254:0 /srv/a\\040b\\134\xc3\xa9 /users/ada/c\\011d rw - ext4 /dev/vda rw
57 41 254:5 / /users/ada/over rw - ext4 /dev/vdc rw
58 41 254:6 /part /users/ada/over rw - ext4 /dev/vdd rw
no such line
"""
MOUNTS = parse_mounts(TEXT)


def test_each_line_is_a_mount_and_what_is_none_is_left_out() -> None:
    assert len(MOUNTS) == 7
    assert MOUNTS[0] == Mount("254:0", "/", "/")


def test_a_file_that_has_lost_its_name_is_recognised() -> None:
    assert MOUNTS[3] == Mount("254:0", "/x/auth.json", "/users/ada/auth.json", is_deleted=True)


def test_blanks_and_letters_of_a_path_are_what_they_were() -> None:
    assert MOUNTS[4] == Mount("254:0", "/srv/a b\\é", "/users/ada/c\td")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/users/ada/auth.json", MOUNTS[3]),
        ("/users/ada/over", MOUNTS[6]),
        ("/users/ada/auth.jso", None),
        ("/users", None),
    ],
)
def test_a_path_is_a_mount_if_something_is_mounted_at_that_very_place(
    path: str, found: Mount | None
) -> None:
    assert mount_at(Path(path), MOUNTS) == found


@pytest.mark.parametrize(
    ("path", "device", "root"),
    [
        ("/etc/x", "254:0", "/etc/x"),
        ("/users/ada/.local/x", "254:3", "/people/ada/.local/x"),
        ("/users/ada/auth.json", "254:0", "/x/auth.json"),
        ("/users/ada/over/x", "254:6", "/part/x"),
        ("/users/adam", "254:0", "/users/adam"),
        ("/dev/pts", "0:26", ""),
    ],
)
def test_a_path_is_part_of_the_uppermost_mount_around_it(path: str, device: str, root: str) -> None:
    origin = origin_of(Path(path), MOUNTS)

    assert origin is not None
    assert (origin.device, origin.root) == (device, root)


def test_where_nobody_tells_nothing_is_mounted() -> None:
    assert mounts_of("no such process") == []
    assert origin_of(Path("/x"), []) is None
