"""config.toml and tui.json that a rename would cut off: mounted by themselves, or of two names."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from rotator.opencode.auth.journal import Journal, write_journal
from rotator.settings.edit import set_value
from rotator.system.locks import swap_lock
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.household import Household
from tests.support.namespaces import bind, rotator_inside
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

STICKY = '# ours\n[failover]\nstrategy = "sticky"\nmin_swap_seconds = 5\n'
DRAIN = STICKY.replace("sticky", "drain")
SET = ("config", "set", "failover.strategy", "drain")


@pytest.fixture
def house(home: Path) -> Household:
    return Household(home)


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o644)
    return file


def test_a_config_toml_that_is_mounted_by_itself_is_changed(
    house: Household, paths: Paths, tmp_path: Path
) -> None:
    written(paths.config_file, "")
    source = written(tmp_path / "mounted.toml", STICKY)

    ended = rotator_inside(house, [bind(source, paths.config_file)], *SET)

    assert (ended.code, source.read_text()) == (0, DRAIN), ended
    assert stat.S_IMODE(source.stat().st_mode) == 0o644
    assert not paths.settings_journal.exists()


@pytest.mark.parametrize("is_link", [False, True])
def test_a_config_toml_of_two_names_has_both_afterwards(
    house: Household, paths: Paths, tmp_path: Path, *, is_link: bool
) -> None:
    file = written(tmp_path / "real.toml" if is_link else paths.config_file, STICKY)
    if is_link:
        paths.config_file.parent.mkdir(parents=True)
        paths.config_file.symlink_to(file)
    other = tmp_path / "dotfiles.toml"
    os.link(file, other)

    ended = rotator(house, *SET)

    assert (ended.code, other.read_text()) == (0, DRAIN), ended
    assert other.samefile(paths.config_file)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    assert not paths.settings_journal.exists()


def half_written(paths: Paths, cut: int) -> Path:
    """Let a write in place have been cut off behind so many bytes; return the file."""
    before, after = STICKY.encode(), DRAIN.encode().ljust(len(STICKY))
    file = written(paths.config_file, "")
    file.write_bytes(after[:cut] + before[cut:])
    held = Journal(file, file.stat().st_ino, before, DRAIN.encode())
    write_journal(paths.settings_journal, held)
    return file


CUTS = [0, 36, len(STICKY) - 1]


@pytest.mark.parametrize("cut", CUTS)
def test_what_a_crash_has_left_half_written_is_put_right_by_the_next_command(
    house: Household, paths: Paths, cut: int
) -> None:
    file = half_written(paths, cut)

    ended = rotator(house, "status", "--json")

    assert file.read_text() in {STICKY, DRAIN}
    assert not [problem for problem in ended.json()["problems"] if "config.toml" in problem]
    assert not paths.settings_journal.exists()


def test_while_another_one_writes_settings_a_command_leaves_them_alone(
    house: Household, paths: Paths
) -> None:
    file = half_written(paths, 36)
    before = file.read_bytes()
    with swap_lock(paths.settings_lock):
        assert rotator(house, "status").code == 0

    assert file.read_bytes() == before
    assert paths.settings_journal.exists()


@pytest.mark.parametrize("cut", CUTS)
def test_what_a_crash_has_left_half_written_is_put_right_by_the_next_change(
    paths: Paths, cut: int
) -> None:
    file = half_written(paths, cut)

    set_value(paths, "failover.min_swap_seconds", 7)

    expected = STICKY.replace("= 5", "= 7")
    assert file.read_text() in {expected, expected.replace("sticky", "drain")}
    assert not paths.settings_journal.exists()


def plugins(file: Path) -> list[str]:
    return [entry[0] for entry in json.loads(file.read_text()).get("plugin", [])]


def test_a_tui_json_that_is_mounted_by_itself_gets_the_entry_and_loses_it_again(
    house: Household, paths: Paths, tmp_path: Path
) -> None:
    config = written(paths.opencode_config / "tui.json", "")
    source = written(tmp_path / "tui.json", '{"theme": "x"}\n')
    mounted = [bind(source, config)]

    put = rotator_inside(house, mounted, "bridge", "install")
    entered = plugins(source)
    taken = rotator_inside(house, mounted, "bridge", "uninstall")

    assert (put.code, taken.code, entered) == (0, 0, ["./rotator-tui.js"]), (put, taken)
    assert source.read_text() == '{"theme": "x"}\n'
    assert stat.S_IMODE(source.stat().st_mode) == 0o644
    assert not paths.settings_journal.exists()


def test_a_tui_json_of_two_names_with_nothing_but_the_entry_is_emptied_not_put_away(
    house: Household, paths: Paths, tmp_path: Path
) -> None:
    assert rotator(house, "bridge", "install").code == 0
    config, other = paths.opencode_config / "tui.json", tmp_path / "dotfiles.json"
    os.link(config, other)

    ended = rotator(house, "bridge", "uninstall")

    assert (ended.code, other.read_text()) == (0, "{}\n"), ended
    assert other.samefile(config)
