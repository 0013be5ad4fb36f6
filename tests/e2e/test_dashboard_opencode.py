"""The dashboard on its own before the real opencode: its login in the same terminal, its models."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from rotator.system.paths import find_paths
from tests.support.dashboard_program import is_given_back, wait_for_line
from tests.support.household import Household
from tests.support.opencode_binary import opencode_binary
from tests.support.rotator_process import accounts
from tests.support.terminal import Terminal, terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

SECONDS = 60.0
PROVIDER, OTHER = "anthropic", "openai"
# Those that opencode knows here, as tests/support/opencode_offline.py has them.
MODELS, CHOSEN = ("claude-haiku-4-5", "claude-sonnet-5"), "claude-sonnet-5"
ASKED = "Enter your API key"
KEY = "KEY-CANARY-typed"
PICKER = "log in to which provider?"


@dataclass(frozen=True)
class Scene:
    """A person before the dashboard, with nobody logged in."""

    house: Household
    terminal: Terminal

    def wait(self, text: str) -> None:
        self.terminal.wait_for_text(text, SECONDS)

    def wait_until_gone(self, text: str) -> None:
        wait_until(lambda: text not in self.terminal.text, SECONDS, f"{text!r} to be gone")

    def choose_provider(self) -> None:
        """Search the list of providers for the one, and take it."""
        self.wait(OTHER)
        self.terminal.type(PROVIDER[:5])
        self.wait_until_gone(OTHER)
        self.terminal.press("enter")

    def log_in(self) -> None:
        """Begin with opencode's own login."""
        self.terminal.press("c")
        self.choose_provider()

    def is_back(self) -> None:
        """Wait until the dashboard has the terminal again, and hears keys as ever."""
        self.wait_until_gone(PICKER)
        assert not is_given_back(self.terminal)
        self.terminal.press("?")
        self.wait("Leave the dashboard")
        self.terminal.press("escape")
        self.wait_until_gone("Leave the dashboard")

    def order(self) -> list[dict[str, Any]]:
        """Return the priorities in config.toml."""
        file = find_paths(self.house.env()).config_file
        text = file.read_text() if file.exists() else ""
        found: list[dict[str, Any]] = tomllib.loads(text).get("priority", [])
        return found


def a_login_that_is_given_up_leads_back(scene: Scene) -> None:
    # While opencode is starting, Ctrl+C goes to everybody in the terminal.
    scene.log_in()
    wait_until(lambda: is_given_back(scene.terminal), SECONDS, "opencode to have the terminal")
    scene.terminal.press("ctrl+c")
    scene.is_back()
    # Its question takes the key itself.
    scene.log_in()
    scene.wait(ASKED)
    scene.terminal.press("ctrl+c")
    scene.wait("no login was made")
    scene.is_back()
    scene.wait("No accounts yet")
    assert scene.house.read_auth() == {}


def a_login_is_made_in_the_same_terminal_captured_and_named(scene: Scene) -> None:
    scene.log_in()
    scene.wait(ASKED)
    scene.terminal.type(f"{KEY}\n")
    scene.wait(f"name of {PROVIDER}/{PROVIDER}-1")
    scene.wait(f"{PROVIDER}/{PROVIDER}-1 was saved")
    assert scene.house.read_auth() == {PROVIDER: {"type": "api", "key": KEY}}
    scene.terminal.press("ctrl+u")
    scene.terminal.type("work\n")
    wait_for_line(scene.terminal, "● work", "ready", "live")
    scene.is_back()
    assert [one["alias"] for one in accounts(scene.house)] == ["work"]


def a_provider_is_added_with_a_model_of_opencode_s_own_list(scene: Scene) -> None:
    scene.terminal.press("p")
    scene.wait("No order yet")
    scene.terminal.press("a")
    scene.choose_provider()
    for model in MODELS:
        scene.wait(model)
    assert scene.order() == [{"provider": PROVIDER}]
    scene.terminal.type("son")
    scene.wait_until_gone(MODELS[0])
    scene.terminal.press("enter")
    wait_for_line(scene.terminal, "1 [■]", PROVIDER, CHOSEN, "1 of 1 account ready")
    scene.wait(f"{PROVIDER} uses {CHOSEN}")
    assert scene.order() == [{"provider": PROVIDER, "model": CHOSEN}]


def the_model_is_another_one_after_enter(scene: Scene) -> None:
    scene.terminal.press("enter")
    scene.wait(f"which model of {PROVIDER}?")
    scene.wait(MODELS[0])
    scene.terminal.press("enter")
    wait_for_line(scene.terminal, "1 [■]", PROVIDER, MODELS[0])
    scene.wait(f"{PROVIDER} uses {MODELS[0]}")
    assert scene.order() == [{"provider": PROVIDER, "model": MODELS[0]}]


@pytest.mark.timeout(180)
def test_opencode_s_own_login_and_models_are_used_in_the_dashboard(house: Household) -> None:
    programs = house.home / "bin"
    programs.mkdir()
    (programs / "opencode").symlink_to(opencode_binary())

    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "rotator", "dashboard"]

    with terminal(command, env=house.env() | {"PATH": path}, cwd=house.home) as before:
        scene = Scene(house, before)
        scene.wait("bridge not installed")
        a_login_that_is_given_up_leads_back(scene)
        a_login_is_made_in_the_same_terminal_captured_and_named(scene)
        a_provider_is_added_with_a_model_of_opencode_s_own_list(scene)
        the_model_is_another_one_after_enter(scene)
        before.press("q")
        scene.wait("● work")
        before.press("q")

        assert before.wait_for_end() == 0
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")
        assert KEY.encode() not in before.raw
