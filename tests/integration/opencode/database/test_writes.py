"""Changes of OpenCode 2's table: whole or not at all, and never over what OpenCode wrote."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.errors import LiveFileError, LiveFileUnreadable, SwapConflict
from rotator.opencode.database import writes
from rotator.secret import Secret
from tests.support.live import full_disk
from tests.support.opencode2_table import PLACE, SCHEMA, Table, key


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path / PLACE)
    made.make()
    yield made
    made.close()


def text(name: str) -> Secret:
    return Secret(json.dumps(key(name)))


def test_a_login_that_is_put_in_is_not_used_by_that(table: Table) -> None:
    active = table.log_in("acme", key("a"))

    slot = writes.put(table.path, "acme", "ours", text("b"))

    assert table.values()[slot] == key("b")
    assert table.active("acme") == active


def test_not_even_where_no_row_says_that_it_is_active(table: Table) -> None:
    newest = table.log_in("acme", key("a"))
    table.do("UPDATE credential SET active = NULL")

    writes.put(table.path, "acme", "ours", text("b"))

    assert table.active("acme") == newest


def test_the_first_login_of_a_provider_can_be_put_in(table: Table) -> None:
    slot = writes.put(table.path, "acme", "ours", text("b"))

    assert table.active("acme") == slot


def test_an_update_counts_only_for_what_was_read(table: Table) -> None:
    slot = table.log_in("acme", key("a"))

    missed = writes.update(table.path, slot, text("other"), text("b"))
    done = writes.update(table.path, slot, text("a"), text("b"))

    assert (missed, done) == (False, True)
    assert table.values() == {slot: key("b")}


def test_activating_leaves_other_providers_alone(table: Table) -> None:
    first = table.log_in("acme", key("a"))
    table.log_in("acme", key("b"))
    other = table.log_in("other", key("c"))

    assert writes.activate(table.path, first)
    assert (table.active("acme"), table.active("other")) == (first, other)


def test_activating_what_is_gone_changes_nothing(table: Table) -> None:
    active = table.log_in("acme", key("a"))

    assert not writes.activate(table.path, "cred_gone")
    assert table.active("acme") == active


def test_a_removal_counts_only_for_what_was_read(table: Table) -> None:
    slot = table.log_in("acme", key("a"))

    assert not writes.remove(table.path, slot, text("b"))
    assert writes.remove(table.path, slot, text("a"))
    assert table.values() == {}


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LiveFileError, match="cannot be written"):
        writes.activate(tmp_path / "opencode.db", "x")

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_schema_is_left_alone(tmp_path: Path) -> None:
    table = Table(tmp_path / PLACE)
    table.make("CREATE TABLE credential (id TEXT, value TEXT)")

    with pytest.raises(LiveFileUnreadable, match="not known here"):
        writes.activate(table.path, "x")


def test_a_table_without_logins_is_left_alone(tmp_path: Path) -> None:
    table = Table(tmp_path / PLACE)
    table.make("CREATE TABLE other (id TEXT)")

    with pytest.raises(LiveFileUnreadable, match="it has no logins"):
        writes.put(table.path, "acme", "ours", text("a"))


def test_a_column_that_has_to_be_filled_and_is_not_known_keeps_us_from_adding(
    tmp_path: Path,
) -> None:
    table = Table(tmp_path / PLACE)
    table.make(SCHEMA.replace("`active` integer", "`active` integer, `owner` text NOT NULL"))

    with pytest.raises(LiveFileUnreadable, match="asks for owner"):
        writes.put(table.path, "acme", "ours", text("a"))


def test_a_locked_database_is_as_it_was(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = table.log_in("acme", key("a"))
    monkeypatch.setattr(writes, "_BUSY_SECONDS", 0.05)
    other = table.hold()
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(SwapConflict, match="is locked by another program"):
        writes.update(table.path, slot, text("a"), text("b"))

    other.execute("ROLLBACK")
    assert table.values() == {slot: key("a")}


def test_a_full_disk_leaves_it_as_it_was(table: Table) -> None:
    slot = table.log_in("acme", key("a"))

    with full_disk(), pytest.raises(LiveFileError, match="cannot be"):
        writes.update(table.path, slot, text("a"), text("b" * 9000))

    assert table.values() == {slot: key("a")}


KILLED = """
import os, signal, sys
from pathlib import Path
from rotator.opencode.database import writes
from rotator.secret import Secret
path, verb, slot, old, step = sys.argv[1:]
if verb == "put":
    known = writes._require_known_columns
steps = 0
def trace(statement):
    global steps
    steps += 1
    if steps > int(step):
        os.kill(os.getpid(), signal.SIGKILL)
connected = writes._connected
def traced(where):
    connection = connected(where)
    connection.set_trace_callback(trace)
    return connection
writes._connected = traced
if verb == "put":
    writes.put(Path(path), "acme", "ours", Secret(old))
elif verb == "activate":
    writes.activate(Path(path), slot)
elif verb == "update":
    writes.update(Path(path), slot, Secret(old), Secret(old.replace("-a", "-b")))
print("whole")
"""


@pytest.mark.parametrize("verb", ["put", "activate", "update"])
def test_whoever_is_killed_at_any_step_has_done_all_or_nothing(table: Table, verb: str) -> None:
    first = table.log_in("acme", key("a"))
    second = table.log_in("acme", key("a"))
    before = table.values(), table.active("acme")
    script = table.path.with_name("killed.py")
    script.write_text(KILLED)

    for step in range(20):
        words = [str(table.path), verb, first, text("a").reveal(), str(step)]
        ended = subprocess.run(
            [sys.executable, script, *words],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=False,
        )
        with contextlib.closing(sqlite3.connect(table.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert (table.values(), table.active("acme")) == before
    else:
        pytest.fail("it never came to its end")

    done = {
        "put": len(table.values()) == 3,
        "activate": table.active("acme") == first,
        "update": table.values()[first] == key("b"),
    }
    assert done[verb]
    assert table.values()[second] == key("a")
