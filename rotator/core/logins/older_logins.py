"""Finds which older accounts may be a newer one's person without looking at each of them.

Pure. Hundreds of logins are told apart by one thing that each of them says: who says the same, or
nothing, is looked at, and nobody else. What is left out would be left out by a look, too
(`rotator.core.logins.ownership.names_another`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rotator.core.logins.aliases import is_given
from rotator.core.logins.claims import claims_of, deciding
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.ownership import fields_of
from rotator.core.logins.token_lines import owner_key
from rotator.model import Account

# Plug-ins may make up any number of names.
_MOST_NAMES = 32
Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An account and what is told of its owner.

    `key` is that of the owner, `keys` are all by which they are known. `says` is all that the
    login says, `decides` that of which another value is another person's. `number` is its place.
    """

    number: int
    account: Account
    key: str | None
    keys: frozenset[str]
    is_given: bool
    says: Mapping[Name, str]
    decides: Mapping[Name, str]


def told_of(number: int, account: Account, known: Knowledge) -> Told:
    """Return what is told of an account's owner."""
    named = owner_key(account)
    own = known.identify(account.provider, account.credential).key
    claims, fields = claims_of(account.credential), fields_of(account.credential)
    return Told(
        number,
        account,
        named or own,
        frozenset(key for key in (own, named) if key is not None),
        is_given(account.alias, account.provider, account.identity),
        {**claims, **fields},
        {**deciding(claims), **fields},
    )


@dataclass
class _Sayings:
    """Accounts by what they say, each list in their order."""

    members: list[Told] = field(default_factory=list)
    by_name: dict[Name, tuple[dict[str, list[Told]], list[Told]]] = field(default_factory=dict)

    def add(self, login: Told) -> None:
        """Add an account that is newer than all others."""
        for name in login.says:
            if name not in self.by_name and len(self.by_name) < _MOST_NAMES:
                self.by_name[name] = ({}, list(self.members))
        for name, (by_value, silent) in self.by_name.items():
            value = login.says.get(name)
            (silent if value is None else by_value.setdefault(value, [])).append(login)
        self.members.append(login)

    def like(self, newer: Told) -> Iterator[Told]:
        """Yield those that say nothing else than a newer one, the newest first."""
        lists = [
            [self.by_name[name][0].get(value, []), self.by_name[name][1]]
            for name, value in newer.decides.items()
            if name in self.by_name
        ]
        fewest = min(lists, key=lambda members: sum(map(len, members)), default=[self.members])
        for older in _newest_first(*map(reversed, fewest)):
            if all(older.says.get(name, value) == value for name, value in newer.decides.items()):
                yield older


@dataclass
class _Side:
    """The accounts to which a person has given a name, or the others."""

    keyless: _Sayings = field(default_factory=_Sayings)
    keyed: _Sayings = field(default_factory=_Sayings)
    by_key: dict[str, list[Told]] = field(default_factory=dict)

    def add(self, login: Told) -> None:
        (self.keyed if login.keys else self.keyless).add(login)
        for key in login.keys:
            self.by_key.setdefault(key, []).append(login)

    def like(self, newer: Told) -> Iterator[Told]:
        # Where both have a key nothing else counts.
        keyed = (
            self.keyed.like(newer)
            if newer.key is None
            else reversed(self.by_key.get(newer.key, []))
        )
        return _newest_first(self.keyless.like(newer), keyed)


class OlderLogins:
    """The accounts of one provider and place, as far as they are looked at."""

    def __init__(self) -> None:
        self._given = _Side()
        self._others = _Side()

    def add(self, login: Told) -> None:
        """Add an account that is newer than all others."""
        (self._given if login.is_given else self._others).add(login)

    def like(self, newer: Told) -> Iterator[Account]:
        """Yield those that may be a newer one's person, the newest first."""
        sides = (self._others,) if newer.is_given else (self._given, self._others)
        for older in _newest_first(*(side.like(newer) for side in sides)):
            yield older.account


def _newest_first(*orders: Iterator[Told]) -> Iterator[Told]:
    return heapq.merge(*orders, key=lambda login: login.number, reverse=True)
