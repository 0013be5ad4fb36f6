"""OpenAI responses: numbered, named events around items (reasoning, messages, function calls)."""

from __future__ import annotations

import itertools
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
_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 15,
}


def render(parts: Sequence[Part], model: str) -> Iterator[Frame]:
    """Yield the stream of one answer; pieces of text in a row are one message."""
    return _Stream(model).render(parts)


class _Stream:
    """One answer under way: numbers the events and keeps the items for the last one."""

    def __init__(self, model: str) -> None:
        self._numbers = itertools.count()
        self._items: list[_Object] = []
        self._message_id: str | None = None
        self._texts: list[str] = []
        self._head: _Object = {"id": new_id("resp"), "object": "response", "model": model}

    def render(self, parts: Sequence[Part]) -> Iterator[Frame]:
        """Yield the whole stream."""
        yield self._whole("response.created", "in_progress")
        for part in parts:
            if not isinstance(part, Text | Pause | HangUp):
                yield self._end_message()
            match part:
                case Text(text):
                    yield self._text(text)
                case Reasoning(summary, ciphertext):
                    yield self._reasoning(summary, ciphertext)
                case ToolCall(name, arguments):
                    yield self._call(name, json.dumps(arguments))
                case StreamError(message, code):
                    yield self._event("error", code=code, message=message, param=None)
                    return
                case Pause() | HangUp():
                    yield part
        yield self._end_message()
        yield self._whole("response.completed", "completed")

    def _event(self, kind: str, **payload: object) -> bytes:
        return event(kind, sequence_number=next(self._numbers), **payload)

    def _whole(self, kind: str, status: str) -> bytes:
        more = {"created_at": 0, "status": status, "output": self._items, "usage": _USAGE}
        return self._event(kind, response={**self._head, **more})

    def _in_item(self, kind: str, item_id: str, **payload: object) -> bytes:
        index = len(self._items)
        return self._event(f"response.{kind}", item_id=item_id, output_index=index, **payload)

    def _added(self, item: _Object) -> bytes:
        return self._event("response.output_item.added", output_index=len(self._items), item=item)

    def _done(self, item: _Object) -> bytes:
        index = len(self._items)
        self._items.append(item)
        return self._event("response.output_item.done", output_index=index, item=item)

    def _text(self, text: str) -> bytes:
        opening = b""
        if self._message_id is None:
            self._message_id, self._texts = new_id("msg"), []
            item = {"type": "message", "role": "assistant", "content": []}
            part = {"type": "output_text", "text": "", "annotations": []}
            opening = self._added({"id": self._message_id, "status": "in_progress", **item})
            opening += self._in_item(
                "content_part.added", self._message_id, content_index=0, part=part
            )
        self._texts.append(text)
        return opening + self._in_item(
            "output_text.delta", self._message_id, content_index=0, delta=text
        )

    def _end_message(self) -> bytes:
        if self._message_id is None:
            return b""
        item_id, text = self._message_id, "".join(self._texts)
        self._message_id = None
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "role": "assistant", "content": [part]}
        return (
            self._in_item("output_text.done", item_id, content_index=0, text=text)
            + self._in_item("content_part.done", item_id, content_index=0, part=part)
            + self._done({"id": item_id, "status": "completed", **item})
        )

    def _reasoning(self, summary: str, ciphertext: str | None) -> bytes:
        item_id = new_id("rs")
        part: _Object = {"type": "summary_text", "text": summary}
        item: _Object = {"id": item_id, "type": "reasoning", "encrypted_content": ciphertext}

        def inside(kind: str, **payload: object) -> bytes:
            return self._in_item(f"reasoning_summary_{kind}", item_id, summary_index=0, **payload)

        return (
            self._added({**item, "encrypted_content": None, "summary": []})
            + inside("part.added", part={**part, "text": ""})
            + inside("text.delta", delta=summary)
            + inside("text.done", text=summary)
            + inside("part.done", part=part)
            + self._done({**item, "summary": [part]})
        )

    def _call(self, name: str, arguments: str) -> bytes:
        item_id = new_id("fc")
        item = {"id": item_id, "type": "function_call", "call_id": new_id("call"), "name": name}
        return (
            self._added({**item, "arguments": "", "status": "in_progress"})
            + self._in_item("function_call_arguments.delta", item_id, delta=arguments)
            + self._in_item("function_call_arguments.done", item_id, arguments=arguments)
            + self._done({**item, "arguments": arguments, "status": "completed"})
        )
