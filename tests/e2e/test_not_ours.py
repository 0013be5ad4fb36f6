"""What goes out of opencode and is none of our business, and what is ours only once.

One server for all but the last, and a provider of its own for each test.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.one_server import Scene, key, one_server, two_keys
from tests.e2e.scenes import A, api, install_bridge, states
from tests.support.fake_watcher import FakeWatcher
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.other_plugins import plugin
from tests.support.provider_answers import refusal, streamed, tool_call
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
# A parked account's key, or a stranger's.
WHOSE = ("2", "own")
GIVERS = tuple((giver, whose) for giver in ("model", "hook") for whose in WHOSE)
HOOK = """
export const Pool = async () => ({ "chat.headers": async (input, output) => {
  const [, whose] = /^hook(.+)/.exec(input.model.providerID) ?? [];
  const key = `${process.env.BEGINNING}-${input.model.providerID}-${whose}`;
  if (whose) output.headers["Authorization"] = `Bearer ${key}`;
} });
"""
PROVIDERS = ("page", "written", "mark", "three", *(f"{giver}{whose}" for giver, whose in GIVERS))


def give_keys(house: Household) -> None:
    """Let opencode.json and a plug-in give some providers a key."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    providers = config["provider"]
    providers["written"] = json.loads(json.dumps(providers["written"]))
    providers["written"]["options"]["apiKey"] = key("written", "2")
    for whose in WHOSE:
        name = f"model{whose}"
        headers = {"Authorization": f"Bearer {key(name, whose)}"}
        providers[name] = {**providers[name], "models": {"m1": {"headers": headers}}}
    file.write_text(json.dumps(config))
    folder = house.config_folder / "plugin"
    folder.mkdir()
    plugin(folder, HOOK, "pool.js")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a server that was started while key 1 of each provider was live, and a watcher."""
    home, logins = tmp_path_factory.mktemp("home"), two_keys(PROVIDERS)
    with one_server(home, logins, prepare=give_keys, BEGINNING="KEY-CANARY") as scene:
        yield scene


@pytest.fixture
def scene(served: Scene) -> Iterator[Scene]:
    """Return it with nobody else's rules and requests."""
    yield served
    served.provider.begin_anew()


def test_a_web_page_that_answers_429_is_no_failure_of_an_account(scene: Scene) -> None:
    provider = scene.provider
    provider.answer(refusal(429, "Slow down.", headers=HOUR), path="/page")
    page = tool_call("webfetch", url=f"{provider.url}/page", format="text")
    provider.script(page, streamed("The page cannot be read."))

    said = scene.ask("page", "read the page")

    assert said == "The page cannot be read."
    assert [request.status for request in provider.asked("/page")] == [429]
    assert [name for name in provider.asked("/page")[0].headers if "rotator" in name] == []
    assert states(scene.house, "page") == ["ready", "ready"]
    assert scene.keys_of("page") == [key("page", "1")] * 2


def test_a_key_in_opencode_json_stays_and_is_never_reported(scene: Scene) -> None:
    written = key("written", "2")
    scene.provider.ok("Hello.")
    scene.provider.limit(written, headers={"retry-after-ms": "50"}, times=1)

    said = scene.ask("written")

    assert said == "Hello."
    assert scene.keys_of("written") == [written] * 2
    assert scene.events_of("written", "failover") == []
    assert states(scene.house, "written") == ["ready", "ready"]


@pytest.mark.parametrize(("giver", "whose"), GIVERS)
def test_a_key_in_a_header_of_a_model_or_of_a_plug_in_stays_whoever_has_it(
    scene: Scene, giver: str, whose: str
) -> None:
    name = f"{giver}{whose}"
    scene.provider.limit(key(name, whose), headers={"retry-after-ms": "300"})

    session = scene.server.create_session()
    scene.server.prompt_async(session, "hi", model=f"{name}/m1")
    problem = wait_until(lambda: scene.events_of(name, "problem"), 30, "the word about the key")
    scene.server.abort(session)

    says = "opencode.json gives" if giver == "model" else "auth.json did not give"
    assert [one["why"] for one in problem] == [
        f"{name}: a request failed with a key that {says}: nobody is blamed"
    ]
    assert set(scene.keys_of(name)) == {key(name, whose)}
    assert states(scene.house, name) == ["ready", "ready"]
    assert scene.house.read_auth()[name] == api(key(name, "1"))


def test_no_mark_of_ours_ever_reaches_a_provider(scene: Scene) -> None:
    """Case 24."""
    scene.provider.limit(key("mark", "1"), headers=HOUR)

    scene.ask("mark")

    # The title is made beside the turn, and may be there later.
    wait_until(lambda: len(scene.requests_of("mark")) >= 3, 30, "the title, asked for again")
    requests = scene.provider.requests
    assert not [r for r in requests for name in r.headers if "rotator" in name]


def test_one_server_with_three_directories_reports_one_failure_once(scene: Scene) -> None:
    folders = [scene.house.home / name for name in ("one", "two", "three")]
    sessions = []
    for folder in folders:
        folder.mkdir()
        sessions.append(scene.server.create_session(directory=folder))
        scene.ask_in("three", sessions[-1], "first", directory=folder)
    # A title asked later would meet the limit in the turn's place.
    wait_until(lambda: len(titles(scene, "three")) == len(folders), 20, "the titles")
    before = len(scene.keys_of("three"))
    scene.provider.limit(key("three", "1"), headers=HOUR)

    scene.ask_in("three", sessions[0], "second", directory=folders[0])

    assert scene.keys_of("three")[before:] == [key("three", "1"), key("three", "2")]
    assert len(scene.events_of("three", "limited")) == 1
    assert len(scene.events_of("three", "failover")) == 1


def titles(scene: Scene, provider: str) -> list[object]:
    """Return the requests for a title that were asked of a provider."""
    return [request for request in scene.requests_of(provider) if request.is_title]


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
