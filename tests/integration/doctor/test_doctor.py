"""`rotator doctor` on real folders, files and processes: what it sees, and what it mends."""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator import __version__
from rotator.doctor import FixReport, examine, fix_all
from rotator.doctor.check_result import Check, CheckResult, Level, exit_code
from rotator.doctor.programs import version_of
from rotator.doctor.setup import DoctorContext
from rotator.model import SPENT_ELSEWHERE
from rotator.opencode.bridge.install import bridge_file, install_bridge
from rotator.opencode.bridge.npm_files import prepare_folders
from rotator.storage.database import open_database
from rotator.storage.migrations import STORE, set_version
from rotator.system.files import temporary_beside
from rotator.system.locks import watch_lock
from rotator.system.paths import private_folder
from tests.support.descents import seen_refresh
from tests.support.household import PATIENCE, Household
from tests.support.live import NOON, Live, api, as_anybody, oauth, open_live, opencode_running
from tests.support.rotator_process import rotator, watcher


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Return a person with two accounts, whose store somebody has open."""
    with open_live(home) as live:
        for name in ("a", "b"):
            live.sees({"acme": api(name)})
        live.context.back_up_if_due()
        yield live


@pytest.fixture
def setup(live: Live) -> DoctorContext:
    """Return what the doctor looks at, where no opencode is on the PATH."""
    return DoctorContext(
        live.paths, NOON, {"PATH": "/nonexistent", "HOME": str(live.paths.data.parent)}
    )


def said(setup: DoctorContext, check: Check) -> list[CheckResult]:
    # Other tests' opencodes may run at the same time.
    found = [result for result in examine(setup) if not result.says.endswith("of another HOME")]
    return [result for result in found if result.check is check]


def one(setup: DoctorContext, check: Check) -> tuple[Level, str]:
    (result,) = said(setup, check)
    return result.level, result.says


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below `folder` with its mode and its bytes, but for SQLite's own two."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# -- as a whole -------------------------------------------------------------------------------


class NewHousehold(Household):
    """A household whose environment says nothing of our settings either."""

    def env(self) -> dict[str, str]:
        return {name: value for name, value in super().env().items() if name != PATIENCE}


def test_on_a_new_computer_the_doctor_makes_nothing(home: Path) -> None:
    ended = rotator(NewHousehold(home), "doctor")

    assert ended.code == 5
    assert "problem  watcher" in ended.stdout
    assert "there is no store yet" in ended.stdout
    # The folder for temporary files is the test's own.
    assert [path.name for path in home.rglob("*")] == ["tmp"]


def test_a_set_up_in_order_has_no_problem(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    rotator(house, "bridge", "install")

    with watcher(house):
        ended = rotator(house, "doctor", "--json")

    told = ended.json()
    assert (ended.code, told["schema"], told["problems"], told["fixed"]) == (0, 1, 0, [])
    assert {one["check"]: one["level"] for one in told["checks"]}["watcher"] == "ok"
    assert "CANARY" not in ended.stdout
    assert set(told["checks"][0]) == {"check", "level", "says", "to_do", "mendable"}


def test_looking_changes_nothing(setup: DoctorContext, home: Path) -> None:
    setup.paths.store.chmod(0o644)
    setup.paths.data.chmod(0o755)
    before = tree(home)

    examine(setup)

    assert tree(home) == before
    assert (mode(setup.paths.store), mode(setup.paths.data)) == (0o644, 0o755)


def test_looking_leaves_nothing_beside_a_store_that_nobody_has_open(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        setup = DoctorContext(live.paths, NOON, {"PATH": ""})
    before = sorted(home.rglob("*"))

    results = examine(setup)

    assert sorted(home.rglob("*")) == before
    assert {r.level for r in results if r.check is Check.STORE} == {Level.OK}


def test_what_cannot_be_looked_at_is_a_problem_and_hides_nothing_else(setup: DoctorContext) -> None:
    setup.paths.backups.chmod(0)

    with as_anybody():
        results = examine(setup)

    (store,) = (r for r in results if r.check is Check.STORE and r.level is Level.PROBLEM)
    assert "cannot be looked at: Permission denied" in store.says
    assert Check.PROVIDERS in {r.check for r in results}


# -- folders and files ------------------------------------------------------------------------


def test_what_others_may_read_is_narrowed(setup: DoctorContext) -> None:
    paths = setup.paths
    wide = {paths.data: 0o755, paths.store: 0o644, paths.auth_file: 0o644}
    for path, bits in wide.items():
        path.chmod(bits)

    before = [result for result in examine(setup) if result.mendable]
    mended = fix_all(setup)

    assert {result.check for result in before} == {Check.FOLDERS, Check.AUTH_FILE}
    assert all(result.level is Level.PROBLEM for result in before)
    assert [mode(path) for path in wide] == [0o700, 0o600, 0o600]
    assert len(mended.done) == 3
    assert one(setup, Check.FOLDERS)[0] is one(setup, Check.AUTH_FILE)[0] is Level.OK


def test_one_who_may_change_auth_json_is_named_once(setup: DoctorContext) -> None:
    setup.paths.auth_file.chmod(0o666)

    level, says = one(setup, Check.AUTH_FILE)

    assert (level, "others may change auth.json" in says) == (Level.PROBLEM, True)


def test_a_file_in_the_place_of_a_folder_is_named(home: Path) -> None:
    paths = DoctorContext.of({"HOME": str(home)}, NOON).paths
    paths.state.parent.mkdir(parents=True)
    paths.state.touch()

    results = said(DoctorContext(paths, NOON, {}), Check.FOLDERS)

    assert (Level.PROBLEM, f"{paths.state} is a file") in [(r.level, r.says) for r in results]


def test_a_folder_that_is_a_link_to_nothing_is_named(home: Path) -> None:
    setup = DoctorContext.of({"HOME": str(home), "PATH": ""}, NOON)
    setup.paths.state.parent.mkdir(parents=True)
    setup.paths.state.symlink_to(home / "nowhere")

    assert any("is a link to nothing" in result.says for result in said(setup, Check.FOLDERS))


def test_a_folder_of_another_user_is_named(setup: DoctorContext) -> None:
    if os.geteuid() == 0:
        os.chown(setup.paths.state, 12345, -1)
        found = said(setup, Check.FOLDERS)
    else:
        system = replace(setup.paths, state=Path("/usr"))
        found = said(replace(setup, paths=system), Check.FOLDERS)

    assert any("belongs to another user" in result.says for result in found)


def test_an_auth_json_that_is_not_whole_is_a_problem_of_its_own(setup: DoctorContext) -> None:
    setup.paths.auth_file.write_bytes(b'{"acme": {"type"')

    level, says = one(setup, Check.AUTH_FILE)

    assert (level, "auth.json is not whole" in says) == (Level.PROBLEM, True)


def test_a_folder_that_may_not_be_written_is_named(setup: DoctorContext) -> None:
    setup.paths.state.chmod(0o500)

    with as_anybody():
        found = said(setup, Check.FOLDERS)

    assert any("may not be written" in result.says for result in found)
    setup.paths.state.chmod(0o700)


def test_folders_that_are_missing_are_made(home: Path) -> None:
    setup = DoctorContext.of({"HOME": str(home), "PATH": ""}, NOON)

    mended = fix_all(setup)

    assert [mode(setup.paths.data), mode(setup.paths.state)] == [0o700, 0o700]
    assert len(mended.done) == 2
    assert one(setup, Check.FOLDERS)[0] is Level.OK


def test_what_a_crash_left_is_removed_and_what_is_being_written_stays(setup: DoctorContext) -> None:
    paths = setup.paths
    targets = (paths.auth_file, paths.store, paths.backups / "accounts-x", paths.bridge / "a.json")
    private_folder(paths.bridge)
    old = [temporary_beside(target) for target in targets]
    fresh = temporary_beside(paths.bridge / "state.json")
    for path in (*old, fresh):
        path.write_bytes(b"{}")
        path.chmod(0o600)
    for path in old:
        os.utime(path, (time.time() - 3600, time.time() - 3600))

    level, says = one(setup, Check.LEFTOVERS)
    mended = fix_all(setup)

    assert (level, "3 more were left by a crash" in says) == (Level.NOTE, True)
    assert [path for path in (*old, fresh) if path.exists()] == [fresh]
    assert len(mended.done) == 4
    assert said(setup, Check.LEFTOVERS) == []


def test_a_linked_auth_json_is_noted_with_where_it_leads(
    setup: DoctorContext, tmp_path: Path
) -> None:
    real = tmp_path / "auth.json"
    setup.paths.auth_file.rename(real)
    setup.paths.auth_file.symlink_to(real)

    whole, link = said(setup, Check.AUTH_FILE)

    assert (whole.level, link.level) == (Level.OK, Level.NOTE)
    assert str(real) in link.says


def test_logins_from_the_environment_are_a_problem(setup: DoctorContext) -> None:
    setup = replace(setup, environ={**setup.environ, "OPENCODE_AUTH_CONTENT": "{}"})

    found = said(setup, Check.AUTH_FILE)

    assert [result.level for result in found] == [Level.OK, Level.PROBLEM]
    assert exit_code(found) == 6


def test_what_is_no_json_in_place_of_logins_is_told(setup: DoctorContext) -> None:
    setup = replace(setup, environ={**setup.environ, "OPENCODE_AUTH_CONTENT": "/srv/auth.json"})

    found = said(setup, Check.AUTH_FILE)

    assert [result.level for result in found] == [Level.OK, Level.NOTE]
    assert "/srv" not in found[-1].says


# -- the store --------------------------------------------------------------------------------


def spoil(path: Path) -> None:
    """Overwrite the middle of a database."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def test_a_damaged_store_is_left_as_it_is_until_it_is_to_be_mended(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.context.back_up_if_due()
        setup = DoctorContext(live.paths, NOON, {"PATH": ""})
    spoil(setup.paths.store)
    spoiled = setup.paths.store.read_bytes()

    found = said(setup, Check.STORE)
    untouched = setup.paths.store.read_bytes() == spoiled
    mended = fix_all(setup)

    assert ([r.level for r in found], exit_code(found), untouched) == ([Level.PROBLEM], 7, True)
    assert any("rebuilt" in sentence and "lost: " in sentence for sentence in mended.done)
    sound, aside = said(setup, Check.STORE)
    assert (sound.level, aside.level) == (Level.OK, Level.NOTE)
    assert "1 damaged store was set aside" in aside.says


def test_a_store_that_is_gone_beside_its_copies_is_a_problem(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.context.back_up_if_due()
        setup = DoctorContext(live.paths, NOON, {"PATH": ""})
    setup.paths.store.unlink()

    level, says = one(setup, Check.STORE)
    fix_all(setup)

    assert (level, "is gone" in says) == (Level.PROBLEM, True)
    assert said(setup, Check.STORE)[0].level is Level.OK


def test_a_newer_store_is_named_and_left(setup: DoctorContext) -> None:
    with contextlib.closing(sqlite3.connect(setup.paths.store)) as connection:
        set_version(connection, 999)

    level, says = one(setup, Check.STORE)
    mended = fix_all(setup)

    assert (level, "was written by a newer rotator" in says) == (Level.PROBLEM, True)
    assert mended == FixReport()


def test_an_older_store_is_noted_and_not_changed_by_looking(setup: DoctorContext) -> None:
    setup.paths.store.unlink()
    shutil.rmtree(setup.paths.backups)
    open_database(setup.paths.store, STORE[:1], durable=True).close()

    level, says = one(setup, Check.STORE)

    assert (level, "older schema 1" in says) == (Level.NOTE, True)


def test_a_copy_of_the_accounts_that_cannot_be_read_is_a_problem(setup: DoctorContext) -> None:
    (copy,) = setup.paths.backups.iterdir()
    fine = one(setup, Check.BACKUPS)
    copy.write_bytes(b"nothing of the kind")

    level, says = one(setup, Check.BACKUPS)

    assert fine[0] is Level.OK
    assert (level, copy.name in says) == (Level.PROBLEM, True)


def test_accounts_without_a_copy_are_noted(setup: DoctorContext) -> None:
    (copy,) = setup.paths.backups.iterdir()
    copy.unlink()

    assert one(setup, Check.BACKUPS)[0] is Level.NOTE


def test_what_is_unclaimed_or_not_erased_yet_is_told(setup: DoctorContext, live: Live) -> None:
    with live.context.store.transaction():
        live.context.store.keep_unclaimed(b"half a file", "it is not JSON", NOON)
        live.context.store.note_purge()

    assert one(setup, Check.UNCLAIMED) == (Level.PROBLEM, "1 content of auth.json is unclaimed")
    assert "is not erased everywhere yet" in said(setup, Check.BACKUPS)[-1].says


def test_a_clock_that_was_set_back_is_worth_a_note_for_it_may_be_right_now(
    setup: DoctorContext,
) -> None:
    then = replace(setup, now=NOON.replace(year=2025))

    assert one(setup, Check.CLOCK)[0] is Level.OK
    assert one(then, Check.CLOCK)[0] is Level.NOTE


# -- what runs --------------------------------------------------------------------------------


def publish_state(setup: DoctorContext, **changes: object) -> Path:
    """Say what a watcher says of itself."""
    path = private_folder(setup.paths.bridge) / "state.json"
    value = {"schema": 1, "version": __version__, "watcher": {"pid": os.getpid()}}
    path.write_text(json.dumps(value | changes))
    path.chmod(0o600)
    os.utime(path, (setup.now.timestamp(), setup.now.timestamp()))
    return path


def test_a_watcher_of_another_version_is_noted(setup: DoctorContext) -> None:
    with watch_lock(setup.paths.watch_lock):
        publish_state(setup)
        same = one(setup, Check.WATCHER)
        publish_state(setup, version="0.0.9")
        other = one(setup, Check.WATCHER)

    assert same[0] is Level.OK
    assert (other[0], "is of version 0.0.9" in other[1]) == (Level.NOTE, True)


def test_a_watcher_that_has_gone_silent_is_a_problem(setup: DoctorContext) -> None:
    with watch_lock(setup.paths.watch_lock):
        path = publish_state(setup)
        then = setup.now.timestamp() - 600
        os.utime(path, (then, then))
        silent = one(setup, Check.WATCHER)
        path.unlink()
        new = one(setup, Check.WATCHER)

    assert (silent[0], "has said nothing since" in silent[1]) == (Level.PROBLEM, True)
    assert new[0] is Level.NOTE


def test_what_the_watcher_has_to_poll_is_noted(setup: DoctorContext) -> None:
    told = {"schema": 1, "pid": os.getpid(), "polling": ["auth.json"]}
    with watch_lock(setup.paths.watch_lock):
        (setup.paths.state / "watcher.json").write_text(json.dumps(told))
        level, says = one(setup, Check.NOTIFICATIONS)

    assert (level, says.startswith("auth.json is polled")) == (Level.NOTE, True)


def test_a_service_whose_program_is_gone_is_a_problem(setup: DoctorContext, tmp_path: Path) -> None:
    program = tmp_path / "rotator"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder = setup.paths.config.parent / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "other.service").write_text("[Service]\nExecStart=/bin/true 'open\nExecStart=x y\n")
    unit = folder / "rotator.service"
    unit.write_text(f"[Service]\nExecStart=-{program} watch\n")

    there = one(setup, Check.SERVICE)
    program.unlink()
    gone = one(setup, Check.SERVICE)

    assert (there[0], str(unit) in there[1]) == (Level.OK, True)
    assert (gone[0], f"{program}, which is not there" in gone[1]) == (Level.PROBLEM, True)


def test_a_launch_agent_is_a_service_too(setup: DoctorContext) -> None:
    folder = Path(setup.environ["HOME"]) / "Library" / "LaunchAgents"
    folder.mkdir(parents=True)
    (folder / "broken.plist").write_bytes(b"<plist")
    words = {"ProgramArguments": ["/nonexistent/rotator", "watch"]}
    (folder / "rotator.plist").write_bytes(plistlib.dumps(words))

    assert one(setup, Check.SERVICE)[0] is Level.PROBLEM


def test_an_older_bridge_is_replaced_and_a_foreign_file_is_not(setup: DoctorContext) -> None:
    path = bridge_file(setup.paths).path
    install_bridge(setup.paths)
    prepare_folders(setup.paths)
    path.write_text("// opencode-rotator bridge 0.0.9\n")

    older = said(setup, Check.BRIDGE)
    mended = fix_all(setup)
    newest = said(setup, Check.BRIDGE)
    path.write_text("export default {}\n")
    foreign = said(setup, Check.BRIDGE)

    assert [(r.level, r.mendable) for r in older] == [(Level.PROBLEM, True)]
    assert (len(mended.done), newest[0].level) == (1, Level.OK)
    assert [(r.level, r.mendable) for r in foreign] == [(Level.PROBLEM, False)]
    assert fix_all(setup) == FixReport()


def test_a_bridge_that_was_never_installed_stays_away(setup: DoctorContext) -> None:
    mended = fix_all(setup)

    assert one(setup, Check.BRIDGE)[0] is Level.PROBLEM
    assert mended == FixReport()


def test_opencodes_without_the_bridge_or_with_an_older_one_are_named(
    setup: DoctorContext, tmp_path: Path
) -> None:
    install_bridge(setup.paths)
    prepare_folders(setup.paths)
    present = private_folder(private_folder(setup.paths.bridge) / "present")
    told = {"schema": 1, "pid": os.getpid(), "auth_file": str(setup.paths.auth_file)}
    file = present / f"{os.getpid()}.json"
    file.write_text(json.dumps(told | {"bridge": "0.0.9", "opencode": "1.16.2", "kind": "serve"}))

    with opencode_running(setup.paths, tmp_path) as pid:
        found = said(setup, Check.BRIDGE)
        versions = said(setup, Check.OPENCODE)

    file.write_text(json.dumps(told | {"bridge": found[0].says.rpartition(" ")[2]}))
    assert [result.level for result in found] == [Level.OK, Level.NOTE, Level.PROBLEM]
    assert "runs with the bridge 0.0.9" in found[1].says
    assert [result.level for result in said(setup, Check.BRIDGE)] == [Level.OK]
    assert f"(pid {pid}) runs without the bridge" in found[2].says
    assert [result.level for result in versions] == [Level.NOTE, Level.PROBLEM]


# -- programs ---------------------------------------------------------------------------------


def package(folder: Path, name: str, version: str) -> Path:
    """Return an opencode as npm installs it: a link to a program in a package."""
    inside = folder / "node_modules" / name
    (inside / "bin").mkdir(parents=True)
    (inside / "package.json").write_text(json.dumps({"name": name, "version": version}))
    program = inside / "bin" / "opencode.exe"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    links = folder / "links"
    links.mkdir()
    (links / "opencode").symlink_to(program)
    return links


@pytest.mark.parametrize(
    ("name", "version", "level"),
    [
        ("opencode-ai", "1.18.33", Level.OK),
        ("opencode-ai", "1.17.0", Level.OK),
        ("opencode-ai", "1.16.9", Level.PROBLEM),
        ("@opencode/cli", "2.0.20", Level.NOTE),
        ("@opencode/cli", "3.0.0", Level.PROBLEM),
        ("opencode-ai", "next", Level.NOTE),
        ("something-else", "1.18.33", Level.NOTE),
    ],
)
def test_an_opencode_is_known_by_its_package(
    setup: DoctorContext, tmp_path: Path, name: str, version: str, level: Level
) -> None:
    links = package(tmp_path, name, version)

    found = one(replace(setup, environ={"PATH": str(links)}), Check.OPENCODE)

    assert found[0] is level


def test_an_opencode_without_a_package_is_asked_in_a_home_of_its_own(
    tmp_path: Path, home: Path
) -> None:
    program = tmp_path / "opencode"
    program.write_text('#!/bin/sh\ntouch "$HOME/was-here"\necho 1.18.34\n')
    program.chmod(0o755)
    keg = tmp_path / "Cellar" / "opencode" / "1.18.2" / "bin" / "opencode"
    keg.parent.mkdir(parents=True)
    keg.write_text("")

    assert version_of(program) == "1.18.34"
    assert version_of(keg) == "1.18.2"
    assert version_of(tmp_path / "nowhere") is None
    assert not (home / "was-here").exists()


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("opencode.json", '{"provider": {"acme": {"options": {"apiKey": "KEY-CANARY-o"}}}}', 1),
        ("opencode.json", '{"provider": {"acme": {"options": {"baseURL": "http://x"}}}}', 0),
        (
            "canary.jsonc",
            """{ // "}" of a comment
              "provider": { /* one */ "acme": {"options": {"apiKey": "KEY-CANARY-//o", }, }, },
            }""",
            1,
        ),
        (
            "opencode.json",
            '{"provider": {"acme": {"options": {"headers": {"X-Api-Key": "KEY-CANARY-o"}}}}}',
            1,
        ),
    ],
)
def test_a_key_that_opencode_takes_from_elsewhere_is_noted(
    setup: DoctorContext, name: str, text: str, count: int
) -> None:
    file = setup.paths.opencode_config / name.replace("canary.", "opencode.")
    file.parent.mkdir(parents=True)
    file.write_text(text)

    found = said(setup, Check.OPENCODE)[1:]
    file.unlink()

    assert [result.level for result in found] == [Level.NOTE] * count
    assert all("has a key of acme" in r.says and "CANARY" not in f"{r}" for r in found)


@pytest.mark.parametrize("text", ['{"provider": [', "[]", '{"provider": {"acme": 1}} x'])
def test_a_configuration_that_cannot_be_read_may_hold_a_key_and_that_is_said(
    setup: DoctorContext, text: str
) -> None:
    file = setup.paths.opencode_config / "opencode.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)

    (found,) = said(setup, Check.OPENCODE)[1:]

    assert found.level is Level.NOTE
    assert found.says == f"{file} cannot be read: a key in it is not seen"


def test_settings_are_fine_until_one_is_misspelt(setup: DoctorContext) -> None:
    file = setup.paths.config_file
    file.parent.mkdir(parents=True)
    none = one(setup, Check.SETTINGS)
    file.write_text("")
    fine = one(setup, Check.SETTINGS)
    file.write_text("nonsense = 1\n")
    wrong = said(replace(setup, environ={**setup.environ, "ROTATOR_NONSENSE": "1"}), Check.SETTINGS)

    assert (none[0], "is not there" in none[1]) == (Level.OK, True)
    assert (fine[0], str(file) in fine[1]) == (Level.OK, True)
    assert [result.level for result in wrong] == [Level.PROBLEM, Level.PROBLEM]
    assert "nonsense" in wrong[0].says


def test_a_wished_program_that_is_missing_is_worth_a_note(
    setup: DoctorContext, tmp_path: Path
) -> None:
    file, hook = setup.paths.config_file, tmp_path / "hook"
    file.parent.mkdir(parents=True)
    file.write_text(f"[notifications]\ndesktop = true\n[hooks]\ncommand = ['{hook}', 'x']\n")

    missing = said(setup, Check.SETTINGS)
    for program in (hook, tmp_path / "notify-send", tmp_path / "osascript"):
        program.touch(0o755)
    there = said(replace(setup, environ={**setup.environ, "PATH": str(tmp_path)}), Check.SETTINGS)

    assert [result.level for result in missing] == [Level.OK, Level.NOTE, Level.NOTE]
    assert "there is no program" in missing[2].says
    assert [result.level for result in there] == [Level.OK]


def test_a_folder_in_the_place_of_the_settings_is_a_problem(setup: DoctorContext) -> None:
    setup.paths.config_file.mkdir(parents=True)

    assert one(setup, Check.SETTINGS)[0] is Level.PROBLEM


class Crowded(Household):
    """A household in whose Python packages of others announce provider modules."""

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | {"PYTHONPATH": str(self.home / "packages")}


def test_modules_of_others_are_named_and_broken_ones_are_a_problem(home: Path) -> None:
    packages = home / "packages"
    for name, code in (("fine", "PROVIDERS = ()\n"), ("broken", "raise ValueError('oops')\n")):
        (packages / f"{name}_rotator-1.dist-info").mkdir(parents=True)
        (packages / f"{name}_rotator.py").write_text(code)
        information = packages / f"{name}_rotator-1.dist-info"
        (information / "METADATA").write_text(f"Name: {name}_rotator\nVersion: 1\n")
        announced = f"[opencode_rotator.providers]\n{name} = {name}_rotator\n"
        (information / "entry_points.txt").write_text(announced)

    told = rotator(Crowded(home), "doctor", "--json").json()

    found = [(c["level"], c["says"]) for c in told["checks"] if c["check"] == "providers"]
    assert [level for level, _ in found] == ["problem", "note", "note"]
    assert "broken of the package broken_rotator-1 was not loaded: oops" in found[0][1]


def test_what_was_mended_is_printed(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    house.auth_file.chmod(0o640)

    told = rotator(house, "doctor", "--fix").stdout.splitlines()

    assert f"fixed: {house.auth_file} is private now" in told
    assert told[-1].startswith("2 problems, ")
    assert mode(house.auth_file) == 0o600


def test_what_cannot_be_mended_is_told_and_keeps_nothing_else_from_it(setup: DoctorContext) -> None:
    install_bridge(setup.paths)
    bridge = bridge_file(setup.paths).path
    bridge.write_text("// opencode-rotator bridge 0.0.9\n")
    bridge.parent.chmod(0o500)
    setup.paths.auth_file.chmod(0o644)

    with as_anybody():
        mended = fix_all(setup)
    bridge.parent.chmod(0o700)

    assert [f"{bridge} cannot be changed" in sentence for sentence in mended.failed] == [True]
    assert mode(setup.paths.auth_file) == 0o600


# -- logins that somebody else has refreshed --------------------------------------------------


@pytest.mark.parametrize("minutes", [1, 3])
def test_a_login_whose_token_somebody_else_has_exchanged_is_a_problem(
    live: Live, setup: DoctorContext, minutes: int
) -> None:
    """Not while what came for it may be about to be saved."""
    live.sees({"acme": api("a"), "named": oauth("ada")})
    seen_refresh(live, oauth("ada"), oauth("ada", 2))
    live.look()

    found = said(replace(setup, now=NOON + timedelta(minutes=minutes)), Check.ACCOUNTS)

    says = f"named/ada-acme.example needs a new login: {SPENT_ELSEWHERE}"
    assert (says in [one.says for one in found]) is (minutes > 1)
    assert all("CANARY" not in one.says for one in found)
