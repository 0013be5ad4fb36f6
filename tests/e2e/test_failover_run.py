"""`opencode run` with two API keys, of which one is limited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.scenes import (
    A,
    B,
    kinds,
    of,
    of_kind,
    states,
    stream_errors,
)
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run
from tests.support.rotator_process import rotator, status

HOUR = {"retry-after": "3600"}
BILLING = {"error": {"message": "Your credit balance is too low.", "type": "billing_error"}}
HELLO = "Hello from account two."


@pytest.fixture(autouse=True)
def account_two_answers(provider: LoopbackProvider) -> None:
    """Let the provider say something that only account two gets to hear."""
    provider.ok(HELLO, key=B)


def test_a_limited_key_is_replaced_inside_the_running_request(
    watched: Household, provider: LoopbackProvider
) -> None:
    """Case 20: one request of the user, one refusal, the answer of the other account."""
    # The request for a title goes out beside it, and must not be the one that is refused.
    provider.limit(A, headers=HOUR, times=1)

    ended = run(watched, "hi")

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    assert provider.keys == [A, B]
    assert stream_errors(watched) == []
    two, one = of(watched, "mock")
    assert (one["state"], two["state"], two["active"]) == ("cooling", "ready", True)
    left = datetime.fromisoformat(one["until"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1)
    assert kinds(watched).count("failover") == 1


def test_the_next_run_uses_the_other_key_at_once(
    watched: Household, provider: LoopbackProvider
) -> None:
    provider.limit(A, headers=HOUR)
    run(watched, "hi")
    before = len(provider.requests)

    ended = run(watched, "again")

    assert ended.stdout.strip() == HELLO
    assert {request.credential for request in provider.requests[before:]} == {B}


def test_an_empty_balance_is_a_limit_too(watched: Household, provider: LoopbackProvider) -> None:
    """Case 27."""
    provider.limit(A, status=402, body=BILLING)

    ended = run(watched, "hi")

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    assert states(watched) == ["ready", "exhausted"]
    assert stream_errors(watched) == []


@pytest.mark.parametrize("failure", [500, 503, 529])
def test_trouble_at_the_provider_is_tried_once_elsewhere_and_blames_nobody(
    watched: Household, provider: LoopbackProvider, failure: int
) -> None:
    provider.limit(A, status=failure)

    ended = run(watched, "hi")

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    assert states(watched) == ["ready", "ready"]
    assert stream_errors(watched) == []


def test_a_second_overload_within_the_minute_is_passed_on(
    watched: Household, provider: LoopbackProvider
) -> None:
    provider.limit(A, status=529)
    run(watched, "hi")
    provider.limit(B, status=529, times=1)
    before = len(provider.requests)

    ended = run(watched, "again")

    assert ended.stdout.strip() == HELLO
    assert len(stream_errors(watched)) == 1
    assert {request.credential for request in provider.requests[before:]} == {B}
    assert states(watched) == ["ready", "ready"]
    assert kinds(watched).count("failover") == 1


@pytest.mark.parametrize("failure", [401, 403, 404])
def test_a_plain_refusal_is_passed_on_and_nobody_else_is_asked(
    watched: Household, provider: LoopbackProvider, failure: int
) -> None:
    provider.limit(A, status=failure)

    ended = run(watched, "hi")

    assert ended.code != 0
    assert B not in {request.credential for request in provider.requests}
    assert states(watched) == ["ready", "ready"]
    assert of_kind(watched, "failover") == []


def test_a_dead_key_is_rejected_and_one_other_account_carries_on(
    watched: Household, provider: LoopbackProvider
) -> None:
    dead = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
    provider.limit(A, status=401, body=dead)

    ended = run(watched, "hi")

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    assert states(watched) == ["ready", "rejected"]


def test_with_both_accounts_limited_each_is_asked_once_and_the_user_gets_the_providers_words(
    watched: Household, provider: LoopbackProvider
) -> None:
    """Case 53: everybody is told who frees up first."""
    said = {"error": {"message": "Insufficient balance for this key", "type": "billing_error"}}
    provider.limit(A, status=402, body=said, headers={"retry-after": "7200"})
    provider.limit(B, status=402, body=said, headers={"retry-after": "3600"})

    ended = run(watched, "hi")

    assert ended.code != 0
    assert "Insufficient balance for this key" in ended.stdout + ended.stderr
    # One attempt each: beside the message there is only the request for its title.
    assert provider.keys.count(A) <= 1
    assert provider.keys.count(B) == 1
    last = of_kind(watched, "limited")[-1]
    assert "mock-1 is first at" in last["detail"]
    assert any("mock-1 is first at" in problem for problem in status(watched)["problems"])


def test_with_balancing_off_the_failure_is_noted_and_passed_on(
    watched: Household, provider: LoopbackProvider
) -> None:
    """Case 22."""
    rotator(watched, "balance", "off")
    provider.limit(A, status=402, body=BILLING)

    ended = run(watched, "hi")

    assert ended.code != 0
    assert B not in {request.credential for request in provider.requests}
    assert states(watched) == ["ready", "exhausted"]


def test_with_one_account_a_request_is_left_alone(
    watched: Household, provider: LoopbackProvider
) -> None:
    rotator(watched, "accounts", "remove", "mock/mock-1", "--yes")
    provider.ok("Hello after opencode's own retry.", key=A)
    provider.limit(A, headers={"retry-after-ms": "10"}, times=1)

    ended = run(watched, "hi")

    assert ended.stdout.strip() == "Hello after opencode's own retry."
    assert provider.keys == [A, A]
