"""The settings that hold: taken up when the file changes, kept when it breaks, read once."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.model.preferences import Preferences, Strategy
from rotator.settings.active import SettingsLookup, active_settings
from rotator.settings.edit import set_value
from rotator.settings.follow import SettingsFile, Signature, signature
from rotator.system.paths import Paths, find_paths
from tests.support.config_files import FILES, write_config
from tests.support.waiting import wait_until
from tests.support.without_rights import without_rights

DRAIN = "failover.strategy = 'drain'\n"
ORDERED = "failover.strategy = 'ordered'\n"
BROKEN = "failover.strategy = 'drani'\n"
SECONDS = 10.0


@pytest.fixture
def paths(home: Path) -> Paths:
    del home
    return find_paths()


def strategy(paths: Paths, **environ: str) -> Strategy:
    return active_settings(paths, environ).preferences.failover.strategy


# -- at one look ---------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold_and_nothing_is_written(paths: Paths) -> None:
    now = active_settings(paths, {})

    assert (now.preferences, now.problem) == (Preferences(), None)
    assert not paths.state.exists()


@pytest.mark.parametrize("name", FILES)
def test_what_is_remembered_is_what_was_read(paths: Paths, name: str) -> None:
    write_config(paths.config_file, FILES[name])

    closely, remembered = SettingsLookup(paths, {}), SettingsLookup(paths, {})
    first = closely.answer()

    assert (SettingsLookup(paths, {}).is_known, first.problem) == (True, None)
    assert SettingsLookup(paths, {}).answer() == first
    assert remembered.text == (FILES[name])


def test_a_broken_file_leaves_the_last_good_settings_in_force(paths: Paths) -> None:
    write_config(paths.config_file, DRAIN)
    active_settings(paths, {})
    write_config(paths.config_file, BROKEN)

    now = active_settings(paths, {})

    assert (now.preferences.failover.strategy, now.is_kept) == (Strategy.DRAIN, True)
    assert now.problem == (
        "config.toml: failover.strategy: must be one of sticky, ordered, headroom, drain, not"
        " 'drani' (line 1, column 21)"
    )
    assert active_settings(paths, {}) == now


def test_the_last_good_ones_are_those_of_the_last_good_file(paths: Paths) -> None:
    for text in (DRAIN, BROKEN, ORDERED):
        write_config(paths.config_file, text)
        active_settings(paths, {})
    write_config(paths.config_file, BROKEN)

    now = active_settings(paths, {})

    assert (now.preferences.failover.strategy, now.is_kept) == (Strategy.ORDERED, True)


def test_a_file_that_was_never_good_leaves_the_defaults(paths: Paths) -> None:
    write_config(paths.config_file, BROKEN)

    now = active_settings(paths, {})

    assert (now.preferences, now.is_kept) == (Preferences(), True)


def test_a_variable_holds_above_the_file_even_if_that_is_broken(paths: Paths) -> None:
    variable = {"ROTATOR_FAILOVER__STRATEGY": "headroom"}
    write_config(paths.config_file, DRAIN)

    assert (strategy(paths, **variable), strategy(paths)) == (Strategy.HEADROOM, Strategy.DRAIN)

    write_config(paths.config_file, BROKEN)

    assert (strategy(paths, **variable), strategy(paths)) == (Strategy.HEADROOM, Strategy.DRAIN)


def test_a_variable_that_is_wrong_leaves_the_file_in_force(paths: Paths) -> None:
    write_config(paths.config_file, DRAIN)

    now = active_settings(paths, {"ROTATOR_FAILOVR__STRATEGY": "ordered"})

    assert now.preferences.failover.strategy is Strategy.DRAIN
    assert now.problem == (
        "ROTATOR_FAILOVR__STRATEGY: no setting has this variable; did you mean"
        " ROTATOR_FAILOVER__STRATEGY?"
    )


def test_what_is_remembered_is_private(paths: Paths) -> None:
    write_config(paths.config_file, DRAIN)
    active_settings(paths, {})

    modes = [stat.S_IMODE(one.stat().st_mode) for one in (paths.state, paths.settings_cache)]

    assert modes == [0o700, 0o600]


MEMORIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "too deep": b"[" * 100_000,
    "another schema": b'{"schema": 2, "good": {"failover": {"strategy": "headroom"}}}',
    "another shape": b'{"schema": 1, "good": {"failover": 3}, "verdicts": 3}',
    "verdicts of another shape": b'{"schema": 1, "verdicts": {"x": {"y": 1}}}',
}


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_damaged_memory_costs_a_closer_look_and_nothing_else(paths: Paths, memory: str) -> None:
    paths.state.mkdir(parents=True)
    paths.settings_cache.write_bytes(MEMORIES[memory])
    write_config(paths.config_file, DRAIN)

    assert strategy(paths) is Strategy.DRAIN
    assert json.loads(paths.settings_cache.read_bytes())["good"] == {
        "failover": {"strategy": "drain"}
    }


def test_a_verdict_of_another_shape_is_none(paths: Paths) -> None:
    write_config(paths.config_file, DRAIN)
    active_settings(paths, {})
    memory = json.loads(paths.settings_cache.read_bytes())
    for one in memory["verdicts"].values():
        one["of_file"] = {"failover": {"strategy": "no such thing"}}
    paths.settings_cache.write_text(json.dumps(memory))

    assert strategy(paths) is Strategy.DRAIN


def test_few_verdicts_are_kept(paths: Paths) -> None:
    for number in range(9):
        write_config(paths.config_file, f"failover.min_swap_seconds = {number}\n")
        active_settings(paths, {})

    memory = json.loads(paths.settings_cache.read_bytes())

    assert len(memory["verdicts"]) == 4
    assert memory["good"] == {"failover": {"min_swap_seconds": 8}}


# -- whose wish it is ----------------------------------------------------------------------------

USER, OTHER = 54321, 65432
HOOK = "hooks.command = ['/bin/true']\n"


@pytest.fixture
def user_s(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """Let a test be a user who is not root, and yield where that one's files are."""
    if os.geteuid() != 0:
        pytest.fail("only root can give files to others", pytrace=False)
    # The folders above the home may be root's alone: it begins inside.
    monkeypatch.chdir(home)
    home.chmod(0o755)
    os.seteuid(USER)
    try:
        yield find_paths({"HOME": "/proc/self/cwd"})
    finally:
        os.seteuid(0)


def written_by(owner: int, paths: Paths, text: str) -> None:
    before = os.geteuid()
    os.seteuid(0)
    write_config(paths.config_file, text)
    for place in (*reversed(paths.config_file.parents[:2]), paths.config_file):
        os.chown(place, owner, owner)
        place.chmod(0o755)
    os.seteuid(before)


def hook(paths: Paths, **environ: str) -> tuple[str, ...]:
    return active_settings(paths, environ).preferences.hook_command


def test_root_runs_no_program_that_a_user_s_file_names(paths: Paths) -> None:
    written_by(USER, paths, HOOK + DRAIN)

    for _ in range(2):
        now = active_settings(paths, {})

        assert now.not_run == (
            f"hooks.command is not run: {paths.config_file} belongs to another user (uid {USER});"
            " a rotator watch of that user runs it"
        )
        assert now.preferences.hook_command == ()
        assert now.preferences.failover.strategy is Strategy.DRAIN


def test_root_runs_its_own(paths: Paths) -> None:
    written_by(0, paths, HOOK)

    now = active_settings(paths, {})

    assert (now.preferences.hook_command, now.not_run) == (("/bin/true",), None)


@pytest.mark.parametrize("owner", [USER, 0, OTHER])
def test_a_user_runs_their_own_and_root_s(user_s: Paths, owner: int) -> None:
    written_by(owner, user_s, HOOK)

    now = active_settings(user_s, {})

    assert bool(now.preferences.hook_command) is (owner != OTHER)
    assert (now.not_run is not None) is (owner == OTHER)


def test_what_a_user_may_have_remembered_for_root_is_not_run(paths: Paths) -> None:
    written_by(0, paths, HOOK)
    assert hook(paths)
    os.chown(paths.settings_cache, USER, USER)

    assert hook(paths) == ()
    assert str(paths.settings_cache) in str(active_settings(paths, {}).not_run)
    assert hook(paths, ROTATOR_HOOKS__COMMAND='["/bin/false"]') == ()


def test_what_a_user_may_have_remembered_is_not_root_s_once_root_remembers_more(
    paths: Paths,
) -> None:
    written_by(0, paths, DRAIN)
    assert hook(paths) == ()
    remembered = json.loads(paths.settings_cache.read_text())
    for values in (remembered["good"], *(v["of_file"] for v in remembered["verdicts"].values())):
        values["hooks"] = {"command": ["/bin/true"]}
    paths.settings_cache.write_text(json.dumps(remembered))
    os.chown(paths.settings_cache, USER, USER)
    assert active_settings(paths, {}).not_run is not None
    written_by(0, paths, ORDERED)
    assert strategy(paths) is Strategy.ORDERED
    os.chown(paths.settings_cache, 0, 0)

    for text in (DRAIN, BROKEN):
        written_by(0, paths, text)

        assert hook(paths) == ()


def test_a_variable_of_root_s_is_run(paths: Paths) -> None:
    assert hook(paths, ROTATOR_HOOKS__COMMAND='["/bin/false"]') == ("/bin/false",)


def test_the_last_good_program_of_a_user_s_is_not_run_once_root_s_file_breaks(
    paths: Paths,
) -> None:
    written_by(USER, paths, HOOK + DRAIN)
    assert hook(paths) == ()
    os.chown(paths.settings_cache, 0, 0)
    written_by(0, paths, BROKEN)

    now = active_settings(paths, {})

    assert (now.is_kept, now.preferences.failover.strategy) == (True, Strategy.DRAIN)
    assert now.preferences.hook_command == ()


def test_a_watcher_that_follows_the_file_runs_it_no_longer_once_it_is_a_user_s(
    paths: Paths,
) -> None:
    written_by(0, paths, HOOK)
    settings = SettingsFile(paths, environ={})
    before = settings.look()
    written_by(USER, paths, HOOK)

    now = settings.look()

    assert (before.preferences.hook_command, now.preferences.hook_command) == (("/bin/true",), ())
    assert now.not_run is not None


# -- hostile files -------------------------------------------------------------------------------


def a_folder(file: Path) -> None:
    file.mkdir(parents=True)


def a_pipe(file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)


def a_circle(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.symlink_to(file)


def a_device(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.symlink_to("/dev/zero")


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda file: write_config(file, content)


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a folder": (a_folder, "it is not a regular file"),
    "a pipe": (a_pipe, "it is not a regular file"),
    "a device without an end": (a_device, "it is not a regular file"),
    "a link in a circle": (a_circle, "it cannot be read: Too many levels of symbolic links"),
    "binary": (holding(bytes(range(256)) * 40), "line 2: it is no text in UTF-8"),
    "a byte order mark": (holding(b"\xef\xbb\xbfa = 1"), "it begins with a byte order mark"),
    "UTF-16": (holding("a = 1".encode("utf-16")), "line 1: it is no text in UTF-8"),
    "NUL": (holding(b"a = 1\0\n"), r"line 1, column 6: expected newline or end of document"),
    "NULs alone": (holding(bytes(4096)), "line 1, column 1: invalid statement"),
    "huge": (holding(b"#" * 5_000_000), "it is larger than 1024 KiB"),
    "a long line": (holding(b"a = '" + b"x" * 900_000 + b"'"), "a: there is no such setting"),
    "deep lists": (holding(b"a = " + b"[" * 50_000), "it is nested too deeply"),
    "deep tables": (holding(b"a = " + b"{a = " * 50_000), "it is nested too deeply"),
    "deep keys": (holding(b"a." * 400 + b"a = 1"), "it is nested too deeply"),
    "many keys": (holding(b"".join(b"k%d = 1\n" % n for n in range(9000))), "k0: there is no"),
    "old line ends": (holding(b"a = 1\rb = 2\r"), "line 1, column 6: expected newline"),
    "an escape sequence": (holding(b'"\x1b[31m" = 1'), "illegal character"),
    "an escape sequence as a key": (holding(rb'"\u001b[31m" = 1'), "[31m: there is no such"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_stands_in_its_place_gives_one_sentence(paths: Paths, what: str) -> None:
    put, said = HOSTILE[what]
    put(paths.config_file)

    now = active_settings(paths, {})

    assert now.preferences == Preferences()
    assert now.problem is not None
    assert now.problem.startswith("config.toml: ")
    assert said in now.problem
    assert (now.problem.isprintable(), len(now.problem) < 400) == (True, True)


def test_a_file_that_may_not_be_read_is_named(paths: Paths) -> None:
    write_config(paths.config_file, DRAIN)
    paths.config_file.chmod(0)
    show = (
        "from rotator.settings.active import *; from rotator.system.paths import find_paths\n"
        "print(active_settings(find_paths()).problem)"
    )

    ended = subprocess.run(
        without_rights(sys.executable, "-c", show),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout == "config.toml: it cannot be read: Permission denied\n"


# -- taking up changes ---------------------------------------------------------------------------


def test_a_change_is_taken_up_at_the_next_look(paths: Paths) -> None:
    settings = SettingsFile(paths, environ={})
    seen = []

    for text in (DRAIN, ORDERED, BROKEN, DRAIN):
        write_config(paths.config_file, text)
        now = settings.look()
        seen.append((now.preferences.failover.strategy.value, now.is_kept))
    paths.config_file.unlink()

    assert seen == [("drain", False), ("ordered", False), ("ordered", True), ("drain", False)]
    assert settings.look().preferences == settings.preferences == Preferences()


def never_changing(age_seconds: float) -> Callable[[Path], Signature]:
    """Return what a file seems to be whose clock has stood still since then."""
    at_ns = time.time_ns() - int(age_seconds * 1e9)
    return lambda _: (1, 1, 1, at_ns, at_ns)


@pytest.mark.parametrize(
    ("age_seconds", "found"),
    [
        # Another change may fall into the tick of the clock in which it was written.
        pytest.param(0, Strategy.ORDERED, id="a young file is read at every look"),
        pytest.param(60, Strategy.DRAIN, id="an old one is read when it seems another one"),
    ],
)
def test_a_file_that_seems_the_same_is_read_only_while_it_is_young(
    paths: Paths, age_seconds: float, found: Strategy
) -> None:
    settings = SettingsFile(paths, environ={}, look_at=never_changing(age_seconds))
    write_config(paths.config_file, DRAIN)
    settings.look()
    write_config(paths.config_file, ORDERED)

    assert settings.look().preferences.failover.strategy is found


def test_what_the_process_knows_holds_where_nothing_can_be_remembered(paths: Paths) -> None:
    paths.state.parent.mkdir(parents=True, exist_ok=True)
    paths.state.write_text("no folder")
    settings = SettingsFile(paths, environ={})
    write_config(paths.config_file, DRAIN)
    settings.look()
    write_config(paths.config_file, BROKEN)

    now = settings.look()

    assert (now.preferences.failover.strategy, now.is_kept) == (Strategy.DRAIN, True)


def test_close_reading_makes_nobody_wait(paths: Paths) -> None:
    told = threading.Event()
    settings = SettingsFile(paths, environ={}, later=told.set)
    first = settings.look()
    write_config(paths.config_file, DRAIN)

    at_once = settings.look()

    assert (first.preferences, at_once) == (Preferences(), first)
    assert told.wait(SECONDS)
    assert settings.look().preferences.failover.strategy is Strategy.DRAIN
    settings.close()


@pytest.mark.parametrize(
    "half",
    [
        pytest.param("", id="nothing of it yet"),
        pytest.param(DRAIN, id="half of it"),
        pytest.param(None, id="moved away first"),
    ],
)
def test_a_file_that_is_being_written_is_waited_for(paths: Paths, half: str | None) -> None:
    write_config(paths.config_file, ORDERED)
    told, written = threading.Event(), threading.Event()
    looks: list[str] = []

    def look_at(file: Path) -> Signature | None:
        looks.append(threading.current_thread().name)
        # The second look of the thread finds the file as it is in the end, however slow we are.
        if looks.count("settings") > 1:
            written.wait(SECONDS)
        return signature(file)

    settings = SettingsFile(paths, environ={}, later=told.set, look_at=look_at)
    settings.look()

    if half is None:
        paths.config_file.unlink()
    else:
        write_config(paths.config_file, half)
    seen = [settings.look().preferences]
    write_config(paths.config_file, f"{DRAIN}dashboard.key = 'none'\n")
    written.set()
    assert told.wait(SECONDS)
    seen.append(settings.look().preferences)

    assert [(one.failover.strategy.value, one.dashboard_key) for one in seen] == [
        ("ordered", "ctrl+b"),
        ("drain", "none"),
    ]
    settings.close()


def test_an_emptied_file_is_not_the_last_good_one(paths: Paths) -> None:
    for text in (DRAIN, "# nothing yet\n"):
        write_config(paths.config_file, text)
        active_settings(paths, {})
    write_config(paths.config_file, BROKEN)

    assert strategy(paths) is Strategy.DRAIN


def test_where_the_answer_is_known_there_is_no_thread(paths: Paths) -> None:
    settings = SettingsFile(paths, environ={}, later=lambda: pytest.fail("a thread was used"))
    settings.look()

    set_value(paths, "failover.strategy", "drain")

    assert settings.look().preferences.failover.strategy is Strategy.DRAIN


def test_a_change_during_close_reading_is_taken_up_after_it(paths: Paths) -> None:
    told = threading.Semaphore(0)
    settings = SettingsFile(paths, environ={}, later=told.release)
    settings.look()
    write_config(paths.config_file, DRAIN)
    settings.look()
    write_config(paths.config_file, ORDERED)

    wait_until(
        lambda: settings.look().preferences.failover.strategy is Strategy.ORDERED,
        SECONDS,
        "the second change",
    )

    settings.close()
