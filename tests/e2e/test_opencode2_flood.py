"""A hundred logins of OpenCode 2 while thirty rotations run: none is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.e2e.scenes import of
from tests.support.household import COLLECTS, Household
from tests.support.opencode2_process import Server2, end_services, serve2
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
LOGINS, ROTATIONS = 100, 30
_TAKEN_SECONDS = 60.0
CONFLICT = 6


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def log_in(server: Server2) -> None:
    for number in range(LOGINS):
        server.add_key("mock", f"KEY-CANARY-{number:03}", f"n{number:03}")


@pytest.mark.timeout(240)
def test_no_login_is_lost_while_rotations_run(house: Household) -> None:
    with watcher(house), serve2(house, **COLLECTS) as server:
        server.add_key("mock", "KEY-CANARY-first", "first")
        server.add_key("mock", "KEY-CANARY-second", "second")
        logging_in = threading.Thread(target=log_in, args=(server,))
        logging_in.start()
        ended = [rotator(house, "rotate", "mock") for _ in range(ROTATIONS)]
        logging_in.join()
        wait_until(
            lambda: len(of(house, "mock")) == LOGINS + 2, _TAKEN_SECONDS, "all to be accounts"
        )
        accounts = of(house, "mock")
        shown = server.connections("mock")

    # A login makes itself the active one: a switch just then is told as one that did not come.
    others = [item.stderr for item in ended if item.code not in {0, CONFLICT}]
    assert others == []
    assert any(item.code == 0 for item in ended)
    wanted = {"first", "second", *(f"n{number:03}" for number in range(LOGINS))}
    assert {item["alias"] for item in accounts} == wanted
    assert {str(item["label"]) for item in shown} == wanted
    (live,) = [item["alias"] for item in accounts if item["active"]]
    assert live == shown[0]["label"]
