"""Tells what a terminal answers to a question from what a person types.

An answer that comes late, over a slow line, reads like keys: `rgb:…` would rotate, and switch
balancing off. What begins as no key does is therefore taken out until it ends. Sequences as in
ECMA-48 5.6 and xterm's "Xterm Control Sequences".
"""

from __future__ import annotations

import re

ASK_GROUND = "\x1b]11;?\x1b\\"
# A string that nobody ends, or Alt with such a key, takes no more than what follows at once.
_PAUSE_SECONDS = 0.25
_BEL, _CONTROL = "\x07", "\x1b["
_END = "\x1b\\"
_STRINGS = ("\x1b]", "\x1bP", "\x1b^", "\x1b_")
_WHOLE = re.compile(r"\x1b(?:[\]P^_][^\x07\x1b]*(?:\x07|\x1b\\)|\[[?>][0-9;$]*[a-zA-Z])")
_GROUND = re.compile(r"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")

Ground = tuple[float, float, float]


class QueryReplies:
    """Takes answers out of what comes; `ground` is the colour behind the text once it is told.

    Its parts, red, green and blue, go from 0 to 1.
    """

    def __init__(self) -> None:
        self.ground: Ground | None = None
        self._begun = ""
        self._last_seconds = 0.0

    def typed_in(self, text: str) -> str:
        """Return what of a text as it was read is no answer."""
        for answer in _WHOLE.findall(text):
            self._note(answer)
        return _WHOLE.sub("", text)

    def takes(self, key: str, now_seconds: float) -> bool:
        """Tell whether the text of what the terminal library calls a key is part of an answer.

        `now_seconds` is of a clock that only goes on.
        """
        if self._begun and now_seconds - self._last_seconds > _PAUSE_SECONDS:
            self._begun = ""
        self._last_seconds = now_seconds
        if not self._begun:
            self._begun = key if key == _CONTROL or key.startswith(_STRINGS) else ""
            return bool(self._begun)
        self._begun += key
        if self._ends(key):
            self._note(self._begun)
            self._begun = ""
        return True

    def _ends(self, key: str) -> bool:
        if self._begun.startswith(_CONTROL):
            return "@" <= key[-1:] <= "~"
        return key == _BEL or key.endswith(_END)

    def _note(self, answer: str) -> None:
        if told := _GROUND.match(answer):
            red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in told.groups())
            self.ground = red, green, blue
