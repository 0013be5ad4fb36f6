"""The real opencode beside a watcher in another PID namespace, over one HOME (field case I4)."""

from __future__ import annotations

from tests.e2e.scenes import A, B, api, install_bridge, log_in
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.pid_namespaces import watcher_inside
from tests.support.provider_answers import refusal, streamed
from tests.support.rotator_process import rotator, status


def test_opencode_fails_over_with_a_watcher_in_another_container(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    with watcher_inside(house):
        log_in(house, "mock", api(B), api(A))
        provider.script(refusal(429, headers={"retry-after": "3600"}), streamed("Hello."))
        with serve(house) as server:
            said = server.prompt(server.create_session(), "hi")
            told = status(house)["opencodes"]
            looked = rotator(house, "doctor").stdout

    assert said == "Hello."
    assert provider.keys == [A, B]
    assert [one["bridge"] is None for one in told] == [False]
    assert "without the bridge" not in looked
