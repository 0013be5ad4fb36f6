"""Two opencodes without the bridge, and a log that says little or was cut: who is blamed.

Each is the real opencode. The first has sent with A; B is put in by hand; a second one starts, and
within the ten seconds in which a process writes its first line a request of the first one fails.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.opencode.run_lines import runs_in
from rotator.system.processes import started
from tests.e2e.scenes import (
    A,
    B,
    HeldXaiRequest,
    api,
    log_in,
    login,
    of_kind,
    states,
    stream_errors,
)
from tests.support.children import child
from tests.support.household import Household
from tests.support.log_lines import wait_until_worked_off
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import opencode_binary
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import Answer, streamed
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

# A swap is noted so long after it has happened: only what is further off is before or after it.
_NOTED_SECONDS = 1.3
_MORE_THAN_IS_READ = 5 << 20


@pytest.fixture
def two(house: Household) -> Iterator[Household]:
    """Return a household with two keys of mock, A live, and one of groq, and a watcher."""
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        yield house


def put_in(house: Household, name: str) -> None:
    """Swap by hand, in some distance from what was before and comes after it."""
    time.sleep(_NOTED_SECONDS)
    assert rotator(house, "rotate", *name.split("/")).code == 0
    time.sleep(_NOTED_SECONDS)


def wait_for_failure(house: Household) -> None:
    """Wait until a request has failed and the watcher has worked its line off."""
    wait_until(lambda: stream_errors(house), 30, "the failure in the log")
    wait_until_worked_off(house, "groq")


def blamed(house: Household) -> set[str]:
    """Return the accounts of mock that were said to be limited."""
    found = (one["account"] for one in of_kind(house, "limited"))
    return {name for name in found if name.startswith("mock/")}


def is_first_word_of_one(house: Household, servers: Sequence[Server]) -> bool:
    """Tell whether the log begins so soon after one of them that no older one is meant.

    On a slow machine it does not, and then nobody is blamed.
    """
    run = min(runs_in(house.log_file.parent).runs.values(), key=lambda run: run.first_at)
    starts = [started(server.pid) for server in servers]
    return any(at is not None and run.is_of(at) for at in starts)


@pytest.mark.timeout(120)
# At WARN it logs as little as at ERROR: test_log_levels.py has that.
@pytest.mark.parametrize("shape", ["ERROR", "cut"])
def test_b_the_key_of_one_whose_log_says_little_blames_no_account_that_another_began_with(
    two: Household, provider: LoopbackProvider, shape: str
) -> None:
    level = {} if shape == "cut" else {"OPENCODE_LOG_LEVEL": shape}
    with serve(two, **level) as first:
        session = first.create_session()
        first.prompt(session, "hi")
        put_in(two, "mock/mock-1")
        if shape == "cut":
            os.truncate(two.log_file, 0)
        provider.limit(A, headers={"retry-after-ms": "300"})
        with serve(two, **level):
            first.prompt_async(session, "limited")
            wait_for_failure(two)

    assert set(provider.keys) == {A}
    assert (states(two), blamed(two)) == (["ready", "ready"], set())
    assert two.read_auth()["mock"] == api(B)


@pytest.mark.timeout(120)
def test_b_the_key_of_one_whose_log_tells_its_beginning_is_blamed_beside_another(
    two: Household, provider: LoopbackProvider
) -> None:
    with serve(two) as first:
        session = first.create_session()
        first.prompt(session, "hi")
        put_in(two, "mock/mock-1")
        provider.limit(A, headers={"retry-after-ms": "300"})
        with serve(two):
            first.prompt_async(session, "limited")
            wait_for_failure(two)

    assert blamed(two) == {"mock/mock-2"}
    assert two.read_auth()["mock"] == api(B)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("level", ["ERROR", "INFO"])
def test_b_one_that_uses_another_folder_after_its_log_was_cut_is_not_taken_for_a_second_one(
    two: Household, provider: LoopbackProvider, level: str
) -> None:
    """Its first line is one that an opencode begins with, and a server begins with another one."""
    other = two.home / "other"
    other.mkdir()
    with serve(two) as first:
        session = first.create_session()
        first.prompt(session, "hi")
        put_in(two, "mock/mock-1")
        os.truncate(two.log_file, 0)
        with serve(two, OPENCODE_LOG_LEVEL=level):
            first.prompt(first.create_session(directory=other), "there", directory=other)
            provider.limit(A, headers={"retry-after-ms": "300"})
            first.prompt_async(session, "limited")
            wait_for_failure(two)

    assert (states(two), blamed(two)) == (["ready", "ready"], set())
    assert two.read_auth()["mock"] == api(B)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shape", ["cut", "much"])
def test_b_one_that_uses_the_folder_of_a_person_s_opencode_is_not_taken_for_that(
    two: Household, provider: LoopbackProvider, shape: str
) -> None:
    """That logs errors alone; of the older one's beginning nothing is read any more."""
    other = two.home / "other"
    other.mkdir()
    asked, held = threading.Event(), threading.Event()

    def late(_: Request) -> Answer:
        asked.set()
        held.wait(60)
        return streamed("late")

    provider.answer(late, key=B)
    told = two.env() | {"OPENCODE_LOG_LEVEL": "ERROR", "PWD": str(other)}
    command: list[str | Path] = [opencode_binary(), "run", "hi", "-m", "mock/m1"]
    with serve(two) as first:
        session = first.create_session()
        first.prompt(session, "hi")
        put_in(two, "mock/mock-1")
        if shape == "cut":
            os.truncate(two.log_file, 0)
        else:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
            line = f"timestamp={now}Z level=INFO run=beef message=published type=message\n"
            with two.log_file.open("a") as log:
                log.write(line * (_MORE_THAN_IS_READ // len(line)))
        with child(command, env=told, cwd=other):
            assert asked.wait(30)
            first.create_session(directory=other)
            provider.limit(A, headers={"retry-after-ms": "300"})
            first.prompt_async(session, "limited")
            wait_for_failure(two)
            held.set()

    assert (states(two), blamed(two)) == (["ready", "ready"], set())
    assert two.read_auth()["mock"] == api(B)


@pytest.mark.timeout(120)
def test_b_a_failure_of_one_that_has_ended_since_blames_no_account_that_another_began_with(
    house: Household, provider: LoopbackProvider
) -> None:
    """It has ended when the watcher comes to read its line."""
    with watcher(house) as watching, ExitStack() as stack:
        log_in(house, "mock", api(B), api(A))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        with serve(house, OPENCODE_LOG_LEVEL="ERROR") as first:
            session = first.create_session()
            first.prompt(session, "hi")
            put_in(house, "mock/mock-1")
            watching.stop()
            stack.callback(watching.cont)
            stack.enter_context(serve(house, OPENCODE_LOG_LEVEL="ERROR"))
            provider.limit(A, headers={"retry-after": "3600"})
            first.prompt_async(session, "limited")
            wait_until(lambda: stream_errors(house), 30, "the failure in the log")
        watching.cont()
        wait_until_worked_off(house, "groq")

    assert (states(house), blamed(house)) == (["ready", "ready"], set())
    assert house.read_auth()["mock"] == api(B)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("count", [1, 2])
def test_b_those_whose_logs_say_little_blame_the_account_that_each_of_them_began_with(
    two: Household, provider: LoopbackProvider, count: int
) -> None:
    put_in(two, "mock/mock-1")
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serve(two, OPENCODE_LOG_LEVEL="ERROR")) for _ in range(count)
        ]
        session = servers[0].create_session()
        provider.limit(B, headers={"retry-after-ms": "300"})
        servers[0].prompt_async(session, "limited")
        wait_for_failure(two)
        is_sure = is_first_word_of_one(two, servers)

    assert blamed(two) == ({"mock/mock-1"} if is_sure else set())
    assert two.read_auth()["mock"] == api(A if is_sure else B)


@pytest.mark.timeout(120)
def test_b_a_login_s_request_under_way_at_a_swap_blames_nobody_once_a_second_one_has_started(
    house: Household, provider: LoopbackProvider
) -> None:
    held = HeldXaiRequest(house, provider)
    with watcher(house), ExitStack() as stack:
        log_in(house, "xai", login("B"), login("A"))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        first = stack.enter_context(serve(house, OPENCODE_LOG_LEVEL="ERROR"))
        first.prompt_async(first.create_session(), "hi", model="xai/grok-4")
        assert held.is_asked.wait(30)
        put_in(house, "xai/xai-1")
        stack.enter_context(serve(house, OPENCODE_LOG_LEVEL="ERROR"))
        held.may_end.set()
        wait_for_failure(house)

    assert not [one for one in of_kind(house, "limited") if one["account"].startswith("xai/")]
    assert house.read_auth()["xai"]["access"] == "ACC-CANARY-B"
