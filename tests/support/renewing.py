"""A made-up vendor whose parked logins we refresh: the provider's module, and who answers it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.errors import ProviderUnavailable, UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.plugins.registry import Registry
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, RefreshCall, Tokens
from rotator.secret import Secret
from tests.support.live import Named

RENEWING = "renewing"
TERMS = "the vendor's terms forbid it"


@dataclass(frozen=True)
class Renewing:
    """Names people as `Named` does, and refreshes with one client for all."""

    consent: str | None = None
    not_before: datetime | None = None
    ids: tuple[str, ...] = (RENEWING,)
    rotates_tokens: bool = True

    def identify(self, credential: Credential) -> Identity:
        """Return the owner of a login."""
        return Named().identify(credential)

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request that sends the refresh token."""
        if credential.refresh is None:
            return "a key is not refreshed"
        request = HttpRequest("POST", "https://vendor.example/token", body=credential.refresh)
        return RefreshCall(request, "client-1", self.consent, self.not_before)

    def read_refresh(
        self, credential: Credential, answer: HttpAnswer, now: datetime
    ) -> Tokens | DeadLogin:
        """Return what the vendor below says."""
        del credential
        try:
            found = json.loads(answer.body.reveal())
        except ValueError as exc:
            message = f"{answer.status} is not understood"
            raise UnexpectedAnswer(message) from exc
        if "dead" in found:
            return DeadLogin(found["dead"])
        if "seconds" not in found:
            message = f"{answer.status} has no tokens"
            raise UnexpectedAnswer(message)
        refresh = found.get("refresh")
        left = timedelta(seconds=found["seconds"])
        return Tokens(Secret(found["access"]), now + left, Secret(refresh) if refresh else None)


Say = Callable[[str], HttpAnswer]


def says(status: int, **body: object) -> HttpAnswer:
    """Return an answer with a JSON body."""
    return HttpAnswer(status, {}, Secret(json.dumps(body)))


@dataclass
class Vendor:
    """Exchanges each refresh token once for the next generation's; asked as `Registry.send`."""

    asked: list[str] = field(default_factory=list)
    # What happens instead, the next times it is asked.
    instead: list[Say] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        assert request.body is not None
        refresh = request.body.reveal()
        self.asked.append(refresh)
        return self.instead.pop(0)(refresh) if self.instead else self.exchange(refresh)

    def exchange(self, refresh: str) -> HttpAnswer:
        """Give the next tokens for one that was never seen, and refuse one that was."""
        if refresh in self.spent:
            return says(401, dead="the refresh token was used already")
        self.spent.add(refresh)
        name, _, generation = refresh.removeprefix("REF-CANARY-").rpartition("-")
        following = f"{name}-{int(generation) + 1}"
        return says(
            200, access=f"ACC-CANARY-{following}", refresh=f"REF-CANARY-{following}", seconds=3600
        )

    def registry(self, module: Renewing | None = None) -> Registry:
        """Return the registry that has the vendor's module and asks this vendor."""
        return Registry({RENEWING: module or Renewing()}, send=self)


def unreachable(_: str) -> HttpAnswer:
    """Be out of reach: nothing was sent."""
    message = "vendor.example could not be reached"
    raise ProviderUnavailable(message, sent=False)


def cut_off(_: str) -> HttpAnswer:
    """Break off after the request was sent, unseen by the vendor."""
    message = "vendor.example broke off"
    raise ProviderUnavailable(message, sent=True)


def dead(_: str) -> HttpAnswer:
    """Say that the login is dead."""
    return says(400, dead="the grant was revoked")


def broken(_: str) -> HttpAnswer:
    """Answer something that says nothing about the token."""
    return HttpAnswer(503, {}, Secret("<html>CANARY"))
