"""C7: where no npm registry is in reach opencode starts all the same, and nothing stays behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.scenes import install_bridge
from tests.support.household import Household
from tests.support.npm_registry import (
    LOOPBACK,
    OUT_OF_REACH,
    PACKAGE,
    forget_packages,
    npm_registry,
    silent_registry,
)
from tests.support.opencode_process import run
from tests.support.opencode_tui import tui
from tests.support.rotator_process import rotator

# Without our settings for npm it is 75 s with a registry that refuses.
SOON_SECONDS = 45.0
FAILED = "background dependency install failed"
IGNORED = "node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore"
MINE = "export const Mine = async () => ({})\n"

Tree = dict[str, bytes | None]


@pytest.fixture
def bare(house: Household) -> Household:
    """Return a household in which opencode has installed nothing yet."""
    forget_packages(house)
    # opencode enters it at its first start, with or without a plug-in.
    file = house.config_folder / "opencode.json"
    schema = {"$schema": "https://opencode.ai/config.json"}
    file.write_text(json.dumps(schema | json.loads(file.read_text())))
    return house


def tree(house: Household) -> Tree:
    """Return every file of opencode's folders with its bytes, and every folder."""
    tops = (house.config_folder, house.home / ".opencode", house.project)
    return {
        str(path.relative_to(house.home)): path.read_bytes() if path.is_file() else None
        for top in tops
        for path in sorted(top.rglob("*"))
    }


def nothing_else(_: Household) -> None:
    """Leave it as it is."""


def a_plugin_of_the_user_s(house: Household) -> None:
    """Put in a plug-in, beside what opencode itself makes at every start."""
    file = house.config_folder / "plugin" / "mine.js"
    file.parent.mkdir()
    file.write_text(MINE)
    (house.config_folder / ".gitignore").write_text(IGNORED)


def a_package_json_of_the_user_s(house: Household) -> None:
    (house.config_folder / "package.json").write_text('{ "name": "mine" }')


def a_package_further_up(house: Household) -> None:
    """Let npm find a folder above whose settings it would take."""
    (house.home / "package.json").write_text("{}")


def the_folder_of_opencode_s_installer(house: Household) -> None:
    (house.home / ".opencode" / "bin").mkdir(parents=True)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "prepare",
    [
        nothing_else,
        a_plugin_of_the_user_s,
        a_package_json_of_the_user_s,
        a_package_further_up,
        the_folder_of_opencode_s_installer,
    ],
)
def test_c7_opencode_starts_soon_without_a_registry_and_uninstalling_leaves_what_was_there(
    bare: Household, prepare: Callable[[Household], None]
) -> None:
    prepare(bare)
    before = tree(bare)
    install_bridge(bare)

    ran = run(bare, "hi", "--print-logs", npm_config_registry=OUT_OF_REACH)
    doctor = rotator(bare, "doctor").stdout
    removed = rotator(bare, "bridge", "uninstall")

    assert (ran.code, FAILED in ran.stderr, removed.code) == (0, True, 0)
    assert ran.seconds < SOON_SECONDS
    assert "no npm registry" not in doctor
    assert tree(bare) == before


@pytest.mark.timeout(240)
def test_c7_a_registry_that_says_nothing_is_left_as_well(bare: Household) -> None:
    install_bridge(bare)

    with silent_registry() as url:
        ran = run(bare, "hi", "--print-logs", npm_config_registry=url, NO_PROXY=LOOPBACK)

    assert (ran.code, FAILED in ran.stderr) == (0, True)
    assert ran.seconds < SOON_SECONDS


@pytest.mark.timeout(240)
def test_c7_the_tui_starts_soon_without_a_registry(bare: Household) -> None:
    install_bridge(bare)

    with tui(bare, npm_config_registry=OUT_OF_REACH) as terminal:
        terminal.type("hi\n")
        terminal.wait_for_text("Hello from the loopback provider.", SOON_SECONDS)


@pytest.mark.timeout(240)
def test_c7_the_package_comes_as_soon_as_there_is_a_registry_and_goes_with_us(
    bare: Household,
) -> None:
    before = tree(bare)
    install_bridge(bare)
    run(bare, "hi", npm_config_registry=OUT_OF_REACH)

    with npm_registry() as url:
        ran = run(bare, "hi", "--print-logs", npm_config_registry=url, NO_PROXY=LOOPBACK)
    came = (bare.config_folder / "node_modules" / PACKAGE / "package.json").exists()
    rotator(bare, "bridge", "uninstall")

    assert (ran.code, FAILED in ran.stderr, came) == (0, False, True)
    assert tree(bare) == before


@pytest.mark.timeout(240)
def test_c7_what_another_plugin_may_need_stays(bare: Household) -> None:
    a_plugin_of_the_user_s(bare)
    install_bridge(bare)
    with npm_registry() as url:
        run(bare, "hi", npm_config_registry=url, NO_PROXY=LOOPBACK)
    with_ours = set(tree(bare))

    rotator(bare, "bridge", "uninstall")

    gone = {Path(name).name for name in with_ours - set(tree(bare))}
    # The folder is OpenCode 2's alone.
    second = {"plugins", "opencode-rotator", "tui.js", "options.json"}
    assert gone == {".npmrc", "rotator.js", "rotator-tui.js", "tui.json"} | second
