"""Case I5 with the clock of the computer: the real watcher, and commands, while it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.model import Account
from rotator.storage.store import Store
from rotator.system.paths import find_paths
from tests.e2e.scenes import api
from tests.support.rotator_process import events, rotator, watcher
from tests.support.signalled import report_failure
from tests.support.system_clock import ClockedHousehold
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
SECONDS = 30.0
HOUR, YEAR = 3600, 365 * 86400
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(home: Path) -> ClockedHousehold:
    return ClockedHousehold(home)


def log_in_twice(house: ClockedHousehold) -> None:
    """Let A be parked and B live."""
    for count, key in enumerate((A, B), 1):
        house.write_auth({"mock": api(key)})
        wait_until(lambda n=count: len(saved(house)) == n, SECONDS, f"{count} logins")  # type: ignore[misc]  # bound now


def limit(house: ClockedHousehold, headers: dict[str, str], ahead_seconds: float = 0) -> None:
    """Let B be limited, by a clock that is so far ahead, and wait until A is there."""
    now = datetime.now(UTC) + timedelta(seconds=ahead_seconds)
    report_failure(house, "mock", B, headers, now)
    wait_until(lambda: house.read_auth()["mock"]["key"] == A, SECONDS, "the other account")


def saved(house: ClockedHousehold) -> tuple[Account, ...]:
    """Return the accounts by the store: a command would mend what it shows."""
    with Store(find_paths(house.env()).store) as store:
        return store.state().accounts


def left_of_rest(house: ClockedHousehold) -> timedelta:
    """Return how long B rests still, by the real time."""
    (limit,) = (account.limit for account in saved(house) if account.alias == "mock-2")
    return limit.until - datetime.now(UTC) if limit else timedelta(0)


@pytest.mark.parametrize("ahead", [8 * HOUR])
def test_a_clock_that_is_set_back_makes_no_rest_longer_than_it_was(
    house: ClockedHousehold, ahead: int
) -> None:
    house.set_clock(ahead)
    with watcher(house):
        log_in_twice(house)
        limit(house, {}, ahead)
        house.set_clock(0)
        house.write_auth(house.read_auth())

        wait_until(lambda: left_of_rest(house) <= MINUTE, SECONDS, "the rest to begin anew")


@pytest.mark.parametrize("ahead", [600, YEAR])
def test_a_rest_from_before_the_clock_was_set_back_is_no_longer_for_whoever_comes_next(
    house: ClockedHousehold, ahead: int
) -> None:
    house.set_clock(ahead)
    with watcher(house):
        log_in_twice(house)
        limit(house, {}, ahead)
    house.set_clock(0)

    assert rotator(house, "status").code == 0
    assert left_of_rest(house) <= MINUTE
    assert rotator(house, "rotate", "mock", "mock-2").code == 0
    assert house.read_auth()["mock"]["key"] == B


@pytest.mark.parametrize("ahead", [2 * HOUR])
def test_a_clock_that_is_set_forward_ends_a_rest_once(house: ClockedHousehold, ahead: int) -> None:
    with watcher(house):
        log_in_twice(house)
        limit(house, {"retry-after": str(HOUR)})
        house.set_clock(ahead)
        house.write_auth(house.read_auth())

        wait_until(lambda: "recovered" in kinds(house), SECONDS, "the account to be back")

    assert kinds(house).count("recovered") == 1
    assert house.read_auth()["mock"]["key"] == A


@pytest.mark.parametrize("ahead", [-8 * HOUR, YEAR])
def test_a_login_of_the_user_stands_whatever_the_clock_is_set_to(
    house: ClockedHousehold, ahead: int
) -> None:
    """No swap of before takes it for a revert of its own."""
    with watcher(house):
        log_in_twice(house)
        assert rotator(house, "rotate", "mock", "mock-1").code == 0
        house.set_clock(ahead)
        house.write_auth({"mock": api("KEY-CANARY-C")})

        wait_until(lambda: len(saved(house)) == 3, SECONDS, "the third login")
        house.write_auth({"mock": api(B)})
        wait_until(lambda: active(house) == "mock-2", SECONDS, "the user's choice")

    assert house.read_auth()["mock"]["key"] == B


def kinds(house: ClockedHousehold) -> list[str]:
    return [event["kind"] for event in events(house)]


def active(house: ClockedHousehold) -> str | None:
    with Store(find_paths(house.env()).store) as store:
        account = store.state().active("mock")
    return account.alias if account else None
