"""The one function through which text from outside enters: cut short and made harmless."""

from __future__ import annotations

LONGEST = 300


def clean(text: object, longest: int = LONGEST) -> str:
    """Return `text` on one line, without control or format characters, at most `longest` long.

    Bodies, identities, model names and log lines come from outside; an escape sequence or a
    right-to-left mark in one of them must not reach a terminal. Neither must what this Python
    does not know: a newer terminal may know it as a format character.
    """
    # Four times the length is enough to fill it after squeezing, and bounds the work.
    rough = str(text)[: longest * 4]
    plain = rough if rough.isprintable() else "".join(_harmless(c) for c in rough)
    line = " ".join(plain.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _harmless(letter: str) -> str:
    return letter if letter.isprintable() else " "
