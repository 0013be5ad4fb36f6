"""Another process that writes into the store and does not end is named (field case I9)."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.errors import StoreBusy, StoreError
from rotator.storage.database import open_database
from rotator.storage.migrations import STORE
from rotator.storage.transactions import erase_deleted, transaction
from rotator.system.lock_holder import is_stopped, writer_of
from tests.support.waiting import wait_until

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_stopped_writer_is_named_after_a_second_and_in_the_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rotator.sqlite"
    with contextlib.closing(open_database(path, STORE, durable=True)) as connection:
        connection.execute("PRAGMA busy_timeout = 1100")
        assert writer_of(path) is None
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            os.kill(holder.pid, signal.SIGSTOP)
            wait_until(lambda: is_stopped(holder.pid), 10, "the writer to stop")
            try:
                with pytest.raises(StoreError) as caught, transaction(connection, path):
                    pytest.fail("two write at once")
            finally:
                holder.kill()
        # Its own patience is as it was, and the store is free again.
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1100,)
        with transaction(connection, path):
            assert writer_of(path) is None

    (said,) = caplog.messages
    assert said.startswith(f"pid {holder.pid} ({sys.executable} -c")
    assert said.endswith("which is stopped, holds rotator.sqlite: waiting for it")
    assert f"database is locked: pid {holder.pid} (" in caught.value.message
    assert caught.value.hint == (
        f"kill -CONT {holder.pid} lets it go on, kill -KILL {holder.pid} ends it"
    )


def test_what_no_waiting_mends_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rotator.sqlite"
    open_database(path, STORE, durable=True).close()
    path.with_name(f"{path.name}-wal").mkdir()
    begun: list[str] = []
    with contextlib.closing(sqlite3.connect(path, timeout=1.1, isolation_level=None)) as connection:
        connection.set_trace_callback(begun.append)

        with (
            pytest.raises(StoreError, match="unable to open") as caught,
            transaction(connection, path),
        ):
            pytest.fail("nothing can be written")

    assert not isinstance(caught.value, StoreBusy)
    assert begun.count("BEGIN IMMEDIATE") == 1


def test_what_cannot_be_erased_is_an_error_of_the_store(tmp_path: Path) -> None:
    path = tmp_path / "rotator.sqlite"
    open_database(path, STORE, durable=True).close()
    with (
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(StoreError, match="readonly"),
    ):
        erase_deleted(connection, path)
