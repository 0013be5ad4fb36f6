"""Where things stand in a text of JSON with comments, as opencode reads its settings.

Nothing here knows what a thing means. Comments and a comma behind the last element are allowed,
as opencode allows them; anything else that is not JSON is a Broken text, with its place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_BLANK = re.compile(r"(?:[ \t\r\n]|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_BOM = "\ufeff"
_DECODER = json.JSONDecoder()
# Deeper than any settings, and far from the end of Python's stack.
_DEEPEST = 100


class JsoncError(ValueError):
    """The text is not what opencode would read; the message says where."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and from where to where it stands; `inside` are the parts of a list or an object.

    A part of an object has its name in `name`, and begins with it: `start` is the name's.
    """

    value: Any = field(repr=False)
    start: int
    end: int
    name: str | None = None
    inside: tuple[Node, ...] = ()
    value_start: int = 0

    def part(self, name: str) -> Node | None:
        """Return the part of that name, of several the last one, as opencode takes it."""
        return next((part for part in reversed(self.inside) if part.name == name), None)


def parse(text: str) -> Node:
    """Return the whole text as a node; raises Broken."""
    node = _value(text, skip(text, len(_BOM) if text.startswith(_BOM) else 0), 0)
    end = skip(text, node.end)
    if end != len(text):
        raise _broken(text, end, "more text follows")
    return node


def skip(text: str, position: int) -> int:
    """Return where the next thing begins that is neither blank nor a comment."""
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _value(text: str, at: int, depth: int) -> Node:
    if depth > _DEEPEST:
        raise _broken(text, at, "it is nested too deeply")
    first = text[at : at + 1]
    if first == "{":
        return _group(text, at, depth, "}")
    if first == "[":
        return _group(text, at, depth, "]")
    if first == '"':
        value, end = _string(text, at)
        return Node(value, at, end, value_start=at)
    if number := _NUMBER.match(text, at):
        return Node(float(number[0]), at, number.end(), value_start=at)
    for word, meant in _WORDS.items():
        if text.startswith(word, at):
            return Node(meant, at, at + len(word), value_start=at)
    raise _broken(text, at, "a value was expected")


def _group(text: str, start: int, depth: int, closing: str) -> Node:
    parts: list[Node] = []
    at = skip(text, start + 1)
    while not text.startswith(closing, at):
        part = _member(text, at, depth) if closing == "}" else _value(text, at, depth + 1)
        parts.append(part)
        at = skip(text, part.end)
        if text.startswith(",", at):
            at = skip(text, at + 1)
        elif not text.startswith(closing, at):
            raise _broken(text, at, f"',' or '{closing}' was expected")
    if closing == "}":
        value: Any = {member.name: member.value for member in parts}
    else:
        value = [element.value for element in parts]
    return Node(value, start, at + 1, inside=tuple(parts), value_start=start)


def _member(text: str, at: int, depth: int) -> Node:
    if not text.startswith('"', at):
        raise _broken(text, at, "a name was expected")
    name, end = _string(text, at)
    colon = skip(text, end)
    if not text.startswith(":", colon):
        raise _broken(text, colon, "':' was expected")
    node = _value(text, skip(text, colon + 1), depth + 1)
    return Node(node.value, at, node.end, name, node.inside, node.start)


def _string(text: str, at: int) -> tuple[str, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except ValueError as exc:
        raise _broken(text, at, "this text is not closed or not allowed") from exc
    return str(value), end


def _broken(text: str, at: int, why: str) -> JsoncError:
    before = text[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    return JsoncError(f"{why} (line {line}, column {column})")
