"""Our own commands as processes of their own, without the time that each takes to load.

`tests.support.fork_server` runs them; one such server belongs to each process of the tests.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.support.children import end
from tests.support.fork_server import MESSAGE_BYTES
from tests.support.repository import ROOT

_START_SECONDS = 60.0
_END_SECONDS = 10.0


def is_loaded_alike(env: Mapping[str, str]) -> bool:
    """Return whether a program with this environment loads what the server has loaded."""
    return not any(name.startswith(("PYTHON", "LD_")) for name in env)


class ForkedCommand:
    """A command that runs, with what of `subprocess.Popen` the tests use."""

    def __init__(  # noqa: PLR0913  # all that there is to say of a command
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: tuple[int, int, int],
        rights: Sequence[int] = (),
        umask: int | None = None,
        setup: Sequence[str] = (),
    ) -> None:
        """Start it with these descriptors as its streams, without these rights of root's.

        Where there is a `setup`, it has a mount namespace of its own, in which that was done.
        """
        self.args = ["rotator", *words]
        self.returncode: int | None = None
        self.stdout: IO[str] | None = None
        self._told, theirs = socket.socketpair()
        self._unread = b""
        place = {"env": dict(env), "cwd": str(cwd), "rights": list(rights), "setup": list(setup)}
        message = json.dumps({"words": list(words), "umask": umask, **place}).encode()
        assert len(message) < MESSAGE_BYTES
        with theirs:
            socket.send_fds(_server(), [message], [*streams, theirs.fileno()])
        self._told.settimeout(_START_SECONDS)
        self.pid = self._next_number()

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise subprocess.TimeoutExpired if it did not in that time."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = self._next_number()
            except (TimeoutError, BlockingIOError) as exc:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from exc
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)

    def _next_number(self) -> int:
        while b"\n" not in self._unread:
            got = self._told.recv(64)
            assert got, "the fork server has ended"
            self._unread += got
        line, _, self._unread = self._unread.partition(b"\n")
        return int(line)


def run_command(  # noqa: PLR0913  # all that there is to say of a command
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    given: str = "",
    seconds: float,
    rights: Sequence[int] = (),
    umask: int | None = None,
    setup: Sequence[str] = (),
) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code and what it wrote to both streams."""
    with contextlib.ExitStack() as stack:
        stdin, to_stdin = _pipe(stack)
        from_stdout, stdout = _pipe(stack)
        from_stderr, stderr = _pipe(stack)
        to_stdin.write(given.encode())
        to_stdin.close()
        streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
        command = ForkedCommand(
            words, env=env, cwd=cwd, streams=streams, rights=rights, umask=umask, setup=setup
        )
        stdout.close()
        stderr.close()
        try:
            told = _read(from_stdout, from_stderr, seconds=seconds)
            return command.wait(_END_SECONDS), told[0], told[1]
        except (TimeoutError, subprocess.TimeoutExpired) as exc:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait(_END_SECONDS)
            raise subprocess.TimeoutExpired(command.args, seconds) from exc


@contextlib.contextmanager
def forked_child(
    words: Sequence[str], *, env: Mapping[str, str], cwd: Path, rights: Sequence[int] = ()
) -> Iterator[ForkedCommand]:
    """Run a command while the block runs, as `tests.support.children.child` runs a program."""
    read, write = os.pipe()
    with Path(os.devnull).open("rb") as nothing:
        try:
            streams = (nothing.fileno(), write, write)
            command = ForkedCommand(words, env=env, cwd=cwd, streams=streams, rights=rights)
        finally:
            os.close(write)
    with os.fdopen(read, encoding="utf-8") as command.stdout:
        try:
            yield command
        finally:
            end(command)


def _pipe(stack: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return (
        stack.enter_context(os.fdopen(read, "rb", buffering=0)),
        stack.enter_context(os.fdopen(write, "wb", buffering=0)),
    )


def _read(*pipes: IO[bytes], seconds: float) -> list[str]:
    """Return all that comes through the pipes until they end, each as text."""
    deadline = time.monotonic() + seconds
    came = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready and time.monotonic() > deadline:
                raise TimeoutError
            for key, _ in ready:
                content = os.read(key.fd, 1 << 16)
                came[key.fileobj] += content  # type: ignore[index]  # one of ours
                if not content:
                    selector.unregister(key.fileobj)
    return [content.decode().replace("\r\n", "\n") for content in came.values()]


_server_socket: socket.socket | None = None
_server_process: subprocess.Popen[bytes] | None = None
_guard = threading.Lock()


def _server() -> socket.socket:
    """Return the socket of this process's server, which is started when it is first needed."""
    global _server_socket, _server_process  # noqa: PLW0603  # one for the process
    with _guard:
        if _server_socket is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
            with theirs:
                _server_process = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    cwd=ROOT,
                    env=kept,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=None,
                )
            ours.settimeout(_START_SECONDS)
            assert ours.recv(16) == b"ready", "the fork server did not start"
            _server_socket = ours
            atexit.register(end_server)
        return _server_socket


def end_server() -> None:
    """End this process's server, if there is one; whoever asks later gets another."""
    global _server_socket, _server_process  # noqa: PLW0603  # one for the process
    with _guard:
        if _server_socket is not None and _server_process is not None:
            _server_socket.close()
            _server_process.wait(_END_SECONDS)
        _server_socket = _server_process = None


@pytest.fixture(scope="session", autouse=True)
def _ends_with_the_session() -> Iterator[None]:
    """Leave no server behind."""
    yield
    end_server()
