"""Another process is in the middle of a refresh and stands still: the turn goes on all the same.

It keeps the lock of the account that it refreshes, and that of the OAuth client.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from tests.e2e.scenes import login
from tests.support.children import Lines, child
from tests.support.connected import Connected
from tests.support.rotator_process import rotator
from tests.support.signalled import HOST, PATH, furnish, report_failure
from tests.support.token_endpoint import Grant, Hold, TokenEndpoint
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

PROGRAM = (sys.executable, "-m", "rotator")
SECONDS = 40.0
# A bridge has been promised a last word within twenty seconds; nobody waits for a stopped one.
PROMISED_SECONDS, AT_ONCE_SECONDS = 20.0, 5.0
# It works still, but is refreshed before it is put in, and comes first by its name.
SOON_OVER, FIRST, THIRD = 100, "a", "c"


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[tuple[Vendor, Hold]]:
    """Yield a vendor that keeps its answers back."""
    with Vendor(tmp_path) as vendor, Hold() as hold:
        endpoint = TokenEndpoint()
        for name in (FIRST, "b"):
            letter = name.upper()
            grant = Grant(f"ACC-CANARY-{letter}-2", f"REF-CANARY-{letter}-2", hold=hold)
            endpoint.grant(f"REF-CANARY-{letter}", grant)
        vendor.answer(HOST, PATH, endpoint.answer)
        yield vendor, hold


@contextlib.contextmanager
def refreshing(house: Connected, hold: Hold, alias: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process be in the middle of a refresh."""
    with child([*PROGRAM, "rotate", "openai", alias], env=house.env(), cwd=house.home) as process:
        hold.wait_for_request()
        yield process


@contextlib.contextmanager
def watching(house: Connected) -> Iterator[None]:
    with child([*PROGRAM, "watch"], env=house.env(), cwd=house.home) as watcher:
        Lines(watcher).wait_for("watching ", SECONDS)
        yield


def a_house(home: Path, vendor: Vendor, **left_seconds: int) -> Connected:
    """Furnish a home in which L is live and those parked whose tokens have so long left."""
    house = furnish(home, vendor)
    house.write_auth({"openai": dict(login("L"))})
    rotator(house, "accounts")
    rotator(house, "accounts", "remove", "openai/openai-1", "--yes")
    for alias, seconds in left_seconds.items():
        entry = json.dumps(dict(login(alias.upper(), expires_in_seconds=seconds)))
        added = rotator(house, "accounts", "add", "openai", "--alias", alias, given=entry)
        assert added.code == 0, added.stderr
    return house


def live(house: Connected) -> str:
    return str(house.read_auth()["openai"]["refresh"])


def verdict(house: Connected) -> str | None:
    """Return the last word of the watcher, or the first while there is no other."""
    file = find_paths(house.env()).bridge / "outbox" / "s-1.json"
    return str(json.loads(file.read_bytes())["verdict"]) if file.exists() else None


def refuse(house: Connected, way: str) -> None:
    if way == "a bridge":
        report_failure(house, "openai", "ACC-CANARY-L")
    elif way == "rotator signal":
        rotator(house, "signal", "openai", "--status", "429", "--retry-after", "3600")
    else:
        rotator(house, "rotate", "openai")


@pytest.mark.parametrize("way", ["a bridge", "rotator signal", "rotator rotate"])
def test_one_that_is_refreshed_elsewhere_is_passed_over_for_one_that_needs_nothing(
    home: Path, hold: tuple[Vendor, Hold], way: str
) -> None:
    vendor, answer = hold
    house = a_house(home, vendor, a=SOON_OVER, c=3600)
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(refreshing(house, answer, FIRST))
        other.send_signal(signal.SIGSTOP)
        stack.callback(other.kill)
        if way == "a bridge":
            stack.enter_context(watching(house))
        began = time.monotonic()
        refuse(house, way)
        wait_until(lambda: live(house) == "REF-CANARY-C", SECONDS, "the third login")
        took_seconds = time.monotonic() - began

    assert took_seconds < AT_ONCE_SECONDS


def test_where_all_wait_for_the_same_one_a_bridge_gets_its_last_word_in_time(
    home: Path, hold: tuple[Vendor, Hold]
) -> None:
    vendor, answer = hold
    house = a_house(home, vendor, b=-60, c=-60)
    with refreshing(house, answer, "b") as other, watching(house):
        other.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            refuse(house, "a bridge")
            wait_until(lambda: verdict(house) == "pass", SECONDS, "the last word")
            took_seconds = time.monotonic() - began
        finally:
            other.kill()

    # Opencode gets the tokens of this one itself.
    assert live(house) == "REF-CANARY-C"
    assert took_seconds < PROMISED_SECONDS


def test_where_nobody_else_is_ready_one_that_is_refreshed_elsewhere_is_waited_for(
    home: Path, hold: tuple[Vendor, Hold]
) -> None:
    vendor, answer = hold
    house = a_house(home, vendor)
    with refreshing(house, answer, "b") as other, watching(house):
        refuse(house, "a bridge")
        wait_until(lambda: verdict(house) == "ack", SECONDS, "the first word")
        answer.let_go()
        other.wait(SECONDS)
        wait_until(lambda: verdict(house) == "retry", SECONDS, "the last word")

    assert live(house) == "REF-CANARY-B-2"
