"""Reads everything that decisions are made from; one unreadable row costs that row alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.row_seals import PASSING_SEAL, is_sealed, without_passing
from rotator.core.logins.spent_tokens import with_spent
from rotator.core.logins.token_lines import with_doubts
from rotator.core.selection.limits import of_tokens_in_use, shared
from rotator.errors import RotatorError
from rotator.model import (
    Account,
    AccountId,
    Digest,
    Limit,
    PendingRefresh,
    Replaced,
    Slot,
    Standing,
    State,
    Tenure,
)
from rotator.opencode.auth.entries import BadEntry
from rotator.storage.database import Connection
from rotator.storage.rows import (
    LONG_AGO,
    Row,
    account_of,
    part_limit_of,
    refresh_of,
    replaced_of,
    slot_of,
    standing_of,
    tenure_of,
    time_or,
)
from rotator.text import sanitize

# So many of each account are in every state; the others are looked up when they are asked for.
DIGESTS_AT_HAND = 64
REMOVED_AT_HAND = 640


class StateReader:
    """Reads the state through one connection, at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._damage: list[str] = []

    def state(self) -> State:
        """Return everything that decisions are made from; what cannot be read is named in it."""
        parts, tenures = self._part_limits(), self._tenures()
        accounts: list[Account] = []
        broken: list[str] = []
        for row in self._rows("account"):
            try:
                accounts.append(account_of(row, parts.get(row["id"], ())))
            except (RotatorError, ValueError, TypeError, AttributeError):
                name = f"{sanitize(row['provider'])}/{sanitize(row['alias'])}"
                broken.append(f"the saved account {name} cannot be read")
        replaced = self._replaced({account.id: account for account in accounts})
        accounts = [_with_own_limits(account, replaced.get(account.id, ())) for account in accounts]
        slots: dict[str, Slot] = {}
        for row in self._rows("slot"):
            with contextlib.suppress(ValueError):
                slots[row["provider"]] = slot_of(row, tenures.get(row["provider"], ()))
        settings = {row["name"]: row["value"] for row in self._rows("setting")}
        standings = tuple(self._standings())
        live = [slot.active for slot in slots.values()]
        live += [standing.account for standing in standings if standing.active]
        accounts = list(with_spent(accounts, live, self._exchanged(accounts)))
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
            refreshes=MappingProxyType({refresh.account: refresh for refresh in self._refreshes()}),
            replaced=MappingProxyType(replaced),
            standings=standings,
            broken=(*self._damage, *broken),
        )

    def _standings(self) -> Iterator[Standing]:
        for row in self._rows("standing", "home, slot"):
            with contextlib.suppress(ValueError):
                # Without a slot it says that the home was looked at.
                if row["slot"]:
                    yield standing_of(row)

    def _rows(self, table: str, order: str = "rowid") -> Iterator[Row]:
        """Return the rows of a table that are as they were written; the others are damage."""
        cursor = self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  # ours
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row: Row = dict(zip(names, values, strict=True))
            whose = (
                f" {sanitize(row['provider'])}/{sanitize(row['alias'])}" if "alias" in row else ""
            )
            if not is_sealed(table, row):
                what = f"the saved account{whose}" if whose else f"what is noted as {table}"
                self._damage.append(f"{what} cannot be read")
                continue
            if table == "account" and not is_sealed(table, row, PASSING_SEAL):
                self._damage.append(f"how long{whose} rests cannot be read")
                row = without_passing(row)
            yield row

    def _part_limits(self) -> dict[str, list[Limit]]:
        limits: dict[str, list[Limit]] = {}
        for row in self._rows("part_limit", "model"):
            with contextlib.suppress(ValueError):
                limits.setdefault(row["account"], []).append(part_limit_of(row))
        return limits

    def _tenures(self) -> dict[str, list[Tenure]]:
        tenures: dict[str, list[Tenure]] = {}
        for row in self._rows("tenure", "number"):
            with contextlib.suppress(ValueError):
                tenures.setdefault(row["provider"], []).append(tenure_of(row))
        return tenures

    def _digests(self) -> Iterator[tuple[tuple[str, Digest], AccountId]]:
        for (account,) in self._connection.execute("SELECT id FROM account").fetchall():
            rows = self._connection.execute(
                "SELECT provider, digest FROM digest WHERE account = ?"
                " ORDER BY seen_at DESC, rowid DESC LIMIT ?",
                (account, DIGESTS_AT_HAND),
            )
            for provider, digest in rows:
                yield (provider, Digest(digest)), AccountId(account)

    def _exchanged(self, accounts: Iterable[Account]) -> dict[Digest, datetime]:
        """Return when bridges saw refresh tokens of these accounts exchanged for others."""
        wanted = [digest for account in accounts for digest in refresh_digests(account.credential)]
        rows = self._connection.execute(
            "SELECT digest, at FROM exchange WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted),),
        )
        return {Digest(digest): time_or(LONG_AGO, at) for digest, at in rows}

    def _replaced(
        self, accounts: Mapping[AccountId, Account]
    ) -> dict[AccountId, tuple[Replaced, ...]]:
        replaced: dict[AccountId, tuple[Replaced, ...]] = {}
        for row in self._rows("replaced", "number"):
            account = accounts.get(row["account"])
            with contextlib.suppress(BadEntry, ValueError):
                if account is not None:
                    tokens = replaced_of(account.provider, row)
                    replaced[account.id] = (*replaced.get(account.id, ()), tokens)
        return replaced

    def _refreshes(self) -> Iterator[PendingRefresh]:
        for row in self._rows("refresh"):
            with contextlib.suppress(ValueError):
                yield refresh_of(row)


def _with_own_limits(account: Account, replaced: Sequence[Replaced]) -> Account:
    """Return the account; unproven tokens of it have no limit of those that they replaced."""
    came_at = [tokens.at for tokens in replaced if not tokens.loose]
    return of_tokens_in_use(account, came_at[-1]) if account.unproven and came_at else account
