"""A limit on the small model that names sessions, in the real opencode."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, kinds, log_in, of, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

HOUR = {"retry-after": "3600"}
LARGE, SMALL = "m1", "small-model"


@pytest.fixture
def house(house: Household) -> Household:
    """Return a household whose titles are asked of another model than the turns are."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["small_model"] = f"mock/{SMALL}"
    config["provider"]["mock"]["models"][SMALL] = {}
    file.write_text(json.dumps(config))
    install_bridge(house)
    return house


def limited_models(house: Household) -> list[list[Any]]:
    """Return the models that each account is limited for, the oldest account first."""
    return [[limit["model"] for limit in account["limits"]] for account in of(house, "mock")]


def test_e3_a_refused_title_rests_the_small_model_alone_and_the_turns_go_on(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.answer(refusal(429, {"error": {"message": "Slow down"}}, HOUR), title=True)
    provider.ok("It works.")

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            session = server.create_session()
            first = server.prompt(session, "hi")
            wait_until(
                lambda: limited_models(house) == [[SMALL], [SMALL]],
                15,
                lambda: f"both to be limited for one model: {of(house, 'mock')}",
            )
            second = server.prompt(session, "and again")

    assert (first, second) == ("It works.", "It works.")
    assert {request.model for request in provider.asked()} == {LARGE}
    assert {request.model for request in provider.asked(title=True)} == {SMALL}
    assert states(house) == ["ready", "ready"]
    assert "limited" in kinds(house)


def test_e3_an_answer_that_speaks_of_the_account_rests_all_of_it(
    house: Household, provider: LoopbackProvider
) -> None:
    plan = {"error": {"message": "You have reached your weekly limit."}}
    provider.answer(refusal(429, plan, HOUR), key=A, title=True)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            server.prompt(server.create_session(), "hi")
            wait_until(
                lambda: states(house) == ["ready", "exhausted"],
                15,
                lambda: f"the account to be used up: {of(house, 'mock')}",
            )

    assert limited_models(house) == [[], []]
