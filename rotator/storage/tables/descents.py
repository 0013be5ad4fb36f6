"""What bridges saw of tokens: which were exchanged for which, and which came from a login."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rotator.clock import A_MOMENT, to_iso
from rotator.model import Descent, Digest
from rotator.storage.rows import LONG_AGO, time_or
from rotator.storage.tables.open_store import OpenStore

# What bridges saw of tokens that no account has or had: longer than any of them lives, and no
# more than a few years' worth.
DESCENTS_KEPT = 5000
# With those of accounts, which are kept as long as the account is: one that is refreshed by
# others again and again fills no disk.
MOST_DESCENTS = 4 * DESCENTS_KEPT
_DESCENTS_KEPT_FOR = timedelta(days=90)

# Tokens that an account has, had, or had when it was removed.
_OF_ACCOUNTS = "SELECT digest FROM digest UNION ALL SELECT digest FROM removed"
# What it came from is asked when it comes, and what came for it when that comes at last.
_ABOUT_ACCOUNTS = (
    f"(digest IN ({_OF_ACCOUNTS}) OR coalesce(came_from, '') IN"  # noqa: S608  # ours
    f" (SELECT digest FROM exchange WHERE digest IN ({_OF_ACCOUNTS})))"
)


class Descents(OpenStore):
    """Where tokens came from."""

    def descent(self, digest: Digest) -> Descent | None:
        """Return what a bridge saw of where a secret came from, or None."""
        row = self._one(
            "SELECT answer, at, is_login, came_from FROM descent WHERE digest = ?", digest
        )
        if row is None:
            return None
        answer, at, is_login, came_from = row
        return Descent(answer, time_or(LONG_AGO, at), bool(is_login), came_from)

    def was_exchanged(self, digest: Digest) -> bool:
        """Tell whether a bridge saw that a refresh token was exchanged for another one."""
        return self._one("SELECT 1 FROM exchange WHERE digest = ?", digest) is not None

    def knows_descent(self, descent: Descent) -> bool:
        """Tell whether all that a bridge told of an answer has been noted."""
        is_spent_noted = descent.spent is None or self.was_exchanged(descent.spent)
        return is_spent_noted and all(self.descent(digest) is not None for digest in descent.to)

    def note_descents(self, descents: Iterable[Descent], now: datetime) -> None:
        """Keep what bridges saw of tokens; what is old, or too much, is forgotten.

        What is about tokens of accounts is kept as long as these are.
        """
        for descent in descents:
            for digest in descent.to:
                self._write(
                    "INSERT INTO descent VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    *(
                        digest,
                        descent.came_from,
                        int(descent.is_login),
                        descent.id,
                        to_iso(descent.at),
                    ),
                )
            if descent.spent is not None:
                self._write(
                    "INSERT INTO exchange VALUES (?, ?) ON CONFLICT DO NOTHING",
                    *(descent.spent, to_iso(descent.at)),
                )
        self._forget("descent", f"NOT {_ABOUT_ACCOUNTS}", now)
        self._forget("exchange", f"digest NOT IN ({_OF_ACCOUNTS})", now)

    def exchanges_ahead(self, now: datetime) -> bool:
        """Tell whether a bridge noted an exchange in what is now the future."""
        return self._one("SELECT 1 FROM exchange WHERE at > ? LIMIT 1", _latest(now)) is not None

    def begin_exchanges_anew(self, now: datetime) -> None:
        """Let exchanges that were noted in what is now the future have happened now."""
        self._write("UPDATE exchange SET at = ? WHERE at > ?", to_iso(now), _latest(now))

    def _forget(self, table: str, which: str, now: datetime) -> None:
        self._write(
            f"DELETE FROM {table} WHERE at < ? AND {which}",  # noqa: S608  # ours
            to_iso(now - _DESCENTS_KEPT_FOR),
        )
        newest = f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT ?"  # noqa: S608  # ours
        self._write(
            f"DELETE FROM {table} WHERE rowid NOT IN ({newest}) AND {which}",  # noqa: S608  # ours
            DESCENTS_KEPT,
        )
        self._write(
            f"DELETE FROM {table} WHERE rowid NOT IN ({newest})",  # noqa: S608  # ours
            MOST_DESCENTS,
        )


def _latest(now: datetime) -> str:
    """Return the latest time that is not ahead, as `rotator.clock.is_ahead` has it."""
    return to_iso(now + A_MOMENT)
