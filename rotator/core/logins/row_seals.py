"""Seals of the store's rows: a digest beside each, by which a changed byte in it shows.

SQLite notices damage to its own structure alone; a bit that flips inside of a key would go to
auth.json as it is. Pure: rows in, seals out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
# They change often, and are found out anew.
PASSING_COLUMNS = frozenset(
    {
        "rejected",
        "limit_state",
        "limit_until",
        "limit_reason",
        "limit_strikes",
        "limit_since",
        "limit_stated",
        "limit_own",
        "limit_asked",
        "limit_uncounted",
        "last_used_at",
    }
)
_PASSED: Row = {"limit_strikes": 1, "limit_stated": 0, "limit_own": 0}
SEAL, PASSING_SEAL = "seal", "passing_seal"
_SEALS = frozenset({SEAL, PASSING_SEAL})
# What an account is, and how it stands, have a seal each. What other tables hold stands in their
# indexes, too, and SQLite itself compares it. An older schema lacks the last of them.
SEALED_TABLES = (
    *("account", "replaced", "refresh", "part_limit", "slot", "tenure", "live", "aside"),
    *("setting", "standing"),
)
_LETTERS = 16


def seals_of(table: str) -> tuple[str, ...]:
    """Return the columns that hold a table's seals."""
    return (SEAL, PASSING_SEAL) if table == "account" else (SEAL,)


def covered(table: str, seal: str, columns: Iterable[str]) -> list[str]:
    """Return which of a table's columns a seal is about."""
    names = sorted(set(columns) - _SEALS)
    if table != "account":
        return names
    return [name for name in names if (name in PASSING_COLUMNS) == (seal == PASSING_SEAL)]


def seal_of(names: Iterable[str], values: Iterable[object]) -> str:
    """Return the seal of a row; a column without a value is as none.

    So a column that a later schema adds changes no seal until it is used.
    """
    pairs = zip(names, values, strict=True)
    told = "\n".join(f"{name} {value!a}" for name, value in pairs if value is not None)
    return hashlib.sha256(told.encode("ascii")).hexdigest()[:_LETTERS]


def seal_of_table(rows: Iterable[Sequence[object]]) -> str:
    """Return the seal of a table: of the seals of its rows, in whatever order."""
    told = "\n".join(sorted(f"{tuple(seals)!a}" for seals in rows))
    return hashlib.sha256(told.encode("ascii")).hexdigest()[:_LETTERS]


def is_sealed(table: str, row: Row, seal: str = SEAL) -> bool:
    """Tell whether what a seal is about is as it was written."""
    names = covered(table, seal, row)
    return bool(row.get(seal) == seal_of(names, (row[name] for name in names)))


def without_passing(row: Row) -> Row:
    """Return an account's row as one of which nobody knows how it stands."""
    unknown = {name: _PASSED.get(name) for name in PASSING_COLUMNS & row.keys()}
    names = sorted(unknown)
    sealed = {PASSING_SEAL: seal_of(names, (unknown[name] for name in names))}
    return {**row, **unknown, **sealed}
