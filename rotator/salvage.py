"""A damaged store and the newest copy of it -> which accounts there are, and what is lost.

Pure: rows in, rows out. The one rule above all: no account gets an older credential than the
newest that is known. What was read of the damaged store is newer than the copy, unless it is
known to be older, or is not what was once written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rotator.alias import free_alias

Row = Mapping[str, Any]
# A provider and the digest of a secret of its.
Key = tuple[str, str]
_NONE: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class Contents:
    """What a copy, or what is left of a store, says, as far as it can be read.

    `accounts` are rows by id. `current` are the digests of an account's credential; an account
    whose entry cannot be understood has none. `digests` and `removed` are rows by their key.
    `whole` says that no row of `digests` is missing.
    """

    accounts: Mapping[str, Row] = field(default_factory=dict)
    current: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    digests: Mapping[Key, Row] = field(default_factory=dict)
    removed: Mapping[Key, Row] = field(default_factory=dict)
    whole: bool = False

    @cached_property
    def known(self) -> Mapping[str, frozenset[Key]]:
        """The digests of every generation, by account."""
        found: dict[str, set[Key]] = {}
        for key, row in self.digests.items():
            found.setdefault(row["account"], set()).add(key)
        return {account: frozenset(keys) for account, keys in found.items()}


@dataclass(frozen=True)
class Joined:
    """The rows of the rebuilt store; `lost` names what is known to have been there."""

    accounts: tuple[Row, ...]
    digests: tuple[Row, ...]
    removed: tuple[Row, ...]
    lost: tuple[str, ...]


def join(copy: Contents, left: Contents, now: str) -> Joined:
    """Join a copy and what is left of the store that it was made of."""
    accounts: dict[str, Row] = {}
    digests: dict[Key, Row] = {}
    lost: list[str] = []
    # What is left comes first: its names are the newer ones.
    for account in dict.fromkeys([*left.accounts, *copy.accounts]):
        if _is_gone(account, copy, left):
            continue
        source = copy if _is_copied(account, copy, left) else left
        row = _with_free_alias(source.accounts[account], accounts.values())
        accounts[account] = row
        known = copy.known.get(account, _NONE) | source.known.get(account, _NONE)
        for key in sorted(known | source.current.get(account, _NONE)):
            # The digest of a credential that nobody holds must not make it look like an old one.
            digests.setdefault(key, _digest_row(key, account, (left, copy), now))
        if left.known.get(account, _NONE) - known:
            lost.append(f"newer tokens of {row['provider']}/{row['alias']}")
    removed = {k: row for k, row in {**copy.removed, **left.removed}.items() if k not in digests}
    return Joined(
        accounts=tuple(accounts.values()),
        digests=tuple(digests.values()),
        removed=tuple(removed.values()),
        lost=(*lost, *_missing(accounts, left)),
    )


def replaced_of(sources: Iterable[Iterable[Row]], accounts: Collection[Row]) -> list[Row]:
    """Return the tokens that were replaced without a proof, those of all sources, numbered anew.

    What is in use is not replaced, and of an account that is gone there is nothing.
    """
    in_use = {row["id"]: row["entry"] for row in accounts}
    found: dict[tuple[str, str], Row] = {}
    for row in (row for rows in sources for row in rows):
        if row["account"] in in_use and in_use[row["account"]] != row["entry"]:
            found[row["account"], row["entry"]] = row
    in_order = sorted(found.values(), key=lambda row: (row["at"], row["number"]))
    return [{**row, "number": number} for number, row in enumerate(in_order, start=1)]


def _is_copied(account: str, copy: Contents, left: Contents) -> bool:
    """Tell whether the copy's row is to be taken and not the one that is left."""
    if account not in copy.accounts or account not in left.accounts:
        return account in copy.accounts
    current = left.current.get(account)
    if current is None or (left.whole and not current <= left.known.get(account, _NONE)):
        # Each credential is written together with its digests: this one has changed since.
        return True
    is_known = current <= copy.known.get(account, _NONE)
    return is_known and current != copy.current.get(account)


def _is_gone(account: str, copy: Contents, left: Contents) -> bool:
    """Tell whether an account of the copy was removed, or merged into another, since."""
    if account in left.accounts:
        return False
    keys = copy.current.get(account, _NONE)
    holders = {left.digests[key]["account"] for key in keys if key in left.digests}
    return any(key in left.removed for key in keys) or any(
        holder != account and holder in left.accounts for holder in holders
    )


def _digest_row(key: Key, account: str, sources: tuple[Contents, ...], now: str) -> Row:
    for source in sources:
        row = source.digests.get(key)
        if row is not None and row["account"] == account:
            return row
    return {"provider": key[0], "digest": key[1], "account": account, "seen_at": now}


def _with_free_alias(row: Row, others: Collection[Row]) -> Row:
    provider, alias = row["provider"], row["alias"]
    taken = {other["alias"] for other in others if other["provider"] == provider}
    return {**row, "alias": free_alias(provider, alias, taken)} if alias in taken else row


def _missing(accounts: Collection[str], left: Contents) -> Iterator[str]:
    """Name the accounts of which nothing but digests is left."""
    gone = {a: keys for a, keys in left.known.items() if a not in accounts}
    count = Counter(min(keys)[0] for keys in gone.values())
    for provider, number in sorted(count.items()):
        yield f"a login of {provider}" if number == 1 else f"{number} logins of {provider}"
