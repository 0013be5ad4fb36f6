"""Case I2: bytes that changed in a store, where SQLite itself notices nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.model import Event, EventKind
from rotator.storage.backups import Backups
from rotator.storage.database import open_database
from rotator.storage.history import History
from rotator.storage.migrations import STORE
from rotator.storage.store import Store
from rotator.system.paths import Paths, find_paths
from tests.histories.damaged_stores import outcomes
from tests.integration.storage.test_repair import (
    ADA,
    LIVE,
    SAVED,
    A,
    aside,
    furnish,
    opened,
    page_of,
    renew,
    told,
    zero_page_of,
)
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import NOON, api, full_disk, oauth, open_live
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover


@pytest.fixture
def paths(home: Path) -> Paths:
    """Make a store with four accounts, two of them live, and a copy of it; nobody has it open."""
    furnish(home)
    return find_paths(places(home))


def change(path: Path, before: bytes, after: bytes, *, times: int = 1) -> None:
    """Change bytes in a file, so many times, from its end: there its newest rows stand."""
    content = path.read_bytes()
    assert content.count(before) >= times
    head, *tail = content.rsplit(before, times)
    path.write_bytes(after.join([head, *tail]))


def flip(path: Path, at: int, bit: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def changed_row(paths: Paths, statement: str) -> None:
    """Change a row as no program of ours does."""
    with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
        connection.execute(statement)


# -- in a row ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(b"KEY-CANARY-c", id="another key"),
        pytest.param(b'KEY-CANARY"a', id="no JSON"),
        pytest.param(b"KEY-CANARY\xffa", id="no text"),
    ],
)
def test_a_key_that_has_changed_is_the_copys_again_and_nothing_is_lost(
    paths: Paths, after: bytes
) -> None:
    change(paths.store, b"KEY-CANARY-a", after)

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).endswith("; lost: nothing")
        assert "CANARY" not in told(live)


def test_a_key_that_has_changed_and_is_nowhere_else_is_named_and_never_used(
    home: Path, paths: Paths
) -> None:
    shutil.rmtree(paths.backups)
    change(paths.store, b"KEY-CANARY-a", b"KEY-CANARY-c")

    ended = rotator(Household(home), "rotate", A)

    assert ended.code != 0
    assert f"lost: {A}" in ended.stderr
    assert "CANARY" not in ended.stderr + ended.stdout
    with opened(paths) as live:
        assert live.names() == sorted({*SAVED} - {A})
        assert live.entries() == LIVE


def test_of_a_row_with_sound_secrets_the_login_is_kept_and_what_is_doubtful_is_named(
    paths: Paths,
) -> None:
    shutil.rmtree(paths.backups)
    changed_row(paths, "UPDATE account SET plan = 'pro' WHERE alias = 'acme-1'")

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).endswith(f"; lost: perhaps what was noted last of {A}")


def test_newer_tokens_that_have_changed_are_named_and_the_older_ones_not_taken_for_them(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        renew(live, ADA, oauth("ada", 2))
    change(paths.store, b"REF-CANARY-ada-2", b"REF-CANARY-ada-3")

    with opened(paths) as live:
        assert live.saved(ADA) == oauth("ada")
        assert told(live).endswith(f"; lost: newer tokens of {ADA}")


def test_how_long_an_account_rests_is_forgotten_where_it_has_changed(paths: Paths) -> None:
    changed_row(
        paths,
        "UPDATE account SET limit_state = 'exhausted', limit_until = '2096-01-01T00:00:00.000Z',"
        " limit_reason = '429' WHERE alias = 'acme-1'",
    )

    with opened(paths) as live:
        assert live.account(A).limit is None
        assert told(live).endswith(f"; lost: for how long {A} rests")


def test_a_setting_that_has_changed_is_the_copys(paths: Paths) -> None:
    changed_row(paths, "UPDATE setting SET value = 'on' WHERE name = 'balancing'")

    with opened(paths) as live:
        assert not live.state.balancing
        assert told(live).endswith("; lost: nothing")


def test_content_kept_aside_that_has_changed_is_named(home: Path, paths: Paths) -> None:
    with open_live(home) as live, live.context.store.transaction():
        live.context.store.keep_unclaimed(b'{"zeta":', "half-written", NOON)
    change(paths.store, b'{"zeta":', b'{"beta":')

    with opened(paths) as live:
        assert list(live.context.store.unclaimed_contents()) == []
        assert told(live).endswith("; lost: unclaimed content 1")


def test_a_row_is_written_over_only_as_it_was_sealed(paths: Paths) -> None:
    """A change of ours must not make a damaged row look sound."""
    with Store(paths.store) as store:
        account = store.state().accounts[0]
        changed_row(paths, f"UPDATE account SET plan = 'pro' WHERE id = '{account.id}'")  # noqa: S608  # its own
        with store.transaction():
            store.rename_account(account, "work")

        assert account.id not in {one.id for one in store.state().accounts}


def test_where_the_disk_is_full_a_damaged_row_costs_itself_alone(paths: Paths) -> None:
    change(paths.store, b"KEY-CANARY-a", b"KEY-CANARY-c")
    # One who has it open keeps SQLite from making files of its own.
    with Store(paths.store), full_disk(), opened(paths) as live:
        assert live.names() == sorted({*SAVED} - {A})
        assert live.state.broken == (f"the saved account {A} cannot be read",)


# -- in what tells of the rows -------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, len(STORE) - 1, len(STORE) + 2, 999])
def test_a_schema_that_has_changed_alone_is_damage_and_no_other_version(
    paths: Paths, version: int
) -> None:
    changed_row(paths, f"PRAGMA user_version = {version}")

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).endswith("; lost: nothing")


@pytest.mark.parametrize("at", [0, 18, 19, 23, 31, 47, 59, 63, 71, 103])
def test_whichever_byte_of_the_header_has_changed_nothing_is_lost(paths: Paths, at: int) -> None:
    content = bytearray(paths.store.read_bytes())
    content[at] ^= 4
    paths.store.write_bytes(content)

    with opened(paths, watching=True) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert not live.state.balancing


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", [18, 19])
def test_a_store_whose_header_lets_nobody_write_is_rebuilt(paths: Paths, at: int, bit: int) -> None:
    flip(paths.store, at, bit)

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        with live.context.store.transaction():
            live.context.store.set_balancing(on=True)
        assert live.state.balancing
    assert paths.store.read_bytes()[18:20] == b"\2\2"


@pytest.mark.parametrize("command", ["rotate acme acme-1", "doctor --fix"])
def test_a_command_mends_a_store_whose_header_lets_nobody_write(
    home: Path, paths: Paths, command: str
) -> None:
    flip(paths.store, 18, 2)

    looked = rotator(Household(home), "doctor")
    done = rotator(Household(home), *command.split())

    assert "problem  store" in looked.stdout
    assert "lost: nothing" in done.stdout + done.stderr
    assert rotator(Household(home), "balance", "on").code == 0


@pytest.mark.parametrize("at", [18, 19])
def test_of_a_copy_whose_header_lets_nobody_write_every_row_is_taken(paths: Paths, at: int) -> None:
    for copy in paths.backups.iterdir():
        flip(copy, at, 2)
    paths.store.unlink()

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED


@pytest.mark.parametrize("table", ["account", "setting"])
def test_a_table_of_another_name_is_damage(paths: Paths, table: str) -> None:
    name = table.encode()
    change(paths.store, b"CREATE TABLE " + name, b"CREATE TABLE " + name[:-1] + b"_")

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED


def test_accounts_that_cannot_be_read_are_named_by_an_index(paths: Paths) -> None:
    shutil.rmtree(paths.backups)
    zero_page_of(paths.store, "account")

    with opened(paths) as live:
        assert told(live).endswith("; lost: " + ", ".join(sorted(SAVED, key=told(live).find)))


# -- in the -wal ---------------------------------------------------------------------------------


@pytest.fixture
def wal(home: Path, paths: Paths) -> Path:
    """Leave a -wal with a newer login, as a process that was killed leaves it."""
    left = home / "left"
    with open_live(home) as live:
        renew(live, ADA, oauth("ada", 2))
        live.sees(LIVE | {"acme": api("c")})
        shutil.copytree(paths.data, left)
    shutil.rmtree(paths.data)
    left.rename(paths.data)
    return paths.store.with_name("rotator.sqlite-wal")


@pytest.mark.parametrize("at", [0, 17, 25, 33, 43, 48, 100, 3000])
def test_a_changed_byte_in_the_wal_loses_nothing_that_stands_behind_it(
    paths: Paths, wal: Path, at: int
) -> None:
    content = bytearray(wal.read_bytes())
    content[at] ^= 1
    wal.write_bytes(content)

    with opened(paths) as live:
        assert live.saved(ADA) == oauth("ada", 2)
        assert live.saved("acme/acme-3") == api("c")
        assert told(live)


def test_a_wal_that_was_cut_is_said_to_have_lost_something(paths: Paths, wal: Path) -> None:
    os.truncate(wal, 32 + 2 * (24 + 4096) + 9)

    with opened(paths) as live:
        assert set(live.names()) >= {*SAVED}
        said = told(live)
        assert "; lost: perhaps what was saved last (" in said
        # Whatever happened since the copy may be in it.
        assert all(name in said for name in SAVED)


def test_a_wal_as_it_was_left_is_no_damage(paths: Paths, wal: Path) -> None:
    assert wal.stat().st_size

    with opened(paths) as live:
        assert live.saved(ADA) == oauth("ada", 2)
        assert EventKind.PROBLEM not in live.kinds()
    assert aside(paths) == []


# -- a store of before ---------------------------------------------------------------------------


def test_what_was_no_login_before_there_were_seals_comes_back_from_a_copy(home: Path) -> None:
    paths = find_paths(places(home))
    entry = '{"type":"api","key":"KEY-CANARY-a"}'
    row = f"('acc_1', 'acme', 'work', '{entry}', '2026-11-01T00:00:00.000Z')"  # ours
    with contextlib.closing(open_database(paths.store, STORE[:4], durable=True)) as connection:
        connection.execute(
            f"INSERT INTO account (id, provider, alias, entry, captured_at) VALUES {row}"  # noqa: S608  # ours
        )
        with Store(paths.store.with_name("unused.sqlite")):
            pass
    with opened(paths) as live:
        live.context.back_up_if_due()
    changed_row(paths, "UPDATE account SET entry = '{oops'")

    with opened(paths) as live:
        assert live.saved("acme/work") == api("a")


# -- many at random ------------------------------------------------------------------------------


def test_stores_that_are_damaged_at_random_are_usable_and_no_loss_is_unsaid() -> None:
    """The same ones in every build; 500 by hand: `python -m tests.histories.damaged_stores`."""
    found = list(outcomes(25, 7))

    faults = [(one.damage, fault) for one in found for fault in one.faults]
    # Of what is gone with its name nobody can say the name; that it is gone is said.
    assert [fault for fault in faults if not fault[1].startswith("named by no name")] == []
    assert sum(bool(one.told) for one in found) > 5


# -- the history ---------------------------------------------------------------------------------

HAPPENED = Event(NOON, EventKind.CHANGED, why="before")


def kept(history: History) -> list[str]:
    return [one.event.why for one in history.read()]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Make a history with an event."""
    path = tmp_path / "data" / "history.sqlite"
    with contextlib.closing(History(path)) as opened_history:
        opened_history.record([HAPPENED])
    return path


def changed_header(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 77")


def make_a_folder_of(path: Path) -> None:
    path.unlink()
    (path / "in it").mkdir(parents=True)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda path: path.write_bytes(b"nothing of the kind"), id="no database"),
        pytest.param(lambda path: os.truncate(path, 5000), id="cut"),
        pytest.param(lambda path: zero_page_of(path, "event"), id="a page zeroed"),
        pytest.param(changed_header, id="another schema"),
        pytest.param(make_a_folder_of, id="a folder"),
        pytest.param(lambda path: flip(path, 18, 2), id="for reading alone"),
        pytest.param(lambda path: flip(path, 19, 2), id="of another format"),
    ],
)
def test_a_damaged_history_is_put_away_and_begun_anew_with_one_sentence(
    history: Path, harm: Callable[[Path], object]
) -> None:
    harm(history)

    with contextlib.closing(History(history)) as found:
        found.record([Event(NOON, EventKind.CHANGED, why="after")])
        assert kept(found) == ["after"]
        notice = found.take_notice() or ""

    (put_away,) = history.parent.glob("history.sqlite.damaged-*Z")
    assert notice == f"the history was damaged and put away as {put_away.name}; begun anew"
    with contextlib.closing(History(history)) as found:
        assert (kept(found), found.take_notice()) == (["after"], None)


def test_damage_that_shows_while_the_history_is_open_costs_what_it_held(history: Path) -> None:
    with contextlib.closing(History(history)) as found:
        page_of(history, "event")
        history.write_bytes(b"\xff" * history.stat().st_size)

        found.record([Event(NOON, EventKind.CHANGED, why="after")])

        assert kept(found) == ["after"]


def test_a_history_that_was_removed_under_a_running_process_is_begun_anew(history: Path) -> None:
    with contextlib.closing(History(history)) as found:
        history.unlink()

        found.record([Event(NOON, EventKind.CHANGED, why="after")])

        assert history.exists()
        assert kept(found) == ["after"]


def test_while_the_disk_is_full_what_happens_is_kept_in_memory_and_said_once(
    history: Path,
) -> None:
    with contextlib.closing(History(history)) as found, full_disk():
        found.record([Event(NOON, EventKind.CHANGED, why="after")])
        found.record([Event(NOON, EventKind.CHANGED, why="later")])

        assert kept(found) == ["before", "after", "later"]
        assert (found.take_notice() or "").startswith("what happens is not written down for now: ")
        assert found.take_notice() is None


def test_a_history_that_can_have_no_folder_keeps_nobody_from_anything(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")

    with contextlib.closing(History(tmp_path / "data" / "history.sqlite")) as found:
        found.record([Event(NOON, EventKind.CHANGED, why="after")])

        assert kept(found) == ["after"]
        assert found.take_notice()


def test_a_history_that_somebody_keeps_locked_is_not_waited_for_again_and_again(
    history: Path,
) -> None:
    with (
        contextlib.closing(History(history)) as found,
        contextlib.closing(sqlite3.connect(history, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()

        for _ in range(9):
            found.record([Event(NOON, EventKind.CHANGED, why="after")])

        assert kept(found) == ["before", *["after"] * 9]
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("harm", [make_a_folder_of, lambda path: path.write_bytes(b"x" * 999)])
def test_a_command_says_it_and_goes_on(
    home: Path, paths: Paths, harm: Callable[[Path], object]
) -> None:
    harm(paths.history)
    house = Household(home)

    first, second = (rotator(house, "accounts") for _ in range(2))

    assert (first.code, second.code, second.stderr) == (0, 0, "")
    (line,) = first.stderr.splitlines()
    assert line.startswith("! the history was damaged and put away as history.sqlite.damaged-2026-")


def test_a_copy_of_the_accounts_is_never_made_of_damaged_rows(paths: Paths) -> None:
    with opened(paths) as live:
        before = Backups(paths).newest_first()
        changed_row(paths, "UPDATE account SET plan = 'pro'")

        live.context.mend()

        assert [one.path for one in before if not one.path.exists()] == []
        assert live.names() == sorted(SAVED)
