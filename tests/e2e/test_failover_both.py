"""A limited login, in opencode 1 and in OpenCode 2: one table of cases, driven through both.

What a case is stands in failover_table.py; how each of the two is asked in both_homes.py.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.both_homes import CHATGPT_MODEL, Side, first, model_of, second, secret
from tests.e2e.failover_table import (
    ASKED,
    BILLING,
    CHATGPT_SURVIVED,
    GONE,
    HELLO,
    HOUR,
    ONE,
    PLAIN,
    SIDES,
    SURVIVED,
    Refused,
    place,
)
from tests.e2e.scenes import CAPTURE_SECONDS, of
from tests.e2e.test_many_at_once import SECONDS, SESSIONS, Gate
from tests.support.provider_answers import Answer, StreamError, refusal, streamed, tool_call
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
# Of a turn that ends with its first refusal; our own waits are longer than that together.
LONGEST_SECONDS = 5.0
SWITCH_SECONDS = 10.0
DRAW_SECONDS = 60.0
RESET_SECONDS = 20
ONCE_MORE = "again to interrupt"
RESPONSES = "/responses"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """Return opencode 1, for all tests."""
    with first(tmp_path_factory.mktemp("home")) as side:
        yield side


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """Return OpenCode 2, for all tests."""
    with second(tmp_path_factory.mktemp("home")) as side:
        yield side


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Return one of the two, with nobody else's rules and requests."""
    side: Side = request.getfixturevalue("one" if request.param == ONE else "two")
    yield side
    side.provider.settled()
    side.provider.begin_anew()


def refuse(side: Side, provider: str, refused: Refused) -> None:
    """Refuse the next request of the live login, and let the other one say something else."""
    side.provider.limit(
        secret(provider, "a"),
        status=refused.status,
        body=refused.body,
        headers=refused.headers,
        times=1,
    )
    side.provider.ok(HELLO, key=secret(provider, "b"))


def wait_for_switch(side: Side, provider: str, alias: str) -> None:
    """Wait until the home says that a login is the live one."""
    wait_until(lambda: side.live(provider) == alias, SWITCH_SECONDS, f"{alias} to be live")


@pytest.mark.parametrize("refused", SURVIVED, ids=lambda one: one.name)
def test_a_refused_key_is_replaced_inside_of_the_request(side: Side, refused: Refused) -> None:
    name = place("case", refused.name)
    refuse(side, name, refused)

    said = side.turn(name)

    assert (said.text, said.error) == (HELLO, "")
    assert side.asked(name) == "ab"
    wait_for_switch(side, name, "b")
    assert side.states(name) == {"a": refused.state, "b": "ready"}
    assert len(side.events(name, "failover")) == 1
    assert side.events(name, "problem") == []
    assert side.told_errors(name) == []


@pytest.mark.parametrize("refused", CHATGPT_SURVIVED, ids=lambda one: one.name)
def test_a_chatgpt_login_is_replaced_with_its_account(side: Side, refused: Refused) -> None:
    name = side.chatgpt()
    before = len(side.events(name, "failover"))
    refuse(side, name, refused)

    said = side.turn(name)
    # OpenCode 2 is switched while the request is sent again: on a busy machine the turn is over
    # before that.
    wait_for_switch(side, name, "b")
    again = side.turn(name, "again")

    assert (said.text, said.error, again.text) == (HELLO, "", HELLO)
    pairs = [(r.credential, r.headers.get("chatgpt-account-id")) for r in side.requests(name)]
    a, b = ((secret(name, alias), f"acct-{alias}") for alias in "ab")
    assert pairs == [a, b, b]
    assert side.states(name) == {"a": refused.state, "b": "ready"}
    assert len(side.events(name, "failover")) == before + 1
    assert side.told_errors(name) == []


@pytest.mark.parametrize("status", PLAIN)
def test_a_plain_refusal_is_passed_on_and_nobody_else_is_asked(side: Side, status: int) -> None:
    name = place("plain", status)
    side.provider.limit(secret(name, "a"), status=status)

    said = side.turn(name)

    assert (said.text, bool(said.error)) == ("", True)
    assert set(side.asked(name)) == {"a"}
    assert side.states(name) == {"a": "ready", "b": "ready"}
    assert side.events(name, "failover") == []


def test_a_turn_with_tool_calls_goes_on_where_it_was_refused(side: Side) -> None:
    side.provider.script(
        tool_call("bash", command="echo the-first-tool", description="Says it"),
        refusal(429, headers=HOUR),
        tool_call("bash", command="echo the-second-tool", description="Says it"),
        streamed("The turn ", "is complete."),
    )

    said = side.turn("tools")

    assert (said.text, said.error) == ("The turn is complete.", "")
    assert side.asked("tools") == "aabb"
    sent = side.requests("tools")[-1].raw_body.decode()
    assert [text in sent for text in ("the-first-tool", "the-second-tool")] == [True, True]
    assert side.states("tools") == {"a": "cooling", "b": "ready"}
    assert side.told_errors("tools") == []


def test_a_title_that_is_refused_goes_on_with_the_other_login(side: Side) -> None:
    side.provider.ok(HELLO)
    side.provider.limit(secret("titles", "a"), headers=HOUR)

    said = side.turn("titles", title=False)

    assert (said.text, said.error) == (HELLO, "")
    wait_until(lambda: side.asked("titles", title=True).endswith("b"), CAPTURE_SECONDS, "a title")
    # It may come after the turn's own request was refused.
    assert side.asked("titles", title=True) in {"ab", "b"}
    assert len(side.events("titles", "failover")) == 1


def test_with_both_limited_each_is_asked_once_and_the_vendor_s_words_come_through(
    side: Side,
) -> None:
    words = {"error": {"message": "Insufficient balance here", "type": "billing_error"}}
    for alias, seconds in (("a", "7200"), ("b", "3600")):
        limited = {"status": 402, "body": words, "headers": {"retry-after": seconds}}
        side.provider.limit(secret("both", alias), **limited)  # type: ignore[arg-type]  # as there

    said = side.turn("both")

    assert "Insufficient balance here" in said.error
    assert side.asked("both") == "ab"
    first_one = f"{side.alias('both', 'b')} is first at"
    assert first_one in side.events("both", "limited")[-1]["detail"]


def test_a_third_login_answers_where_the_second_is_refused_as_well(side: Side) -> None:
    seen: set[str | None] = set()

    def refuse_two(request: Request) -> Answer:
        seen.add(request.credential)
        return refusal(429, headers=HOUR) if len(seen) <= 2 else streamed(HELLO)

    side.provider.answer(refuse_two, title=False)

    said = side.turn("three")

    assert (said.text, said.error) == (HELLO, "")
    assert sorted(side.asked("three")) == ["a", "b", "c"]
    wait_for_switch(side, "three", side.asked("three")[-1])


def test_with_balancing_off_the_refusal_is_noted_and_passed_on(side: Side) -> None:
    rotator(side.house, "balance", "off")
    side.provider.limit(secret("off", "a"), status=402, body=BILLING)

    said = side.turn("off")
    rotator(side.house, "balance", "on")

    assert (said.text, bool(said.error)) == ("", True)
    assert set(side.asked("off")) == {"a"}
    assert side.states("off") == {"a": "exhausted", "b": "ready"}
    assert side.live("off") == "a"


def test_an_error_inside_of_an_answer_moves_the_turn_to_the_other_login(side: Side) -> None:
    side.provider.script(streamed(StreamError("Rate limit reached")), key=secret("within", "a"))
    side.provider.ok(HELLO, key=secret("within", "b"))

    said = side.turn("within")

    assert (said.text, said.error) == (HELLO, "")
    assert side.asked("within") == "ab"


@pytest.mark.parametrize("how", GONE)
def test_without_a_watcher_that_answers_the_refusal_is_opencode_s_own(side: Side, how: str) -> None:
    name = place("gone", how)
    model = model_of(name)
    side.provider.limit(secret(name, "a"), status=402, body=BILLING, times=1)
    session = side.create_session(model)
    with side.without_watcher(how):
        began = time.monotonic()
        said = side.prompt(session, "hi", model)
        took = time.monotonic() - began
        asked = side.asked(name)
        live = side.live(name)

    assert (said.text, bool(said.error)) == ("", True)
    assert (asked, live) == ("a", "a")
    assert took < LONGEST_SECONDS
    # And it works again once there is one.
    side.provider.limit(secret(name, "a"), status=402, body=BILLING)
    side.provider.ok(HELLO, key=secret(name, "b"))
    assert side.prompt(session, "again", model).text == HELLO


def routed(side: Side) -> list[str]:
    """Return the order of providers that the watcher has told the bridge."""
    told = json.loads((side.house.state_dir / "bridge" / "state.json").read_text())
    return [entry["provider"] for entry in told["routing"]]


def test_with_nobody_left_the_turn_goes_on_with_another_provider(side: Side) -> None:
    side.provider.ok("Hello from elsewhere.", key=secret("elsewhere", "c"))
    side.provider.limit(secret("left", "a"), status=402, body=BILLING, headers=HOUR)
    for named in ("left", "elsewhere"):
        assert rotator(side.house, "priority", "set", named, "m1").code == 0
    wait_until(lambda: routed(side) == ["left", "elsewhere"], CAPTURE_SECONDS, "the new order")
    session, model = side.create_session(model_of("left")), model_of("left")

    said, again = (side.prompt(session, text, model) for text in ("hi", "again"))
    for named in ("left", "elsewhere"):
        assert rotator(side.house, "priority", "remove", named).code == 0

    assert (said.text, said.error, again.text) == (
        "Hello from elsewhere.",
        "",
        "Hello from elsewhere.",
    )
    assert side.asked("left")[0] == "a"
    assert len(side.events("left", "rerouted")) >= 1


def test_reasoning_that_is_bound_to_an_account_costs_one_refused_request(side: Side) -> None:
    name, model = side.chatgpt(), CHATGPT_MODEL
    side.provider.history.bind()
    session, other = side.create_session(model), side.create_session(model)
    for began in (session, other):
        side.prompt(began, "one", model)
    refuse(side, name, CHATGPT_SURVIVED[0])

    failed_over = [side.prompt(session, "two", model)]
    wait_for_switch(side, name, "b")
    failed_over.append(side.prompt(session, "three", model))
    cost = refused_histories(side)
    side.rotate(name, "a")
    side.prompt(other, "two", model)
    before, count = refused_histories(side), len(side.provider.asked(RESPONSES))
    side.rotate(name, "b")
    wait_for_switch(side, name, "b")
    rotated = [side.prompt(other, text, model) for text in ("three", "four")]

    assert [said.error for said in (*failed_over, *rotated)] == [""] * 4
    assert cost == 1
    assert refused_histories(side) - before == 1
    assert {r.credential for r in side.provider.asked(RESPONSES)[count:]} == {secret(name, "b")}


def refused_histories(side: Side) -> int:
    """Return how many requests were refused for what is in their history."""
    return sum(request.status == 400 for request in side.provider.asked(RESPONSES))


@pytest.mark.parametrize(("side", "way"), ASKED, indirect=["side"])
def test_a_command_survives_in_every_way_of_asking(side: Side, way: str) -> None:
    name = place("way", way)
    refuse(side, name, SURVIVED[0])

    code, said = side.run(way, model_of(name))

    assert (code, HELLO in said) == (0, True), said
    assert side.asked(name) == "ab"
    wait_for_switch(side, name, "b")
    assert len(side.events(name, "failover")) == 1
    (until,) = [one["until"] for one in of(side.house, name) if one["until"]]
    left = datetime.fromisoformat(until) - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1)


@pytest.mark.timeout(SECONDS)
def test_200_sessions_fail_at_once_and_one_swap_serves_them(side: Side) -> None:
    gate, model = Gate(SESSIONS), model_of("many")
    gate.open()
    side.provider.answer(gate, key=secret("many", "a"), title=False)
    side.provider.ok(HELLO, key=secret("many", "b"))
    with ThreadPoolExecutor(SESSIONS) as pool:
        sessions = [side.create_session(model) for _ in range(SESSIONS)]
        said = list(pool.map(lambda one: side.prompt(one, "hi", model, seconds=SECONDS), sessions))

    assert [one for one in said if one.text != HELLO] == []
    assert len(side.events("many", "failover")) == 1
    assert side.states("many") == {"a": "cooling", "b": "ready"}
    assert side.asked("many").count("a") == SESSIONS
    assert side.told_errors("many") == []


def test_a_person_before_the_screen_sees_no_refusal_and_ends_a_wait_with_escape(
    side: Side,
) -> None:
    for alias in "ba":
        side.rotate("mock", alias)
    refuse(side, "mock", SURVIVED[0])
    with side.terminal() as screen:
        send(side, screen, "hi")
        screen.wait_for_text(HELLO, DRAW_SECONDS)
        survived = side.asked("mock")
        with every_login_limited(side):
            send(side, screen, "more")
            wait_until(side.is_waiting, CAPTURE_SECONDS, "the turn to wait")
            before = side.asked("mock"), side.live("mock"), len(side.events("mock", "failover"))
            side.provider.ok("Here again.")
            began = time.monotonic()
            screen.press("escape")
            screen.wait_for_text(ONCE_MORE, DRAW_SECONDS)
            screen.press("escape")
            # Before that a letter would be one that is pressed with Alt.
            wait_until(lambda: ONCE_MORE not in screen.text, DRAW_SECONDS, "the turn to end")
            wait_until(lambda: not side.is_waiting(), CAPTURE_SECONDS, "nobody to wait")
            send(side, screen, "again")
            screen.wait_for_text("Here again.", DRAW_SECONDS)
            took = time.monotonic() - began
            # Whoever frees up now is waited for by nobody.
            wait_until(
                lambda: set(side.states("mock").values()) == {"ready"}, 60, "both to be ready"
            )
        after = side.asked("mock")[:-1], side.live("mock"), len(side.events("mock", "failover"))

    assert survived == "ab"
    assert before[0] == "abab"
    assert took < RESET_SECONDS - 5
    assert after == before


def send(side: Side, screen: Terminal, text: str) -> None:
    """Send a message as a person does: a TUI that has just begun takes no enter key yet."""
    before = len(side.requests("mock"))
    screen.type(text)
    screen.wait_for_text(text, DRAW_SECONDS)

    def is_asked() -> bool:
        if len(side.requests("mock")) == before:
            screen.press("enter")
        return len(side.requests("mock")) > before

    wait_until(is_asked, DRAW_SECONDS, f"{text!r} to be asked", poll_seconds=1.0)


@contextlib.contextmanager
def every_login_limited(side: Side) -> Iterator[None]:
    """Let both logins of mock be refused once, a being live, and resets be waited for."""
    side.rotate("mock", "a")
    assert rotator(side.house, "config", "set", "failover.wait_for_reset", "true").code == 0
    limited = {"retry-after": str(RESET_SECONDS)}
    side.provider.ok(HELLO)
    for alias in "ab":
        side.provider.limit(secret("mock", alias), headers=limited, times=1)
    yield
    assert rotator(side.house, "config", "set", "failover.wait_for_reset", "false").code == 0
