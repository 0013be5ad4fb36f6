"""Whose a secret is or once was, by digests; those of removed accounts, too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rotator.clock import to_iso
from rotator.core.logins.credential_secrets import secrets_of
from rotator.model import Account, AccountId, Credential, Digest
from rotator.storage.rows import LONG_AGO, time_or
from rotator.storage.tables.open_store import OpenStore

# Two of a generation: a login that is refreshed every hour is remembered for thirty days.
DIGESTS_KEPT = 1440


class KnownSecrets(OpenStore):
    """Digests of secrets, each with the account that it is of."""

    def holder(self, provider: str, digest: Digest) -> AccountId | None:
        """Return whose secret that is or once was, however long ago, or None."""
        row = self._one(
            "SELECT account FROM digest WHERE provider = ? AND digest = ?", provider, digest
        )
        return AccountId(row[0]) if row else None

    def seen_at(self, provider: str, digest: Digest) -> datetime | None:
        """Return when a secret was saved with an account for the last time, or None."""
        row = self._one(
            "SELECT seen_at FROM digest WHERE provider = ? AND digest = ?", provider, digest
        )
        return time_or(LONG_AGO, row[0]) if row else None

    def was_removed(self, provider: str, digest: Digest) -> bool:
        """Tell whether it is a secret of an account that was removed, however long ago."""
        question = "SELECT 1 FROM removed WHERE provider = ? AND digest = ?"
        return self._one(question, provider, digest) is not None

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

    def part_digests(
        self, account: Account, to: AccountId | None, *, before: datetime, but: Iterable[Digest]
    ) -> None:
        """Let the secrets that an account had before then be another one's, but for some.

        None: they are nobody's any more.
        """
        keep = set(but)
        rows = self._connection.execute(
            "SELECT digest FROM digest WHERE account = ? AND seen_at < ?",
            (account.id, to_iso(before)),
        ).fetchall()
        for (digest,) in rows:
            if digest in keep:
                continue
            if to is not None:
                self.give_digests(account.provider, [digest], to)
            else:
                self.forget_digest(account.provider, digest)

    def forget_digest(self, provider: str, digest: Digest) -> None:
        """Let a secret be one that nobody has seen."""
        self._write("DELETE FROM digest WHERE provider = ? AND digest = ?", provider, digest)

    def give_digests(self, provider: str, digests: Iterable[Digest], to: AccountId) -> None:
        """Let these secrets be an account's, whoever had them before."""
        for digest in digests:
            self._write(
                "UPDATE digest SET account = ? WHERE provider = ? AND digest = ?",
                *(to, provider, digest),
            )
