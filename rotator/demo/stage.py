"""The stage of the demo: a temporary HOME, an environment of its own, and children that end.

It knows how to start and end programs, and nothing of the plot.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import rotator
from rotator.demo import keeper as keeper_program
from rotator.errors import RotatorError
from rotator.system import interrupts
from rotator.system.paths import Paths, find_paths, private_folder
from rotator.text import sanitize

LOOK_SECONDS = 0.001
_ENDING_SECONDS = 3.0
# With less than this no step of the demo is sure to succeed.
_ROOM = 1024 * 1024
# What a child may know of the user: where programs are and how text is written.
_KEPT = {"PATH", "LANG", "LANGUAGE", "TZ"}
# A program begins once it is known to whoever ends it if we are killed, and does not if we were.
_ONCE_KNOWN = 'read -r _ && exec "$@" </dev/null'
_INSTALLED = {"site-packages", "dist-packages"}


class DemoFailed(RotatorError):
    """A step of the demo did not happen."""


class DiskFull(DemoFailed):
    """There is no room for the demo where temporary files lie."""

    def __init__(self, folder: Path) -> None:
        message = f"the disk is full where temporary files lie ({folder})"
        super().__init__(message, hint="make room there, or set TMPDIR to a folder that has some")


@dataclass(frozen=True)
class Child:
    """A program that was started; what it says goes into two files of the temporary HOME."""

    name: str
    process: subprocess.Popen[bytes]
    said: Path
    complained: Path

    def output(self) -> str:
        """Return what it has said so far."""
        return _text(self.said).rstrip()

    def ending(self) -> str:
        """Return how it ended and its last words, for a message."""
        lines = f"{_text(self.said)}\n{_text(self.complained)}".splitlines()
        # What is indented belongs to a line before it: a hint of ours, the way to an error.
        words = [line for line in lines if line and not line[0].isspace()]
        last = words[-1] if words else "without a word"
        return f"{self.name} ended with {self.process.returncode}: {sanitize(last)}"


@dataclass(frozen=True)
class Stage:
    """A temporary HOME with what runs in it; `open_stage` makes one.

    `patience_seconds` is how long a step may take before the demo gives up.
    """

    home: Path
    env: Mapping[str, str]
    patience_seconds: float
    children: list[Child] = field(default_factory=list)
    # Who hears of each child, and ends it if we are killed.
    keeper: IO[bytes] | None = field(default=None, repr=False)

    @property
    def work(self) -> Path:
        """The folder that its programs run in; opencode takes it for the project."""
        return self.home / "work"

    @property
    def paths(self) -> Paths:
        """Where rotator and opencode keep their files on this stage."""
        return find_paths(self.env)

    def start(
        self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None
    ) -> Child:
        """Start a program that lives in the temporary HOME; DemoFailed if it cannot be started."""
        stem = self.home / f"{len(self.children)}"
        said, complained = stem.with_suffix(".out"), stem.with_suffix(".err")
        with said.open("wb") as out, complained.open("wb") as err:
            try:
                _require_program(command[0], self.env)
                process = subprocess.Popen(  # noqa: S603  # our own commands
                    ["/bin/sh", "-c", _ONCE_KNOWN, "sh", *command],
                    bufsize=0,
                    cwd=self.work,
                    env={**self.env, **(extra or {})},
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=err,
                    # A group of its own: a wrapper's children can be ended with it.
                    start_new_session=True,
                )
            except OSError as exc:
                message = f"{name} could not be started: {exc.strerror}"
                raise DemoFailed(message) from exc
        child = Child(name, process, said, complained)
        self.children.append(child)
        _tell(self.keeper, str(process.pid))
        with process.stdin or contextlib.nullcontext():
            _tell(process.stdin, "go")
        return child

    def rotator(self, *words: str) -> Child:
        """Start a command of this very rotator."""
        return self.start(
            f"rotator {' '.join(words)}", [sys.executable, "-P", "-m", "rotator", *words]
        )

    def finish(self, child: Child) -> str:
        """Wait for a program to end well and return what it said; DemoFailed if it does not."""
        self.wait(f"the end of {child.name}", lambda: child.process.poll() is not None)
        if child.process.returncode != 0:
            raise DemoFailed(child.ending())
        return child.output()

    def wait(self, step: str, happened: Callable[[], bool], *, needs: Sequence[Child] = ()) -> None:
        """Wait until `happened`; DemoFailed names the step if it does not, or a program ended."""
        deadline = time.monotonic() + self.patience_seconds
        while not happened():
            for child in needs:
                if child.process.poll() is not None and not happened():
                    message = f"this step did not happen: {step}; {child.ending()}"
                    raise DemoFailed(message)
            if time.monotonic() > deadline:
                message = f"this step did not happen within {self.patience_seconds:g} s: {step}"
                raise DemoFailed(message)
            interrupts.pause(LOOK_SECONDS)


@contextlib.contextmanager
def open_stage(patience_seconds: float, environ: Mapping[str, str]) -> Iterator[Stage]:
    """Make a stage; when the context is left its children have ended and its HOME is gone."""
    with _temporary_folder() as (home, keeper):
        env = environment(environ, home)
        stage = Stage(home, env, patience_seconds, keeper=keeper)
        try:
            for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
                private_folder(Path(env[name]))
            private_folder(stage.work)
            yield stage
        except BrokenPipeError:
            raise
        except (RotatorError, OSError) as exc:
            # The words of a child that met a full disk went to the same disk.
            if _is_full(home):
                raise DiskFull(home.parent) from exc
            raise
        finally:
            for child in reversed(stage.children):
                _end(child.process)


@contextlib.contextmanager
def _kept(home: Path) -> Iterator[IO[bytes] | None]:
    """Have somebody who ends the children and removes the folder where we are killed."""
    # By its path, without what it does not need: it is there before the first child is.
    command = [sys.executable, "-I", "-S", keeper_program.__file__, str(home)]
    process = subprocess.Popen(  # noqa: S603  # our own command
        command,
        bufsize=0,
        # Not in a folder that others want to remove.
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # What ends our group does not end it.
        start_new_session=True,
    )
    try:
        yield process.stdin
    finally:
        # There is nothing left to do.
        process.kill()
        with process:
            pass


def _require_program(program: str, env: Mapping[str, str]) -> None:
    if shutil.which(program, path=env.get("PATH", os.defpath)) is None:
        number = errno.EACCES if Path(program).exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), program)


def _tell(listener: IO[bytes] | None, word: str) -> None:
    # One that is gone is needed by nobody who is not killed.
    with contextlib.suppress(OSError):
        if listener is not None:
            listener.write(f"{word}\n".encode())


def _is_full(folder: Path) -> bool:
    try:
        (folder / ".room").write_bytes(bytes(_ROOM))
    except OSError as exc:
        return exc.errno in {errno.ENOSPC, errno.EDQUOT}
    return False


@contextlib.contextmanager
def _temporary_folder() -> Iterator[tuple[Path, IO[bytes] | None]]:
    """Make a folder that is gone at the end, and say who removes it if we are killed."""
    folder = Path(tempfile.mkdtemp(prefix="rotator-demo-")).resolve()
    try:
        with _kept(folder) as keeper:
            try:
                yield folder, keeper
            finally:
                _remove(folder)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, whatever a program that is dying writes in it."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(LOOK_SECONDS)


def environment(user: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment of every child: nothing of the user's but what is harmless.

    So neither their keys nor their ROTATOR_ and OPENCODE_ variables nor a proxy get through.
    """
    env = {n: v for n, v in user.items() if n in _KEPT or n.startswith("LC_")}
    env.update(
        HOME=str(home),
        NO_COLOR="1",
        TMPDIR=str(home / ".tmp"),
        XDG_CACHE_HOME=str(home / ".cache"),
        XDG_CONFIG_HOME=str(home / ".config"),
        XDG_DATA_HOME=str(home / ".local" / "share"),
        XDG_RUNTIME_DIR=str(home / ".run"),
        XDG_STATE_HOME=str(home / ".local" / "state"),
    )
    source = Path(rotator.__file__).parents[1]
    if source.name not in _INSTALLED:
        env["PYTHONPATH"] = str(source)
    return env


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_ENDING_SECONDS)
    # It may have ended without what it started, or not at all.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""
