"""The real 1.18.33 and the real 2.0.15 in one HOME, after OpenCode 2 took the logins over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, api, install_bridge, log_in, of
from tests.support import opencode_process
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import command2, end_services, serve2
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def both_ask(house: Household, provider: LoopbackProvider) -> list[str | None]:
    """Let each of the two answer a message; return the keys that they sent."""
    before = len(provider.keys)
    first = opencode_process.run(house, "hi")
    second = command2(house, "run", "--standalone", "hi")
    assert (first.code, second.returncode) == (0, 0), first.stderr + second.stderr
    return provider.keys[before:]


@pytest.mark.timeout(240)
def test_after_an_upgrade_one_account_stands_in_both_and_a_rotation_moves_both(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        assert opencode_process.run(house, "hi").code == 0
        # The first OpenCode 2 on the database of opencode 1 takes auth.json's logins over.
        with serve2(house) as server:
            taken_over = server.connections("mock")
        wait_until(
            lambda: len(of(house, "mock")[1]["homes"]) == 2, CAPTURE_SECONDS, "one in both homes"
        )
        before = both_ask(house, provider)
        said = rotator(house, "rotate", "mock")
        after = both_ask(house, provider)
        accounts = of(house, "mock")

    assert [item["label"] for item in taken_over] == ["API key"]
    assert said.code == 0, said.stderr
    assert (before, after) == ([A, A], [B, B])
    assert [item["alias"] for item in accounts] == ["mock-1", "mock-2"]
    assert [[h["home"] for h in item["homes"]] for item in accounts] == [
        ["auth.json", "opencode.db"],
        ["opencode.db"],
    ]
