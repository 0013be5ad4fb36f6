"""Failures that only opencode's log tells of, and those that it tells of a second time."""

from __future__ import annotations

from tests.e2e.scenes import (
    A,
    B,
    api,
    install_bridge,
    kinds,
    log_in,
    of_kind,
    states,
    stream_errors,
)
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import StreamError, streamed
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until


def test_an_opencode_without_the_bridge_that_needs_a_restart_is_named(
    house: Household, provider: LoopbackProvider
) -> None:
    # Once: what is refused later is in the log later, and would undo the rotation below.
    provider.limit(A, headers={"retry-after-ms": "1500"}, times=1)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            session = server.create_session()
            server.prompt_async(session, "hi")
            wait_until(lambda: "failover" in kinds(house), 30, "a failover because of the log")
            wait_until(lambda: of_kind(house, "problem"), 10, "what has to be restarted")
            server.abort(session)

            told = of_kind(house, "problem")[-1]["why"]
            problems = status(house)["problems"]
            rotated = rotator(house, "rotate", "mock", "mock-2", "--json").json()

    assert house.read_auth()["mock"] == api(A)
    assert f"serve (pid {server.pid})" in told
    assert any(f"pid {server.pid}" in problem for problem in problems)
    assert rotated["applies"] == "after-restart"


def test_an_old_opencode_that_goes_on_with_its_key_uses_up_no_other_account(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.limit(A, headers={"retry-after-ms": "300"})
    with watcher(house):
        log_in(house, "mock", api("KEY-CANARY-C"), api(B), api(A))
        with serve(house) as server:
            session = server.create_session()
            server.prompt_async(session, "hi")
            wait_until(lambda: len(stream_errors(house)) >= 4, 60, "four refusals of one key")
            server.abort(session)
            wait_until(lambda: "failover" in kinds(house), 10, "a failover")

            assert states(house) == ["ready", "ready", "cooling"]

    assert kinds(house).count("failover") == 1


def test_an_error_inside_a_stream_is_charged_to_the_account_that_was_live(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    provider.answer(streamed(StreamError("Rate limit reached")), key=A, title=False, times=1)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            server.prompt_async(server.create_session(), "hi")

            wait_until(lambda: "failover" in kinds(house), 30, "a failover because of the log")

            assert states(house) == ["ready", "cooling"]
