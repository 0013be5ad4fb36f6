"""The bridge's file in a process of its own, under opencode's runtime or Node, without opencode.

`tests/bridge/driver.mjs` plays opencode there. Nothing here knows what the bridge should do.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.opencode_binary import opencode_binary
from tests.support.repository import ROOT

BRIDGE = ROOT / "rotator" / "opencode" / "bridge" / "rotator.js"
DRIVER = ROOT / "tests" / "bridge" / "driver.mjs"
_ANSWER_SECONDS = 30.0
_END_SECONDS = 10.0


class BridgeProcess:
    """A running driver; commands are answered in any order, so requests can run side by side."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._buffer = b""

    def start(self, command: str, **arguments: object) -> Pending:
        """Send a command and return at once."""
        number = next(self._numbers)
        line = json.dumps({"id": number, "do": command, **arguments}) + "\n"
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        return Pending(self, number)

    def run(self, command: str, **arguments: object) -> dict[str, Any]:
        """Send a command and return its answer."""
        return self.start(command, **arguments).result()

    def load(self, directory: str = "/project", **arguments: object) -> dict[str, Any]:
        """Load the plugin, as opencode does once for each directory."""
        return self.run("load", directory=directory, **arguments)

    def answer_to(self, number: int, seconds: float) -> dict[str, Any]:
        """Return the answer to a command, waiting for it."""
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            self._read(deadline)
        answer = self._answers.pop(number)
        assert "driverError" not in answer, answer["driverError"]
        return answer

    def has_answered(self, number: int) -> bool:
        """Tell whether the answer to a command is there, without waiting."""
        with contextlib.suppress(TimeoutError):
            while number not in self._answers:
                self._read(time.monotonic())
        return number in self._answers

    def _read(self, deadline: float) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                message = "the bridge's process did not answer in time"
                raise TimeoutError(message)
        part = os.read(stdout.fileno(), 65536)
        assert part, "the bridge's process ended"
        *lines, self._buffer = (self._buffer + part).split(b"\n")
        for line in lines:
            # Anything that is no answer was printed by the bridge, which never prints.
            answer = json.loads(line)
            self._answers[answer["id"]] = answer

    def end(self) -> tuple[int, str]:
        """End it as a program ends by itself; return its exit code and what it said."""
        with contextlib.suppress(BrokenPipeError):
            _, told = self._process.communicate(timeout=_END_SECONDS)
            return self._process.returncode, told.decode()
        return self._process.wait(_END_SECONDS), ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that may still be running."""

    bridge: BridgeProcess
    number: int

    def result(self, seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """Return its answer, waiting for it."""
        return self.bridge.answer_to(self.number, seconds)

    def wait_until_acked(self) -> None:
        """Wait longer than a first word may take: only an ack can have kept it waiting then."""
        with pytest.raises(TimeoutError):
            self.result(0.6)

    @property
    def is_done(self) -> bool:
        """Whether the answer is there."""
        return self.bridge.has_answered(self.number)


@contextlib.contextmanager
def bridge_process(
    home: Path,
    *,
    runtime: str = "bun",
    words: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    slowness: int = 1,
    before: tuple[str, ...] = (),
) -> Iterator[BridgeProcess]:
    """Run the bridge in `home`; at the end it has to end well and to have said nothing.

    The bridge withdraws a signal that nobody takes within 250 ms, which a test on a busy machine
    may miss. With `slowness` its time runs so much slower, for tests that are not about time.
    The words in `before` are a program that runs it, a namespace's for one.
    """
    command = _command(home, runtime)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    process = subprocess.Popen(
        [*before, *command, *words],
        cwd=home,
        env=environment
        | {"BUN_BE_BUN": "1", "BRIDGE_SLOWNESS": str(slowness)}
        | dict(variables or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    bridge = BridgeProcess(process)
    try:
        yield bridge
        code, told = bridge.end()
        assert (code, told) == (0, "")
    finally:
        process.kill()
        process.communicate()


def _command(home: Path, runtime: str) -> list[str]:
    if runtime == "bun":
        return [str(opencode_binary()), str(DRIVER), str(BRIDGE)]
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is not installed; the demo runs the bridge in it", pytrace=False)
    # An older Node knows a module by the ending of its name alone.
    copy = home / "rotator.mjs"
    shutil.copyfile(BRIDGE, copy)
    return [node, str(DRIVER), str(copy)]
