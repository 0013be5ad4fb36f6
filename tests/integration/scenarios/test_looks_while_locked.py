"""Whoever only looks is shown what there is while somebody keeps a lock that saving needs.

And told in a sentence that what is new was not taken in.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from tests.support.holders import HELD, Held, writing_into
from tests.support.household import Household
from tests.support.live import api
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

# Longer than it takes to say who keeps the lock, shorter than whoever changes something waits.
SOON_SECONDS = 4.0
NOT_SAVED = "nothing new can be taken in, and what is shown is what was saved last"


LOCKS: dict[str, Held] = {
    **HELD,
    "all of the store": lambda paths: writing_into(paths.store, alone=True),
}


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("accounts",),
        ("accounts", "unclaimed"),
        ("events", "--json"),
        ("usage",),
        ("explain", "acme"),
        ("statusline",),
    ],
    ids=" ".join,
)
def test_what_there_is_is_shown_and_told_what_is_not_saved_yet(
    home: Path, lock: str, words: tuple[str, ...]
) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    rotator(house, "accounts")
    # A login that would have to be saved first.
    house.write_auth({"acme": api("b")})

    with LOCKS[lock](find_paths(house.env())):
        began = time.monotonic()
        shown = rotator(house, *words)
        took_seconds = time.monotonic() - began
    afterwards = rotator(house, "accounts")

    assert shown.code == 0, shown.stderr
    assert took_seconds < SOON_SECONDS
    # A line for a prompt takes nothing in, and has no room for more.
    assert (NOT_SAVED in shown.stderr) == (words != ("statusline",)), shown.stderr
    assert "acme" in shown.stdout or words in {("statusline",), ("accounts", "unclaimed")}
    assert "acme-2" in afterwards.stdout


def test_nothing_is_said_where_nothing_is_new(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    rotator(house, "accounts")

    with HELD["the store"](find_paths(house.env())):
        shown = rotator(house, "accounts")

    assert (shown.code, shown.stderr) == (0, "")
