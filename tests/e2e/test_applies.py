"""When a swap is used, where a bridge does not bring an opencode to it (C7, C12): said, and so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.one_server import Scene, configure, one_server, with_place
from tests.e2e.scenes import A, B, C, api, install_bridge, log_in, login, of_kind, states
from tests.e2e.test_unseen_requests import FROZEN, install_beside_the_bridge, lines
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


def rotated(house: Household, name: str) -> tuple[str, str]:
    """Put that account in; return when it says that the swap is used, and the event about it."""
    provider, alias = name.split("/")
    applies = rotator(house, "rotate", provider, alias, "--json").json()["applies"]
    told = [one["why"] for one in of_kind(house, "problem") if one["provider"] == provider]
    return str(applies), told[-1] if told else ""


def keys(
    server: Server, provider: LoopbackProvider, session: str, model: str = "mock/m1"
) -> list[str | None]:
    """Ask once in that session and once in a new one; return the keys that went out."""
    before = len(provider.keys)
    server.prompt(session, "again", model=model)
    server.prompt(server.create_session(), "more", model=model)
    return provider.keys[before:]


def uses(house: Household) -> int:
    """Count the uses of a folder in opencode's log, which is written up to a second late."""
    return house.log_file.read_text("utf-8").count("creating instance")


def test_c12_who_began_before_the_first_login_goes_on_without_one_until_the_restart(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher(house), serve(house) as server:
        session = server.create_session()
        server.prompt(session, "hi")
        log_in(house, "mock", api(B), api(A))
        applies, told = rotated(house, "mock/mock-1")
        went_out = keys(server, provider, session)
        server.ask("POST", "/instance/dispose")
        went_out_then = keys(server, provider, session)
        # It writes its log up to a second late.
        log = house.log_file
        wait_until(lambda: "disposing instance" in log.read_text(), 10, "the line of the log")
        again, _ = rotated(house, "mock/mock-2")
        pid = server.pid

    assert (applies, went_out) == ("after-restart", [None, None])
    assert told == (
        f"restart opencode serve (pid {pid}) to use mock-1: it began before mock had a login"
    )
    # As after a login of its own, opencode has begun anew.
    assert went_out_then == [B, B]
    assert again == "next-request"


def test_c12_so_does_one_that_began_after_a_logout_and_none_that_began_with_a_login(
    house: Household, provider: LoopbackProvider
) -> None:
    configure(house, provider, ("left",))
    install_bridge(house)
    with watcher(house):
        log_in(house, "left", api(C), api("KEY-CANARY-D"))
        house.write_auth({})
        wait_until(lambda: of_kind(house, "logged-out"), 10, "the logout")
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            session, other = server.create_session(), server.create_session()
            assert keys(server, provider, session) == [A, A]
            assert rotated(house, "mock/mock-1")[0] == "next-request"
            assert keys(server, provider, session) == [B, B]
            server.prompt(other, "hi", model="left/m1")
            applies, told = rotated(house, "left/left-1")
            went_out = keys(server, provider, other, "left/m1")

    assert (applies, went_out) == ("after-restart", [None, None])
    assert told.endswith("to use left-1: it built its requests while left had no login")


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
            applies, told = rotated(house, "mock/mock-1")
            went_out = keys(server, provider, session)
            said = rotator(house, "rotate", "mock", "mock-1").stdout

    why = (
        f"restart opencode serve (pid {server.pid}) to use {{}}: its bridge does not see the"
        f" requests of mock: the plug-in {file} sends them past it"
    )
    assert (applies, went_out) == ("after-restart", [A, A])
    assert told == why.format("mock-1")
    assert said.strip().endswith(why.format("it"))


# -- logins that no plug-in loads --------------------------------------------------------------

# Of a model that needs a key, nothing is sent; mock and bare have models that do without one.
UNLOADED = ("anthropic", "google", "mock", "bare")


@pytest.fixture(scope="module", params=[True, False], ids=["bridge", "bare"])
def unloaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Return a server with two such logins of each provider, once with the bridge, once without."""
    logins = {one: (login(f"{one}-B"), login(f"{one}-A")) for one in UNLOADED}
    with one_server(tmp_path_factory.mktemp("home"), logins, bridge=request.param) as scene:
        yield scene


@pytest.fixture
def scene(unloaded: Scene) -> Iterator[Scene]:
    """Return it with a provider that knows of nothing yet."""
    yield unloaded
    unloaded.provider.begin_anew()


@pytest.mark.parametrize("provider_id", ["anthropic", "google"])
def test_c7_a_login_that_no_plug_in_loads_is_sent_by_nobody_and_not_said_to_be(
    scene: Scene, provider_id: str
) -> None:
    house = scene.house
    # A model that needs a key is not offered, or fails before it is asked for.
    with contextlib.suppress(AssertionError):
        scene.ask(provider_id)
    told = rotator(house, "rotate", provider_id, f"{provider_id}-1", "--json").json()
    said = rotator(house, "rotate", provider_id, f"{provider_id}-2").stdout
    with contextlib.suppress(AssertionError):
        scene.ask(provider_id, "again")

    assert told["applies"] == "after-restart"
    assert said.endswith(
        f"opencode sends no such login to {provider_id} without a plug-in for that\n"
    )
    sent = [str(one.headers) + one.raw_body.decode() for one in scene.provider.requests]
    assert not [one for one in sent if "ACC-CANARY" in one]


def test_c7_no_swap_of_a_login_that_nothing_loads_is_said_to_be_used(scene: Scene) -> None:
    session = scene.server.create_session()
    scene.server.prompt(session, "hi")
    applies, _ = rotated(scene.house, "mock/mock-1")
    said = rotator(scene.house, "rotate", "mock", "mock-2").stdout

    assert keys(scene.server, scene.provider, session) == [None, None]
    assert applies == "after-restart"
    assert said.strip().endswith("opencode sends no such login to mock without a plug-in for that")


def test_c7_a_login_that_nothing_loads_is_not_blamed_for_a_request_without_a_key(
    scene: Scene,
) -> None:
    scene.provider.answer(refusal(429, None, {"retry-after-ms": "300"}))
    session = scene.server.create_session()
    scene.server.prompt_async(session, "hi", model="bare/m1")
    why = wait_until(lambda: scene.events_of("bare", "problem"), 30, "the sentence")[0]["why"]
    scene.server.abort(session)

    has_bridge = (scene.house.config_folder / "plugin" / "rotator.js").exists()
    says = "with a key that auth.json did not give" if has_bridge else "without a plug-in for that"
    assert why.endswith(f"{says}: nobody is blamed")
    assert states(scene.house, "bare") == ["ready", "ready"]


# -- opencode's own plug-ins are turned off ----------------------------------------------------

OWN = "KEY-CANARY-OWN"
VARIABLES = {"openai": "OPENAI_API_KEY", "xai": "XAI_API_KEY"}
MODELS = {"openai": "openai/gpt-5.5", "xai": "xai/grok-4"}


@pytest.mark.parametrize("has_bridge", [True, False])
def test_b1_no_login_is_blamed_or_said_to_be_used_where_opencode_s_own_plug_ins_are_turned_off(
    house: Household, provider: LoopbackProvider, *, has_bridge: bool
) -> None:
    for vendor in VARIABLES:
        with_place(house, provider, vendor)
    if has_bridge:
        install_bridge(house)
    provider.limit(OWN, headers={"retry-after-ms": "300"})
    flags = {"OPENCODE_DISABLE_DEFAULT_PLUGINS": "1", **dict.fromkeys(VARIABLES.values(), OWN)}
    used, why = {}, {}
    with watcher(house):
        for vendor in VARIABLES:
            log_in(house, vendor, login(f"{vendor}-B"), login(f"{vendor}-A"))
        with serve(house, **flags) as server:
            for vendor, model in MODELS.items():
                first = len(provider.keys)
                server.prompt_async(server.create_session(), "hi", model=model)
                told = wait_until(partial(problems_of, house, vendor), 30, "the sentence")
                why[vendor] = told[0]
                used[vendor] = rotator(house, "rotate", vendor, f"{vendor}-1").stdout
                assert provider.keys[first:]

    assert set(provider.keys) == {OWN}
    assert not of_kind(house, "failover")
    for vendor, variable in VARIABLES.items():
        assert states(house, vendor) == ["ready", "ready"]
        whose = "a key that auth.json did not give" if has_bridge else f"the variable {variable}"
        assert whose in why[vendor]
        assert f"the variable {variable} gives {vendor} a key of its own" in used[vendor]


def problems_of(house: Household, provider: str) -> list[str]:
    """Return the problems told of a provider."""
    return [one["why"] for one in of_kind(house, "problem") if one["provider"] == provider]


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
