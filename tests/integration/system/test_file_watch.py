"""Real files, real inotify: whatever happens to a watched path, its owner is told to look.

Where a test wants to know that an event was heard it does not call `check`, which would find
the change by itself.
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from rotator.system.file_watch import FileWatcher
from rotator.system.watched_folders import Watched
from tests.support.watching import (
    DEADLINE_SECONDS,
    INBOX,
    LIVE,
    Owner,
    point,
    replace,
    rewrite,
    settle,
    watching,
)


@pytest.fixture
def owner() -> Owner:
    return Owner()


# -- a file ------------------------------------------------------------------------------------


def test_every_watched_path_is_reported_when_its_watch_begins(tmp_path: Path, owner: Owner) -> None:
    there, absent = tmp_path / "there", tmp_path / "no" / "where"
    there.touch()

    with FileWatcher([Watched("a", there), Watched("b", absent)], owner.notify):
        heard = owner.heard()

    assert sorted(heard) == [("a", there), ("b", absent)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(rewrite, id="rewritten in place"),
        pytest.param(lambda path: path.open("w").close(), id="emptied"),
        pytest.param(replace, id="replaced by a rename"),
        pytest.param(lambda path: (path.parents[1] / "new").rename(path), id="moved in"),
        pytest.param(lambda path: path.unlink(), id="removed"),
        pytest.param(lambda path: path.rename(path.with_name("old")), id="renamed"),
        pytest.param(lambda path: path.rename(path.parents[1] / "old"), id="moved out"),
    ],
)
def test_a_file_is_reported_when_it_is(
    tmp_path: Path, owner: Owner, change: Callable[[Path], object]
) -> None:
    path = tmp_path / "folder" / "auth.json"
    path.parent.mkdir()
    path.write_text("old")
    (tmp_path / "new").write_text("new")

    with watching(owner, Watched(LIVE, path)):
        change(path)

        assert owner.hears((LIVE, path))


def test_a_file_is_reported_when_it_is_created_and_after_each_removal(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "auth.json"

    with watching(owner, Watched(LIVE, path)):
        for _ in range(3):
            path.write_text("{}")
            assert owner.hears((LIVE, path))
            owner.heard()
            path.unlink()
            assert owner.hears((LIVE, path))
            owner.heard()


def test_reading_a_file_or_changing_its_mode_is_no_news(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "auth.json"
    path.write_text("{}")

    with watching(owner, Watched(LIVE, path)) as watcher:
        path.read_text()
        path.chmod(0o600)
        watcher.check()

        assert owner.heard() == []


def test_the_other_files_of_the_folder_are_no_news(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "auth.json"

    with watching(owner, Watched(LIVE, path)) as watcher:
        (tmp_path / "opencode.db").write_text("busy")
        replace(tmp_path / "auth.json.bak")
        (tmp_path / "opencode.db").unlink()
        (tmp_path / "auth.json.d").mkdir()
        watcher.check()

        assert owner.heard() == []


def test_files_that_share_a_folder_are_told_apart(tmp_path: Path, owner: Owner) -> None:
    live, inbox = tmp_path / "auth.json", tmp_path
    other = tmp_path / "other"

    with watching(owner, Watched(LIVE, live), Watched(INBOX, inbox, folder=True)):
        live.write_text("{}")
        other.write_text("{}")
        heard = owner.heard()

    assert set(heard) == {(LIVE, live), (INBOX, live), (INBOX, other)}


# -- folders that come and go --------------------------------------------------------------


def test_a_file_is_heard_whose_folders_are_made_one_after_the_other(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "share" / "opencode" / "auth.json"

    with watching(owner, Watched(LIVE, path)) as watcher:
        for folder in (path.parents[1], path.parent):
            folder.mkdir()
            assert owner.hears((LIVE, path))
            settle(watcher, owner)
        path.write_text("{}")

        assert owner.hears((LIVE, path))


def test_a_file_that_came_with_its_folders_before_the_next_check_is_not_missed(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "share" / "opencode" / "auth.json"

    with watching(owner, Watched(LIVE, path)) as watcher:
        path.parent.mkdir(parents=True)
        path.write_text("{}")
        owner.heard()
        watcher.check()
        told_at_the_check = owner.hears((LIVE, path))
        owner.heard()
        replace(path)

        assert told_at_the_check
        assert owner.hears((LIVE, path))


def remake(folder: Path) -> None:
    """Remove the folder and make it again; the new one often gets the old one's inode."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.mkdir()


def exchange(folder: Path) -> None:
    """Rename the folder and put another one in its place; its watch reports neither."""
    folder.rename(folder.with_name("aside"))
    folder.mkdir()


@pytest.mark.parametrize("held_open", [False, True])
@pytest.mark.parametrize("change", [remake, exchange])
@pytest.mark.parametrize("as_folder", [False, True])
def test_a_folder_that_was_made_anew_is_heard_again(
    tmp_path: Path,
    owner: Owner,
    change: Callable[[Path], None],
    as_folder: bool,  # noqa: FBT001  # parameters of the table
    held_open: bool,  # noqa: FBT001
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "auth.json"
    path.write_text("old")
    watched = Watched(INBOX, folder, folder=True) if as_folder else Watched(LIVE, path)

    with ExitStack() as stack:
        if held_open:
            # The kernel does not report the removal of a folder that somebody holds open.
            held = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, held)
        watcher = stack.enter_context(watching(owner, watched))
        change(folder)
        owner.heard()
        watcher.check()
        told_at_the_check = owner.hears((watched.name, watched.path))
        owner.heard()
        path.write_text("new")

        assert told_at_the_check
        assert owner.hears((watched.name, path))


def test_a_watched_folder_that_is_removed_is_reported_itself(tmp_path: Path, owner: Owner) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()

    with watching(owner, Watched(INBOX, folder, folder=True)):
        folder.rmdir()

        assert owner.hears((INBOX, folder))


def test_a_folder_that_is_removed_for_good_is_heard_when_it_returns(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "folder" / "auth.json"
    path.parent.mkdir()

    with watching(owner, Watched(LIVE, path)) as watcher:
        path.parent.rmdir()
        told_of_the_removal = owner.hears((LIVE, path))
        settle(watcher, owner)
        path.parent.mkdir()

        assert told_of_the_removal
        assert owner.hears((LIVE, path))


# -- links -------------------------------------------------------------------------------------


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Path]:
    """Return a link in one folder and its target in another."""
    link, target = tmp_path / "home" / "auth.json", tmp_path / "dotfiles" / "real.json"
    link.parent.mkdir()
    target.parent.mkdir()
    target.write_text("{}")
    link.symlink_to(Path("..") / "dotfiles" / "real.json")
    return link, target


@pytest.mark.parametrize("change", [replace, rewrite, Path.unlink])
def test_what_happens_to_the_target_of_a_link_is_reported_under_the_link(
    linked: tuple[Path, Path], owner: Owner, change: Callable[[Path], object]
) -> None:
    link, target = linked

    with watching(owner, Watched(LIVE, link)):
        change(target)

        assert owner.hears((LIVE, link))


def test_a_link_that_points_elsewhere_is_followed_there(
    linked: tuple[Path, Path], tmp_path: Path, owner: Owner
) -> None:
    link, first = linked
    second = tmp_path / "elsewhere" / "auth.json"
    second.parent.mkdir()
    second.write_text("{}")

    with watching(owner, Watched(LIVE, link)) as watcher:
        point(link, second)
        told_of_the_link = owner.hears((LIVE, link))
        settle(watcher, owner)
        second.write_text("new")
        told_of_the_new_target = owner.hears((LIVE, link))
        owner.heard()
        first.write_text("no longer ours")

        assert told_of_the_link
        assert told_of_the_new_target
        assert owner.heard() == []


def test_a_link_that_points_to_another_file_of_its_folder_is_followed_there(
    tmp_path: Path, owner: Owner
) -> None:
    link, first, second = (tmp_path / name for name in ("auth.json", "work.json", "home.json"))
    link.symlink_to(first)

    with watching(owner, Watched(LIVE, link)) as watcher:
        point(link, second)
        settle(watcher, owner)
        rewrite(second)
        told_of_the_new_target = owner.hears((LIVE, link))
        owner.heard()
        rewrite(first)

        assert told_of_the_new_target
        assert owner.heard() == []


def test_a_link_to_nothing_is_heard_when_its_target_comes(tmp_path: Path, owner: Owner) -> None:
    link, target = tmp_path / "auth.json", tmp_path / "dotfiles" / "real.json"
    link.symlink_to(target)

    with watching(owner, Watched(LIVE, link)) as watcher:
        target.parent.mkdir()
        told_of_the_folder = owner.hears((LIVE, link))
        settle(watcher, owner)
        target.write_text("{}")

        assert told_of_the_folder
        assert owner.hears((LIVE, link))


def test_a_link_to_a_link_is_watched_at_each_of_them(
    linked: tuple[Path, Path], tmp_path: Path, owner: Owner
) -> None:
    middle, target = linked
    link = tmp_path / "auth.json"
    link.symlink_to(middle)

    with watching(owner, Watched(LIVE, link)):
        target.write_text("in place")
        told_of_the_target = owner.hears((LIVE, link))
        owner.heard()
        replace(middle)

        assert told_of_the_target
        assert owner.hears((LIVE, link))


def test_links_in_a_circle_do_not_end_the_watch(tmp_path: Path, owner: Owner) -> None:
    link, other = tmp_path / "auth.json", tmp_path / "other"
    link.symlink_to(other)
    other.symlink_to(link)

    with watching(owner, Watched(LIVE, link)):
        replace(link)

        assert owner.hears((LIVE, link))


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_linked_folder_is_heard_and_followed_when_the_link_changes(
    tmp_path: Path,
    owner: Owner,
    as_folder: bool,  # noqa: FBT001  # a parameter of the table
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path / "first")
    path = folder / "auth.json"
    watched = Watched(INBOX, folder, folder=True) if as_folder else Watched(LIVE, path)

    with watching(owner, watched) as watcher:
        path.write_text("{}")
        told_of_the_first = owner.hears((watched.name, path))
        point(folder, tmp_path / "second")
        settle(watcher, owner)
        (tmp_path / "second" / "auth.json").write_text("{}")

        assert told_of_the_first
        assert owner.hears((watched.name, path))


# -- a folder's entries ----------------------------------------------------------------------


def test_entries_are_reported_as_they_come_change_and_go(tmp_path: Path, owner: Owner) -> None:
    entry = tmp_path / "one.json"

    with watching(owner, Watched(INBOX, tmp_path, folder=True)):
        for change in (replace, rewrite, Path.unlink):
            change(entry)
            assert owner.hears((INBOX, entry))
            owner.heard()


def test_a_folder_that_comes_later_is_reported_itself_and_then_its_entries(
    tmp_path: Path, owner: Owner
) -> None:
    folder = tmp_path / "bridge" / "inbox"

    with watching(owner, Watched(INBOX, folder, folder=True)) as watcher:
        folder.mkdir(parents=True)
        (folder / "early.json").touch()
        owner.heard()
        watcher.check()
        told_of_the_folder = owner.hears((INBOX, folder))
        owner.heard()
        replace(folder / "late.json")

        assert told_of_the_folder
        assert owner.hears((INBOX, folder / "late.json"))


def test_each_of_a_hundred_files_renamed_into_a_folder_is_reported_within_50_ms(
    tmp_path: Path, owner: Owner
) -> None:
    with watching(owner, Watched(INBOX, tmp_path, folder=True)):
        took = []
        for number in range(100):
            entry = tmp_path / f"{number}.json"
            began = time.monotonic()
            replace(entry)
            assert owner.hears((INBOX, entry))
            took.append(time.monotonic() - began)

    # Half a second is what watchdog's own waiting for the other name would take.
    assert statistics.quantiles(took, n=20)[-1] < 0.05
    assert max(took) < 0.4


def test_a_burst_of_renames_is_reported_without_a_pause(tmp_path: Path) -> None:
    at: list[float] = []
    last = threading.Event()

    def notify(_: str, path: Path) -> None:
        at.append(time.monotonic())
        if path.name == "999.json":
            last.set()

    with FileWatcher([Watched(INBOX, tmp_path, folder=True)], notify):
        for number in range(1000):
            replace(tmp_path / f"{number}.json")
        arrived = last.wait(DEADLINE_SECONDS)

    assert arrived
    assert max(b - a for a, b in itertools.pairwise(at)) < 0.4


def test_a_file_moved_out_does_not_hold_back_what_comes_after_it(
    tmp_path: Path, owner: Owner
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "old.json").touch()

    with watching(owner, Watched(INBOX, folder, folder=True)):
        began = time.monotonic()
        (folder / "old.json").rename(tmp_path / "old.json")
        (folder / "new.json").touch()
        heard = owner.hears((INBOX, folder / "new.json"))
        took = time.monotonic() - began

    assert heard
    assert took < 0.4


def test_a_replaced_file_is_reported_in_a_few_milliseconds(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "auth.json"
    took = []

    with watching(owner, Watched(LIVE, path)):
        for number in range(200):
            began = time.monotonic()
            replace(path, str(number))
            assert owner.hears((LIVE, path))
            took.append(time.monotonic() - began)
            # The two halves of one rename may be reported apart; let the second one pass.
            owner.heard(silence_seconds=0.005)

    # A quiet machine takes half a millisecond; this bound only tells it from polling.
    assert statistics.median(took) < 0.02
