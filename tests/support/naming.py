"""A made-up vendor that says whose a login is, which its logins do not say themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.errors import RateLimited, UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest, IdentityReading
from rotator.secret import Secret
from tests.support.renewing import says

NAMING = "naming"


@dataclass(frozen=True)
class Naming:
    """Replaces both tokens at a refresh; a token that ends in `mute` cannot be asked about."""

    ids: tuple[str, ...] = (NAMING,)
    rotates_tokens: bool = True
    asks_only_in_doubt: bool = False
    usage_pause_seconds: float = 0

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nobody."""
        return Identity()

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return why a mute token cannot be asked about."""
        return "a mute token is nobody's" if credential.secret.reveal().endswith("mute") else None

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Ask, and read what the vendor below says."""
        headers = {"authorization": Secret(f"Bearer {credential.secret.reveal()}")}
        answer = yield HttpRequest("GET", "https://vendor.example/me", headers)
        if answer.status == 429:
            raise RateLimited("asked too often", retry_at=now + timedelta(hours=2))
        if answer.status != 200:
            raise UnexpectedAnswer(f"status {answer.status}")
        who = json.loads(answer.body.reveal())["who"]
        return Identity(key=f"user/{who}", label=f"{who}@acme.example")


@dataclass
class Namer:
    """Answers whose a token is by the name in it: `ACC-CANARY-ada-2` is ada's."""

    asked: list[str] = field(default_factory=list)
    # What is answered instead, by token.
    instead: dict[str, Callable[[], HttpAnswer]] = field(default_factory=dict)

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        header = request.headers["authorization"]
        assert isinstance(header, Secret)
        token = header.reveal().removeprefix("Bearer ")
        self.asked.append(token)
        if token in self.instead:
            return self.instead[token]()
        return says(200, who=token.split("-")[2])

    def registry(self, module: Naming | None = None) -> Registry:
        """Return the registry that has the vendor's module and asks this vendor."""
        return Registry({NAMING: module or Naming()}, send=self)
