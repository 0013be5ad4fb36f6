"""The bridge's file in opencode's plugin folder: put in, replaced, taken out, and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rotator.errors import UsageError
from rotator.opencode.bridge.install import (
    bridge_file,
    bridge_source,
    install_bridge,
    uninstall_bridge,
    version_in,
)
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.live import as_anybody, full_disk

OLDER = b"// opencode-rotator bridge 0.0.1\nexport const Rotator = async () => ({})\n"
FOREIGN = b"export const Mine = async () => ({})\n"


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


@pytest.fixture
def file(paths: Paths) -> Path:
    return paths.opencode_config / "plugin" / "rotator.js"


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)


def tree(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_the_bridge_names_its_version_in_its_first_line() -> None:
    assert version_in(bridge_source()) is not None


def test_the_bridge_is_put_where_opencode_looks_for_plugins(paths: Paths, file: Path) -> None:
    found, said = install_bridge(paths)

    assert (found.path, found.current) == (file, True)
    assert file.read_bytes() == bridge_source()
    needs = "opencodes that run now need a restart, but an OpenCode 2 does not"
    assert said == f"{file} was written; {needs}"


def test_the_file_and_the_folders_on_the_way_are_the_user_s_alone(paths: Paths, file: Path) -> None:
    before = os.umask(0)
    try:
        install_bridge(paths)
    finally:
        os.umask(before)

    modes = [stat.S_IMODE(one.stat().st_mode) for one in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_dry_run_only_says_what_it_would_do(paths: Paths, file: Path, home: Path) -> None:
    found, said = install_bridge(paths, dry_run=True)

    assert (tree(home), found.exists) == ([], False)
    assert said == f"{file} would be written"


def test_an_older_bridge_is_replaced(paths: Paths, file: Path) -> None:
    write(file, OLDER)

    found, said = install_bridge(paths)

    assert (found.version, file.read_bytes()) == (version_in(bridge_source()), bridge_source())
    assert said.startswith(f"{file} was replaced")


def test_an_older_bridge_is_told_from_the_current_one(paths: Paths, file: Path) -> None:
    write(file, OLDER)

    found = bridge_file(paths)

    assert (found.version, found.current) == ("0.0.1", False)


def test_a_dry_run_replaces_nothing(paths: Paths, file: Path) -> None:
    write(file, OLDER)

    _, said = install_bridge(paths, dry_run=True)

    assert (file.read_bytes(), said) == (OLDER, f"{file} would be replaced")


def test_installing_again_writes_nothing(paths: Paths, file: Path) -> None:
    install_bridge(paths)
    facts = file.stat()

    _, said = install_bridge(paths)

    assert (file.stat().st_ino, said) == (facts.st_ino, f"{file} is in place already")


@pytest.mark.parametrize("remove", [False, True], ids=["install", "uninstall"])
@pytest.mark.parametrize("dry_run", [False, True], ids=["really", "dry"])
def test_a_foreign_file_is_never_touched(
    paths: Paths, file: Path, *, remove: bool, dry_run: bool
) -> None:
    write(file, FOREIGN)

    with pytest.raises(UsageError, match="is not a file of ours") as caught:
        (uninstall_bridge if remove else install_bridge)(paths, dry_run=dry_run)

    assert (file.read_bytes(), caught.value.exit_code) == (FOREIGN, 2)


def make_folder(file: Path) -> None:
    file.mkdir(parents=True)


def make_dangling_link(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.symlink_to(file.with_name("not-there.js"))


def make_pipe(file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)


@pytest.mark.parametrize("make", [make_folder, make_dangling_link, make_pipe])
def test_whatever_else_stands_there_is_foreign(paths: Paths, file: Path, make: object) -> None:
    assert callable(make)
    make(file)
    before = file.lstat()

    for change in (install_bridge, uninstall_bridge):
        with pytest.raises(UsageError, match="is not a file of ours"):
            change(paths)

    assert file.lstat().st_ino == before.st_ino


def test_other_plugins_beside_it_stay(paths: Paths, file: Path) -> None:
    write(file.with_name("other.js"), FOREIGN)
    install_bridge(paths)

    uninstall_bridge(paths)

    assert [one.name for one in file.parent.iterdir()] == ["other.js"]


def test_uninstalling_leaves_no_trace(paths: Paths, home: Path) -> None:
    paths.opencode_config.parent.mkdir(parents=True)
    before = tree(home)
    install_bridge(paths)

    found, said = uninstall_bridge(paths)

    assert (tree(home), found.exists) == (before, False)
    assert said == f"{found.path} was removed"


def test_opencode_s_own_configuration_is_left(paths: Paths) -> None:
    paths.opencode_config.mkdir(parents=True)
    settings = paths.opencode_config / "opencode.json"
    settings.write_text("{}")
    install_bridge(paths)

    uninstall_bridge(paths)

    assert list(paths.opencode_config.iterdir()) == [settings]


def test_a_dry_run_removes_nothing(paths: Paths, file: Path) -> None:
    install_bridge(paths)

    _, said = uninstall_bridge(paths, dry_run=True)

    assert (file.exists(), said) == (True, f"{file} would be removed")


def test_there_may_be_nothing_to_uninstall(paths: Paths, file: Path, home: Path) -> None:
    _, said = uninstall_bridge(paths)

    assert (tree(home), said) == ([], f"{file} is not there")


def test_opencode_s_configuration_may_lie_elsewhere(home: Path, tmp_path: Path) -> None:
    paths = find_paths(places(home) | {"OPENCODE_CONFIG_DIR": str(tmp_path / "conf")})

    install_bridge(paths)

    assert (tmp_path / "conf" / "plugin" / "rotator.js").exists()
    assert tree(home) == []


def test_a_folder_without_rights_is_named(paths: Paths) -> None:
    paths.opencode_config.mkdir(parents=True)
    paths.opencode_config.chmod(0o500)

    with as_anybody(), pytest.raises(UsageError, match="cannot be changed: Permission") as caught:
        install_bridge(paths)

    assert caught.value.hint == "check the rights of its folder"


def test_a_full_disk_leaves_the_older_bridge_in_place(paths: Paths, file: Path) -> None:
    write(file, OLDER)

    with full_disk(), pytest.raises(UsageError, match="cannot be changed"):
        install_bridge(paths)

    assert [(one.name, one.read_bytes()) for one in file.parent.iterdir()] == [
        ("rotator.js", OLDER)
    ]


def test_a_bridge_that_may_not_be_removed_is_named(paths: Paths, file: Path) -> None:
    install_bridge(paths)
    file.parent.chmod(0o500)

    with as_anybody(), pytest.raises(UsageError, match="cannot be changed: Permission"):
        uninstall_bridge(paths)

    assert file.exists()
