"""What the real opencode takes a command line for, beside what is held of it here (B6)."""

from __future__ import annotations

import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from rotator.system.processes import _VALUELESS
from tests.integration.system.test_processes import LINES
from tests.support.household import Household
from tests.support.opencode_binary import opencode_binary

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_TITLE = re.compile(r"^opencode (\w+)", re.MULTILINE)


def helped(house: Household, *words: str) -> str:
    """Return what opencode says of the command that it takes these words for."""
    ended = subprocess.run(
        [opencode_binary(), "--help", *words],
        env=house.env(),
        cwd=house.project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout + ended.stderr


def taken_for(house: Household, line: str) -> str | None:
    """Return the command that opencode takes a line for, or None for its default."""
    said = helped(house, *shlex.split(line))
    title = _TITLE.search(said)
    # Its own help names every command.
    return title[1] if title and "opencode completion" not in said else None


def test_b6_opencode_takes_each_line_of_the_table_for_that_command(house: Household) -> None:
    with ThreadPoolExecutor(4) as threads:
        lines = [line for line, _, _ in LINES]
        taken = dict(zip(lines, threads.map(lambda one: taken_for(house, one), lines), strict=True))

    assert taken == {line: command for line, command, _ in LINES}


def test_b6_the_options_without_a_value_that_it_knows_everywhere_are_known_here(
    house: Household,
) -> None:
    said = helped(house, "models", "--pure")
    listed = re.findall(r"^ +(?:(-\w), )?(--[\w-]+) .*\[boolean\]", said, re.MULTILINE)
    own = {"--verbose", "--refresh"}

    found = {name for one in listed for name in one if name} - own
    assert found == _VALUELESS - {"--printLogs"}
