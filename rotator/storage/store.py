"""The accounts and what we know of the slots, in SQLite; one unreadable row costs that row alone.

It decides nothing. Writes go through `transaction`, within which the methods below belong
together; `state` is a cache that any process's commit renews. Where another file was put in the
store's place, because it was damaged, that one is opened and used from then on.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from rotator.clock import to_iso
from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.late_logins import LateLogin, as_text, from_text
from rotator.core.logins.row_seals import PASSING_SEAL, is_sealed, without_passing
from rotator.core.logins.token_lines import Tokens, is_unproven, shown, with_doubts
from rotator.core.selection.limits import NOT_CONFIRMED, of_tokens_in_use, shared
from rotator.errors import RotatorError, StoreDamaged
from rotator.model import (
    NOBODY,
    Account,
    AccountId,
    Credential,
    Descent,
    Digest,
    Doubt,
    Identity,
    Limit,
    PendingRefresh,
    Replaced,
    State,
    SwapMark,
    Tenure,
)
from rotator.opencode.auth.file import BadEntry, parse_entry
from rotator.secret import Secret, blanked, digest_of, is_placeholder
from rotator.storage.account_copy import LATE, NOTICE, PURGE, Copied
from rotator.storage.database import (
    Connection,
    Gate,
    awaits_rebuilding,
    clear_places,
    erase_deleted,
    open_database,
    reading,
    require_known_schema,
    store_errors,
    transaction,
    ungated,
)
from rotator.storage.migrations import STORE
from rotator.storage.row_sealing import seal_what_is_written
from rotator.storage.rows import (
    Row,
    account_of,
    limit_values,
    part_limit_of,
    refresh_of,
    replaced_of,
    slot_of,
    tenure_of,
    time_or,
)
from rotator.storage.soundness import require_intact
from rotator.system.locks import folder_lock
from rotator.text import clean

# Two of a generation: a login that is refreshed every hour is remembered for thirty days.
DIGESTS_KEPT = 1440
# So many of each account are in every state; the others are looked up when they are asked for.
DIGESTS_AT_HAND = 64
REMOVED_AT_HAND = 640
TENURES_KEPT = 20
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Tokens of an account whose owner nobody knows.
REPLACED_KEPT = 64
# What bridges saw of tokens: longer than any of them lives, and no more than a few years' worth.
DESCENTS_KEPT = 5000
_DESCENTS_KEPT_FOR = timedelta(days=90)
# Limits on some models that ended this long ago say nothing any more.
_PART_LIMIT_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Aside:
    """Bytes that stood in auth.json and that nobody could take in, as they are kept.

    They are one provider's entry, or (None) those of a whole file.
    """

    number: int
    at: datetime
    why: str
    provider: str | None
    content: bytes = field(repr=False)


class Store:
    """The open store; a context manager that closes it."""

    def __init__(self, path: Path, *, gate: Gate = ungated) -> None:
        """Open or create the store at `path`; raises StoreError, StoreDamaged, NewerSchema.

        `gate` is held while a store that is in use gets a newer schema.
        """
        self._path = path
        self._gate = gate
        self._open()

    def _open(self) -> None:
        self._state: State | None = None
        self._version = -1
        self._marked: tuple[State, str | None] | None = None
        self._damage: list[str] = []
        self._seals_writes = False
        self._connection, self._file = self._connect()

    def _connect(self) -> tuple[Connection, tuple[int, int] | None]:
        # Nobody puts another file there between the parts of this.
        with folder_lock(self._path.parent, alone=False):
            with store_errors(self._path, opening=True):
                clear_places(self._path)
            self._require_in_place()
            connection = open_database(self._path, STORE, durable=True, gate=self._gate)
            return connection, _identity(self._path)

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
            with folder_lock(self._path.parent, alone=False):
                self._require_in_place()
                self._follow()
                self._seal_writes()
                with transaction(self._connection, self._path):
                    require_known_schema(self._connection, self._path, STORE)
                    yield
        finally:
            self._state = None

    def _seal_writes(self) -> None:
        # Whoever only reads does without.
        if not self._seals_writes:
            with store_errors(self._path):
                seal_what_is_written(self._connection)
            self._seals_writes = True

    def is_replaced(self) -> bool:
        """Tell whether the path holds another file by now than the one that is open."""
        return _identity(self._path) != self._file

    def _require_in_place(self) -> None:
        if awaits_rebuilding(self._path):
            message = f"the store {self._path} is gone, or its rebuilding was not finished"
            raise StoreDamaged(message, hint="run the command again")

    def _follow(self) -> None:
        if not self._connection.in_transaction and self.is_replaced():
            before = self._connection
            self._open()
            before.close()

    # -- reading ---------------------------------------------------------------------------

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
                self._state, self._version = self._load(), version
        return self._state

    def aliases(self, provider: str) -> set[str]:
        """Return the provider's aliases that are taken, by rows that cannot be read as well."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT alias FROM account WHERE provider = ?", (provider,)
            ).fetchall()
        return {str(row[0]) for row in rows}

    def live_digest(self) -> Digest | None:
        """Return the digest of the auth.json that was last seen whole, or None."""
        row = self._one("SELECT digest FROM live WHERE number = 1")
        return Digest(row[0]) if row and row[0] else None

    def live_content(self) -> bytes | None:
        """Return the bytes of the auth.json that was last seen whole, or None."""
        row = self._sealed("live", 1)
        return None if row is None or row["content"] is None else bytes(row["content"])

    def late_logins(self) -> tuple[LateLogin, ...]:
        """Return the logins that have to go into auth.json still, in the order of their writing."""
        row = self._one("SELECT value FROM setting WHERE name = ?", LATE)
        return from_text(row[0]) if row else ()

    def holder(self, provider: str, digest: Digest) -> AccountId | None:
        """Return whose secret that is or once was, however long ago, or None."""
        row = self._one(
            "SELECT account FROM digest WHERE provider = ? AND digest = ?", provider, digest
        )
        return AccountId(row[0]) if row else None

    def was_removed(self, provider: str, digest: Digest) -> bool:
        """Tell whether it is a secret of an account that was removed, however long ago."""
        question = "SELECT 1 FROM removed WHERE provider = ? AND digest = ?"
        return self._one(question, provider, digest) is not None

    def descent(self, digest: Digest) -> Descent | None:
        """Return what a bridge saw of where a secret came from, or None."""
        row = self._one(
            "SELECT answer, at, is_login, came_from FROM descent WHERE digest = ?", digest
        )
        if row is None:
            return None
        answer, at, is_login, came_from = row
        return Descent(answer, time_or(_LONG_AGO, at), bool(is_login), came_from)

    def was_exchanged(self, digest: Digest) -> bool:
        """Tell whether a bridge saw that a refresh token was exchanged for another one."""
        question = (
            "SELECT 1 FROM descent WHERE came_from = ? GROUP BY answer HAVING count(*) > 1"
            " AND max(digest = came_from) = 0"
        )
        return self._one(question, digest) is not None

    def asides(self) -> Iterator[Aside]:
        """Return what is kept aside, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute("SELECT number FROM aside ORDER BY number").fetchall()
        found = (self.aside(number) for (number,) in rows)
        return (one for one in found if one is not None)

    def aside(self, number: int) -> Aside | None:
        """Return what is kept aside under that number, or None."""
        row = self._sealed("aside", number)
        if row is None:
            return None
        at, content = time_or(_LONG_AGO, row["at"]), bytes(row["content"])
        return Aside(number, at, row["why"], row["provider"], content)

    def number_aside(self, content: bytes, provider: str | None) -> int | None:
        """Return the number under which these very bytes are kept already, or None."""
        row = self._one(
            "SELECT number FROM aside WHERE provider IS ? AND content = ?", provider, content
        )
        return int(row[0]) if row else None

    def aside_size(self) -> tuple[int, int]:
        """Return how many contents are kept aside, and their bytes in all."""
        row = self._one("SELECT count(*), coalesce(sum(length(content)), 0) FROM aside")
        return (int(row[0]), int(row[1])) if row else (0, 0)

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

    def _load(self) -> State:
        self._damage = []
        parts, tenures = self._part_limits(), self._tenures()
        accounts: list[Account] = []
        broken: list[str] = []
        for row in self._rows("account"):
            try:
                accounts.append(account_of(row, parts.get(row["id"], ())))
            except (RotatorError, ValueError, TypeError, AttributeError):
                name = f"{clean(row['provider'])}/{clean(row['alias'])}"
                broken.append(f"the saved account {name} cannot be read")
        replaced = self._replaced({one.id: one for one in accounts})
        accounts = [_with_own_limits(one, replaced.get(one.id, ())) for one in accounts]
        slots = {}
        for row in self._rows("slot"):
            with contextlib.suppress(ValueError):
                slots[row["provider"]] = slot_of(row, tenures.get(row["provider"], ()))
        settings = {row["name"]: row["value"] for row in self._rows("setting")}
        return State(
            accounts=shared(with_doubts(accounts)),
            slots=MappingProxyType(slots),
            balancing=settings.get("balancing") != "off",
            digests=MappingProxyType(dict(self._digests())),
            removed=frozenset(
                (p, Digest(d))
                for p, d in self._connection.execute(
                    "SELECT provider, digest FROM removed ORDER BY rowid DESC LIMIT ?",
                    (REMOVED_AT_HAND,),
                )
            ),
            refreshes=MappingProxyType({one.account: one for one in self._refreshes()}),
            replaced=MappingProxyType(replaced),
            broken=(*self._damage, *broken),
        )

    def _rows(self, table: str, order: str = "rowid") -> Iterator[Row]:
        """Return the rows of a table that are as they were written; the others are damage."""
        cursor = self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  # ours
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row: Row = dict(zip(names, values, strict=True))
            whose = f" {clean(row['provider'])}/{clean(row['alias'])}" if "alias" in row else ""
            if not is_sealed(table, row):
                what = f"the saved account{whose}" if whose else f"what is noted as {table}"
                self._damage.append(f"{what} cannot be read")
                continue
            if table == "account" and not is_sealed(table, row, PASSING_SEAL):
                self._damage.append(f"how long{whose} rests cannot be read")
                row = without_passing(row)
            yield row

    def _part_limits(self) -> dict[str, list[Limit]]:
        found: dict[str, list[Limit]] = {}
        for row in self._rows("part_limit", "model"):
            with contextlib.suppress(ValueError):
                found.setdefault(row["account"], []).append(part_limit_of(row))
        return found

    def _tenures(self) -> dict[str, list[Tenure]]:
        found: dict[str, list[Tenure]] = {}
        for row in self._rows("tenure", "number"):
            with contextlib.suppress(ValueError):
                found.setdefault(row["provider"], []).append(tenure_of(row))
        return found

    def _digests(self) -> Iterator[tuple[tuple[str, Digest], AccountId]]:
        for (account,) in self._connection.execute("SELECT id FROM account").fetchall():
            rows = self._connection.execute(
                "SELECT provider, digest FROM digest WHERE account = ?"
                " ORDER BY seen_at DESC, rowid DESC LIMIT ?",
                (account, DIGESTS_AT_HAND),
            )
            for provider, digest in rows:
                yield (provider, Digest(digest)), AccountId(account)

    def _replaced(
        self, accounts: Mapping[AccountId, Account]
    ) -> dict[AccountId, tuple[Replaced, ...]]:
        found: dict[AccountId, tuple[Replaced, ...]] = {}
        for row in self._rows("replaced", "number"):
            account = accounts.get(row["account"])
            with contextlib.suppress(BadEntry, ValueError):
                if account is not None:
                    one = replaced_of(account.provider, row)
                    found[account.id] = (*found.get(account.id, ()), one)
        return found

    def _refreshes(self) -> Iterator[PendingRefresh]:
        for row in self._rows("refresh"):
            with contextlib.suppress(ValueError):
                yield refresh_of(row)

    # -- what is copied, and what is erased ------------------------------------------------------

    def accounts_mark(self) -> str | None:
        """Return what changes whenever a copy of the accounts is due, or None without any."""
        state = self.state()
        if self._marked is None or self._marked[0] is not state:
            self._marked = state, Copied(self._connection, self._path).accounts_mark()
        return self._marked[1]

    def accounts_copy(self) -> bytes:
        """Return the accounts as a store of their own, as the bytes of a file."""
        self._follow()
        return Copied(self._connection, self._path).accounts_copy()

    def require_sound(self) -> None:
        """Look at every page and every row; raises StoreDamaged."""
        self._follow()
        with reading(self._connection, self._path):
            require_intact(self._connection, self._path)

    def note_purge(self) -> None:
        """Note in a transaction that what it removes is to be erased everywhere."""
        self._set(PURGE, "")

    def purge_is_pending(self) -> bool:
        """Tell whether something that was removed may still stand in copies or free bytes."""
        return self._one("SELECT 1 FROM setting WHERE name = ?", PURGE) is not None

    def erase_deleted(self) -> bool:
        """Let no byte of what was removed remain in the file; False while somebody reads it."""
        self._follow()
        return erase_deleted(self._connection, self._path)

    def settle_purge(self) -> None:
        """Note that everything that was removed is erased."""
        with self.transaction():
            self._write("DELETE FROM setting WHERE name = ?", PURGE)

    def take_notice(self) -> str | None:
        """Return the sentence about a rebuilding that nobody has told yet; it is told now."""
        question = "SELECT value FROM setting WHERE name = ?"
        if self._one(question, NOTICE) is None:
            return None
        with self.transaction():
            # Another process may have told it just before.
            row = self._one(question, NOTICE)
            self._write("DELETE FROM setting WHERE name = ?", NOTICE)
        return str(row[0]) if row else None

    # -- writing: inside `transaction` -------------------------------------------------------

    def _set(self, name: str, value: str) -> None:
        self._write(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value",
            *(name, value),
        )

    def _write(self, statement: str, *values: object) -> None:
        self._state = None
        self._connection.execute(statement, values)

    def set_late_logins(self, logins: Sequence[LateLogin]) -> None:
        """Keep the logins that have to go into auth.json still, instead of those kept before."""
        if logins:
            self._set(LATE, as_text(logins))
        else:
            self._write("DELETE FROM setting WHERE name = ?", LATE)

    def add_account(
        self, provider: str, alias: str, credential: Credential, who: Identity, now: datetime
    ) -> AccountId:
        """Save a new account and return its id."""
        account = AccountId(f"acc_{secrets.token_hex(8)}")
        self._write(
            "INSERT INTO account (id, provider, alias, entry, identity, identity_key, plan,"
            " shared_by, captured_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, provider, alias, credential.entry.reveal()),
            *(who.label, who.key, who.plan, who.group, to_iso(now)),
        )
        self._note_digests(provider, account, credential, now)
        return account

    def renew_credential(
        self, account: Account, credential: Credential, who: Identity, now: datetime
    ) -> None:
        """Put a newer credential into an account and keep the one before it.

        An auth.json that the account is live in is unseen from then on, until `set_live`: it
        holds older tokens, and whoever comes next mends it if we do not come to it.
        """
        self._write(
            "UPDATE account SET previous_entry = entry, entry = ?,"
            " identity = coalesce(?, identity), identity_key = coalesce(?, identity_key),"
            " plan = coalesce(?, plan), shared_by = coalesce(?, shared_by) WHERE id = ?",
            *(credential.entry.reveal(), who.label, who.key, who.plan, who.group, account.id),
        )
        self._note_digests(account.provider, account.id, credential, now)
        self.forget_live_of(account.id)
        # What was in doubt about the tokens before is none about these.
        self._write("DELETE FROM refresh WHERE account = ? AND answer IS NULL", account.id)
        if account.limit is not None and account.limit.reason == NOT_CONFIRMED:
            self.set_limit(account.id, None)

    def forget_live_of(self, account: AccountId) -> None:
        """Take auth.json for unseen if the account is live: it may hold older tokens."""
        live = "EXISTS (SELECT 1 FROM slot WHERE active = ?)"
        self._write(f"UPDATE live SET digest = NULL WHERE {live}", account)  # noqa: S608  # ours

    # -- tokens of which nobody knows whose they are -----------------------------------------------

    def replace_credential(
        self, account: Account, credential: Credential, now: datetime, before: Identity
    ) -> None:
        """Put another credential into an account without a proof that it is the account's.

        The one before is kept, with what is known of its owner.
        """
        self.keep_replaced(account.id, account.credential, before, now)
        self.renew_credential(account, credential, NOBODY, now)
        self._write("UPDATE account SET unproven = 1 WHERE id = ?", account.id)

    def keep_replaced(
        self,
        account: AccountId,
        credential: Credential,
        who: Identity,
        now: datetime,
        *,
        loose: bool = False,
    ) -> None:
        """Keep tokens of an account that others took the place of; `loose`: nobody knows which."""
        self._write(
            "INSERT INTO replaced (account, entry, at, identity, identity_key, plan, shared_by,"
            " loose) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, credential.entry.reveal(), to_iso(now)),
            *(who.label, who.key, who.plan, who.group, int(loose)),
        )
        self._write(
            "DELETE FROM replaced WHERE account = ? AND number NOT IN (SELECT number FROM replaced"
            " WHERE account = ? ORDER BY number DESC LIMIT ?)",
            *(account, account, REPLACED_KEPT),
        )

    def lay_out(self, account: Account, line: tuple[Tokens, ...], now: datetime) -> None:
        """Let an account have these tokens, the last of them in use, and no others.

        They are of its own line; what left it is somebody's by then.
        """
        in_use, who = line[-1].credential, shown(line)
        if in_use.entry != account.credential.entry:
            self._write(
                "UPDATE account SET entry = ?, previous_entry = NULL WHERE id = ?",
                *(in_use.entry.reveal(), account.id),
            )
            self._note_digests(account.provider, account.id, in_use, now)
            self.forget_live_of(account.id)
        self.set_owner(account.id, who, unproven=is_unproven(line))
        kept = {one.number: one.who for one in line[:-1]}
        for number in [row[0] for row in self._numbers_of(account.id)]:
            if number not in kept:
                self._write("DELETE FROM replaced WHERE number = ?", number)
                self.note_purge()
        for number, known in kept.items():
            self._write(
                "UPDATE replaced SET account = ?, identity = ?, identity_key = ?, plan = ?,"
                " shared_by = ? WHERE number = ?",
                *(account.id, known.label, known.key, known.plan, known.group, number),
            )

    def _numbers_of(self, account: AccountId) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "SELECT number FROM replaced WHERE account = ?", (account,)
        ).fetchall()
        return rows

    def move_replaced(self, numbers: Iterable[int | None], to: AccountId) -> None:
        """Let replaced tokens be another account's."""
        for number in numbers:
            self._write("UPDATE replaced SET account = ? WHERE number = ?", to, number)

    def name_replaced(self, number: int, who: Identity) -> None:
        """Note whose replaced tokens are."""
        self._write(
            "UPDATE replaced SET identity = ?, identity_key = ?, plan = ?, shared_by = ?"
            " WHERE number = ?",
            *(who.label, who.key, who.plan, who.group, number),
        )

    def move_digests(
        self, account: Account, to: AccountId, *, since: datetime, but: Iterable[Digest]
    ) -> None:
        """Let the secrets that an account has had since then be another one's, but for some."""
        keep = set(but)
        rows = self._connection.execute(
            "SELECT digest FROM digest WHERE account = ? AND seen_at >= ?",
            (account.id, to_iso(since)),
        ).fetchall()
        for (digest,) in rows:
            if digest not in keep:
                self._write(
                    "UPDATE digest SET account = ? WHERE provider = ? AND digest = ?",
                    *(to, account.provider, digest),
                )

    def give_digests(self, provider: str, digests: Iterable[Digest], to: AccountId) -> None:
        """Let these secrets be an account's, whoever had them before."""
        for digest in digests:
            self._write(
                "UPDATE digest SET account = ? WHERE provider = ? AND digest = ?",
                *(to, provider, digest),
            )

    def follow(self, account: Account, to: AccountId, credential: Credential) -> None:
        """Let what is noted of an account's tokens in use go with them to another account."""
        refresh = credential.refresh
        self._write(
            "UPDATE refresh SET account = ? WHERE account = ? AND spent = ?",
            *(to, account.id, refresh.digest() if refresh else ""),
        )
        self._write("UPDATE slot SET swap_at = NULL WHERE ? IN (swap_left, swap_put)", account.id)

    def set_owner(self, account: AccountId, who: Identity, *, unproven: bool) -> None:
        """Note who an account is, or (`unproven`) was before the tokens that are in use."""
        self._write(
            "UPDATE account SET unproven = ?, identity = ?, identity_key = ?, plan = ?,"
            " shared_by = ? WHERE id = ?",
            *(int(unproven), who.label, who.key, who.plan, who.group, account),
        )

    def set_doubts(self, account: AccountId, doubts: Iterable[Doubt]) -> None:
        """Note which newer accounts an account may be the same login as, if any."""
        told = (
            " ".join(f"{one.newer}:{one.came_as}:{one.of}" for one in dict.fromkeys(doubts)) or None
        )
        self._write("UPDATE account SET maybe = ? WHERE id = ?", told, account)

    def repoint_doubts(self, account: AccountId, to: AccountId) -> None:
        """Let whoever may be the same login as an account may be another one's instead."""
        for one in self.state().accounts:
            after = [replace(d, newer=to) if d.newer == account else d for d in one.doubts]
            if one.id != to and tuple(after) != one.doubts:
                self.set_doubts(one.id, after)

    def note_descents(self, found: Iterable[Descent], now: datetime) -> None:
        """Keep what bridges saw of tokens; what is old, or too much, is forgotten."""
        for one in found:
            for digest in one.to:
                self._write(
                    "INSERT INTO descent VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    *(digest, one.came_from, int(one.is_login), one.id, to_iso(one.at)),
                )
        self._write("DELETE FROM descent WHERE at < ?", to_iso(now - _DESCENTS_KEPT_FOR))
        self._write(
            "DELETE FROM descent WHERE rowid NOT IN"
            " (SELECT rowid FROM descent ORDER BY rowid DESC LIMIT ?)",
            DESCENTS_KEPT,
        )

    def know_credential(self, account: Account, credential: Credential, now: datetime) -> None:
        """Keep a credential of the account's that is not its newest in place of an older one."""
        self._write(
            "UPDATE account SET previous_entry = ? WHERE id = ?",
            *(credential.entry.reveal(), account.id),
        )
        self._note_digests(account.provider, account.id, credential, now)

    def _note_digests(
        self, provider: str, account: AccountId, credential: Credential, now: datetime
    ) -> None:
        for digest in secrets_of(credential):
            self._write(
                "INSERT INTO digest VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " account = excluded.account, seen_at = excluded.seen_at",
                *(provider, digest, account, to_iso(now)),
            )
            self._write("DELETE FROM removed WHERE provider = ? AND digest = ?", provider, digest)
        self._write(
            "DELETE FROM digest WHERE rowid IN (SELECT rowid FROM digest WHERE account = ?"
            " ORDER BY seen_at DESC, rowid DESC LIMIT -1 OFFSET ?)",
            *(account, DIGESTS_KEPT),
        )

    def remove_account(self, account: Account, now: datetime) -> None:
        """Forget an account; digests of its secrets stay behind, so that no old copy revives it.

        Its secrets are blanked out wherever else they stand.
        """
        self._blank(self._secrets_of(account))
        self.note_purge()
        self._write(
            "INSERT INTO removed SELECT provider, digest, ? FROM digest WHERE account = ?"
            " ON CONFLICT DO UPDATE SET removed_at = excluded.removed_at",
            *(to_iso(now), account.id),
        )
        self._write("DELETE FROM digest WHERE account = ?", account.id)
        self._write("DELETE FROM refresh WHERE account = ?", account.id)
        self._write("DELETE FROM part_limit WHERE account = ?", account.id)
        self._write("DELETE FROM replaced WHERE account = ?", account.id)
        self._write("DELETE FROM account WHERE id = ?", account.id)
        self._write("UPDATE slot SET swap_at = NULL WHERE ? IN (swap_left, swap_put)", account.id)

    def _secrets_of(self, account: Account) -> set[Secret]:
        entries = self._connection.execute(
            "SELECT entry, previous_entry FROM account WHERE id = ?"
            " UNION ALL SELECT answer, NULL FROM refresh WHERE account = ?"
            " UNION ALL SELECT entry, NULL FROM replaced WHERE account = ?",
            (account.id, account.id, account.id),
        )
        found = {account.credential.secret, account.credential.refresh}
        for entry in (Secret(text) for row in entries for text in row if text):
            with contextlib.suppress(BadEntry):
                credential = parse_entry(account.provider, entry)
                found |= {credential.secret, credential.refresh}
        # A word that stands in a secret's place is in the entries of others, too.
        return {one for one in found if one and not is_placeholder(one.reveal())}

    def _blank(self, secrets: set[Secret]) -> None:
        read = self._connection.execute
        for table in ("aside", "live"):
            rows = read(f"SELECT number, content FROM {table} WHERE content IS NOT NULL")  # noqa: S608  # our names
            for number, content in rows.fetchall():
                if (blank := blanked(content, secrets)) != content:
                    change = f"UPDATE {table} SET content = ? WHERE number = ?"  # noqa: S608  # as above
                    self._write(change, blank, number)
        rows = read("SELECT id, previous_entry FROM account WHERE previous_entry IS NOT NULL")
        for account, entry in rows.fetchall():
            if blanked(content := _bytes_of(entry), secrets) != content:
                self._write("UPDATE account SET previous_entry = NULL WHERE id = ?", account)
        for number, entry in read("SELECT number, entry FROM replaced").fetchall():
            if blanked(content := _bytes_of(entry), secrets) != content:
                self._write("DELETE FROM replaced WHERE number = ?", number)

    def merge_accounts(self, keep: Account, other: Account) -> None:
        """Make one account of two: `keep` stays, every secret of `other` now names it."""
        self.note_purge()
        self._write("UPDATE digest SET account = ? WHERE account = ?", keep.id, other.id)
        self._write("UPDATE slot SET active = ? WHERE active = ?", keep.id, other.id)
        self._write("UPDATE slot SET swap_at = NULL WHERE ? IN (swap_left, swap_put)", other.id)
        self._write("UPDATE tenure SET account = ? WHERE account = ?", keep.id, other.id)
        self._write("DELETE FROM part_limit WHERE account = ?", other.id)
        self._write(
            "UPDATE replaced SET account = ?, loose = 1 WHERE account IN (?, ?)",
            *(keep.id, keep.id, other.id),
        )
        self.repoint_doubts(other.id, keep.id)
        self._write("DELETE FROM account WHERE id = ?", other.id)

    def begin_refresh(self, pending: PendingRefresh) -> None:
        """Note that a refresh token is about to be sent; what was noted before it is replaced."""
        self._write(
            "INSERT OR REPLACE INTO refresh (account, spent, begun_at, attempts)"
            " VALUES (?, ?, ?, ?)",
            *(pending.account, pending.spent, to_iso(pending.begun_at), pending.attempts),
        )

    def answer_refresh(self, pending: PendingRefresh, answer: Secret) -> None:
        """Keep what a refresh gave until it is clear whether it is the account's newest."""
        self._write(
            "INSERT OR REPLACE INTO refresh (account, spent, begun_at, attempts, answer)"
            " SELECT id, ?, ?, ?, ? FROM account WHERE id = ?",
            *(pending.spent, to_iso(pending.begun_at), pending.attempts),
            *(answer.reveal(), pending.account),
        )

    def end_refresh(self, account: AccountId) -> None:
        """Forget the account's refresh: it is settled."""
        self._write("DELETE FROM refresh WHERE account = ?", account)

    def allow_refresh(self, account: AccountId, *, allowed: bool) -> None:
        """Note whether the user lets us refresh the account's tokens."""
        self._write("UPDATE account SET refresh_allowed = ? WHERE id = ?", int(allowed), account)

    def rename_account(self, account: Account, alias: str) -> None:
        """Give an account another alias."""
        self._write("UPDATE account SET alias = ? WHERE id = ?", alias, account.id)

    def set_disabled(self, account: AccountId, reason: str | None) -> None:
        """Disable an account for `reason`, or (None) enable it."""
        self._write("UPDATE account SET disabled = ? WHERE id = ?", reason, account)

    def set_rejected(self, account: AccountId, reason: str | None) -> None:
        """Note that the vendor refuses the login itself, or (None) that it is good again."""
        self._write("UPDATE account SET rejected = ? WHERE id = ?", reason, account)

    def set_limit(self, account: AccountId, limit: Limit | None) -> None:
        """Note until when an account rests, wholly or for some models, or (None) that it is free.

        What it has of limits on models stays as it is unless that is one on the same.
        """
        if limit is not None and limit.model is not None:
            self._set_part_limit(account, limit, limit.model)
            return
        self._write(
            "UPDATE account SET limit_state = ?, limit_until = ?, limit_reason = ?,"
            " limit_strikes = ?, limit_since = ?, limit_stated = ?, limit_own = ? WHERE id = ?",
            *(limit_values(limit) if limit else (None, None, None, 1, None, 0, 0)),
            account,
        )

    def _set_part_limit(self, account: AccountId, limit: Limit, model: str) -> None:
        if limit.since is not None:
            # In this one form times are in order as texts.
            long_ago = to_iso(limit.since - _PART_LIMIT_KEPT)
            self._write("DELETE FROM part_limit WHERE until < ?", long_ago)
        self._write(
            "INSERT OR REPLACE INTO part_limit (account, model, state, until, reason, strikes,"
            " since, stated, own) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, model, *limit_values(limit)),
        )

    def move_limit(self, account: AccountId, to: AccountId, limit: Limit) -> None:
        """Let one of an account's limits be another one's."""
        self.set_limit(to, limit)
        if limit.model is None:
            self.set_limit(account, None)
        else:
            forget = "DELETE FROM part_limit WHERE account = ? AND model = ?"
            self._write(forget, account, limit.model)

    def set_active(self, provider: str, account: AccountId | None, now: datetime) -> None:
        """Note who is in the provider's slot from now on; a change begins a new tenure."""
        slot = self._one("SELECT active FROM slot WHERE provider = ?", provider)
        if slot is not None and slot[0] == account:
            return
        self._write(
            "INSERT INTO slot (provider, active) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET active = excluded.active",
            *(provider, account),
        )
        self._write(
            "INSERT INTO tenure (provider, account, since) VALUES (?, ?, ?)",
            *(provider, account, to_iso(now)),
        )
        self._write(
            "DELETE FROM tenure WHERE provider = ? AND number NOT IN (SELECT number FROM tenure"
            " WHERE provider = ? ORDER BY number DESC LIMIT ?)",
            *(provider, provider, TENURES_KEPT),
        )
        if account is not None:
            self._write("UPDATE account SET last_used_at = ? WHERE id = ?", to_iso(now), account)

    def note_swap(self, provider: str, mark: SwapMark | None) -> None:
        """Remember our last swap in a slot, or (None) that it is settled."""
        self._ensure_slot(provider)
        self._write(
            "UPDATE slot SET swap_left = ?, swap_put = ?, swap_at = ?, swap_left_entry = ?,"
            " swap_left_expired = ?, swap_rounds = ? WHERE provider = ?",
            *(mark.left if mark else None, mark.put if mark else None),
            *(to_iso(mark.at) if mark else None, mark.left_entry if mark else None),
            *(int(mark.left_expired) if mark else 0, mark.rounds if mark else 0, provider),
        )

    def note_overload_swap(self, provider: str, now: datetime) -> None:
        """Remember that a swap was made because of an overload."""
        self._ensure_slot(provider)
        self._write(
            "UPDATE slot SET overload_swap_at = ? WHERE provider = ?", to_iso(now), provider
        )

    def note_rejection(self, provider: str, now: datetime) -> None:
        """Remember that an account of the provider was rejected."""
        self._ensure_slot(provider)
        self._write("UPDATE slot SET rejected_at = ? WHERE provider = ?", to_iso(now), provider)

    def _ensure_slot(self, provider: str) -> None:
        self._write("INSERT INTO slot (provider) VALUES (?) ON CONFLICT DO NOTHING", provider)

    def set_balancing(self, *, on: bool) -> None:
        """Switch failover on or off."""
        self._set("balancing", "on" if on else "off")

    def set_live(self, content: bytes | None, now: datetime) -> None:
        """Remember the auth.json that was last seen whole (None: there is none)."""
        digest = None if content is None else digest_of(content.decode("utf-8"))
        self._write(
            "INSERT INTO live (number, content, digest, seen_at) VALUES (1, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET content = excluded.content, digest = excluded.digest,"
            " seen_at = excluded.seen_at",
            *(content, digest, to_iso(now)),
        )

    def forget_live_digest(self) -> None:
        """Take auth.json for unseen, whatever it holds, until `set_live`."""
        self._write("UPDATE live SET digest = NULL")

    def keep_aside(
        self, content: bytes, why: str, now: datetime, provider: str | None = None
    ) -> int:
        """Keep bytes that stood in auth.json and that nobody could take in; return their number.

        No number is ever given twice.
        """
        last = self._one(
            "SELECT max(coalesce((SELECT max(number) FROM aside), 0),"
            " coalesce((SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'aside'), 0))"
        )
        number = int(last[0]) + 1 if last else 1
        self._write(
            "INSERT INTO aside (number, at, why, content, provider) VALUES (?, ?, ?, ?, ?)",
            *(number, to_iso(now), why, content, provider),
        )
        self._set("aside", str(number))
        return number

    def replace_aside(self, number: int, content: bytes | None) -> None:
        """Put other bytes in place of those that are kept aside, or (None) forget them."""
        if content is None:
            self._write("DELETE FROM aside WHERE number = ?", number)
        else:
            self._write("UPDATE aside SET content = ? WHERE number = ?", content, number)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _bytes_of(entry: str) -> bytes:
    # Of a damaged row it may be no text.
    return entry.encode("utf-8", "surrogateescape")


def _with_own_limits(account: Account, replaced: Sequence[Replaced]) -> Account:
    """Return the account; unproven tokens of it have no limit of those that they replaced."""
    came_at = [one.at for one in replaced if not one.loose]
    return of_tokens_in_use(account, came_at[-1]) if account.unproven and came_at else account
