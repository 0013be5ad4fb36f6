"""The dashboard inside the real opencode: one TUI, and everything a person does with it there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest

from rotator.model import Snapshot, Window
from rotator.services.accounts import disable
from rotator.services.rotate import find_account
from rotator.system.paths import find_paths
from tests.e2e.scenes import A, B, C, api, install_bridge, log_in, of, stream_errors
from tests.support.config_files import write_config
from tests.support.dashboard_program import opened, wait_for_line
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import OPENCODE_VERSION
from tests.support.opencode_tui import tui
from tests.support.provider_answers import Answer, Pause, Text
from tests.support.rotator_process import rotator, watcher
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

DRAW_SECONDS = 60.0
# The first stands on the screen only while the dashboard has it, the second only while not.
SHOWN, BACK = "q quit", "ctrl+p commands"
OTHER, OTHER_KEY = "spare", "KEY-CANARY-SPARE"
DAY = timedelta(days=1)
BUTTON = "[ dashboard ]"
SLOW = Answer(parts=(Text("It begins. "), Pause(2), Text("It ends.")))


@dataclass(frozen=True)
class Scene:
    """A person before opencode's TUI, who has three accounts of one provider."""

    house: Household
    provider: LoopbackProvider
    terminal: Terminal

    def wait(self, text: str) -> None:
        self.terminal.wait_for_text(text, DRAW_SECONDS)

    def wait_for_line(self, *parts: str) -> None:
        wait_for_line(self.terminal, *parts)

    def alias(self, key: str) -> str:
        """Return the alias of the key that was logged in with as the first, second or third."""
        return f"mock-{(C, B, A).index(key) + 1}"

    def wait_for_key(self, key: str) -> None:
        wait_until(
            lambda: self.house.read_auth()["mock"]["key"] == key, DRAW_SECONDS, "it to be live"
        )

    def dashboard_is_there(self) -> None:
        self.wait(SHOWN)
        self.wait("● mock")

    def leave(self) -> None:
        self.terminal.press("q")
        self.wait(BACK)

    def click(self, text: str) -> None:
        self.wait(text)
        row = next(n for n, line in enumerate(self.terminal.lines) if text in line)
        self.terminal.click(self.terminal.lines[row].index(text) + 1, row)

    def notes(self) -> list[dict[str, object]]:
        folder = self.house.state_dir / "bridge" / "tui"
        return [json.loads(path.read_text()) for path in folder.glob("*.json")]


def the_key_opens_it_and_what_was_typed_stays(scene: Scene) -> None:
    scene.terminal.type("what I typed")
    scene.wait("what I typed")
    scene.terminal.press("ctrl+b")
    scene.dashboard_is_there()
    assert "what I typed" not in scene.terminal.text
    # A key there activates another account.
    scene.terminal.press("up")
    scene.terminal.press("enter")
    scene.wait_for_key(B)
    scene.leave()
    scene.wait("what I typed")


def a_running_turn_goes_on_meanwhile(scene: Scene) -> None:
    scene.terminal.press("enter")
    scene.wait("It begins.")
    scene.terminal.press("ctrl+b")
    scene.dashboard_is_there()
    scene.provider.settled(DRAW_SECONDS)
    scene.leave()
    scene.wait("It ends.")


def the_sidebar_shows_activates_and_opens_it(scene: Scene) -> None:
    scene.wait(f"● {scene.alias(B)}")
    assert any("Balancing" in line and line.endswith("on") for line in scene.terminal.lines)
    scene.click(f"○ {scene.alias(C)}")
    scene.wait_for_key(C)
    scene.wait(f"● {scene.alias(C)}")
    scene.click(BUTTON)
    scene.dashboard_is_there()
    scene.leave()


def both_commands_and_the_palette_open_it(scene: Scene) -> None:
    for command in ("/balancer", "/rotator"):
        scene.terminal.type(command)
        scene.wait("Accounts, what is left")
        scene.terminal.press("enter")
        scene.dashboard_is_there()
        scene.leave()
    scene.terminal.press("ctrl+p")
    scene.wait("Commands")
    scene.terminal.type("open balancer")
    scene.wait("Open Balancer Dashboard")
    scene.terminal.press("enter")
    scene.dashboard_is_there()
    scene.leave()


def the_sidebar_shows_the_tightest_window(scene: Scene) -> None:
    (active,) = (one for one in of(scene.house, "mock") if one["active"])
    with opened(scene.house) as context:
        now = context.clock()
        windows = (Window("7d", 0.17, now + DAY), Window("5h", 0.42, now + DAY / 8))
        context.history.keep_reading(active["id"], Snapshot(now, windows), now + DAY)
        context.notify_changed()
    scene.wait_for_line(f"● {active['alias']}", "5h 42%")
    assert "7d 17%" not in scene.terminal.text


def a_needed_login_a_failover_and_a_reroute_are_told_and_shown(scene: Scene) -> None:
    with opened(scene.house) as context:
        disable(context, find_account(context.store.state(), "mock", scene.alias(A)))
        context.notify_changed()
    scene.wait_for_line(f"○ {scene.alias(A)}", "disabled")
    scene.provider.limit(C, status=401, body={"error": {"message": "Incorrect API key provided"}})
    scene.provider.limit(B, headers={"retry-after": "3600"})
    scene.provider.ok("Another provider answers.", key=OTHER_KEY)
    scene.terminal.type("again\n")
    scene.wait(f"mock/{scene.alias(C)} needs a login")
    scene.wait("Another provider answers.")
    scene.wait_for_line(f"○ {scene.alias(C)}", "needs login")
    scene.wait_for_line(f"● {scene.alias(B)}", "cooling")
    scene.wait(f"mock goes on with {scene.alias(B)}")
    scene.wait(f"The turn goes on with {OTHER}/m1")


def put_in_order(house: Household) -> None:
    """Let opencode know another provider, which comes second in the order."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["provider"][OTHER] = config["provider"]["mock"]
    file.write_text(json.dumps(config))
    order = [f'[[priority]]\nprovider = "{one}"\nmodel = "m1"\n' for one in ("mock", OTHER)]
    write_config(find_paths(house.env()).config_file, "".join(order))


@pytest.mark.timeout(300)
def test_the_dashboard_inside_opencode(house: Household, provider: LoopbackProvider) -> None:
    put_in_order(house)
    install_bridge(house)
    provider.answer(SLOW, title=False, times=1)
    with watcher(house):
        log_in(house, OTHER, api(OTHER_KEY))
        log_in(house, "mock", api(C), api(B), api(A))
        with tui(house) as terminal:
            # The sidebar needs more than 120 columns.
            terminal.resize(40, 140)
            scene = Scene(house, provider, terminal)
            the_key_opens_it_and_what_was_typed_stays(scene)
            a_running_turn_goes_on_meanwhile(scene)
            the_sidebar_shows_activates_and_opens_it(scene)
            both_commands_and_the_palette_open_it(scene)
            the_sidebar_shows_the_tightest_window(scene)
            a_needed_login_a_failover_and_a_reroute_are_told_and_shown(scene)
            (note,) = scene.notes()
            rotator(house, "config", "set", "dashboard.key", "f9")
            told = rotator(house, "doctor", "--json").json()["checks"]

        # A changed key holds from the next start on.
        with tui(house) as terminal:
            terminal.send("\x1b[20~")
            terminal.wait_for_text(SHOWN, DRAW_SECONDS)

    assert (note["on"], note["opencode"]) == (True, OPENCODE_VERSION)
    assert [one["level"] for one in told if one["check"] == "dashboard"] == ["ok"]
    assert stream_errors(house) == []
