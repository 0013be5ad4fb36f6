"""What stands where a folder or a lock of ours should be is named, with what helps (C, I7)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.errors import StoreError
from rotator.system.locks import swap_lock
from rotator.system.odd_places import instead_of_folder, instead_of_lock
from rotator.system.paths import private_folder


def a_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))


ODD = {
    "a file": (Path.touch, "is a file", "move it away"),
    "a pipe": (os.mkfifo, "is a pipe", "move it away"),
    "a socket": (a_socket, "is a socket", "move it away"),
    "a link to nothing": (
        lambda place: place.symlink_to("nowhere"),
        "is a link to nothing",
        "remove it, or make what it leads to: {folder}/nowhere",
    ),
    "a circle": (lambda place: place.symlink_to(place.name), "is a link in a circle", "remove it"),
    "a device": (
        lambda place: place.symlink_to("/dev/zero"),
        "is a link to a device",
        "remove it",
    ),
}


@pytest.mark.parametrize(("make", "says", "to_do"), ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("below", [(), ("bridge", "inbox")], ids=["itself", "below"])
def test_what_is_no_folder_is_named_where_a_folder_should_be(
    tmp_path: Path, make: Callable[[Path], object], says: str, to_do: str, below: tuple[str, ...]
) -> None:
    place = tmp_path / "ours"
    make(place)

    with pytest.raises(StoreError) as failed:
        private_folder(place.joinpath(*below))

    assert failed.value.message.endswith(f" cannot be used: {place} {says}")
    assert failed.value.hint == to_do.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("make", "says", "to_do"),
    [
        (Path.mkdir, "is a folder", "move it away"),
        (lambda place: place.symlink_to(place.name), "is a link in a circle", "remove it"),
        (lambda place: place.symlink_to("/dev/zero"), "is a link to a device", "remove it"),
        (lambda place: place.symlink_to("../other"), "is a link to a file", "remove it"),
    ],
    ids=["a folder", "a circle", "a device", "a link"],
)
def test_what_is_no_lock_is_named_where_a_lock_should_be(
    tmp_path: Path, make: Callable[[Path], object], says: str, to_do: str
) -> None:
    lock = private_folder(tmp_path / "state") / "swap.lock"
    (tmp_path / "other").touch()
    make(lock)

    with pytest.raises(StoreError) as failed, swap_lock(lock):
        pass

    assert failed.value.message == f"the lock {lock} cannot be used: {lock} {says}"
    assert failed.value.hint == to_do


def test_where_nothing_odd_stands_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()

    assert instead_of_folder(tmp_path) is None
    assert instead_of_folder(tmp_path / "not there" / "yet") is None
    assert instead_of_lock(tmp_path / "lock") is None
    assert instead_of_lock(tmp_path / "not there") is None
