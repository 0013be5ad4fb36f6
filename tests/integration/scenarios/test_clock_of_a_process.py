"""Case I5 with a real watcher in a process of its own, and real commands beside it.

The watcher's clock is set through the program's own seam (tests/support/set_clock.py); the
commands have the machine's.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.model import Limit
from rotator.storage.store import Store
from rotator.system.paths import find_paths
from tests.e2e.scenes import api
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.live import open_live
from tests.support.repository import ROOT
from tests.support.rotator_process import events, rotator
from tests.support.signalled import report_failure
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

SECONDS = 30.0
DAY_SECONDS = 86400
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(home: Path) -> Household:
    house = Household(home)
    with open_live(home) as live:
        for key in ("KEY-CANARY-A", "KEY-CANARY-B"):
            live.sees({"mock": api(key)})
    return house


@contextlib.contextmanager
def watching(house: Household, seconds: float) -> Iterator[Callable[[float], None]]:
    """Run a watcher whose clock is so far from the machine's; yields what sets it."""
    told = house.home / "clock"

    def set_clock(seconds: float) -> None:
        new = told.with_suffix(".new")
        new.write_text(str(seconds), "ascii")
        new.replace(told)
        # A hint: it need not wait for its regular look.
        house.write_auth(house.read_auth())

    set_clock(seconds)
    env = house.env() | {"PYTHONPATH": str(ROOT), "TZ": "America/New_York"}
    command = [sys.executable, "-m", "tests.support.set_clock", str(told)]
    with child(command, env=env, cwd=house.home) as process:
        Lines(process).wait_for("watching", SECONDS)
        yield set_clock


def limit_of(house: Household) -> Limit | None:
    """Return the account's limit by the store: a command would mend what it shows."""
    with Store(find_paths(house.env()).store) as store:
        (limit,) = (one.limit for one in store.state().accounts if one.alias == "mock-2")
    return limit


def ends_in(house: Household) -> timedelta:
    limit = limit_of(house)
    assert limit is not None
    return limit.until - datetime.now(UTC)


def let_rest(house: Household, headers: dict[str, str]) -> None:
    """Let the account in the slot be limited, and wait until the other one is there."""
    report_failure(house, "mock", "KEY-CANARY-B", headers)
    wait_until(lambda: limit_of(house) is not None, SECONDS, "the rest")
    wait_until(
        lambda: house.read_auth()["mock"]["key"] == "KEY-CANARY-A", SECONDS, "the other account"
    )


@pytest.mark.parametrize("back", [600, 8 * 3600, 365 * DAY_SECONDS])
def test_a_clock_that_is_set_back_while_a_watcher_runs_lets_a_rest_begin_anew(
    house: Household, back: int
) -> None:
    with watching(house, back) as set_clock:
        let_rest(house, {})
        before = ends_in(house)
        set_clock(0)
        wait_until(lambda: ends_in(house) <= MINUTE, SECONDS, "the rest to begin anew")

    assert before > timedelta(seconds=back)
    assert ends_in(house) > timedelta(0)


@pytest.mark.parametrize("forward", [2 * 3600, 365 * DAY_SECONDS])
def test_a_clock_that_is_set_forward_or_a_computer_that_slept_ends_a_rest_once(
    house: Household, forward: int
) -> None:
    with watching(house, 0) as set_clock:
        let_rest(house, {"retry-after": "3600"})
        set_clock(forward)
        wait_until(lambda: _recovered(house), SECONDS, "the account to be back")
        live = house.read_auth()["mock"]["key"]

    assert len(_recovered(house)) == 1
    assert live == "KEY-CANARY-A"


def test_a_rest_that_was_made_before_the_clock_was_set_back_ends_with_the_next_command(
    house: Household,
) -> None:
    with watching(house, 8 * 3600):
        let_rest(house, {})

    assert rotator(house, "status").code == 0
    assert timedelta(0) < ends_in(house) <= MINUTE


def _recovered(house: Household) -> list[str]:
    return [one["kind"] for one in events(house) if one["kind"] == "recovered"]
