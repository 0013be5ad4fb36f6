"""The pieces of an event stream, whatever the protocol."""

from __future__ import annotations

import itertools
import json

from tests.support.provider_answers import HangUp, Pause

Frame = bytes | Pause | HangUp
"""What is sent next: an event, a pause, or the end of the connection."""

_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    """Return an id that no other answer of this process has."""
    return f"{prefix}_{next(_numbers):08d}"


def data(payload: object) -> bytes:
    """Return an event without a name."""
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"


def event(kind: str, **payload: object) -> bytes:
    """Return an event that carries its own name as `type`."""
    return f"event: {kind}\n".encode() + data({"type": kind, **payload})
