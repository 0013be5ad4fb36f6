"""Folders of ours that nobody can write: what only reads works all the same, and says why."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.clock import system_clock
from rotator.context import open_context, open_copied_context
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.model import Event, EventKind
from rotator.storage.database import open_database
from rotator.storage.migrations import STORE, set_version
from rotator.storage.store_copy import StoreCopy, copy_of
from rotator.system.paths import Paths, find_paths
from tests.support.forked_command import run_command
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api
from tests.support.namespaces import bind, rotator_inside
from tests.support.rotator_process import Ended, rotator
from tests.support.without_rights import READ_AND_WRITE_ANYTHING

# Beside root, whose files nobody else may write.
USER, GROUP = 4321, 4322
READING = (
    ("accounts",),
    ("accounts", "unclaimed"),
    ("status",),
    ("events",),
    ("usage",),
    ("explain",),
)
SAYS = "nothing new can be taken in, and what is shown is what was saved last"
READ_ONLY = f" is on a read-only file system: {SAYS}; mount it so that it can be written\n"


@pytest.fixture
def house(home: Path) -> Household:
    """Return somebody with two logins of acme, of which the second is live."""
    house = Household(home)
    for name in ("a", "b"):
        house.write_auth({"acme": api(name)})
        assert rotator(house, "accounts").code == 0
    return house


def paths_of(house: Household) -> Paths:
    return find_paths(places(house.home))


def folders(house: Household, which: str) -> list[Path]:
    paths = paths_of(house)
    return {"data": [paths.data], "state": [paths.state], "both": [paths.data, paths.state]}[which]


def listing(*roots: Path) -> dict[Path, tuple[int, int, int]]:
    found = [path for root in roots for path in (root, *root.rglob("*"))]
    facts = [(path, path.lstat()) for path in found]
    return {path: (its.st_ino, its.st_size, its.st_mtime_ns) for path, its in facts}


# -- on a read-only file system ---------------------------------------------------------------


@pytest.mark.no_cover
@pytest.mark.parametrize("which", ["data", "state", "both"])
def test_whoever_only_reads_is_told_as_ever_and_why_nothing_is_taken_in(
    house: Household, which: str
) -> None:
    closed = folders(house, which)
    setup = [bind(folder, folder, "ro") for folder in closed]
    usual = [rotator(house, *words) for words in READING]
    before = listing(*closed)

    ended = [rotator_inside(house, setup, *words) for words in READING]
    line = rotator_inside(house, setup, "statusline")

    assert [one.code for one in ended] == [0] * len(READING), ended
    assert [one.stdout for one in ended] == [one.stdout for one in usual]
    assert [one.stderr for one in ended] == [f"! {closed[0]}{READ_ONLY}"] * len(READING)
    assert line.stdout == "no watcher | acme acme-2\n"
    assert listing(*closed) == before


@pytest.mark.no_cover
def test_status_needs_no_folder_of_the_bridge(house: Household) -> None:
    state = paths_of(house).state
    assert not (state / "bridge").exists()

    ended = rotator_inside(house, [bind(state, state, "ro")], "status", "--json")

    assert ended.json()["providers"][0]["active"] == "acme-2"


@pytest.mark.no_cover
def test_what_changed_in_auth_json_meanwhile_is_not_shown_as_saved(house: Household) -> None:
    data = paths_of(house).data
    house.write_auth({"acme": api("c")})

    ended = rotator_inside(house, [bind(data, data, "ro")], "accounts", "--json")

    assert [one["alias"] for one in ended.json()["accounts"]] == ["acme-1", "acme-2"]
    assert SAYS in ended.stderr


@pytest.mark.no_cover
def test_whoever_wants_a_change_is_told_that_the_file_system_is_read_only(house: Household) -> None:
    data = paths_of(house).data
    setup = [bind(data, data, "ro")]

    ended = [
        rotator_inside(house, setup, *words)
        for words in (("rotate", "acme"), ("balance", "off"), ("accounts", "remove", "acme/acme-1"))
    ]

    assert [one.code for one in ended] == [7, 7, 7], ended
    for one in ended:
        assert f"{data} is on a read-only file system\n  mount it so that it can be" in one.stderr


@pytest.mark.no_cover
def test_a_lock_that_cannot_be_taken_is_told_with_what_helps(house: Household) -> None:
    state = paths_of(house).state

    ended = rotator_inside(house, [bind(state, state, "ro")], "rotate", "acme")

    assert ended.code == 7
    assert ended.stderr.endswith(": Read-only file system\n  mount it so that it can be written\n")


@pytest.mark.no_cover
@pytest.mark.parametrize("which", ["data", "state", "both"])
def test_doctor_advises_no_chmod_that_would_fail(house: Household, which: str) -> None:
    setup = [bind(folder, folder, "ro") for folder in folders(house, which)]

    ended = rotator_inside(house, setup, "doctor", "--json")

    told = [
        (one["says"], one["to_do"])
        for one in ended.json()["checks"]
        if (one["check"], one["level"]) == ("folders", "problem")
    ]
    assert told == [
        (
            f"{folder} is on a read-only file system: nothing new can be taken in",
            "mount it so that it can be written",
        )
        for folder in folders(house, which)
    ]


@pytest.mark.no_cover
def test_usage_asks_no_vendor_where_the_answer_cannot_be_kept(house: Household) -> None:
    """It would be asked each time anew, and what it says of a pause would not be known."""
    data = paths_of(house).data
    key = rotator(house, "accounts", "add", "openrouter", "--no-check", given="CANARY-key")

    closed = rotator_inside(house, [bind(data, data, "ro")], "usage", "openrouter", "--json")
    asked = rotator(house, "usage", "openrouter", "--json")

    assert key.code == 0, key
    assert closed.json()["usage"][0]["unavailable"] is None
    assert asked.json()["usage"][0]["unavailable"] is not None


# -- of another user --------------------------------------------------------------------------


def given_away(house: Household) -> list[Path]:
    """Give our folders to somebody who lets everybody read them, and return them."""
    if os.geteuid() != 0:
        pytest.fail("only root can give files away", pytrace=False)
    closed = folders(house, "both")
    for path in listing(*closed):
        path.chmod(0o555 if path.is_dir() else 0o444)
        os.chown(path, USER, GROUP)
    return closed


def as_anybody(house: Household, *words: str) -> Ended:
    return Ended(
        *run_command(
            words, env=house.env(), cwd=house.home, seconds=60, rights=READ_AND_WRITE_ANYTHING
        )
    )


@pytest.mark.no_cover
def test_folders_of_another_user_are_read_as_far_as_they_can_be(house: Household) -> None:
    usual = [rotator(house, *words) for words in READING]
    closed = given_away(house)
    before = listing(*closed)

    ended = [as_anybody(house, *words) for words in READING]
    line = as_anybody(house, "statusline")

    assert [one.code for one in ended] == [0] * len(READING), ended
    assert [one.stdout for one in ended] == [one.stdout for one in usual]
    why = f"! {closed[0]} may not be written, it belongs to uid {USER}: {SAYS}; "
    why += f"sudo chown -R {os.geteuid()} {closed[0]}\n"
    assert [one.stderr for one in ended] == [why] * len(READING)
    assert line.stdout == "no watcher | acme acme-2\n"
    assert listing(*closed) == before


@pytest.mark.no_cover
def test_a_store_that_another_user_lets_nobody_read_is_no_list_without_accounts(
    house: Household,
) -> None:
    given_away(house)
    paths_of(house).store.chmod(0o400)

    ended = as_anybody(house, "accounts")

    assert (ended.code, ended.stdout) == (7, "")
    assert f"{paths_of(house).data} may not be written, it belongs to uid" in ended.stderr


@pytest.mark.no_cover
def test_a_link_into_the_place_of_a_disk_that_is_not_there_is_told_and_a_copy_is_shown(
    house: Household, tmp_path: Path
) -> None:
    store, place = paths_of(house).store, tmp_path / "disk"
    place.mkdir(mode=0o755)
    os.chown(place, USER, GROUP)
    for path in store.parent.glob("rotator.sqlite*"):
        path.unlink()
    store.symlink_to(place / store.name)

    shown, change, doctor = (
        as_anybody(house, *words) for words in (("accounts",), ("rotate", "acme"), ("doctor",))
    )
    store.unlink()
    again = rotator(house, "accounts")

    why = f"{store} is a link to {place / store.name}, where nothing is, and {place} may not be"
    helps = f"plug in the disk that it is on, or remove the link: rm {store}"
    assert (shown.code, shown.stdout.count("acme/")) == (0, 2), shown
    for told in (shown.stderr, change.stderr, doctor.stdout):
        assert (why in told, helps in told) == (True, True), told
    assert "once it can be written, rotator doctor --fix rebuilds it" in doctor.stdout
    assert (change.code, list(place.iterdir())) == (7, [])
    # What is advised helps.
    assert (again.code, again.stdout.count("acme/")) == (0, 2), again


# -- what is in the copy ----------------------------------------------------------------------

KILLED = """
import os, sys
from rotator.context import open_context
from rotator.clock import system_clock
from rotator.model import Event, EventKind
from rotator.system.paths import find_paths
with open_context(find_paths()) as context:
    with context.store.transaction():
        context.store.set_balancing(on=False)
    context.record([Event(system_clock(), EventKind.PROBLEM, why="the last word")])
    os._exit(0)
"""


@pytest.mark.no_cover
@pytest.mark.parametrize("lost", [(), ("-shm",)], ids=["all is there", "no -shm"])
def test_what_a_killed_process_left_in_the_wal_is_read(
    house: Household, lost: tuple[str, ...]
) -> None:
    paths = paths_of(house)
    subprocess.run([sys.executable, "-c", KILLED], env=house.env(), check=True)
    for path in (paths.store, paths.history):
        assert path.with_name(f"{path.name}-wal").stat().st_size
        for ending in lost:
            path.with_name(f"{path.name}{ending}").unlink()
    setup = [bind(paths.data, paths.data, "ro")]

    told = rotator_inside(house, setup, "status", "--json").json()
    last = rotator_inside(house, setup, "events", "--last", "1").stdout
    line = rotator_inside(house, setup, "statusline").stdout

    assert told["balancing"] is False
    assert last.endswith("the last word\n")
    # A prompt has no time for a log that nobody has made an index of.
    known = "no watcher | balancing off | acme acme-2\n"
    assert line == ("rotator ?\n" if lost else known)


def test_what_others_write_meanwhile_into_the_history_is_seen() -> None:
    paths = find_paths()
    with open_context(paths) as context, open_copied_context(paths, "it is so") as copies:
        before = copies.history.newest()
        context.record([Event(system_clock(), EventKind.PROBLEM, why="new")])

        found = copies.history.read()

    assert (before, [one.event.why for one in found]) == (0, ["new"])


def test_a_copy_of_the_store_stays_as_it_was_and_refuses_changes() -> None:
    paths = find_paths()
    with open_context(paths) as context, open_copied_context(paths, "it is so") as copies:
        with context.store.transaction():
            context.store.set_balancing(on=False)

        with pytest.raises(StoreError, match="nothing can be written: it is so"):
            copies.store.transaction()

        assert (copies.store.state().balancing, context.store.state().balancing) == (True, False)


def test_where_there_is_nothing_the_copy_is_empty_and_nothing_is_made(home: Path) -> None:
    with open_copied_context(find_paths(), "it is so") as copies:
        assert copies.store.state().accounts == ()
        assert copies.history.read() == []

    assert list(home.iterdir()) == []


@pytest.mark.parametrize("odd", ["a folder", "a pipe", "no database", "of a newer version"])
def test_a_store_that_is_none_is_said_and_left_as_it_is(odd: str) -> None:
    paths = find_paths()
    with open_context(paths):
        pass
    error: type[StoreError] = StoreDamaged
    if odd == "of a newer version":
        error = NewerSchema
        with contextlib.closing(open_database(paths.store, STORE, durable=False)) as connection:
            set_version(connection, len(STORE) + 1)
    else:
        paths.store.unlink()
        _put(odd, paths.store)
    before = listing(paths.data)

    with pytest.raises(error), StoreCopy(paths.store, "it is so") as store:
        store.state()

    assert listing(paths.data) == before


@pytest.mark.parametrize("odd", ["a folder", "a pipe", "no database"])
def test_a_history_that_is_none_is_said_and_keeps_nobody_from_the_accounts(odd: str) -> None:
    paths = find_paths()
    with open_context(paths) as context:
        context.record([Event(system_clock(), EventKind.PROBLEM, why="old")])
    paths.history.unlink()
    _put(odd, paths.history)
    before = listing(paths.data)
    told: list[str] = []

    with open_copied_context(paths, "it is so", tell=told.append) as copies:
        assert copies.history.read() == []
        assert copies.store.state().accounts == ()

    assert told == ["what happened cannot be read: it is damaged"]
    assert listing(paths.data) == before


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_pipe_beside_the_store_is_not_waited_for(ending: str) -> None:
    paths = find_paths()
    with open_context(paths):
        pass
    os.mkfifo(paths.store.with_name(f"{paths.store.name}{ending}"))

    with StoreCopy(paths.store, "it is so") as store:
        assert store.state().accounts == ()


def _put(odd: str, place: Path) -> None:
    if odd == "a folder":
        place.mkdir()
    elif odd == "a pipe":
        os.mkfifo(place)
    else:
        place.write_bytes(b"nothing of the kind" * 500)


def test_an_older_store_is_read_in_memory_and_stays_older() -> None:
    path = find_paths().store
    with contextlib.closing(open_database(path, STORE[:3], durable=False)):
        pass

    with StoreCopy(path, "it is so") as store:
        assert store.state().accounts == ()

    with contextlib.closing(copy_of(path, STORE[:3])) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


@pytest.mark.no_cover
def test_a_folder_of_ours_that_is_too_narrow_is_no_obstacle(house: Household) -> None:
    """Whoever opens it puts that right."""
    data = paths_of(house).data
    data.chmod(0o500)

    ended = as_anybody(house, "accounts")

    assert (ended.code, ended.stderr, data.stat().st_mode & 0o777) == (0, "", 0o700)


@pytest.mark.no_cover
@pytest.mark.parametrize("lock", ["swap.lock", "watch.lock"])
def test_a_lock_of_ours_that_is_too_narrow_is_no_obstacle_either(
    house: Household, lock: str
) -> None:
    path = paths_of(house).state / lock
    path.touch()
    path.chmod(0o444)

    ended = [as_anybody(house, *words) for words in READING]

    assert [(one.code, one.stderr) for one in ended] == [(0, "")] * len(READING)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.no_cover
def test_where_our_state_may_not_be_entered_status_shows_what_was_saved(house: Household) -> None:
    state = paths_of(house).state
    state.chmod(0)

    ended = as_anybody(house, "status")

    assert ended.code == 0
    assert "acme-2 ready" in ended.stdout
    assert ended.stderr == f"! {state} may not be entered: {SAYS}; chmod u+rwx {state}\n"


@pytest.mark.no_cover
@pytest.mark.parametrize("words", READING)
def test_where_the_store_may_not_be_entered_nothing_is_said_to_be_shown(
    house: Household, words: tuple[str, ...]
) -> None:
    data = paths_of(house).data
    data.chmod(0)

    ended = as_anybody(house, *words)

    assert (ended.code, ended.stdout) == (7, "")
    assert SAYS not in ended.stderr
    assert f"chmod u+rwx {data}" in ended.stderr
