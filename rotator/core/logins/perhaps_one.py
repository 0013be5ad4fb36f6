"""Which accounts may be one person's, as far as anybody knows: told, and never acted upon.

Pure. Somebody who logs in again while their vendor cannot be asked has two accounts, which are
joined once it says so. Both may be used until then, so nothing but this says what they may be.
"""

from __future__ import annotations

from itertools import islice

from rotator.core.logins.aliases import is_given
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.older_logins import OlderLogins, told_of
from rotator.core.logins.ownership import names_another
from rotator.core.logins.token_lines import JOINED_TYPES, owner_key
from rotator.model import Account, AccountId, Identity

_MOST_NAMED = 3


def perhaps_one(known: Knowledge) -> dict[AccountId, tuple[Account, ...]]:
    """Return of each account that may be an older one's person which those are."""
    before: dict[tuple[str, str], OlderLogins] = {}
    told: dict[AccountId, tuple[Account, ...]] = {}
    in_order = sorted(known.state.accounts, key=lambda login: (login.captured_at, login.id))
    for number, account in enumerate(in_order):
        if account.credential.type in JOINED_TYPES:
            place = (account.provider, account.credential.destination)
            older = before.setdefault(place, OlderLogins())
            newer = told_of(number, account, known)
            # More would not fit into a line.
            may_be = (other for other in older.like(newer) if may_be_one(other, account, known))
            same = tuple(islice(may_be, _MOST_NAMED))
            if same:
                told[account.id] = same
            older.add(newer)
    return told


def perhaps_words(known: Knowledge) -> dict[AccountId, str]:
    """Return the same as sentences."""
    return {account: _words(known, account, same) for account, same in perhaps_one(known).items()}


def may_be_one(older: Account, newer: Account, known: Knowledge) -> bool:
    """Tell whether nothing says of two accounts whether they are one person's.

    What is in doubt says so itself, and whoever has named both tells them apart.
    """
    if None not in {owner_key(older), owner_key(newer)}:
        return False
    is_said = {older.maybe, newer.maybe} & {older.id, newer.id}
    if is_said or all(is_given(a.alias, a.provider, a.identity) for a in (older, newer)):
        return False
    who = Identity(owner_key(newer) or known.identify(newer.provider, newer.credential).key)
    return not names_another(older, newer.credential, who, known)


def _words(known: Knowledge, account_id: AccountId, same: tuple[Account, ...]) -> str:
    account = known.state.account(account_id)
    own = account.name if account else ""
    names = " or ".join(other.alias for other in same)
    return (
        f"it may be the same person's as {names}: rotator accounts merge {same[0].name} {own} if"
        " so, rotator accounts rename gives both a name if not"
    )
