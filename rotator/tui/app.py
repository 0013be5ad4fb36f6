"""The loop before the screen.

It decides nothing: what comes becomes a message, `update` says what follows, `view` what is on
screen, and the job runner does the work. One write a frame, of what has changed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rotator.clock import system_clock
from rotator.errors import RotatorError, UsageError
from rotator.system.interrupts import exit_code, note, obey
from rotator.system.paths import Paths
from rotator.tui.jobs.runner import JobRunner
from rotator.tui.jobs.worker import OpenBooks
from rotator.tui.model.glyphs import glyphs_for
from rotator.tui.model.messages import JobFinished, Message, Resized, Ticked, WorldRead
from rotator.tui.model.state import DashboardState
from rotator.tui.terminal.event_pipe import EventPipe, left_to_the_child
from rotator.tui.terminal.keyboard import message_of
from rotator.tui.terminal.paint import paint
from rotator.tui.terminal.screen import Screen
from rotator.tui.update.selection import kept_in_view, with_world
from rotator.tui.update.tick import next_tick_seconds
from rotator.tui.view.frame import Frame
from rotator.tui.view.view import view

if TYPE_CHECKING:
    from rotator.tui.jobs.lookups import Explainer
    from rotator.tui.model.effects import Effect

# The first screen waits so long for the store: two screens in a row would flicker.
_FIRST_SECONDS = 0.25
_ENDING = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
OK = 0


def run_dashboard(
    paths: Paths,
    open_books: OpenBooks,
    *,
    explain: Explainer | None = None,
    on_screen: Callable[[], None] = lambda: None,
    may_suspend: bool = True,
) -> int:
    """Show the dashboard until it is left; return the exit code. Raises UsageError, Interrupted.

    `on_screen` is called once the first screen is there and the keys are listened to.
    Where somebody is still being asked then, the process ends at once with that code.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        # Without a terminal blessed reads nothing, at once and for ever.
        message = "the dashboard needs a terminal"
        raise UsageError(message, hint="rotator status and rotator accounts print instead")
    wakeups = EventPipe()
    runner = JobRunner(paths, open_books, wakeups.post, explain)
    runner.start()
    try:
        with wakeups.signals():
            # One that came before is in no pipe.
            obey()
            with Screen(os.environ) as screen:
                code = _Loop(screen, wakeups, runner, on_screen, may_suspend=may_suspend).run()
    except (EOFError, OSError):
        # The terminal is gone, and with it whoever looked at it.
        note(signal.SIGHUP)
        code = exit_code(signal.SIGHUP)
    finally:
        all_ended = runner.end()
        wakeups.close()
    if not all_ended:
        # Python would wait for the answer of whoever does not answer.
        os._exit(code)
    return code


class _Loop:
    """Takes messages, draws, and waits for the next one."""

    def __init__(
        self,
        screen: Screen,
        wakeups: EventPipe,
        runner: JobRunner,
        on_screen: Callable[[], None],
        *,
        may_suspend: bool,
    ) -> None:
        self._screen, self._wakeups, self._runner = screen, wakeups, runner
        self._on_screen = on_screen
        self._may_suspend = may_suspend
        width, height = screen.size
        glyphs = glyphs_for(sys.stdout.encoding)
        self._state = DashboardState(now=system_clock(), width=width, height=height, glyphs=glyphs)
        self._frame: Frame | None = None
        self._palette = screen.palette
        self._end: int | None = None

    def run(self) -> int:
        """Go on until something ends it; return the exit code. Raises EOFError, OSError."""
        self._first()
        while self._end is None:
            self._draw()
            self._wait(next_tick_seconds(self._state, system_clock()))
        return self._end

    def _first(self) -> None:
        """Draw the first screen before anything is loaded that it does not need.

        What comes meanwhile, keys and signals, is there when the loop begins to wait.
        """
        self._wakeups.wait_for_message(_FIRST_SECONDS)
        news = self._wakeups.taken()
        for message in news:
            if isinstance(message, WorldRead):
                self._state = kept_in_view(with_world(self._state, message.world))
        self._screen.hear_early()
        self._draw()
        self._screen.load()
        self._draw()
        self._on_screen()
        self._runner.follow()
        for message in news:
            self._take(message)
        # What was typed while the terminal answered is in blessed's buffer, where no wait sees it.
        self._hear()

    def _draw(self) -> None:
        frame = view(self._state)
        screen = self._screen
        text = paint(
            self._frame,
            frame,
            screen.palette,
            synchronized=screen.synchronized,
            anew=screen.palette is not self._palette,
        )
        if text:
            screen.write(text)
        self._frame, self._palette = frame, screen.palette

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
            # The workers hear of it, too.
            note(ending[-1])
            self._end = exit_code(ending[-1])
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
        from rotator.tui.update.update import update  # noqa: PLC0415  # not for the first screen

        self._state, effects = update(self._state, message)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        from rotator.tui.model import effects as do  # noqa: PLC0415  # likewise

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
                self._runner.read_past(effect.accounts)
            case _:
                self._runner.carry_out(effect)

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

        from rotator.opencode.program import login_command  # noqa: PLC0415  # not for the first screen
        from rotator.tui.model.effects import Captured  # noqa: PLC0415  # likewise

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
            self._take(JobFinished(job, f"{exc.message}; {exc.hint}", failed=True))
            return
        self._runner.carry_out(Captured(job, provider, before, last, code))
