"""opencode's log says little or was cut: what it does not tell blames nobody and is not said.

With the real opencode, and without the bridge.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e.scenes import (
    A,
    B,
    HeldXaiRequest,
    api,
    install_bridge,
    log_in,
    login,
    of_kind,
    states,
    stream_errors,
)
from tests.support.household import Household
from tests.support.log_lines import wait_until_worked_off
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

# So long after its beginning a line of its log is not taken for its first one.
_FIRST_LINE_SECONDS = 11.0


# That errors alone are logged is in the next test, and in test_two_without_bridge.py.
@pytest.mark.parametrize("how", ["WARN", "cut"])
def test_b_the_key_of_a_process_whose_beginning_is_not_in_the_log_blames_no_later_account(
    house: Household, provider: LoopbackProvider, how: str
) -> None:
    level = {} if how == "cut" else {"OPENCODE_LOG_LEVEL": how}
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        begun = time.monotonic()
        with serve(house, **level) as server:
            server.prompt(server.create_session(), "hi")
            wait_until(lambda: time.monotonic() - begun > _FIRST_LINE_SECONDS, 30, "a later line")
            if how == "cut":
                os.truncate(house.log_file, 0)
            rotator(house, "rotate", "mock", "mock-1")
            provider.limit(A, headers={"retry-after-ms": "300"})
            server.prompt_async(server.create_session(), "limited")
            wait_until(lambda: len(stream_errors(house)) > 1, 30, "the failures in the log")
            wait_until_worked_off(house, "groq")

    assert set(provider.keys) == {A}
    assert states(house) == ["ready", "ready"]
    assert house.read_auth()["mock"] == api(B)


def test_b_a_login_s_request_that_errors_alone_tell_of_undoes_no_swap_by_hand(
    house: Household, provider: LoopbackProvider
) -> None:
    held = HeldXaiRequest(house, provider)
    with watcher(house):
        log_in(house, "xai", login("B"), login("A"))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        with serve(house, OPENCODE_LOG_LEVEL="ERROR") as server:
            server.prompt_async(server.create_session(), "hi", model="xai/grok-4")
            assert held.is_asked.wait(30)
            # A failure so soon after its start would tell when it began.
            time.sleep(_FIRST_LINE_SECONDS)
            rotator(house, "rotate", "xai", "xai-1")
            time.sleep(1.5)
            held.may_end.set()
            wait_until(lambda: stream_errors(house), 30, "the failure in the log")
            wait_until_worked_off(house, "groq")

    assert not [one for one in of_kind(house, "limited") if one["account"].startswith("xai/")]
    assert house.read_auth()["xai"]["access"] == "ACC-CANARY-B"


# At WARN an idle server logs as little as at ERROR.
@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_b6_an_idle_server_is_not_said_to_be_without_the_bridge_whatever_it_logs(
    house: Household, level: str
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house, OPENCODE_LOG_LEVEL=level) as server:
            # What it logs is written by then.
            time.sleep(6)
            doctor, told = rotator(house, "doctor"), status(house)
            used = rotator(house, "rotate", "mock", "mock-1", "--json").json()["applies"]
            idle = f"serve (pid {server.pid}) has not been used yet"
            assert idle in rotator(house, "status").stdout
            server.prompt(server.create_session(), "hi")
            bridges = [one["bridge"] is not None for one in status(house)["opencodes"]]

    assert (doctor.code, told["problems"], used) == (0, [], "next-request")
    assert "restart it" not in doctor.stdout
    assert bridges == [True]


@pytest.mark.parametrize("is_used", [True, False])
def test_b6_what_a_server_with_few_lines_in_its_log_has_used_is_not_known_and_said_so(
    house: Household, provider: LoopbackProvider, *, is_used: bool
) -> None:
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house, OPENCODE_LOG_LEVEL="WARN") as server:
            if is_used:
                server.prompt(server.create_session(), "hi")
            time.sleep(6)
            install_bridge(house)
            doctor, told = rotator(house, "doctor"), status(house)

    assert bool(provider.keys) is is_used
    assert (doctor.code, told["problems"]) == (0, [])
    assert "may run without the bridge: its log does not say whether it has been used" in (
        doctor.stdout
    )
    assert "restart it if it was used before the bridge was installed" in doctor.stdout
