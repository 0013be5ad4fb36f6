"""A log of the store that is removed after a crash, as a backup tool or a cleaner does."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.live import api
from tests.support.rotator_process import accounts, events, rotator, watcher
from tests.support.waiting import wait_until

_SECONDS = 30.0


def data(house: Household) -> Path:
    return house.home / ".local" / "share" / "opencode-rotator"


def in_the_file_alone(database: Path) -> set[str]:
    """Return the accounts that stand in a database's own file, whatever its log says."""
    uri = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            return {alias for (alias,) in connection.execute("SELECT alias FROM account")}
        except sqlite3.Error:
            # It is just being written.
            return set()


def newest_copy(house: Household) -> set[str]:
    copies = sorted((data(house) / "backups").glob("accounts-*.sqlite"))
    return in_the_file_alone(copies[-1]) if copies else set()


def stands_there(house: Household, names: set[str]) -> bool:
    return in_the_file_alone(data(house) / "rotator.sqlite") == newest_copy(house) == names


@pytest.mark.no_cover
def test_what_a_watcher_captures_soon_stands_in_the_store_s_own_file_and_in_a_copy(
    home: Path,
) -> None:
    house = Household(home)
    store = data(house) / "rotator.sqlite"
    with watcher(house) as watching:
        for number, key in enumerate("abc", 1):
            house.write_auth({"acme": api(key)})
            wanted = {f"acme-{n}" for n in range(1, number + 1)}
            wait_until(partial(stands_there, house, wanted), _SECONDS, f"{wanted}")
        watching.kill()
    house.write_auth({})
    for ending in ("-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)

    assert len(accounts(house)) == 3


@pytest.mark.no_cover
def test_an_account_that_the_history_alone_knows_is_named_as_lost_once(home: Path) -> None:
    house, kept = Household(home), home / "kept"
    for key in "ab":
        house.write_auth({"acme": api(key)})
        assert rotator(house, "accounts").code == 0
    shutil.copytree(data(house), kept)
    for key in "cde":
        house.write_auth({"acme": api(key)})
        assert rotator(house, "accounts").code == 0
    assert rotator(house, "accounts", "remove", "acme/acme-4", "--yes").code == 0
    assert rotator(house, "accounts", "rename", "acme/acme-1", "mine").code == 0
    history = (data(house) / "history.sqlite").read_bytes()
    shutil.rmtree(data(house))
    kept.rename(data(house))
    (data(house) / "history.sqlite").write_bytes(history)

    told = rotator(house, "accounts")
    again = rotator(house, "accounts")

    says = "the store does not have what was captured as acme/acme-5: its -wal was removed"
    assert told.stderr.count(says) == 1, told
    assert says not in again.stderr
    assert sum(says in event["why"] for event in events(house)) == 1
