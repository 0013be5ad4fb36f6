"""Where things lie follows from the environment alone, by opencode's own rule."""

from __future__ import annotations

import os
import pwd
from dataclasses import astuple
from pathlib import Path

import pytest

from rotator.system.paths import find_paths

HOME = {"HOME": "/home/ada"}
SHARE = Path("/home/ada/.local/share")


def test_everything_has_its_usual_place_below_home() -> None:
    paths = find_paths(HOME)

    assert astuple(paths) == (
        Path("/home/ada"),
        SHARE / "opencode" / "auth.json",
        SHARE / "opencode" / "opencode.db",
        SHARE / "opencode" / "log",
        Path("/home/ada/.config/opencode"),
        Path("/home/ada/.local/state/opencode"),
        Path("/home/ada/.config/opencode-rotator"),
        SHARE / "opencode-rotator",
        Path("/home/ada/.local/state/opencode-rotator"),
    )


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("other.db", SHARE / "opencode" / "other.db"),
        ("/srv/one.db", Path("/srv/one.db")),
        ("", SHARE / "opencode" / "opencode.db"),
    ],
)
def test_opencode_s_database_is_where_its_variable_says(named: str, path: Path) -> None:
    assert find_paths({**HOME, "OPENCODE_DB": named}).opencode_database == path


def test_each_file_of_ours_has_a_name_of_its_own() -> None:
    paths = find_paths(HOME)

    state = Path("/home/ada/.local/state/opencode-rotator")
    assert (paths.store, paths.history) == (
        SHARE / "opencode-rotator" / "rotator.sqlite",
        SHARE / "opencode-rotator" / "history.sqlite",
    )
    assert [paths.bridge, paths.changed, paths.watch_lock, paths.swap_lock, paths.log] == [
        state / name for name in ("bridge", "changed", "watch.lock", "swap.lock", "rotator.log")
    ]


def test_xdg_moves_ours_and_opencode_s() -> None:
    paths = find_paths(
        HOME | {"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}
    )

    assert (paths.auth_file, paths.opencode_config) == (
        Path("/d/opencode/auth.json"),
        Path("/c/opencode"),
    )
    assert (paths.data, paths.config, paths.state) == (
        Path("/d/opencode-rotator"),
        Path("/c/opencode-rotator"),
        Path("/s/opencode-rotator"),
    )


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "ROTATOR_STATE_DIR"])
def test_an_empty_variable_is_as_good_as_none(name: str) -> None:
    assert find_paths(HOME | {name: ""}) == find_paths(HOME)


def test_opencode_s_configuration_may_lie_elsewhere() -> None:
    paths = find_paths(HOME | {"OPENCODE_CONFIG_DIR": "/elsewhere"})

    assert paths.opencode_config == Path("/elsewhere")


def test_state_may_lie_elsewhere_for_both_sides() -> None:
    paths = find_paths(HOME | {"ROTATOR_STATE_DIR": "/elsewhere"})

    assert (paths.state, paths.bridge) == (Path("/elsewhere"), Path("/elsewhere/bridge"))


def test_without_home_the_user_s_profile_counts() -> None:
    """Case 47: Windows: HOME unset, USERPROFILE set."""
    paths = find_paths({"USERPROFILE": "/profiles/ada"})

    assert paths.auth_file == Path("/profiles/ada/.local/share/opencode/auth.json")


def test_without_any_of_them_the_system_is_asked_as_opencode_asks_it() -> None:
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)

    assert find_paths({}).auth_file == home / ".local/share/opencode/auth.json"
