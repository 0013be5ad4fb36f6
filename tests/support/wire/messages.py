"""Anthropic messages, as far as opencode needs them: text and tool calls in content blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tests.support.provider_answers import (
    HangUp,
    Part,
    Pause,
    Reasoning,
    StreamError,
    Text,
    ToolCall,
)
from tests.support.wire.sse import Frame, event, new_id

_Object = dict[str, object]


def render(parts: Sequence[Part], model: str) -> Iterator[Frame]:
    """Yield the stream of one answer; every part is a content block of its own."""
    message: _Object = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    index, stop = 0, "end_turn"
    yield event("message_start", message=message)
    for part in parts:
        match part:
            case Text() | Reasoning() | ToolCall():
                yield _block(part, index)
                index += 1
                stop = "tool_use" if isinstance(part, ToolCall) else stop
            case StreamError(text, code):
                yield event("error", error={"type": code, "message": text})
                return
            case Pause() | HangUp():
                yield part
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": 5})
    yield event("message_stop")


def _block(part: Text | Reasoning | ToolCall, index: int) -> bytes:
    start, delta = _start_and_delta(part)
    return (
        event("content_block_start", index=index, content_block=start)
        + event("content_block_delta", index=index, delta=delta)
        + event("content_block_stop", index=index)
    )


def _start_and_delta(part: Text | Reasoning | ToolCall) -> tuple[_Object, _Object]:
    match part:
        case Text(text):
            return {"type": "text", "text": ""}, {"type": "text_delta", "text": text}
        case Reasoning(summary):
            start: _Object = {"type": "thinking", "thinking": "", "signature": ""}
            return start, {"type": "thinking_delta", "thinking": summary}
        case ToolCall(name, arguments):
            start = {"type": "tool_use", "id": new_id("toolu"), "name": name, "input": {}}
            return start, {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
