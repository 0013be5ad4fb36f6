"""The dashboard's plugin in opencode's TUI: its file and its entry in tui.json, in and out."""

from __future__ import annotations

import json
import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.doctor import examine, fix_all
from rotator.doctor.check_result import Check, Level
from rotator.doctor.setup import DoctorContext
from rotator.errors import UsageError
from rotator.opencode.bridge.install import install_bridge
from rotator.opencode.tui.notes import tui_notes
from rotator.opencode.tui.plugin_file import (
    install_plugin,
    plugin_source,
    plugin_version,
    tui_plugin,
    uninstall_plugin,
)
from rotator.system.paths import Paths, find_paths
from tests.support.config_files import write_config
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import as_anybody
from tests.support.rotator_process import rotator

OLDER = b"// opencode-rotator dashboard plugin 0.0.1\nexport default {}\n"
MINE = '{\n  // my colours\n  "theme": "x",\n  "plugin": ["other"], // one\n}\n'


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


@pytest.fixture
def file(paths: Paths) -> Path:
    return paths.opencode_config / "rotator-tui.js"


@pytest.fixture
def config(paths: Paths) -> Path:
    paths.opencode_config.mkdir(parents=True)
    return paths.opencode_config / "tui.json"


def tree(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_the_plugin_names_its_version_in_its_first_line() -> None:
    assert plugin_version(plugin_source()) is not None


def test_it_is_put_beside_tui_json_and_entered_with_our_program(
    paths: Paths, file: Path, config: Path
) -> None:
    found, said = install_plugin(paths)

    program = [sys.executable, "-P", "-m", "rotator"]
    entry = ["./rotator-tui.js", {"program": program}]
    assert json.loads(config.read_text()) == {"plugin": [entry]}
    assert file.read_bytes() == plugin_source()
    assert (found.entered, found.current) == (True, True)
    assert said == f"{file} is in place and entered in {config}"


def test_files_that_were_made_are_the_user_s_alone_and_leave_no_trace(
    paths: Paths, file: Path, home: Path
) -> None:
    paths.opencode_config.parent.mkdir(parents=True)
    before = tree(home)

    install_plugin(paths)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (file, file.with_name("tui.json"))]
    _, said = uninstall_plugin(paths)

    assert modes == [0o600, 0o600]
    assert tree(home) == before
    assert said.endswith("were removed")


def test_what_was_in_tui_json_stays_and_is_there_to_the_byte_afterwards(
    paths: Paths, config: Path
) -> None:
    config.write_text(MINE)
    config.chmod(0o644)

    install_plugin(paths)
    entered = config.read_text()
    uninstall_plugin(paths)

    assert entered.startswith('{\n  // my colours\n  "theme": "x",\n  "plugin": ["other", [')
    assert (config.read_text(), stat.S_IMODE(config.stat().st_mode)) == (MINE, 0o644)


def test_a_link_is_followed_and_stays_a_link(paths: Paths, config: Path, home: Path) -> None:
    target = home / "dotfiles.json"
    target.write_text(MINE)
    config.symlink_to(target)

    install_plugin(paths)
    entered = target.read_text()
    uninstall_plugin(paths)

    assert (config.is_symlink(), target.read_text()) == (True, MINE)
    assert "rotator-tui.js" in entered


def test_installing_again_writes_nothing(paths: Paths, file: Path, config: Path) -> None:
    install_plugin(paths)
    facts = [one.stat().st_ino for one in (file, config)]

    _, said = install_plugin(paths)

    assert [one.stat().st_ino for one in (file, config)] == facts
    assert said == f"the dashboard is in place already: {file}"


def test_another_name_of_the_same_python_is_no_change(paths: Paths, config: Path) -> None:
    install_plugin(paths)
    config.write_text(config.read_text().replace(sys.executable, f"{sys.executable}3"))

    _, said = install_plugin(paths)
    same = tui_plugin(paths)
    config.write_text(config.read_text().replace(sys.executable, "/nonexistent/python"))

    assert said.startswith("the dashboard is in place already")
    assert (same.current, tui_plugin(paths).current) == (True, False)


def test_an_entry_of_an_older_version_is_noticed_and_renewed(paths: Paths, config: Path) -> None:
    config.write_text(MINE)
    install_plugin(paths)
    config.write_text(config.read_text().replace('{"program"', '{"key": "f2", "program"'))

    before = tui_plugin(paths)
    after, _ = install_plugin(paths)
    renewed = config.read_text()
    uninstall_plugin(paths)

    assert (before.current, after.current, "f2" in renewed) == (False, True, False)
    assert config.read_text() == MINE


@pytest.mark.parametrize(
    ("settings", "key"),
    [("", "ctrl+b"), ('[dashboard]\nkey = "f2"\n', "f2"), ('dashboard.key = "none"\n', "none")],
)
def test_the_plugin_is_told_the_key_that_was_written_by_hand(
    home: Path, paths: Paths, settings: str, key: str
) -> None:
    write_config(paths.config_file, settings)

    asked = rotator(Household(home), "bridge", "key")

    assert (asked.code, asked.stdout) == (0, f"{key}\n")


def test_a_changed_key_needs_no_new_entry(home: Path) -> None:
    house = Household(home)
    rotator(house, "bridge", "install")

    rotator(house, "config", "set", "dashboard.key", "f9")
    asked = rotator(house, "bridge", "key").stdout

    told = rotator(house, "doctor", "--json").json()["checks"]
    assert asked == "f9\n"
    assert [one["level"] for one in told if one["check"] == "dashboard"] == ["ok"]


def test_an_older_plugin_is_replaced(paths: Paths, file: Path, config: Path) -> None:
    assert not config.exists()
    file.write_bytes(OLDER)

    before = tui_plugin(paths)
    after, _ = install_plugin(paths)

    assert (before.version, before.entered, before.current) == ("0.0.1", False, False)
    assert (file.read_bytes(), after.current) == (plugin_source(), True)


@pytest.mark.parametrize("dry_run", [False, True], ids=["really", "dry"])
def test_a_foreign_file_is_never_touched(
    paths: Paths, file: Path, config: Path, *, dry_run: bool
) -> None:
    file.write_bytes(b"export default {}\n")

    with pytest.raises(UsageError, match="is not a file of ours"):
        install_plugin(paths, dry_run=dry_run)

    assert (file.read_bytes(), config.exists()) == (b"export default {}\n", False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"plugin": [}', r"is not what opencode can read: .* \(line 1, column 13\)"),
        (b'{"plugin": "x"}', 'can read: "plugin" is not a list'),
        (b"[]", "can read: it is not an object"),
        (b"\xff{}", "is not UTF-8"),
        (b" " * 1_100_000, "is larger than any settings"),
    ],
)
def test_a_broken_tui_json_is_refused_and_left_alone(
    paths: Paths, file: Path, config: Path, content: bytes, said: str
) -> None:
    config.write_bytes(content)

    with pytest.raises(UsageError, match=said):
        install_plugin(paths)
    with pytest.raises(UsageError, match=said):
        uninstall_plugin(paths)

    assert (config.read_bytes(), file.exists()) == (content, False)
    assert not tui_plugin(paths).entered


def test_a_folder_in_its_place_is_named(paths: Paths, config: Path) -> None:
    config.mkdir()

    with pytest.raises(UsageError, match=r"tui\.json is not a file"):
        install_plugin(paths)


def test_an_empty_tui_json_is_filled_and_emptied(paths: Paths, config: Path) -> None:
    config.write_text("")

    found, _ = install_plugin(paths)
    uninstall_plugin(paths)

    assert (found.current, config.read_text()) == (True, "")


def test_tui_jsonc_is_taken_where_it_is_the_one_that_is_there(paths: Paths, config: Path) -> None:
    other = config.with_name("tui.jsonc")
    other.write_text(MINE)

    found, _ = install_plugin(paths)

    assert (found.config, config.exists()) == (other, False)


def test_settings_that_opencode_is_about_to_move_into_tui_json_are_not_lost(
    paths: Paths, config: Path
) -> None:
    config.with_name("opencode.json").write_text('{"theme": "dracula", /* mine */}')

    found, _ = install_plugin(paths)

    assert (found.config.name, config.exists()) == ("tui.jsonc", False)


def test_a_dry_run_changes_nothing(paths: Paths, config: Path, home: Path) -> None:
    config.write_text(MINE)
    before = tree(home)

    _, said = install_plugin(paths, dry_run=True)

    assert (tree(home), config.read_text()) == (before, MINE)
    assert "would be put in place and entered in" in said


def test_a_dry_run_removes_nothing(paths: Paths, file: Path, config: Path) -> None:
    install_plugin(paths)

    _, said = uninstall_plugin(paths, dry_run=True)

    assert (file.exists(), config.exists()) == (True, True)
    assert said.endswith("would be removed")


def test_there_may_be_nothing_to_uninstall(paths: Paths, file: Path) -> None:
    _, said = uninstall_plugin(paths)

    assert said == f"{file} is not there"


def test_a_folder_without_rights_is_named(paths: Paths, config: Path) -> None:
    config.parent.chmod(0o500)

    with as_anybody(), pytest.raises(UsageError, match="cannot be changed: Permission"):
        install_plugin(paths)

    config.parent.chmod(0o700)


# -- as commands ---------------------------------------------------------------------------------


def test_the_commands_put_both_in_tell_both_versions_and_take_both_out(home: Path) -> None:
    house = Household(home)
    before = tree(home)

    installed = rotator(house, "bridge", "install")
    told = rotator(house, "bridge", "status", "--json").json()
    said = rotator(house, "bridge", "status").stdout.splitlines()
    removed = rotator(house, "bridge", "uninstall")

    assert (installed.code, removed.code) == (0, 0)
    assert (told["tui"]["installed"], told["bridge"]["installed"]) == (True, True)
    assert [told["bridge"]["version"] in said[0], told["tui"]["version"] in said[1]] == [True, True]
    assert [one for one in tree(home) if "opencode/" in one] == [
        one for one in before if "opencode/" in one
    ]


def test_a_broken_tui_json_keeps_nobody_from_the_bridge(home: Path) -> None:
    house = Household(home)
    house.config_folder.mkdir(parents=True)
    (house.config_folder / "tui.json").write_text("{")

    dry = rotator(house, "bridge", "install", "--dry-run")
    ended = rotator(house, "bridge", "install")

    assert (dry.code, ended.code) == (2, 2)
    assert "in place" not in dry.stderr
    assert "the bridge is in place, the dashboard inside opencode is not" in ended.stderr
    assert (house.config_folder / "plugin" / "rotator.js").exists()


# -- what the doctor says ------------------------------------------------------------------------


@pytest.fixture
def setup(home: Path) -> DoctorContext:
    return DoctorContext.of(places(home), datetime.now(UTC))


def said(setup: DoctorContext) -> list[tuple[Level, str]]:
    return [(one.level, one.says) for one in examine(setup) if one.check is Check.DASHBOARD]


def leave_note(setup: DoctorContext, pid: int, /, **changes: object) -> None:
    folder = setup.paths.bridge / "tui"
    folder.mkdir(parents=True, exist_ok=True)
    version = plugin_version(plugin_source())
    told = {"schema": 1, "pid": pid, "plugin": version, "opencode": "1.18.33", "on": True}
    (folder / f"{pid}.json").write_text(json.dumps(told | {"why": ""} | changes))


def test_without_a_bridge_nothing_is_said_of_the_dashboard(setup: DoctorContext) -> None:
    assert said(setup) == []


def test_a_dashboard_that_is_not_installed_is_a_note_beside_a_bridge(setup: DoctorContext) -> None:
    install_bridge(setup.paths)

    assert said(setup) == [(Level.NOTE, "the dashboard is not installed inside opencode")]


def test_an_older_or_foreign_plugin_and_a_missing_half_are_problems(
    setup: DoctorContext, paths: Paths, file: Path
) -> None:
    install_plugin(paths)
    good = said(setup)
    file.write_bytes(OLDER)
    older = said(setup)
    file.write_bytes(b"export default {}\n")
    foreign = said(setup)
    file.unlink()
    missing = said(setup)
    file.write_bytes(plugin_source())
    file.with_name("tui.json").unlink()
    alone = said(setup)

    assert [one[0][0] for one in (good, older, foreign, missing, alone)] == [
        Level.OK,
        *[Level.PROBLEM] * 4,
    ]
    assert "is not a file of ours" in foreign[0][1]
    assert "which is not there" in missing[0][1]
    assert "is not entered in" in alone[0][1]


def test_an_older_plugin_is_mended_and_a_foreign_one_is_not(
    setup: DoctorContext, paths: Paths, file: Path
) -> None:
    install_plugin(paths)
    file.write_bytes(OLDER)

    mended = fix_all(setup)
    file.write_bytes(b"export default {}\n")
    foreign = fix_all(setup)

    assert f"{file} is in place and entered in {file.with_name('tui.json')}" in mended.done
    assert (tui_plugin(paths).entered, foreign.failed) == (True, ())
    assert file.read_bytes() == b"export default {}\n"


def test_an_opencode_in_which_it_is_off_is_named_with_the_reason(
    setup: DoctorContext, paths: Paths
) -> None:
    install_plugin(paths)
    leave_note(setup, os.getpid(), on=False, why="opencode's TUI has no slots.register")
    off = said(setup)
    leave_note(setup, os.getpid(), plugin="0.0.1")
    older = said(setup)
    leave_note(setup, os.getpid())

    assert off[1][0] is Level.PROBLEM
    assert off[1][1].endswith(f"(pid {os.getpid()}): opencode's TUI has no slots.register")
    assert older[1] == (
        Level.NOTE,
        f"opencode 1.18.33 (pid {os.getpid()}) runs with the dashboard plugin 0.0.1",
    )
    assert [level for level, _ in said(setup)] == [Level.OK]


def test_a_note_of_another_container_names_no_pid_of_ours(
    setup: DoctorContext, paths: Paths
) -> None:
    install_plugin(paths)
    elsewhere = {"pid_namespace": "another-boot pid:[1]", "start_ticks": "1"}
    leave_note(setup, os.getpid(), on=False, why="too old", **elsewhere)
    beating = said(setup)
    (note,) = (setup.paths.bridge / "tui").iterdir()
    note.rename(note.with_stem(f"{note.stem}-0123abcd"))
    named_by_more = said(setup)
    os.utime(note.with_stem(f"{note.stem}-0123abcd"), (0, 0))

    assert beating[1:] == named_by_more[1:]
    assert beating[1][1].endswith("in opencode 1.18.33 (in another container): too old")
    assert [level for level, _ in said(setup)] == [Level.OK]


@pytest.mark.parametrize(
    "changes",
    [{"schema": 2}, {"pid": 1}, {"pid": "x"}, {"plugin": None, "schema": None}],
    ids=str,
)
def test_a_note_that_is_not_understood_is_passed_over(
    setup: DoctorContext, paths: Paths, changes: dict[str, object]
) -> None:
    leave_note(setup, os.getpid(), on=False, **changes)
    (setup.paths.bridge / "tui" / "7.json").write_text("[")
    (setup.paths.bridge / "tui" / "8.json").mkdir()
    # Nobody has this pid.
    leave_note(setup, 2**22 + 1, on=False)

    assert tui_notes(paths) == []
