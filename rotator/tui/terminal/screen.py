"""The terminal, full of the dashboard and given back as it was; the only importer of blessed.

To load blessed takes longer than all else before the first screen, so that one is drawn without
it: with sequences that every terminal has which blessed can use, and with the colours that the
environment tells. Keys wait in the terminal meanwhile. From `load` on blessed reads them.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Self

from rotator.tui.terminal.keyboard import KeyStroke
from rotator.tui.terminal.palette import Palette, colors_told, is_light, palette_for
from rotator.tui.terminal.query_replies import ASK_GROUND, QueryReplies

if TYPE_CHECKING:
    from blessed import Terminal

# A terminal that does not answer must not hold up the keys for long.
_QUERY_SECONDS = "0.5"
_QUICK_SECONDS = 0.3
_ASK_SECONDS = 0.2
# So long the rest of a key may take to arrive after its escape.
_ESCAPE_SECONDS = 0.1
_READ_SIZE = 4096
_USUAL_SIZE = (80, 24)
# The other screen, no cursor, no line that goes on in the next one; and back.
_TAKE, _GIVE_BACK = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l"
# Clicks and the wheel, told in a form without limits; pasted text told from typed text.
_HEARD = (1000, 1006, 2004)


class Screen:
    """The terminal while the block runs; the first `write` needs no library."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._stack = contextlib.ExitStack()
        self._term: Terminal | None = None
        self._answers = QueryReplies()
        self._ground = self._answers.ground
        self._early = ""
        self._colors = colors_told(environ)
        self.palette = self._palette()
        self.synchronized = False
        self.keyboard = sys.stdin.fileno()

    def __enter__(self) -> Self:
        self.enter()
        # The console of Linux has a dark one, and an old one would print the question.
        if self._colors and self._environ.get("TERM") != "linux":
            self.write(ASK_GROUND)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, at least one each."""
        try:
            width, height = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            width = height = 0
        return width or _USUAL_SIZE[0], height or _USUAL_SIZE[1]

    def enter(self) -> None:
        """Take the whole terminal; raises OSError if it is gone."""
        stack = self._stack
        stack.enter_context(_keys_at_once(self.keyboard))
        self.write(_TAKE)
        stack.callback(self.write, _GIVE_BACK)
        if self._term is not None:
            self._listen(self._term)

    def leave(self) -> None:
        """Give the terminal back as it was."""
        with contextlib.suppress(OSError, ValueError):
            self._stack.close()
        _let_go_of_unread()

    def hear_early(self) -> None:
        """Take in what has come already: the terminal's answer decides how the screen looks."""
        with contextlib.suppress(OSError):
            if select.select([self.keyboard], [], [], 0)[0]:
                came = os.read(self.keyboard, _READ_SIZE).decode(errors="ignore")
                self._early += self._answers.typed_in(came)
        self._settle()

    def load(self) -> None:
        """Load the library and find out with it what the first screen did without."""
        term, quick = _terminal(self._environ)
        self._term = term
        if self._early:
            term.ungetch(self._early)
        self._listen(term)
        if not self._environ.get("NO_COLOR"):
            self._colors = term.number_of_colors
        # Some terminals show what they were asked; a palette that is new has all drawn anew.
        self.palette = self._palette()
        if quick:
            self.synchronized = term.does_synchronized_output(timeout=_ASK_SECONDS)

    def write(self, text: str) -> None:
        """Write in one piece; raises OSError if the terminal is gone."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def strokes(self) -> Iterator[KeyStroke]:
        """Yield the keys that are there, also those that blessed has read already.

        Raises EOFError, OSError.
        """
        if self._term is None:
            return
        while key := self._term.inkey(timeout=0, esc_delay=_ESCAPE_SECONDS):
            if not self._answers.takes(str(key), time.monotonic()):
                yield KeyStroke(key.name, str(key), key.mouse_xy, key.text)
        self._settle()

    def _listen(self, term: Terminal) -> None:
        """Have keys, clicks and pastes told by blessed until the terminal is given back."""
        self._stack.enter_context(term.cbreak())
        self._stack.enter_context(hearing_all(term))

    def _settle(self) -> None:
        """Take the colours that go with the ground, once the terminal has told it."""
        if self._answers.ground != self._ground:
            self._ground = self._answers.ground
            self.palette = self._palette()

    def _palette(self) -> Palette:
        light = is_light(self._environ.get("COLORFGBG", ""), self._ground)
        return palette_for(self._colors, light=light)


@contextlib.contextmanager
def hearing_all(term: Terminal) -> Iterator[None]:
    """Have clicks and pastes told, also by a terminal that does not say that it can.

    blessed 1.52 reads them only once it has switched them on itself, and what is public of that
    asks the terminal first: many have a mouse and tell nobody.
    """
    try:
        switches = term._dec_mode_set_enabled, term._dec_mode_set_disabled  # noqa: SLF001  # see above
    except AttributeError:
        # Another blessed: then whoever answers has a mouse.
        with term.dec_modes_enabled(*_HEARD):
            yield
        return
    switches[0](*_HEARD)
    try:
        yield
    finally:
        switches[1](*_HEARD)


def _let_go_of_unread() -> None:
    """Let what a terminal that is gone does not take go nowhere.

    Python writes it once more at its exit, fails, and ends with a code of its own.
    """
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except ValueError:
        # It is closed.
        return


@contextlib.contextmanager
def _keys_at_once(keyboard: int) -> Iterator[None]:
    """Have each key told at once and none shown; raises OSError if the terminal is gone."""
    try:
        before = termios.tcgetattr(keyboard)
        tty.setcbreak(keyboard, termios.TCSANOW)
    except termios.error as exc:
        raise OSError(*exc.args) from None
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _terminal(environ: Mapping[str, str]) -> tuple[Terminal, bool]:
    """Return the library's terminal, which has asked the real one, and whether that was quick."""
    os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", _QUERY_SECONDS)
    # With it blessed switches off movement as well; colours are left out by the palette.
    without = environ.get("NO_COLOR")
    if without is not None:
        del os.environ["NO_COLOR"]
    try:
        import blessed  # noqa: PLC0415  # the first screen does without

        began = time.monotonic()
        return blessed.Terminal(), time.monotonic() - began < _QUICK_SECONDS
    finally:
        if without is not None:
            os.environ["NO_COLOR"] = without
