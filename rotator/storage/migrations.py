"""The schema of the store, step by step; `user_version` says which step was the last.

It stands in the header twice, so that a changed bit in it makes no other schema. A step is never
changed once it was released; a new one is added below. A step that adds a column with a value to
a sealed table has to seal its rows anew, those alone that were sealed right, and to empty
`table_seal`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator

from rotator.core.logins.row_seals import seals_of
from rotator.storage.row_sealing import seal_rows, sealed_tables

Migration = Callable[[sqlite3.Connection], None]
STORE: list[Migration] = []
HISTORY: list[Migration] = []
# The application's id in the header is this and the number of the schema.
_MARK = 0x4F720000
# Whose rows have seals.
SEALED_SINCE = 5


def store_step(step: Migration) -> Migration:
    """Add a step to the store's schema."""
    STORE.append(step)
    return step


def history_step(step: Migration) -> Migration:
    """Add a step to the history's schema."""
    HISTORY.append(step)
    return step


def migrate(connection: sqlite3.Connection, steps: list[Migration]) -> None:
    """Bring the schema up to the last of `steps`, each in a transaction of its own."""
    for number, step in enumerate(steps, start=1):
        if version_of(connection) >= number:
            continue
        connection.execute("BEGIN IMMEDIATE")
        with roll_back(connection):
            # Another process may have done it while we waited for the lock.
            if version_of(connection) < number:
                step(connection)
                set_version(connection, number)
            connection.execute("COMMIT")


@contextlib.contextmanager
def roll_back(connection: sqlite3.Connection) -> Iterator[None]:
    """Leave no open transaction behind when its block or its commit fails."""
    try:
        yield
    except BaseException:
        # After some errors, a full disk among them, SQLite has done it by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last step that was done."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def set_version(connection: sqlite3.Connection, number: int) -> None:
    """Write the number of a schema into the header, in both its places."""
    connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {_MARK + number}")


def marked_version_of(connection: sqlite3.Connection) -> int | None:
    """Return the number as it stands in its second place; None in a database of long ago."""
    row = connection.execute("PRAGMA application_id").fetchone()
    mark = int(row[0])
    return None if mark == 0 else mark - _MARK


def versions_of(connection: sqlite3.Connection) -> tuple[int, int | None]:
    """Return the number from both its places, as they are at one moment.

    Another process may be writing them: the tables in the question keep its commit away.
    """
    version, mark = connection.execute(
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"
        " WHERE (SELECT count(*) FROM sqlite_schema) >= 0"
    ).fetchone()
    return int(version), None if mark == 0 else int(mark) - _MARK


@store_step
def m001_accounts_and_slots(connection: sqlite3.Connection) -> None:
    """Accounts, whose secret is whose, slots and their tenures, the last seen auth.json."""
    for statement in (
        """CREATE TABLE account (
            id TEXT PRIMARY KEY, provider TEXT NOT NULL, alias TEXT NOT NULL,
            entry TEXT NOT NULL, previous_entry TEXT,
            identity TEXT, identity_key TEXT, plan TEXT, disabled TEXT, rejected TEXT,
            limit_state TEXT, limit_until TEXT, limit_reason TEXT,
            limit_strikes INTEGER NOT NULL DEFAULT 1,
            captured_at TEXT NOT NULL, last_used_at TEXT,
            UNIQUE (provider, alias)) STRICT""",
        """CREATE TABLE digest (
            provider TEXT NOT NULL, digest TEXT NOT NULL, account TEXT NOT NULL,
            seen_at TEXT NOT NULL, PRIMARY KEY (provider, digest)) STRICT""",
        "CREATE INDEX digest_by_account ON digest (account, seen_at)",
        """CREATE TABLE removed (
            provider TEXT NOT NULL, digest TEXT NOT NULL, removed_at TEXT NOT NULL,
            PRIMARY KEY (provider, digest)) STRICT""",
        """CREATE TABLE slot (
            provider TEXT PRIMARY KEY, active TEXT, overload_swap_at TEXT, rejected_at TEXT,
            swap_left TEXT, swap_put TEXT, swap_at TEXT, swap_left_entry TEXT,
            swap_left_expired INTEGER NOT NULL DEFAULT 0,
            swap_rounds INTEGER NOT NULL DEFAULT 0) STRICT""",
        """CREATE TABLE tenure (
            number INTEGER PRIMARY KEY, provider TEXT NOT NULL, account TEXT,
            since TEXT NOT NULL) STRICT""",
        """CREATE TABLE live (
            number INTEGER PRIMARY KEY CHECK (number = 1), content BLOB, digest TEXT,
            seen_at TEXT NOT NULL) STRICT""",
        """CREATE TABLE aside (
            number INTEGER PRIMARY KEY, at TEXT NOT NULL, why TEXT NOT NULL,
            content BLOB NOT NULL) STRICT""",
        "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    ):
        connection.execute(statement)


@store_step
def m002_refreshes_and_unclaimed_content(connection: sqlite3.Connection) -> None:
    """Note refreshes under way, leave to refresh, and whose entry nobody could read."""
    for statement in (
        "ALTER TABLE account ADD COLUMN refresh_allowed INTEGER NOT NULL DEFAULT 0",
        # `spent` is the digest of the refresh token that was sent; `answer` the entry of
        # auth.json that the vendor's answer makes, until it is the account's.
        """CREATE TABLE refresh (
            account TEXT PRIMARY KEY, spent TEXT NOT NULL, begun_at TEXT NOT NULL,
            attempts INTEGER NOT NULL, answer TEXT) STRICT""",
        "ALTER TABLE aside ADD COLUMN provider TEXT",
    ):
        connection.execute(statement)


@store_step
def m003_limits_of_models_and_groups(connection: sqlite3.Connection) -> None:
    """Note limits on some models, since when a limit is there, and who is limited together."""
    for statement in (
        # `shared_by` is what the vendor counts for: accounts with the same are limited together.
        "ALTER TABLE account ADD COLUMN shared_by TEXT",
        "ALTER TABLE account ADD COLUMN limit_since TEXT",
        "ALTER TABLE account ADD COLUMN limit_stated INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE account ADD COLUMN limit_own INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE part_limit (
            account TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL,
            until TEXT NOT NULL, reason TEXT NOT NULL, strikes INTEGER NOT NULL,
            since TEXT, stated INTEGER NOT NULL, own INTEGER NOT NULL,
            PRIMARY KEY (account, model)) STRICT""",
    ):
        connection.execute(statement)


@store_step
def m004_owners(connection: sqlite3.Connection) -> None:
    """Note what was replaced without a proof, which login may be which, and where tokens come from.

    An account's key that does not name a workspace of ChatGPT and a user of it names nobody.
    """
    for statement in (
        "ALTER TABLE account ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE account ADD COLUMN maybe TEXT",
        """CREATE TABLE replaced (
            number INTEGER PRIMARY KEY, account TEXT NOT NULL, entry TEXT NOT NULL,
            at TEXT NOT NULL, identity TEXT, identity_key TEXT, plan TEXT, shared_by TEXT,
            loose INTEGER NOT NULL DEFAULT 0) STRICT""",
        "CREATE INDEX replaced_by_account ON replaced (account, number)",
        # One row for each secret of an answer; `answer` says which came in one.
        """CREATE TABLE descent (
            digest TEXT PRIMARY KEY, came_from TEXT, is_login INTEGER NOT NULL,
            answer TEXT NOT NULL, at TEXT NOT NULL) STRICT""",
        "CREATE INDEX descent_by_origin ON descent (came_from)",
        "CREATE INDEX descent_by_time ON descent (at)",
        """UPDATE account SET identity_key = NULL
            WHERE provider = 'openai'
                AND (identity_key NOT LIKE '_%/user-%' OR identity_key LIKE 'user-%')""",
    ):
        connection.execute(statement)


@store_step
def m005_seals(connection: sqlite3.Connection) -> None:
    """Put a seal beside each row; what is no login any more gets none."""
    for table in sealed_tables(connection):
        for seal in seals_of(table):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {seal} TEXT")
        whole = "json_valid(entry)" if table in {"account", "replaced"} else "TRUE"
        seal_rows(connection, table, whole)


@store_step
def m006_exchanged_tokens(connection: sqlite3.Connection) -> None:
    """Note which refresh tokens were exchanged for others, whatever else is known of the answer."""
    connection.execute("CREATE TABLE exchange (digest TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT")
    connection.execute("CREATE INDEX exchange_by_time ON exchange (at)")
    connection.execute(
        """INSERT INTO exchange SELECT came_from, min(at) FROM descent
            WHERE answer IN (SELECT answer FROM descent WHERE came_from IS NOT NULL
                GROUP BY answer HAVING count(*) > 1 AND max(digest = came_from) = 0)
            GROUP BY came_from"""
    )


@store_step
def m007_table_seals(connection: sqlite3.Connection) -> None:
    """Put a seal beside each sealed table: a page of another time shows by it."""
    connection.execute("CREATE TABLE table_seal (name TEXT PRIMARY KEY, seal TEXT NOT NULL) STRICT")


@store_step
def m008_homes_with_several_logins(connection: sqlite3.Connection) -> None:
    """Note what stands in a home that has several logins of a provider; no secret is in it."""
    connection.execute(
        """CREATE TABLE standing (
            home TEXT NOT NULL, slot TEXT NOT NULL, provider TEXT NOT NULL, account TEXT,
            label TEXT NOT NULL, active INTEGER NOT NULL, digest TEXT NOT NULL, left_at TEXT,
            seal TEXT, PRIMARY KEY (home, slot)) STRICT"""
    )


@store_step
def m009_refused_models(connection: sqlite3.Connection) -> None:
    """Note for which model an account was refused that rests for every one."""
    connection.execute("ALTER TABLE account ADD COLUMN limit_asked TEXT")


@store_step
def m010_uncounted_limits(connection: sqlite3.Connection) -> None:
    """Note of a limit that no window of a plan counts it; NULL as 0, so that no seal changes."""
    connection.execute("ALTER TABLE account ADD COLUMN limit_uncounted INTEGER")
    connection.execute("ALTER TABLE part_limit ADD COLUMN uncounted INTEGER")


@history_step
def m001_events(connection: sqlite3.Connection) -> None:
    """Create the list of what happened and why."""
    connection.execute(
        """CREATE TABLE event (
            number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
            provider TEXT, account TEXT, from_alias TEXT, to_alias TEXT,
            why TEXT NOT NULL, detail TEXT) STRICT"""
    )


@history_step
def m002_readings(connection: sqlite3.Connection) -> None:
    """Keep what vendors say of usage: the last of each account, and a thinned line of the past."""
    for statement in (
        """CREATE TABLE usage (
            account TEXT PRIMARY KEY, snapshot TEXT, failure TEXT,
            failures INTEGER NOT NULL DEFAULT 0, due_at TEXT, leased_until TEXT) STRICT""",
        """CREATE TABLE reading (
            number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, at TEXT NOT NULL,
            window TEXT NOT NULL, model TEXT, used REAL NOT NULL) STRICT""",
        "CREATE INDEX reading_by_account ON reading (account, at)",
    ):
        connection.execute(statement)


@history_step
def m003_owner_questions(connection: sqlite3.Connection) -> None:
    """Remember which credentials a vendor was asked about, so that nobody asks again."""
    connection.execute(
        """CREATE TABLE owner_question (
            number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,
            tries INTEGER NOT NULL, answered INTEGER NOT NULL, due_at TEXT) STRICT"""
    )
