"""Every key of the table in the real program, its mouse, and what is left when it is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from rotator.tui.model.bindings import BINDINGS, Action
from rotator.tui.model.state import ScreenName
from tests.support.config_files import write_config
from tests.support.dashboard_program import (
    SECONDS,
    dashboard,
    is_given_back,
    line_with,
    opened,
    with_accounts,
)
from tests.support.household import Household
from tests.support.key_presser import OPENCODE, PROVIDER, Presser
from tests.support.key_scenes import SCENES
from tests.support.rotator_process import accounts
from tests.support.waiting import wait_until

NAMES = [f"name{number:02}" for number in range(20)]
ORDER = [PROVIDER, "beta", "zeta"]
# What is done on a screen becomes events: those are looked at before there are any more.
PLACES = [ScreenName.EVENTS, ScreenName.SETTINGS, ScreenName.PRIORITIES, ScreenName.ACCOUNTS]
# Not all of the list is on such a screen.
ROWS, COLUMNS = 24, 100


@pytest.fixture
def house(home: Path) -> Household:
    """Return a household with more accounts than a screen shows, and an order of providers."""
    house = with_accounts(home, *NAMES)
    order = [f'[[priority]]\nprovider = "{one}"\nmodel = "m1"\n' for one in ORDER]
    write_config(find_paths(house.env()).config_file, "\n".join(order))
    programs = home / "bin"
    programs.mkdir()
    (programs / "opencode").write_text(OPENCODE)
    (programs / "opencode").chmod(stat.S_IRWXU)
    return house


@contextlib.contextmanager
def before_it(house: Household) -> Iterator[Presser]:
    """Run the dashboard on a screen that is too small for all accounts."""
    path = f"{house.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with opened(house) as context, dashboard(house, PATH=path) as terminal:
        terminal.resize(ROWS, COLUMNS)
        scene = Presser(house, context, terminal)
        scene.gone(f"○ {NAMES[-1]}")
        yield scene


def play(scene: Presser, action: Action, key: str) -> None:
    try:
        SCENES[action](scene, key)
    except (AssertionError, TimeoutError) as exc:
        exc.add_note(f"the key {key!r} ({action}) on the screen of {scene.place}")
        raise


def test_every_key_of_the_table_does_on_each_of_its_screens_what_the_table_says(
    house: Household,
) -> None:
    with before_it(house) as scene:
        for place in PLACES:
            scene.go(place)
            for binding in BINDINGS:
                for key in binding.keys if place in binding.places else ():
                    play(scene, binding.action, key)
        scene.press("q")

        assert scene.terminal.wait_for_end() == 0
        wait_until(lambda: is_given_back(scene.terminal), SECONDS, "the terminal to be given back")
    assert set(PLACES) == set(ScreenName)
    assert set(SCENES) == {binding.action for binding in BINDINGS}


def click(scene: Presser, words: str) -> None:
    scene.shows(words)
    row = line_with(scene.terminal, words)
    scene.terminal.click(scene.terminal.lines[row].index(words) + len(words) - 1, row)


def wheel(scene: Presser, button: int) -> None:
    scene.terminal.send(f"\x1b[<{button};10;10M")


def test_words_are_clicked_the_wheel_turns_and_sigterm_over_a_list_leaves_a_clean_terminal(
    house: Household,
) -> None:
    with before_it(house) as scene:
        for words, shown in (
            ("? help", "Go up a screen"),
            ("n rename", f"name of {PROVIDER}/{NAMES[0]}"),
            ("d remove", f"Remove {PROVIDER}/{NAMES[0]}?"),
        ):
            click(scene, words)
            scene.shows(shown)
            click(scene, "Esc ")
            scene.gone(shown)
        click(scene, " events ")
        scene.is_at(ScreenName.EVENTS)
        wheel(scene, 65)
        scene.chosen_is(f"{PROVIDER}/{NAMES[-4]}")
        click(scene, "Esc back")
        scene.is_at(ScreenName.ACCOUNTS)

        for button, chosen in ((65, 3), (65, 6), (64, 3)):
            wheel(scene, button)
            scene.chosen_is(NAMES[chosen])
        click(scene, "balancing on")
        scene.balancing_is(on=False)

        click(scene, "c connect")
        scene.shows(f"▌ {PROVIDER}")
        scene.terminal.process.send_signal(signal.SIGTERM)

        assert scene.terminal.wait_for_end() == 128 + signal.SIGTERM
        wait_until(lambda: is_given_back(scene.terminal), SECONDS, "the terminal to be given back")


def test_killed_in_the_middle_of_changes_it_leaves_store_and_login_whole(house: Household) -> None:
    """Nobody can give the terminal back then: it is left as it was."""
    with before_it(house) as scene:
        scene.press("down", "enter")
        scene.is_live(NAMES[1])
        before = house.auth_file.read_bytes()
        scene.press(*["down", "enter"] * 5)
        scene.until(lambda: house.auth_file.read_bytes() != before, "another auth.json")
        scene.terminal.process.kill()

        assert scene.terminal.wait_for_end() == -signal.SIGKILL
        assert not is_given_back(scene.terminal)

    found = accounts(house)
    assert [one["alias"] for one in found] == NAMES
    (live,) = (one["alias"] for one in found if one["active"])
    assert house.read_auth()[PROVIDER] == {"type": "api", "key": f"KEY-CANARY-{live}"}
