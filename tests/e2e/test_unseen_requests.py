"""Requests that a plug-in sends past the bridge of the real opencode (B3): said, and by whom.

opencode imports plug-ins side by side, so that the one it lists first may come second: what is to
pass the bridge by whichever comes first keeps `Bun.fetch`, which the bridge leaves as it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states
from tests.e2e.test_kept_fetch import KEEPS
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import streamed
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

FROZEN = """
const before = Bun.fetch;
Object.defineProperty(globalThis, "fetch", {
  value: (input, init) => before(input, init), writable: false, configurable: false });
export const Frozen = async () => ({});
"""
QUIET = "export const Quiet = async () => ({});"
SAYS = "does not see the requests of mock"


def install_beside_the_bridge(house: Household, provider: LoopbackProvider, code: str) -> Path:
    """Install the bridge and a plug-in beside it; return the plug-in."""
    install_bridge(house)
    file = house.config_folder / "taker.js"
    file.write_text(code)
    house.configure(provider.url, plugin=[file.as_uri()])
    return file


def lines(house: Household) -> list[str]:
    """Return what `status` and `doctor` say of such requests."""
    checks = rotator(house, "doctor", "--json").json()["checks"]
    told = [*status(house)["problems"], *(str(one["says"]) for one in checks)]
    return [one for one in told if SAYS in one]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("code", [FROZEN, KEEPS], ids=["frozen", "kept"])
def test_b3_requests_past_the_bridge_are_said_with_the_plug_in_that_has_them(
    house: Household, provider: LoopbackProvider, code: str
) -> None:
    """After an answer, and after a limit, of which an event tells too."""
    file = install_beside_the_bridge(house, provider, code)
    (house.config_folder / "plugin").mkdir(exist_ok=True)
    (house.config_folder / "plugin" / "quiet.js").write_text(QUIET)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            assert lines(house) == []
            server.prompt(server.create_session(), "hi")
            wait_until(lambda: lines(house), 20, "a sentence")
            said = [lines(house)]
            code_of_doctor = rotator(house, "doctor").code
            assert of_kind(house, "problem") == []
            provider.limit(A, headers={"retry-after": "3600"})
            server.prompt_async(server.create_session(), "hi")
            told = wait_until(
                lambda: [one["why"] for one in of_kind(house, "problem")], 20, "the event"
            )
            said.append(lines(house))

    for in_status, in_doctor in said:
        assert in_status == in_doctor
        assert f"opencode serve (pid {server.pid})" in in_status
        assert f"the plug-in {file} sends them past it" in in_status
        assert "quiet.js" not in in_status
    assert code_of_doctor != 0
    assert states(house) == ["ready", "ready"]
    why = "a turn failed of which no request to the model came through the bridge"
    assert told == [f"mock: {why}: nobody is blamed"]


@pytest.mark.timeout(90)
def test_b3_a_turn_that_is_stopped_or_never_sent_says_nothing_of_the_bridge(
    house: Household, provider: LoopbackProvider
) -> None:
    install_beside_the_bridge(house, provider, FROZEN)
    provider.answer(replace(streamed("late"), delay_seconds=30))
    with watcher(house):
        log_in(house, "mock", api(A))
        with serve(house) as server:
            stopped = server.create_session()
            server.prompt_async(server.create_session(), "hi", model="mock/missing")
            server.prompt_async(stopped, "hi")
            wait_until(lambda: provider.keys, 20, "a request")
            server.abort(stopped)
            wait_until(lambda: not server.busy(), 20, "the end of the turn")

            assert lines(house) == []
