"""The loop that owns the terminal; the only importer of blessed.

It decides nothing: what comes becomes a message, `update` says what follows, `view` what is on
screen, and the crew does the work. One write a frame, of what has changed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Self

from rotator.clock import system_clock
from rotator.errors import RotatorError, UsageError
from rotator.paths import Paths
from rotator.tui.crew import Crew
from rotator.tui.frame import Frame
from rotator.tui.glyphs import glyphs_for
from rotator.tui.keyboard import Stroke, message_of
from rotator.tui.messages import Ended, Message, Resized, Seen, Ticked
from rotator.tui.moving import kept_in_view, with_world
from rotator.tui.paint import paint
from rotator.tui.palette import NONE, Palette, is_light, palette_for
from rotator.tui.state import State
from rotator.tui.tick import next_tick_seconds
from rotator.tui.view import view
from rotator.tui.wakeups import Wakeups, left_to_the_child
from rotator.tui.workers import OpenBooks

if TYPE_CHECKING:
    from blessed import Terminal

    from rotator.tui.effects import Effect
    from rotator.tui.errands import Explainer

# A terminal that does not answer must not hold up the first screen for long.
_QUERY_SECONDS = "0.5"
_QUICK_SECONDS = 0.3
_ASK_SECONDS = 0.2
# So long the rest of a key may take to arrive after its escape.
_ESCAPE_SECONDS = 0.1
# The first screen waits so long for the store: two screens in a row would flicker.
_FIRST_SECONDS = 0.25
_MOUSE, _MOUSE_SGR, _PASTE = 1000, 1006, 2004
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_ENDING = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
_SIGNALLED = 128
OK, INTERRUPTED = 0, 130


def run_dashboard(
    paths: Paths,
    open_books: OpenBooks,
    *,
    explain: Explainer | None = None,
    may_suspend: bool = True,
) -> int:
    """Show the dashboard until it is left; return the exit code. Raises UsageError.

    Where somebody is still being asked then, the process ends at once with that code.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        # Without a terminal blessed reads nothing, at once and for ever.
        message = "the dashboard needs a terminal"
        raise UsageError(message, hint="rotator status and rotator accounts print instead")
    wakeups = Wakeups()
    crew = Crew(paths, open_books, wakeups.post, explain)
    crew.start()
    try:
        with _Screen(os.environ) as screen, wakeups.signals():
            code = _Loop(screen, wakeups, crew, may_suspend=may_suspend).run()
    finally:
        all_ended = crew.end()
        wakeups.close()
    if not all_ended:
        # Python would wait for the answer of whoever does not answer.
        os._exit(code)
    return code


class _Screen:
    """The terminal, full of the dashboard between `enter` and `leave`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._stack = contextlib.ExitStack()
        began = time.monotonic()
        self.term = _terminal(environ)
        quick = time.monotonic() - began < _QUICK_SECONDS
        self._quick, self.synchronized = quick, False
        self.palette = _palette(self.term, environ, quick=quick)
        self.keyboard = sys.stdin.fileno()

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, at least one each."""
        return max(self.term.width, 1), max(self.term.height, 1)

    def enter(self) -> None:
        """Take the whole terminal."""
        term, stack = self.term, self._stack
        stack.enter_context(term.cbreak())
        stack.enter_context(term.fullscreen())
        stack.enter_context(term.hidden_cursor())
        # Not asked for first: many terminals have a mouse and tell nobody.
        modes = (_MOUSE, _MOUSE_SGR, _PASTE)
        term._dec_mode_set_enabled(*modes)  # noqa: SLF001  # what is public asks first
        stack.callback(term._dec_mode_set_disabled, *modes)  # noqa: SLF001  # likewise
        self.write(_NO_WRAP)
        stack.callback(self.write, _WRAP)

    def ask(self) -> None:
        """Ask what the first screen does without: whether a frame can be held together."""
        if self._quick:
            self.synchronized = self.term.does_synchronized_output(timeout=_ASK_SECONDS)

    def leave(self) -> None:
        """Give the terminal back as it was."""
        with contextlib.suppress(OSError, ValueError):
            self._stack.close()

    def write(self, text: str) -> None:
        """Write in one piece; raises OSError if the terminal is gone."""
        self.term.stream.write(text)
        self.term.stream.flush()

    def strokes(self) -> Iterator[Stroke]:
        """Yield the keys that are there, also those that blessed has read already.

        Raises EOFError, OSError.
        """
        while key := self.term.inkey(timeout=0, esc_delay=_ESCAPE_SECONDS):
            yield Stroke(key.name, str(key), key.mouse_xy, key.text)


def _terminal(environ: Mapping[str, str]) -> Terminal:
    os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", _QUERY_SECONDS)
    # With it blessed switches off movement as well; colours are left out by the palette.
    without = environ.get("NO_COLOR")
    if without is not None:
        del os.environ["NO_COLOR"]
    try:
        import blessed  # noqa: PLC0415  # after its settings; the store is read meanwhile

        return blessed.Terminal()
    finally:
        if without is not None:
            os.environ["NO_COLOR"] = without


def _palette(term: Terminal, environ: Mapping[str, str], *, quick: bool) -> Palette:
    if environ.get("NO_COLOR"):
        return palette_for(NONE)
    ground = None
    if quick:
        red, green, blue = term.get_bgcolor(timeout=_ASK_SECONDS)
        ground = (red, green, blue) if red >= 0 else None
    light = is_light(environ.get("COLORFGBG", ""), ground)
    return palette_for(term.number_of_colors, light=light)


class _Loop:
    """Takes messages, draws, and waits for the next one."""

    def __init__(self, screen: _Screen, wakeups: Wakeups, crew: Crew, *, may_suspend: bool) -> None:
        self._screen, self._wakeups, self._crew = screen, wakeups, crew
        self._may_suspend = may_suspend
        width, height = screen.size
        glyphs = glyphs_for(sys.stdout.encoding)
        self._state = State(now=system_clock(), width=width, height=height, glyphs=glyphs)
        self._frame: Frame | None = None
        self._end: int | None = None

    def run(self) -> int:
        """Go on until something ends it; return the exit code."""
        try:
            self._first()
            while self._end is None:
                self._draw()
                self._wait(next_tick_seconds(self._state, system_clock()))
        except (EOFError, OSError):
            # The terminal is gone, and with it whoever looked at it.
            return _SIGNALLED + signal.SIGHUP
        return self._end

    def _first(self) -> None:
        """Draw the first screen before anything is loaded that it does not need."""
        self._wakeups.wait_for_message(_FIRST_SECONDS)
        news = self._wakeups.taken()
        for message in news:
            if isinstance(message, Seen):
                self._state = kept_in_view(with_world(self._state, message.world))
        self._draw()
        self._crew.follow()
        self._screen.ask()
        for message in news:
            self._take(message)
        # What was typed while the terminal answered is in blessed's buffer, where no wait sees it.
        self._hear()

    def _draw(self) -> None:
        frame = view(self._state)
        screen = self._screen
        text = paint(self._frame, frame, screen.palette, synchronized=screen.synchronized)
        if text:
            screen.write(text)
        self._frame = frame

    def _wait(self, seconds: float) -> None:
        signals = self._wakeups.wait(self._screen.keyboard, seconds)
        self._take(Ticked(system_clock()))
        self._obey(signals)
        for message in self._wakeups.taken():
            self._take(message)
        self._hear()

    def _hear(self) -> None:
        for stroke in self._screen.strokes():
            meant = message_of(stroke, self._frame)
            if meant is not None:
                self._take(meant)
            if self._end is not None:
                return

    def _obey(self, signals: set[signal.Signals]) -> None:
        ending = sorted(signals & _ENDING)
        if ending:
            self._end = INTERRUPTED if ending == [signal.SIGINT] else _SIGNALLED + ending[-1]
        elif signal.SIGTSTP in signals:
            self._suspend()
        elif signal.SIGCONT in signals:
            # Whoever stopped us from outside may have used the terminal meanwhile.
            self._screen.leave()
            self._screen.enter()
            self._resize()
        elif signal.SIGWINCH in signals:
            self._resize()

    def _resize(self) -> None:
        self._take(Resized(*self._screen.size))
        self._frame = None

    def _take(self, message: Message) -> None:
        from rotator.tui.update import update  # noqa: PLC0415  # not for the first screen

        self._state, effects = update(self._state, message)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        from rotator.tui import effects as do  # noqa: PLC0415  # likewise

        match effect:
            case do.Quit():
                self._end = OK
            case do.Redraw():
                self._frame = None
            case do.Suspend():
                self._suspend()
            case do.Connect(job, provider):
                self._connect(job, provider)
            case do.ReadPast():
                self._crew.read_past(effect.accounts)
            case _:
                self._crew.carry_out(effect)

    def _suspend(self) -> None:
        """Stop as a shell's job does, and go on where it was."""
        if not self._may_suspend:
            return
        self._screen.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._screen.enter()
        self._resize()

    def _connect(self, job: int, provider: str) -> None:
        """Give the terminal to opencode's login, and find out afterwards what it has brought."""
        import subprocess  # noqa: PLC0415  # not for the first screen

        from rotator.opencode.login import login_command  # noqa: PLC0415  # not for the first screen
        from rotator.tui.effects import Captured  # noqa: PLC0415  # likewise

        seen = self._state.seen
        before = frozenset(row.id for row in seen.rows)
        last = seen.events[-1].number if seen.events else 0
        try:
            command = login_command(provider)
            self._screen.leave()
            try:
                with left_to_the_child():
                    code = subprocess.run(command, check=False).returncode  # noqa: S603  # ours
            finally:
                self._screen.enter()
                self._resize()
        except RotatorError as exc:
            self._take(Ended(job, f"{exc.message}; {exc.hint}", failed=True))
            return
        if code:
            self._take(Ended(job, f"opencode's login ended with {code}", failed=True))
        self._crew.carry_out(Captured(job, provider, before, last))
