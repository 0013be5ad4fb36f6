"""A list of TOML as text: its members in another order, one more or one less.

The comments stay with the members that they are about; what is between the members is set anew.
tomlkit (0.15.2) leaves the comments above a member behind, and moves empty lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

_INDENT = "  "
# What stands in one line between two members: a comma, and a comment.
_BETWEEN = re.compile(r"[ \t]*(,?)[ \t]*(#.*)?")


@dataclass(frozen=True, slots=True)
class ListItem:
    """A member as it is written, with the lines above it and the comment behind it."""

    text: str
    above: tuple[str, ...] = ()
    behind: str = ""


@dataclass(frozen=True, slots=True)
class TomlList:
    """A list: the comment behind its bracket, its members, and the lines below the last one."""

    members: tuple[ListItem, ...]
    heading: str = ""
    below: tuple[str, ...] = ()
    has_lines: bool = False
    ends_with_comma: bool = True
    indent: str = _INDENT
    closing: str = ""

    def in_order(self, order: Iterable[int]) -> TomlList:
        """Return the list with its members in that order."""
        return replace(self, members=tuple(self.members[index] for index in order))

    def with_last(self, text: str) -> TomlList:
        """Return the list with one member more."""
        return replace(self, members=(*self.members, ListItem(text)))

    def without(self, index: int) -> TomlList:
        """Return the list without a member and its comments, but with those above an empty line."""
        gone, (*after,) = self.members[index], self.members[index + 1 :]
        blanks = [number for number, line in enumerate(gone.above) if not line]
        kept, below = gone.above[: blanks[-1] + 1] if blanks else (), self.below
        if after:
            after[0] = replace(after[0], above=(*kept, *after[0].above))
        else:
            below = (*kept, *below)
        return replace(self, members=(*self.members[:index], *after), below=below)

    def text(self) -> str:
        """Return the list as it is written."""
        if not self.has_lines:
            return f"[{', '.join(member.text for member in self.members)}]"
        lines = [f"[ {self.heading}".rstrip()]
        for number, member in enumerate(self.members, start=1):
            comma = "," if self.ends_with_comma or number < len(self.members) else ""
            lines += [*member.above, f"{member.text}{comma} {member.behind}".rstrip()]
        lines += self.below
        inside = [f"{self.indent}{line}" if line else "" for line in lines[1:]]
        return "\n".join([lines[0], *inside, f"{self.closing}]"])


def read_list(text: str, spans: Sequence[tuple[int, int]]) -> TomlList:
    """Return the list in `text`, whose members stand there."""
    starts = [*(start for start, _ in spans), len(text) - 1]
    ends = [1, *(end for _, end in spans)]
    gaps = [text[end:start].split("\n") for end, start in zip(ends, starts, strict=True)]
    behind = [_between(gap[0])[1] for gap in gaps]
    above = [tuple(_between(line)[1] for line in gap[1:-1]) for gap in gaps]
    last = gaps[-1][-1]
    before = [gap[-1] for gap in gaps[:-1] if len(gap) > 1]
    return TomlList(
        tuple(
            ListItem(text[start:end], above[number], behind[number + 1])
            for number, (start, end) in enumerate(spans)
        ),
        heading=behind[0],
        below=above[-1],
        has_lines=any(len(gap) > 1 for gap in gaps),
        ends_with_comma=not spans or any(_between(line)[0] for line in gaps[-1]),
        indent=before[0] if before and not before[0].strip(" \t") else _INDENT,
        closing=last if len(gaps[-1]) > 1 and not last.strip(" \t") else "",
    )


def _between(line: str) -> tuple[str, str]:
    match = _BETWEEN.fullmatch(line.rstrip())
    return (match[1], match[2] or "") if match else ("", "")
