"""A limited login in OpenCode 2: another one answers the same request. With the real 2.0.15."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, C, install_bridge, kinds, of, of_kind
from tests.e2e.test_opencode2_chatgpt import MODEL, REROUTE, far
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    command2,
    command2_in,
    database,
    end_services,
    serve2,
    service2,
)
from tests.support.opencode2_table import Table
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
HOUR = {"retry-after": "3600"}
HELLO = "Hello from account two."
LONGEST_SECONDS = 30
LIMITED = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}
BILLING = {"error": {"message": "Your credit balance is too low.", "type": "billing_error"}}
DEAD = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@pytest.fixture
def bridged(house: Household, provider: LoopbackProvider) -> Household:
    """Return a household with the bridge; account two says something of its own."""
    provider.ok(HELLO, key=B)
    install_bridge(house)
    return house


@pytest.fixture
def served(bridged: Household) -> Iterator[Server2]:
    """Return a server with the keys B and A, the active one, the bridge, and a watcher."""
    with watcher(bridged), serve2(bridged) as server:
        log_in_both(server)
        yield server


def log_in_both(server: Server2) -> None:
    server.add_key("mock", B, "b")
    server.add_key("mock", A, "a")
    wait_for(server.house, "mock", 2)


def wait_for(house: Household, provider: str, count: int) -> None:
    what = f"{count} accounts to be captured"
    wait_until(lambda: len(of(house, provider)) == count, CAPTURE_SECONDS, what)


def ask(server: Server2, *words: str, folder: Path | None = None) -> tuple[int, str]:
    """Let a client ask something; return its exit code and all that it said."""
    more = ["--server", server.url, *(words or ("hi",))]
    place = folder or server.house.project
    ran = command2_in(place, server.house, "run", *more, OPENCODE_PASSWORD=server.password)
    return ran.returncode, ran.stdout + ran.stderr


def turn_keys(provider: LoopbackProvider) -> list[str]:
    """Return the credentials of the requests that are no title's."""
    return [str(request.credential) for request in provider.asked(title=False)]


def test_a_run_with_a_server_of_its_own_survives(
    bridged: Household, provider: LoopbackProvider
) -> None:
    with watcher(bridged):
        with serve2(bridged) as server:
            log_in_both(server)
        provider.limit(A, headers=HOUR)
        ran = command2(bridged, "run", "--standalone", "hi")
        said = ran.stdout + ran.stderr

    assert (ran.returncode, HELLO in said) == (0, True), said
    assert turn_keys(provider) == [A, B]


def test_a_run_with_the_background_service_survives(
    bridged: Household, provider: LoopbackProvider
) -> None:
    with watcher(bridged), service2(bridged) as server:
        log_in_both(server)
        provider.limit(A, headers=HOUR)
        ran = command2(bridged, "run", "hi")
        wait_until(lambda: server.connections("mock")[0]["label"] == "b", 10, "the switch")

    assert (ran.returncode, HELLO in ran.stdout) == (0, True), ran.stderr
    assert turn_keys(provider) == [A, B]


@pytest.mark.parametrize("how", ["none", "killed", "stopped"])
def test_without_a_watcher_that_answers_opencode_goes_its_own_way(
    bridged: Household, provider: LoopbackProvider, how: str
) -> None:
    provider.limit(A, status=402, body=BILLING)
    with serve2(bridged) as server:
        with watcher(bridged) as watching:
            log_in_both(server)
            if how != "none":
                (watching.kill if how == "killed" else watching.stop)()
            code, took = (0, 0.0) if how == "none" else timed(server)
            if how == "stopped":
                watching.cont()
        if how == "none":
            code, took = timed(server)

    assert code != 0
    assert set(turn_keys(provider)) == {A}
    assert took < LONGEST_SECONDS


def timed(server: Server2) -> tuple[int, float]:
    began = time.monotonic()
    code, _ = ask(server)
    return code, time.monotonic() - began


def test_with_nobody_left_the_turn_goes_on_with_another_provider(
    bridged: Household, provider: LoopbackProvider
) -> None:
    file = bridged.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    other = {**config["provider"]["mock"], "models": {"m2": {}}}
    config["provider"]["other"] = other
    file.write_text(json.dumps(config))
    provider.ok("Hello from elsewhere.", key=C)
    for named in (("mock", "m1"), ("other", "m2")):
        said = rotator(bridged, "priority", "set", *named)
        assert said.code == 0, said.stderr
    with watcher(bridged), serve2(bridged) as server:
        server.add_key("mock", A, "a")
        server.add_key("other", C, "c")
        wait_for(bridged, "other", 1)
        wait_for(bridged, "mock", 1)
        provider.limit(A, status=402, body=BILLING, headers=HOUR)
        code, said_by_model = ask(server)
        again, more = ask(server, "again")

    assert (code, "Hello from elsewhere." in said_by_model) == (0, True), said_by_model
    assert kinds(bridged).count("rerouted") == 1
    assert (again, "Hello from elsewhere." in more) == (0, True), more


@pytest.fixture
def chatting(bridged: Household, provider: LoopbackProvider) -> Iterator[Server2]:
    """Return a server with the ChatGPT logins b and a, the active one, and a watcher."""
    house = bridged
    (house.config_folder / "plugin" / "reroute.js").write_text(
        REROUTE.replace("URL_HERE", json.dumps(provider.url))
    )
    with serve2(house) as server:
        server.connections("openai")
    table = Table(database(house))
    table.log_in("openai", far("b"), "b")
    table.log_in("openai", far("a"), "a")
    with watcher(house), serve2(house) as server:
        wait_for(house, "openai", 2)
        yield server


def test_a_chatgpt_login_is_replaced_with_its_account(
    chatting: Server2, provider: LoopbackProvider
) -> None:
    provider.limit("ACC-CANARY-a-1", headers=HOUR)

    code, said = ask(chatting, "--model", MODEL, "hi")
    again, _ = ask(chatting, "--model", MODEL, "again")
    asked = provider.asked("/responses", title=None)
    pairs = [(str(r.credential), r.headers.get("chatgpt-account-id", "-")) for r in asked]

    assert (code, again) == (0, 0), said
    assert set(pairs) == {("ACC-CANARY-a-1", "acct-a"), ("ACC-CANARY-b-1", "acct-b")}
    assert pairs[-1] == ("ACC-CANARY-b-1", "acct-b")
    assert kinds(chatting.house).count("failover") == 1


def test_reasoning_that_the_other_account_cannot_read_is_left_out(
    chatting: Server2, provider: LoopbackProvider
) -> None:
    provider.history.bind()
    ask(chatting, "--model", MODEL, "one")
    provider.limit("ACC-CANARY-a-1", headers=HOUR, times=1)

    second, said = ask(chatting, "--continue", "--model", MODEL, "two")
    third, more = ask(chatting, "--continue", "--model", MODEL, "three")
    refused = [r for r in provider.asked("/responses") if r.status == 400]

    assert (second, third) == (0, 0), said + more
    assert len(refused) == 1
    assert provider.asked("/responses")[-1].credential == "ACC-CANARY-b-1"


def test_two_directories_of_one_server_send_one_signal_for_a_request(
    served: Server2, provider: LoopbackProvider
) -> None:
    ask(served)
    other = served.house.home / "other"
    other.mkdir()
    before = len(turn_keys(provider))
    provider.limit(A, headers=HOUR, times=1)

    code, said = ask(served, folder=other)

    assert (code, HELLO in said) == (0, True), said
    assert turn_keys(provider)[before:] == [A, B]
    assert len(of_kind(served.house, "limited")) == 1


def test_the_bridge_is_listed_and_loaded_anew_without_a_restart(
    served: Server2, provider: LoopbackProvider
) -> None:
    listed = {p["id"]: p["state"] for p in served.ask("GET", "/api/plugin")[1]["data"]}
    shown = status(served.house)
    said = rotator(served.house, "status").stdout
    taken_out = rotator(served.house, "bridge", "uninstall")
    wait_until(lambda: not bridge_pids(served.house), CAPTURE_SECONDS, "the bridge to leave")
    put_in = rotator(served.house, "bridge", "install")
    wait_until(
        lambda: bridge_pids(served.house) == [served.pid], CAPTURE_SECONDS, "the bridge to return"
    )
    provider.limit(A, headers=HOUR)
    code, answer = ask(served)

    assert listed["opencode-rotator"] == {"status": "active"}
    assert (taken_out.code, put_in.code) == (0, 0)
    (one,) = shown["opencodes"]
    assert one["pid"] == served.pid
    assert f"is an OpenCode 2 (2.0.15), bridge {one['bridge']}" in said
    assert (code, HELLO in answer) == (0, True), answer


def bridge_pids(house: Household) -> list[int]:
    return sorted(
        int(path.stem) for path in (house.state_dir / "bridge" / "present").glob("[0-9]*.json")
    )
