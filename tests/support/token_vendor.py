"""A vendor of made-up people: its refresh tokens work once, and it knows which are spent.

It answers in the process of whoever asks; with a file it remembers longer than that process.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from rotator.errors import ProviderUnavailable, UnexpectedAnswer
from rotator.model import Credential
from rotator.plugins.registry import Registry
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, RefreshCall, Tokens
from rotator.secret import Secret
from tests.support.live import Entry, Named, oauth_until

LIFETIME = timedelta(hours=1)
_OK, _REFUSED, _BROKEN = 200, 401, 503


class Mood(Enum):
    """What the vendor does with the next question."""

    ANSWERS = auto()
    # The question does not reach it.
    UNREACHABLE = auto()
    # It takes the token and gives new ones, which do not arrive.
    HANGS_UP = auto()
    # It has a fault of its own and has not looked at the token.
    BROKEN = auto()


class Vendor:
    """Who has which generation of tokens; `clock` tells the time of whoever gets them.

    A refresh spends the token that is sent; another login of the same person spends none.
    """

    def __init__(self, clock: Callable[[], datetime], *, file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self.mood = Mood.ANSWERS
        self.newest: dict[str, int] = {}
        self._spent: dict[str, list[int]] = {}
        if file is not None and file.exists():
            self.newest, self._spent = json.loads(file.read_bytes())

    def log_in(self, person: str) -> Entry:
        """Return new tokens of a person."""
        self.newest[person] = self.newest.get(person, 0) + 1
        if self._file is not None:
            self._file.write_text(json.dumps([self.newest, self._spent]))
        return oauth_until(person, self.newest[person], self._clock() + LIFETIME)

    def refresh(self, person: str, generation: int) -> Entry:
        """Return new tokens for older ones, which are spent from now on."""
        self._spent.setdefault(person, []).append(generation)
        return self.log_in(person)

    def is_spent(self, person: str, generation: int) -> bool:
        """Tell whether tokens of a person were exchanged for others."""
        return generation in self._spent.get(person, ())

    def alive(self, person: str) -> frozenset[int]:
        """Return the generations of a person's tokens that work."""
        spent = self._spent.get(person, ())
        return frozenset(range(1, self.newest.get(person, 0) + 1)) - frozenset(spent)

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Answer as a token endpoint does, in the present mood."""
        assert request.body is not None
        person, generation = owner_of_token(json.loads(request.body.reveal())["refresh_token"])
        if self.mood is Mood.UNREACHABLE:
            message = "the vendor could not be reached"
            raise ProviderUnavailable(message, sent=False)
        if self.mood is Mood.BROKEN:
            return _answer(_BROKEN, {"error": "try again later"})
        if self.is_spent(person, generation):
            return _answer(_REFUSED, {"error": "refresh_token_reused"})
        given = self.refresh(person, generation)
        if self.mood is Mood.HANGS_UP:
            message = "the vendor did not answer"
            raise ProviderUnavailable(message, sent=True)
        seconds = LIFETIME.total_seconds()
        return _answer(_OK, {"access_token": given["access"], "expires_in": seconds} | given)


def owner_of_token(token: str) -> tuple[str, int]:
    """Return whose refresh or access token it is, and of which generation."""
    person, _, generation = token.split("-CANARY-")[1].rpartition("-")
    return person, int(generation)


def _answer(status: int, body: dict[str, object]) -> HttpAnswer:
    return HttpAnswer(status, {}, Secret(json.dumps(body)))


class Refreshing(Named):
    """The vendor's module: tells people by their access token and knows how logins are renewed."""

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the question for new tokens."""
        if credential.refresh is None:
            return "it has no refresh token"
        body = json.dumps({"refresh_token": credential.refresh.reveal()})
        request = HttpRequest("POST", "https://auth.named.example/token", body=Secret(body))
        return RefreshCall(request, client="named-client")

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,
        now: datetime,
    ) -> Tokens | DeadLogin:
        """Return what the vendor gave."""
        body = json.loads(answer.body.reveal())
        if answer.status == _REFUSED:
            return DeadLogin("its refresh token was used before")
        if answer.status != _OK:
            message = f"the vendor answered {answer.status}"
            raise UnexpectedAnswer(message)
        expires_at = now + timedelta(seconds=body["expires_in"])
        return Tokens(Secret(body["access_token"]), expires_at, Secret(body["refresh"]))


def registry_of(vendor: Vendor) -> Registry:
    """Return the providers that know this vendor."""
    return Registry({"named": Refreshing()}, send=vendor.send)
