"""Changes in a text of TOML that leave every other byte where it is: comments, order, line ends.

Values arrive as the text that is to stand there; an inline table or a list that gets or loses a
member is written anew (`inline_values`, `toml_lists`). Whoever calls reads the result again: a
change that cannot be made at its place gives a text that means something else, or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from rotator.settings.inline_values import with_key, without_key
from rotator.settings.toml_lists import TomlList, read_list
from rotator.settings.toml_positions import KeyPath, Position, Positions, read_positions

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_COMMENT_LINE = re.compile(r"[ \t]*#[^\n]*\n")
Span = tuple[int, int]


def dotted(names: Sequence[str | int]) -> str:
    """Return a key as it is written, its parts in quotes where they have to be."""
    parts = [str(name) for name in names]
    return ".".join(
        name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in parts
    )


# -- one value -----------------------------------------------------------------------------------


def put(text: str, path: KeyPath, value: str) -> str:
    """Let `path` have the value: in its place, or on a line of its own where it belongs."""
    places = read_positions(text)
    place = _value_at(places, path)
    if place is not None:
        return text[: place.value_start] + value + text[place.end :]
    around = _around(places, path)
    if around is not None:
        whole = with_key(_text_of(places, around), _names(path[len(around.path) :]), value)
        return _replaced(places, around, whole)
    above = _neighbour(places, path)
    if above is None:
        return with_block(text, f"[{dotted(path[:1])}]", [(dotted(path[1:]), value)])
    return _with_line_below(text, above, f"{dotted(path[len(above.base) :])} = {value}")


def is_one_value(text: str, path: KeyPath) -> bool:
    """Tell whether `path` stands in the text as one value, not as a table over several lines."""
    return _value_at(read_positions(text), path) is not None


def drop(text: str, path: KeyPath) -> str:
    """Take out what stands at `path`, a whole table included."""
    places = read_positions(text)
    there = [place for place in places.all if place.path[: len(path)] == path]
    around = _around(places, path) if there else None
    if around is not None:
        whole = without_key(_text_of(places, around), _names(path[len(around.path) :]))
        return _replaced(places, around, whole)
    for place in reversed([found_place for found_place in there if not found_place.is_inner]):
        start, end = _line(text, place)
        text = text[:start] + text[end:]
    return text


def _around(places: Positions, path: KeyPath) -> Position | None:
    """Return the innermost inline value that `path` belongs into."""
    above = (_value_at(places, path[:length]) for length in range(len(path) - 1, 0, -1))
    return next(filter(None, above), None)


def _names(path: KeyPath) -> list[str]:
    return [str(name) for name in path]


def _text_of(places: Positions, place: Position) -> str:
    return places.text[place.value_start : place.end]


def _replaced(places: Positions, place: Position, value: str) -> str:
    """Let a value be that one, with the line ends of the file."""
    text = places.text
    value = value.replace("\r\n", "\n").replace("\n", line_break(text))
    return text[: place.value_start] + value + text[place.end :]


def _value_at(places: Positions, path: KeyPath) -> Position | None:
    place = places.at(path)
    return place if place is not None and place.kind == "value" else None


def _neighbour(places: Positions, path: KeyPath) -> Position | None:
    """Return below what a new line for `path` belongs: the last one of the nearest table."""
    near = [
        (_shared(place.path, path), place.start, place)
        for place in places.all
        if not place.is_inner
        and place.base == path[: len(place.base)]
        and _shared(place.path, path)
    ]
    return max(near, key=lambda candidate: candidate[:2])[2] if near else None


def _shared(path: KeyPath, other: KeyPath) -> int:
    count = 0
    for mine, theirs in zip(path, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _with_line_below(text: str, above: Position, line: str) -> str:
    _, end = _line(text, above)
    start = text.rfind("\n", 0, above.start) + 1
    break_ = line_break(text)
    opened = "" if text[:end].endswith("\n") else break_
    return f"{text[:end]}{opened}{text[start : above.start]}{line}{break_}{text[end:]}"


def _line(text: str, place: Position) -> Span:
    """Return the span of the lines that a place takes up, the last break included."""
    start = text.rfind("\n", 0, place.start) + 1
    end = text.find("\n", place.end) + 1
    return start, end or len(text)


def line_break(text: str) -> str:
    """Return how lines end in this text."""
    return "\r\n" if "\r\n" in text else "\n"


def with_block(text: str, header: str, pairs: Sequence[tuple[str, str]], at: int = -1) -> str:
    """Put a table with these keys and values at the end, or at the offset `at`."""
    break_ = line_break(text)
    lines = [header, *(f"{key} = {value}" for key, value in pairs)]
    block = "".join(f"{line}{break_}" for line in lines)
    before, after = (text, "") if at < 0 else (text[:at], text[at:])
    if before and not before.endswith("\n"):
        before += break_
    is_apart = not before or before.endswith((f"\n{break_}", "\n\n"))
    return f"{before}{'' if is_apart else break_}{block}{after}"


# -- entries of a list of tables -----------------------------------------------------------------


def entries(text: str, name: str) -> list[Span]:
    """Return the span of each entry, `[[name]]` with the comment above it."""
    places = read_positions(text)
    headers = [
        member for member in places.all if member.kind == "entry" and member.path[:-1] == (name,)
    ]
    return [_block(places, header) for header in headers]


def _block(places: Positions, header: Position) -> Span:
    text = places.text
    start = _with_comments_above(text, text.rfind("\n", 0, header.start) + 1)
    end = max(place.end for place in places.all if place.base == header.path)
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    return start, stop - (text[stop - 1 : stop] == "\r")


def _with_comments_above(text: str, start: int) -> int:
    """Return where the comment begins that stands right above the line at `start`."""
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        if not _COMMENT_LINE.fullmatch(text, above, start):
            break
        start = above
    return start


def reorder(text: str, name: str, order: Sequence[int]) -> str:
    """Put the entries into that order; what stands between them stays where it is."""
    if [*order] == sorted(order):
        return text
    places = read_positions(text)
    around = _value_at(places, (name,))
    if around is not None:
        return _replaced(places, around, _list(places, around).in_order(order).text())
    return _permuted(text, entries(text, name), order)


def _list(places: Positions, around: Position) -> TomlList:
    start, length = around.value_start, len(around.path)
    spans = [
        (place.start - start, place.end - start)
        for place in places.all
        if place.is_inner and place.path[:length] == around.path and len(place.path) == length + 1
    ]
    return read_list(_text_of(places, around), spans)


def _permuted(text: str, spans: Sequence[Span], order: Sequence[int]) -> str:
    pieces = [text[start:end] for start, end in spans]
    for (start, end), index in reversed(list(zip(spans, order, strict=True))):
        text = text[:start] + pieces[index] + text[end:]
    return text


def drop_entry(text: str, name: str, index: int) -> str:
    """Take out one entry, the comment above it, and the blank lines below it."""
    places = read_positions(text)
    around = _value_at(places, (name,))
    if around is not None:
        return _replaced(places, around, _list(places, around).without(index).text())
    start, end = entries(text, name)[index]
    blank = re.compile(r"[ \t\r]*\n(?:[ \t\r]*\n)*").match(text, end)
    return text[:start] + text[blank.end() if blank else end :]


def add_entry(text: str, name: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Put another entry behind the last one, in the form that the others have."""
    places = read_positions(text)
    around = _value_at(places, (name,))
    if around is not None:
        inside = ", ".join(f"{key} = {value}" for key, value in pairs)
        more = _list(places, around).with_last(f"{{ {inside} }}")
        return _replaced(places, around, more.text())
    spans = entries(text, name)
    at = -1
    if spans:
        end = text.find("\n", spans[-1][1]) + 1
        at = end or len(text)
    return with_block(text, f"[[{dotted([name])}]]", pairs, at)
