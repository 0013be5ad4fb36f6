"""Folders that are removed or renamed under a running watcher (field case I3)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rotator.model import EventKind
from rotator.secret import digest_of
from rotator.system.locks import WatchLock, watch_lock, watcher_pid
from tests.integration.watcher.test_daemon import World
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.rotator_process import PROGRAM, Watching, rotator, watcher
from tests.support.waiting import wait_until

A, B, C = "KEY-CANARY-A", "KEY-CANARY-B", "KEY-CANARY-C"
SECONDS = 15.0


def remove(folder: Path) -> None:
    """Take a folder away in one step: a watcher is quick to make it again."""
    gone = Path.home() / f"gone {folder.name}"
    folder.rename(gone)
    shutil.rmtree(gone)


def put_file(folder: Path) -> None:
    """Put a file where a folder is, however quickly somebody makes that folder again."""
    for number in range(100):
        folder.rename(Path.home() / f"moved {folder.name} {number}")
        try:
            folder.touch(exist_ok=False)
        except FileExistsError:
            continue
        return
    pytest.fail(f"{folder} was made again each time")


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """Return a watcher over a HOME with two logins, A live."""
    assert home.exists()
    with ExitStack() as stack:
        world = World(stack)
        world.log_in(B)
        world.log_in(A)
        yield world


@pytest.mark.parametrize("part", ["", "inbox"])
def test_the_bridge_s_folders_are_made_again_and_signals_get_verdicts(
    world: World, part: str
) -> None:
    remove(world.paths.bridge / part)
    wait_until((world.paths.bridge / part / "state.json").parent.is_dir, SECONDS, "the folder")
    wait_until((world.paths.bridge / "state.json").exists, SECONDS, "state.json")

    verdict = world.verdict(world.signal(1, A))

    assert (verdict["verdict"], verdict["credential"]) == ("retry", digest_of(B))
    assert "was removed" in world.wait_for_event(EventKind.PROBLEM).why


def test_a_verdict_makes_its_folder_again(world: World) -> None:
    remove(world.paths.bridge / "outbox")

    assert world.verdict(world.signal(1, A))["verdict"] == "retry"


def test_a_file_in_place_of_the_bridge_s_folder_is_told_and_the_logins_are_watched(
    world: World,
) -> None:
    put_file(world.paths.bridge)
    world.log_in(C)
    world.paths.bridge.unlink()
    wait_until((world.paths.bridge / "state.json").exists, SECONDS, "state.json")

    assert world.verdict(world.signal(1, C))["verdict"] == "retry"


def test_a_removed_store_is_made_again_and_has_the_live_login(world: World) -> None:
    remove(world.paths.data)

    world.log_in(C)

    assert world.paths.store.exists()
    assert world.active() == digest_of(C)


def test_removed_settings_and_a_removed_folder_of_opencode_s_keep_nobody_from_watching(
    world: World,
) -> None:
    shutil.rmtree(world.paths.config, ignore_errors=True)
    remove(world.paths.auth_file.parent)
    world.paths.auth_file.parent.mkdir()

    world.log_in(C)

    assert world.active() == digest_of(C)


# -- the folder with the lock -----------------------------------------------------------------


@pytest.mark.parametrize("way", ["removed", "renamed"])
def test_the_lock_is_taken_anew_where_its_folder_went(tmp_path: Path, way: str) -> None:
    path = tmp_path / "state" / "watch.lock"
    with watch_lock(path) as lock:
        before = lock.keep()
        if way == "removed":
            shutil.rmtree(path.parent)
        else:
            path.parent.rename(tmp_path / "moved")
        after = lock.keep()

        assert (before, after, path.exists()) == (True, True, True)
        assert watcher_pid(path) is not None


def test_who_comes_second_to_a_removed_lock_leaves(tmp_path: Path) -> None:
    path = tmp_path / "state" / "watch.lock"
    with watch_lock(path) as first:
        shutil.rmtree(path.parent)
        second = WatchLock(path)

        assert (first.keep(), second.keep()) == (False, True)
        second.release()


@pytest.fixture
def watching(home: Path) -> Iterator[tuple[Household, Watching]]:
    """Return a HOME with a watcher, a process of its own."""
    house = Household(home)
    house.write_auth({})
    with watcher(house) as process:
        yield house, process


def test_of_two_watchers_after_the_state_folder_was_removed_one_goes_on(home: Path) -> None:
    house = Household(home)
    house.write_auth({})
    command, env = [*PROGRAM, "watch"], house.env()
    with child(command, env=env, cwd=home) as first:
        heard = Lines(first)
        heard.wait_for("watching ", SECONDS)
        remove(house.state_dir)
        # At once, before the first has looked: it may win or be told that there is one already.
        with child(command, env=env, cwd=home) as second:
            lines = Lines(second)
            wait_until(
                lambda: first.poll() is not None or second.poll() is not None, 60, "one to leave"
            )
            ended, going = (first, second) if first.poll() is not None else (second, first)
            (heard if ended is first else lines).join()
            said = "\n".join(_rest(heard if ended is first else lines))

            assert "Traceback" not in said
            assert f"pid {going.pid}" in said
            told = house.state_dir / "bridge" / "state.json"
            wait_until(lambda: _pid(told) == going.pid, SECONDS, "the state of the one that stays")
            assert going.poll() is None


def _rest(lines: Lines) -> list[str]:
    """Return everything that a process has said."""
    with pytest.raises(TimeoutError) as caught:
        lines.wait_for("\0", 0.5)
    return [str(caught.value)]


def _pid(told: Path) -> int | None:
    try:
        return int(json.loads(told.read_bytes())["watcher"]["pid"])
    except (OSError, ValueError):
        return None


def test_a_removed_state_folder_is_made_again_with_lock_and_log(
    watching: tuple[Household, Watching],
) -> None:
    house, process = watching
    remove(house.state_dir)
    told = house.state_dir / "bridge" / "state.json"
    wait_until(lambda: _pid(told) == process.pid, SECONDS, "state.json")
    wait_until((house.state_dir / "rotator.log").exists, SECONDS, "the log")

    second = rotator(house, "watch")

    assert second.code == 5
    assert f"(pid {process.pid})" in second.stderr
    assert "Traceback" not in (house.state_dir / "rotator.log").read_text()


def test_a_state_folder_that_cannot_be_made_again_ends_the_watcher_with_a_sentence(
    home: Path,
) -> None:
    house = Household(home)
    house.write_auth({})
    with child([*PROGRAM, "watch"], env=house.env(), cwd=home) as process:
        lines = Lines(process)
        lines.wait_for("watching ", SECONDS)
        put_file(house.state_dir)
        wait_until(lambda: process.poll() is not None, SECONDS, "its end")
        lines.join()
        said = "\n".join(_rest(lines))

    assert process.returncode not in {0, None}
    assert f"{house.state_dir} cannot be used" in said
    assert "Traceback" not in said
