"""OpenAI: ChatGPT logins (OAuth) and API keys."""

from __future__ import annotations

from typing import Any

from rotator.model import Credential, Identity
from rotator.provider import jwt_claims
from rotator.text import clean

_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"


class OpenAI:
    """ChatGPT's tokens name the workspace and the user; an API key names nobody.

    The claims are those that Codex and opencode read: `chatgpt_account_id` is the workspace,
    so it takes the user's id beside it to tell two members of one workspace apart.
    """

    ids = ("openai",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:
        """Return account id and user of an OAuth login, e-mail as its label."""
        if credential.type != "oauth":
            return Identity()
        claims = jwt_claims(credential.secret.reveal())
        auth, profile = _part(claims, _AUTH), _part(claims, _PROFILE)
        account = (
            _text(auth.get("chatgpt_account_id"))
            or _text(claims.get("chatgpt_account_id"))
            or credential.account_id
        )
        user = (
            _text(auth.get("chatgpt_user_id"))
            or _text(auth.get("user_id"))
            or _text(claims.get("sub"))
        )
        email = _text(profile.get("email")) or _text(claims.get("email"))
        plan = _text(auth.get("chatgpt_plan_type"))
        label = clean(email) if email else None
        # The user belongs to the key: two members of one workspace are two accounts.
        key = f"{account}/{user or ''}" if account else None
        return Identity(key=key, label=label, plan=clean(plan) if plan else None)


def _part(claims: dict[str, Any], name: str) -> dict[str, Any]:
    part = claims.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


PROVIDERS = (OpenAI(),)
