"""PID namespaces for tests: processes as another container has them, without a container.

A test that needs one on a machine that has none fails and names what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.waiting import wait_until

_SECONDS = 30.0


def in_pid_namespace(*command: str) -> list[str]:
    """Return what runs `command` as the first process of a PID namespace of its own."""
    program = shutil.which("unshare")
    if program is None:
        pytest.fail("unshare is not installed", pytrace=False)
    words = [program, "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        words += ["--user", "--map-root-user"]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.fail(f"no PID namespace can be made: {probe.stderr}", pytrace=False)
    return [*words, *command]


class Inside:
    """A watcher of ours in a PID namespace, where its pid is 1."""

    def __init__(self, process: subprocess.Popen[str], lines: Lines) -> None:
        self.lines = lines
        self._process = process
        (found,) = psutil.Process(process.pid).children()
        self.pid_here = found.pid

    def ends(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end; return the exit code."""
        os.kill(self.pid_here, number)
        return self._process.wait(_SECONDS)


@contextlib.contextmanager
def watcher_inside(house: Household) -> Iterator[Inside]:
    """Run `rotator watch` in a PID namespace of its own while the block runs."""
    command = in_pid_namespace(sys.executable, "-m", "rotator", "watch")
    with child(command, env=house.env(), cwd=house.home) as process:
        lines = Lines(process)
        lines.wait_for("watching ", _SECONDS)
        inside = Inside(process, lines)
        yield inside
        if process.poll() is None:
            inside.ends(signal.SIGTERM)
            wait_until(lambda: process.poll() is not None, _SECONDS, "the watcher's end")
