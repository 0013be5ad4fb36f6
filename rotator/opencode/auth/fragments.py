"""Reads what can be read of an auth.json that is not whole: members that are complete.

It may have been cut off, or written by two programs at once, so that the end of one content
follows the other. Whoever wrote the bytes, they are gone through once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rotator.core.logins.unsaved import Fragments
from rotator.opencode.auth.file import Whole, parse_live
from rotator.opencode.auth.json_members import DECODER
from rotator.secret import Secret

# A bracket, or a text: it ends at its quote, or without one where no text can go on.
_TOKEN = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"?|[][{}]')
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NAME_ALONE = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"[ \t\r\n]*:')
# What stands between entries; NUL is what a power cut leaves.
_PUNCTUATION = " \t\r\n{},\ufeff\0"
# Values within values may have to be read again; no real file needs more than twice.
_MOST_READINGS = 4


@dataclass(frozen=True, slots=True)
class _Value:
    """An object that stands under a name: where both are, and the values within it."""

    name_start: int
    name_end: int
    start: int
    end: int
    within: list[_Value]


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet, the name before it, and the values within it so far."""

    bracket: str
    start: int
    name: re.Match[str] | None
    within: list[_Value] = field(default_factory=list)


def take_apart(content: bytes, provider: str | None = None) -> Fragments:
    """Return the complete members of an auth.json, and whatever else stands in it.

    With `provider` the content is the entry of that one alone. Of a repeated name every member
    is returned; of a torn content those that have a type.
    """
    # A file may be cut off in the middle of a character.
    text = content.decode("utf-8", "surrogateescape")
    if provider is not None:
        return Fragments(((provider, Secret(text)),))
    reading = parse_live(content)
    if isinstance(reading, Whole):
        members = [(m.provider, reading.value_of(m)) for m in reading.members]
        return Fragments(tuple(members))
    # No entry is without a type.
    values = list(_complete(text, _values(text))) if '"type"' in text else []
    ends = [0, *(value.end for _, value in values)]
    starts = [*(value.name_start for _, value in values), len(text)]
    between = [text[a:b].strip(_PUNCTUATION) for a, b in zip(ends, starts, strict=True)]
    return Fragments(
        tuple((name, Secret(text[value.start : value.end])) for name, value in values),
        tuple(Secret(piece) for piece in between if _says_something(piece)),
    )


def _says_something(piece: str) -> bool:
    return any(c.isalnum() for c in piece) and not _NAME_ALONE.fullmatch(piece)


def _complete(text: str, values: list[_Value]) -> Iterator[tuple[str, _Value]]:
    """Return those that may be entries, with their names; of one that is none, those within it."""
    left = _MOST_READINGS * len(text)
    waiting = values[::-1]
    while waiting:
        value = waiting.pop()
        left -= value.end - value.start
        if left < 0:
            return
        name = _name(text, value)
        if name is None:
            waiting += value.within[::-1]
        else:
            yield name, value


def _name(text: str, value: _Value) -> str | None:
    try:
        entry = DECODER.decode(text[value.start : value.end])
        name = DECODER.decode(text[value.name_start : value.name_end])
    except (ValueError, RecursionError):
        return None
    # What has none is a part of an entry, or nobody's.
    return name.rstrip("/") or name if isinstance(entry.get("type"), str) else None


def _values(text: str) -> list[_Value]:
    """Return the outermost objects that stand under a name and are closed, in their order."""
    outermost: list[_Value] = []
    stack: list[_Open] = []
    last: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            is_named = last is not None and _COLON.fullmatch(text, last.end(), token.start())
            stack.append(_Open(token[0], token.start(), last if is_named else None))
        elif token[0] in "}]":
            _close(token, stack, outermost)
        last = token
    return outermost + [value for opening in stack for value in opening.within]


def _close(token: re.Match[str], stack: list[_Open], outermost: list[_Value]) -> None:
    closed = stack.pop() if stack else None
    if closed is None or closed.bracket + token[0] not in {"{}", "[]"}:
        # Here the end of another content begins: nothing before it is closed any more.
        outermost += [value for opening in [*stack, closed] if opening for value in opening.within]
        stack.clear()
        return
    values = closed.within
    if closed.name is not None and token[0] == "}":
        named = closed.name
        values = [_Value(named.start(), named.end(), closed.start, token.end(), closed.within)]
    (stack[-1].within if stack else outermost).extend(values)
