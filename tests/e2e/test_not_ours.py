"""What goes out of opencode and is none of our business, and what is ours only once."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.scenes import A, B, C, api, install_bridge, kinds, log_in, of_kind, states
from tests.support.fake_watcher import FakeWatcher
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.other_plugins import plugin
from tests.support.provider_answers import refusal, streamed, tool_call
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
HOOK = """
export const Pool = async () => ({ "chat.headers": async (input, output) => {
  output.headers["Authorization"] = `Bearer ${process.env.OWN_KEY}`;
} });
"""


def test_a_web_page_that_answers_429_is_no_failure_of_an_account(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    provider.answer(refusal(429, "Slow down.", headers=HOUR), path="/page")
    page = tool_call("webfetch", url=f"{provider.url}/page", format="text")
    provider.script(page, streamed("The page cannot be read."))

    said = server.prompt(server.create_session(), "read the page")

    assert said == "The page cannot be read."
    assert [request.status for request in provider.asked("/page")] == [429]
    assert [name for name in provider.asked("/page")[0].headers if "rotator" in name] == []
    assert states(house) == ["ready", "ready"]
    assert provider.keys == [A, A]


def test_a_key_in_opencode_json_stays_and_is_never_reported(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    config = house.config_folder / "opencode.json"
    value = json.loads(config.read_text())
    value["provider"]["mock"]["options"]["apiKey"] = B
    config.write_text(json.dumps(value))
    provider.ok("Hello.")
    provider.limit(B, headers={"retry-after-ms": "50"}, times=1)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            said = server.prompt(server.create_session(), "hi")

    assert said == "Hello."
    assert provider.keys == [B, B]
    assert of_kind(house, "failover") == []
    assert states(house) == ["ready", "ready"]


@pytest.mark.parametrize("key", [B, C], ids=["a parked account's", "a stranger's"])
@pytest.mark.parametrize("giver", ["model", "hook"])
def test_a_key_in_a_header_of_a_model_or_of_a_plug_in_stays_whoever_has_it(
    house: Household, provider: LoopbackProvider, giver: str, key: str
) -> None:
    install_bridge(house)
    config = house.config_folder / "opencode.json"
    value = json.loads(config.read_text())
    if giver == "model":
        headers = {"Authorization": f"Bearer {key}"}
        value["provider"]["mock"]["models"]["m1"] = {"headers": headers}
    else:
        plugin(house.config_folder / "plugin", HOOK, "pool.js")
    config.write_text(json.dumps(value))
    provider.limit(key, headers={"retry-after-ms": "300"})

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house, OWN_KEY=key) as server:
            server.prompt_async(server.create_session(), "hi")
            problem = wait_until(lambda: of_kind(house, "problem"), 30, "the word about the key")

    whose = "opencode.json gives" if giver == "model" else "auth.json did not give"
    assert [one["why"] for one in problem] == [
        f"mock: a request failed with a key that {whose}: nobody is blamed"
    ]
    assert set(provider.keys) == {key}
    assert states(house) == ["ready", "ready"]
    assert house.read_auth()["mock"] == api(A)


def test_no_mark_of_ours_ever_reaches_a_provider(
    provider: LoopbackProvider, server: Server
) -> None:
    """Case 24."""
    provider.limit(A, headers=HOUR)

    server.prompt(server.create_session(), "hi")

    # The title is made beside the turn, and may be there later.
    wait_until(lambda: len(provider.requests) >= 3, 30, "the title, asked for again")
    assert not [r for r in provider.requests for name in r.headers if "rotator" in name]


def test_one_server_with_three_directories_reports_one_failure_once(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    folders = [house.home / name for name in ("one", "two", "three")]
    sessions = []
    for folder in folders:
        folder.mkdir()
        sessions.append(server.create_session(directory=folder))
        server.prompt(sessions[-1], "first", directory=folder)
    # A title asked later would meet the limit in the turn's place.
    wait_until(lambda: len(provider.asked(title=True)) == len(folders), 20, "the titles")
    before = len(provider.asked())
    provider.limit(A, headers=HOUR)

    server.prompt(sessions[0], "second", directory=folders[0])

    assert [r.credential for r in provider.asked()[before:]] == [A, B]
    assert kinds(house).count("limited") == 1
    assert kinds(house).count("failover") == 1


def test_escape_ends_a_wait_at_once(house: Household, provider: LoopbackProvider) -> None:
    install_bridge(house)
    house.write_auth({"mock": api(A)})
    provider.limit(A, headers=HOUR, times=1)
    # The watcher's side is played here: a real one has no reason to let a request wait so long.
    held = FakeWatcher(house.home)
    held.publish([A])
    with serve(house) as server:
        session = server.create_session()
        server.prompt_async(session, "hi")
        held.answer(held.next_signal(), "ack", wait_ms=20_000)
        # Longer than a first word may take: only the ack can have kept the request waiting.
        heard_at = time.monotonic() + 0.6
        wait_until(lambda: time.monotonic() > heard_at, 5, "the bridge to hear the ack")
        assert session in server.busy()

        server.abort(session)

        wait_until(lambda: session not in server.busy(), 5, "the session to be idle")
    assert provider.keys == [A]
