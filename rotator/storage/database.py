"""Opens our SQLite files: private from birth, of the right schema, with errors of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.storage.database_errors import is_busy, store_errors
from rotator.storage.migrations import (
    Migration,
    migrate,
    version_of,
    versions_of,
)
from rotator.storage.transactions import BUSY_SECONDS
from rotator.system.file_owners import open_private, require_own_way
from rotator.system.files import sync_folder
from rotator.system.locks import tell_wait_for_writer, wait_for_turn
from rotator.system.paths import FILE_MODE, private_folder

OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
# SQLite's own wait hears of no signal.
_LONGEST_UNHEARD_SECONDS = 0.1
# Who only reads waits for nobody who writes, but for one who has the whole file locked.
_READING_SECONDS = 1.0
Connection = sqlite3.Connection
# What is entered before the schema of a database that is in use may change.
Gate = Callable[[sqlite3.Connection], AbstractContextManager[object]]
# Tells whether something beside a database knows of an older one in its place.
Memory = Callable[[Path], bool]
# A rebuilt store has its content and waits to be put in its place: PATH.rebuilt-DATE.
REBUILT = ".rebuilt-"
# A file that is smaller is an empty database for SQLite, no database at all, or no memory.
SMALLEST = 512
BACKUPS = "backups"
_HISTORY = "history.sqlite"


def ungated(_: sqlite3.Connection) -> AbstractContextManager[object]:
    """Let a schema change at once."""
    return contextlib.nullcontext()


def not_remembered(_: Path) -> bool:
    """Take an empty database for one that nobody has begun."""
    return False


def open_database(
    path: Path,
    steps: list[Migration],
    *,
    durable: bool,
    gate: Gate = ungated,
    patience_seconds: float = BUSY_SECONDS,
    remembered: Memory = not_remembered,
) -> sqlite3.Connection:
    """Open (or create, 0600 in a 0700 folder) the database at `path` and migrate it.

    `durable` makes every commit survive a power cut. `gate` is held while a database that had a
    schema before gets a newer one. An empty one is damaged where another one is `remembered`. One
    that somebody keeps locked is waited for as long as `patience_seconds`, then and later. Raises
    StoreError, StoreDamaged, or NewerSchema; all leave the file and its -wal as they were.
    """
    require_sqlite(sqlite3.sqlite_version_info)
    with store_errors(path, opening=True):
        is_new = not path.exists()
        private_folder(path.parent)
        require_own_way(path)
        _make_private(path)
        if is_new and durable:
            _sync_folders(path)
        unheard_seconds = min(patience_seconds, _LONGEST_UNHEARD_SECONDS)
        connection = sqlite3.connect(path, timeout=unheard_seconds, isolation_level=None)
        connection.text_factory = text_of

        def prepare() -> None:
            require_known_schema(connection, path, steps)
            require_begun(connection, path, remembered)
            _prepare(connection, path, durable=durable)

        try:
            _patiently(prepare, path, patience_seconds)
            connection.execute(f"PRAGMA busy_timeout = {int(patience_seconds * 1000)}")
            _bring_to_date(connection, steps, gate)
        except BaseException:
            _close_untouched(connection, path)
            raise
    return connection


def _close_untouched(connection: sqlite3.Connection, path: Path) -> None:
    """Close a database without the tidying up that its last connection does."""
    with contextlib.suppress(sqlite3.Error), _other(path) as other:
        with contextlib.suppress(sqlite3.Error):
            version_of(other)
        connection.close()
    connection.close()


def _other(path: Path) -> contextlib.closing[sqlite3.Connection]:
    # Where somebody has it locked there is another connection already.
    return contextlib.closing(read_only(path, patience_seconds=0))


def read_only(
    path: Path, *, shared: bool = True, patience_seconds: float = _READING_SECONDS
) -> sqlite3.Connection:
    """Open a database for reading; not `shared`, nobody else may have it open.

    Then nothing is made beside it.
    """
    how = "mode=ro" if shared else "mode=ro&immutable=1"
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=patience_seconds, isolation_level=None)


def text_of(content: bytes) -> str:
    """Return the text that a database holds, also where it is none any more.

    SQLite's own error would show it, and it may be a secret.
    """
    return content.decode("utf-8", "surrogateescape")


def end_of_link(path: Path) -> Path:
    """Return what a link in the place of a database leads to, else the place itself.

    What replaces the database goes there, and the link stays. A link into no folder is none.
    """
    end = Path(os.path.realpath(path)) if path.is_symlink() else path
    return end if end.parent.is_dir() else path


def clear_places(path: Path) -> None:
    """Give what is no file another name where a database, or what SQLite keeps beside it, lies.

    Whoever opens a pipe waits for ever, and SQLite cannot open a folder. Raises OSError.
    """
    require_own_way(path)
    if _is_odd(path, may_be_link=True):
        _put_aside(path)
    # Beside a link, and beside what it leads to.
    for database in {path, Path(os.path.realpath(path))}:
        for ending in ("-wal", "-shm", "-journal"):
            place = database.with_name(database.name + ending)
            if _is_odd(place, may_be_link=False):
                _put_aside(place)


def _put_aside(place: Path) -> None:
    place.rename(place.with_name(f"{place.name}.damaged-{time.time_ns()}"))


def _is_odd(place: Path, *, may_be_link: bool) -> bool:
    """Tell whether something is there that SQLite cannot open, as a link beside a database."""
    if not place.is_symlink():
        return place.exists() and not place.is_file()
    if not may_be_link:
        return True
    try:
        return not stat.S_ISREG(place.stat().st_mode)
    except OSError as exc:
        # SQLite makes the file that a link to nothing stands for.
        return exc.errno == errno.ELOOP


def awaits_rebuilding(path: Path) -> bool:
    """Tell whether the file is gone, or cut to next to nothing, or is to be replaced by another.

    It is gone where copies of it or a history of its accounts lie beside it.

    Ask while nobody can put another file there (`folder_lock`).
    """
    with store_errors(path):
        end = end_of_link(path)
        if any(file.name.startswith(end.name + REBUILT) for file in end.parent.iterdir()):
            return True
        size = path.stat().st_size if path.exists() else 0
        if size >= SMALLEST:
            return False
        # Nobody makes a store that small.
        return size > 0 or is_remembered(path)


def why_awaiting(path: Path) -> str:
    """Return what is to be said of a store that awaits its rebuilding."""
    size = path.stat().st_size if path.exists() else 0
    if size >= SMALLEST:
        return "is damaged, and its rebuilding was not finished"
    return "is damaged: next to nothing of it is left" if size else "is gone, or empty"


def is_remembered(path: Path) -> bool:
    """Tell whether copies of a store or a history of its accounts lie beside it."""
    copies = path.with_name(BACKUPS)
    has_copies = copies.is_dir() and any(not c.name.startswith(".") for c in copies.iterdir())
    return has_copies or _remembers(path.with_name(_HISTORY))


def is_blank(connection: sqlite3.Connection) -> bool:
    """Tell whether a database has neither a schema of ours nor a table.

    Both are of one moment: another process may be making its first tables.
    """
    version, tables = _begun(connection)
    return version == 0 and not tables


def require_begun(connection: sqlite3.Connection, path: Path, remembered: Memory) -> None:
    """Raise StoreDamaged for an empty database in the place of one that is remembered."""
    if is_blank(connection) and remembered(path):
        message = f"the store {path} is damaged: it is empty, and it was not"
        raise StoreDamaged(message)


def _begun(connection: sqlite3.Connection) -> tuple[int, int]:
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version"
    ).fetchone()
    return version, tables


def _remembers(history: Path) -> bool:
    if not history.is_file():
        return False
    query = "SELECT 1 FROM event WHERE account IS NOT NULL LIMIT 1"
    # Whoever only looks makes nothing beside it.
    shared = history.with_name(f"{history.name}-wal").exists()
    try:
        with (
            store_errors(history),
            contextlib.closing(read_only(history, shared=shared)) as connection,
        ):
            return connection.execute(query).fetchone() is not None
    except StoreError:
        return False


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raise StoreError for a SQLite that has no STRICT tables."""
    if version < OLDEST_SQLITE:
        needed, actual = (".".join(map(str, numbers)) for numbers in (OLDEST_SQLITE, version))
        message = f"the store needs SQLite {needed}, this Python has {actual}"
        raise StoreError(message, hint="use a Python that is built with a newer SQLite")


def _sync_folders(path: Path) -> None:
    """Make the names on the way to a new file durable; most of these folders are new as well."""
    for folder in (path.parent, *path.parent.parents[:3]):
        sync_folder(folder)


def _make_private(path: Path) -> None:
    # SQLite gives its -wal and -shm the mode of the database itself. A database that is there
    # must not be opened here: closing it would drop the locks of this process's other
    # connections (sqlite.org/howtocorrupt.html, 2.2).
    try:
        os.close(open_private(end_of_link(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
    except FileExistsError:
        # Where a link stands it is somebody else's file.
        if not path.is_symlink() and path.stat().st_mode & 0o777 != FILE_MODE:
            path.chmod(FILE_MODE)


def _patiently(action: Callable[[], None], path: Path, patience_seconds: float) -> None:
    """Do it again while the database is locked: to set WAL mode SQLite itself does not wait.

    After a second it is said whom it waits for. Raises Interrupted.
    """
    busy: list[sqlite3.OperationalError] = []

    def is_done() -> bool:
        try:
            action()
        except sqlite3.OperationalError as exc:
            if not is_busy(exc):
                raise
            busy[:] = [exc]
            return False
        return True

    if not wait_for_turn(is_done, patience_seconds, lambda: tell_wait_for_writer(path)):
        raise busy[0]


def _prepare(connection: sqlite3.Connection, path: Path, *, durable: bool) -> None:
    for pragma in (
        "journal_mode = WAL",
        "secure_delete = ON",
        "temp_store = MEMORY",
        "foreign_keys = ON",
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    version, tables = _begun(connection)
    if version == 0 and tables:
        message = f"the store {path} is damaged: it does not say which schema it has"
        raise StoreDamaged(message)


def _bring_to_date(connection: sqlite3.Connection, steps: list[Migration], gate: Gate) -> None:
    version, _ = _begun(connection)
    if version < len(steps):
        with gate(connection) if version else ungated(connection):
            migrate(connection, steps)


def table_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the tables that hold rows of ours."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    return [str(name) for (name,) in rows]


def row_count(connection: sqlite3.Connection, table: str) -> int:
    """Return how many rows a table of ours has."""
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # ours
    return int(count)


def require_known_schema(
    connection: sqlite3.Connection, path: Path, steps: list[Migration]
) -> None:
    """Raise NewerSchema for a database of which a newer version of this program has changed.

    Raises StoreDamaged where the header contradicts itself.
    """
    version, marked = versions_of(connection)
    # Numbers as high as ours stand in databases of other programs, too, without the second one.
    if marked not in {None, version} or (marked is None and version > len(steps)):
        message = f"the store {path} is damaged: it does not say which schema it has"
        raise StoreDamaged(message)
    if version > len(steps):
        message = f"{path} was written by a newer rotator"
        raise NewerSchema(message, hint="update this one; the store was left untouched")
