"""C7: how long opencode waits for an npm registry, and what keeps that short or tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.doctor import examine, fix_all
from rotator.doctor.check_result import CheckResult, Level
from rotator.doctor.setup import DoctorContext
from rotator.errors import UsageError
from rotator.opencode.bridge.install import install_bridge
from rotator.opencode.bridge.npm_wait import (
    SETTINGS,
    lacks_packages,
    package_folders,
    project_folders,
    shorten_wait,
    wait_seconds,
)
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.live import as_anybody

PACKAGE = "@opencode-ai/plugin"


@pytest.fixture
def paths(home: Path) -> Paths:
    return find_paths(places(home))


@pytest.fixture
def folder(paths: Paths) -> Path:
    paths.opencode_config.mkdir(parents=True)
    return paths.opencode_config


def lock(folder: Path, *names: str, kind: str = "dependencies") -> None:
    (folder / "node_modules").mkdir(exist_ok=True)
    root = {kind: dict.fromkeys(names, "1.0.0")}
    (folder / "package-lock.json").write_text(json.dumps({"packages": {"": root}}))


def wait(folder: Path, paths: Paths, **environ: str) -> float:
    return wait_seconds(folder, paths, environ)


def test_npm_s_own_pauses_are_seventy_seconds(paths: Paths, folder: Path) -> None:
    assert wait(folder, paths) == 70.0


def test_our_settings_make_it_half_a_second(paths: Paths, folder: Path) -> None:
    said = shorten_wait(folder)

    assert said is not None
    assert said.startswith(f"{folder / '.npmrc'} keeps opencode's start short")
    assert (folder / ".npmrc").read_text() == SETTINGS
    assert wait(folder, paths) == 0.5


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ("fetch-retries=0", 0.0),
        ("fetch-retries = 1\n", 10.0),
        ("; fetch-retries=0\nregistry=http://127.0.0.1/", 70.0),
        ("fetch-retries=many", 70.0),
        ("fetch-retries=99\nfetch-retry-factor=1\nfetch-retry-mintimeout=1000", 10.0),
        ("fetch-retry-maxtimeout=2000", 4.0),
    ],
)
@pytest.mark.parametrize("where", ["folder", "home"])
def test_what_the_user_has_set_for_npm_counts(
    paths: Paths, folder: Path, settings: str, seconds: float, where: str
) -> None:
    ((folder if where == "folder" else paths.home) / ".npmrc").write_text(settings)

    assert wait(folder, paths) == seconds


def test_a_variable_comes_before_every_file(paths: Paths, folder: Path) -> None:
    (folder / ".npmrc").write_text("fetch-retries=1")

    assert wait(folder, paths, npm_config_fetch_retries="0") == 0.0
    assert wait(folder, paths, NPM_CONFIG_FETCH_RETRIES="2") == 70.0


@pytest.mark.parametrize("name", ["package.json", "node_modules"])
def test_npm_takes_the_settings_of_the_nearest_package_s_folder(
    paths: Paths, folder: Path, name: str
) -> None:
    (folder / ".npmrc").write_text(SETTINGS)
    above = paths.home / name
    above.mkdir() if name == "node_modules" else above.write_text("{}")
    before = wait(folder, paths)
    (folder / "node_modules").mkdir()

    assert (before, wait(folder, paths)) == (70.0, 0.5)


def test_it_waits_for_nothing_once_the_package_is_there(paths: Paths, folder: Path) -> None:
    lock(folder, PACKAGE)

    assert (lacks_packages(folder), wait(folder, paths)) == (False, 0.0)


@pytest.mark.parametrize(
    "lacking",
    ["nothing else", "its name", "the modules", "one of the user's", "a lock that is one"],
)
def test_it_waits_as_long_as_anything_is_missing(folder: Path, lacking: str) -> None:
    lock(folder, *([] if lacking == "its name" else [PACKAGE]), kind="devDependencies")
    if lacking == "the modules":
        (folder / "node_modules").rmdir()
    if lacking == "one of the user's":
        (folder / "package.json").write_text('{"dependencies": {"zod": "4"}}')
    if lacking == "a lock that is one":
        (folder / "package-lock.json").write_text('{"packages": {"": []}}')

    assert lacks_packages(folder) is (lacking != "nothing else")


def test_it_waits_for_no_folder_that_may_not_be_written(paths: Paths, folder: Path) -> None:
    folder.chmod(0o500)

    with as_anybody():
        seconds = wait(folder, paths)

    assert seconds == 0.0


@pytest.mark.parametrize("content", [b"", b"registry=http://127.0.0.1/\n", b"\xff"])
def test_settings_of_the_user_s_for_npm_stay(folder: Path, content: bytes) -> None:
    (folder / ".npmrc").write_bytes(content)

    said = shorten_wait(folder)

    assert (said, (folder / ".npmrc").read_bytes()) == (None, content)
    assert sorted(path.name for path in folder.iterdir()) == [".npmrc"]


def test_nothing_is_put_where_the_package_is(folder: Path) -> None:
    lock(folder, PACKAGE)

    assert shorten_wait(folder) is None
    assert not (folder / ".npmrc").exists()


def test_a_folder_that_may_not_be_written_is_left_alone(folder: Path) -> None:
    folder.chmod(0o500)

    with as_anybody():
        assert shorten_wait(folder) is None


def test_a_folder_that_cannot_be_made_is_named(paths: Paths) -> None:
    paths.opencode_config.parent.mkdir(mode=0o500)

    with as_anybody(), pytest.raises(UsageError, match="cannot be changed: Permission"):
        shorten_wait(paths.opencode_config)


def test_the_folders_are_those_of_the_user(home: Path, tmp_path: Path) -> None:
    moved = {"OPENCODE_CONFIG_DIR": str(tmp_path)}
    usual = home / ".config" / "opencode"

    plain = package_folders(find_paths(places(home)))
    (home / ".opencode").mkdir()
    installed = package_folders(find_paths(places(home)))
    elsewhere = package_folders(find_paths(places(home) | moved))

    own = home / ".opencode"
    assert (plain, installed, elsewhere) == ((usual,), (usual, own), (tmp_path, usual, own))


def test_those_of_a_project_end_at_the_top_of_its_repository(tmp_path: Path) -> None:
    inner = tmp_path / "top" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "top" / ".git").mkdir()
    for one in (tmp_path, tmp_path / "top", inner):
        (one / ".opencode").mkdir()

    assert list(project_folders(inner)) == [inner / ".opencode", tmp_path / "top" / ".opencode"]


# -- what the doctor says ------------------------------------------------------------------------


def look(home: Path, **more: str) -> DoctorContext:
    environ: Mapping[str, str] = places(home) | more
    return DoctorContext.of(environ, datetime.now(UTC))


def said(setup: DoctorContext) -> list[CheckResult]:
    return [one for one in examine(setup) if "no npm registry" in one.says]


def test_doctor_says_nothing_without_a_plugin(home: Path, folder: Path) -> None:
    assert folder.is_dir()
    assert said(look(home)) == []
    assert fix_all(look(home)).failed == ()
    assert list(folder.iterdir()) == []


def test_doctor_tells_of_the_wait_and_shortens_it(home: Path, paths: Paths, folder: Path) -> None:
    install_bridge(paths)

    (before,) = said(look(home))
    mended = fix_all(look(home))

    assert before.says == (
        "where no npm registry can be reached, opencode waits about 70 s at each start until it "
        f"has reached one once: it wants a package in {folder}"
    )
    assert (before.level, before.mendable) == (Level.NOTE, True)
    assert any("keeps opencode's start short" in one for one in mended.done)
    assert said(look(home)) == []


def test_doctor_tells_what_helps_where_the_user_s_settings_are_in_the_way(
    home: Path, paths: Paths, folder: Path
) -> None:
    install_bridge(paths)
    (folder / ".npmrc").write_text("registry=http://127.0.0.1/\n")

    (told,) = said(look(home))
    mended = fix_all(look(home))

    assert (told.mendable, mended.failed) == (False, ())
    assert "set npm_config_fetch_retries=0 where opencode is started" in str(told.to_do)
    assert said(look(home, npm_config_fetch_retries="0")) == []


def test_doctor_names_a_folder_of_the_project(
    home: Path, paths: Paths, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_bridge(paths)
    lock(folder, PACKAGE)
    (tmp_path / ".opencode").mkdir()
    monkeypatch.chdir(tmp_path)

    (told,) = said(look(home))

    assert (told.says.endswith(f"{tmp_path / '.opencode'}"), told.mendable) == (True, False)
