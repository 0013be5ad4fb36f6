"""When opencode reads a login: for each request anew, or once when it begins."""

from __future__ import annotations

from rotator.model import Account

# Its loaders of these hand the token of the start on, whatever the entry's type (1.18.33).
_ONCE = frozenset({"gitlab", "poe"})


def is_read_once(account: Account) -> bool:
    """Tell whether an opencode without the bridge goes on with what it began with."""
    return account.credential.type != "oauth" or account.provider in _ONCE
