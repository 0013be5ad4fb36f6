"""A full disk or a limit of open files is told from missing rights: each has its way out."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.errors import RotatorError, StoreError, UsageError
from rotator.opencode.bridge.install import naming
from rotator.storage.database_errors import store_errors
from rotator.system.disk_errors import way_out_of
from rotator.system.locks import swap_lock
from rotator.system.logs import log_to_file

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "make room on its disk"),
        (errno.EDQUOT, "make room within your quota"),
        (errno.EROFS, "mount its file system"),
        (errno.EMFILE, "(ulimit -n)"),
        (errno.ENFILE, "end what has so many files open"),
        (errno.EACCES, "check the rights"),
        (None, "check the rights"),
    ],
)
def test_each_error_of_the_disk_has_its_way_out(code: int | None, told: str) -> None:
    assert told in way_out_of(OSError(code, "oops"), "check the rights")


@pytest.mark.parametrize("what", [naming, store_errors], ids=["a plug-in's file", "the store"])
def test_a_file_that_has_no_room_asks_for_room(tmp_path: Path, what: type) -> None:
    with pytest.raises((UsageError, StoreError)) as caught, what(tmp_path / "file"):
        raise FULL

    assert caught.value.hint == "make room on its disk and try again"


def lock(folder: Path) -> None:
    swap_lock(folder / "swap.lock").__enter__()


def log(folder: Path) -> None:
    log_to_file(folder / "rotator.log")


@pytest.mark.parametrize("begin", [lock, log])
def test_who_may_open_no_more_files_is_told_of_the_limit(
    tmp_path: Path, begin: Callable[[Path], None]
) -> None:
    tmp_path.chmod(0o700)
    handles: list[int] = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                handles.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(RotatorError) as caught:
            begin(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for handle in handles:
            os.close(handle)

    assert "ulimit -n" in str(caught.value.hint)
