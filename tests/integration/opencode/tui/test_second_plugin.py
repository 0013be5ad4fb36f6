"""OpenCode 2's dashboard plugin is put in place, brought up to date and taken out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rotator.errors import UsageError
from rotator.opencode.tui.second_plugin import (
    install_second,
    second_plugin,
    second_source,
    uninstall_second,
)
from rotator.system.paths import Paths, find_paths
from tests.support.home import places


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


def test_it_is_put_in_with_the_program_that_it_asks_and_taken_out(paths: Paths) -> None:
    said = install_second(paths)
    plugin = second_plugin(paths)
    again = install_second(paths)
    options = json.loads(plugin.config.read_text())
    gone = uninstall_second(paths)

    assert said == f"{plugin.path} is in place for OpenCode 2"
    assert (plugin.exists, plugin.current) == (True, True)
    assert "in place already" in again
    assert options["program"][-2:] == ["-m", "rotator"]
    assert gone == f"{plugin.path} was removed"
    assert not paths.opencode_config.exists()
    assert uninstall_second(paths) == f"{plugin.path} is not there"


def test_an_older_one_is_replaced_and_its_neighbours_stay(paths: Paths) -> None:
    path = second_plugin(paths).path
    path.parent.mkdir(parents=True)
    path.write_bytes(second_source().replace(b"plugin 0.1.0", b"plugin 0.0.1", 1))
    mine = path.parent.parent / "mine.js"
    mine.write_text("export default {}")
    before = second_plugin(paths)

    install_second(paths)

    assert (before.version, before.current) == ("0.0.1", False)
    assert second_plugin(paths).current
    uninstall_second(paths)
    assert sorted(path.name for path in mine.parent.iterdir()) == ["mine.js"]


def test_somebody_else_s_file_stays(paths: Paths) -> None:
    path = second_plugin(paths).path
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    for act in (install_second, uninstall_second):
        with pytest.raises(UsageError):
            act(paths)

    assert path.read_text() == "mine"


def test_a_dry_run_does_nothing(paths: Paths) -> None:
    said = install_second(paths, dry_run=True)

    assert said.endswith("would be put in place for OpenCode 2")
    assert not paths.opencode_config.exists()
    install_second(paths)
    assert uninstall_second(paths, dry_run=True).endswith("would be removed")
    assert second_plugin(paths).current
