"""What the real opencode takes a command line for, beside what is held of it here (B6).

Its answers are recorded with its version; another version, and a line that is not recorded, are
asked for in full, and recorded with ROTATOR_TEST_RECORD=1.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rotator.system.processes import _VALUELESS
from tests.integration.system.test_processes import LINES
from tests.support.home import OUTSIDE
from tests.support.household import Household
from tests.support.opencode_binary import OPENCODE_VERSION, opencode_binary

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

RECORD = Path(__file__).with_name("command_lines.json")
# Every so many lines one is asked again.
EACH = 6
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
    """One start of opencode a line: of what it was asked before it is asked some lines again."""
    recorded = json.loads(RECORD.read_text())
    known = recorded["taken"] if recorded["version"] == OPENCODE_VERSION else {}
    lines = [line for line, _, _ in LINES]
    asked = [line for n, line in enumerate(lines) if n % EACH == 0 or line not in known]
    with ThreadPoolExecutor(4) as threads:
        told = threads.map(lambda line: taken_for(house, line), asked)
        taken = known | dict(zip(asked, told, strict=True))

    if taken.keys() != known.keys() and "ROTATOR_TEST_RECORD" in OUTSIDE:
        record = {"version": OPENCODE_VERSION, "taken": taken}
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
    assert taken == {line: command for line, command, _ in LINES}


def test_b6_the_options_without_a_value_that_it_knows_everywhere_are_known_here(
    house: Household,
) -> None:
    said = helped(house, "models", "--pure")
    listed = re.findall(r"^ +(?:(-\w), )?(--[\w-]+) .*\[boolean\]", said, re.MULTILINE)
    own = {"--verbose", "--refresh"}

    found = {name for one in listed for name in one if name} - own
    assert found == _VALUELESS - {"--printLogs"}
