"""Logins in opencode's manner, swaps and a watcher, all on one file: a sample of the races.

The whole by hand: `python -m tests.support.race --races 20`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.race import run_race

# Two processes race for a fixed number of rounds, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

LOGINS, SWAPS = 90, 12


def test_no_login_is_lost_while_everybody_writes(home: Path) -> None:
    house = Household(home)

    found = run_race(house, 1, LOGINS, SWAPS)

    live, told, state = house.read_auth(), found.told, found.state
    assert (found.not_saved, found.not_live) == ([], {}), told
    assert (told["torn"], told["unseen"], told["gone"]) == (0, [], []), told
    assert {p: json.loads(state.active(p).credential.entry.reveal()) for p in live} == live  # type: ignore[union-attr]
    assert {p for p, slot in state.slots.items() if slot.active} == set(live)
    assert [path.name for path in house.auth_file.parent.iterdir()] == ["auth.json"]
