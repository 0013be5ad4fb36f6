"""OpenAI: ChatGPT logins (OAuth) and API keys.

The sources of usage, headers and errors are named where they are read
(`providers/openai/usage.py`, `providers/openai/codes.py`, `providers/_shared/ratelimit.py`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import Any

from providers._shared.answers import document, get
from providers._shared.fields import Part
from providers._shared.oauth import TokenEndpoint, clients_of, expires_at
from providers._shared.ratelimit import read_ratelimit
from providers.openai.codes import scope_openai
from providers.openai.usage import read_owner, read_plan_headers, read_usage_answer
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Identity, Scope, Signal, Snapshot
from rotator.provider import (
    DeadLogin,
    HttpAnswer,
    HttpRequest,
    IdentityReading,
    LoginCheck,
    Reading,
    RefreshCall,
    Tokens,
    jwt_claims,
)
from rotator.text import sanitize

_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"

# The public client of Codex, which opencode logs in with as well (anomalyco/opencode,
# packages/opencode/src/plugin/openai/codex.ts; openai/codex, codex-rs/login).
_CODEX = "app_EMoamEEZ73f0CkXaXp7hrann"
_ENDPOINT = TokenEndpoint("https://auth.openai.com/oauth/token", "openai")

# "Sign in with ChatGPT" for other programs: each installation is a client of its own
# (anomalyco/opencode, packages/core/src/plugin/provider/chatgpt.ts).
_SHARING = "oaiapp_"
_SHARING_ENDPOINT = TokenEndpoint("https://auth.openai.com/api/accounts/oauth/token", "openai")
_RESOURCE = "https://api.openai.com/v1"
_USAGE = "https://chatgpt.com/backend-api/wham/usage"
# What a key may use (https://platform.openai.com/docs/api-reference/models/list, H), and a login
# that shares its tokens (https://developers.openai.com/siwc/token-sharing-open-source, M).
_MODELS = "https://api.openai.com/v1/models"
_NO_KEY_USAGE = "OpenAI tells an API key nothing of its usage; the answers to its requests do"
_NO_SHARED_USAGE = "a login that shares its tokens tells nothing of its usage"
_KEY_OF_NOBODY = "OpenAI tells nobody whose an API key is"
_SHARED_BY_NOBODY = "a login that shares its tokens is not told whose it is"
# The account of an older API, by which a plan is never named.
_ORGANISATION = "org-"
_FORBIDDEN = 403
_REJECTED = (401, _FORBIDDEN)
# Where the vendor does not serve the country, every login is refused.
_COUNTRY = "unsupported_country"
# What a header can carry.
_ACCOUNT_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)

# Asked earlier, about six minutes before the end, the vendor spends the token for nothing.
_NOT_EARLIER = timedelta(minutes=5)


class OpenAI:
    """ChatGPT's tokens name the workspace and the user; an API key names nobody.

    The claims are those that Codex and opencode read: `chatgpt_account_id` is the workspace,
    so it takes the user's id beside it to tell two members of one workspace apart. Half of the
    two is nobody's key: two members would have it. Nor is `sub` the user's id, by which the
    vendor names the same person when it is asked.
    """

    ids = ("openai",)
    rotates_tokens = True
    asks_only_in_doubt = False

    def identify(self, credential: Credential) -> Identity:
        """Return account id and user of an OAuth login, e-mail as its label."""
        if credential.type != "oauth":
            return Identity()
        claims = _claims(credential)
        auth, profile = _part(claims, _AUTH), _part(claims, _PROFILE)
        account, user = _account_of(credential, claims), _user_in(auth)
        email = _text(profile.get("email")) or _text(claims.get("email"))
        plan = _text(auth.get("chatgpt_plan_type"))
        label = sanitize(email) if email else None
        key = f"{account}/{user}" if account and user else None
        return Identity(key=key, label=label, plan=sanitize(plan) if plan else None)

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return why nothing is told: only the plan behind a login of Codex's client is."""
        if credential.type != "oauth":
            return _NO_KEY_USAGE
        return _NO_SHARED_USAGE if _sharing_client(credential) else None

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the plan's windows and credits, and whose they are."""
        body = yield from _asked_for_plan(credential, now)
        account = _account_of(credential, _claims(credential))
        return read_usage_answer(body, self.identify(credential), now, account=account)

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login of Codex's client; of others nobody is told."""
        if credential.type != "oauth":
            return _KEY_OF_NOBODY
        return _SHARED_BY_NOBODY if _sharing_client(credential) else None

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return whose the plan is, which stands in the answer about its usage."""
        body = yield from _asked_for_plan(credential, now)
        account = _account_of(credential, _claims(credential))
        who = read_owner(body, self.identify(credential), account)
        if who.key is None:
            raise body.unusable("user_id")
        return who

    def check_login(self, credential: Credential, now: datetime) -> LoginCheck | None:
        """Ask for the models, which is free, with a key or a login that shares its tokens."""
        return None if self.usage_obstacle(credential) is None else _list_models(credential, now)

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return a plan's windows, or the rate limits of an API key."""
        told = read_plan_headers(headers, now)
        windows = () if told else read_ratelimit(headers, now)
        # A key's limits are its organisation's.
        who = Identity(group=headers.get("openai-organization"))
        return Snapshot(now, windows, identity=who) if windows else told

    def limit_scope(self, signal: Signal) -> Scope | None:
        """Return that a pool of some models is used up, or a project's money."""
        return scope_openai(signal)

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request of Codex's client, or of the login's own if it shares tokens."""
        sharing = _sharing_client(credential)
        if sharing is not None:
            return _sharing_call(credential, sharing)
        request = _ENDPOINT.call(credential, _CODEX)
        return request if isinstance(request, str) else RefreshCall(request, _CODEX)

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,
        now: datetime,
    ) -> Tokens | DeadLogin:
        """Return the new tokens, or that the login is dead; both endpoints answer alike."""
        return _ENDPOINT.read(answer, now)


def _asked_for_plan(
    credential: Credential, now: datetime
) -> Generator[HttpRequest, HttpAnswer, Part]:
    answer = yield get(_USAGE, credential, **_plan_headers(credential))
    if answer.status == _FORBIDDEN and _COUNTRY in answer.body.reveal():
        raise UnexpectedAnswer("the vendor does not serve the country that it is asked from")
    return document(answer, now, rejected=_REJECTED)


def _list_models(credential: Credential, now: datetime) -> LoginCheck:
    # A key may be kept from listing them: a 403 says nothing of it.
    body = document((yield get(_MODELS, credential)), now)
    # The list has one name for keys and another one for logins.
    if not any(isinstance(body.values.get(name), list) for name in ("data", "models")):
        raise body.unusable("data")


def _sharing_call(credential: Credential, client: str) -> RefreshCall | str:
    request = _SHARING_ENDPOINT.call(credential, client, resource=_RESOURCE)
    if isinstance(request, str):
        return request
    ends_at = expires_at(credential)
    if ends_at is None:
        return "it does not say when it ends, and a refresh that is too early would kill it"
    return RefreshCall(request, client, not_before=ends_at - _NOT_EARLIER)


def _sharing_client(credential: Credential) -> str | None:
    return next((c for c in clients_of(credential) if c.startswith(_SHARING)), None)


def _plan_headers(credential: Credential) -> dict[str, str]:
    """Return what names the workspace, as Codex sends it."""
    claims = _claims(credential)
    account = _account_of(credential, claims)
    headers: dict[str, str] = {}
    if account and _ACCOUNT_ID.fullmatch(account):
        headers["chatgpt_account_id"] = account
    if _part(claims, _AUTH).get("chatgpt_account_is_fedramp") is True:
        headers["x_openai_fedramp"] = "true"
    return headers


def _claims(credential: Credential) -> dict[str, Any]:
    return jwt_claims(credential.secret.reveal())


def _account_of(credential: Credential, claims: dict[str, Any]) -> str | None:
    stored = credential.account_id
    return (
        _text(_part(claims, _AUTH).get("chatgpt_account_id"))
        or _text(claims.get("chatgpt_account_id"))
        # opencode stores the organisation where a token names no account.
        or (None if stored is None or stored.startswith(_ORGANISATION) else stored or None)
    )


def _user_in(auth: dict[str, Any]) -> str | None:
    """Return the user's id; beside the account's it stands as `user__account`."""
    both = _text(auth.get("chatgpt_account_user_id")) or ""
    return (
        _text(auth.get("chatgpt_user_id"))
        or _text(auth.get("user_id"))
        or (both.partition("__")[0] if "__" in both else None)
        or None
    )


def _part(claims: dict[str, Any], name: str) -> dict[str, Any]:
    part = claims.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


PROVIDERS = (OpenAI(),)
