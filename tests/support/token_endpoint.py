"""The token endpoint of an OAuth vendor: refresh tokens that work once, and what they give."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request


@dataclass(frozen=True, slots=True)
class Grant:
    """What a refresh token is exchanged for; `delay_seconds` pass before the answer."""

    access: str
    refresh: str
    expires_in_seconds: int = 3600
    id_token: str | None = None
    delay_seconds: float = 0.0

    def answer(self) -> Answer:
        """Return the endpoint's answer."""
        body: dict[str, object] = {
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_in": self.expires_in_seconds,
            "token_type": "Bearer",
        }
        if self.id_token is not None:
            body["id_token"] = self.id_token
        return Answer(body=body, delay_seconds=self.delay_seconds)


class TokenEndpoint:
    """Exchanges each refresh token once, and refuses those that were used or never given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self._used: set[str] = set()

    def grant(self, refresh: str, grant: Grant) -> None:
        """Exchange `refresh`, once, for what `grant` holds."""
        with self._lock:
            self._grants[refresh] = grant

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request for new tokens."""
        fields = request.body if isinstance(request.body, dict) else {}
        refresh = str(fields.get("refresh_token"))
        with self._lock:
            grant = self._grants.pop(refresh, None)
            reused = refresh in self._used
            self._used.add(refresh)
        if grant is not None:
            return grant.answer()
        if reused:
            error = {"message": "The refresh token was used already.", "code": _REUSED}
            return refusal(401, {"error": error})
        return refusal(400, {"error": "invalid_grant"})


_REUSED = "refresh_token_reused"
