"""The token endpoint of an OAuth vendor: refresh tokens that work once, and what they give."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request

_HELD_SECONDS = 60.0


class Hold:
    """Keeps an answer back until the test lets it go; as a context manager at its end at last."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._free = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.let_go()

    def wait_for_request(self, deadline_seconds: float = 10.0) -> None:
        """Wait until somebody asks."""
        if not self._asked.wait(deadline_seconds):
            raise TimeoutError(f"nobody asked for new tokens within {deadline_seconds:g} s")

    def let_go(self) -> None:
        """Answer now."""
        self._free.set()

    def keep(self) -> None:
        """Stay until the test lets go. Called by the endpoint, without any lock held."""
        self._asked.set()
        self._free.wait(_HELD_SECONDS)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a refresh token is exchanged for, after `delay_seconds` and once `hold` lets go."""

    access: str
    refresh: str
    expires_in_seconds: int = 3600
    id_token: str | None = None
    delay_seconds: float = 0.0
    hold: Hold | None = None

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
            if grant.hold is not None:
                grant.hold.keep()
            return grant.answer()
        if reused:
            error = {"message": "The refresh token was used already.", "code": _REUSED}
            return refusal(401, {"error": error})
        return refusal(400, {"error": "invalid_grant"})


_REUSED = "refresh_token_reused"
