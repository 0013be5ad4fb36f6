"""Edits of config.toml: what was asked for changes, and every other byte stays where it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import ConfigError
from rotator.model.preferences import Priority
from rotator.settings.edit import (
    change_priorities,
    path_of,
    priorities_in,
    replace_text,
    set_value,
    unset_value,
    with_priorities,
    with_value,
    without_value,
)
from rotator.settings.toml_positions import read_positions
from rotator.settings.validate import read_file
from rotator.system.locks import hold_all
from rotator.system.paths import Paths, find_paths
from tests.support.config_files import FILES, exchanged, write_config

# One of each kind, with two values so that one of them is another one than the file has.
VALUES: dict[str, tuple[Any, Any]] = {
    "failover.strategy": ("headroom", "ordered"),
    "failover.min_swap_seconds": (17, 18),
    "failover.wall_threshold": (0.25, 0.5),
    "failover.wait_for_reset": (True, False),
    "failover.order.openai": (["x", "y"], []),
    "failover.strategies.xai": ("drain", "sticky"),
    "routing.models.new": (["a/b"], ["c/d"]),
    "hooks.command": (["say", "[no] # \"comment\" = 'x'\n"], ["z"]),
    "dashboard.key": ("f5", "f6"),
    "accounts.ask_owner": (False, True),
}


@pytest.fixture
def paths(home: Path) -> Paths:
    del home
    return find_paths()


def comments(text: str) -> list[str]:
    """Return every comment of a text that has no sharp sign inside of a string."""
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


def at(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def said(text: str) -> Any:
    """Return the values of a text without its empty tables, which say nothing."""
    return without_empty(tomllib.loads(text))


def without_empty(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    kept = {name: without_empty(value) for name, value in values.items()}
    return {name: value for name, value in kept.items() if value not in ({}, [])}


def around(text: str, path: tuple[str | int, ...]) -> str:
    """Return the value itself, or the inline one that it belongs into: what may be written anew."""
    places = read_positions(text)
    for length in range(len(path), 0, -1):
        place = places.at(path[:length])
        if place is not None and place.kind == "value":
            return text[place.value_start : place.end]
    return ""


# -- one setting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_setting_a_value_changes_it_and_nothing_around_it(name: str) -> None:
    before = FILES[name]
    for key, values in VALUES.items():
        path = path_of(key)
        old = at(tomllib.loads(before), path)
        value = next(one for one in values if one != old)

        after = with_value(before, path, value)

        gone, come = exchanged(before, after)
        assert at(read_file(after), path) == value
        # Nothing goes but the value that was there, and what comes has the file's line ends.
        assert gone in around(before, path)
        assert "\r\n" not in before or "mixed" in name or "\n" not in come.replace("\r\n", "")


@pytest.mark.parametrize("name", FILES)
def test_a_value_that_is_there_already_changes_no_byte(name: str) -> None:
    before = FILES[name]
    for key in VALUES:
        path = path_of(key)
        old = at(tomllib.loads(before), path)

        same = without_value(before, path) if old is None else with_value(before, path, old)

        assert same == before


@pytest.mark.parametrize("name", FILES)
def test_what_was_put_in_can_be_taken_out_again_without_a_trace(name: str) -> None:
    for key, values in VALUES.items():
        path = path_of(key)
        before = without_value(FILES[name], path)

        after = without_value(with_value(before, path, values[0]), path)

        gone, left = exchanged(before, after)
        if inline := around(before, path):
            assert gone in inline
            assert said(after) == said(before)
            assert comments(after) == comments(before)
        else:
            # The header of a section that was made for it may stay, with what sets it apart.
            assert gone == ""
            assert left.strip("\r\n ") in {"", f"[{path[0]}]"}


@pytest.mark.parametrize("name", FILES)
def test_a_setting_that_goes_takes_nothing_else_with_it(name: str) -> None:
    before = FILES[name]
    values = tomllib.loads(before)
    keys = [
        f"{section}.{key}"
        for section, inner in values.items()
        if isinstance(inner, dict)
        for key in inner
    ]

    for key in keys:
        after = without_value(before, path_of(key))

        assert at(tomllib.loads(after), path_of(key)) in (None, {})
        assert len(after) < len(before)


ODD = {
    "below the table, above the next one's comment": (
        "[failover]\nstrategy = 'drain'\n\n# About hooks.\n[hooks]\n",
        "[failover]\nstrategy = 'drain'\nmin_swap_seconds = 1\n\n# About hooks.\n[hooks]\n",
    ),
    "as dotted as its neighbours": (
        "failover.strategy = 'drain' # D\n[hooks]\n",
        "failover.strategy = 'drain' # D\nfailover.min_swap_seconds = 1\n[hooks]\n",
    ),
    "in the braces": (
        "failover = { strategy = 'drain' } # D\n",
        "failover = { strategy = 'drain', min_swap_seconds = 1 } # D\n",
    ),
    "in empty braces": ("failover = {}\n", "failover = { min_swap_seconds = 1 }\n"),
    "right below an empty header": (
        "[failover] # F\n\n[hooks]\n",
        "[failover] # F\nmin_swap_seconds = 1\n\n[hooks]\n",
    ),
    "as far in as its neighbours": (
        "  [failover]\n\tstrategy = 'drain'\n",
        "  [failover]\n\tstrategy = 'drain'\n\tmin_swap_seconds = 1\n",
    ),
    "in a table of its own at the end": (
        "# only this",
        "# only this\n\n[failover]\nmin_swap_seconds = 1\n",
    ),
    "with the line ends of the file": (
        "[failover]\r\nstrategy = 'drain'",
        "[failover]\r\nstrategy = 'drain'\r\nmin_swap_seconds = 1\r\n",
    ),
}


@pytest.mark.parametrize("where", ODD)
def test_a_new_setting_stands_where_a_person_would_put_it(where: str) -> None:
    before, after = ODD[where]

    assert with_value(before, ("failover", "min_swap_seconds"), 1) == after


def test_a_table_over_several_lines_is_replaced_as_one() -> None:
    before = "[failover.order]\na = ['x'] # A\n\n[failover.strategies]\nb = 'drain'\n"

    after = with_value(before, ("failover", "order"), {"c": ["z"]})

    assert tomllib.loads(after)["failover"] == {"order": {"c": ["z"]}, "strategies": {"b": "drain"}}
    assert "[failover.strategies]\nb = 'drain'\n" in after


# -- priorities ----------------------------------------------------------------------------------

WITH_PRIORITIES = [name for name, text in FILES.items() if len(priorities_in(tomllib.loads(text)))]


@pytest.mark.parametrize("name", WITH_PRIORITIES)
def test_turning_the_order_round_twice_is_the_file_as_it_was(name: str) -> None:
    before = FILES[name]
    wanted = priorities_in(tomllib.loads(before))

    round_ = with_priorities(before, wanted[::-1])
    back = with_priorities(round_, wanted)

    assert priorities_in(read_file(round_)) == wanted[::-1]
    assert sorted(comments(round_)) == sorted(comments(before))
    assert back == before


@pytest.mark.parametrize("name", FILES)
def test_priorities_that_stay_change_no_byte(name: str) -> None:
    before = FILES[name]

    assert with_priorities(before, priorities_in(tomllib.loads(before))) == before


@pytest.mark.parametrize("name", FILES)
def test_a_provider_comes_last_and_goes_again(name: str) -> None:
    before = FILES[name]
    wanted = priorities_in(tomllib.loads(before))

    more = with_priorities(before, (*wanted, Priority("new", "m/n", enabled=False)))
    after = with_priorities(more, wanted)

    gone, come = exchanged(before, more)
    # Of a list the comment of its last line is behind the comma that the new one needs.
    assert gone in come
    assert all(word in come for word in ("new", "m/n", "false"))
    assert exchanged(before, after)[0] == ""
    assert exchanged(before, after)[1].strip() == ""


@pytest.mark.parametrize("name", WITH_PRIORITIES)
def test_a_provider_is_switched_off_where_it_stands(name: str) -> None:
    before = FILES[name]
    first, *others = priorities_in(tomllib.loads(before))

    after = with_priorities(before, (Priority(first.provider, first.model, enabled=False), *others))

    gone, come = exchanged(before, after)
    entry = around(before, ("priority", 0))
    assert gone in {"", "tru"} or gone in entry
    assert "fals" in come
    assert comments(after) == comments(before)


def test_each_provider_keeps_its_comments() -> None:
    before = FILES["priorities"]
    first, second, third = priorities_in(tomllib.loads(before))

    after = with_priorities(before, (third, second, first))

    assert after == (
        "# Who serves new messages.\n\n"
        '[[priority]]\nprovider = "openrouter"\nmodel = "moonshotai/kimi-k2" # costs money\n'
        "enabled = false\n\n"
        '# Then this one.\n[[priority]]\nprovider = "openai"\nmodel = "gpt-5"\nenabled = true\n\n'
        "# The plan that is paid anyway.\n"
        '[[priority]]\nprovider = "anthropic"\nmodel = "claude-opus-4"\n'
    )


def test_in_one_list_each_provider_keeps_its_comments_too() -> None:
    before = FILES["priorities-in-one-list"]
    first, _, third = priorities_in(tomllib.loads(before))

    after = with_priorities(before, (third, first))

    assert after == (
        "priority = [\n"
        '  { provider = "deepseek", model = "deepseek-chat", enabled = false }, # money\n'
        "  # the best\n"
        '  { provider = "anthropic", model = "claude-opus-4" } # plan\n'
        ']\n\n[failover]\nstrategy = "sticky"\n'
    )


@pytest.mark.parametrize("name", WITH_PRIORITIES)
def test_any_change_of_priorities_is_what_was_asked_for(name: str) -> None:
    before = FILES[name]
    first, *others = priorities_in(tomllib.loads(before))
    wanted = (
        Priority("zero", "m"),
        *others[::-1],
        Priority(first.provider, None, enabled=False),
        Priority("last"),
    )

    after = with_priorities(before, wanted)

    assert priorities_in(read_file(after)) == wanted
    assert priorities_in(read_file(with_priorities(after, wanted[1:2]))) == wanted[1:2]
    assert priorities_in(read_file(with_priorities(after, ()))) == ()


# -- the file ------------------------------------------------------------------------------------


def test_a_new_file_is_private_and_so_is_its_folder(paths: Paths) -> None:
    set_value(paths, "failover.strategy", "drain")

    modes = [stat.S_IMODE(one.stat().st_mode) for one in (paths.config, paths.config_file)]
    assert paths.config_file.read_text() == '[failover]\nstrategy = "drain"\n'
    assert modes == [0o700, 0o600]


def test_a_file_keeps_its_mode_and_leaves_nothing_beside_it(paths: Paths) -> None:
    write_config(paths.config_file, "# mine\n")
    paths.config_file.chmod(0o644)

    set_value(paths, "failover.strategy", "drain")

    assert stat.S_IMODE(paths.config_file.stat().st_mode) == 0o644
    assert list(paths.config.iterdir()) == [paths.config_file]


def test_a_link_goes_on_leading_to_the_file_that_is_edited(paths: Paths, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "rotator.toml"
    write_config(target, "# kept elsewhere\n")
    paths.config.mkdir(parents=True)
    paths.config_file.symlink_to(target)

    set_value(paths, "failover.strategy", "drain")

    assert paths.config_file.readlink() == target
    assert target.read_text() == '# kept elsewhere\n\n[failover]\nstrategy = "drain"\n'
    assert list(paths.config.iterdir()) == [paths.config_file]


def test_a_link_to_nothing_gets_its_target(paths: Paths, tmp_path: Path) -> None:
    target = tmp_path / "later.toml"
    paths.config.mkdir(parents=True)
    paths.config_file.symlink_to(target)

    set_value(paths, "failover.strategy", "drain")

    assert target.read_text() == '[failover]\nstrategy = "drain"\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"[failover\n# mine\n", "line 1, column 10: expected ']'", id="no TOML"),
        pytest.param(b"failovr = 1 # mine\n", "there is no such setting", id="no setting"),
        pytest.param(b"\xff\xfe# mine\n", "line 1: it is no text in UTF-8", id="no text"),
        pytest.param(b"\xef\xbb\xbf# mine\n", "byte order mark", id="a mark"),
    ],
)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda paths: set_value(paths, "failover.strategy", "drain"), id="set"),
        pytest.param(lambda paths: unset_value(paths, "failover.strategy"), id="unset"),
        pytest.param(lambda paths: change_priorities(paths, lambda _: ()), id="priorities"),
    ],
)
def test_an_edit_of_a_broken_file_is_refused_and_nothing_is_lost(
    paths: Paths, content: bytes, said: str, change: Callable[[Paths], object]
) -> None:
    write_config(paths.config_file, content)

    with pytest.raises(ConfigError) as caught:
        change(paths)

    assert said in caught.value.message
    assert paths.config_file.read_bytes() == content


def test_a_value_that_is_not_allowed_is_refused_before_anything_is_written(paths: Paths) -> None:
    write_config(paths.config_file, "# mine\n")

    with pytest.raises(ConfigError) as caught:
        set_value(paths, "failover.wall_threshold", 7)

    assert caught.value.message == "failover.wall_threshold: must be between 0 and 1, not 7"
    assert paths.config_file.read_text() == "# mine\n"


def test_priorities_are_not_set_as_one_value(paths: Paths) -> None:
    with pytest.raises(ConfigError, match="priority: it is a list of tables"):
        set_value(paths, "priority", [])


def test_unsetting_what_is_not_set_writes_nothing(paths: Paths) -> None:
    assert not unset_value(paths, "failover.strategy")
    assert not paths.config_file.exists()


def test_a_text_of_the_user_s_is_taken_only_where_the_file_is_as_it_was(paths: Paths) -> None:
    write_config(paths.config_file, "# broken [\n[")
    replace_text(paths, "# broken [\n[", "# mended\n")

    with pytest.raises(ConfigError, match="somebody else has changed it meanwhile"):
        replace_text(paths, "# broken [\n[", "# mended again\n")

    assert paths.config_file.read_text() == "# mended\n"


def test_who_waits_too_long_for_another_edit_is_told(paths: Paths) -> None:
    held = hold_all([paths.settings_lock], patience_seconds=0)
    assert held is not None

    with pytest.raises(ConfigError, match=r"another rotator has held settings\.lock"):
        set_value(paths, "failover.strategy", "drain", patience_seconds=0.05)

    held.release()
    assert not paths.config_file.exists()


def test_a_folder_that_may_not_be_written_is_named(paths: Paths) -> None:
    paths.config.parent.mkdir(parents=True, exist_ok=True)
    paths.config.write_text("no folder")

    with pytest.raises(ConfigError, match=r"config\.toml: it cannot be (read|written): "):
        set_value(paths, "failover.strategy", "drain")


def test_a_place_that_cannot_be_written_is_named(paths: Paths) -> None:
    paths.config.mkdir(parents=True)
    paths.config_file.symlink_to("/proc/nowhere/config.toml")

    with pytest.raises(ConfigError, match=r"config\.toml: it cannot be written: "):
        set_value(paths, "failover.strategy", "drain")


def test_a_file_that_never_stands_still_is_left_alone(paths: Paths) -> None:
    write_config(paths.config_file, "# 0\n")
    rounds: list[int] = []

    def change(all_: tuple[Priority, ...]) -> tuple[Priority, ...]:
        rounds.append(len(rounds))
        write_config(paths.config_file, f"# {len(rounds)}\n")
        return (*all_, Priority("openai"))

    with pytest.raises(ConfigError, match="another program keeps changing it"):
        change_priorities(paths, change)

    assert paths.config_file.read_text() == f"# {len(rounds)}\n"
    assert list(paths.config.iterdir()) == [paths.config_file]


EDITS = """
import sys
from rotator.settings.edit import change_priorities, set_value
from rotator.system.paths import find_paths
from rotator.model.preferences import Priority
who, paths = sys.argv[1], find_paths()
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    set_value(paths, f"failover.order.{who}{number}", [who])
    change_priorities(paths, lambda all_: (*all_, Priority(f"{who}{number}")))
"""


def test_edits_of_two_processes_at_once_lose_nothing(paths: Paths) -> None:
    rounds = 8
    write_config(paths.config_file, FILES["comments-everywhere"])
    two = [
        subprocess.Popen(
            [sys.executable, "-c", EDITS, who, str(rounds)],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for who in ("cli", "dashboard")
    ]

    for one in two:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.close()
    ended = [one.wait(60) for one in two]

    text = paths.config_file.read_text()
    names = {f"{who}{number}" for who in ("cli", "dashboard") for number in range(rounds)}
    assert ended == [0, 0]
    assert set(read_file(text)["failover"]["order"]) == names
    assert {one.provider for one in priorities_in(read_file(text))} == names | {"openai", "google"}
    assert comments(text) == comments(FILES["comments-everywhere"])


def test_an_editor_that_saves_during_an_edit_loses_nothing_either(paths: Paths) -> None:
    write_config(paths.config_file, "# one\n")
    saved = [b"# two\n", b"# three\n"]

    def change(all_: tuple[Priority, ...]) -> tuple[Priority, ...]:
        if saved:
            paths.config_file.write_bytes(saved.pop(0))
        return (*all_, Priority("openai"))

    change_priorities(paths, change)

    assert paths.config_file.read_text() == '# three\n\n[[priority]]\nprovider = "openai"\n'
