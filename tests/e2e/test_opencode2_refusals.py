"""How a login is refused in OpenCode 2, and what becomes of it. With the real 2.0.15.

One server for all, and a provider with the logins b and a, the live one, for each test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.one_server import configure, key
from tests.e2e.scenes import install_bridge, of, of_kind
from tests.e2e.test_opencode2_failover import BILLING, HELLO, HOUR, ask, turn_keys, wait_for
from tests.support.household import Household
from tests.support.leaks import LASTING
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, end_services, serve2
from tests.support.provider_answers import StreamError, refusal, streamed, tool_call
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
LIMITED = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}
DEAD = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}


@dataclass(frozen=True)
class Case:
    """How a login is refused, and what is known of it afterwards."""

    status: int
    body: Mapping[str, object]
    state: str
    headers: Mapping[str, str] | None = None


# Refusals that another login helps with: the same in both homes of logins.
SURVIVED = {
    "429": Case(429, LIMITED, "cooling", HOUR),
    "402": Case(402, BILLING, "exhausted"),
    "529": Case(529, {"error": {"message": "Overloaded"}}, "ready"),
    "503": Case(503, {"error": {"message": "Service Unavailable"}}, "ready"),
    "dead key": Case(401, DEAD, "rejected"),
}


PLAIN = (401, 403)
PROVIDERS = (
    *(f"case{number}" for number in range(len(SURVIVED))),
    *(f"plain{status}" for status in PLAIN),
    *("tools", "titles", "both", "three", "off", "within"),
)


@dataclass(frozen=True)
class Shared:
    """A server with the bridge, a watcher beside it, and the provider behind all others."""

    server: Server2
    provider: LoopbackProvider

    @property
    def house(self) -> Household:
        """Return whose server it is."""
        return self.server.house

    def ask(self, provider: str) -> tuple[int, str]:
        """Let a client ask that provider; return its exit code and all that it said."""
        return ask(self.server, "--model", f"{provider}/m1", "hi")

    def keys(self, provider: str) -> list[str]:
        """Return by their aliases the keys of a provider that were asked, but for titles."""
        of = {key(provider, alias): alias for alias in "abc"}
        return [of[one] for one in turn_keys(self.provider) if one in of]

    def states(self, provider: str) -> dict[str, str]:
        """Return the state of each login of a provider, by its alias."""
        return {str(a["alias"]): str(a["state"]) for a in of(self.house, provider)}

    def events(self, provider: str, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind about a provider."""
        return [one for one in of_kind(self.house, kind) if one["provider"] == provider]

    def wait_for_switch(self, provider: str, alias: str) -> None:
        """Wait until that login is the active one of a provider in OpenCode 2."""
        wait_until(lambda: self.server.connections(provider)[0]["label"] == alias, 10, "the switch")


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Return what the tests share, with every login captured."""
    house = Household(tmp_path_factory.mktemp("home"))
    with LoopbackProvider(f"{LASTING}loopback") as provider:
        configure(house, provider, PROVIDERS, has_library=True)
        install_bridge(house)
        with watcher(house), serve2(house) as server:
            for alias in "ba":
                for one in PROVIDERS:
                    server.add_key(one, key(one, alias), alias)
            for one in PROVIDERS:
                wait_for(house, one, 2)
            yield Shared(server, provider)
        end_services(house)
    shutil.rmtree(house.temporary, ignore_errors=True)


@pytest.fixture
def shared(sharing: Shared) -> Iterator[Shared]:
    """Return it while account b of each provider says something of its own."""
    for one in PROVIDERS:
        sharing.provider.ok(HELLO, key=key(one, "b"))
    yield sharing
    sharing.provider.begin_anew()


@pytest.mark.parametrize("number", range(len(SURVIVED)), ids=SURVIVED)
def test_a_refused_key_is_replaced_inside_the_running_request(shared: Shared, number: int) -> None:
    name, case = f"case{number}", list(SURVIVED.values())[number]
    refused = {"status": case.status, "body": case.body, "headers": case.headers}
    # The request for a title goes out beside it, and must not be the one that is refused.
    shared.provider.limit(key(name, "a"), **refused, times=1)  # type: ignore[arg-type]  # of a case

    code, said = shared.ask(name)

    assert (code, HELLO in said) == (0, True), said
    assert shared.keys(name) == ["a", "b"]
    assert len(shared.events(name, "failover")) == 1
    assert shared.states(name)["a"] == case.state
    shared.wait_for_switch(name, "b")
    assert shared.events(name, "problem") == []


@pytest.mark.parametrize("failure", PLAIN)
def test_a_plain_refusal_is_passed_on_and_nobody_else_is_asked(
    shared: Shared, failure: int
) -> None:
    name = f"plain{failure}"
    shared.provider.limit(key(name, "a"), status=failure)

    code, _ = shared.ask(name)

    assert code != 0
    assert set(shared.keys(name)) == {"a"}
    assert shared.states(name) == {"a": "ready", "b": "ready"}
    assert shared.events(name, "failover") == []


def test_a_turn_with_tool_calls_goes_on_where_it_was_refused(shared: Shared) -> None:
    said_of_a = tool_call("bash", command="echo hello", description="Says it")
    shared.provider.script(said_of_a, refusal(429, headers=HOUR), key=key("tools", "a"))

    code, said = shared.ask("tools")

    assert (code, HELLO in said) == (0, True), said
    assert shared.keys("tools") == ["a", "a", "b"]


def test_a_title_that_is_refused_goes_on_with_the_other_login(shared: Shared) -> None:
    a, b = (key("titles", alias) for alias in "ab")
    shared.provider.limit(a, headers=HOUR)

    code, said = shared.ask("titles")

    assert (code, HELLO in said) == (0, True), said
    titles = [str(request.credential) for request in shared.provider.asked(title=True)]
    assert [one for one in titles if one in {a, b}] in ([a, b], [b]), titles
    assert len(shared.events("titles", "failover")) == 1


def test_with_both_limited_each_is_asked_once_and_the_vendor_s_words_come_through(
    shared: Shared,
) -> None:
    said_by_vendor = {"error": {"message": "Insufficient balance here", "type": "billing_error"}}
    for alias in "ab":
        shared.provider.limit(key("both", alias), status=402, body=said_by_vendor, headers=HOUR)

    code, said = shared.ask("both")

    assert code != 0
    assert "Insufficient balance here" in said
    assert shared.keys("both").count("a") <= 1
    assert shared.keys("both").count("b") == 1


def test_a_third_login_answers_where_the_second_is_refused_as_well(shared: Shared) -> None:
    shared.provider.ok("Hello from account three.", key=key("three", "c"))
    server = shared.server
    server.add_key("three", key("three", "c"), "c")
    slots = {str(item["label"]): str(item["id"]) for item in server.connections("three")}
    server.activate(slots["a"])
    wait_for(shared.house, "three", 3)
    for alias in "ab":
        shared.provider.limit(key("three", alias), headers=HOUR)

    code, said = shared.ask("three")

    assert (code, "account three" in said) == (0, True), said
    assert shared.keys("three")[-1] == "c"
    shared.wait_for_switch("three", "c")


def test_with_balancing_off_the_refusal_is_noted_and_passed_on(shared: Shared) -> None:
    rotator(shared.house, "balance", "off")
    shared.provider.limit(key("off", "a"), status=402, body=BILLING)

    code, _ = shared.ask("off")
    rotator(shared.house, "balance", "on")

    assert code != 0
    assert set(shared.keys("off")) == {"a"}
    assert shared.states("off")["a"] == "exhausted"


def test_an_error_inside_of_an_answer_moves_the_turn_to_the_other_login(shared: Shared) -> None:
    shared.provider.script(streamed(StreamError("Rate limit reached")), key=key("within", "a"))

    code, said = shared.ask("within")

    assert (code, HELLO in said) == (0, True), said
    assert shared.keys("within") == ["a", "b"]
