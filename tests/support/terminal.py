"""A program in a terminal of its own: a pty with a screen, a keyboard, and an end in every case."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.children import end
from tests.support.screen import BLACK, Screen
from tests.support.waiting import wait_until

ROWS, COLUMNS = 40, 120
_TEXT_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_READ_SIZE = 65536
# A process takes the terminal that it has as its input for its own only when it asks.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)
_KEYS = {
    "backspace": "\x7f",
    "down": "\x1b[B",
    "end": "\x1b[F",
    "enter": "\r",
    "escape": "\x1b",
    "home": "\x1b[H",
    "left": "\x1b[D",
    "right": "\x1b[C",
    "space": " ",
    "tab": "\t",
    "up": "\x1b[A",
}


class Terminal:
    """What a person has before them: a screen to read and keys to press."""

    def __init__(self, master: int, process: subprocess.Popen[str], ground: str = BLACK) -> None:
        self.process = process
        self.master = master
        self._closing = False
        self._raw = bytearray()
        self._lock = threading.Lock()
        self._screen = Screen(ROWS, COLUMNS, self.send, ground)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The screen's lines, without the blanks at their ends."""
        with self._lock:
            return self._screen.lines

    @property
    def colours(self) -> list[list[tuple[str, str]]]:
        """The colours of each cell's letter and ground."""
        with self._lock:
            return self._screen.colours

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    @property
    def raw(self) -> bytes:
        """Everything that the program has written."""
        with self._lock:
            return bytes(self._raw)

    @property
    def written(self) -> int:
        """How many bytes the program has written."""
        return len(self._raw)

    @property
    def echoes(self) -> bool:
        """Whether the terminal reads whole lines and shows what is typed, as a shell leaves it."""
        flags = termios.tcgetattr(self.master)[3]
        return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)

    def send(self, text: str) -> None:
        """Send characters as they are; a program that has ended takes none."""
        with contextlib.suppress(OSError):
            os.write(self.master, text.encode())

    def type(self, text: str) -> None:
        """Type text; a new line is the enter key."""
        self.send(text.replace("\n", _KEYS["enter"]))

    def press(self, key: str) -> None:
        """Press a key by its name: `enter`, `escape`, `up`, `ctrl+p`, or one character."""
        held, _, name = key.rpartition("+")
        if held == "ctrl":
            self.send(chr(ord(name.upper()) & 0x1F))
        else:
            self.send(_KEYS.get(key, key))

    def wait_for_text(self, text: str, deadline_seconds: float = _TEXT_SECONDS) -> None:
        """Wait until the screen shows `text`; fail with the screen if it does not."""
        wait_until(
            lambda: text in self.text,
            deadline_seconds,
            lambda: f"{text!r} on the screen:\n{self.text}",
        )

    def wait_for_end(self, deadline_seconds: float = _TEXT_SECONDS) -> int:
        """Return the exit code of the program once it has ended by itself."""
        return self.process.wait(deadline_seconds)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size, which the program is told."""
        with self._lock:
            self._screen.resize(rows, columns)
        _set_size(self.master, rows, columns)

    def click(self, column: int, row: int) -> None:
        """Press and release the mouse's left button; both are counted from 0."""
        for how in "Mm":
            self.send(f"\x1b[<0;{column + 1};{row + 1}{how}")

    def vanish(self) -> None:
        """Let the terminal go, as a closed window does; the program lives on without one."""
        self._closing = True
        self._reader.join()
        os.close(self.master)
        # It is closed once more at the end.
        self.master = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        """End the program and whatever it started."""
        end(self.process)
        self._closing = True
        self._reader.join()

    def _read(self) -> None:
        # An end of file is an error here; a child's child may keep the other side open for ever.
        with contextlib.suppress(OSError):
            while not self._closing:
                if select.select([self.master], [], [], _LOOK_SECONDS)[0]:
                    data = os.read(self.master, _READ_SIZE)
                    with self._lock:
                        self._raw += data
                        self._screen.feed(data)


@contextlib.contextmanager
def terminal(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, ground: str = BLACK
) -> Iterator[Terminal]:
    """Run `command` in a terminal of 40 lines and 120 columns while the block runs."""
    master, slave = pty.openpty()
    before: Terminal | None = None
    try:
        _set_size(master, ROWS, COLUMNS)
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _TAKE_TERMINAL, *map(str, command)],
                env=dict(env) | {"COLORTERM": "truecolor", "TERM": "xterm-256color"},
                cwd=cwd,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                text=True,
                start_new_session=True,
            )
        finally:
            os.close(slave)
        before = Terminal(master, process, ground)
        try:
            yield before
        finally:
            before.close()
    finally:
        os.close(master if before is None else before.master)


def _set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
