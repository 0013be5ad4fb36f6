"""Hundreds of providers in auth.json cost hundreds of times one, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.calls_made import calls_made
from tests.support.live import Live, api, open_live

FEW, MANY = 30, 300
# Ten times as many logins; with a look at everything for each one it was a hundred times.
MOST_TIMES = 12


def logins(name: str, count: int) -> dict[str, dict[str, str]]:
    return {f"p{number}": api(f"{name}-{number}") for number in range(count)}


def see_new(live: Live, count: int) -> int:
    """Return how many calls it takes to save so many new logins."""
    live.write(logins("A", count))
    took = calls_made(live.look)

    assert len(live.state.accounts) == count
    return took


def see_again(live: Live, count: int) -> int:
    """Return how many calls it takes to know so many logins that come back."""
    for name in "AB":
        live.write(logins(name, count))
        live.look()
    live.write(logins("A", count))
    took = calls_made(live.look)

    assert {live.active(f"p{number}") for number in range(count)} == {
        f"p{number}-1" for number in range(count)
    }
    return took


def see_lost(live: Live, count: int) -> int:
    """Return how many calls it takes to put back so many logins that another write has lost."""
    live.write(logins("A", count))
    live.look()
    live.write({"new": api("N")})
    took = calls_made(live.look)

    assert len(live.entries()) == count + 1
    return took


@pytest.mark.parametrize("see", [see_new, see_again, see_lost])
def test_ten_times_as_many_logins_cost_ten_times_as_much(
    tmp_path: Path, see: Callable[[Live, int], int]
) -> None:
    took = {}
    for count in (FEW, MANY):
        with open_live(tmp_path / str(count)) as live:
            took[count] = see(live, count)

    assert took[MANY] < MOST_TIMES * took[FEW], took
