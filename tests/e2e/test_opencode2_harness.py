"""What the tests of OpenCode 2 stand on: the real one runs here, and leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.e2e.scenes import A, B
from tests.support.children import has_ended
from tests.support.household import Household
from tests.support.opencode2_process import command2, database, serve2, service2, service_file
from tests.support.opencode_binary import OPENCODE_2_VERSION

pytestmark = pytest.mark.e2e


def test_the_real_one_says_which_it_is(house: Household) -> None:
    said = command2(house, "--version")

    assert said.stdout.split()[-1] == f"v{OPENCODE_2_VERSION}"


def test_the_background_service_is_gone_after_its_block(house: Household) -> None:
    with service2(house) as server:
        _, told = server.ask("GET", "/api/info")

    assert told["version"] == OPENCODE_2_VERSION
    assert has_ended(server.pid)
    assert not service_file(house).exists()


def test_a_server_keeps_every_login_and_the_last_is_active(house: Household) -> None:
    with serve2(house) as server:
        server.add_key("mock", A, "first")
        server.add_key("mock", B)

        connections = server.connections("mock")

    assert [connection["label"] for connection in connections] == ["mock", "first"]
    assert database(house).stat().st_mode & 0o777 == 0o644
