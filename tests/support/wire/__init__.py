"""Answers as event streams of the wire protocols that opencode speaks, one file a protocol.

Which protocol a request speaks is told by its path. Only what opencode needs is here: the
shapes were written from the vendors' public references and tried against opencode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.support.provider_answers import Part
from tests.support.wire import chat_completions, messages, responses
from tests.support.wire.sse import Frame

__all__ = ["Frame", "renderer_for"]

Renderer = Callable[[Sequence[Part], str], Iterator[Frame]]

_RENDERERS: dict[str, Renderer] = {
    "/chat/completions": chat_completions.render,
    "/responses": responses.render,
    "/messages": messages.render,
}


def renderer_for(path: str) -> Renderer | None:
    """Return what renders answers for a request to `path`, or None when it is no model request."""
    return next((render for end, render in _RENDERERS.items() if path.endswith(end)), None)
