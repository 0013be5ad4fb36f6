"""Two API keys of which one is limited: `opencode run`, and the kinds of refusals in one server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.one_server import Scene, key, one_server, two_keys
from tests.e2e.scenes import (
    A,
    B,
    api,
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
DEAD = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
HELLO = "Hello from account two."
TROUBLE, PLAIN = (500, 503, 529), (401, 403, 404)
ALONE = "alone"
PAIRS = (
    *(f"trouble{status}" for status in TROUBLE),
    *(f"plain{status}" for status in PLAIN),
    *("empty", "overloaded", "dead", "off"),
)


# -- `opencode run` ----------------------------------------------------------------------------


def test_a_limited_key_is_replaced_inside_the_running_request(
    watched: Household, provider: LoopbackProvider
) -> None:
    """Case 20: one request of the user, one refusal, the answer of the other account."""
    provider.ok(HELLO, key=B)
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
    provider.ok(HELLO, key=B)
    provider.limit(A, headers=HOUR)
    run(watched, "hi")
    before = len(provider.requests)

    ended = run(watched, "again")

    assert ended.stdout.strip() == HELLO
    assert {request.credential for request in provider.requests[before:]} == {B}


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


# -- the kinds of refusals, each with a provider of its own ------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a server with the bridge, and two logins of each provider: one, live, and two."""
    logins = {**two_keys(PAIRS), ALONE: (api(key(ALONE, "1")),)}
    with one_server(tmp_path_factory.mktemp("home"), logins) as scene:
        yield scene


@pytest.fixture
def scene(served: Scene) -> Iterator[Scene]:
    """Return it while account two of each provider says something of its own."""
    for one in PAIRS:
        served.provider.ok(HELLO, key=key(one, "2"))
    yield served
    served.provider.begin_anew()


def test_an_empty_balance_is_a_limit_too(scene: Scene) -> None:
    """Case 27."""
    scene.provider.limit(key("empty", "1"), status=402, body=BILLING)

    assert scene.turn("empty") == (HELLO, [])
    assert states(scene.house, "empty") == ["ready", "exhausted"]
    assert scene.errors_of("empty") == []


@pytest.mark.parametrize("failure", TROUBLE)
def test_trouble_at_the_provider_is_tried_once_elsewhere_and_blames_nobody(
    scene: Scene, failure: int
) -> None:
    name = f"trouble{failure}"
    scene.provider.limit(key(name, "1"), status=failure)

    assert scene.turn(name) == (HELLO, [])
    assert states(scene.house, name) == ["ready", "ready"]
    assert scene.errors_of(name) == []


def test_a_second_overload_within_the_minute_is_passed_on(scene: Scene) -> None:
    first, second = key("overloaded", "1"), key("overloaded", "2")
    scene.provider.limit(first, status=529)
    scene.ask("overloaded")
    scene.provider.limit(second, status=529, times=1)
    before = len(scene.requests_of("overloaded"))

    # opencode's own retry is answered.
    assert scene.turn("overloaded", "again") == (HELLO, [])
    assert len(scene.errors_of("overloaded")) == 1
    after = {request.credential for request in scene.requests_of("overloaded")[before:]}
    assert after == {second}
    assert states(scene.house, "overloaded") == ["ready", "ready"]
    assert len(scene.events_of("overloaded", "failover")) == 1


@pytest.mark.parametrize("failure", PLAIN)
def test_a_plain_refusal_is_passed_on_and_nobody_else_is_asked(scene: Scene, failure: int) -> None:
    name = f"plain{failure}"
    scene.provider.limit(key(name, "1"), status=failure)

    said, errors = scene.turn(name)

    assert (said, len(errors)) == ("", 1)
    assert {request.credential for request in scene.requests_of(name)} == {key(name, "1")}
    assert states(scene.house, name) == ["ready", "ready"]
    assert scene.events_of(name, "failover") == []


def test_a_dead_key_is_rejected_and_one_other_account_carries_on(scene: Scene) -> None:
    scene.provider.limit(key("dead", "1"), status=401, body=DEAD)

    assert scene.turn("dead") == (HELLO, [])
    assert states(scene.house, "dead") == ["ready", "rejected"]


def test_with_balancing_off_the_failure_is_noted_and_passed_on(scene: Scene) -> None:
    """Case 22."""
    scene.provider.limit(key("off", "1"), status=402, body=BILLING)
    rotator(scene.house, "balance", "off")

    said, errors = scene.turn("off")
    rotator(scene.house, "balance", "on")

    assert (said, len(errors)) == ("", 1)
    assert {request.credential for request in scene.requests_of("off")} == {key("off", "1")}
    assert states(scene.house, "off") == ["ready", "exhausted"]


def test_with_one_account_a_request_is_left_alone(scene: Scene) -> None:
    only = key(ALONE, "1")
    scene.provider.ok("Hello after opencode's own retry.", key=only)
    scene.provider.limit(only, headers={"retry-after-ms": "10"}, times=1)

    assert scene.ask(ALONE) == "Hello after opencode's own retry."
    assert scene.keys_of(ALONE) == [only, only]
