"""Accounts that go: removed, with every trace of their secrets, or made one with another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime

from rotator.clock import to_iso
from rotator.model import Account
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret, blanked, is_placeholder
from rotator.storage.tables.replaced_tokens import ReplacedTokens


class AccountRemoval(ReplacedTokens):
    """Removing and merging of accounts."""

    def remove_account(
        self, account: Account, now: datetime, *, spared: Iterable[Secret] = ()
    ) -> None:
        """Forget an account; digests of its secrets stay behind, so that no old copy revives it.

        Its secrets are blanked out wherever else they stand; those `spared` are another's.
        """
        self._blank(self._secrets_of(account).difference(spared))
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
        self._write("UPDATE standing SET account = NULL WHERE account = ?", account.id)
        self._write("DELETE FROM account WHERE id = ?", account.id)
        self._write("UPDATE slot SET swap_at = NULL WHERE ? IN (swap_left, swap_put)", account.id)

    def _secrets_of(self, account: Account) -> set[Secret]:
        entries = self._connection.execute(
            "SELECT entry, previous_entry FROM account WHERE id = ?"
            " UNION ALL SELECT answer, NULL FROM refresh WHERE account = ?"
            " UNION ALL SELECT entry, NULL FROM replaced WHERE account = ?",
            (account.id, account.id, account.id),
        )
        secrets = {account.credential.secret, account.credential.refresh}
        for entry in (Secret(text) for row in entries for text in row if text):
            with contextlib.suppress(BadEntry):
                credential = parse_entry(account.provider, entry)
                secrets |= {credential.secret, credential.refresh}
        # A word that stands in a secret's place is in the entries of others, too.
        return {secret for secret in secrets if secret and not is_placeholder(secret.reveal())}

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
        self._write("UPDATE standing SET account = ? WHERE account = ?", keep.id, other.id)
        self._write("DELETE FROM part_limit WHERE account = ?", other.id)
        self._write(
            "UPDATE replaced SET account = ?, loose = 1 WHERE account IN (?, ?)",
            *(keep.id, keep.id, other.id),
        )
        self.repoint_doubts(other.id, keep.id)
        self._write("DELETE FROM account WHERE id = ?", other.id)


def _bytes_of(entry: str) -> bytes:
    # Of a damaged row it may be no text.
    return entry.encode("utf-8", "surrogateescape")
