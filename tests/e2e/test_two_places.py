"""Two logins of one provider that go to two places, with the real opencode (A10, B1).

opencode reads the tokens of these logins anew for each request, and their place when it begins;
of a few logins it hands on all when it begins, as it does with a key.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.e2e.scenes import Entry, install_bridge, log_in, of, of_kind, states
from tests.support.host_tunnel import HostTunnel
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

COPILOT, SNOWFLAKE, AZURE, POE = "github-copilot", "snowflake-cortex", "azure", "poe"
TOKENS = {name: f"CANARY{name}1a2b3c4d5e6f7g8h" for name in "ab"}
YEAR = 365 * 86400
LIMITED = "Rate limit reached"


def entry(slot: str, name: str) -> Entry:
    """Return a login as opencode 1.18.33 writes it; a goes to one place, b to another."""
    word, expires = TOKENS[name], int((time.time() + YEAR) * 1000)
    login: dict[str, object] = {"type": "oauth", "access": word, "refresh": word, "expires": 0}
    match slot:
        case "github-copilot":
            return login | ({"enterpriseUrl": "corp.ghe.com"} if name == "b" else {})
        case "snowflake-cortex":
            return login | {
                "refresh": f"REF-{word}",
                "expires": expires,
                "accountId": f"org-{name}",
            }
        case "azure":
            dummy = "opencode-oauth-dummy-key"
            tokens = {"access": dummy, "refresh": dummy}
            return login | tokens | {"expires": expires, "accountId": f"res-{name}"}
        case _:
            return login | {"expires": expires}


HOSTS = {
    COPILOT: ("api.githubcopilot.com", "copilot-api.corp.ghe.com"),
    SNOWFLAKE: ("org-a.snowflakecomputing.com", "org-b.snowflakecomputing.com"),
    AZURE: ("res-a.openai.azure.com", "res-b.openai.azure.com"),
    POE: ("api.poe.com", "api.poe.com"),
}
MODELS = {COPILOT: "gpt-5.4", SNOWFLAKE: "claude-x", AZURE: "gpt-x", POE: "gpt-x"}
OFFERED: Mapping[str, Mapping[str, object]] = {
    SNOWFLAKE: {
        "npm": "@ai-sdk/openai-compatible",
        "env": ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_CORTEX_PAT"],
        "api": "https://${SNOWFLAKE_ACCOUNT}.snowflakecomputing.com/api/v2/cortex/v1",
    },
    AZURE: {"npm": "@ai-sdk/azure", "env": ["AZURE_RESOURCE_NAME", "AZURE_API_KEY"]},
    POE: {
        "npm": "@ai-sdk/openai-compatible",
        "env": ["POE_API_KEY"],
        "api": "https://api.poe.com/v1",
    },
}


class Places:
    """The provider at both places: each takes its own tokens, and a may be limited."""

    def __init__(self, house: Household, provider: LoopbackProvider, slot: str) -> None:
        self.house, self.slot = house, slot
        self.mine, self.other = HOSTS[slot]
        self.asked: list[tuple[str, str]] = []
        self.limit: Callable[[], Answer | None] = lambda: None
        provider.answer(self._answer)

    def _answer(self, request: Request) -> Answer | None:
        name = next((n for n, word in TOKENS.items() if request.credential == word), "?")
        host = request.headers["host"]
        self.asked.append((host, name))
        if name != "?" and self.mine != self.other and (host == self.mine) != (name == "a"):
            return refusal(401, {"error": {"message": "Bad credentials", "code": "unauthorized"}})
        return self.limit() if host == self.mine and name != "b" else None

    def limit_once(self, seconds: int) -> None:
        """Limit the next request of a with so long a rest; opencode waits for it."""
        answers = iter(
            [refusal(429, {"error": {"message": LIMITED}}, {"retry-after": f"{seconds}"})]
        )
        self.limit = lambda: next(answers, None)

    def limit_for_good(self) -> None:
        """Limit every request of a; the answer does not say until when."""
        self.limit = lambda: refusal(429, {"error": {"message": LIMITED}})

    @property
    def told(self) -> str:
        """What became of the logins: the rest of a, and that b is as it was."""
        return rotator(self.house, "accounts").stdout


@pytest.fixture
def tunnel(provider: LoopbackProvider) -> Iterator[HostTunnel]:
    """Return the way to the hosts of all these vendors."""
    ends = ("githubcopilot.com", "ghe.com", "snowflakecomputing.com", "azure.com", "poe.com")
    with HostTunnel(provider, *ends) as tunnel:
        yield tunnel


def prepare(house: Household, slot: str) -> dict[str, str]:
    """Let opencode ask that provider alone; return the environment that it needs."""
    models = json.loads(house.models_file.read_text())
    if slot in OFFERED:
        model = next(iter(models["openai"]["models"].values())) | {"id": MODELS[slot]}
        own = {"id": slot, "name": slot, "models": {MODELS[slot]: model}}
        models[slot] = models["openai"] | OFFERED[slot] | own
        house.models_file.write_text(json.dumps(models))
    file = house.config_folder / "opencode.json"
    name = f"{slot}/{MODELS[slot]}"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model": name, "small_model": name}))
    folder = house.home / "bin"
    folder.mkdir()
    tool = folder / "az"
    told = {"accessToken": "AZ-CANARY-1a2b3c4d5e6f", "expires_on": int(time.time() + 3000)}
    answer = folder / "az-canary.json"
    answer.write_text(json.dumps(told))
    tool.write_text(f"#!/bin/sh\nexec cat {answer}\n")
    tool.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def other(house: Household, slot: str) -> dict[str, Any]:
    """Return b as `accounts` has it."""
    return of(house, slot)[0]


@pytest.mark.parametrize("slot", [COPILOT, SNOWFLAKE])
def test_a10_tokens_of_one_place_are_not_sent_to_another(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel, slot: str
) -> None:
    """By hand and by a failover: opencode goes on with what it began with, and says so."""
    environment = prepare(house, slot) | tunnel.environment
    install_bridge(house)
    places = Places(house, provider, slot)
    with watcher(house):
        log_in(house, slot, entry(slot, "b"), entry(slot, "a"))
        with serve(house, **environment) as server:
            session = server.create_session()
            first = server.prompt(session, "hi")
            by_hand = rotator(house, "rotate", slot, f"{slot}-1").stdout
            second = server.prompt(session, "again")
            assert rotator(house, "rotate", slot, f"{slot}-2").code == 0
            places.limit_once(3)
            third = server.prompt(session, "and again")
            swapped = wait_until(lambda: of_kind(house, "failover"), 10, "the failover")
            fourth = server.prompt(session, "once more")

    assert all((first, second, third, fourth))
    assert "restart opencode" in by_hand
    assert "it goes to another place than the login they began with" in str(
        of_kind(house, "problem")
    )
    assert "it goes to another place: an opencode that is started now uses it" in swapped[0]["why"]
    assert set(places.asked) == {(places.mine, "a")}, places.told
    assert other(house, slot)["state"] == "ready", places.told


def test_a10_a_company_s_place_is_one_however_it_is_written(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel
) -> None:
    environment = prepare(house, COPILOT) | tunnel.environment
    install_bridge(house)
    places = Places(house, provider, COPILOT)
    places.mine = places.other
    first = {**entry(COPILOT, "a"), "enterpriseUrl": "https://Corp.ghe.com/"}
    with watcher(house):
        log_in(house, COPILOT, entry(COPILOT, "b"), first)
        with serve(house, **environment) as server:
            session = server.create_session()
            places.limit_for_good()
            said = server.prompt(session, "hi")

    assert said
    assert {host for host, _ in places.asked} == {places.mine}
    assert places.asked[-1] == (places.mine, "b")
    assert of_kind(house, "failover"), places.told
    assert "another place" not in str([*of_kind(house, "failover"), *of_kind(house, "problem")])
    assert other(house, COPILOT)["state"] == "ready", places.told


@pytest.mark.parametrize("verb", [("disable",), ("remove", "--yes")])
def test_a10_a_login_that_was_taken_back_is_not_sent_to_its_place_any_more(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel, verb: tuple[str, ...]
) -> None:
    environment = prepare(house, COPILOT) | tunnel.environment
    install_bridge(house)
    places = Places(house, provider, COPILOT)
    with watcher(house):
        log_in(house, COPILOT, entry(COPILOT, "b"), entry(COPILOT, "a"))
        with serve(house, **environment) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            rotator(house, "rotate", COPILOT, f"{COPILOT}-1")
            server.prompt(session, "again")
            before = len(places.asked)
            told = rotator(house, "accounts", *verb, f"{COPILOT}/{COPILOT}-2").stdout
            digest = digest_of(TOKENS["a"])
            wait_until(lambda: digest in withdrawn_in(house), 10, "what the bridge is told")
            server.prompt_async(session, "and again")
            provider.wait_for(before + 1, 30)
            server.abort(session)

    assert set(places.asked[:before]) == {(places.mine, "a")}
    assert "a" not in {name for _, name in places.asked[before:]}, places.asked
    # Its bridge hears of it.
    assert "may still send" not in told
    assert all(account["state"] != "rejected" for account in of(house, COPILOT)), places.told


def wait_logged(house: Household) -> None:
    """Wait until opencode's log says that a folder is used: it is written up to a second late."""
    wait_until(lambda: b"creating instance" in house.log_file.read_bytes(), 10, "a word in the log")


def withdrawn_in(house: Household) -> list[str]:
    """Return the digests of Copilot's logins that were taken back, as the bridge reads them."""
    told = json.loads((house.state_dir / "bridge" / "state.json").read_bytes())
    digests: list[str] = told["withdrawn"].get(COPILOT, [])
    return digests


def test_a10_without_the_bridge_nobody_is_blamed_for_the_answer_of_another_s_place(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel
) -> None:
    environment = prepare(house, COPILOT) | tunnel.environment
    places = Places(house, provider, COPILOT)
    with watcher(house):
        log_in(house, COPILOT, entry(COPILOT, "b"), entry(COPILOT, "a"))
        with serve(house, **environment) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            wait_logged(house)
            told = rotator(house, "rotate", COPILOT, f"{COPILOT}-1").stdout
            provider.answer(lambda _: refusal(429, {"error": {"message": LIMITED}}))
            before = len(provider.requests)
            server.prompt_async(session, "again")
            provider.wait_for(before + 2, 30)
            server.abort(session)
            time.sleep(3)  # longer than a line of the log waits for a note about it

    assert "restart opencode" in told
    assert states(house, COPILOT) == ["ready", "ready"], places.told
    assert of_kind(house, "limited") == []


@pytest.mark.parametrize("slot", [POE, AZURE])
def test_b1_a_login_that_is_handed_on_at_the_start_is_charged_as_a_key_is(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel, slot: str
) -> None:
    """Without the bridge: the other one was never asked."""
    environment = prepare(house, slot) | tunnel.environment
    places = Places(house, provider, slot)
    with watcher(house):
        log_in(house, slot, entry(slot, "b"), entry(slot, "a"))
        with serve(house, **environment) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            places.limit_for_good()
            server.prompt_async(session, "again")
            [swapped] = wait_until(lambda: of_kind(house, "failover"), 20, "the failover")
            provider.wait_for(len(provider.requests) + 1, 40)
            time.sleep(3)  # longer than a line of the log waits for a note about it
            server.abort(session)
            told = rotator(house, "rotate", slot, f"{slot}-1", "--dry-run", "--json").json()

    assert {host for host, _ in places.asked} == {places.mine}
    assert {name for _, name in places.asked} == {"a" if slot == POE else "?"}
    assert other(house, slot)["state"] == "ready", places.told
    assert len(of_kind(house, "failover")) == 1
    assert "restart opencode serve" in str(of_kind(house, "problem")), swapped
    assert told is not None


def test_b3_what_azure_s_own_login_sends_past_the_bridge_is_said_and_blames_nobody(
    house: Household, provider: LoopbackProvider, tunnel: HostTunnel
) -> None:
    """It keeps the fetch of before every plug-in: there is nothing to take out."""
    environment = prepare(house, AZURE) | tunnel.environment
    install_bridge(house)
    places = Places(house, provider, AZURE)
    with watcher(house):
        log_in(house, AZURE, entry(AZURE, "b"), entry(AZURE, "a"))
        with serve(house, **environment) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            [says] = wait_until(lambda: unseen(house), 10, "the sentence of doctor")
            told = rotator(house, "rotate", AZURE, f"{AZURE}-1").stdout
            places.limit_for_good()
            before = len(provider.requests)
            server.prompt_async(session, "again")
            provider.wait_for(before + 2, 30)
            server.abort(session)
            time.sleep(3)  # longer than a line of the log waits for a note about it

    assert "opencode's own plug-in sends them past it" in says["says"]
    assert says["to_do"] == "nothing is to be taken out: restart opencode after a swap"
    assert says["level"] != "problem"
    assert "restart opencode" in told
    assert {host for host, _ in places.asked} == {places.mine}
    assert states(house, AZURE) == ["ready", "ready"], places.told


def unseen(house: Household) -> list[dict[str, Any]]:
    """Return what doctor says of requests that the bridge does not see."""
    checks: list[dict[str, Any]] = rotator(house, "doctor", "--json").json()["checks"]
    return [check for check in checks if "does not see the requests" in str(check["says"])]
