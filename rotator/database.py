"""Opens our SQLite files: private from birth, of the right schema, with errors of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from rotator.atomic import sync_folder
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.file_owners import open_private, require_own_way
from rotator.lock import tell_wait_for_writer, writer_error
from rotator.migrations import Migration, migrate, roll_back, version_of, versions_of
from rotator.paths import FILE_MODE, private_folder
from rotator.text import clean
from rotator.writable import unwritable_place

BUSY_SECONDS = 5.0
_TOLD_AFTER_MS = 1000
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
_RETRY_SECONDS = 0.005
# Whoever reads reads for milliseconds; one that stands still is not waited for.
_READERS_SECONDS = 0.25

Connection = sqlite3.Connection
# What is entered before the schema of a database that is in use may change.
Gate = Callable[[sqlite3.Connection], AbstractContextManager[object]]
# A rebuilt store has its content and waits to be put in its place: PATH.rebuilt-DATE.
REBUILT = ".rebuilt-"
# A file that is smaller is an empty database for SQLite, no database at all, or no memory.
SMALLEST = 512
_MISSING = ("no such table", "no such column", "table ", "duplicate column", "unsupported file")
BACKUPS = "backups"
_HISTORY = "history.sqlite"
_TO_DO = "check the disk, the folder's rights and free space"


def ungated(_: sqlite3.Connection) -> AbstractContextManager[object]:
    """Let a schema change at once."""
    return contextlib.nullcontext()


def open_database(
    path: Path,
    steps: list[Migration],
    *,
    durable: bool,
    gate: Gate = ungated,
) -> sqlite3.Connection:
    """Open (or create, 0600 in a 0700 folder) the database at `path` and migrate it.

    `durable` makes every commit survive a power cut. `gate` is held while a database that had a
    schema before gets a newer one. Raises StoreError, StoreDamaged, or NewerSchema; all leave
    the file and its -wal as they were.
    """
    require_sqlite(sqlite3.sqlite_version_info)
    with store_errors(path, opening=True):
        is_new = not path.exists()
        private_folder(path.parent)
        require_own_way(path)
        _make_private(path)
        if is_new and durable:
            _sync_folders(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.text_factory = text_of
        try:
            _patiently(lambda: _prepare(connection, path, steps, gate, durable=durable))
        except BaseException:
            _close_untouched(connection, path)
            raise
    return connection


def _close_untouched(connection: sqlite3.Connection, path: Path) -> None:
    """Close a database without the tidying up that its last connection does."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(read_only(path)) as other:
        with contextlib.suppress(sqlite3.Error):
            version_of(other)
        connection.close()
    connection.close()


def read_only(path: Path, *, shared: bool = True) -> sqlite3.Connection:
    """Open a database for reading; not `shared`, nobody else may have it open.

    Then nothing is made beside it.
    """
    how = "mode=ro" if shared else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)


def text_of(content: bytes) -> str:
    """Return the text that a database holds, also where it is none any more.

    SQLite's own error would show it, and it may be a secret.
    """
    return content.decode("utf-8", "surrogateescape")


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
        if any(file.name.startswith(path.name + REBUILT) for file in path.parent.iterdir()):
            return True
        size = path.stat().st_size if path.exists() else 0
        if size >= SMALLEST:
            return False
        copies = path.with_name(BACKUPS)
        has_copies = copies.is_dir() and any(not c.name.startswith(".") for c in copies.iterdir())
        # Nobody makes a store that small; and where something has happened there was one.
        return size > 0 or has_copies or _remembers(path.with_name(_HISTORY))


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
        needed, found = (".".join(map(str, numbers)) for numbers in (OLDEST_SQLITE, version))
        message = f"the store needs SQLite {needed}, this Python has {found}"
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
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
    except FileExistsError:
        # Where a link stands it is somebody else's file.
        if not path.is_symlink() and path.stat().st_mode & 0o777 != FILE_MODE:
            path.chmod(FILE_MODE)


def _patiently(action: Callable[[], None]) -> None:
    """Do it again while the database is locked: to set WAL mode SQLite itself does not wait."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as exc:
            if not _is_busy(exc) or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def _prepare(
    connection: sqlite3.Connection,
    path: Path,
    steps: list[Migration],
    gate: Gate,
    *,
    durable: bool,
) -> None:
    require_known_schema(connection, path, steps)
    for pragma in (
        "journal_mode = WAL",
        "secure_delete = ON",
        "temp_store = MEMORY",
        "foreign_keys = ON",
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # Both at one moment: another process may be making its first tables.
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version"
    ).fetchone()
    if version == 0 and tables:
        message = f"the store {path} is damaged: it does not say which schema it has"
        raise StoreDamaged(message)
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
    if marked not in {None, version}:
        message = f"the store {path} is damaged: it does not say which schema it has"
        raise StoreDamaged(message)
    if version > len(steps):
        message = f"{path} was written by a newer rotator"
        raise NewerSchema(message, hint="update this one; the store was left untouched")


@contextlib.contextmanager
def store_errors(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Turn what SQLite and the disk raise into a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as exc:
        message = f"the store {path} cannot be used: {exc}"
        if _is_busy(exc):
            raise writer_error(StoreError, message, path) from exc
        if _tells_of_damage(exc, path if opening else None):
            raise StoreDamaged(message, hint=_TO_DO) from exc
        raise _store_error(path, str(exc)) from exc
    except UnicodeDecodeError as exc:
        # What SQLite says of it repeats a name that is no text any more.
        message = f"the store {path} is damaged: a name in it is no text"
        raise StoreDamaged(message) from exc
    except OSError as exc:
        raise _store_error(path, str(exc.strerror)) from exc


def _store_error(path: Path, why: str) -> StoreError:
    found = unwritable_place(path.parent)
    if found is None:
        return StoreError(f"the store {path} cannot be used: {why}", hint=_TO_DO)
    return StoreError(f"the store {path} cannot be used: {found.why}", hint=found.to_do)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _tells_of_damage(error: sqlite3.Error, path: Path | None) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_READONLY and path is not None:
        # A header that says so, of a file that everybody may write.
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    # Our statements are right: what they do not find was there.
    is_missing = code == sqlite3.SQLITE_ERROR and str(error).startswith(_MISSING)
    return is_missing or code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run a block as one write transaction."""
    with store_errors(path):
        _begin_to_write(connection, path)
        with roll_back(connection):
            yield connection
            connection.execute("COMMIT")


def _begin_to_write(connection: sqlite3.Connection, path: Path) -> None:
    """Begin a write transaction; after a second say whom it waits for."""
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    if patience_ms > _TOLD_AFTER_MS:
        connection.execute(f"PRAGMA busy_timeout = {_TOLD_AFTER_MS}")
        try:
            if _has_begun(connection):
                return
        finally:
            with roll_back(connection):
                connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
        tell_wait_for_writer(path)
    connection.execute("BEGIN IMMEDIATE")


def _has_begun(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as exc:
        if not _is_busy(exc):
            raise
        return False
    return True


@contextlib.contextmanager
def reading(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Let everything that a block reads be of one moment; a transaction is one already."""
    with store_errors(path):
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        with roll_back(connection):
            yield connection
            connection.execute("COMMIT")


# -- whole databases as bytes --------------------------------------------------------------------


def image_of(connection: sqlite3.Connection, path: Path, clear: Iterable[str]) -> bytes:
    """Return a copy of the database as the bytes of a file, without what `clear` deletes.

    `clear` are statements. Nothing that they delete remains anywhere in the bytes. Raises
    StoreDamaged if the copy is not sound.
    """
    with store_errors(path), contextlib.closing(in_memory()) as copy:
        connection.backup(copy)
        for statement in clear:
            copy.execute(statement)
        copy.execute("VACUUM")
        require_sound(copy, path)
        return copy.serialize()


@contextlib.contextmanager
def opened_image(content: bytes, path: Path) -> Iterator[sqlite3.Connection]:
    """Open the bytes that were read from `path` in memory; raises StoreDamaged."""
    if len(content) < SMALLEST:
        message = f"the store {path} is damaged: it is empty"
        raise StoreDamaged(message)
    with store_errors(path), contextlib.closing(in_memory()) as connection:
        connection.deserialize(content)
        require_sound(connection, path)
        yield connection


@contextlib.contextmanager
def opened_empty(steps: list[Migration]) -> Iterator[sqlite3.Connection]:
    """Open a new database in memory, with the schema of `steps`."""
    with contextlib.closing(in_memory()) as connection:
        migrate(connection, steps)
        yield connection


def in_memory() -> sqlite3.Connection:
    """Open a database without a file."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.text_factory = text_of
    return connection


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreDamaged unless every page of the database is as it should be."""
    with store_errors(path):
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != ("ok",):
            message = f"the store {path} is damaged: {clean(found[0])}"
            raise StoreDamaged(message)


def erase_deleted(connection: sqlite3.Connection, path: Path) -> bool:
    """Let no byte of what was deleted remain in the database or its -wal.

    Deleting overwrites a row, but not the copies of it that were left behind when rows moved
    from page to page; so the file is written anew. False while somebody reads or writes: then
    the -wal still holds it.
    """
    with store_errors(path):
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(_READERS_SECONDS * 1000)}")
            connection.execute("VACUUM")
            return _checkpoint(connection, "TRUNCATE")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def write_back(connection: sqlite3.Connection, path: Path) -> None:
    """Bring what stands in the -wal into the database itself, as far as nobody is in the way."""
    with store_errors(path):
        _checkpoint(connection, "PASSIVE")


def _checkpoint(connection: sqlite3.Connection, kind: str) -> bool:
    is_busy, _, _ = connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
    return not is_busy
