"""A damaged store and the newest copy of it -> which accounts there are, and what is lost.

Pure: rows in, rows out. The one rule above all: no account gets an older credential than the
newest that is known. What was read of the damaged store is newer than the copy, unless it is
known to be older, or is not what was once written. Of a row that is not as it was written (its
seal tells) the login is still good where its secrets are those that were noted beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rotator.core.logins.aliases import free_alias
from rotator.core.logins.row_seals import PASSING_COLUMNS, PASSING_SEAL, SEAL
from rotator.text import sanitize

Row = Mapping[str, Any]
# A provider and the digest of a secret of its.
Key = tuple[str, str]
_NONE: frozenset[Key] = frozenset()
_PASSING = PASSING_COLUMNS | {SEAL, PASSING_SEAL}


@dataclass(frozen=True)
class StoreContents:
    """What a copy, or what is left of a store, says, as far as it can be read.

    `accounts` are rows by id. `current` are the digests of an account's credential; an account
    whose entry cannot be understood has none. `digests` and `removed` are rows by their key.
    `whole` says that no row of `digests` is missing. `sealed` are the accounts that are as they
    were written; `spoilt` are rows that are not, as they can be read, and `traces` what else tells
    of accounts that cannot be read.
    """

    accounts: Mapping[str, Row] = field(default_factory=dict, repr=False)
    current: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    digests: Mapping[Key, Row] = field(default_factory=dict, repr=False)
    removed: Mapping[Key, Row] = field(default_factory=dict, repr=False)
    whole: bool = False
    sealed: frozenset[str] = frozenset()
    spoilt: tuple[Row, ...] = field(default=(), repr=False)
    traces: tuple[Row, ...] = field(default=(), repr=False)

    @cached_property
    def known(self) -> Mapping[str, frozenset[Key]]:
        """The digests of every generation, by account."""
        digests: dict[str, set[Key]] = {}
        for key, row in self.digests.items():
            digests.setdefault(row["account"], set()).add(key)
        return {account: frozenset(keys) for account, keys in digests.items()}


@dataclass(frozen=True)
class MergedStore:
    """The rows of the rebuilt store; `lost` names what is known to have been there."""

    accounts: tuple[Row, ...] = field(repr=False)
    digests: tuple[Row, ...] = field(repr=False)
    removed: tuple[Row, ...] = field(repr=False)
    lost: tuple[str, ...]


def merge_stores(copy: StoreContents, left: StoreContents, now: str) -> MergedStore:
    """Join a copy and what is left of the store that it was made of."""
    accounts: dict[str, Row] = {}
    digests: dict[Key, Row] = {}
    lost: list[str] = []
    changed: list[str] = []
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
        is_newer = source is copy and bool(left.known.get(account, _NONE) - known)
        if is_newer:
            lost.append(f"newer tokens of {name_of(row)}")
        elif account not in left.sealed:
            changed += _changed(source.accounts[account], row, copy, left)
    digests = {**_joined_digests(accounts, copy, left), **digests}
    if changed:
        lost.append(f"perhaps what was noted last of {', '.join(changed)}")
    removed = {k: row for k, row in {**copy.removed, **left.removed}.items() if k not in digests}
    return MergedStore(
        accounts=tuple(accounts.values()),
        digests=tuple(digests.values()),
        removed=tuple(removed.values()),
        lost=(*lost, *_unread(accounts, left), *_missing(accounts, left)),
    )


def name_of(row: Row) -> str:
    """Return the name under which a person knows an account."""
    return f"{sanitize(row['provider'])}/{sanitize(row['alias'])}"


def is_same(row: Row, other: Row) -> bool:
    """Tell whether two rows were written as the same, or are the same."""
    if row.get("seal") is not None and row.get("seal") == other.get("seal"):
        return True
    return all(row[name] == other.get(name) for name in row if name not in _PASSING)


def _changed(chosen: Row, row: Row, copy: StoreContents, left: StoreContents) -> Iterator[str]:
    """Name an account of which nobody can tell whether it is as it was last."""
    told = [trace for trace in (*left.spoilt, *left.traces) if _tells_of(trace, chosen)]
    is_copied = chosen is copy.accounts.get(row["id"])
    if told and not (is_copied and any(is_same(chosen, trace) for trace in told)):
        yield name_of(row)


def _tells_of(trace: Row, row: Row) -> bool:
    """Tell whether what could be read of an account is about this one."""
    if trace.get("id") == row["id"] or (trace.get("seal") or 0) == row.get("seal"):
        return True
    return (trace.get("provider"), trace.get("alias")) == (row["provider"], row["alias"])


def _has_name(trace: Row) -> bool:
    return all(isinstance(trace.get(part), str) for part in ("provider", "alias"))


def _unread(accounts: Mapping[str, Row], left: StoreContents) -> Iterator[str]:
    """Name the accounts of which no more is left than their names."""
    for trace in left.spoilt:
        if _has_name(trace) and not any(_tells_of(trace, row) for row in accounts.values()):
            yield name_of(trace)
    for trace in left.traces:
        # An index tells rightly who it is; another account may have had its name before.
        rows = [row for row in accounts.values() if _tells_of(trace, row)]
        if _has_name(trace) and not any(trace.get("id", row["id"]) == row["id"] for row in rows):
            yield name_of(trace)


def replaced_of(sources: Iterable[Iterable[Row]], accounts: Collection[Row]) -> list[Row]:
    """Return the tokens that were replaced without a proof, those of all sources, numbered anew.

    What is in use is not replaced, and of an account that is gone there is nothing.
    """
    in_use = {row["id"]: row["entry"] for row in accounts}
    tokens: dict[tuple[str, str], Row] = {}
    for row in (row for rows in sources for row in rows):
        if row["account"] in in_use and in_use[row["account"]] != row["entry"]:
            tokens[row["account"], row["entry"]] = row
    in_order = sorted(tokens.values(), key=lambda row: (row["at"], row["number"]))
    return [{**row, "number": number} for number, row in enumerate(in_order, start=1)]


def _is_copied(account: str, copy: StoreContents, left: StoreContents) -> bool:
    """Tell whether the copy's row is to be taken and not the one that is left."""
    if account not in copy.accounts or account not in left.accounts:
        return account in copy.accounts
    current = left.current.get(account)
    if current is None:
        return True
    known, is_sealed = left.known.get(account, _NONE), account in left.sealed
    if not is_sealed and left.whole and not current <= known:
        # Each credential is written together with its digests: this one has changed since.
        return True
    is_same_login = current == copy.current.get(account)
    if is_same_login:
        # A sound row goes before one whose secrets alone are sound.
        return any(row.get("id") == account for row in left.spoilt)
    return current <= copy.known.get(account, _NONE)


def _is_gone(account: str, copy: StoreContents, left: StoreContents) -> bool:
    """Tell whether an account of the copy was removed, or merged into another, since."""
    if account in left.accounts:
        return False
    keys = copy.current.get(account, _NONE)
    holders = {left.digests[key]["account"] for key in keys if key in left.digests}
    return any(key in left.removed for key in keys) or any(
        holder != account and holder in left.accounts for holder in holders
    )


def _digest_row(key: Key, account: str, sources: tuple[StoreContents, ...], now: str) -> Row:
    for source in sources:
        row = source.digests.get(key)
        if row is not None and row["account"] == account:
            return row
    return {"provider": key[0], "digest": key[1], "account": account, "seen_at": now}


def _joined_digests(
    accounts: Collection[str], copy: StoreContents, left: StoreContents
) -> Mapping[Key, Row]:
    """Return whose the secrets are of those accounts of the copy that were joined to others."""
    keys = _NONE.union(*copy.current.values()) & left.digests.keys()
    return {key: left.digests[key] for key in keys if left.digests[key]["account"] in accounts}


def _with_free_alias(row: Row, others: Collection[Row]) -> Row:
    provider, alias = row["provider"], row["alias"]
    taken = {other["alias"] for other in others if other["provider"] == provider}
    return {**row, "alias": free_alias(provider, alias, taken)} if alias in taken else row


def _missing(accounts: Collection[str], left: StoreContents) -> Iterator[str]:
    """Name the accounts of which nothing but digests is left."""
    named = {row.get("id") for row in (*left.spoilt, *left.traces) if _has_name(row)}
    gone = {a: keys for a, keys in left.known.items() if a not in accounts and a not in named}
    count = Counter(min(keys)[0] for keys in gone.values())
    for provider, number in sorted(count.items()):
        yield f"a login of {provider}" if number == 1 else f"{number} logins of {provider}"
