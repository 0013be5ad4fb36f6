"""xAI: SuperGrok logins (OAuth) and API keys.

The sources of usage are named in `providers/xai/usage.py`. Of a free account the vendor tells
nothing but the headers of good answers, which are like everybody's.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.oauth import TokenEndpoint
from providers._shared.pieces import Pieces
from providers.xai.usage import read_balance, read_billing
from rotator.errors import ProviderError
from rotator.model import Credential, Identity, Snapshot
from rotator.provider import (
    DeadLogin,
    HttpAnswer,
    IdentityReading,
    Reading,
    RefreshCall,
    Tokens,
    jwt_claims,
)
from rotator.text import sanitize

# The public client of the Grok command line, which opencode logs in with as well
# (anomalyco/opencode, packages/opencode/src/plugin/xai.ts).
_CLIENT = "b1a00492-073a-47ea-816f-4c329264a828"
_ENDPOINT = TokenEndpoint("https://auth.x.ai/oauth2/token", "xai")
# What the issuer's own discovery document names; its subject is the access token's
# (https://auth.x.ai/.well-known/openid-configuration, certainty M).
_ISSUER = "https://auth.x.ai"
_USER = f"{_ISSUER}/oauth2/userinfo"
_USAGE = "https://cli-chat-proxy.grok.com/v1/billing?format=credits"
_SETTINGS = "https://cli-chat-proxy.grok.com/v1/settings"
_BAD_REQUEST, _FORBIDDEN = 400, 403
_HEADERS = {"x_xai_token_auth": "xai-grok-cli"}
_NO_KEY_USAGE = "xAI tells an API key nothing of its balance; that takes a management key"
_KEY_OF_NOBODY = "xAI tells nobody whose an API key is"
# A plan that is used up, certainty H (https://github.com/Wei-Shaw/sub2api/issues/4069). The same
# is said where there is none; either way only the reading of usage knows until when.
_USED_UP = "you have run out of credits or need a grok subscription"
# Certainty H (https://github.com/continuedev/continue/issues/10778).
_NO_KEY = "incorrect api key provided"


class XAI:
    """The access token names issuer and subject; an e-mail is not always in it.

    A refresh replaces both tokens, or leaves the new refresh token out: the old one stays then.
    """

    ids = ("xai",)
    rotates_tokens = True
    asks_only_in_doubt = False

    def identify(self, credential: Credential) -> Identity:
        """Return issuer and subject of an OAuth login."""
        if credential.type != "oauth":
            return Identity()
        claims = jwt_claims(credential.secret.reveal())
        issuer, subject, email = claims.get("iss"), claims.get("sub"), claims.get("email")
        if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
            return Identity()
        label = sanitize(email) if isinstance(email, str) and email else None
        return Identity(key=f"{issuer}/{subject}", label=label)

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login: only a plan has usage that is told."""
        return None if credential.type == "oauth" else _NO_KEY_USAGE

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the plan's period, what was paid in advance, and the plan."""
        body = document((yield get(_USAGE, credential, **_HEADERS)), now)
        config = body.part("config")
        if config is None:
            raise body.unusable("config")
        pieces = Pieces()
        windows, balance = read_billing(config, pieces), pieces.read(read_balance, config)
        plan = body.text("subscriptionTier")
        if plan is None:
            settings = yield get(_SETTINGS, credential, **_HEADERS)
            plan = _plan(settings, now)
        who = self.identify(credential)
        complete = pieces.are_whole and bool(windows)
        return pieces.told(Snapshot(now, windows, balance, plan, who, complete=complete))

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login."""
        return None if credential.type == "oauth" else _KEY_OF_NOBODY

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the subject that the issuer names, as an access token that is no secret would."""
        body = document((yield get(_USER, credential)), now)
        subject = body.text("sub")
        if subject is None:
            raise body.unusable("sub")
        return Identity(f"{_ISSUER}/{subject}", body.text("email"))

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request of the Grok command line's client."""
        request = _ENDPOINT.call(credential, _CLIENT)
        if isinstance(request, str):
            return request
        return RefreshCall(request, _CLIENT)

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,
        now: datetime,
    ) -> Tokens | DeadLogin:
        """Return the new tokens, or that the login is dead."""
        return _ENDPOINT.read(answer, now)


def _plan(answer: HttpAnswer, now: datetime) -> str | None:
    try:
        return document(answer, now).text("subscription_tier_display")
    except ProviderError:
        return None


PROVIDERS = (XAI(),)
