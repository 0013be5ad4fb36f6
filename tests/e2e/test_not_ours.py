"""What goes out of opencode and is none of our business, and what is ours only once."""

from __future__ import annotations

import json
import time

from tests.e2e.scenes import A, B, api, install_bridge, kinds, log_in, of_kind, states
from tests.support.fake_watcher import FakeWatcher
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal, streamed, tool_call
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}


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
