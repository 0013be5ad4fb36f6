"""OpenCode 2's table is read whatever state it is in, and nothing is written beside it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.opencode.database.table import TableReader, table_reader
from rotator.opencode.home import Absent, Entries, HomeReading, Unusable
from tests.support.live import as_anybody
from tests.support.opencode2_table import PLACE, Table, chatgpt, key


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    reading = Table(tmp_path / PLACE)
    yield reading
    reading.close()


@pytest.fixture
def made(table: Table) -> Table:
    table.make()
    return table


def read(table: Table) -> HomeReading:
    with table_reader(table.path) as reader:
        return reader.read()


def entries(table: Table) -> Entries:
    reading = read(table)
    assert isinstance(reading, Entries), reading
    return reading


def beside(table: Table) -> list[str]:
    return sorted(path.name for path in table.path.parent.iterdir())


def test_the_active_login_comes_first_and_providers_are_apart(made: Table) -> None:
    first = made.log_in("acme", key("a"), "one")
    second = made.log_in("acme", key("b"), "two")
    made.log_in("openai", chatgpt("c"))
    made.switch(first)

    reading = entries(made)

    assert [(e.slot, e.label, e.active) for e in reading.of("acme")] == [
        (first, "one", True),
        (second, "two", False),
    ]
    assert [e.active for e in reading.of("openai")] == [True]


def test_what_opencode_writes_elsewhere_leaves_the_very_reading(made: Table) -> None:
    slot = made.log_in("acme", key("a"), "one")
    made.do("CREATE TABLE message (text TEXT)")
    made.hold()

    with table_reader(made.path) as reader:
        first, versions = reader.read(), reader.versions
        made.do("INSERT INTO message VALUES ('hello')")
        second = reader.read()
        assert second is first
        assert reader.versions == versions + 1
        made.rewrite(slot, key("b"))
        third = reader.read()

    assert isinstance(third, Entries)
    assert third != first


def test_a_table_that_is_changed_while_it_is_open_is_looked_at_anew(made: Table) -> None:
    made.log_in("acme", key("a"), "one")
    made.hold()

    with table_reader(made.path) as reader:
        assert isinstance(reader.read(), Entries)
        made.do("ALTER TABLE credential RENAME COLUMN active TO chosen")
        changed = reader.read()
        made.do("ALTER TABLE credential RENAME COLUMN chosen TO active")
        again = reader.read()

    assert isinstance(changed, Unusable)
    assert "has no active" in changed.why
    assert isinstance(again, Entries)


@pytest.mark.parametrize("active", [None, 0])
def test_where_no_row_is_marked_the_newest_is_the_active_one(
    made: Table, active: int | None
) -> None:
    made.log_in("acme", key("a"))
    newest = made.log_in("acme", key("b"))
    made.do("UPDATE credential SET active = ?", active)

    assert entries(made).of("acme")[0].slot == newest


def test_a_value_that_nobody_can_read_costs_itself_alone(made: Table) -> None:
    made.log_in("acme", "{oops CANARY")
    made.log_in("other", key("a"))
    made.do("INSERT INTO credential VALUES ('x', NULL, 'l', 'v', NULL, NULL, 1, 1, 1)")

    reading = entries(made)

    assert [e.provider for e in reading.entries] == ["acme", "other"]
    assert isinstance(reading.entries[0].credential, str)


def test_nothing_is_made_beside_a_database_that_nobody_has_open(made: Table) -> None:
    made.log_in("acme", key("a"))
    before = beside(made)

    reading = entries(made)

    assert len(reading.entries) == 1
    assert beside(made) == before == ["opencode.db"]


def test_what_stands_in_the_log_alone_is_read(made: Table) -> None:
    made.hold()
    made.log_in("acme", key("a"))

    assert len(entries(made).entries) == 1


def test_a_held_reader_sees_each_change_and_reads_nothing_without_one(made: Table) -> None:
    made.hold()
    with table_reader(made.path) as reader:
        first = reader.read()
        again = reader.read()
        made.log_in("acme", key("a"))
        after = reader.read()

    assert first is again
    assert isinstance(after, Entries)
    assert len(after.entries) == 1


def test_a_reader_follows_a_database_through_every_opening_and_closing(made: Table) -> None:
    with table_reader(made.path) as reader:
        seen = []
        for number in range(6):
            if number % 2:
                made.hold()
            made.log_in("acme", key(str(number)))
            reading = reader.read()
            seen.append(len(reading.entries) if isinstance(reading, Entries) else reading)
            made.close()
            reading = reader.read()
            seen.append(len(reading.entries) if isinstance(reading, Entries) else reading)

    assert seen == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]


def test_another_database_in_its_place_is_read_instead(made: Table) -> None:
    made.hold()
    made.log_in("acme", key("a"))
    other = Table(made.path.with_name("other.db"))
    other.make()
    other.log_in("acme", key("b"))
    other.log_in("acme", key("c"))
    with table_reader(made.path) as reader:
        reader.read()
        made.close()
        for name in ("-wal", "-shm"):
            made.path.with_name(f"{made.path.name}{name}").unlink(missing_ok=True)
        other.path.replace(made.path)
        reading = reader.read()

    assert isinstance(reading, Entries)
    assert len(reading.entries) == 2


def test_there_is_none_before_opencode_2_was_used(table: Table) -> None:
    nothing = read(table)
    table.path.touch()
    empty = read(table)
    table.path.unlink()
    table.make("CREATE TABLE account_state (id TEXT)")

    assert [nothing, empty, read(table)] == [Absent()] * 3


def test_an_unknown_schema_is_said_and_read_no_further(table: Table) -> None:
    table.make("CREATE TABLE credential (id TEXT, integration_id TEXT, label TEXT, secret TEXT)")

    reading = read(table)

    assert isinstance(reading, Unusable)
    assert reading.why.endswith("its table of logins has no active")


def damage(table: Table, content: bytes) -> Unusable:
    table.path.write_bytes(content)
    reading = read(table)
    assert isinstance(reading, Unusable)
    return reading


def test_a_damaged_one_is_said(made: Table) -> None:
    made.log_in("acme", key("a"))
    whole = made.path.read_bytes()

    assert "is damaged" in damage(made, b"x" * 9000).why
    assert "is damaged: it is cut off" in damage(made, whole[:50]).why
    torn = bytearray(whole)
    torn[4096 : 2 * 4096] = bytes(4096)
    assert "is damaged" in damage(made, bytes(torn)).why


def test_what_is_no_file_is_not_opened(table: Table) -> None:
    os.mkfifo(table.path)
    pipe = read(table)
    table.path.unlink()
    table.path.mkdir()

    for reading in (pipe, read(table)):
        assert reading == Unusable(f"{table.path} is not a regular file")


def test_one_that_is_not_ours_to_read_is_said(made: Table) -> None:
    made.path.chmod(0)
    with as_anybody():
        reading = read(made)

    assert reading == Unusable(f"{made.path} may not be read; check its rights")


def test_a_locked_one_passes(made: Table) -> None:
    with contextlib.closing(sqlite3.connect(made.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM credential")
        reader = TableReader(made.path)
        reading = reader.read()
        reader.close()
        other.execute("ROLLBACK")

    assert reading == Unusable(f"{made.path} is locked by another program", is_passing=True)


def test_one_with_a_journal_of_the_older_kind_is_read(made: Table) -> None:
    made.log_in("acme", key("a"))
    made.do("PRAGMA journal_mode = DELETE")

    assert len(entries(made).entries) == 1
