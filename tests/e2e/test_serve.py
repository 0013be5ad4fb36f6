"""`opencode serve`: turns of several requests, streams, rotating by hand, logins and logouts.

One server for all, and a provider of its own for each test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.one_server import Scene, key, one_server, two_keys
from tests.e2e.scenes import api, of, states
from tests.support.provider_answers import refusal, slow_text
from tests.support.rotator_process import rotator, status
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
PAUSE_SECONDS = 0.3
PROVIDERS = ("flow", "hand", "again", "leave")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a server that was started while key 1 of each provider was live, and a watcher."""
    with one_server(tmp_path_factory.mktemp("home"), two_keys(PROVIDERS)) as scene:
        yield scene


@pytest.fixture
def scene(served: Scene) -> Iterator[Scene]:
    """Return it with nobody else's rules and requests."""
    yield served
    served.provider.begin_anew()


def test_a_stream_arrives_as_the_provider_sends_it(scene: Scene) -> None:
    """Case 52: after a failover, too, nothing is held back."""
    pieces = slow_text("one ", "two ", "three", pause_seconds=PAUSE_SECONDS)
    scene.provider.script(refusal(429, headers=HOUR), pieces)
    session = scene.server.create_session()
    events = scene.server.events()

    scene.ask_in("flow", session, "hi")

    wait_until(lambda: len(events.texts(session)) == 3, 5, "three pieces of text")
    arrived = [seen.at for seen in events.texts(session)]
    events.close()
    sent = [at / 1e9 for at in scene.provider.asked()[-1].chunks_ns]
    # Each piece is there before the next one leaves the provider, 300 ms later.
    assert all(there < later for there, later in zip(arrived, sent[1:], strict=False))
    assert arrived[-1] - arrived[0] > PAUSE_SECONDS


def test_the_next_message_after_a_rotation_by_hand_uses_the_other_key(scene: Scene) -> None:
    session = scene.server.create_session()
    scene.ask_in("hand", session, "first")

    rotated = rotator(scene.house, "rotate", "hand", "--json").json()
    scene.ask_in("hand", session, "second")

    assert (rotated["from"], rotated["to"]) == ("hand-2", "hand-1")
    assert rotated["applies"] == "next-request"
    assert scene.keys_of("hand") == [key("hand", "1"), key("hand", "2")]
    (present,) = status(scene.house)["opencodes"]
    assert (present["pid"], present["kind"]) == (scene.server.pid, "serve")
    assert present["bridge"] is not None


def test_a_login_in_opencode_is_captured_once(scene: Scene) -> None:
    """Cases 12 and 13."""
    house, server = scene.house, scene.server
    server.set_auth("again", api("KEY-CANARY-C"))
    wait_until(lambda: len(of(house, "again")) == 3, 5, "the third login")
    server.set_auth("other", api("KEY-CANARY-D"))
    wait_until(lambda: len(of(house, "other")) == 1, 5, "another provider's login")

    server.set_auth("again", api("KEY-CANARY-C"))
    house.write_auth({**house.read_auth(), "again": api(key("again", "1"))})
    wait_until(lambda: of(house, "again")[1]["active"], 5, "the login as before")

    assert len(of(house, "again")) == 3
    captured = [scene.events_of(one, "captured") for one in ("again", "other")]
    assert [len(events) for events in captured] == [3, 1]


def test_a_logout_leaves_the_slot_empty(scene: Scene) -> None:
    house = scene.house
    scene.server.delete_auth("leave")

    wait_until(lambda: scene.events_of("leave", "logged-out"), 5, "the logout")

    assert "leave" not in house.read_auth()
    assert states(house, "leave") == ["ready", "disabled"]
    assert of(house, "leave")[1]["reason"] == "logged out in opencode"
    assert scene.events_of("leave", "failover") == []
    rotator(house, "rotate", "leave", "leave-2")
    assert house.read_auth()["leave"] == api(key("leave", "1"))
