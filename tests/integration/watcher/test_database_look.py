"""What the watcher does about OpenCode 2's database: little, but at once."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rotator.model import EventKind, HomeName
from rotator.watcher.database_look import DatabaseLook
from rotator.watcher.messages import DATABASE
from tests.support.live import Live, oauth, open_live
from tests.support.opencode2_table import Table, key

SECONDS, QUIET_SECONDS = 10.0, 2.0


@dataclass
class Looking:
    """A look that goes on, and whose it is."""

    live: Live
    table: Table
    look: DatabaseLook
    woken: threading.Event


@pytest.fixture
def looking(home: Path) -> Iterator[Looking]:
    with open_live(home) as live:
        table = Table(live.paths.opencode_database)
        woken = threading.Event()
        look = DatabaseLook(live.context, woken.set)
        with contextlib.closing(look), contextlib.closing(table):
            yield Looking(live, table, look, woken)


def test_a_database_and_its_log_are_watched(looking: Looking) -> None:
    names = [(watched.name, watched.path.name) for watched in looking.look.files]

    assert names == [(DATABASE, "opencode.db"), (DATABASE, "opencode.db-wal")]


def test_a_login_is_news_and_everything_else_in_the_database_is_not(looking: Looking) -> None:
    looking.table.make()
    looking.table.do("CREATE TABLE message (text TEXT)")
    looking.table.hold()
    looking.look.look()

    looking.table.do("INSERT INTO message VALUES ('hello')")
    by_message = looking.look.look()
    looking.table.log_in("acme", key("a"), "a")
    by_login = looking.look.look()
    again = looking.look.look(closely=True)

    assert (by_message, by_login, again) == (False, True, False)
    assert looking.live.names() == ["acme/a"]


def test_what_cannot_be_read_yet_when_it_is_heard_of_is_read_soon(looking: Looking) -> None:
    looking.table.make()
    looking.table.hold()
    looking.look.look()
    writer = looking.table.hold()
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(
        "INSERT INTO credential VALUES ('c1', 'acme', 'a', ?, NULL, NULL, 1, 1, 1)",
        (json.dumps(key("a")),),
    )
    heard = looking.look.look()
    writer.execute("COMMIT")

    assert not heard
    assert looking.woken.wait(SECONDS)
    assert looking.look.look()
    assert looking.live.names() == ["acme/a"]


def test_what_is_no_news_is_looked_at_a_few_times_and_not_for_ever(looking: Looking) -> None:
    looking.table.make()
    looking.table.hold()
    looking.look.look()

    looking.look.look()
    count = 0
    while looking.woken.wait(QUIET_SECONDS):
        looking.woken.clear()
        assert not looking.look.look()
        count += 1

    assert count == 3


def test_a_database_that_comes_later_is_taken_in(looking: Looking) -> None:
    before = looking.look.look()
    looking.table.make()
    looking.table.log_in("acme", key("a"), "a")

    assert (before, looking.look.look()) == (False, True)
    assert looking.live.names() == ["acme/a"]


def test_newer_tokens_of_an_account_are_put_in_at_the_next_close_look(looking: Looking) -> None:
    looking.table.make()
    looking.table.hold()
    looking.live.sees({"named": oauth("ada")})
    slot = looking.table.log_in("named", {"methodID": "oauth", **oauth("ada")})
    looking.look.look()
    looking.live.sees({"named": oauth("ada", 2)})

    looking.look.look(closely=True)

    assert looking.table.values()[slot]["refresh"] == "REF-CANARY-ada-2"


def test_what_is_wrong_is_told_once_and_nothing_is_forgotten(looking: Looking) -> None:
    looking.table.make()
    looking.table.log_in("acme", key("a"), "a")
    looking.look.look()
    looking.table.do("ALTER TABLE credential RENAME COLUMN active TO used")

    answers = [looking.look.look(), looking.look.look(closely=True)]

    told = [e.why for e in looking.live.events() if e.kind is EventKind.PROBLEM]
    assert answers == [False, False]
    assert len(told) == 1
    assert "is of an OpenCode that is not known here" in told[0]
    (account,) = looking.live.state.accounts
    assert looking.live.state.homes_of(account) == (HomeName.DATABASE,)


def test_a_lock_that_passes_is_no_problem(looking: Looking) -> None:
    looking.table.make()
    looking.table.log_in("acme", key("a"), "a")
    other = looking.table.hold()
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE credential SET label = 'b'")

    locked = looking.look.look()
    other.execute("ROLLBACK")
    looking.table.close()

    assert not locked
    assert EventKind.PROBLEM not in looking.live.kinds()
    assert looking.look.look()
