"""Logins whose refresh token a bridge saw exchanged for one that is not here.

Pure. A plug-in or another program keeps the new pair for itself then. Whoever sends the old token
once more, opencode with it in auth.json too, ends that one's login where its vendor watches for
reuse; so such a login is neither refreshed nor put in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rotator.core.logins.credential_secrets import refresh_digests
from rotator.model import Account, AccountId, Digest

# Whoever exchanged the live login's token writes what came for it into auth.json by then.
SAVED_WITHIN = timedelta(minutes=2)
# Of a login that nobody has in auth.json nothing is waited for.
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


def with_spent(
    accounts: Iterable[Account],
    live: Iterable[AccountId | None],
    exchanged: Mapping[Digest, datetime],
) -> tuple[Account, ...]:
    """Return the accounts, each with when its refresh token counts as spent.

    `exchanged` says of refresh tokens when a bridge saw them exchanged.
    """
    in_slots = frozenset(live)
    return tuple(_with_spent(account, account.id in in_slots, exchanged) for account in accounts)


def _with_spent(
    account: Account,
    is_live: bool,  # noqa: FBT001  # of one account
    exchanged: Mapping[Digest, datetime],
) -> Account:
    at = exchanged_at(refresh_digests(account.credential), exchanged)
    if at is None:
        return account
    return replace(account, spent_from=at + SAVED_WITHIN if is_live else _AT_ONCE)


def exchanged_at(
    digests: Iterable[Digest], exchanged: Mapping[Digest, datetime]
) -> datetime | None:
    """Return when a refresh token was exchanged first, by the ways in which it is spelt."""
    return min((exchanged[digest] for digest in digests if digest in exchanged), default=None)
