"""When a swap is used, where a bridge does not bring an opencode to it (C7, C12): said, and so."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.e2e.one_server import with_place
from tests.e2e.scenes import A, B, api, install_bridge, log_in, login, of_kind, states
from tests.e2e.test_unseen_requests import FROZEN, install_beside_the_bridge, lines
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


def rotated(house: Household, alias: str) -> tuple[str, str]:
    """Put that account in; return when it says that the swap is used, and the event about it."""
    applies = rotator(house, "rotate", "mock", alias, "--json").json()["applies"]
    told = [one["why"] for one in of_kind(house, "problem")]
    return str(applies), told[-1] if told else ""


def keys(server: Server, provider: LoopbackProvider, session: str) -> list[str | None]:
    """Ask once in that session and once in a new one; return the keys that went out."""
    before = len(provider.keys)
    server.prompt(session, "again")
    server.prompt(server.create_session(), "more")
    return provider.keys[before:]


def uses(house: Household) -> int:
    """Count the uses of a folder in opencode's log, which is written up to a second late."""
    return house.log_file.read_text("utf-8").count("creating instance")


def test_c12_who_began_before_the_first_login_goes_on_without_one_until_the_restart(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house):
        with serve(house) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            log_in(house, "mock", api(B), api(A))
            applies, told = rotated(house, "mock-1")
            went_out = keys(server, provider, session)
            server.ask("POST", "/instance/dispose")
            went_out_then = keys(server, provider, session)
            # It writes its log up to a second late.
            log = house.log_file
            wait_until(lambda: "disposing instance" in log.read_text(), 10, "the line of the log")
            again, _ = rotated(house, "mock-2")
            pid = server.pid
        with serve(house) as server:
            session = server.create_session()
            assert keys(server, provider, session) == [A, A]
            assert rotated(house, "mock-1")[0] == "next-request"
            assert keys(server, provider, session) == [B, B]

    assert (applies, went_out) == ("after-restart", [None, None])
    assert told == (
        f"restart opencode serve (pid {pid}) to use mock-1: it began before mock had a login"
    )
    # As after a login of its own, opencode has begun anew.
    assert went_out_then == [B, B]
    assert again == "next-request"


def test_c12_so_does_one_that_began_after_a_logout(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        house.write_auth({})
        wait_until(lambda: of_kind(house, "logged-out"), 10, "the logout")
        with serve(house) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            applies, told = rotated(house, "mock-1")
            went_out = keys(server, provider, session)

    assert (applies, went_out) == ("after-restart", [None, None])
    assert told.endswith("to use mock-1: it built its requests while mock had no login")


def test_c7_a_key_is_not_replaced_where_the_bridge_does_not_see_the_requests(
    house: Household, provider: LoopbackProvider
) -> None:
    file = install_beside_the_bridge(house, provider, FROZEN)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            wait_until(lambda: lines(house), 20, "a sentence")
            applies, told = rotated(house, "mock-1")
            went_out = keys(server, provider, session)
            said = rotator(house, "rotate", "mock", "mock-1").stdout

    why = (
        f"restart opencode serve (pid {server.pid}) to use {{}}: its bridge does not see the"
        f" requests of mock: the plug-in {file} sends them past it"
    )
    assert (applies, went_out) == ("after-restart", [A, A])
    assert told == why.format("mock-1")
    assert said.strip().endswith(why.format("it"))


@pytest.mark.parametrize("provider_id", ["anthropic", "google"])
@pytest.mark.parametrize("has_bridge", [True, False])
def test_c7_a_login_that_no_plug_in_loads_is_sent_by_nobody_and_not_said_to_be(
    house: Household, provider: LoopbackProvider, provider_id: str, *, has_bridge: bool
) -> None:
    if has_bridge:
        install_bridge(house)
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    options = {"baseURL": f"{provider.url}/v1"}
    config["provider"][provider_id] = {"options": options, "models": {"m1": {}}}
    file.write_text(json.dumps(config))
    with watcher(house):
        log_in(house, provider_id, login("B"), login("A"))
        with serve(house) as server:
            session = server.create_session()
            # A model that needs a key is not offered, or fails before it is asked for.
            with contextlib.suppress(AssertionError):
                server.prompt(session, "hi", model=f"{provider_id}/m1")
            told = rotator(house, "rotate", provider_id, f"{provider_id}-1", "--json").json()
            said = rotator(house, "rotate", provider_id, f"{provider_id}-2").stdout
            with contextlib.suppress(AssertionError):
                server.prompt(session, "again", model=f"{provider_id}/m1")

    assert told["applies"] == "after-restart"
    assert said.endswith(
        f"opencode sends no such login to {provider_id} without a plug-in for that\n"
    )
    sent = [str(request.headers) + request.raw_body.decode() for request in provider.requests]
    assert not [one for one in sent if "ACC-CANARY" in one]


@pytest.mark.parametrize(
    ("vendor", "variable", "model"),
    [("openai", "OPENAI_API_KEY", "gpt-5.5"), ("xai", "XAI_API_KEY", None)],
)
@pytest.mark.parametrize("has_bridge", [True, False])
def test_b1_no_login_is_blamed_or_said_to_be_used_where_opencode_s_own_plug_ins_are_turned_off(
    house: Household,
    provider: LoopbackProvider,
    vendor: str,
    variable: str,
    model: str | None,
    *,
    has_bridge: bool,
) -> None:
    with_place(house, provider, vendor)
    if has_bridge:
        install_bridge(house)
    listed = json.loads(house.models_file.read_text())[vendor]["models"]
    provider.limit("KEY-CANARY-OWN", headers={"retry-after-ms": "300"})
    flags = {"OPENCODE_DISABLE_DEFAULT_PLUGINS": "1", variable: "KEY-CANARY-OWN"}
    with watcher(house):
        log_in(house, vendor, login("B"), login("A"))
        with serve(house, **flags) as server:
            session = server.create_session()
            server.prompt_async(session, "hi", model=f"{vendor}/{model or next(iter(listed))}")
            why = wait_until(lambda: of_kind(house, "problem"), 30, "the sentence")[0]["why"]
            used = rotator(house, "rotate", vendor, f"{vendor}-1").stdout

    assert set(provider.keys) == {"KEY-CANARY-OWN"}
    assert states(house, vendor) == ["ready", "ready"]
    assert not of_kind(house, "failover")
    assert (
        "a key that auth.json did not give" if has_bridge else f"the variable {variable}"
    ) in why
    assert f"the variable {variable} gives {vendor} a key of its own" in used


@pytest.mark.parametrize("has_bridge", [True, False])
def test_c7_no_swap_of_a_login_that_nothing_loads_is_said_to_be_used(
    house: Household, provider: LoopbackProvider, *, has_bridge: bool
) -> None:
    if has_bridge:
        install_bridge(house)
    with watcher(house):
        log_in(house, "mock", login("B"), login("A"))
        with serve(house) as server:
            session = server.create_session()
            server.prompt(session, "hi")
            applies, _ = rotated(house, "mock-1")
            said = rotator(house, "rotate", "mock", "mock-2").stdout
            went_out = keys(server, provider, session)

    assert went_out == [None, None]
    assert applies == "after-restart"
    assert said.strip().endswith("opencode sends no such login to mock without a plug-in for that")


def test_c7_a_login_that_nothing_loads_is_not_blamed_for_a_request_without_a_key(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.answer(refusal(429, None, {"retry-after-ms": "300"}))
    with watcher(house):
        log_in(house, "mock", login("B"), login("A"))
        with serve(house) as server:
            server.prompt_async(server.create_session(), "hi")
            why = wait_until(lambda: of_kind(house, "problem"), 30, "the sentence")[0]["why"]

    assert why.endswith("without a plug-in for that: nobody is blamed")
    assert states(house) == ["ready", "ready"]


def test_c7_no_restart_is_named_that_would_not_bring_a_key_to_its_use(
    house: Household, provider: LoopbackProvider
) -> None:
    says = "runs without the bridge: it uses a swapped key only after a restart"
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            server.prompt(server.create_session(), "hi")
            wait_until(lambda: uses(house) >= 1, 10, "its first use of a folder in its log")
            without = status(house)["problems"]
        with_place(house, provider, "mock", apiKey="KEY-CANARY-OWN")
        with serve(house) as server:
            server.prompt(server.create_session(), "hi")
            wait_until(lambda: uses(house) >= 2, 10, "the second one's use of a folder in its log")
            with_own = status(house)["problems"]

    assert any(says in one for one in without)
    assert not any(says in one for one in with_own)
    assert any("gives a key of its own" in one for one in with_own)
