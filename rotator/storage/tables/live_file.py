"""The auth.json that was last seen whole, and the logins that have to go into it still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rotator.clock import to_iso
from rotator.core.logins import unproven_logins
from rotator.core.logins.late_logins import LateLogin, as_text, from_text
from rotator.core.logins.unproven_logins import UnprovenLogin
from rotator.model import AccountId, Digest
from rotator.secret import digest_of
from rotator.storage.account_copy import LATE, UNPROVEN
from rotator.storage.tables.open_store import OpenStore
from rotator.text import text_of


class LiveFile(OpenStore):
    """What is known of auth.json."""

    def live_digest(self) -> Digest | None:
        """Return the digest of the auth.json that was last seen whole, or None."""
        row = self._one("SELECT digest FROM live WHERE number = 1")
        return Digest(row[0]) if row and row[0] else None

    def live_content(self) -> bytes | None:
        """Return the bytes of the auth.json that was last seen whole, or None."""
        row = self._sealed("live", 1)
        return None if row is None or row["content"] is None else bytes(row["content"])

    def late_logins(self) -> tuple[LateLogin, ...]:
        """Return the logins that have to go into auth.json still, in the order of their writing."""
        row = self._one("SELECT value FROM setting WHERE name = ?", LATE)
        return from_text(row[0]) if row else ()

    def set_live(self, content: bytes | None, now: datetime) -> None:
        """Remember the auth.json that was last seen whole (None: there is none)."""
        digest = None if content is None else digest_of(text_of(content))
        self._write(
            "INSERT INTO live (number, content, digest, seen_at) VALUES (1, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET content = excluded.content, digest = excluded.digest,"
            " seen_at = excluded.seen_at",
            *(content, digest, to_iso(now)),
        )

    def forget_live_digest(self) -> None:
        """Take auth.json for unseen, whatever it holds, until `set_live`."""
        self._write("UPDATE live SET digest = NULL")

    def forget_live_of(self, account: AccountId) -> None:
        """Take auth.json for unseen if the account is live: it may hold older tokens."""
        live = "EXISTS (SELECT 1 FROM slot WHERE active = ?)"
        self._write(f"UPDATE live SET digest = NULL WHERE {live}", account)  # noqa: S608  # ours

    def set_late_logins(self, logins: Sequence[LateLogin]) -> None:
        """Keep the logins that have to go into auth.json still, instead of those kept before."""
        if logins:
            self._set(LATE, as_text(logins))
        else:
            self._write("DELETE FROM setting WHERE name = ?", LATE)

    def unproven_logins(self) -> tuple[UnprovenLogin, ...]:
        """Return what was taken for a login a moment ago, and may prove to be none."""
        row = self._one("SELECT value FROM setting WHERE name = ?", UNPROVEN)
        return unproven_logins.from_text(row[0]) if row else ()

    def set_unproven_logins(self, logins: Sequence[UnprovenLogin]) -> None:
        """Keep these instead of those kept before."""
        if logins:
            self._set(UNPROVEN, unproven_logins.as_text(logins))
        else:
            self._write("DELETE FROM setting WHERE name = ?", UNPROVEN)
