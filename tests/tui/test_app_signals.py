"""A signal ends the dashboard at once, whomever its workers wait for, and loses no new tokens.

Case I1: what was asked of a vendor is saved first, what only waits for its turn is given up.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from tests.support.dashboard_program import SECONDS, dashboard, is_given_back, with_accounts
from tests.support.holders import HELD, holding, writing_into
from tests.support.rotator_process import rotator
from tests.support.signalled import HOST, NEW, OLD, PATH, SIGNALS, furnish, saved
from tests.support.terminal import Terminal, terminal
from tests.support.token_endpoint import Grant, Hold, TokenEndpoint
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

# On a machine that has others to serve; by itself it takes a quarter of that.
AT_ONCE_SECONDS = 2.0


def swap(before: Terminal) -> None:
    before.press("down")
    before.press("enter")


def wait_for_wait(before: Terminal) -> None:
    """Wait until it says whom it waits for, as it does after a second."""
    wait_until(
        lambda: any(re.match(r"\s*\S pid \d+ \(", line) for line in before.lines),
        SECONDS,
        lambda: f"the holder's name on the screen:\n{before.text}",
    )


def told_to_end(before: Terminal, number: signal.Signals) -> tuple[int, float]:
    """Return how it ends and after how long."""
    began = time.monotonic()
    before.process.send_signal(number)
    return before.wait_for_end(), time.monotonic() - began


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("lock", HELD)
def test_a_signal_ends_it_while_a_change_waits_for_a_lock(
    home: Path, lock: str, number: signal.Signals
) -> None:
    house = with_accounts(home, "one", "two")
    before_swap = house.auth_file.read_bytes()

    with dashboard(house) as before, HELD[lock](find_paths(house.env())):
        swap(before)
        wait_for_wait(before)
        code, took_seconds = told_to_end(before, number)
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")

    assert code == 128 + number
    assert took_seconds < AT_ONCE_SECONDS
    assert house.auth_file.read_bytes() == before_swap


def test_a_signal_that_came_before_the_first_screen_ends_it(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    early = (
        "import signal, sys; from rotator.system import interrupts; interrupts.note_signals();"
        "signal.raise_signal(signal.SIGTERM);"
        "from rotator.__main__ import main; sys.argv[1:] = ['dashboard']; main()"
    )

    with terminal([sys.executable, "-c", early], env=house.env(), cwd=house.home) as before:
        assert before.wait_for_end() == 128 + signal.SIGTERM
        assert not before.raw


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[tuple[Vendor, Hold]]:
    """Yield a vendor whose answer is kept back, and what keeps it."""
    with Vendor(tmp_path) as vendor, Hold() as hold:
        endpoint = TokenEndpoint()
        endpoint.grant(OLD, Grant("ACC-CANARY-B-2", NEW, hold=hold))
        vendor.answer(HOST, PATH, endpoint.answer)
        yield vendor, hold


def test_new_tokens_outlive_a_signal_while_the_store_is_locked(
    home: Path, hold: tuple[Vendor, Hold]
) -> None:
    vendor, answer = hold
    house = furnish(home, vendor)
    paths = find_paths(house.env())

    with dashboard(house) as before:
        before.press("r")
        answer.wait_for_request()
        with writing_into(paths.store):
            answer.let_go()
            wait_until(lambda: any(paths.data.glob("*answer-*")), SECONDS, "the answer to be kept")
            code, took_seconds = told_to_end(before, signal.SIGTERM)
    rotator(house, "accounts")

    assert (code, saved(house)) == (128 + signal.SIGTERM, NEW)
    assert took_seconds < AT_ONCE_SECONDS


def test_a_vendor_that_was_asked_is_waited_for_after_a_signal(
    home: Path, hold: tuple[Vendor, Hold]
) -> None:
    vendor, answer = hold
    house = furnish(home, vendor)

    with dashboard(house) as before:
        before.press("r")
        answer.wait_for_request()
        before.process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")
        answer.let_go()
        code = before.wait_for_end()

    assert (code, saved(house)) == (128 + signal.SIGHUP, NEW)


def test_a_signal_after_it_was_left_ends_what_still_waits(home: Path) -> None:
    house = with_accounts(home, "one", "two")

    with dashboard(house) as before, holding(find_paths(house.env()).swap_lock):
        swap(before)
        wait_for_wait(before)
        before.press("q")
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")
        code, took_seconds = told_to_end(before, signal.SIGINT)

    assert code == 128 + signal.SIGINT
    assert took_seconds < AT_ONCE_SECONDS
