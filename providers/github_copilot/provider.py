"""GitHub Copilot: logins of opencode itself, on github.com and on GHE.com.

Whether opencode's own token may ask for usage, certainty M: opencode 2 asks the same address
right after a login (anomalyco/opencode, packages/core/src/plugin/provider/github-copilot.ts), and
so do OpenChamber, opencode-bar, CodexBar and opencode-quota; early in 2026 some were refused
(opencode-mystatus). So a refusal says nothing of the login here. The sources of shapes and errors
are named where they are read (`usage.py`, `codes.py` beside this).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from providers._shared.answers import document, get, retry_at
from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.github_copilot.codes import classify_copilot
from providers.github_copilot.usage import read_quota_headers, read_quotas
from rotator.errors import RateLimited, UnexpectedAnswer
from rotator.model import Credential, Finding, Identity, Signal, Snapshot
from rotator.provider import HttpAnswer, IdentityReading, Reading

_GITHUB = "github.com"
_VERSION = "2025-04-01"
# https://docs.github.com/en/rest/users/users, certainty H; opencode's logins may `read:user`.
_REST = "2022-11-28"
_NO_HOST = "its enterpriseUrl is not the https address of a host"
_FORBIDDEN = 403
# The user that stands for everybody who has deleted their account (https://github.com/ghost).
_GHOST = 10137
# Names alone: no port, nobody's password, and no number that leads into a private network.
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.ASCII)


class Copilot:
    """The token is opaque, does not run out, and stands in both places of the entry."""

    ids = ("github-copilot", "github-copilot-enterprise")
    rotates_tokens = False
    asks_only_in_doubt = False

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login on a host that can be asked."""
        if credential.type != "oauth":
            return "only a login can ask for it"
        return None if _host(credential) else _NO_HOST

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is used of the month, the user's name, and the plan."""
        host = _host(credential) or _GITHUB
        url = f"https://api.{host}/copilot_internal/user"
        answer = yield get(url, credential, x_github_api_version=_VERSION)
        _refuse_haste(answer, now)
        body = document(answer, now, rejected=())
        # Its number is not in there, and a name alone can be given to somebody else.
        who = Identity(label=body.text("login"))
        pieces = Pieces()
        windows = read_quotas(body, pieces)
        plan = body.text("copilot_plan")
        return pieces.told(Snapshot(now, windows, plan=plan, identity=who))

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login on a host that can be asked."""
        if credential.type != "oauth":
            return "only a login is told whose it is"
        return None if _host(credential) else _NO_HOST

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the user, whom GitHub names to every login, with a seat of Copilot or without."""
        host = _host(credential) or _GITHUB
        answer = yield get(f"https://api.{host}/user", credential, x_github_api_version=_REST)
        _refuse_haste(answer, now)
        body = document(answer, now)
        who = _owner(body, host)
        if who.key is None:
            raise body.unusable("id")
        return who

    def is_key_before(self, key: str) -> bool:
        """Know a person's name, as older versions had it: one has no `#`, nor has a host."""
        return "#" not in key

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return what the headers tell of the month, the week and the session."""
        windows = read_quota_headers(headers, now)
        return Snapshot(now, windows) if windows else None

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Return what Copilot's own refusals mean."""
        return classify_copilot(signal, now)


def _owner(body: Part, host: str) -> Identity:
    """Return who it is: by the number, which stays; a name can be changed and given away."""
    login, number = body.text("login"), body.count("id")
    if number is None or number <= 0 or number == _GHOST:
        return Identity()
    by_name = f"{host}/{login}" if login else None
    return Identity(f"{host}#{number}", login, by_contract=True, key_before=by_name)


def _host(credential: Credential) -> str | None:
    """Return the host of the login's GitHub; None for what is no https address of a host."""
    told = (credential.enterprise_url or _GITHUB).strip().lower()
    try:
        parts = urlsplit(told if "//" in told else f"https://{told}")
        host, rest = parts.netloc, parts.path.strip("/") + parts.query + parts.fragment
    except ValueError:
        return None
    return host if parts.scheme == "https" and not rest and _HOST.fullmatch(host) else None


def _refuse_haste(answer: HttpAnswer, now: datetime) -> None:
    """Know GitHub's other way to say that it was asked too often (docs.github.com, rate limits)."""
    headers = answer.headers
    if answer.status != _FORBIDDEN:
        return
    if headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers:
        at = retry_at(headers, now) or _reset(headers)
        raise RateLimited("GitHub does not want to be asked so often", retry_at=at)


def _reset(headers: Mapping[str, str]) -> datetime | None:
    try:
        return Part(headers).moment("x-ratelimit-reset")
    except UnexpectedAnswer:
        return None


PROVIDERS = (Copilot(),)
