"""ChatGPT logins in OpenCode 2: token and account id of every request are one account's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, install_bridge, of
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import command2, database, end_services, serve2
from tests.support.opencode2_table import Table, Value, chatgpt
from tests.support.rotator_process import Ended, rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
# Of those that the offline list has the one that a ChatGPT login may use.
MODEL = "openai/gpt-5.5"

# Documented hooks alone: it sends requests for the vendor to the loopback interface instead.
REROUTE = """
export default {
  id: "reroute",
  setup: async (ctx) => {
    await ctx.session.hook("http.request", async (event) => {
      const there = new URL(event.request.url);
      const url = `${URL_HERE}${there.pathname}`;
      event.request = new Request(url, event.request);
    });
  },
};
"""


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@pytest.fixture
def chatting(house: Household, provider: LoopbackProvider) -> Household:
    """Return a household whose requests to ChatGPT come to the loopback provider."""
    folder = house.config_folder / "plugin"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reroute.js").write_text(REROUTE.replace("URL_HERE", json.dumps(provider.url)))
    return house


def far(name: str, generation: int = 1) -> Value:
    return chatgpt(name, generation, expires=4_000_000_000_000)


def pairs(provider: LoopbackProvider, since: int = 0) -> set[tuple[str, str]]:
    """Return the token and the account id of each request to ChatGPT."""
    asked = provider.asked("/responses", title=None)[since:]
    return {(str(r.credential), r.headers.get("chatgpt-account-id", "-")) for r in asked}


def log_in_two(house: Household) -> None:
    """Put two accounts of ChatGPT into a database that OpenCode has made, the second one active."""
    with serve2(house) as server:
        server.connections("openai")
    table = Table(database(house))
    table.log_in("openai", far("a"), "a")
    table.log_in("openai", far("b"), "b")


def test_no_request_has_two_accounts_halves_while_rotations_run(
    chatting: Household, provider: LoopbackProvider
) -> None:
    house = chatting
    log_in_two(house)
    with watcher(house), serve2(house) as server:
        wait_until(lambda: len(of(house, "openai")) == 2, CAPTURE_SECONDS, "both to be captured")
        server.connections("openai")
        over = threading.Event()
        codes: list[int] = []

        def ask() -> None:
            while not over.is_set():
                words = ["--server", server.url, "--model", MODEL, "hi"]
                ran = command2(house, "run", *words, OPENCODE_PASSWORD=server.password)
                codes.append(ran.returncode)

        asking = threading.Thread(target=ask)
        asking.start()
        said = [rotator(house, "rotate", "openai") for _ in range(8)]
        over.set()
        asking.join()

    assert [run.code for run in said] == [0] * 8, [run.stderr for run in said]
    assert pairs(provider) <= {
        ("ACC-CANARY-a-1", "acct-a"),
        ("ACC-CANARY-b-1", "acct-b"),
    }
    assert set(codes) == {0}
    assert pairs(provider)


def test_of_two_servers_neither_is_switched_that_would_mix_two_accounts(
    chatting: Household, provider: LoopbackProvider
) -> None:
    house = chatting
    log_in_two(house)
    password = "PASSWORD-CANARY-second"
    with serve2(house) as first, serve2(house, OPENCODE_PASSWORD=password) as second:
        for opened in (first, second):
            opened.connections("openai")
            words = ["--server", opened.url, "--model", MODEL, "hi"]
            command2(house, "run", *words, OPENCODE_PASSWORD=opened.password)
        before = pairs(provider)
        said = rotator(house, "rotate", "openai", "a")
        removed = rotator(house, "accounts", "remove", "openai/b", "--yes")
        for opened in (first, second):
            words = ["--server", opened.url, "--model", MODEL, "hi"]
            command2(house, "run", *words, OPENCODE_PASSWORD=opened.password)

    assert said.code == 6
    assert "several OpenCode 2 run on one database" in said.stderr
    assert removed.code == 6
    assert before == pairs(provider) == {("ACC-CANARY-b-1", "acct-b")}


@pytest.mark.parametrize("limited", ["ACC-CANARY-b-1", "KEY-CANARY-openai"])
def test_a_turn_goes_on_between_a_plan_and_a_key(
    chatting: Household, provider: LoopbackProvider, limited: str
) -> None:
    house = chatting
    with serve2(house) as server:
        server.connections("openai")
    logins = {
        "KEY-CANARY-openai": {"type": "key", "key": "KEY-CANARY-openai"},
        "ACC-CANARY-b-1": far("b"),
    }
    table = Table(database(house))
    # The last one is active.
    for name in sorted(logins, key=lambda login: login == limited):
        table.log_in("openai", logins[name], name[-3:])
    install_bridge(house)
    provider.limit(limited, headers={"retry-after": "3600"})
    with watcher(house), serve2(house) as server:
        wait_until(lambda: len(of(house, "openai")) == 2, CAPTURE_SECONDS, "both to be captured")
        server.connections("openai")
        session = server.create_session(MODEL)
        answer = server.prompt(session, "hi")

    asked = [r.credential for r in provider.asked("/responses", title=None)]
    assert "Hello" in answer
    assert asked[0] == limited
    assert asked[-1] == next(name for name in logins if name != limited)


def test_the_server_inside_of_a_standalone_run_is_switched_in_the_middle_of_a_turn(
    chatting: Household, provider: LoopbackProvider
) -> None:
    house = chatting
    log_in_two(house)
    said: list[Ended] = []

    # It goes on trying until the other one is there.
    provider.limit("ACC-CANARY-b-1")
    asking = threading.Thread(target=wait_and_rotate, args=(house, provider, said))
    asking.start()
    ran = command2(house, "run", "--standalone", "--model", MODEL, "hi")
    asking.join()

    assert [run.code for run in said] == [0], [run.stderr for run in said]
    assert ran.returncode == 0, ran.stderr
    assert pairs(provider) == {("ACC-CANARY-b-1", "acct-b"), ("ACC-CANARY-a-1", "acct-a")}


def wait_and_rotate(house: Household, provider: LoopbackProvider, said: list[Ended]) -> None:
    """Rotate while the turn waits to be sent again."""
    wait_until(lambda: provider.asked("/responses", title=None), 60, "the first request")
    said.append(rotator(house, "rotate", "openai", "a"))
