"""The real opencode as a person sees it: its TUI in a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.household import Household
from tests.support.opencode2_process import Server2, opencode2
from tests.support.opencode_binary import opencode_binary
from tests.support.terminal import Terminal, terminal

# What its first screen shows below the place to type in.
_READY = "ctrl+p commands"
_READY_SECONDS = 60.0


@contextlib.contextmanager
def tui2(server: Server2, **more: str) -> Iterator[Terminal]:
    """Run OpenCode 2's TUI on a server of its; wait until one can type."""
    house = server.house
    env = house.env() | {"OPENCODE_PASSWORD": server.password} | more
    command: list[str | Path] = [opencode2(), "--server", server.url]
    with terminal(command, env=env, cwd=house.project) as before:
        before.wait_for_text(_READY, _READY_SECONDS)
        yield before


@contextlib.contextmanager
def tui(house: Household, *words: str, **more: str) -> Iterator[Terminal]:
    """Run `opencode` in a terminal, `more` in its environment; wait until one can type."""
    command: list[str | Path] = [opencode_binary(), *words]
    with terminal(command, env=house.env() | more, cwd=house.project) as before:
        before.wait_for_text(_READY, _READY_SECONDS)
        yield before
