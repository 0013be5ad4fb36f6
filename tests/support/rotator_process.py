"""Our own program as a person runs it: commands, and the watcher beside them.

Each is a process of its own, forked from one that has loaded the program already. What depends on
how it loads runs `PROGRAM`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.children import Lines, Running, child, end
from tests.support.forked_command import forked_child, is_loaded_alike, run_command
from tests.support.household import Household

_COMMAND_SECONDS = 60.0
_READY_SECONDS = 30.0
PROGRAM = (sys.executable, "-m", "rotator")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return what it printed, as JSON."""
        return json.loads(self.stdout)


def rotator(house: Household, *words: str, given: str | None = None) -> Ended:
    """Run a command to its end, with `given` on its standard input."""
    env = house.env()
    if not is_loaded_alike(env):
        ended = subprocess.run(
            [*PROGRAM, *words],
            env=env,
            cwd=house.home,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)
    return Ended(
        *run_command(words, env=env, cwd=house.home, given=given or "", seconds=_COMMAND_SECONDS)
    )


def accounts(house: Household) -> list[dict[str, Any]]:
    """Return the accounts as `rotator accounts --json` has them."""
    found: list[dict[str, Any]] = rotator(house, "accounts", "--json").json()["accounts"]
    return found


def status(house: Household) -> dict[str, Any]:
    """Return `rotator status --json`."""
    found: dict[str, Any] = rotator(house, "status", "--json").json()
    return found


def events(house: Household) -> list[dict[str, Any]]:
    """Return the last events, oldest first."""
    lines = rotator(house, "events", "--json", "-n", "1000").stdout.splitlines()
    return [json.loads(line) for line in lines]


class Watching:
    """A running watcher."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self.pid = process.pid
        self.killed = False

    def kill(self) -> None:
        """End it as a crash would."""
        self.killed = True
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Halt it in the middle of whatever it does."""
        os.kill(self.pid, signal.SIGSTOP)

    def cont(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)


def _watch(house: Household) -> contextlib.AbstractContextManager[Running]:
    env = house.env()
    if is_loaded_alike(env):
        return forked_child(["watch"], env=env, cwd=house.home)
    return child([*PROGRAM, "watch"], env=env, cwd=house.home)


@contextlib.contextmanager
def watcher(house: Household) -> Iterator[Watching]:
    """Run the watcher while the block runs; unless it was killed, it has to end well."""
    with _watch(house) as process:
        lines = Lines(process)
        lines.wait_for("watching ", _READY_SECONDS)
        watching = Watching(process)
        yield watching
        code = end(process)
        lines.join()
        assert watching.killed or code == 0, lines.seen
