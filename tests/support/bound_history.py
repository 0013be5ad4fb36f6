"""Reasoning that only the account which made it may send back, as OpenAI's responses have it.

Off until `bind` is called. A ciphertext is a made-up word: it tells nothing of its account but
to the provider that made it.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

from tests.support.provider_answers import Answer, Reasoning, refusal
from tests.support.provider_request import Request
from tests.support.wire.sse import new_id

Owner = Callable[[Request], str | None]


def _by_credential(request: Request) -> str | None:
    return request.credential


class BoundHistory:
    """Gives every streamed answer of the responses protocol a ciphertext, and refuses others'."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: Owner | None = None
        self._made_by: dict[str, str | None] = {}

    def bind(self, owner: Owner = _by_credential) -> None:
        """From now on bind ciphertext to what `owner` says of a request, by default its token."""
        self._owner = owner

    def with_reasoning(self, request: Request, answer: Answer) -> Answer:
        """Return `answer` with a ciphertext of the asking account in front, where one belongs."""
        if self._owner is None or not answer.parts or not _is_bound(request):
            return answer
        ciphertext = new_id("ciphertext")
        with self._lock:
            self._made_by[ciphertext] = self._owner(request)
        parts = (Reasoning("Thinking.", ciphertext), *answer.parts)
        return dataclasses.replace(answer, parts=parts)

    def refusal(self, request: Request) -> Answer | None:
        """Return the 400 for a request that carries a ciphertext not its own, or None."""
        if self._owner is None or not _is_bound(request):
            return None
        owner = self._owner(request)
        with self._lock:
            foreign = [c for c in carried(request) if self._made_by.get(c) != owner]
        if not foreign:
            return None
        return refusal(400, {"error": {**_REFUSED, "message": _MESSAGE}})


_MESSAGE = "The encrypted content could not be verified. Reason: Encrypted content is not yours."
_REFUSED = {
    "type": "invalid_request_error",
    "param": None,
    "code": "invalid_encrypted_content",
}


def carried(request: Request) -> Iterator[str]:
    """Yield each ciphertext in the history that the request carries."""
    items = request.body.get("input", []) if isinstance(request.body, dict) else []
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("encrypted_content"), str):
            yield item["encrypted_content"]


def _is_bound(request: Request) -> bool:
    return request.path.endswith("/responses") and not request.is_title
