"""The rows of accounts: added, renewed, renamed, with their owner."""

from __future__ import annotations

import secrets
from datetime import datetime

from rotator.clock import to_iso
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.model import Account, AccountId, Credential, Identity
from rotator.storage.database_errors import store_errors
from rotator.storage.tables.account_states import AccountStates
from rotator.storage.tables.known_secrets import KnownSecrets
from rotator.storage.tables.live_file import LiveFile


class Accounts(KnownSecrets, AccountStates, LiveFile):
    """The accounts."""

    def aliases(self, provider: str) -> set[str]:
        """Return the provider's aliases that are taken, by rows that cannot be read as well."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT alias FROM account WHERE provider = ?", (provider,)
            ).fetchall()
        return {str(row[0]) for row in rows}

    def add_account(
        self, provider: str, alias: str, credential: Credential, who: Identity, now: datetime
    ) -> AccountId:
        """Save a new account and return its id."""
        account = AccountId(f"acc_{secrets.token_hex(8)}")
        self._write(
            "INSERT INTO account (id, provider, alias, entry, identity, identity_key, plan,"
            " shared_by, captured_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(account, provider, alias, credential.entry.reveal()),
            *(who.label, who.key, who.plan, who.group, to_iso(now)),
        )
        self._note_digests(provider, account, credential, now)
        return account

    def renew_credential(
        self, account: Account, credential: Credential, who: Identity, now: datetime
    ) -> None:
        """Put a newer credential into an account and keep the one before it.

        An auth.json that the account is live in is unseen from then on, until `set_live`: it
        holds older tokens, and whoever comes next mends it if we do not come to it.
        """
        self._write(
            "UPDATE account SET previous_entry = entry, entry = ?,"
            " identity = coalesce(?, identity), identity_key = coalesce(?, identity_key),"
            " plan = coalesce(?, plan), shared_by = coalesce(?, shared_by) WHERE id = ?",
            *(credential.entry.reveal(), who.label, who.key, who.plan, who.group, account.id),
        )
        self._note_digests(account.provider, account.id, credential, now)
        self.forget_live_of(account.id)
        # What was in doubt about the tokens before is none about these.
        self._write("DELETE FROM refresh WHERE account = ? AND answer IS NULL", account.id)
        if account.limit is not None and account.limit.reason == NOT_CONFIRMED:
            self.set_limit(account.id, None)

    def know_credential(self, account: Account, credential: Credential, now: datetime) -> None:
        """Keep a credential of the account's that is not its newest in place of an older one."""
        self._write(
            "UPDATE account SET previous_entry = ? WHERE id = ?",
            *(credential.entry.reveal(), account.id),
        )
        self._note_digests(account.provider, account.id, credential, now)

    def rename_account(self, account: Account, alias: str) -> None:
        """Give an account another alias."""
        self._write("UPDATE account SET alias = ? WHERE id = ?", alias, account.id)

    def set_owner(self, account: AccountId, who: Identity, *, unproven: bool) -> None:
        """Note who an account is, or (`unproven`) was before the tokens that are in use."""
        self._write(
            "UPDATE account SET unproven = ?, identity = ?, identity_key = ?, plan = ?,"
            " shared_by = ? WHERE id = ?",
            *(int(unproven), who.label, who.key, who.plan, who.group, account),
        )
