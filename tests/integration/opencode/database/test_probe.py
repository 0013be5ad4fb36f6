"""Whether OpenCode 2 keeps logins here: a look that makes and loads nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.opencode.database.probe import may_hold_logins
from tests.support.opencode2_table import PLACE, Table, key


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path / PLACE)
    yield made
    made.close()


def test_where_there_is_no_database_there_are_no_logins(table: Table) -> None:
    assert not may_hold_logins(table.path)
    assert not may_hold_logins(table.path / "below a file that is not there")


@pytest.mark.parametrize("schema", [None, "CREATE TABLE session (id TEXT)"])
def test_opencode_1_s_database_has_none(table: Table, schema: str | None) -> None:
    table.make() if schema is None else table.make(schema)

    assert not may_hold_logins(table.path)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_login_shows_at_once_and_nothing_is_made_beside_it(
    table: Table, *, is_open: bool
) -> None:
    table.make()
    if is_open:
        table.hold()
    assert not may_hold_logins(table.path)

    table.log_in("acme", key("a"))
    beside = sorted(path.name for path in table.path.parent.iterdir())

    assert may_hold_logins(table.path)
    assert sorted(path.name for path in table.path.parent.iterdir()) == beside


def test_what_cannot_be_looked_into_may_hold_some(table: Table) -> None:
    """Whoever reads it says why it cannot be read."""
    table.path.write_bytes(b"nothing that anybody could read" * 99)
    assert may_hold_logins(table.path)

    table.path.unlink()
    os.mkfifo(table.path)
    assert may_hold_logins(table.path)
