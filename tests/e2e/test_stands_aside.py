"""A bridge that leaves requests alone, with the real opencode: whom its log blames, what is said.

With OPENCODE_AUTH_CONTENT that is every request, with the flag for WebSockets those of one vendor.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e.scenes import (
    A,
    B,
    api,
    install_bridge,
    log_in,
    login,
    of_kind,
    states,
    stream_errors,
)
from tests.support.household import Household
from tests.support.log_lines import wait_until_worked_off
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run, serve
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

OWN = "KEY-CANARY-OWN"
CONTENT = {"OPENCODE_AUTH_CONTENT": json.dumps({"mock": api(OWN)})}
SOCKETS = {"OPENCODE_EXPERIMENTAL_WEBSOCKETS": "1"}
BROKE = {"error": {"message": "Insufficient balance", "code": "insufficient_balance"}}


def log_in_both(house: Household, kind: str) -> None:
    """Log in twice with mock, and once with a provider that nothing is asked of."""
    both = [api(B), api(A)] if kind == "api" else [login("B"), login("A")]
    log_in(house, "mock", *both)
    log_in(house, "groq", api("KEY-CANARY-GROQ"))


def about_bridges(house: Household) -> list[tuple[str, str, str | None]]:
    """Return level, sentence and advice of what the doctor says of opencodes that run."""
    checks = rotator(house, "doctor", "--json").json()["checks"]
    return [(c["level"], c["says"], c["to_do"]) for c in checks if "(pid " in c["says"]]


@pytest.mark.parametrize("kind", ["api", "oauth"])
def test_b_a_key_of_opencode_auth_content_blames_no_login_where_the_bridge_is(
    house: Household, provider: LoopbackProvider, kind: str
) -> None:
    install_bridge(house)
    provider.limit(OWN, headers={"retry-after-ms": "300"})
    with watcher(house):
        log_in_both(house, kind)
        before = house.read_auth()
        with serve(house, **CONTENT) as server:
            server.prompt_async(server.create_session(), "hi")
            wait_until(lambda: len(stream_errors(house)) > 1, 30, "the failures in the log")
            wait_until_worked_off(house, "groq")
            told, said = status(house), about_bridges(house)
            shown = rotator(house, "status").stdout
            used = rotator(house, "rotate", "mock", "mock-1", "--dry-run", "--json").json()

    assert set(provider.keys) == {OWN}
    assert states(house) == ["ready", "ready"]
    assert house.read_auth() == before
    assert any("OPENCODE_AUTH_CONTENT gives" in one["why"] for one in of_kind(house, "problem"))
    says = "takes its logins from OPENCODE_AUTH_CONTENT: no swap reaches it"
    level_and_to_do = [(level, to_do) for level, sentence, to_do in said if says in sentence]
    assert level_and_to_do == [
        ("note", "start it without OPENCODE_AUTH_CONTENT if rotator shall change its accounts")
    ]
    assert (len(told["opencodes"]), shown.count(says)) == (1, 1)
    assert used["applies"] == "now"


def test_b_a_run_that_has_ended_blames_no_login_for_a_key_of_opencode_auth_content(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    provider.limit(OWN, status=402, body=BROKE)
    own = CONTENT["OPENCODE_AUTH_CONTENT"]

    def has_failed() -> object:
        run(house, "hi", "-m", "mock/m1", OPENCODE_AUTH_CONTENT=own)
        return stream_errors(house)

    with watcher(house):
        log_in_both(house, "api")
        before = house.read_auth()
        # A run that ends at once may not come to write its failure down.
        wait_until(has_failed, 90, "a failure in the log")
        wait_until_worked_off(house, "groq")

    assert set(provider.keys) == {OWN}
    assert states(house) == ["ready", "ready"]
    assert house.read_auth() == before


def test_b_the_flag_for_websockets_leaves_other_vendors_requests_to_the_bridge(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, "openai", login("P"), login("O"))
        log_in(house, "mock", api(B), api(A))
        with serve(house, **SOCKETS) as server:
            server.prompt(server.create_session(), "hi")
            used = rotator(house, "rotate", "mock", "mock-1", "--json").json()["applies"]
            first = len(provider.keys)
            server.prompt(server.create_session(), "again")
            after = set(provider.keys[first:])
            provider.limit(B)
            answered = server.prompt(server.create_session(), "limited")
            socket = rotator(house, "rotate", "openai", "openai-1")
            told, said = status(house)["problems"], about_bridges(house)

    assert (used, after) == ("next-request", {B})
    assert answered
    assert states(house) == ["cooling", "ready"]
    assert house.read_auth()["mock"] == api(A)
    sends = "OPENCODE_EXPERIMENTAL_WEBSOCKETS sends them past it"
    assert f"does not see the requests of openai: {sends}" in socket.stdout
    assert [sends in one for one in told if "openai" in one] == [True]
    assert [(level, to_do) for level, sentence, to_do in said if sends in sentence] == [
        ("problem", "restart it without OPENCODE_EXPERIMENTAL_WEBSOCKETS")
    ]


def test_b_the_flag_for_websockets_blames_no_login_for_the_environments_key(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["provider"]["anthropic"] = {"options": {"baseURL": f"{provider.url}/v1"}}
    file.write_text(json.dumps(config))
    provider.limit(OWN, headers={"retry-after-ms": "300"})
    with watcher(house):
        log_in(house, "anthropic", login("B"), login("A"))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        before = house.read_auth()
        with serve(house, ANTHROPIC_API_KEY=OWN, **SOCKETS) as server:
            server.prompt_async(server.create_session(), "hi", model="anthropic/claude-sonnet-5")
            wait_until(lambda: len(stream_errors(house)) > 1, 30, "the failures in the log")
            wait_until_worked_off(house, "groq")

    assert set(provider.keys) == {OWN}
    assert states(house, "anthropic") == ["ready", "ready"]
    assert house.read_auth() == before


# -- what opencode does not take for logins ----------------------------------------------------


def rotated(house: Household) -> tuple[dict[str, object], dict[str, object], str]:
    """Rotate to the first login; return what is said of it, of opencodes, and by the doctor."""
    used = rotator(house, "rotate", "mock", "mock-1", "--json").json()
    told = status(house)
    return used, told, str(about_bridges(house))


@pytest.mark.parametrize("text", ["/srv/auth.json", "{"])
def test_what_is_no_json_in_place_of_logins_changes_nothing_for_the_bridge(
    house: Household, provider: LoopbackProvider, text: str
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in_both(house, "api")
        with serve(house, OPENCODE_AUTH_CONTENT=text) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            first = set(provider.keys)
            used, told, said = rotated(house)
            count = len(provider.keys)
            server.prompt(session, "again")
            second = set(provider.keys[count:])
            provider.limit(B, headers={"retry-after": "3600"})
            answer = server.prompt(session, "and again")

    assert (first, second, provider.keys[-1]) == ({A}, {B}, A)
    assert (used["applies"], told["problems"]) == ("next-request", [])
    assert "OPENCODE_AUTH_CONTENT" not in f"{told}{said}"
    assert answer
    assert states(house)[0] != "ready"
    assert [one["to"] for one in of_kind(house, "failover")] == ["mock-2"]


@pytest.mark.parametrize("text", ["/srv/auth.json", " "])
def test_what_is_no_json_in_place_of_logins_changes_nothing_without_the_bridge(
    house: Household, provider: LoopbackProvider, text: str
) -> None:
    with watcher(house):
        log_in_both(house, "api")
        with serve(house, OPENCODE_AUTH_CONTENT=text) as server:
            server.prompt(server.create_session(), "hi")
            provider.limit(A, headers={"retry-after-ms": "300"})
            server.prompt_async(server.create_session(), "limited")
            wait_until(lambda: states(house)[1] != "ready", 30, "the failure to be charged")
            used, told, said = rotated(house)

    assert set(provider.keys) == {A}
    assert used["applies"] == "after-restart"
    assert "OPENCODE_AUTH_CONTENT" not in f"{told}{said}"
    assert [one["to"] for one in of_kind(house, "failover")] == ["mock-1"]


@pytest.mark.parametrize(
    ("text", "bridge"), [("{}", True), ("[]", False), ('"auth.json"', True), ("1", False)]
)
def test_any_json_in_place_of_logins_leaves_auth_json_out(
    house: Household, provider: LoopbackProvider, text: str, *, bridge: bool
) -> None:
    if bridge:
        install_bridge(house)
    with watcher(house):
        log_in_both(house, "api")
        with serve(house, OPENCODE_AUTH_CONTENT=text) as server:
            server.prompt(server.create_session(), "hi")
            used, _, said = rotated(house)

    assert set(provider.keys) == {None}
    assert "takes its logins from OPENCODE_AUTH_CONTENT" in said
    assert used["applies"] == "now"
