"""Files that lost their name are looked into for a while, and kept open no longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.opencode.auth.file import read_live
from rotator.opencode.auth.placement import Neighbours
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.system.mounts import MountedFile
from tests.support.live import api, as_opencode


class Mounted(Neighbours):
    """Says that another container has a file mounted which has lost its name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._mounted = [MountedFile(4711, path, is_deleted=True)]

    def look(self, target: Path, *, within: float = 0) -> list[MountedFile]:  # noqa: ARG002  # as it is
        """Return that file, whoever asks."""
        return self._mounted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "canary-auth.json"
    path.write_bytes(as_opencode({"acme": api("a")}))
    return path


@pytest.fixture
def replaced(path: Path) -> Iterator[ReplacedFiles]:
    replaced = ReplacedFiles(path.with_name("journal"), Mounted(path))
    yield replaced
    replaced.close()


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_mounted_file_is_opened_once_however_often_it_is_looked_for(
    path: Path, replaced: ReplacedFiles
) -> None:
    replaced.follow_mounts(path)
    before = open_files()

    for _ in range(5):
        replaced.follow_mounts(path)

    assert open_files() == before


def test_a_file_is_let_go_of_when_its_time_is_over(path: Path, replaced: ReplacedFiles) -> None:
    before = open_files()
    replaced.keep(os.open(path, os.O_RDONLY), read_live(path))
    path.write_bytes(as_opencode({"acme": api("b")}))
    ((old, late),) = replaced.changed()
    old.seen = late

    kept = (replaced.changed(), bool(replaced))
    old.until = 0.0

    assert (kept, replaced.changed(), bool(replaced)) == (([], True), [], False)
    assert open_files() == before


def test_what_is_mounted_and_no_file_is_not_kept_open(path: Path, tmp_path: Path) -> None:
    replaced = ReplacedFiles(path.with_name("journal"), Mounted(tmp_path))
    before = open_files()

    replaced.follow_mounts(path)

    assert (open_files(), bool(replaced)) == (before, False)
