"""How an account stands: disabled, rejected, limited, and whether it may be refreshed."""

from __future__ import annotations

from datetime import timedelta

from rotator.clock import to_iso
from rotator.model import AccountId, Limit
from rotator.storage.rows import limit_values
from rotator.storage.tables.open_store import OpenStore

# Limits on some models that ended this long ago say nothing any more.
_PART_LIMIT_KEPT = timedelta(days=1)


class AccountStates(OpenStore):
    """The states of accounts."""

    def allow_refresh(self, account: AccountId, *, allowed: bool) -> None:
        """Note whether the user lets us refresh the account's tokens."""
        self._write("UPDATE account SET refresh_allowed = ? WHERE id = ?", int(allowed), account)

    def set_disabled(self, account: AccountId, reason: str | None) -> None:
        """Disable an account for `reason`, or (None) enable it."""
        self._write("UPDATE account SET disabled = ? WHERE id = ?", reason, account)

    def set_rejected(self, account: AccountId, reason: str | None) -> None:
        """Note that the vendor refuses the login itself, or (None) that it is good again."""
        self._write("UPDATE account SET rejected = ? WHERE id = ?", reason, account)

    def set_limit(self, account: AccountId, limit: Limit | None) -> None:
        """Note until when an account rests, wholly or for some models, or (None) that it is free.

        What it has of limits on models stays as it is unless that is one on the same.
        """
        if limit is not None and limit.model is not None:
            self._set_part_limit(account, limit, limit.model)
            return
        self._write(
            "UPDATE account SET limit_state = ?, limit_until = ?, limit_reason = ?,"
            " limit_strikes = ?, limit_since = ?, limit_stated = ?, limit_own = ?,"
            " limit_uncounted = ?, limit_asked = ? WHERE id = ?",
            *(limit_values(limit) if limit else (None, None, None, 1, None, 0, 0, None)),
            limit.asked if limit else None,
            account,
        )

    def _set_part_limit(self, account: AccountId, limit: Limit, model: str) -> None:
        if limit.since is not None:
            # In this one form times are in order as texts.
            long_ago = to_iso(limit.since - _PART_LIMIT_KEPT)
            self._write("DELETE FROM part_limit WHERE until < ?", long_ago)
        self._write(
            "INSERT OR REPLACE INTO part_limit (account, model, state, until, reason, strikes,"
            " since, stated, own, uncounted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, model, *limit_values(limit)),
        )

    def move_limit(self, account: AccountId, to: AccountId, limit: Limit) -> None:
        """Let one of an account's limits be another one's."""
        self.set_limit(to, limit)
        if limit.model is None:
            self.set_limit(account, None)
        else:
            forget = "DELETE FROM part_limit WHERE account = ? AND model = ?"
            self._write(forget, account, limit.model)
