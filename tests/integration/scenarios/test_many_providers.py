"""Hundreds of providers in auth.json cost hundreds of times one, and no more (case I4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import Live, api, open_live

MANY = 300
# It takes a tenth of that; with a look at everything for each one it was ten times as much.
MOST_SECONDS = 1.0


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def logins(name: str, count: int = MANY) -> dict[str, dict[str, str]]:
    return {f"p{number}": api(f"{name}-{number}") for number in range(count)}


def capture_seconds(live: Live) -> float:
    """Return the processor's time: how busy the machine is else says nothing."""
    began = time.process_time()
    live.look()
    return time.process_time() - began


def test_many_new_logins_are_saved_at_once(live: Live) -> None:
    live.write(logins("A"))

    took_seconds = capture_seconds(live)

    assert len(live.state.accounts) == MANY
    assert took_seconds < MOST_SECONDS


def test_many_logins_that_come_back_are_known_at_once(live: Live) -> None:
    for name in "AB":
        live.write(logins(name))
        live.look()
    live.write(logins("A"))

    took_seconds = capture_seconds(live)

    assert [live.active(f"p{number}") for number in range(MANY)] == [
        f"p{number}-1" for number in range(MANY)
    ]
    assert took_seconds < MOST_SECONDS


def test_many_logins_that_another_write_has_lost_are_put_back_at_once(live: Live) -> None:
    live.write(logins("A", 3 * MANY))
    live.look()
    live.write({"new": api("N")})

    took_seconds = capture_seconds(live)

    assert len(live.entries()) == 3 * MANY + 1
    assert took_seconds < MOST_SECONDS
