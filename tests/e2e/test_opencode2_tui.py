"""The dashboard inside the real OpenCode 2: its TUI in a terminal, and what a person does there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, install_bridge, of
from tests.support.dashboard_program import wait_for_line
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, end_services, serve2
from tests.support.opencode_tui import tui2
from tests.support.rotator_process import rotator, watcher
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
DRAW_SECONDS = 60.0
# The first stands on the screen only while the dashboard has it, the second only while not.
SHOWN, BACK = "q quit", "ctrl+p commands"
HOUR = {"retry-after": "3600"}


@dataclass(frozen=True)
class Scene:
    """A person before OpenCode 2's TUI, who has two accounts of one provider."""

    server: Server2
    provider: LoopbackProvider
    terminal: Terminal

    def wait(self, text: str) -> None:
        self.terminal.wait_for_text(text, DRAW_SECONDS)

    def leave(self) -> None:
        self.terminal.press("q")
        self.wait(BACK)

    def click(self, text: str) -> None:
        self.wait(text)
        row = next(n for n, line in enumerate(self.terminal.lines) if text in line)
        self.terminal.click(self.terminal.lines[row].index(text) + 1, row)

    def live(self) -> str:
        return next(str(a["alias"]) for a in of(self.server.house, "mock") if a["active"])


@pytest.fixture
def scene(house: Household, provider: LoopbackProvider) -> Iterator[Scene]:
    install_bridge(house)
    with watcher(house), serve2(house) as server:
        server.add_key("mock", B, "bob")
        server.add_key("mock", A, "ada")
        what = "both to be captured"
        wait_until(lambda: len(of(house, "mock")) == 2, CAPTURE_SECONDS, what)
        with tui2(server) as terminal:
            yield Scene(server, provider, terminal)
    end_services(house)


def the_key_opens_it_and_what_was_typed_stays(scene: Scene) -> None:
    scene.terminal.type("what I typed")
    scene.wait("what I typed")
    scene.terminal.press("ctrl+b")
    scene.wait(SHOWN)
    scene.wait("mock")
    assert "what I typed" not in scene.terminal.text
    scene.leave()
    scene.wait("what I typed")


def the_palette_has_it(scene: Scene) -> None:
    scene.terminal.press("ctrl+p")
    scene.wait("Commands")
    scene.terminal.type("balancer")
    scene.wait("Open Balancer Dashboard")
    scene.terminal.press("enter")
    scene.wait(SHOWN)
    scene.leave()


def each_of_its_names_opens_it(scene: Scene) -> None:
    for _ in "what I typed":
        scene.terminal.press("backspace")
    for name in ("/rotator", "/balancer"):
        scene.terminal.type(name)
        scene.wait("Accounts, what is left of them")
        scene.terminal.press("enter")
        scene.wait(SHOWN)
        scene.leave()


def the_key_opens_it_in_a_session_as_well(scene: Scene) -> None:
    scene.terminal.press("ctrl+b")
    scene.wait(SHOWN)
    scene.leave()


def a_failover_is_told_and_the_sidebar_shows_and_changes_who_works(scene: Scene) -> None:
    # OpenCode 2 shows its sidebar where there is more room than this.
    scene.terminal.resize(40, 160)
    scene.provider.limit(A, headers=HOUR)
    scene.terminal.type("hi")
    scene.terminal.press("enter")
    scene.wait("mock goes on with bob")
    scene.wait("Hello from the loopback provider.")
    wait_for_line(scene.terminal, "● bob", "ready")
    # A click activates the other one, whatever it was refused for.
    scene.click("○ ada")
    wait_for_line(scene.terminal, "● ada")
    wait_until(lambda: scene.live() == "ada", CAPTURE_SECONDS, "the other one to be active")


@pytest.mark.timeout(300)
def test_everything_a_person_does_with_it_inside_of_opencode_2(scene: Scene) -> None:
    the_key_opens_it_and_what_was_typed_stays(scene)
    the_palette_has_it(scene)
    each_of_its_names_opens_it(scene)
    a_failover_is_told_and_the_sidebar_shows_and_changes_who_works(scene)
    the_key_opens_it_in_a_session_as_well(scene)


def test_it_is_put_in_and_taken_out_without_a_trace(house: Household) -> None:
    before = sorted(path.name for path in house.config_folder.iterdir())
    install_bridge(house)
    folder = house.config_folder / "plugins" / "opencode-rotator"
    put = sorted(path.name for path in folder.iterdir())
    again = rotator(house, "bridge", "install", "--json").json()["said"]
    with serve2(house) as server:
        server.connections("mock")
        plugins = server.ask("GET", "/api/plugin")[1]["data"]
    taken = rotator(house, "bridge", "uninstall")

    assert put == ["options.json", "tui.js"]
    assert json.dumps(again).count("in place already") == 3
    assert [p for p in plugins if p["state"]["status"] != "active"] == []
    assert taken.code == 0, taken.stderr
    assert sorted(path.name for path in house.config_folder.iterdir()) == before
