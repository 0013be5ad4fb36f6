"""Which provider a message gets, and how its turn goes on with another, in the real opencode.

The watcher is a stand-in that says what the test wants; what is shown is what opencode does then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.three_sides import (
    CHAT,
    MESSAGES,
    RESPONSES,
    SIDES,
    Side,
    requests,
    three_sides,
    turn,
)
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, run, serve
from tests.support.opencode_tui import tui
from tests.support.provider_answers import refusal, streamed, tool_call
from tests.support.scripted_watcher import ScriptedWatcher, Signal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

NOTE = "it has 0 of 2 accounts ready, work is first at 14:20"
ASKED, ANSWER = "please read the note", "The note is read."
HOUR = {"retry-after": "3600"}
TOOL = tool_call(
    "bash", command="echo ran >> ran; echo what-the-tool-said", description="read the note"
)
PAIRS = [(one, other) for one in SIDES for other in SIDES if one != other]
DRAW_SECONDS = 60.0
# A model that nobody is ever sent to.
PICKED = "m2"
HELPER = {"mode": "subagent", "model": CHAT.name, "description": "helps", "prompt": "Help."}
Sides = tuple[Household, LoopbackProvider, ScriptedWatcher]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Return what the tests of this file share; each begins anew in it, with other sessions."""
    with three_sides(tmp_path_factory.mktemp("home")) as sides:
        file = sides[0].config_folder / "opencode.json"
        config = json.loads(file.read_text()) | {"agent": {"helper": HELPER}}
        config["provider"][CHAT.provider]["models"][PICKED] = {}
        file.write_text(json.dumps(config))
        yield sides


@pytest.fixture
def house(sides: Sides) -> Household:
    """Return a household with a login for each protocol, and the bridge."""
    return sides[0]


@pytest.fixture
def provider(sides: Sides) -> Iterator[LoopbackProvider]:
    """Return the provider behind all three."""
    yield sides[1]
    sides[1].begin_anew()


@pytest.fixture
def watcher(sides: Sides) -> Iterator[ScriptedWatcher]:
    """Return a stand-in for the watcher that passes whatever fails until it is told otherwise."""
    yield sides[2]
    sides[2].begin_anew()


@pytest.fixture(scope="module")
def server(sides: Sides) -> Iterator[Server]:
    """Return a server with the bridge and the stand-in."""
    with serve(sides[0]) as server:
        yield server


def use_up(house: Household, provider: LoopbackProvider, first: Side, second: Side) -> None:
    """Let `first` ask for a tool and be limited then, and `second` end the turn."""
    (house.project / "ran").write_text("")
    for side in (first, second):
        provider.lift(side.secret)
    provider.script(TOOL, refusal(429, headers=HOUR), key=first.secret)
    provider.ok(ANSWER, key=second.secret)


def lines(server: Server, session: str) -> list[str]:
    """Return the lines of a session that a person sees and a model does not."""
    parts = [part for message in server.messages(session) for part in message["parts"]]
    return [part["text"] for part in parts if part.get("ignored")]


def errors(server: Server, session: str) -> list[Any]:
    """Return the errors that are shown in a session."""
    infos = [message["info"] for message in server.messages(session)]
    return [info["error"] for info in infos if info.get("error")]


def test_a_turn_goes_on_between_all_protocols_in_both_directions(
    house: Household, provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    for first, second in PAIRS:
        where = f"{first.name} to {second.name}"
        use_up(house, provider, first, second)
        watcher.reroute({first.provider: second.name}, NOTE)
        session, before = server.create_session(), len(provider.requests)

        said = server.prompt(session, ASKED, model=first.name)

        assert said == ANSWER, where
        assert turn(provider, before) == [first.secret, first.secret, second.secret], where
        assert (house.project / "ran").read_text() == "ran\n", where
        sent = requests(provider, before)[-1].raw_body.decode()
        found = [text in sent for text in (ASKED, "what-the-tool-said", "[rotator]")]
        assert found == [True, True, False], where
        assert lines(server, session) == [f"[rotator] {NOTE}; going on with {second.name}"], where
        assert errors(server, session) == [], where


def test_a_run_goes_on_and_another_opencode_leaves_its_session_there(
    house: Household, provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    (house.project / "ran").write_text("")
    provider.limit(CHAT.secret, headers=HOUR)
    provider.script(TOOL, key=CHAT.secret)
    provider.ok(ANSWER, key=MESSAGES.secret)
    watcher.reroute({"mock": MESSAGES.name}, NOTE)

    ended = run(house, ASKED)
    watcher.publish(RESPONSES.route, CHAT.route)
    (newest, *_) = server.ask("GET", "/session")
    later = server.prompt(newest["id"], "and now")

    assert (ended.code, ended.stdout.strip(), later) == (0, ANSWER, ANSWER)
    assert turn(provider) == [CHAT.secret] * 2 + [MESSAGES.secret] * 2
    assert (house.project / "ran").read_text() == "ran\n"
    # A title that the run did not wait for is asked for once more.
    assert sum(not signal["aside"] for signal in watcher.signals) == 1


def test_each_provider_is_left_once_in_a_turn_and_then_the_person_gets_its_words(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    said = {"error": {"message": "Insufficient balance", "type": "billing_error"}}
    for side in SIDES:
        provider.limit(side.secret, status=402, body=said)
    watcher.reroute({"mock": MESSAGES.name, "anthropic": RESPONSES.name, "openai": CHAT.name})
    session = server.create_session()

    answer = server.prompt(session, ASKED, model=CHAT.name)

    assert (answer, len(lines(server, session))) == ("", 2)
    assert turn(provider) == [CHAT.secret, MESSAGES.secret, RESPONSES.secret]
    (error,) = errors(server, session)
    assert error["data"]["message"] == "Insufficient balance"
    left = [signal["left"] for signal in watcher.signals if not signal["aside"]]
    assert left == [[], ["mock"], ["mock", "anthropic"]]


def test_a_turn_is_held_while_nobody_is_left_and_goes_on_then(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    provider.script(TOOL, refusal(429, headers=HOUR), key=CHAT.secret)
    provider.ok(ANSWER, key=MESSAGES.secret)

    def decide(signal: Signal) -> tuple[str, dict[str, Any]]:
        if signal["attempt"] < 3:
            return "wait", {"wait_ms": 200, "note": NOTE}
        return "reroute", {"to": MESSAGES.route}

    watcher.decide = decide
    session = server.create_session()
    events = server.events()

    said = server.prompt(session, ASKED)
    toast = events.wait_for("tui.toast.show")
    events.close()

    assert (said, errors(server, session)) == (ANSWER, [])
    assert turn(provider) == [CHAT.secret, CHAT.secret, MESSAGES.secret]
    assert [signal["waited"] for signal in watcher.signals] == [False, True, True]
    assert toast["message"] == NOTE


def test_a_title_and_a_compaction_are_asked_of_the_other_provider(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    provider.limit(CHAT.secret, headers=HOUR)
    provider.ok(ANSWER, key=MESSAGES.secret)
    watcher.reroute({"mock": MESSAGES.name})
    session = server.create_session()

    server.prompt(session, ASKED, model=CHAT.name)
    wait_until(lambda: titled(server, session) == "A title", 10, lambda: titled(server, session))
    server.ask("POST", f"/session/{session}/summarize", CHAT.model)

    compacted = [m for m in server.messages(session) if m["info"].get("summary") is True]
    assert [part["text"] for m in compacted for part in m["parts"] if "text" in part] == [ANSWER]
    assert errors(server, session) == []
    assert ASKED in requests(provider)[-1].raw_body.decode()
    wait_until(lambda: not children(server, session), 5, "the sessions for it to be gone")


def titled(server: Server, session: str) -> str:
    return str(server.ask("GET", f"/session/{session}")["title"])


def children(server: Server, session: str) -> list[Any]:
    found: list[Any] = server.ask("GET", f"/session/{session}/children")
    return found


def test_the_order_chooses_for_each_message_and_sessions_stay_where_they_are(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    watcher.publish(MESSAGES.route, CHAT.route)
    first, second = server.create_session(), server.create_session()

    server.prompt(first, "one")
    watcher.publish(MESSAGES.route, CHAT.route, resting="anthropic")
    server.prompt(second, "one")
    watcher.publish(MESSAGES.route, CHAT.route)
    server.prompt(first, "two")
    server.prompt(second, "two", model=CHAT.name)
    watcher.publish(MESSAGES.route, CHAT.route, resting="mock")
    server.prompt(second, "three")
    watcher.publish(MESSAGES.route, CHAT.route, balancing=False)
    server.prompt(server.create_session(), "off")

    assert turn(provider) == [
        MESSAGES.secret,
        CHAT.secret,
        MESSAGES.secret,
        CHAT.secret,
        MESSAGES.secret,
        CHAT.secret,
    ]
    sent = requests(provider)[4].raw_body.decode()
    assert all(text in sent for text in ("one", "two", "three"))


def test_a_model_that_the_person_picked_stays_and_a_sub_agent_keeps_its_own(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    def delegate(text: str) -> list[str | None]:
        """Let a turn ask the sub-agent; return who was asked."""
        before = len(provider.requests)
        task = tool_call("task", description=text, prompt=text, subagent_type="helper")
        provider.script(task, streamed("It is done."), key=MESSAGES.secret)
        server.prompt(server.create_session(), text)
        return turn(provider, before)

    watcher.publish(MESSAGES.route, CHAT.route)
    picked = server.create_session()
    server.prompt(picked, "one", model=f"{CHAT.provider}/{PICKED}")
    server.prompt(picked, "two")
    kept = delegate("please help")
    provider.lift(MESSAGES.secret)
    watcher.publish(MESSAGES.route, CHAT.route, resting="mock")
    moved = delegate("please help again")

    assert [request.model for request in requests(provider)[:2]] == [PICKED, PICKED]
    assert kept == [MESSAGES.secret, CHAT.secret, MESSAGES.secret]
    assert set(moved) == {MESSAGES.secret}


def test_after_a_reroute_the_same_model_can_be_picked_by_hand_in_another_session(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    watcher.publish(MESSAGES.route, CHAT.route)
    moved, other = server.create_session(), server.create_session()
    server.prompt(other, "one")
    provider.limit(MESSAGES.secret, headers=HOUR)
    watcher.reroute({"anthropic": RESPONSES.name})
    server.prompt(moved, "one")
    provider.lift(MESSAGES.secret)

    server.prompt(other, "two", model=RESPONSES.name)
    server.prompt(other, "three")
    server.prompt(moved, "two", model=f"{CHAT.provider}/{PICKED}")

    moved_on = [MESSAGES.secret, RESPONSES.secret]
    assert turn(provider) == [MESSAGES.secret, *moved_on, *[RESPONSES.secret] * 2, CHAT.secret]
    assert requests(provider)[-1].model == PICKED


def test_c10_after_a_reroute_a_model_that_a_client_names_in_a_new_session_is_honoured(
    house: Household, provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    watcher.publish(MESSAGES.route, CHAT.route)
    moved, new = server.create_session(), server.create_session()
    provider.limit(MESSAGES.secret, headers=HOUR)
    watcher.reroute({"anthropic": RESPONSES.name})
    server.prompt(moved, "one")
    provider.lift(MESSAGES.secret)

    server.prompt(new, "one", model=RESPONSES.name)
    server.prompt(new, "two", model=RESPONSES.name)
    url = f"http://127.0.0.1:{server.port}"
    attached = run(house, "three", "--attach", url, "-m", RESPONSES.name)
    server.prompt(server.create_session(), "no model is named")

    moved_on = [MESSAGES.secret, RESPONSES.secret]
    assert attached.code == 0
    assert turn(provider) == [*moved_on, *[RESPONSES.secret] * 3, MESSAGES.secret]


@pytest.mark.timeout(180)
def test_in_the_tui_messages_find_their_provider_go_on_and_a_wait_ends_with_escape(
    house: Household, provider: LoopbackProvider, watcher: ScriptedWatcher
) -> None:
    (house.project / "ran").write_text("")
    watcher.publish(MESSAGES.route, CHAT.route)
    provider.script(TOOL, refusal(429, headers=HOUR), key=MESSAGES.secret)
    provider.ok(ANSWER, key=RESPONSES.secret)
    watcher.reroute({"anthropic": RESPONSES.name}, NOTE)

    with tui(house) as terminal:
        terminal.type(f"{ASKED}\n")
        terminal.wait_for_text(ANSWER, DRAW_SECONDS)
        terminal.wait_for_text(f"going on with {RESPONSES.name}", DRAW_SECONDS)
        watcher.decide = lambda _: (
            "wait",
            {"wait_ms": 60_000, "note": "the first login is free at noon"},
        )
        provider.limit(RESPONSES.secret, headers=HOUR)
        terminal.type("and now\n")
        terminal.wait_for_text("the first login is free at noon", DRAW_SECONDS)
        terminal.press("escape")
        terminal.wait_for_text("again to interrupt")
        terminal.press("escape")
        terminal.wait_for_text("interrupted")
        shown = terminal.text

    assert "Rate limit" not in shown
    assert turn(provider) == [MESSAGES.secret] * 2 + [RESPONSES.secret] * 2
    assert (house.project / "ran").read_text() == "ran\n"
    wait_until(lambda: not watcher.waiting(), 5, "no signal to be left")
