"""Whom opencode's log blames without the bridge, around a swap and beside a second opencode (B)."""

from __future__ import annotations

import itertools
import json
import threading
import time

import pytest

from tests.e2e.scenes import A, B, C, api, kinds, log_in, login, of_kind, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import OLDEST_VERSION, OPENCODE_VERSION
from tests.support.opencode_process import run, serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

LIMITED = refusal(429, {"error": {"message": "Rate limit reached"}}, {"retry-after": "3600"})


def limited_logins(house: Household) -> list[str]:
    """Return the accounts that a failure has made rest, in order."""
    return [event["account"] for event in of_kind(house, "limited")]


@pytest.mark.parametrize("version", [OPENCODE_VERSION, OLDEST_VERSION])
def test_b_a_request_that_was_under_way_at_a_swap_blames_nobody_but_its_own_login(
    house: Household, provider: LoopbackProvider, version: str
) -> None:
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["provider"]["xai"] = {"options": {"baseURL": f"{provider.url}/v1"}}
    file.write_text(json.dumps(config))
    both_here, swapped = threading.Barrier(2), threading.Event()
    number = itertools.count()

    def late(_: Request) -> Answer:
        mine = next(number)
        both_here.wait(30)
        if mine:
            swapped.wait(30)
        return LIMITED

    provider.answer(late, key="ACC-CANARY-A", title=False, times=2)
    with watcher(house):
        log_in(house, "xai", login("C"), login("B"), login("A"))
        with serve(house, version=version) as server:
            for session in [server.create_session() for _ in range(2)]:
                server.prompt_async(session, "hi", model="xai/grok-4")
            wait_until(lambda: "failover" in kinds(house), 30, "a failover because of the log")
            swapped.set()
            wait_until(lambda: len(stream_errors(house)) == 2, 30, "the other one's failure")
            # What is blamed next shows that the line before it was worked off.
            provider.answer(LIMITED, key="ACC-CANARY-C", title=False)
            server.prompt_async(server.create_session(), "hi", model="xai/grok-4")
            wait_until(lambda: kinds(house).count("failover") == 2, 30, "the next failover")

    assert provider.keys.count("ACC-CANARY-A") == 2
    assert "ACC-CANARY-C" in provider.keys
    assert limited_logins(house) == ["xai/xai-3", "xai/xai-1"]
    assert house.read_auth()["xai"]["access"] == "ACC-CANARY-B"


def test_b_a_failure_of_a_second_opencode_blames_the_key_that_it_began_with(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.limit(B, headers={"retry-after-ms": "300"})
    with watcher(house):
        log_in(house, "mock", api(C), api(B), api(A))
        with serve(house) as older:
            session = older.create_session()
            older.prompt(session, "hi")
            # A swap in the second in which it read its keys would leave it unsure which it has.
            used_at = time.monotonic()
            wait_until(lambda: time.monotonic() > used_at + 1.5, 10, "that second to be over")
            assert rotator(house, "rotate", "mock", "mock-2").code == 0
            run(house, "hi")
            wait_until(lambda: "failover" in kinds(house), 10, "a failover because of the log")
            blamed = limited_logins(house)

            # The older one goes on with its own.
            provider.limit(A, headers={"retry-after-ms": "300"})
            older.prompt_async(session, "hi")
            wait_until(lambda: len(limited_logins(house)) > 1, 20, "its own key to be blamed")
            older.abort(session)

    assert blamed == ["mock/mock-2"]
    assert limited_logins(house) == ["mock/mock-2", "mock/mock-3"]
    assert states(house) == ["ready", "cooling", "cooling"]
