"""Refusals that name an account without being about it, in the real opencode."""

from __future__ import annotations

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, kinds, log_in, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import watcher

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "Web search for this organization is disabled by your admin."),
        (400, "The user message was blocked by the safety filter"),
        (400, "The tool returned: You exceeded your current quota, please check your plan"),
    ],
)
def test_what_is_disabled_or_quoted_beside_an_account_blames_none(
    house: Household, provider: LoopbackProvider, status: int, message: str
) -> None:
    install_bridge(house)
    provider.answer(refusal(status, {"error": {"message": message}}), title=False)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            assert server.prompt(server.create_session(), "hi") == ""

    assert {request.credential for request in provider.asked()} == {A}
    assert states(house) == ["ready", "ready"]
    assert "rejected" not in kinds(house)


def test_who_is_shut_out_is_dead_and_the_other_account_answers(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    shut = {"error": {"message": "Your account was suspended for violating our terms."}}
    provider.answer(refusal(403, shut), key=A)
    provider.ok("It works.")

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            assert server.prompt(server.create_session(), "hi") == "It works."

    assert states(house) == ["ready", "rejected"]
