"""What is said of a server of OpenCode 2, and what it says that it can do. With the real 2.0.15."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rotator.opencode.database.server import Abilities, Address, abilities_of
from tests.e2e.scenes import A, of
from tests.support.household import Household
from tests.support.opencode2_process import end_services, serve2, service2, service_file
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
SECONDS = 10.0


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def test_its_own_description_says_that_it_switches_and_takes_no_values(house: Household) -> None:
    with serve2(house) as server:
        address = Address.of(server.url, server.password)
        assert address is not None

        # As if nobody had ever tried that version.
        assert abilities_of(address, "2.0.16") == Abilities(activates=True, removes=True)


def test_a_service_whose_password_is_not_known_is_named_and_never_switched(
    house: Household,
) -> None:
    with watcher(house), service2(house) as service:
        service.add_key("mock", A, "a")
        wait_until(lambda: len(of(house, "mock")) == 1, SECONDS, "the login to be captured")
        told = json.loads(service_file(house).read_text())
        service_file(house).write_text(json.dumps({**told, "password": "another one"}))

        shown = rotator(house, "status").stdout
        looked = rotator(house, "doctor").stdout
        (running,) = status(house)["opencodes"]

    assert (running["pid"], running["generation"]) == (service.pid, 2)
    assert f"(pid {service.pid}) is an OpenCode 2 whose password is not known here" in shown
    assert "runs with a password that is not known here: it is not switched by us" in looked
