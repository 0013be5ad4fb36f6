"""`rotator dashboard` as a person has it before them: in a terminal, with accounts of three."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rotator.context import Context, open_context
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services.accounts import add
from rotator.system.paths import find_paths
from tests.support.household import Household
from tests.support.terminal import Terminal, terminal
from tests.support.waiting import wait_until

SECONDS = 30.0


def with_accounts(home: Path, *names: str) -> Household:
    """Return a household with a key of acme for each name; the first one is live."""
    house = Household(home)
    with opened(house) as context:
        for name in names:
            entry = Secret(json.dumps({"type": "api", "key": f"KEY-CANARY-{name}"}))
            add(context, "acme", parse_entry("acme", entry), alias=name, activate=False)
    return house


@contextlib.contextmanager
def opened(house: Household) -> Iterator[Context]:
    """Open the household's context, as another program would."""
    with open_context(find_paths(house.env())) as context:
        yield context


@contextlib.contextmanager
def dashboard(house: Household, *words: str, **more: str) -> Iterator[Terminal]:
    """Run the dashboard, `more` in its environment; wait until it shows the accounts."""
    command = [sys.executable, "-m", "rotator", "dashboard", *words]
    with terminal(command, env=house.env() | more, cwd=house.home) as before:
        before.wait_for_text("accounts ready", SECONDS)
        # From then on everything works that the first screen does without.
        before.wait_for_text("bridge not installed", SECONDS)
        yield before


def line_with(before: Terminal, text: str) -> int:
    """Return the row of the first line that holds a text."""
    return next(n for n, line in enumerate(before.lines) if text in line)


def wait_for_line(before: Terminal, *parts: str) -> None:
    """Wait until one line of the screen holds all the parts."""
    wait_until(
        lambda: any(all(part in line for part in parts) for line in before.lines),
        SECONDS,
        lambda: f"{parts} on one line of:\n{before.text}",
    )


def is_given_back(before: Terminal) -> bool:
    """Tell whether the terminal is as a shell left it: its screen, cursor, mouse, keyboard."""
    raw = before.raw.decode("utf-8", "replace")
    screen = raw.rfind("\x1b[?1049l") > raw.rfind("\x1b[?1049h") >= 0
    cursor = max(raw.rfind("\x1b[?25h"), raw.rfind("\x1b[?12l\x1b[?25h")) > raw.rfind("\x1b[?25l")
    mouse = _last_change(raw, "1000") == _last_change(raw, "1006") == "l"
    wrap = raw.rfind("\x1b[?7h") > raw.rfind("\x1b[?7l")
    return screen and cursor and mouse and wrap and before.echoes


def _last_change(raw: str, mode: str) -> str:
    """Return `h` or `l`: whether a mode was switched on or off last."""
    found = ""
    for sequence in raw.split("\x1b[?")[1:]:
        numbers = sequence.split("h", 1)[0].split("l", 1)[0]
        rest = sequence[len(numbers) : len(numbers) + 1]
        if mode in numbers.split(";") and rest in {"h", "l"}:
            found = rest
    return found
