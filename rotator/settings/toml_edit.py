"""Changes in a text of TOML that leave every other byte where it is: comments, order, line ends.

Values arrive as the text that is to stand there. Whoever calls reads the result again: a change
that this module cannot make at its place gives a text that means something else, or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from rotator.settings.toml_positions import SPACE, KeyPath, Place, Places, read_places

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_COMMENT_LINE = re.compile(r"[ \t]*#[^\n]*\n")
_BLANKS = re.compile(r"[ \t]*")
# What follows a member of a list that ends its line: a comma, and a comment of its own.
_END_OF_ROW = re.compile(r"(?:[ \t]*,)?([ \t]*#[^\r\n]*)?[ \t]*\r?\n")
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
    places = read_places(text)
    found = _value_at(places, path)
    if found is not None:
        return text[: found.value_start] + value + text[found.end :]
    for length in range(len(path) - 1, 0, -1):
        around = _value_at(places, path[:length])
        if around is not None:
            return _added(places, around, f"{dotted(path[length:])} = {value}")
    above = _neighbour(places, path)
    if above is None:
        return with_block(text, f"[{dotted(path[:1])}]", [(dotted(path[1:]), value)])
    return _with_line_below(text, above, f"{dotted(path[len(above.base) :])} = {value}")


def is_one_value(text: str, path: KeyPath) -> bool:
    """Tell whether `path` stands in the text as one value, not as a table over several lines."""
    return _value_at(read_places(text), path) is not None


def drop(text: str, path: KeyPath) -> str:
    """Take out what stands at `path`, a whole table included."""
    outer = [one for one in _at_or_below(text, path) if not one.is_inner]
    for one in reversed(outer):
        start, end = _line(text, one)
        text = text[:start] + text[end:]
    # In an inline table it may be spread over dotted keys.
    while inner := _at_or_below(text, path):
        text = _without_member(read_places(text), inner[0])
    return text


def _at_or_below(text: str, path: KeyPath) -> list[Place]:
    return [one for one in read_places(text).all if one.path[: len(path)] == path]


def _value_at(places: Places, path: KeyPath) -> Place | None:
    found = places.at(path)
    return found if found is not None and found.kind == "value" else None


def _neighbour(places: Places, path: KeyPath) -> Place | None:
    """Return below what a new line for `path` belongs: the last one of the nearest table."""
    near = [
        (_shared(one.path, path), one.start, one)
        for one in places.all
        if not one.is_inner and one.base == path[: len(one.base)] and _shared(one.path, path)
    ]
    return max(near, key=lambda one: one[:2])[2] if near else None


def _shared(one: KeyPath, other: KeyPath) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _with_line_below(text: str, above: Place, line: str) -> str:
    _, end = _line(text, above)
    start = text.rfind("\n", 0, above.start) + 1
    break_ = line_break(text)
    opened = "" if text[:end].endswith("\n") else break_
    return f"{text[:end]}{opened}{text[start : above.start]}{line}{break_}{text[end:]}"


def _line(text: str, place: Place) -> Span:
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


# -- lists and inline tables ---------------------------------------------------------------------


def _members(places: Places, around: Place) -> list[Place]:
    """Return what stands directly in a list or an inline table."""
    inside = [
        one
        for one in places.all
        if one.is_inner and around.value_start < one.start and one.end < around.end
    ]
    direct: list[Place] = []
    for one in inside:
        if not direct or one.start >= direct[-1].end:
            direct.append(one)
    return direct


def _added(places: Places, around: Place, member: str) -> str:
    """Put another member at the end of a list or an inline table."""
    text, members = places.text, _members(places, around)
    if not members:
        opened, closed = text[around.value_start], text[around.end - 1]
        blank = " " if opened == "{" else ""
        inside = f"{opened}{blank}{member}{blank}{closed}"
        return text[: around.value_start] + inside + text[around.end :]
    last = members[-1]
    line = text.rfind("\n", 0, last.start) + 1
    row = _row(text, (last.start, last.end))
    comma = _comma_after(text, last.end)
    if comma is None:
        text = f"{text[: last.end]},{text[last.end :]}"
    end = last.end + 1 if comma is None else comma + 1
    apart, more = " ", "" if comma is None else ","
    if row is not None:
        apart = f"{line_break(text)}{text[line : last.start]}"
        # Behind the comment of the last one.
        end = max(end, row[1][1] + (comma is None))
    return f"{text[:end]}{apart}{member}{more}{text[end:]}"


def _without_member(places: Places, member: Place) -> str:
    text = places.text
    around = next(
        one
        for one in reversed(places.all)
        if one.value_start < member.start and member.end < one.end and one.kind == "value"
    )
    members = _members(places, around)
    index = members.index(member)
    cuts = [(member.start, member.end)]
    comma = _comma_after(text, member.end)
    if comma is not None:
        cuts.append((comma, comma + 1))
    elif index and (comma := _comma_after(text, members[index - 1].end)) is not None:
        cuts.append((comma, _after_blanks(text, comma + 1)))
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return _tidied(text, min(start for start, _ in cuts), member.start)


def _tidied(text: str, first: int, second: int) -> str:
    """Take away the blanks, or the empty line, that a member leaves behind."""
    for at in sorted({first, second}, reverse=True):
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        if start and end >= 0 and not text[start:end].strip():
            text = text[:start] + text[end + 1 :]
        elif text[at : at + 1] == " " and text[at - 1 : at] in {" ", "[", "{"}:
            text = text[:at] + text[at + 1 :]
    return text


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _comma_after(text: str, at: int) -> int | None:
    found = SPACE.match(text, at)
    comma = found.end() if found else at
    return comma if text[comma : comma + 1] == "," else None


# -- entries of a list of tables -----------------------------------------------------------------


def entries(text: str, name: str) -> list[Span]:
    """Return the span of each entry, `[[name]]` with the comment above it, or in one list."""
    places = read_places(text)
    around = _value_at(places, (name,))
    if around is not None:
        return [(one.start, one.end) for one in _members(places, around)]
    headers = [one for one in places.all if one.kind == "entry" and one.path[:-1] == (name,)]
    return [_block(places, header) for header in headers]


def _block(places: Places, header: Place) -> Span:
    text = places.text
    start = _with_comments_above(text, text.rfind("\n", 0, header.start) + 1)
    end = max(one.end for one in places.all if one.base == header.path)
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
    if is_one_value(text, (name,)):
        rows = [_row(text, span) for span in entries(text, name)]
        if all(rows):
            spans = [span for row in rows for span in row or ()]
            return _permuted(text, spans, [2 * one + part for one in order for part in (0, 1)])
    return _permuted(text, entries(text, name), order)


def _row(text: str, member: Span) -> tuple[Span, Span] | None:
    """Return a member with the comment above it, and the comment behind it; None: no row."""
    start, end = member
    line = text.rfind("\n", 0, start) + 1
    below = _END_OF_ROW.match(text, end)
    if not line or text[line:start].strip() or below is None:
        return None
    behind = below.span(1)
    if behind[0] < 0:
        comma = _comma_after(text, end)
        behind = (end, end) if comma is None else (comma + 1, comma + 1)
    return (_with_comments_above(text, line), end), behind


def _permuted(text: str, spans: Sequence[Span], order: Sequence[int]) -> str:
    pieces = [text[start:end] for start, end in spans]
    for (start, end), index in reversed(list(zip(spans, order, strict=True))):
        text = text[:start] + pieces[index] + text[end:]
    return text


def drop_entry(text: str, name: str, index: int) -> str:
    """Take out one entry, the comment above it, and the blank lines below it."""
    places = read_places(text)
    around = _value_at(places, (name,))
    if around is not None:
        return _without_row(places, _members(places, around), index)
    start, end = entries(text, name)[index]
    blank = re.compile(r"[ \t\r]*\n(?:[ \t\r]*\n)*").match(text, end)
    return text[:start] + text[blank.end() if blank else end :]


def _without_row(places: Places, members: list[Place], index: int) -> str:
    text, member = places.text, members[index]
    row = _row(text, (member.start, member.end))
    if row is None:
        return _without_member(places, member)
    (start, _), (_, end) = row
    is_last = _comma_after(text, member.end) is None
    text = text[:start] + text[text.find("\n", end) + 1 :]
    comma = _comma_after(text, members[index - 1].end) if is_last and index else None
    return text if comma is None else text[:comma] + text[comma + 1 :]


def add_entry(text: str, name: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Put another entry behind the last one, in the form that the others have."""
    places = read_places(text)
    around = _value_at(places, (name,))
    if around is not None:
        inside = ", ".join(f"{key} = {value}" for key, value in pairs)
        return _added(places, around, f"{{ {inside} }}")
    spans = entries(text, name)
    at = -1
    if spans:
        end = text.find("\n", spans[-1][1]) + 1
        at = end or len(text)
    return with_block(text, f"[[{dotted([name])}]]", pairs, at)
