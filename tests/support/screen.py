"""What a terminal shows and answers: a pyte screen that a full-screen program can draw on.

pyte alone prints what it does not know as text, and answers nothing. So every control string is
looked at here first: queries are answered as a plain xterm would, the rest pyte need not see.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import pyte

# An operating system command, a device control string (or its like), a control sequence, or any
# other escape of two characters.
_CONTROL = re.compile(
    r"\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[P_^X](?P<dcs>.*?)\x1b\\"
    r"|\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b[^\[\]P_^X]",
    re.DOTALL,
)
_CELL_HEIGHT, _CELL_WIDTH = 20, 10
# Modes that are said to be known and off: bracketed paste and synchronized output.
_KNOWN_MODES = {"2004", "2026"}
WHITE, BLACK = "ffff/ffff/ffff", "0000/0000/0000"


class Screen:
    """Takes what a program writes; `answer` gets what a terminal would say to it.

    `ground` is the colour behind the text that it says it has.
    """

    def __init__(
        self, rows: int, columns: int, answer: Callable[[str], None], ground: str = BLACK
    ) -> None:
        self._answer, self._ground = answer, ground
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._unfinished = ""

    @property
    def lines(self) -> list[str]:
        """The lines as they stand, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def colours(self) -> list[list[tuple[str, str]]]:
        """The colour of each cell's letter and of its ground: six hex digits, or a name."""
        columns = range(self._screen.columns)
        rows = (self._screen.buffer[y] for y in range(self._screen.lines))
        return [[(row[x].fg, row[x].bg) for x in columns] for row in rows]

    def feed(self, data: bytes) -> None:
        """Draw; an unfinished control string waits for its rest."""
        text = self._unfinished + self._decoder.decode(data)
        position = 0
        for found in _CONTROL.finditer(text):
            self._stream.feed(text[position : found.start()])
            self._control(found)
            position = found.end()
        rest = text[position:]
        cut = rest.find("\x1b")
        self._unfinished = rest[cut:] if cut >= 0 else ""
        self._stream.feed(rest[:cut] if cut >= 0 else rest)

    def resize(self, rows: int, columns: int) -> None:
        """Take another size; what is drawn stays where it is."""
        self._screen.resize(rows, columns)

    def _control(self, found: re.Match[str]) -> None:
        if (command := found["osc"]) is not None:
            self._answer_color(command)
        elif found["dcs"] is not None:
            # XTGETTCAP: no such capability.
            if found["dcs"].startswith("+q"):
                self._answer("\x1bP0+r\x1b\\")
        elif (sequence := found["csi"]) is not None:
            if not self._answer_query(sequence):
                self._draw(sequence)
        else:
            self._stream.feed(found[0])

    def _answer_color(self, command: str) -> None:
        if not command.endswith(";?"):
            return
        name = command.removesuffix(";?")
        self._answer(f"\x1b]{name};rgb:{self._ground if name == '11' else WHITE}\x1b\\")

    def _answer_query(self, sequence: str) -> bool:
        cursor = self._screen.cursor
        height, width = self._screen.lines, self._screen.columns
        answers = {
            "6n": f"\x1b[{cursor.y + 1};{cursor.x + 1}R",
            "5n": "\x1b[0n",
            "c": "\x1b[?62;22c",
            "0c": "\x1b[?62;22c",
            ">c": "\x1b[>0;0;0c",
            ">q": "\x1bP>|screen of a test\x1b\\",
            ">0q": "\x1bP>|screen of a test\x1b\\",
            "14t": f"\x1b[4;{height * _CELL_HEIGHT};{width * _CELL_WIDTH}t",
            "16t": f"\x1b[6;{_CELL_HEIGHT};{_CELL_WIDTH}t",
            "18t": f"\x1b[8;{height};{width}t",
        }
        if sequence.endswith("$p"):
            mode = sequence[1:-2]
            self._answer(f"\x1b[?{mode};{2 if mode in _KNOWN_MODES else 0}$y")
        elif sequence in answers:
            self._answer(answers[sequence])
        else:
            return False
        return True

    def _draw(self, sequence: str) -> None:
        # Saving the cursor has an older form, which pyte knows. The kitty keyboard's sequences
        # and the like begin with <, = or >, and colours with a colon: pyte would misread them.
        if sequence in {"s", "u"}:
            self._stream.feed("\x1b7" if sequence == "s" else "\x1b8")
        elif sequence[0] not in "<=>" and ":" not in sequence and sequence != "?u":
            self._stream.feed(f"\x1b[{sequence}")
