"""`opencode serve`: turns of several requests, streams, rotating by hand, logins and logouts."""

from __future__ import annotations

from tests.e2e.scenes import (
    A,
    B,
    api,
    kinds,
    of,
    of_kind,
    states,
    stream_errors,
)
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server
from tests.support.provider_answers import refusal, slow_text, streamed, tool_call
from tests.support.rotator_process import rotator, status
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
PAUSE_SECONDS = 0.3


def test_a_limit_in_the_middle_of_a_turn_does_not_end_it(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    note = house.project / "note.txt"
    note.write_text("a note\n")
    provider.script(
        tool_call("read", filePath=str(note)),
        refusal(429, headers=HOUR),
        tool_call("bash", command="echo a-second-tool", description="echo"),
        streamed("The turn ", "is complete."),
    )

    said = server.prompt(server.create_session(), "read the note")

    assert said == "The turn is complete."
    assert provider.keys == [A, A, B, B]
    *_, last = provider.asked()
    assert "a note" in last.raw_body.decode()
    assert last.raw_body.decode().count("a-second-tool") >= 1
    assert stream_errors(house) == []
    assert states(house) == ["ready", "cooling"]


def test_a_stream_arrives_as_the_provider_sends_it(
    provider: LoopbackProvider, server: Server
) -> None:
    """Case 52: after a failover, too, nothing is held back."""
    pieces = slow_text("one ", "two ", "three", pause_seconds=PAUSE_SECONDS)
    provider.script(refusal(429, headers=HOUR), pieces)
    session = server.create_session()
    events = server.events()

    server.prompt(session, "hi")

    wait_until(lambda: len(events.texts(session)) == 3, 5, "three pieces of text")
    arrived = [seen.at for seen in events.texts(session)]
    sent = [at / 1e9 for at in provider.asked()[-1].chunks_ns]
    # Each piece is there before the next one leaves the provider, 300 ms later.
    assert all(there < later for there, later in zip(arrived, sent[1:], strict=False))
    assert arrived[-1] - arrived[0] > PAUSE_SECONDS


def test_the_next_message_after_a_rotation_by_hand_uses_the_other_key(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    server.prompt(session, "first")

    rotated = rotator(house, "rotate", "mock", "--json").json()
    server.prompt(session, "second")

    assert (rotated["from"], rotated["to"]) == ("mock-2", "mock-1")
    assert rotated["applies"] == "next-request"
    assert provider.keys == [A, B]
    (present,) = status(house)["opencodes"]
    assert (present["pid"], present["kind"]) == (server.pid, "serve")
    assert present["bridge"] is not None


def test_a_login_in_opencode_is_captured_once(house: Household, server: Server) -> None:
    """Cases 12 and 13."""
    server.set_auth("mock", api("KEY-CANARY-C"))
    wait_until(lambda: len(of(house, "mock")) == 3, 5, "the third login")
    server.set_auth("other", api("KEY-CANARY-D"))
    wait_until(lambda: len(of(house, "other")) == 1, 5, "another provider's login")

    server.set_auth("mock", api("KEY-CANARY-C"))
    house.write_auth({**house.read_auth(), "mock": api(A)})
    wait_until(lambda: of(house, "mock")[1]["active"], 5, "the login as A again")

    assert len(of(house, "mock")) == 3
    assert kinds(house).count("captured") == 4


def test_a_logout_leaves_the_slot_empty(house: Household, server: Server) -> None:
    server.delete_auth("mock")

    wait_until(lambda: "logged-out" in kinds(house), 5, "the logout")

    assert "mock" not in house.read_auth()
    assert states(house) == ["ready", "disabled"]
    assert of(house, "mock")[1]["reason"] == "logged out in opencode"
    assert of_kind(house, "failover") == []
    rotator(house, "rotate", "mock", "mock-2")
    assert house.read_auth()["mock"] == api(A)
