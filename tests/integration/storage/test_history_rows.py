"""Case I2: a value of another type in the history, of which SQLite says nothing, costs its row."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.core.notifications import event_json
from rotator.core.poll_schedule import OwnerRecord
from rotator.model import Event, EventKind, Snapshot, Window
from rotator.system.paths import Paths, find_paths
from rotator.tui.jobs.read_world import read_past, read_world
from rotator.watcher.sidebar_file import publish_sidebar
from tests.support.dashboard_program import dashboard, line_with
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import NOON, api, open_live
from tests.support.rotator_process import rotator, watcher

TABLES = ("event", "usage", "reading", "owner_question")
# Bytes, nothing, what is no text, and a word where a number belongs.
VALUES = ("x'6f6f7073'", "NULL", "CAST(x'6fff' AS TEXT)", "'oops'")
WHO = ("acme/acme-1", "acme/acme-2")
EVENTS = (
    Event(NOON, EventKind.FAILOVER, "acme", WHO[1], "acme-1", "acme-2", "limited", "more"),
    Event(NOON, EventKind.REROUTED, "acme", WHO[1], why="rerouted", detail="to zeta/big"),
    Event(NOON, EventKind.REJECTED, "acme", WHO[0], why="dead"),
)


@pytest.fixture
def paths(home: Path) -> Paths:
    """Make two accounts with a row of everything in the history; nobody has it open."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        live.context.record(EVENTS)
        windows = (Window("5h", 0.25, NOON, 18_000), Window("7d", 1.0, NOON, model="big"))
        for account in live.state.accounts:
            history = live.context.history
            history.keep_reading(account.id, Snapshot(NOON, windows, plan="pro"), NOON)
            history.keep_failure(account.id, "no answer", NOON)
            history.keep_owner_asked(account.credential.digest, OwnerRecord(1, due_at=NOON))
    return find_paths(places(home))


def columns_of(path: Path, table: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if not row[5]]


def put(path: Path, table: str, column: str, value: str) -> None:
    """Put a value into every row of a column that takes no such one, as a changed bit does."""
    begin = "PRAGMA writable_schema = ON"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(begin)
        (was,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        loose = was.replace(" NOT NULL", "").replace(") STRICT", ")")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (loose, table))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = {value}")  # noqa: S608  # ours
        connection.execute(begin)
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (was, table))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("table", TABLES)
def test_whatever_stands_in_a_row_keeps_nobody_from_reading_and_writing(
    paths: Paths, table: str, value: str
) -> None:
    as_it_was = paths.history.with_name("as it was")
    shutil.copy(paths.history, as_it_was)
    for column in columns_of(paths.history, table):
        shutil.copy(as_it_was, paths.history)
        put(paths.history, table, column, value)
        read_and_write_everything(paths)


def read_and_write_everything(paths: Paths) -> None:
    with open_context(paths, clock=lambda: NOON) as context:
        history, accounts = context.history, context.store.state().accounts
        json.dumps([event_json(row.event) for row in history.read()])
        world = read_world(context, None)
        assert len(world.rows) == len(accounts)
        publish_sidebar(context)
        context.decision_state()
        read_past(context, [account.id for account in accounts])
        for account in accounts:
            asked, digest = (
                history.owner_asked(account.credential.digest),
                account.credential.digest,
            )
            history.keep_owner_asked(digest, OwnerRecord(asked.tries + 1))
            assert history.lease(account.id, NOON, forced=True)
            history.postpone(account.id, NOON)
            history.keep_failure(account.id, "again", NOON)
            assert history.asked(account.id).failure == "again"
            history.keep_accepted(account.id)
        history.record(EVENTS)
        assert len(history.read()) >= len(EVENTS)
        assert not history.is_in_memory


def test_a_row_that_cannot_be_read_costs_itself_alone(paths: Paths) -> None:
    put(paths.history, "event", "why", "CASE kind WHEN 'failover' THEN x'00' ELSE why END")
    first = "CASE rowid WHEN (SELECT min(rowid) FROM usage) THEN x'00' ELSE failure END"
    put(paths.history, "usage", "failure", first)
    put(paths.history, "reading", "used", "CASE window WHEN '5h' THEN 9e999 ELSE used END")

    with open_context(paths, clock=lambda: NOON) as context:
        kinds = [row.event.kind for row in context.history.read()]
        failures = [record.failure for record in context.history.all_asked().values()]
        windows = [
            list(context.history.past(account.id)) for account in context.store.state().accounts
        ]

    assert EventKind.FAILOVER not in kinds
    assert {EventKind.REROUTED, EventKind.REJECTED, EventKind.CAPTURED} <= {*kinds}
    assert failures == [None, "no answer"]
    assert windows == [[("7d", "big")]] * 2


def test_the_names_of_a_history_that_cannot_be_read_are_told_of_no_lost_store(
    home: Path, paths: Paths
) -> None:
    put(paths.history, "event", "account", "CASE kind WHEN 'failover' THEN x'00' ELSE account END")
    paths.store.unlink()

    ended = rotator(Household(home), "accounts")

    assert ended.code == 0
    assert WHO[0] in ended.stderr


@pytest.mark.parametrize(
    ("table", "column"),
    [("event", "why"), ("event", "detail"), ("event", "to_alias"), ("usage", "failure")],
)
def test_no_program_of_ours_stops_at_a_row_that_cannot_be_read(
    home: Path, paths: Paths, table: str, column: str
) -> None:
    house = Household(home)
    put(paths.history, table, column, "x'6f6f7073'")

    ended = [
        rotator(house, *words.split()) for words in ("events --json", "usage --json", "status")
    ]
    with watcher(house):
        put_in = rotator(house, "rotate", "acme")
    with dashboard(house) as screen:
        assert line_with(screen, "acme-1")

    assert [(end.code, end.stderr) for end in [*ended, put_in]] == [(0, "")] * 4
