"""The file of the store as it is open: one connection, one way to read, one way to write.

Where another file was put in the store's place, because it was damaged, that one is opened and
used from then on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rotator.core.logins.row_seals import is_sealed
from rotator.errors import StoreDamaged
from rotator.model import State
from rotator.storage.database import (
    Connection,
    Gate,
    awaits_rebuilding,
    clear_places,
    is_remembered,
    open_database,
    require_known_schema,
    ungated,
    why_awaiting,
)
from rotator.storage.database_errors import store_errors
from rotator.storage.migrations import STORE
from rotator.storage.row_sealing import seal_tables, seal_what_is_written, unlike_tables
from rotator.storage.rows import Row
from rotator.storage.tables.state_reader import StateReader
from rotator.storage.transactions import BUSY_SECONDS, reading, transaction
from rotator.system.locks import folder_lock

_WRITES_NOTHING = "DELETE FROM setting WHERE FALSE"


class OpenStore:
    """The open file; a context manager that closes it."""

    def __init__(
        self, path: Path, *, gate: Gate = ungated, patience_seconds: float = BUSY_SECONDS
    ) -> None:
        """Open or create the store at `path`; raises StoreError, StoreDamaged, NewerSchema.

        `gate` is held while a store that is in use gets a newer schema. Whoever writes into it is
        waited for as long as `patience_seconds`, and who rebuilds it twice as long.
        """
        self._path = path
        self._patience_seconds = patience_seconds
        self._gate = gate
        self._open()

    def _open(self) -> None:
        self._state: State | None = None
        self._version = -1
        self._seals_writes = False
        self._connection, self._file = self._connect()

    def _connect(self) -> tuple[Connection, tuple[int, int] | None]:
        # Nobody puts another file there between the parts of this.
        with self._beside_others():
            with store_errors(self._path, opening=True):
                clear_places(self._path)
            self._require_in_place()
            connection = open_database(
                self._path,
                STORE,
                durable=True,
                gate=self._gate,
                remembered=is_remembered,
                patience_seconds=self._patience_seconds,
            )
            return connection, _identity(self._path)

    def _beside_others(self) -> AbstractContextManager[None]:
        seconds = 2 * self._patience_seconds
        return folder_lock(self._path.parent, alone=False, patience_seconds=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the writes of a block together: all of them or none."""
        if self._connection.in_transaction:
            yield
            return
        try:
            # As long as it runs no other file is put in the place of this one.
            with self._beside_others():
                self._require_in_place()
                self._follow()
                self._seal_writes()
                unlike = self._unlike_tables()
                with transaction(self._connection, self._path) as connection:
                    require_known_schema(connection, self._path, STORE)
                    before = connection.total_changes
                    yield
                    if connection.total_changes != before:
                        # What is not as it was left does not become right by a change.
                        seal_tables(connection, but=unlike)
        finally:
            self._state = None

    def require_turn(self) -> None:
        """Wait until nobody else writes, before something is begun that ends with a write.

        Raises StoreError, also where the file takes no write: nothing has been begun then.
        """
        if not self._connection.in_transaction:
            with self._beside_others():
                self._follow()
                with transaction(self._connection, self._path) as connection:
                    # To begin to write succeeds in a file that may only be read.
                    connection.execute(_WRITES_NOTHING)

    def _seal_writes(self) -> None:
        # Whoever only reads does without.
        if not self._seals_writes:
            with store_errors(self._path):
                seal_what_is_written(self._connection)
            self._seals_writes = True

    def _unlike_tables(self) -> frozenset[str]:
        # A damaged page that is met in a transaction lets it end by no commit.
        with store_errors(self._path):
            self._connection.execute("BEGIN")
            try:
                require_known_schema(self._connection, self._path, STORE)
                return unlike_tables(self._connection)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def is_replaced(self) -> bool:
        """Tell whether the path holds another file by now than the one that is open."""
        return _identity(self._path) != self._file

    def _require_in_place(self) -> None:
        if awaits_rebuilding(self._path):
            message = f"the store {self._path} {why_awaiting(self._path)}"
            raise StoreDamaged(message, hint="run the command again")

    def _follow(self) -> None:
        if not self._connection.in_transaction and self.is_replaced():
            before = self._connection
            self._open()
            before.close()

    def state(self) -> State:
        """Return everything that decisions are made from, as of the last commit.

        Raises StoreError, and NewerSchema once a newer version has changed the store.
        """
        self._follow()
        with store_errors(self._path):
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        if self._state is None or version != self._version:
            with reading(self._connection, self._path):
                require_known_schema(self._connection, self._path, STORE)
                self._state, self._version = StateReader(self._connection).state(), version
        return self._state

    def _one(self, question: str, *values: object) -> tuple[Any, ...] | None:
        self._follow()
        with store_errors(self._path):
            row: tuple[Any, ...] | None = self._connection.execute(question, values).fetchone()
        return row

    def _sealed(self, table: str, number: int) -> Row | None:
        """Return a row by its number; raises StoreDamaged for one that is not as it was."""
        self._follow()
        with store_errors(self._path):
            cursor = self._connection.execute(f"SELECT * FROM {table} WHERE number = ?", (number,))  # noqa: S608  # ours
            values = cursor.fetchone()
        if values is None:
            return None
        row: Row = dict(zip((column[0] for column in cursor.description), values, strict=True))
        if not is_sealed(table, row):
            message = f"the store {self._path} is damaged: a row of {table} cannot be read"
            raise StoreDamaged(message)
        return row

    def _set(self, name: str, value: str) -> None:
        self._write(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value",
            *(name, value),
        )

    def _write(self, statement: str, *values: object) -> None:
        self._state = None
        # A write by itself is a transaction too: what is not sealed with it counts as damage.
        with self.transaction():
            self._connection.execute(statement, values)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
