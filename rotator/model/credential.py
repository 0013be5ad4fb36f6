"""What a login is: its secrets, its owner, its tokens before.

A digest is the full SHA-256 of a secret in hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NewType

from rotator.secret import Secret, digest_of, unpadded

AccountId = NewType("AccountId", str)
Digest = NewType("Digest", str)
CredentialType = Literal["api", "oauth", "wellknown"]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """One entry of auth.json, as opencode means it.

    `entry` is its JSON text, exactly as it stood in the file. `secret` is what goes with a
    request: the key, the access token or the well-known token. `destination` is a digest of
    what binds a request to a place (type, enterpriseUrl, metadata that names one): only
    credentials of one destination may stand in for each other in a request that is already built.
    `expires_at` is when opencode gets new tokens; `ends_at` when a key ends that nobody renews.
    """

    type: CredentialType
    entry: Secret
    secret: Secret
    destination: Digest
    refresh: Secret | None = None
    expires_at: datetime | None = None
    ends_at: datetime | None = None
    account_id: str | None = None
    enterprise_url: str | None = None
    # Everything else that the entry says of itself (metadata and fields of other plug-ins).
    extra: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)

    @property
    def digest(self) -> Digest:
        """The digest of `secret`: how the bridge and the store name this credential."""
        return Digest(self.secret.digest())

    @property
    def bare_digest(self) -> Digest:
        """The digest of `secret` without what is around it: the same key elsewhere has it."""
        return Digest(digest_of(unpadded(self.secret.reveal())))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential is: `key` is compared, `label` is shown (an e-mail or a user name).

    `group` names what the vendor's limits are counted for, where that is more than the account:
    accounts of one group are limited together. `by_contract`: the vendor's documentation says that
    such a key is one person's, so it is not looked at for words that name nobody. `key_before` is
    the key that a module gave the same person in an older version, or else None.
    """

    key: str | None = None
    label: str | None = None
    plan: str | None = None
    group: str | None = None
    by_contract: bool = field(default=False, compare=False)
    key_before: str | None = field(default=None, compare=False)


NOBODY = Identity()


@dataclass(frozen=True, slots=True)
class Replaced:
    """Tokens whose place in their account was taken without a proof, and whose they are.

    They are kept until somebody knows whose those are that took it. `at` is when that was. With
    `loose` those are gone: two accounts were joined since.
    """

    number: int
    credential: Credential
    at: datetime
    who: Identity = NOBODY
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Descent:
    """What came out of one question for tokens, by digests; a bridge saw it pass.

    A login exchanged a code and `came_from` no other tokens; else those of `came_from` were
    exchanged. `to` are the secrets of the answer.
    """

    id: str
    at: datetime
    is_login: bool
    came_from: Digest | None
    to: tuple[Digest, ...] = ()

    @property
    def spent(self) -> Digest | None:
        """The refresh token that another one took the place of, if one did.

        An answer with an access token alone leaves it in force, and so does one that repeats it.
        """
        is_kept = len(set(self.to)) == 1 or self.came_from in self.to
        return None if is_kept else self.came_from
