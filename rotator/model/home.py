"""Where logins stand: opencode's homes, and what was last seen in one.

opencode 1 has one login for a provider, in auth.json; OpenCode 2 has several, in its database,
and says which of them is active.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rotator.model.credential import AccountId, Digest


class HomeName(StrEnum):
    """The homes, as people and programs read their names."""

    AUTH_FILE = "auth.json"
    DATABASE = "opencode.db"

    @property
    def has_one_place(self) -> bool:
        """Whether a provider has a single place there: what stands in it is active, and no other.

        Of a home with several it is noted where what stands (`Standing`).
        """
        return self is HomeName.AUTH_FILE

    @property
    def follows_switches(self) -> bool:
        """Whether its opencode makes anew what its requests need when another login is active.

        Else a request that failed goes on with a login for the same place alone, and tokens that
        have run out are not resolved for it.
        """
        return self is HomeName.DATABASE

    @property
    def tells_of_turns(self) -> bool:
        """Whether its bridge says which turns are under way, so that a swap can wait for them."""
        return self is HomeName.AUTH_FILE


@dataclass(frozen=True, slots=True)
class Standing:
    """A login in a home that has several for a provider, as it was last seen there.

    `slot` is the home's own name for the place and says nothing of whose it is. `digest` is that
    of what stands there; `left_at` is when it was active for the last time, if it is not now.
    """

    home: HomeName
    slot: str
    provider: str
    account: AccountId | None
    label: str
    active: bool
    digest: Digest
    left_at: datetime | None = None
