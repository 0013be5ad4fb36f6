"""Locks between real processes: who holds one is known, and a dead holder holds nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from rotator.errors import AlreadyRunning, StoreError, SwapConflict
from rotator.system.lock_holder import is_stopped, pid_among
from rotator.system.locks import (
    folder_lock,
    hold_all,
    is_held,
    saying_waits,
    swap_lock,
    watch_lock,
    watcher_pid,
)
from tests.support.waiting import wait_until

HOLD = """
import sys
from pathlib import Path
from rotator.system.locks import {lock}
with {lock}(Path(sys.argv[1]){more}):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "the.lock"


@contextlib.contextmanager
def held_by_another(
    lock: str, path: Path, *, alone: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lock until the block ends."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD.format(lock=lock, more=", alone=True" if alone else ""),
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_watcher_is_told_who_watches(path: Path) -> None:
    with held_by_another("watch_lock", path) as holder:
        with pytest.raises(AlreadyRunning, match=rf"\(pid {holder.pid}\)") as caught:
            watch_lock(path).__enter__()

        assert caught.value.exit_code == 5


def test_the_watcher_s_pid_is_known_while_it_runs(path: Path) -> None:
    with held_by_another("watch_lock", path) as holder:
        assert watcher_pid(path) == holder.pid


def test_nobody_watches_where_nobody_ever_did(path: Path) -> None:
    assert watcher_pid(path) is None


def test_a_watcher_that_ended_is_not_running(path: Path) -> None:
    with watch_lock(path):
        pass

    assert watcher_pid(path) is None


def test_a_watcher_that_was_killed_holds_nothing(path: Path) -> None:
    with held_by_another("watch_lock", path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        assert watcher_pid(path) is None
        with watch_lock(path):
            assert watcher_pid(path) == os.getpid()


def test_a_stopped_watcher_still_runs(path: Path) -> None:
    with held_by_another("watch_lock", path) as holder:
        holder.send_signal(signal.SIGSTOP)

        assert watcher_pid(path) == holder.pid


def test_whoever_asks_does_not_keep_a_watcher_from_starting(path: Path) -> None:
    """`status` holds the lock for an instant to see whether it is free."""
    path.parent.mkdir()
    with path.open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        answered = threading.Timer(0.05, lambda: fcntl.flock(asking, fcntl.LOCK_UN))
        answered.start()

        with watch_lock(path):
            pid = watcher_pid(path)

        answered.join()
    assert pid == os.getpid()


def test_two_that_ask_at_once_do_not_take_one_another_for_the_watcher(path: Path) -> None:
    with watch_lock(path):
        pass
    answers: set[int | None] = set()

    def ask() -> None:
        answers.update(watcher_pid(path) for _ in range(2000))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    assert answers == {None}


def test_a_swap_waits_for_another_one(path: Path) -> None:
    order: list[str] = []
    entered = threading.Event()

    def first() -> None:
        with swap_lock(path):
            entered.set()
            time.sleep(0.05)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    with swap_lock(path):
        order.append("second")

    thread.join()
    assert order == ["first", "second"]


def test_a_stuck_process_is_waited_for_only_so_long(path: Path) -> None:
    with held_by_another("swap_lock", path):
        started = time.monotonic()
        with pytest.raises(SwapConflict, match=r"held the\.lock for 0\.1 s"):
            swap_lock(path, patience_seconds=0.1).__enter__()

        assert 0.1 <= time.monotonic() - started < 5


def test_whoever_waits_for_a_lock_leaves_the_processor_to_its_holder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    flock = fcntl.flock

    def counted(handle: int, kind: int) -> None:
        nonlocal tries
        tries += 1
        flock(handle, kind)

    with held_by_another("swap_lock", path):
        monkeypatch.setattr(fcntl, "flock", counted)
        with pytest.raises(SwapConflict), swap_lock(path, patience_seconds=0.3):
            pass

    assert 1 < tries < 50


def test_whether_a_lock_is_held_is_told_of_others_and_of_this_process(path: Path) -> None:
    told = [is_held(path)]
    with swap_lock(path):
        told.append(is_held(path))
    told.append(is_held(path))
    with held_by_another("swap_lock", path):
        told.append(is_held(path))

    assert told == [False, True, False, True]


def test_whoever_takes_several_locks_waits_for_each(path: Path) -> None:
    first = hold_all([path], patience_seconds=0)
    assert first is not None
    end = threading.Timer(0.1, first.release)
    end.start()

    held = hold_all([path.with_name("another.lock"), path], patience_seconds=30)

    end.join()
    assert held is not None
    held.release()


def test_whoever_cannot_take_all_locks_says_so_and_keeps_none(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError):
        hold_all([path, tmp_path / "file" / "the.lock"], patience_seconds=0)

    assert not is_held(path)


def test_a_process_that_was_killed_in_a_swap_holds_nothing(path: Path) -> None:
    with held_by_another("swap_lock", path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with swap_lock(path, patience_seconds=0):
            assert path.exists()


def test_a_lock_is_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with swap_lock(path):
            modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]
    finally:
        os.umask(before)

    assert modes == [0o600, 0o700]


def test_a_lock_is_no_link_to_somebody_else_s_file(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("elsewhere")

    with pytest.raises(StoreError, match=f"the lock {path} cannot be used"):
        swap_lock(path).__enter__()


def test_a_folder_that_cannot_be_made_is_named(path: Path) -> None:
    path.parent.write_text("")

    with pytest.raises(StoreError, match=f"the folder {path.parent} cannot be used") as caught:
        watch_lock(path).__enter__()

    assert caught.value.exit_code == 7


# -- a folder's own lock ---------------------------------------------------------------------


def test_many_share_a_folder_unless_one_asks_to_be_alone(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path, alone=False),
        folder_lock(tmp_path, alone=False, patience_seconds=0),
        pytest.raises(StoreError, match=f"has kept the folder {tmp_path} for 0 s"),
        folder_lock(tmp_path, alone=True, patience_seconds=0),
    ):
        pytest.fail("it was not alone")


def test_whoever_is_alone_with_a_folder_shares_it_with_nobody(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path, alone=True),
        pytest.raises(StoreError, match="has kept the folder"),
        folder_lock(tmp_path, alone=False, patience_seconds=0),
    ):
        pytest.fail("it was not alone")

    with folder_lock(tmp_path, alone=False, patience_seconds=0):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_to_be_locked_is_made_first(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "new", alone=True):
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_whoever_waits_is_told_after_a_second_who_holds_the_lock(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with held_by_another("swap_lock", path) as holder:
        began = time.monotonic()
        with pytest.raises(SwapConflict) as caught:
            swap_lock(path, patience_seconds=1.1).__enter__()

    assert time.monotonic() - began < 5
    (said,) = caplog.messages
    assert said.startswith(f"pid {holder.pid} ({sys.executable} -c")
    assert said.endswith("holds the.lock: waiting for it")
    assert f"has held the.lock for 1.1 s: pid {holder.pid} (" in caught.value.message
    assert caught.value.hint == f"kill {holder.pid} asks it to end"


def test_whoever_waits_is_told_once_whatever_becomes_of_the_holder(path: Path) -> None:
    """Many may hold it in turns, and nobody wants to hear of each."""
    said: list[str] = []
    with held_by_another("swap_lock", path) as holder:

        def stop(text: str) -> None:
            said.append(text)
            os.kill(holder.pid, signal.SIGSTOP)
            wait_until(lambda: is_stopped(holder.pid), 10, "the holder to stop")

        with saying_waits(stop), pytest.raises(SwapConflict, match="which is stopped"):
            swap_lock(path, patience_seconds=1.5).__enter__()

    assert len(said) == 1


def test_a_stopped_holder_is_told_as_one(path: Path) -> None:
    with held_by_another("swap_lock", path) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(holder.pid), 10, "the holder to stop")
        with pytest.raises(SwapConflict) as caught:
            swap_lock(path, patience_seconds=0).__enter__()

    assert caught.value.message.endswith("which is stopped")
    assert f"kill -CONT {holder.pid}" in str(caught.value.hint)


def test_a_holder_of_a_folder_is_named_as_well(tmp_path: Path) -> None:
    with (
        held_by_another("folder_lock", tmp_path, alone=True) as holder,
        pytest.raises(StoreError, match=rf"pid {holder.pid} \("),
    ):
        folder_lock(tmp_path, alone=False, patience_seconds=0).__enter__()


def test_a_holder_that_cannot_be_seen_is_not_named(path: Path) -> None:
    lines = ["1: FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF", "2: -> FLOCK  ADVISORY  WRITE 8", "odd"]
    path.parent.mkdir()
    path.touch()

    assert pid_among(lines, path.stat()) is None


def test_the_file_s_own_number_counts_where_its_device_has_another_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    found = path.stat()
    here = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    elsewhere = f"1: FLOCK  ADVISORY  WRITE 7 ee:ee:{found.st_ino} 0 EOF"
    own = f"2: FLOCK  ADVISORY  WRITE 8 {here}:{found.st_ino} 0 EOF"

    assert pid_among([elsewhere], found) == 7
    assert pid_among([elsewhere, own], found) == 8


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize("lock", [swap_lock, partial(folder_lock, alone=False), watch_lock])
def test_a_file_system_without_locks_is_told_as_one(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lock: Callable[[Path], AbstractContextManager[object]],
    code: int,
) -> None:
    def none(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", none)

    with pytest.raises(StoreError) as caught:
        lock(path).__enter__()

    why = f"its file system gives no locks ({os.strerror(code)})"
    assert caught.value.message == f"the lock {path} cannot be used: {why}"
    assert "move it away" not in str(caught.value.hint)
    assert "XDG_DATA_HOME" in str(caught.value.hint)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINTR])
def test_what_is_wrong_with_a_folder_s_lock_is_never_that_it_is_a_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def broken(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", broken)

    with pytest.raises(StoreError) as caught:
        folder_lock(path, alone=False).__enter__()

    assert caught.value.message == f"the lock {path} cannot be used: {os.strerror(code)}"
