"""Logins that nobody has proven, and what the slot was before them, as the store keeps them.

A bridge may tell a little late that one was the end of a refresh. No secret is in here: the tokens
are known by a digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.clock import from_iso, is_within, to_iso
from rotator.core.logins.ancestry import ancestry_of, comes_from
from rotator.core.logins.knowledge import Knowledge
from rotator.model import Account, AccountId, Digest

# A bridge tells before it hands the tokens on, which waits for it a second at most.
TOLD_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class UnprovenLogin:
    """Tokens that were taken for a login at `at`, and what was before.

    `before` was in the slot; None: nobody, by somebody's wish. `disabled` says why accounts of
    the provider were disabled.
    """

    provider: str
    digest: Digest
    at: datetime
    before: AccountId | None
    disabled: Mapping[AccountId, str]


def disproven(login: UnprovenLogin, known: Knowledge) -> Account | None:
    """Return whose refresh it was that was taken for a login, if the slot is still as it left it.

    None also where that is not known, and where nothing has to be put right.
    """
    slot, account = known.state.slot(login.provider), known.state.active(login.provider)
    if account is None or account.id == login.before or not is_open(login, known):
        return None
    is_it = known.holder(login.provider, login.digest) == account.id
    is_as_left = (
        slot.swap is None and slot.tenures[-1:] != () and slot.tenures[-1].since == login.at
    )
    before = known.state.account(login.before)
    is_there = before is not None if login.before is not None else True
    is_good = before is None or before.spent_from is None
    if not (is_it and is_as_left and is_there and is_good):
        return None
    came_from = ancestry_of(account.credential, known)
    # What came long before was copied there by somebody.
    is_copied = came_from.at is not None and not is_within(TOLD_WITHIN, came_from.at, login.at)
    return account if comes_from(account, came_from, known) and not is_copied else None


def is_open(login: UnprovenLogin, known: Knowledge) -> bool:
    """Tell whether a bridge may still tell what it was."""
    return is_within(TOLD_WITHIN, login.at, known.now)


def as_text(logins: Iterable[UnprovenLogin]) -> str:
    """Return logins as the text that `from_text` reads."""
    return json.dumps(
        [
            {
                "provider": login.provider,
                "digest": login.digest,
                "at": to_iso(login.at),
                "before": login.before,
                "disabled": dict(login.disabled),
            }
            for login in logins
        ]
    )


def from_text(text: str) -> tuple[UnprovenLogin, ...]:
    """Return the logins that a text of `as_text` holds; what is none is left out."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    logins = (_login(value) for value in values) if isinstance(values, list) else ()
    return tuple(login for login in logins if login is not None)


def _login(value: object) -> UnprovenLogin | None:
    match value:
        case {
            "provider": str(provider),
            "digest": str(digest),
            "at": str(at),
            "before": str() | None as before,
            "disabled": dict(disabled),
        }:
            try:
                since = from_iso(at)
            except ValueError:
                return None
            why = {AccountId(key): str(reason) for key, reason in disabled.items()}
            whom = None if before is None else AccountId(before)
            return UnprovenLogin(provider, Digest(digest), since, whom, why)
        case _:
            return None
