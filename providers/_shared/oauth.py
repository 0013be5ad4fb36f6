"""What the vendors' OAuth refreshes have in common (RFC 6749, 5 and 6): what is sent and read.

A message names a status or a field, never what stood in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from providers._shared.dead_codes import dead_codes
from providers._shared.dead_logins import why_dead
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, Tokens, jwt_claims
from rotator.secret import Secret

NO_KEY = "only logins by OAuth have tokens to refresh"
NO_TOKEN = "it has no refresh token that could be sent"
OTHER_CLIENT = "it was made by another program, whose tokens only that one can refresh"
# Where a vendor does not say how long a token lives; opencode takes it for as long.
USUAL_LIFETIME = timedelta(hours=1)
# What a header can carry, as an access token has to.
_TOKEN = re.compile(r"[!-~]+")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
# How the fields of a request are written, by its content type.
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
_ENCODERS: Mapping[str, Callable[[dict[str, str]], str]] = {FORM: urlencode, JSON: json.dumps}


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """A vendor's constant address for new tokens, and whose codes say that a login is dead."""

    url: str
    vendor: str
    content_type: str = FORM

    def call(self, credential: Credential, client: str, **more: str) -> HttpRequest | str:
        """Return the request for new tokens in the name of `client`, or why none is made."""
        if credential.type != "oauth":
            return NO_KEY
        refresh = credential.refresh
        if not refresh or not _TOKEN.fullmatch(refresh.reveal()):
            return NO_TOKEN
        if clients_of(credential) - {client}:
            return OTHER_CLIENT
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": refresh.reveal(),
            "client_id": client,
        }
        body = Secret(_ENCODERS[self.content_type](fields | more))
        return HttpRequest("POST", self.url, {"content-type": self.content_type}, body)

    def read(self, answer: HttpAnswer, now: datetime) -> Tokens | DeadLogin:
        """Return what an answer gave; raises UnexpectedAnswer for one that gave nothing."""
        body = _object(answer.body.reveal())
        dead = why_dead(answer.status, body, dead_codes(self.vendor))
        if dead is not None:
            return DeadLogin(dead)
        if answer.status // 100 != 2:  # noqa: PLR2004  # the class of success
            raise _unexpected(answer, "no code that we know")
        if body is None:
            raise _unexpected(answer, "no JSON object")
        access = _token(answer, body, "access_token")
        if access is None:
            raise _unexpected(answer, "an error inside" if body.get("error") else "no access_token")
        return Tokens(access, _expires_at(body, access, now), _token(answer, body, "refresh_token"))


def clients_of(credential: Credential) -> set[str]:
    """Return the OAuth clients that a login names: as stored beside it, and in its own claims.

    A refresh token that is sent in another client's name is refused as if it were dead.
    """
    metadata = _object(credential.extra.get("metadata", "")) or {}
    claims = jwt_claims(credential.secret.reveal())
    clients = (
        _value(credential.extra.get("clientID", "")),
        metadata.get("clientID"),
        claims.get("client_id"),
        claims.get("azp"),
    )
    return {client for client in clients if isinstance(client, str) and client}


def expires_at(credential: Credential) -> datetime | None:
    """Return when the access token ends: the later of what is stored and what it says itself."""
    told = _moment(jwt_claims(credential.secret.reveal()).get("exp"))
    known = [moment for moment in (credential.expires_at, told) if moment is not None]
    return max(known, default=None)


def _expires_at(body: Mapping[str, Any], access: Secret, now: datetime) -> datetime:
    """Return when a new token ends, by the first of three that makes sense.

    Nothing odd in here is a reason to refuse the tokens: the old ones are spent by now, so they
    are all that is left of the login.
    """
    seconds = _seconds(body.get("expires_in"))
    told = _moment(jwt_claims(access.reveal()).get("exp"))
    if seconds is not None:
        try:
            return now + timedelta(seconds=seconds)
        except OverflowError:
            pass
    return told if told is not None and told > now else now + USUAL_LIFETIME


def _seconds(value: object) -> float | None:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value >= 1 else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC) if value > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _token(answer: HttpAnswer, body: Mapping[str, Any], name: str) -> Secret | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise _unexpected(answer, f"no usable {name}")
    return Secret(value)


def _object(text: str) -> dict[str, Any] | None:
    value = _value(text)
    return value if isinstance(value, dict) else None


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unexpected(answer: HttpAnswer, what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"the vendor's answer has the status {answer.status} and {what}")
