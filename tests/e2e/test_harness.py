"""What the real opencode does without our program, and that the tests' own pieces show it.

The other end-to-end tests build on these facts; when a newer opencode behaves differently, it
is said here first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenes import A, B, api, login, stream_errors
from tests.support.children import has_ended
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, run, serve
from tests.support.opencode_tui import tui
from tests.support.provider_answers import slow_text, streamed, tool_call
from tests.support.token_endpoint import Grant
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

CHATGPT = "openai/gpt-5.5"
RESPONSES = "/backend-api/codex/responses"
# How much later than sent a piece may arrive on a busy machine.
TRAVEL_SECONDS = 0.25


@pytest.fixture
def house(house: Household) -> Household:
    """Return a household with one API key."""
    house.write_auth({"mock": api(A)})
    return house


@pytest.fixture
def server(house: Household) -> Iterator[Server]:
    """Return a server that uses it."""
    with serve(house) as server:
        yield server


def test_a_run_asks_with_the_key_for_an_answer_and_for_a_title_and_installs_nothing(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.ok("Hello.")

    ended = run(house, "hi")

    assert (ended.code, ended.stdout) == (0, "Hello.\n")
    assert sorted(request.is_title for request in provider.requests) == [False, True]
    assert {request.credential for request in provider.requests} == {A}
    assert list((house.config_folder / "node_modules").iterdir()) == []
    assert not (house.home / ".npm").exists()


def test_a_run_that_takes_too_long_fails(house: Household) -> None:
    with pytest.raises(TimeoutError, match=r"did not end within 0\.2 s"):
        run(house, "hi", seconds=0.2)


def test_a_command_that_a_tool_still_runs_ends_with_the_server(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.script(tool_call("bash", command="echo $$ > shell; sleep 600", description="wait"))
    note = house.project / "shell"

    with serve(house) as server:
        server.prompt_async(server.create_session(), "hi")
        shell = int(wait_until(lambda: note.exists() and note.read_text(), 20, "the tool to start"))

    wait_until(lambda: has_ended(shell), 5, "the tool's shell to be gone")


def test_an_expired_chatgpt_login_is_refreshed_and_asks_with_its_new_token(
    house: Household, provider: LoopbackProvider
) -> None:
    house.install_reroute_plugin(provider.url)
    house.write_auth({"openai": login("A", expires_in_seconds=-60)})
    provider.tokens.grant("REF-CANARY-A", Grant("ACC-CANARY-A2", "REF-CANARY-A2"))

    ended = run(house, "hi", "-m", CHATGPT)

    *_, asked = provider.asked(RESPONSES)
    entry = house.read_auth()["openai"]
    assert ended.stdout == "Hello from the loopback provider.\n"
    assert (asked.credential, asked.headers["chatgpt-account-id"]) == ("ACC-CANARY-A2", "acct-A")
    assert (entry["access"], entry["refresh"]) == ("ACC-CANARY-A2", "REF-CANARY-A2")


@pytest.mark.alone
def test_pieces_of_an_answer_arrive_as_far_apart_as_they_were_sent(
    provider: LoopbackProvider, server: Server
) -> None:
    provider.script(slow_text("one ", "two ", "three", pause_seconds=0.3))
    session = server.create_session()
    events = server.events()

    said = server.prompt(session, "hi")
    wait_until(lambda: len(events.texts(session)) == 3, 5, lambda: f"3 in {events.texts(session)}")

    sent = [at / 1e9 for at in provider.asked()[0].chunks_ns]
    travelled = [seen.at - at for seen, at in zip(events.texts(session), sent, strict=True)]
    assert said == "one two three"
    assert all(-0.01 < seconds < TRAVEL_SECONDS for seconds in travelled), travelled


def test_a_tool_is_run_and_its_result_sent_in_every_wire_protocol(
    house: Household, provider: LoopbackProvider
) -> None:
    house.install_reroute_plugin(provider.url)
    house.write_auth({"mock": api(A), "anthropic": api(B), "openai": login("A")})
    note = house.project / "note.txt"
    note.write_text("what the note says")
    models = {"mock/m1": "/chat/completions", "anthropic/claude-sonnet-5": "/messages"}

    with serve(house) as server:
        for model, path in {**models, CHATGPT: RESPONSES}.items():
            provider.script(tool_call("read", filePath=str(note)), streamed("I ", "read it."))

            said = server.prompt(server.create_session(), "read the note", model=model)

            carried = [b"what the note says" in asked.raw_body for asked in provider.asked(path)]
            assert (said, carried) == ("I read it.", [False, True])


def test_a_429_that_names_no_time_is_asked_again_after_about_two_seconds(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    provider.limit(A, times=1)

    said = server.prompt(server.create_session(), "hi")

    first, second = provider.asked()
    waited_seconds = (second.read_ns - first.read_ns) / 1e9
    assert said == "Hello from the loopback provider."
    assert 1.5 < waited_seconds < 4
    assert len(stream_errors(house)) == 1


def test_a_login_over_http_is_written_in_place_and_not_used_by_the_running_server(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    server.prompt(session, "one")
    inode = house.auth_file.stat().st_ino

    server.set_auth("other", api("KEY-CANARY-C"))
    server.set_auth("mock", api(B))
    server.prompt(session, "two")

    assert house.read_auth() == {"mock": api(B), "other": api("KEY-CANARY-C")}
    assert house.auth_file.stat().st_ino == inode
    assert provider.keys == [A, A]


def test_reasoning_of_one_login_is_refused_when_another_sends_it(
    house: Household, provider: LoopbackProvider
) -> None:
    house.install_reroute_plugin(provider.url)
    house.write_auth({"openai": login("A")})
    provider.history.bind()
    with serve(house) as server:
        session = server.create_session()
        server.prompt(session, "one", model=CHATGPT)
        server.prompt(session, "two", model=CHATGPT)
        house.write_auth({"openai": login("B")})

        said = server.prompt(session, "three", model=CHATGPT)

        error = server.messages(session)[-1]["info"]["error"]
    assert said == ""
    assert [request.status for request in provider.asked(RESPONSES)] == [200, 200, 400]
    assert "invalid_encrypted_content" in error["data"]["responseBody"]


def test_a_person_sees_the_answer_to_what_they_type(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.ok("Hello on the screen.")

    with tui(house) as terminal:
        terminal.type("hi\n")

        terminal.wait_for_text("Hello on the screen.")
    assert provider.keys == [A]


def test_escape_twice_ends_a_wait_and_the_request_with_it(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.answer(streamed("Too late.", delay_seconds=60), title=False)

    with tui(house) as terminal:
        terminal.type("hi\n")
        [request] = provider.wait_for(1, deadline_seconds=30)
        terminal.press("escape")
        terminal.wait_for_text("again to interrupt")
        terminal.press("escape")

        terminal.wait_for_text("interrupted")
    assert request.client_left
