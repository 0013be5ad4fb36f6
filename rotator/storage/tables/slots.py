"""Who is in the slot of a provider, who was, and how our last swap there went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from rotator.clock import from_iso, to_iso
from rotator.model import AccountId, SwapMark
from rotator.storage.tables.open_store import OpenStore

TENURES_KEPT = 20
_UNWATCHED = "unwatched"
_UNWATCHED_KEPT = 20


@dataclass(frozen=True, slots=True)
class UnwatchedTime:
    """When somebody may have changed auth.json, and nobody of ours has seen it.

    The entries of the providers that are `unchanged` were the same before and afterwards.
    """

    since: datetime
    until: datetime
    unchanged: tuple[str, ...] = ()


class Slots(OpenStore):
    """The slots of the providers."""

    def active_alias(self, provider: str) -> str | None:
        """Return who is in the provider's slot, also within a transaction that has changed much."""
        row = self._one(
            "SELECT alias FROM slot JOIN account ON account.id = slot.active"
            " WHERE slot.provider = ?",
            provider,
        )
        return None if row is None else str(row[0])

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

    def backdate_tenure(self, provider: str, since: datetime) -> None:
        """Let whoever came into the slot last have come then, unless that was before the last one.

        Nobody watched, and it is seen later than it was.
        """
        self._write(
            "UPDATE tenure SET since = ?1 WHERE since > ?1"
            " AND number = (SELECT max(number) FROM tenure WHERE provider = ?2)"
            " AND NOT EXISTS (SELECT 1 FROM tenure AS older WHERE older.provider = ?2"
            " AND older.number < tenure.number AND older.since >= ?1)",
            *(to_iso(since), provider),
        )

    def note_unwatched(self, time: UnwatchedTime) -> None:
        """Remember a time in which nobody saw what became of auth.json."""
        kept = [*self.unwatched(), time][-_UNWATCHED_KEPT:]
        told = [[to_iso(t.since), to_iso(t.until), *t.unchanged] for t in kept]
        self._set(_UNWATCHED, json.dumps(told))

    def unwatched(self) -> tuple[UnwatchedTime, ...]:
        """Return those times, oldest first."""
        row = self._one("SELECT value FROM setting WHERE name = ?", _UNWATCHED)
        told = json.loads(row[0]) if row else ()
        return tuple(
            UnwatchedTime(from_iso(since), from_iso(until), tuple(unchanged))
            for since, until, *unchanged in told
        )

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
