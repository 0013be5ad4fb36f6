"""Where things stand in a text of TOML: what messages name, and what edits go by.

It reads only text that is valid already (tomllib has read it), so it need not check; it never
says what a value means.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

KeyPath = tuple[str | int, ...]
Kind = Literal["value", "table", "entry"]

# Blanks, line ends and comments, as they may stand between two things.
SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_STRINGS = (
    r'"""(?:[^\\]|\\.)*?"{3,5}',
    r"'''.*?'{3,5}",
    r'"(?:[^"\\\n]|\\.)*"',
    r"'[^'\n]*'",
)
_STRING = re.compile("|".join(_STRINGS), re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^\n,#\]}]+")


@dataclass(frozen=True, slots=True)
class Position:
    """Something that stands in the text.

    A `value` has a key or is an element of a list; a `table` is a `[header]`, an `entry` a
    `[[header]]`. `base` is the header that it stands under. `start` is where its key begins,
    `value_start` and `end` enclose its value (of a header: the brackets).
    """

    path: KeyPath
    kind: Kind
    base: KeyPath
    start: int
    value_start: int
    end: int
    # Whether it stands inside of an inline table or a list.
    is_inner: bool = False


class Positions:
    """All places of one text, in its order."""

    def __init__(self, text: str, places: Sequence[Position]) -> None:
        self.text = text
        self.all = tuple(places)
        self._at: dict[KeyPath, Position] = {}
        # The first thing that stands at a path or below it.
        self._below: dict[KeyPath, Position] = {}
        for place in self.all:
            self._at.setdefault(place.path, place)
            for length in range(1, len(place.path) + 1):
                self._below.setdefault(place.path[:length], place)

    def at(self, path: KeyPath) -> Position | None:
        """Return what stands there itself, the first if its table is opened twice."""
        return self._at.get(path)

    def find(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column of the nearest thing to `path`: itself, a part, what is around.

        Of a value itself it is the value, or with `key` its name.
        """
        for length in range(len(path), 0, -1):
            near = tuple(path[:length])
            place = self.at(near) or self._below.get(near)
            if place is not None:
                is_itself = length == len(path) and place.path == near
                start = place.value_start if is_itself and not key else place.start
                return position(self.text, start)
        return 1, 1


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of `offset`, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def read_positions(text: str) -> Positions:
    """Return where everything stands in `text`, which is valid TOML."""
    return Positions(text, list(_Scanner(text).statements()))


class _Scanner:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._base: KeyPath = ()
        self._counts: dict[KeyPath, int] = {}

    def statements(self) -> Iterator[Position]:
        while True:
            self._skip_space()
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                yield self._header()
            else:
                yield from self._pair(self._base, is_inner=False)

    def _header(self) -> Position:
        start = self._at
        is_entry = self._text.startswith("[[", start)
        self._at += 2 if is_entry else 1
        path = self._numbered(self._key(), is_entry=is_entry)
        self._at += 2 if is_entry else 1
        self._base = path
        return Position(path, "entry" if is_entry else "table", path, start, start, self._at)

    def _numbered(self, names: tuple[str, ...], *, is_entry: bool) -> KeyPath:
        """Return the path with the numbers of the entries of lists in it, the last one opened."""
        path: KeyPath = ()
        for index, name in enumerate(names):
            path = (*path, name)
            if is_entry and index == len(names) - 1:
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path = (*path, self._counts[path])
        return path

    def _pair(self, base: KeyPath, *, is_inner: bool) -> Iterator[Position]:
        start = self._at
        path = base + self._key()
        self._at += 1  # the sign of equality
        self._skip_blanks()
        yield from self._value(path, start, is_inner=is_inner)

    def _value(self, path: KeyPath, start: int, *, is_inner: bool) -> Iterator[Position]:
        value_start = self._at
        inside: list[Position] = []
        match self._text[self._at]:
            case "[":
                inside = list(self._elements(path))
            case "{":
                inside = list(self._members(path))
            case '"' | "'":
                self._at = self._string().end()
            case _:
                bare = _BARE_VALUE.match(self._text, self._at)
                self._at += len(bare[0].rstrip()) if bare else 0
        yield Position(path, "value", self._base, start, value_start, self._at, is_inner)
        yield from inside

    def _elements(self, path: KeyPath) -> Iterator[Position]:
        self._at += 1
        number = 0
        while not self._is_at_end_of("]"):
            yield from self._value((*path, number), self._at, is_inner=True)
            number += 1

    def _members(self, path: KeyPath) -> Iterator[Position]:
        self._at += 1
        while not self._is_at_end_of("}"):
            yield from self._pair(path, is_inner=True)

    def _is_at_end_of(self, bracket: str) -> bool:
        """Go on to the next thing inside of brackets, or behind their end."""
        self._skip_space()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip_space()
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _key(self) -> tuple[str, ...]:
        names = []
        while True:
            self._skip_blanks()
            names.append(self._simple_key())
            self._skip_blanks()
            if self._text[self._at] != ".":
                return tuple(names)
            self._at += 1

    def _simple_key(self) -> str:
        if self._text[self._at] in "\"'":
            match = self._string()
            self._at = match.end()
            name: str = tomllib.loads(f"k = {match[0]}")["k"]
            return name
        bare = _BARE_KEY.match(self._text, self._at)
        assert bare is not None  # noqa: S101  # the text is valid
        self._at = bare.end()
        return bare[0]

    def _string(self) -> re.Match[str]:
        match = _STRING.match(self._text, self._at)
        assert match is not None  # noqa: S101  # the text is valid
        return match

    def _skip_space(self) -> None:
        match = SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _skip_blanks(self) -> None:
        while self._text[self._at : self._at + 1] in {" ", "\t"}:
            self._at += 1
