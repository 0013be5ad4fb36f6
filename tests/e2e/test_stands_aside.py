"""A bridge that leaves requests alone, with the real opencode: whom its log blames, what is said.

With OPENCODE_AUTH_CONTENT that is every request, with the flag for WebSockets those of one vendor.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial

import pytest

from tests.e2e.one_server import configure, log_in_all, with_place
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
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

OWN = "KEY-CANARY-OWN"
SOCKETS = {"OPENCODE_EXPERIMENTAL_WEBSOCKETS": "1"}
SOON = {"retry-after-ms": "300"}
BROKE = {"error": {"message": "Insufficient balance", "code": "insufficient_balance"}}
SENDS_PAST = "OPENCODE_EXPERIMENTAL_WEBSOCKETS sends them past it"
# Each gets a key of its own from OPENCODE_AUTH_CONTENT, and has two logins of this type.
KEYS, LOGINS, BROKEN = "mock", "tokens", "broken"
# Nothing is asked of those.
UNASKED = ("groq", "cerebras")


def own(provider: str) -> str:
    """Return the key that the environment gives for a provider."""
    return f"{OWN}-{provider}"


def log_in_both(house: Household) -> None:
    """Log in twice with mock, and once with a provider that nothing is asked of."""
    log_in(house, "mock", api(B), api(A))
    log_in(house, "groq", api("KEY-CANARY-GROQ"))


def about_bridges(house: Household) -> list[tuple[str, str, str | None]]:
    """Return level, sentence and advice of what the doctor says of opencodes that run."""
    checks = rotator(house, "doctor", "--json").json()["checks"]
    return [(c["level"], c["says"], c["to_do"]) for c in checks if "(pid " in c["says"]]


def has_failed(house: Household, provider: str, times: int = 1) -> bool:
    """Return whether so many requests of a provider have failed, by the log; no title's count."""
    failed = [line for line in stream_errors(house) if f"providerID={provider} " in line]
    return sum("small=false" in line for line in failed) >= times


def with_keys_of_its_own(house: Household, provider: LoopbackProvider) -> str:
    """Let opencode know the providers, which refuse those keys; return what gives them."""
    configure(house, provider, (KEYS, LOGINS, BROKEN))
    install_bridge(house)
    for one in (KEYS, LOGINS):
        provider.limit(own(one), headers=SOON)
    provider.limit(own(BROKEN), status=402, body=BROKE)
    return json.dumps({one: api(own(one)) for one in (KEYS, LOGINS, BROKEN)})


def fail_with(house: Household, server: Server, *providers: str) -> None:
    """Let requests of these providers fail, until each has failed twice in the log."""
    for one in providers:
        server.prompt_async(server.create_session(), "hi", model=f"{one}/m1")
    for one in providers:
        wait_until(partial(has_failed, house, one, 2), 30, f"the failures of {one}")


def assert_nobody_is_blamed(house: Household, provider: LoopbackProvider) -> None:
    """Check that each was asked with the environment's key alone, and that all are ready."""
    assert set(provider.keys) == {own(one) for one in (KEYS, LOGINS, BROKEN)}
    for one in (KEYS, LOGINS, BROKEN):
        assert states(house, one) == ["ready", "ready"]
    for one in (KEYS, LOGINS):
        why = [event["why"] for event in of_kind(house, "problem") if event["provider"] == one]
        assert any("OPENCODE_AUTH_CONTENT gives" in sentence for sentence in why)


def test_b_a_key_of_opencode_auth_content_blames_no_login_where_the_bridge_is(
    house: Household, provider: LoopbackProvider
) -> None:
    """Nor once its opencode has ended, when the watcher comes to read its last line."""
    content = with_keys_of_its_own(house, provider)
    logins = {
        **dict.fromkeys((KEYS, BROKEN), (api(B), api(A))),
        LOGINS: (login("B"), login("A")),
        **dict.fromkeys(UNASKED, (api("KEY-CANARY-UNASKED"),)),
    }
    with watcher(house) as watching, ExitStack() as stack:
        log_in_all(house, logins)
        before = house.read_auth()
        with serve(house, OPENCODE_AUTH_CONTENT=content) as server:
            fail_with(house, server, KEYS, LOGINS)
            wait_until_worked_off(house, UNASKED[0])
            told, said = status(house), about_bridges(house)
            shown = rotator(house, "status").stdout
            used = [
                rotator(house, "rotate", one, f"{one}-1", "--dry-run", "--json").json()["applies"]
                for one in (KEYS, LOGINS)
            ]
            watching.stop()
            stack.callback(watching.cont)
            server.prompt_async(server.create_session(), "hi", model=f"{BROKEN}/m1")
            wait_until(partial(has_failed, house, BROKEN), 30, "the last failure in the log")
        watching.cont()
        wait_until_worked_off(house, UNASKED[1])

    assert_nobody_is_blamed(house, provider)
    assert house.read_auth() == before
    says = "takes its logins from OPENCODE_AUTH_CONTENT: no swap reaches it"
    level_and_to_do = [(level, to_do) for level, sentence, to_do in said if says in sentence]
    assert level_and_to_do == [
        ("note", "start it without OPENCODE_AUTH_CONTENT if rotator shall change its accounts")
    ]
    assert (len(told["opencodes"]), shown.count(says)) == (1, 1)
    assert used == ["now", "now"]


def keys_of_anthropic(house: Household, provider: LoopbackProvider, server: Server) -> set[object]:
    """Let its requests fail until that is worked off; return the keys that were sent."""
    count = len(provider.keys)
    server.prompt_async(server.create_session(), "hi", model="anthropic/claude-sonnet-5")
    wait_until(partial(has_failed, house, "anthropic", 2), 30, "the failures in the log")
    wait_until_worked_off(house, "groq")
    return set(provider.keys[count:])


def test_b_the_flag_for_websockets_leaves_other_vendors_requests_to_the_bridge(
    house: Household, provider: LoopbackProvider
) -> None:
    """Nor is a login blamed for a key of the environment."""
    install_bridge(house)
    with_place(house, provider, "anthropic")
    provider.limit(OWN, headers=SOON)
    with watcher(house):
        log_in(house, "openai", login("P"), login("O"))
        log_in(house, "anthropic", login("B"), login("A"))
        log_in_both(house)
        with serve(house, ANTHROPIC_API_KEY=OWN, **SOCKETS) as server:
            server.prompt(server.create_session(), "hi")
            used = rotator(house, "rotate", "mock", "mock-1", "--json").json()["applies"]
            first = len(provider.keys)
            server.prompt(server.create_session(), "again")
            after = set(provider.keys[first:])
            provider.limit(B)
            answered = server.prompt(server.create_session(), "limited")
            socket = rotator(house, "rotate", "openai", "openai-1")
            told, said = status(house)["problems"], about_bridges(house)
            before = house.read_auth()
            of_anthropic = keys_of_anthropic(house, provider, server)

    assert (used, after) == ("next-request", {B})
    assert answered
    assert states(house) == ["cooling", "ready"]
    assert house.read_auth()["mock"] == api(A)
    assert f"does not see the requests of openai: {SENDS_PAST}" in socket.stdout
    assert [SENDS_PAST in one for one in told if "openai" in one] == [True]
    assert [(level, to_do) for level, sentence, to_do in said if SENDS_PAST in sentence] == [
        ("problem", "restart it without OPENCODE_EXPERIMENTAL_WEBSOCKETS")
    ]
    assert of_anthropic == {OWN}
    assert states(house, "anthropic") == ["ready", "ready"]
    assert house.read_auth() == before


# -- what opencode does not take for logins ----------------------------------------------------


def rotated(house: Household) -> tuple[dict[str, object], dict[str, object], str]:
    """Rotate to the first login; return what is said of it, of opencodes, and by the doctor."""
    used = rotator(house, "rotate", "mock", "mock-1", "--json").json()
    told = status(house)
    return used, told, str(about_bridges(house))


# Which texts are logins, tests/integration/system/test_auth_content.py says; one of a kind is here.


def test_what_is_no_json_in_place_of_logins_changes_nothing_for_the_bridge(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in_both(house)
        with serve(house, OPENCODE_AUTH_CONTENT="/srv/auth.json") as server:
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


def test_what_is_no_json_in_place_of_logins_changes_nothing_without_the_bridge(
    house: Household, provider: LoopbackProvider
) -> None:
    with watcher(house):
        log_in_both(house)
        with serve(house, OPENCODE_AUTH_CONTENT=" ") as server:
            server.prompt(server.create_session(), "hi")
            provider.limit(A, headers={"retry-after-ms": "300"})
            server.prompt_async(server.create_session(), "limited")
            wait_until(lambda: states(house)[1] != "ready", 30, "the failure to be charged")
            used, told, said = rotated(house)

    assert set(provider.keys) == {A}
    assert used["applies"] == "after-restart"
    assert "OPENCODE_AUTH_CONTENT" not in f"{told}{said}"
    assert [one["to"] for one in of_kind(house, "failover")] == ["mock-1"]


@pytest.mark.parametrize(("text", "bridge"), [("{}", True), ("1", False)])
def test_any_json_in_place_of_logins_leaves_auth_json_out(
    house: Household, provider: LoopbackProvider, text: str, *, bridge: bool
) -> None:
    if bridge:
        install_bridge(house)
    with watcher(house):
        log_in_both(house)
        with serve(house, OPENCODE_AUTH_CONTENT=text) as server:
            server.prompt(server.create_session(), "hi")
            used, _, said = rotated(house)

    assert set(provider.keys) == {None}
    assert "takes its logins from OPENCODE_AUTH_CONTENT" in said
    assert used["applies"] == "now"
