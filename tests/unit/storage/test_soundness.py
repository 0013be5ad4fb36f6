"""A store that is not as it was written is told for damaged, with what is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from rotator.errors import NewerSchema, StoreDamaged
from rotator.storage.images import opened_empty
from rotator.storage.migrations import STORE, set_version
from rotator.storage.soundness import require_intact

PATH = Path("rotator.sqlite")


def test_a_store_as_it_is_made_is_sound() -> None:
    with opened_empty(STORE) as store:
        assert require_intact(store, PATH) == len(STORE)


def test_a_file_without_tables_is_a_store_that_nobody_has_begun() -> None:
    with opened_empty([]) as store:
        assert require_intact(store, PATH) == 0


def test_tables_without_a_number_of_their_schema_are_damage() -> None:
    with opened_empty(STORE) as store:
        store.execute("PRAGMA user_version = 0")
        store.execute("PRAGMA application_id = 0")

        with pytest.raises(StoreDamaged, match="does not say which schema"):
            require_intact(store, PATH)


@pytest.mark.parametrize(
    "change",
    ["DROP TABLE tenure", "ALTER TABLE slot ADD COLUMN odd TEXT", "CREATE TABLE odd (name TEXT)"],
)
def test_other_tables_than_those_of_its_schema_are_damage(change: str) -> None:
    with opened_empty(STORE) as store:
        store.execute(change)

        with pytest.raises(StoreDamaged, match="tables are not those of its schema"):
            require_intact(store, PATH)


@pytest.mark.parametrize("at", [18, 19])
@pytest.mark.parametrize("version", [0, 3, 65])
def test_another_version_of_the_file_format_is_damage(at: int, version: int) -> None:
    with opened_empty(STORE) as store:
        content = bytearray(store.serialize())
        content[at] = version
        store.deserialize(content)

        with pytest.raises(StoreDamaged):
            require_intact(store, PATH)


def test_a_row_that_was_not_sealed_is_damage() -> None:
    with opened_empty(STORE) as store:
        insert_account(store)

        with pytest.raises(StoreDamaged, match="a row of account is not as it was written"):
            require_intact(store, PATH)


def test_a_store_of_a_newer_version_is_no_damage() -> None:
    with opened_empty(STORE) as store:
        set_version(store, len(STORE) + 1)

        with pytest.raises(NewerSchema):
            require_intact(store, PATH)


def insert_account(store: sqlite3.Connection) -> None:
    """Write a row as somebody does who knows of no seals."""
    needed = {
        str(name): "0" if kind == "INTEGER" else "x"
        for _, name, kind, needs, default, _ in store.execute("PRAGMA table_info(account)")
        if needs and default is None
    }
    marks = ", ".join("?" * len(needed))
    names = ", ".join(needed)
    store.execute(f"INSERT INTO account ({names}) VALUES ({marks})", tuple(needed.values()))  # noqa: S608  # ours
