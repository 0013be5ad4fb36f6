"""Amazon's binary event stream, as Bedrock's ConverseStream answers, as far as opencode reads it.

The format is public: a prelude of two lengths and their CRC32, headers, a payload, a CRC32.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping

_TEXT = 7  # the type of a header's value that is a string


def text_answer(text: str) -> bytes:
    """Return the stream of an answer that says `text`."""
    return b"".join(_message(name, payload) for name, payload in _events(text))


def _events(text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    yield "messageStart", {"role": "assistant"}
    yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": "end_turn"}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    yield "metadata", {"usage": usage, "metrics": {"latencyMs": 1}}


def _message(name: str, payload: Mapping[str, object]) -> bytes:
    headers = _header(":event-type", name) + _header(":content-type", "application/json")
    headers += _header(":message-type", "event")
    body = json.dumps(payload).encode()
    # Four lengths and checksums of four bytes each.
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return start + struct.pack(">I", zlib.crc32(start))


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(name)]) + name.encode() + struct.pack(">BH", _TEXT, len(encoded)) + encoded
