"""An auth.json in letters that opencode does not read: whole for a person, empty for opencode.

Windows' `>` writes UTF-16, editors leave byte order marks. opencode reads UTF-8 after at most one
mark and takes everything else for an empty file, so its next write would be all that is left.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from rotator.opencode.auth.json_members import members_of

_MARK = "\ufeff"
# The longer ones first: one of them begins with another.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_UNMARKED = (
    ("utf-32-le", "UTF-32"),
    ("utf-32-be", "UTF-32"),
    ("utf-16-le", "UTF-16"),
    ("utf-16-be", "UTF-16"),
)


@dataclass(frozen=True, slots=True)
class OtherText:
    """What such a content says, and why opencode does not read it."""

    text: str
    why: str

    def __repr__(self) -> str:
        return f"OtherText({self.why})"


def other_text(content: bytes) -> OtherText | None:
    """Return what a content says that opencode cannot read for its letters; None: it is not so.

    Half of one in UTF-8 is none: opencode itself may have written it.
    """
    bare = content
    while bare.startswith(codecs.BOM_UTF8):
        bare = bare.removeprefix(codecs.BOM_UTF8)
    for mark, encoding, name in _MARKS:
        if bare.startswith(mark):
            text = bare.removeprefix(mark).decode(encoding, "replace").replace(_MARK, "")
            return OtherText(text, f"it is {name} text")
    if b"\0" in content:
        texts = ((_whole(content, encoding), name) for encoding, name in _UNMARKED)
        return next((OtherText(text, f"it is {name} text") for text, name in texts if text), None)
    left = _whole(content, "utf-8") if _MARK.encode() in content else None
    why = "it has more than one byte order mark, or one that is not its beginning"
    return OtherText(left, why) if left else None


def _whole(content: bytes, encoding: str) -> str | None:
    """Return the text without any mark if it is one JSON object in that encoding."""
    try:
        text = content.decode(encoding).replace(_MARK, "")
        members_of(text)
    except (ValueError, RecursionError):
        return None
    return text
