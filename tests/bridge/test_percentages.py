"""One rule for every percentage: whatever shows how much is used shows the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from rotator.cli import usage as usage_command
from rotator.core.selection.explain import explain, sentences
from rotator.core.selection.policy import Selection, choose
from rotator.model import Snapshot, State, Window
from rotator.statusline.line import line
from rotator.statusline.quick_read import SlotStatus, StatusLineData
from rotator.tui.model.world import Gauge
from rotator.tui.view.view import view
from rotator.wording import whole_percent
from tests.support.bridge_tools import SOURCES, node
from tests.support.builders import ACME, NOW, a_state, an_account
from tests.support.dashboard import WORK, a_screen, shown, with_world
from tests.support.tool import run

# Every tenth of a per cent, those that have no exact fraction, and both ends from close by.
ALL = [
    *(n / 1000 for n in range(1001)),
    *(n * 0.01 for n in range(1, 100)),
    *(1 - n * 0.01 for n in range(1, 100)),
    *(1e-9, 0.1 + 0.2, 1 - 1e-9),
]
LIVE, OTHER = an_account("a"), an_account("b")


def a_world(used: float) -> State:
    reading = Snapshot(NOW, (Window("5h", used),))
    return a_state(LIVE, OTHER, active=LIVE, usage={LIVE.id: reading, OTHER.id: reading})


def in_usage(used: float) -> str:
    return usage_command.window_words(Window("5h", used), NOW, plain=True)


def in_explain(used: float) -> str:
    return "\n".join(sentences(explain(a_world(used), ACME, None, NOW)))


def in_events(used: float) -> str:
    return choose(a_world(used), Selection(ACME, {LIVE.id}, has_failed=True), NOW).why


def in_the_status_line(used: float) -> str:
    seat = SlotStatus("acme")
    seat.alias, seat.window, seat.used = "a", "5h", used
    return line(StatusLineData([seat], NOW, balancing=True, watched=True))


def in_the_dashboard(width: int, height: int) -> Callable[[float], str]:
    def drawn(used: float) -> str:
        screen = a_screen(width, height)
        row = replace(WORK, gauges=(Gauge("5h", used),))
        return shown(view(with_world(screen, rows=(row,), events=())))

    return drawn


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(in_usage, id="usage"),
        pytest.param(in_explain, id="explain"),
        pytest.param(in_events, id="events"),
        pytest.param(in_the_status_line, id="statusline"),
        pytest.param(in_the_dashboard(120, 40), id="dashboard, full"),
        pytest.param(in_the_dashboard(80, 24), id="dashboard, compact"),
        pytest.param(in_the_dashboard(50, 12), id="dashboard, lines"),
    ],
)
def test_whatever_is_used_is_the_same_percentage_everywhere(told: Callable[[float], str]) -> None:
    for used in ALL:
        assert set(re.findall(r"(\d+) ?%", told(used))) == {str(whole_percent(used))}, used


def test_inside_opencode_it_is_the_same_too() -> None:
    words = (SOURCES / "tui" / "core" / "words.js").as_uri()
    script = (
        f"import {{ accountStatus }} from {json.dumps(words)};"
        f"const status = (used) => accountStatus({{ state: 'ready', until: null, used }}, 0)[0];"
        f"console.log(JSON.stringify({json.dumps(ALL)}.map(status)));"
    )

    ended = run(node(), "--input-type=module", "--eval", script)

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [f"{whole_percent(used)}%" for used in ALL]
