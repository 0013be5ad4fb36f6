"""A vendor whose tokens name nobody: they refresh once, and used again they end their login."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from rotator.model import Credential, Identity
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, RefreshCall, Tokens
from rotator.secret import Secret
from tests.support.live import Entry, HandClock, oauth_until

SLOT = "opaque"
LIFETIME = timedelta(hours=1)
OK = 200


@dataclass(frozen=True)
class Minted:
    """Tokens that the vendor gave: to whom, in which login, and how many refreshes after it."""

    person: str
    login: int
    generation: int


class Vendor:
    """Refresh tokens work once; one that comes again ends every token of its login."""

    ids = (SLOT,)
    rotates_tokens = True

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.minted: dict[str, Minted] = {}
        self.newest: dict[int, Minted] = {}
        self.revoked: set[int] = set()

    def log_in(self, person: str) -> Entry:
        """Return the tokens of a new login."""
        return self._mint(Minted(person, len(self.newest) + 1, 1))

    def refresh(self, entry: Entry) -> Entry | None:
        """Return new tokens for these, or None: they were spent, and the login ends."""
        before = self.minted[entry["access"]]
        if not self.is_alive(before):
            self.revoked.add(before.login)
            return None
        return self._mint(Minted(before.person, before.login, before.generation + 1))

    def is_alive(self, one: Minted) -> bool:
        """Tell whether these tokens work."""
        return self.newest[one.login] == one and one.login not in self.revoked

    def of(self, credential: Credential) -> Minted:
        """Return whose tokens these are."""
        return self.minted[credential.secret.reveal()]

    def _mint(self, one: Minted) -> Entry:
        entry = oauth_until(f"{one.login}", len(self.minted) + 1, self._clock.now + LIFETIME)
        self.minted[entry["access"]] = self.newest[one.login] = one
        return entry

    # -- as our program knows it -------------------------------------------------------------------

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: the tokens are opaque."""
        return Identity()

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the question for new tokens."""
        body = Secret(credential.entry.reveal())
        request = HttpRequest("POST", "https://auth.opaque.example/token", body=body)
        return RefreshCall(request, client="opaque-client")

    def read_refresh(self, _: Credential, answer: HttpAnswer, __: object) -> Tokens | DeadLogin:
        """Return what the vendor gave."""
        if answer.status != OK:
            return DeadLogin("its refresh token was used before")
        given = json.loads(answer.body.reveal())
        expires_at = self._clock.now + LIFETIME
        return Tokens(Secret(given["access"]), expires_at, Secret(given["refresh"]))
