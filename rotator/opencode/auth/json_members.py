"""Where the top-level members of a JSON object stand in its text, so that one can be replaced.

Nothing here knows what a member means. A text is an object or a ValueError says why not; text
that is nested too deeply is a RecursionError.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from rotator.text import as_read

_BLANK = re.compile(r"[ \t\n\r]*")
_BOM = "\ufeff"
_LONGEST_INTEGER = 20


@dataclass(frozen=True, slots=True)
class Member:
    """A provider's id, where its name begins, and from where to where its value stands."""

    provider: str
    key_start: int
    value_start: int
    value_end: int


def _refuse_constant(_: str) -> NoReturn:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


def _integer(text: str) -> float:
    # Python refuses to read an integer of thousands of digits; JavaScript rounds it.
    return int(text) if len(text) <= _LONGEST_INTEGER else float(text)


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)


def members_of(text: str) -> tuple[Member, ...]:
    """Return the members in the order of the text, repeated names included."""
    # opencode reads past a byte order mark, which some editors write.
    position = _expect(text, _skip(text, len(_BOM) if text.startswith(_BOM) else 0), "{")
    members: list[Member] = []
    if text[position : position + 1] == "}":
        _expect_end(text, position + 1)
        return ()
    while True:
        key, after_key = DECODER.raw_decode(text, position)
        if not isinstance(key, str):
            message = f"a name was expected at character {position}"
            raise ValueError(message)
        if not key.isascii():
            key, _ = DECODER.raw_decode(as_read(text[position:after_key]))
        value_start = _expect(text, _skip(text, after_key), ":")
        _, value_end = DECODER.raw_decode(text, value_start)
        # opencode cuts trailing slashes off a provider's id when it writes.
        members.append(Member(key.rstrip("/") or key, position, value_start, value_end))
        position = _skip(text, value_end)
        if text[position : position + 1] == "}":
            _expect_end(text, position + 1)
            return tuple(members)
        position = _expect(text, position, ",")


def cut(text: str, member: Member) -> str:
    """Return the text without that member and without one comma beside it."""
    before, after = text[: member.key_start], text[member.value_end :]
    rest = after.lstrip(" \t\n\r")
    if rest.startswith(","):
        return before + rest[1:].lstrip(" \t\n\r")
    # The last member takes the comma before it along.
    head = before.rstrip(" \t\n\r")
    return head.removesuffix(",") + after


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _expect(text: str, position: int, character: str) -> int:
    if text[position : position + 1] != character:
        message = f"'{character}' was expected at character {position}"
        raise ValueError(message)
    return _skip(text, position + 1)


def _expect_end(text: str, position: int) -> None:
    if _skip(text, position) != len(text):
        message = f"more text follows at character {position}"
        raise ValueError(message)
