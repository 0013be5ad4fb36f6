"""Refreshes that were begun and are not settled."""

from __future__ import annotations

from rotator.clock import to_iso
from rotator.model import AccountId, PendingRefresh
from rotator.secret import Secret
from rotator.storage.tables.open_store import OpenStore


class PendingRefreshes(OpenStore):
    """Refreshes under way, at most one of an account."""

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
