"""Reads everything that decisions are made from; one unreadable row costs that row alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from rotator.core.logins.row_seals import PASSING_SEAL, is_sealed, without_passing
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
    Standing,
    State,
    Tenure,
)
from rotator.opencode.auth.entries import BadEntry
from rotator.storage.database import Connection
from rotator.storage.rows import (
    Row,
    account_of,
    part_limit_of,
    refresh_of,
    replaced_of,
    slot_of,
    standing_of,
    tenure_of,
)
from rotator.text import clean

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
            standings=tuple(self._standings()),
            broken=(*self._damage, *broken),
        )

    def _standings(self) -> Iterator[Standing]:
        cursor = self._connection.execute(
            "SELECT * FROM standing WHERE slot != '' ORDER BY home, slot"
        )
        names = [column[0] for column in cursor.description]
        for values in cursor:
            with contextlib.suppress(ValueError):
                yield standing_of(dict(zip(names, values, strict=True)))

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


def _with_own_limits(account: Account, replaced: Sequence[Replaced]) -> Account:
    """Return the account; unproven tokens of it have no limit of those that they replaced."""
    came_at = [one.at for one in replaced if not one.loose]
    return of_tokens_in_use(account, came_at[-1]) if account.unproven and came_at else account
