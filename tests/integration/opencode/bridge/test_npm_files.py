"""C7: of what opencode installs for plug-ins nothing stays that was there because of us alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rotator.errors import UsageError
from rotator.opencode.bridge.npm_files import prepare_folders, remove_files
from rotator.opencode.bridge.npm_wait import SETTINGS
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import as_anybody
from tests.support.rotator_process import rotator

PACKAGE = "@opencode-ai/plugin"
IGNORED = "node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore"
ASKED = {"dependencies": {PACKAGE: "1.18.33"}}


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


@pytest.fixture
def folder(paths: Paths) -> Path:
    paths.opencode_config.mkdir(parents=True)
    (paths.opencode_config / "opencode.json").write_text("{}")
    return paths.opencode_config


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def let_opencode_install(folder: Path) -> None:
    """Put in what the real one does; packages that the package needs are beside it."""
    modules = folder / "node_modules"
    for name in (PACKAGE, "@ai-sdk/provider", "zod", ".bin"):
        (modules / name).mkdir(parents=True)
    names = [f"node_modules/{one}" for one in (PACKAGE, "@ai-sdk/provider", "zod")]
    packages = {name: {"version": "1.0.0"} for name in names}
    (modules / ".package-lock.json").write_text(json.dumps({"packages": packages}))
    (folder / "package.json").write_text(json.dumps(ASKED))
    lock = {"packages": {"": ASKED} | packages}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / ".gitignore").write_text(IGNORED)


def test_what_opencode_has_installed_goes_with_us(paths: Paths, folder: Path) -> None:
    before = tree(folder)
    prepare_folders(paths)
    let_opencode_install_beside(folder)

    said = remove_files(paths)

    assert tree(folder) == before
    names = ".npmrc, node_modules, package.json, package-lock.json, .gitignore"
    assert said == [f"{names} in {folder} went with it"]
    assert not paths.opencode_files.exists()


def let_opencode_install_beside(folder: Path) -> None:
    """Install into the empty folder that we have made."""
    (folder / "node_modules").rmdir()
    let_opencode_install(folder)


def test_without_an_install_the_empty_folder_and_our_settings_go(
    paths: Paths, folder: Path
) -> None:
    before = tree(folder)
    prepare_folders(paths)
    (folder / ".gitignore").write_text(IGNORED)

    remove_files(paths)

    assert tree(folder) == before


def test_a_folder_that_was_not_there_goes_too(paths: Paths, home: Path) -> None:
    prepare_folders(paths)

    remove_files(paths)

    assert not paths.opencode_config.exists()
    assert home.exists()


def test_a_dry_run_removes_nothing(paths: Paths, folder: Path) -> None:
    prepare_folders(paths)
    before = tree(folder)

    said = remove_files(paths, dry_run=True)

    assert said == [f".npmrc, node_modules in {folder} would be removed"]
    assert (tree(folder), paths.opencode_files.exists()) == (before, True)


def test_the_commands_say_what_they_do_with_them(home: Path, folder: Path) -> None:
    house = Household(home)
    before = tree(folder)

    dry = rotator(house, "bridge", "install", "--dry-run").stdout
    untouched = tree(folder) == before
    done = rotator(house, "bridge", "install").stdout
    would = rotator(house, "bridge", "uninstall", "--dry-run").stdout
    removed = rotator(house, "bridge", "uninstall").stdout

    assert f"{folder / '.npmrc'} would be written" in dry
    assert f"{folder / '.npmrc'} keeps opencode's start short" in done
    assert f".npmrc, node_modules in {folder} would be removed" in would
    assert f".npmrc, node_modules in {folder} went with it" in removed
    assert (untouched, tree(folder)) == (True, before)


@pytest.mark.parametrize("has_settings", [True, False], ids=["in use", "empty"])
def test_a_linked_folder_is_followed_and_left_as_it_was(
    home: Path, paths: Paths, *, has_settings: bool
) -> None:
    target = home / "dotfiles"
    target.mkdir()
    if has_settings:
        (target / "opencode.json").write_text("{}")
    paths.opencode_config.parent.mkdir()
    paths.opencode_config.symlink_to(target)
    house, before = Household(home), tree(target)

    installed = rotator(house, "bridge", "install")
    names = set(tree(target))
    removed = rotator(house, "bridge", "uninstall")

    assert (installed.code, removed.code) == (0, 0)
    assert {"plugin/rotator.js", "rotator-tui.js", "tui.json", ".npmrc"} <= names
    assert (tree(target), paths.opencode_config.is_symlink()) == (before, True)


def test_a_folder_that_is_a_link_to_nothing_is_named_and_nothing_is_done(
    home: Path, paths: Paths
) -> None:
    paths.opencode_config.parent.mkdir()
    paths.opencode_config.symlink_to(home / "gone")
    before = set(tree(paths.opencode_config.parent))

    ended = rotator(Household(home), "bridge", "install")

    assert ended.code == 2
    assert ended.stderr.count("cannot be changed: ") == 1
    assert set(tree(paths.opencode_config.parent)) == before
    assert not (home / "gone").exists()


def test_a_state_folder_that_cannot_be_used_keeps_nobody_from_the_bridge(
    home: Path, folder: Path
) -> None:
    house = Household(home)
    house.state_dir.parent.mkdir(parents=True)
    house.state_dir.write_text("no folder")

    ended = rotator(house, "bridge", "install")

    assert (ended.code, ended.stderr) == (0, "")
    assert "cannot be used" in ended.stdout
    assert (folder / "plugin" / "rotator.js").exists()
    assert not (folder / ".npmrc").exists()


def test_what_was_there_before_us_stays(paths: Paths, folder: Path) -> None:
    let_opencode_install(folder)
    before = tree(folder)

    prepare_folders(paths)
    remove_files(paths)

    assert tree(folder) == before


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plugin/mine.js", ""),
        ("plugins/mine.ts", ""),
        ("tool/mine.ts", ""),
        ("tools/deeper/mine.ts", ""),
        ("opencode.json", '{"plugin": ["theirs"]}'),
        ("opencode.jsonc", '{"plugin": ["theirs", ], /* one */ }'),
        ("opencode.json", "{ broken"),
        ("tui.json", '{"plugin": [["./rotator-tui.js", {}], "./mine.js"]}'),
        ("tui.json", '{"tui": {"plugin": ["theirs"]}}'),
        ("package.json", json.dumps(ASKED | {"name": "mine"})),
        ("package.json", '{"dependencies": {"@opencode-ai/plugin": "1", "zod": "4"}}'),
        ("package-lock.json", '{"packages": {"": {"dependencies": {"zod": "4"}}}}'),
        ("package-lock.json", "{"),
        ("node_modules/mine/index.js", ""),
        ("node_modules/@ai-sdk/mine/index.js", ""),
        ("node_modules/.package-lock.json", "{}"),
        ("bun.lock", "{}"),
    ],
)
def test_what_somebody_else_may_need_stays(
    paths: Paths, folder: Path, name: str, text: str
) -> None:
    prepare_folders(paths)
    let_opencode_install_beside(folder)
    write(folder, name, text)
    before = tree(folder)

    said = remove_files(paths)

    before.pop(".npmrc")
    assert tree(folder) == before
    assert said == [f".npmrc in {folder} went with it"]


@pytest.mark.parametrize("name", ["node_modules", "package.json"])
def test_links_are_somebody_s(paths: Paths, folder: Path, name: str) -> None:
    prepare_folders(paths)
    let_opencode_install_beside(folder)
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")
    before = tree(folder)

    remove_files(paths)

    before.pop(".npmrc")
    assert tree(folder) == before


def test_what_cannot_be_looked_into_stays(paths: Paths, folder: Path) -> None:
    prepare_folders(paths)
    let_opencode_install_beside(folder)
    (folder / "plugin").mkdir(mode=0)

    with as_anybody():
        remove_files(paths)

    assert (folder / "node_modules" / "zod").exists()


def test_what_may_not_be_removed_is_named(paths: Paths, folder: Path) -> None:
    prepare_folders(paths)
    folder.chmod(0o500)

    with as_anybody(), pytest.raises(UsageError, match=r"\.npmrc cannot be changed: Permission"):
        remove_files(paths)

    folder.chmod(0o700)


@pytest.mark.parametrize("name", ["package.json", "package-lock.json", "node_modules"])
def test_one_file_that_was_there_keeps_the_others(paths: Paths, folder: Path, name: str) -> None:
    if name == "node_modules":
        write(folder, "node_modules/mine/index.js", "")
    else:
        write(folder, name, "{}")
    prepare_folders(paths)
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    let_opencode_install(folder)
    before = tree(folder)

    remove_files(paths)

    before.pop(".npmrc")
    assert tree(folder) == before


def test_a_gitignore_of_the_user_s_stays(paths: Paths, folder: Path) -> None:
    prepare_folders(paths)
    (folder / ".gitignore").write_text(f"{IGNORED}\nmine\n")

    remove_files(paths)

    assert (folder / ".gitignore").read_text() == f"{IGNORED}\nmine\n"


@pytest.mark.parametrize("record", [None, b"", b"[]", b'{"schema": 2, "folders": {}}', b"\xff"])
def test_without_a_record_only_our_own_settings_go(
    paths: Paths, folder: Path, record: bytes | None
) -> None:
    prepare_folders(paths)
    let_opencode_install_beside(folder)
    before = tree(folder)
    paths.opencode_files.unlink()
    if record is not None:
        paths.opencode_files.write_bytes(record)

    remove_files(paths)

    before.pop(".npmrc")
    assert tree(folder) == before


def test_settings_for_npm_that_were_changed_stay(paths: Paths, folder: Path) -> None:
    prepare_folders(paths)
    (folder / ".npmrc").write_text(f"{SETTINGS}registry=http://127.0.0.1/\n")

    remove_files(paths)

    assert (folder / ".npmrc").exists()


def test_what_is_written_down_once_stays_until_it_is_used(paths: Paths, folder: Path) -> None:
    before = tree(folder)
    prepare_folders(paths)
    let_opencode_install_beside(folder)

    again = prepare_folders(paths)
    remove_files(paths)

    assert (again, tree(folder)) == ([], before)


def test_a_folder_that_came_later_is_written_down_later(
    paths: Paths, folder: Path, home: Path
) -> None:
    prepare_folders(paths)
    own = home / ".opencode"
    write(own, "package.json", "{}")

    said = prepare_folders(paths)
    remove_files(paths)

    assert [str(own / ".npmrc") in one for one in said] == [True]
    assert (tree(own), (folder / ".npmrc").exists()) == ({"package.json": b"{}"}, False)
