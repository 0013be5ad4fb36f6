"""OpenAI chat completions: chunks without names, ended by [DONE]."""

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
from tests.support.wire.sse import Frame, data, new_id

_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def render(parts: Sequence[Part], model: str) -> Iterator[Frame]:
    """Yield the stream of one answer."""
    base = {"id": new_id("chatcmpl"), "object": "chat.completion.chunk", "model": model}

    def frame(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return data({**base, "created": 0, "choices": [choice]})

    calls = 0
    yield frame({"role": "assistant", "content": ""})
    for part in parts:
        match part:
            case Text(text):
                yield frame({"content": text})
            case Reasoning(summary):
                yield frame({"reasoning_content": summary})
            case ToolCall():
                yield frame({"tool_calls": [_call(part, calls)]})
                calls += 1
            case StreamError(message, code):
                yield data({"error": {"message": message, "type": code, "code": code}})
                return
            case Pause() | HangUp():
                yield part
    yield frame({}, "tool_calls" if calls else "stop")
    yield data({**base, "created": 0, "choices": [], "usage": _USAGE})
    yield b"data: [DONE]\n\n"


def _call(call: ToolCall, index: int) -> dict[str, object]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"index": index, "id": new_id("call"), "type": "function", "function": function}
