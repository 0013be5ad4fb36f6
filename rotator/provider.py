"""The provider contract: what a vendor's module tells us; third parties may implement it.

A provider is a module-level object named `PROVIDERS` (a tuple of `Provider`) in a file of the
`providers` folder, or behind the entry point group `opencode_rotator.providers`. It does no
I/O of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from rotator.model import NOTHING, Credential, Finding, Identity, Scope, Signal, Snapshot
from rotator.secret import Secret


class Provider(Protocol):
    """**Protocol:** implemented in `providers/`, used by capture to tell accounts apart."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The provider ids of auth.json that this module knows."""
        ...

    @property
    def rotates_tokens(self) -> bool:
        """Whether a refresh replaces the refresh token, so that only the newest copy lives."""
        ...

    def identify(self, credential: Credential) -> Identity:
        """Return who the credential is, offline; an empty Identity where it does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is to be asked of a vendor; `url` is https and its host a constant of the module.

    What is secret among headers and body is a Secret; `body` has the type that the header
    `content-type` names.
    """

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str | Secret] = field(default_factory=lambda: NOTHING)
    body: Secret | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A vendor's whole answer; header names are in lower case, `body` is its text, bounded.

    The body is secret, as a token endpoint's is. Cookies and the address of a redirect may be
    so as well; they are left out of the headers.
    """

    status: int
    headers: Mapping[str, str]
    body: Secret


# Asks a vendor. Raises ProviderUnavailable, whose `sent` says whether the request may have
# been seen there. `providers/_shared/http.py` is the one that reaches the network.
Send = Callable[[HttpRequest], HttpAnswer]


@dataclass(frozen=True, slots=True)
class RefreshCall:
    """How a login gets new tokens.

    `client` names the OAuth client: logins of one are refreshed one at a time. `consent` is
    None, or the reason why the user has to allow it first for each account. Before
    `not_before` the vendor would spend the token and give nothing for it.
    """

    request: HttpRequest
    client: str
    consent: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a refresh gave; `refresh` is None where the vendor keeps the old one."""

    access: Secret
    expires_at: datetime
    refresh: Secret | None = None


@dataclass(frozen=True, slots=True)
class DeadLogin:
    """The vendor's explicit word that a refresh token is spent or revoked."""

    reason: str


@runtime_checkable
class Refresher(Protocol):
    """**Protocol:** a provider whose parked logins we refresh implements this as well."""

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return how `credential` is refreshed, or a sentence that says why it is not."""
        ...

    def read_refresh(
        self, credential: Credential, answer: HttpAnswer, now: datetime
    ) -> Tokens | DeadLogin:
        """Return what the answer to the refresh call gave.

        Raises UnexpectedAnswer for one that neither has tokens nor names the login dead. Where
        tokens are replaced, the old ones are spent by now: what is odd beside usable new ones is
        no reason to refuse them.
        """
        ...


# A conversation with a vendor: yields what to ask, is sent each answer, returns what was learned.
Reading = Generator[HttpRequest, HttpAnswer, Snapshot]


@runtime_checkable
class UsageReader(Protocol):
    """**Protocol:** a provider whose vendor tells what is used and what is left."""

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return a sentence that says why this credential's usage cannot be asked for, or None."""
        ...

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Ask for the usage and return it; does no I/O, whoever drives it does.

        Raises LoginRejected, RateLimited and ProviderUnavailable for what the vendor refuses,
        and UnexpectedAnswer, with the field's name, for a shape that is not understood: never a
        guessed number. Unknown fields are passed over, a window that is not there is not there.
        """
        ...


# A conversation that returns whose the login is.
IdentityReading = Generator[HttpRequest, HttpAnswer, Identity]


@runtime_checkable
class IdentityReader(Protocol):
    """**Protocol:** a provider whose vendor says whose a login is, where the login itself does not.

    The key is formed as `identify` forms it: otherwise one person would be taken for two.
    """

    @property
    def asks_only_in_doubt(self) -> bool:
        """Whether the vendor's terms speak against asking more often than a doubt needs."""
        ...

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return a sentence that says why nobody can be asked whose this is, or None."""
        ...

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Ask whose the credential is and return it, with at most two requests.

        Raises as `read_usage` does, and UnexpectedAnswer for an answer that names nobody.
        """
        ...


@runtime_checkable
class KeyChanger(Protocol):
    """**Protocol:** a provider that gave keys of another form to people in an older version."""

    def is_key_before(self, key: str) -> bool:
        """Tell whether a key is of the form that is in `Identity.key_before`."""
        ...


# A conversation that ends without a word, if the vendor accepts the login that it is about.
LoginCheck = Generator[HttpRequest, HttpAnswer, None]


@runtime_checkable
class LoginChecker(Protocol):
    """**Protocol:** a provider with logins that tell no usage, and can be tried all the same."""

    def check_login(self, credential: Credential, now: datetime) -> LoginCheck | None:
        """Return how the vendor is asked whether it accepts `credential`; None: it is not.

        The cheapest question that costs nothing of a limit. Raises as `read_usage` does: only
        LoginRejected says that the login is not accepted.
        """
        ...


@runtime_checkable
class Paced(Protocol):
    """**Protocol:** a provider whose vendor counts questions about usage; others need not say."""

    @property
    def usage_pause_seconds(self) -> float:
        """The least time between two readings of one account's usage."""
        ...


@runtime_checkable
class HeaderReader(Protocol):
    """**Protocol:** a provider whose good answers carry limits in their headers."""

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return what the headers of a good answer (names in lower case) say; None: nothing."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """**Protocol:** a provider with error codes or texts of its own."""

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Return what a failed request means, or None to leave it to the rules for everybody."""
        ...


@runtime_checkable
class Scoping(Protocol):
    """**Protocol:** a provider whose vendor counts some limits by model, or for many together."""

    def limit_scope(self, signal: Signal) -> Scope | None:
        """Return what the limit that a failed request ran into is counted for.

        None leaves it to the rules for everybody: a limit is the account's, and its group's, on
        every model, unless the answer names the model that was asked for.
        """
        ...


def jwt_claims(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token, unverified; `{}` for anything else.

    Unverified is enough: the token came out of the user's own auth.json and the claims only
    tell accounts apart, they open nothing.
    """
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, payload, signature
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
