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
