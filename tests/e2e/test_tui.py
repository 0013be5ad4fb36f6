"""The TUI of the real opencode in a terminal: the user sees the answer and nothing else."""

from __future__ import annotations

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, kinds, log_in, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_tui import tui
from tests.support.rotator_process import status, watcher

DRAW_SECONDS = 60.0


@pytest.mark.timeout(180)
def test_a_limit_in_the_tui_shows_the_answer_and_no_error(
    house: Household, provider: LoopbackProvider
) -> None:
    provider.ok("Hello from account two.", key=B)
    # The request for a title goes out beside it, and must not be the one that is refused.
    provider.limit(A, headers={"retry-after": "3600"}, times=1)
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with tui(house) as terminal:
            terminal.type("hi\n")
            terminal.wait_for_text("Hello from account two.", DRAW_SECONDS)
            shown = terminal.text
            (present,) = status(house)["opencodes"]

    assert "Rate limit" not in shown
    assert provider.keys == [A, B]
    assert (present["kind"], present["bridge"] is not None) == ("tui", True)
    assert kinds(house).count("failover") == 1
    assert states(house) == ["ready", "cooling"]
    assert stream_errors(house) == []
