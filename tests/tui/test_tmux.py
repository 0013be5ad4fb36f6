"""The dashboard in tmux: keys, the mouse, another size, and the shell as it was before."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.dashboard_program import SECONDS, with_accounts
from tests.support.household import Household
from tests.support.tmux_binary import tmux_program
from tests.support.waiting import wait_until


class Tmux:
    """A tmux server of its own, with one pane of 100 columns and 30 lines."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self._program = tmux_program()
        self._socket = house.home / "tmux"

    def run(self, *words: str) -> str:
        """Run a command of tmux and return what it printed."""
        return subprocess.run(
            [self._program.path, "-S", self._socket, "-f", "/dev/null", *words],
            env=self._house.env()
            | {"TERM": "screen-256color", "LC_ALL": "C.UTF-8"}
            | self._program.env,
            cwd=self._house.home,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    @property
    def text(self) -> str:
        """What the pane shows."""
        return self.run("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them."""
        self.run("send-keys", *keys)

    def click(self, column: int, row: int) -> None:
        """Send what tmux sends to a program for a click there; both are counted from 0."""
        for how in "Mm":
            self.run("send-keys", "-l", f"\x1b[<0;{column + 1};{row + 1}{how}")

    def wait_for(self, pattern: str) -> None:
        """Wait until the pane shows what fits a pattern."""
        wait_until(
            lambda: re.search(pattern, self.text),
            SECONDS,
            lambda: f"{pattern!r} in the pane:\n{self.text}",
            poll_seconds=0.05,
        )


@contextlib.contextmanager
def tmux(house: Household) -> Iterator[Tmux]:
    server = Tmux(house)
    server.run("new-session", "-d", "-x", "100", "-y", "30", "PS1='$ ' sh")
    try:
        server.run("set", "-g", "mouse", "on")
        yield server
    finally:
        server.run("kill-server")


def test_it_works_in_tmux_and_leaves_the_shell_as_it_was(home: Path) -> None:
    house = with_accounts(home, "one", "two")

    with tmux(house) as pane:
        pane.press("echo before", "Enter")
        pane.press(f"{sys.executable} -m rotator dashboard", "Enter")
        pane.wait_for(r"● one .*live")
        pane.wait_for("bridge not installed")

        pane.press("Down", "Enter")
        pane.wait_for(r"● two .*live")
        assert house.read_auth()["acme"]["key"] == "KEY-CANARY-two"

        pane.click(10, next(n for n, s in enumerate(pane.text.split("\n")) if "○ one" in s))
        pane.wait_for("▌ ○ one")

        pane.run("resize-window", "-x", "50", "-y", "12")
        pane.wait_for(r"● acme/two +ready")
        pane.run("resize-window", "-x", "100", "-y", "30")
        pane.wait_for("watcher not running")

        pane.press("C-z")
        pane.wait_for(r"before\n(.*\n)*.*[Ss]topped")
        pane.press("fg", "Enter")
        pane.wait_for(r"● two .*live")

        pane.press("q")
        pane.wait_for(r"dashboard\n\$ *\n")
        pane.press("echo left $?", "Enter")
        pane.wait_for("left 0")
        assert "before" in pane.text
        assert "watcher not running" not in pane.text
