"""Tokens of which nobody knows whose they are, and accounts that may be one login."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rotator.clock import to_iso
from rotator.core.logins.line_parting import TokenPair
from rotator.core.logins.token_lines import is_unproven, shown
from rotator.model import NOBODY, Account, AccountId, Credential, Doubt, Identity
from rotator.storage.tables.accounts import Accounts
from rotator.storage.tables.purges import Purges


class ReplacedTokens(Accounts, Purges):
    """Tokens that others took the place of, and doubts."""

    def replace_credential(
        self, account: Account, credential: Credential, now: datetime, before: Identity
    ) -> None:
        """Put another credential into an account without a proof that it is the account's.

        The one before is kept, with what is known of its owner.
        """
        self.keep_replaced(account.id, account.credential, before, now)
        self.renew_credential(account, credential, NOBODY, now)
        self._write("UPDATE account SET unproven = 1 WHERE id = ?", account.id)

    def keep_replaced(
        self,
        account: AccountId,
        credential: Credential,
        who: Identity,
        now: datetime,
        *,
        loose: bool = False,
    ) -> None:
        """Keep tokens of an account that others took the place of; `loose`: nobody knows which."""
        self._write(
            "INSERT INTO replaced (account, entry, at, identity, identity_key, plan, shared_by,"
            " loose) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, credential.entry.reveal(), to_iso(now)),
            *(who.label, who.key, who.plan, who.group, int(loose)),
        )

    def lay_out(self, account: Account, line: tuple[TokenPair, ...], now: datetime) -> None:
        """Let an account have these tokens, the last of them in use, and no others.

        They are of its own line; what left it is somebody's by then.
        """
        in_use, who = line[-1].credential, shown(line)
        if in_use.entry != account.credential.entry:
            self._write(
                "UPDATE account SET entry = ?, previous_entry = NULL WHERE id = ?",
                *(in_use.entry.reveal(), account.id),
            )
            self._note_digests(account.provider, account.id, in_use, now)
            self.forget_live_of(account.id)
        self.set_owner(account.id, who, unproven=is_unproven(line))
        kept = {tokens.number: tokens.who for tokens in line[:-1]}
        for number in [row[0] for row in self._numbers_of(account.id)]:
            if number not in kept:
                self._write("DELETE FROM replaced WHERE number = ?", number)
                self.note_purge()
        for number, known in kept.items():
            self._write(
                "UPDATE replaced SET account = ?, identity = ?, identity_key = ?, plan = ?,"
                " shared_by = ? WHERE number = ?",
                *(account.id, known.label, known.key, known.plan, known.group, number),
            )

    def _numbers_of(self, account: AccountId) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "SELECT number FROM replaced WHERE account = ?", (account,)
        ).fetchall()
        return rows

    def move_replaced(self, numbers: Iterable[int | None], to: AccountId) -> None:
        """Let replaced tokens be another account's."""
        for number in numbers:
            self._write("UPDATE replaced SET account = ? WHERE number = ?", to, number)

    def name_replaced(self, number: int, who: Identity) -> None:
        """Note whose replaced tokens are."""
        self._write(
            "UPDATE replaced SET identity = ?, identity_key = ?, plan = ?, shared_by = ?"
            " WHERE number = ?",
            *(who.label, who.key, who.plan, who.group, number),
        )

    def follow(self, account: Account, to: AccountId, credential: Credential) -> None:
        """Let what is noted of an account's tokens in use go with them to another account."""
        refresh = credential.refresh
        self._write(
            "UPDATE refresh SET account = ? WHERE account = ? AND spent = ?",
            *(to, account.id, refresh.digest() if refresh else ""),
        )
        self._write("UPDATE slot SET swap_at = NULL WHERE ? IN (swap_left, swap_put)", account.id)

    def date_back(self, account: AccountId, at: datetime) -> None:
        """Let an account's replaced tokens count as replaced at `at` where that was later."""
        self._write(
            "UPDATE replaced SET at = ? WHERE account = ? AND at > ?",
            *(to_iso(at), account, to_iso(at)),
        )

    def set_doubts(self, account: AccountId, doubts: Iterable[Doubt]) -> None:
        """Note which newer accounts an account may be the same login as, if any."""
        told = (
            " ".join(f"{doubt.newer}:{doubt.came_as}:{doubt.of}" for doubt in dict.fromkeys(doubts))
            or None
        )
        self._write("UPDATE account SET maybe = ? WHERE id = ?", told, account)

    def repoint_doubts(self, account: AccountId, to: AccountId) -> None:
        """Let whoever may be the same login as an account may be another one's instead."""
        for owner in self.state().accounts:
            after = [replace(d, newer=to) if d.newer == account else d for d in owner.doubts]
            if owner.id != to and tuple(after) != owner.doubts:
                self.set_doubts(owner.id, after)
