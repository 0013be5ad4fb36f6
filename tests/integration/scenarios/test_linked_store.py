"""A store or a history that is a link stays one, and nothing removed stays behind it (C, I2)."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.model import Event, EventKind
from rotator.storage.history import History
from rotator.system.paths import Paths, find_paths
from tests.integration.storage.test_repair import SAVED, A, furnish, opened, told, zero_page_of
from tests.integration.storage.test_soundness import change
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import NOON
from tests.support.rotator_process import rotator

REMOVED = b"KEY-CANARY-a"


@pytest.fixture
def paths(home: Path) -> Paths:
    """Make a store with four accounts, and a copy of it; nobody has it open."""
    furnish(home)
    return find_paths(places(home))


def linked(
    path: Path, home: Path, name: str = "canary store.db", *, relative: bool = False
) -> Path:
    """Move a file into a folder of the user's, with a link in its place; return where it is."""
    folder = home / "Sync"
    folder.mkdir()
    end = path.rename(folder / name)
    path.symlink_to(os.path.relpath(end, path.parent) if relative else end)
    return end


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a key": lambda path: change(path, REMOVED, b"KEY-CANARY-c"),
    "a page": lambda path: zero_page_of(path, "account"),
    "cut": lambda path: os.truncate(path, 100),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_store_behind_a_link_is_rebuilt_there_and_the_link_stays(
    home: Path, paths: Paths, damage: Callable[[Path], object], *, relative: bool
) -> None:
    end = linked(paths.store, home, relative=relative)
    damage(end)
    is_there = end.exists()

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        notice = told(live)

    assert paths.store.is_symlink()
    assert paths.store.resolve() == end
    assert stat.S_IMODE(end.stat().st_mode) == 0o600
    aside = [path for path in end.parent.iterdir() if ".damaged-" in path.name]
    assert bool(aside) == is_there
    assert all(str(path) in notice for path in aside if path.name.endswith("Z"))
    assert not list(paths.data.glob("*.damaged-*"))


def test_what_is_removed_later_stays_nowhere_behind_the_link(home: Path, paths: Paths) -> None:
    end = linked(paths.store, home)
    zero_page_of(end, "digest")
    house = Household(home)
    assert rotator(house, "accounts").code == 0
    (aside,) = end.parent.glob("*.damaged-*Z")
    assert REMOVED in aside.read_bytes()
    looked = rotator(house, "doctor")

    removed = rotator(house, "accounts", "remove", A, "--yes")

    assert f"set aside as {end}.damaged-*" in looked.stdout
    assert removed.code == 0
    files = (path for path in home.rglob("*") if path.is_file())
    assert [path for path in files if REMOVED in path.read_bytes()] == []


def test_whoever_dies_while_rebuilding_behind_a_link_is_finished_by_the_next(
    home: Path, paths: Paths
) -> None:
    end = linked(paths.store, home)
    stamp = "2026-11-22T120000.000Z"
    content = bytearray(end.read_bytes())
    # A rebuilt store has no log yet.
    content[18:20] = b"\1\1"
    end.with_name(f"{end.name}.rebuilt-{stamp}").write_bytes(content)
    end.rename(end.with_name(f"{end.name}.damaged-{stamp}"))

    with opened(paths) as live:
        assert live.names() == sorted(SAVED)

    assert paths.store.resolve() == end
    assert not list(end.parent.glob("*.rebuilt-*"))


def test_a_link_into_a_folder_that_is_gone_keeps_nobody_from_the_accounts(
    home: Path, paths: Paths
) -> None:
    end = linked(paths.store, home)
    end.parent.rename(home / "unplugged")

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.write_bytes(b"x" * 999), lambda path: path.unlink()],
    ids=["damaged", "gone"],
)
def test_a_history_behind_a_link_is_begun_anew_there_and_is_private(
    home: Path, paths: Paths, harm: Callable[[Path], object]
) -> None:
    end = linked(paths.history, home)
    harm(end)

    with contextlib.closing(History(paths.history)) as history:
        history.record([Event(NOON, EventKind.CHANGED, why="after")])
        assert [row.event.why for row in history.read()] == ["after"]
        notice = history.take_notice()

    assert paths.history.resolve() == end
    assert stat.S_IMODE(end.stat().st_mode) == 0o600
    aside = list(end.parent.glob("*.damaged-*"))
    assert (notice is None) == (aside == [])
    assert all(str(path) in (notice or "") for path in aside)


@pytest.mark.parametrize("name", ["store", "history"])
def test_a_link_to_a_folder_of_the_users_is_put_away_and_the_folder_stays(
    home: Path, paths: Paths, name: str
) -> None:
    place = {"store": paths.store, "history": paths.history}[name]
    place.unlink()
    (home / "Photos" / "2026").mkdir(parents=True)
    place.symlink_to(home / "Photos")

    ended = rotator(Household(home), "accounts")

    assert ended.code == 0
    assert place.is_file()
    assert (home / "Photos" / "2026").is_dir()
