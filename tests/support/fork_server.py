"""A process that has loaded the program, and forks once for each command that it is asked to run.

What a command costs is mostly the loading of its modules, some 0.3 s of the processor. A fork has
them already, and is a process of its own in everything else: its environment, its folder, its
streams, its session, its end. Whoever wants to know how the program loads starts it anew.

Run as `python -m tests.support.fork_server FD`, where FD is one end of a pair of sockets. Each
message that comes there is a command, with its three streams and a socket of its own, on which
the number of the fork and then how it ended are told.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import threading
import warnings
from typing import Any

import coverage

from tests.support import measured_fork
from tests.support.own_mounts import enter_namespace
from tests.support.without_rights import give_up

# The longest command line and environment that a test hands over.
MESSAGE_BYTES = 1 << 18
# Whose test is measured, so are its commands: how a module is loaded, others' tests measure. These
# settings are in a file, which may be another one for each test.
MEASURED_BY_FILE = "COVERAGE_PROCESS_START"
# What loads the library of a terminal, is made for tests, or runs when it is loaded.
_NOT_LOADED = ("rotator.testing", "rotator.tui", "rotator.__main__")
# What is loaded by name, when a request is sent, or by a plug-in of one of our libraries.
_BY_NAME = ("httpx2", "encodings.idna", "psutil", "pydantic_settings", "watchdog.observers")


def load_all() -> None:
    """Load every module that a command may load."""
    for package in ("rotator", "providers"):
        folder = importlib.import_module(package)
        for module in pkgutil.walk_packages(folder.__path__, f"{package}."):
            if not module.name.startswith(_NOT_LOADED):
                importlib.import_module(module.name)
    for name in _BY_NAME:
        importlib.import_module(name)


class _Server:
    """The forks that run, and who wants to know of their ends."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> dict[str, Any] | None:
        """Fork for each message; return its command in a fork, None at the end of all."""
        ended, woken = os.pipe()
        os.set_blocking(ended, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._asked, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == ended:
                        with contextlib.suppress(BlockingIOError):
                            os.read(ended, 4096)
                        self._tell_ends()
                        continue
                    message, streams, _, _ = socket.recv_fds(self._asked, MESSAGE_BYTES, 4)
                    if not message:
                        return None
                    command: dict[str, Any] = json.loads(message)
                    if (config := command["env"].get(measured_fork.CONFIG)) is not None:
                        measured_fork.prepared(config)
                    if self._fork(*streams) == 0:
                        selector.close()
                        os.close(ended)
                        os.close(woken)
                        return command

    def _fork(self, stdin: int, stdout: int, stderr: int, told: int) -> int:
        number = os.fork()
        if number == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            for stream, place in ((stdin, 0), (stdout, 1), (stderr, 2)):
                os.dup2(stream, place)
            self._asked.close()
            for other in self._running.values():
                other.close()
            os.close(told)
        else:
            self._running[number] = socket.socket(fileno=told)
            self._tell(self._running[number], number)
        for stream in (stdin, stdout, stderr):
            os.close(stream)
        return number

    def _tell_ends(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                number, status = os.waitpid(-1, os.WNOHANG)
                if number == 0:
                    return
                with self._running.pop(number) as told:
                    self._tell(told, os.waitstatus_to_exitcode(status))

    def _tell(self, told: socket.socket, number: int) -> None:
        # Whoever asked may have gone.
        with contextlib.suppress(OSError):
            told.sendall(f"{number}\n".encode())


def _stream(number: int, like: Any, *, line_by_line: bool = False) -> Any:
    return open(
        number,
        like.mode,
        buffering=1 if line_by_line else -1,
        encoding=like.encoding,
        errors=like.errors,
        closefd=False,
    )


def _run(command: dict[str, Any]) -> None:
    """Be that command from here on."""
    os.chdir(command["cwd"])
    if command["umask"] is not None:
        os.umask(command["umask"])
    if command["rights"]:
        give_up(command["rights"])
    os.environ.clear()
    os.environ.update(command["env"])
    if command["setup"]:
        enter_namespace(command["setup"])
    # Those that there are were made for what the server had, of which one can ask where one is.
    sys.stdin = _stream(0, sys.stdin)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr, line_by_line=True)
    importlib.import_module("time").tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["rotator", *command["words"]]
    if (config := os.environ.get(measured_fork.CONFIG)) is not None:
        measured_fork.measure(measured_fork.prepared(config))
    elif MEASURED_BY_FILE in os.environ:
        coverage.process_startup()
    main = importlib.import_module("rotator.__main__")
    try:
        main.main()
    except SystemExit as exc:
        code = exc.code
    else:
        code = None
    _leave(code)
    sys.exit(code)


def _leave(code: str | int | None) -> None:
    """End as Python does, but for taking all modules apart, if nobody could notice that.

    A fork that touches each object copies all memory, which is most of what a short command costs.
    """
    if isinstance(code, str) or threading.active_count() > 1:
        return
    # Whoever is left in a circle is ended too; what was loaded before the fork is frozen.
    gc.collect()
    # What Python itself does at its end, in its order, and multiprocessing in forks.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # see above
    atexit._run_exitfuncs()  # noqa: SLF001  # see above
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        # Python tells of that in its own way.
        return
    os._exit(code or 0)


def main() -> None:
    """Load everything, then serve until nobody is left who could ask."""
    # A Ctrl-C at the terminal is for whoever runs the tests, who ends us then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    load_all()
    gc.collect()
    gc.freeze()
    warnings.resetwarnings()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        asked.sendall(b"ready")
        command = _Server(asked).serve()
    if command is not None:
        _run(command)


if __name__ == "__main__":
    main()
