"""A store that is damaged, in whichever way: set aside, built anew, and the user is told."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.context import Purpose, open_context
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.model import AccountState, Descent, Digest, EventKind, PendingRefresh
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.storage import repair
from rotator.storage.backups import DAMAGED_KEPT, Backups
from rotator.storage.damaged import opened_damaged, readable_rows
from rotator.storage.database import REBUILT
from rotator.storage.migrations import STORE, set_version
from rotator.storage.repair import mend
from rotator.storage.store import Store
from rotator.system.locks import swap_lock
from rotator.system.paths import Paths, find_paths
from tests.support.builders import a_limit
from tests.support.children import Lines, child, end
from tests.support.descents import seen_login, seen_refresh
from tests.support.faults import Crash, Seam, Step, at
from tests.support.home import places
from tests.support.household import Household
from tests.support.interrupted import memory_folder, picture_of
from tests.support.live import (
    NOON,
    REGISTRY,
    Entry,
    HandClock,
    Live,
    api,
    as_opencode,
    break_row,
    full_disk,
    oauth,
    open_live,
    run_at_once,
)
from tests.support.namespaces import bind, rotator_inside
from tests.support.rotator_process import accounts, events, rotator, watcher
from tests.support.waiting import wait_until

# Some go through every step of a rebuilding, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

PAGE = 4096
PROGRAM = (sys.executable, "-m", "rotator")
ADA, BOB = "named/ada-acme.example", "named/bob-acme.example"
A, B = "acme/acme-1", "acme/acme-2"
LIVE: dict[str, Entry] = {"named": oauth("bob"), "acme": api("b")}
SAVED = {A: api("a"), B: api("b"), ADA: oauth("ada"), BOB: oauth("bob")}


@pytest.fixture
def paths(home: Path) -> Paths:
    """Make a store with four accounts, two of them live, and a copy of it; nobody has it open."""
    furnish(home)
    return find_paths(places(home))


def furnish(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        live.sees(LIVE)
        with live.context.store.transaction():
            live.context.store.set_balancing(on=False)
        live.context.back_up_if_due()


@contextlib.contextmanager
def opened(paths: Paths, *, watching: bool = False) -> Iterator[Live]:
    """Open the context an hour later."""
    clock = HandClock()
    clock.now = NOON + timedelta(hours=1)
    purpose = Purpose.WATCH if watching else Purpose.CHANGE
    with open_context(paths, clock=clock, registry=REGISTRY, purpose=purpose) as context:
        yield Live(context, clock)


def renew(live: Live, name: str, entry: Entry) -> None:
    account = live.account(name)
    credential = parse_entry(account.provider, Secret(as_opencode(entry).decode()))
    who = live.context.registry.identify(account.provider, credential)
    with live.context.store.transaction():
        live.context.store.renew_credential(account, credential, who, live.clock())


def aside(paths: Paths) -> list[Path]:
    """Return the damaged stores that were set aside, without what stood beside them."""
    found = paths.data.glob("rotator.sqlite.damaged-*Z")
    return sorted(found)


def told(live: Live) -> str:
    """Return the one problem that was told."""
    (event,) = [event for event in live.events() if event.kind is EventKind.PROBLEM]
    return event.why


# -- how a store may be damaged ------------------------------------------------------------------


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def page_of(path: Path, table: str) -> int:
    """Return where the first page of a table begins, which stands in no -wal then."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        root: int = row.fetchone()[0]
    return (root - 1) * PAGE


def zero_page_of(path: Path, table: str) -> None:
    overwrite(path, page_of(path, table), bytes(PAGE))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "header overwritten": lambda path: overwrite(path, 0, b"\xff" * 100),
    "header without its schema's number": lambda path: overwrite(path, 60, bytes(4)),
    "cut to 100 bytes": lambda path: os.truncate(path, 100),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "list of tables zeroed": lambda path: overwrite(path, 100, bytes(PAGE - 100)),
    "accounts zeroed": lambda path: zero_page_of(path, "account"),
    "digests zeroed": lambda path: zero_page_of(path, "digest"),
    "index zeroed": lambda path: zero_page_of(path, "sqlite_autoindex_account_1"),
    "everything overwritten": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "a text": lambda path: path.write_text("not a database\n"),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_with_a_copy_no_damage_costs_an_account_or_a_setting(
    paths: Paths, damage: Callable[[Path], object]
) -> None:
    damage(paths.store)
    left = paths.store.read_bytes() if paths.store.exists() else b""

    with opened(paths, watching=True) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert not live.state.balancing
        live.look(watched=False)
        assert (live.active("named"), live.active("acme")) == ("bob-acme.example", "acme-2")
        assert live.entries() == LIVE
        assert told(live).startswith("the store was ")

    set_aside = aside(paths)
    assert [path.read_bytes() for path in set_aside] == ([left] if left else [])
    assert [stat.S_IMODE(path.stat().st_mode) for path in set_aside] == [0o600] * len(set_aside)
    with opened(paths, watching=True) as live:
        assert "damaged" in told(live) or "gone" in told(live)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_without_a_copy_what_is_in_auth_json_comes_back(
    paths: Paths, damage: Callable[[Path], object]
) -> None:
    shutil.rmtree(paths.backups)
    damage(paths.store)

    with opened(paths, watching=True) as live:
        live.look(watched=False)

        assert live.entries() == LIVE
        assert {p: live.saved(f"{p}/{live.active(p)}") for p in LIVE} == LIVE


def test_a_wal_of_garbage_loses_nothing_that_was_copied(home: Path, paths: Paths) -> None:
    with open_live(home) as live:
        live.sees(LIVE | {"acme": api("c")})
        live.context.back_up_if_due()
        wal = paths.store.with_name("rotator.sqlite-wal")
        store = paths.store.read_bytes()
    paths.store.write_bytes(store)
    wal.write_bytes(os.urandom(40_000))

    with opened(paths, watching=True) as live:
        assert live.saved("acme/acme-3") == api("c")
        # Nobody can tell what it held.
        assert told(live).endswith("; lost: perhaps what was saved last")
    (damaged,) = aside(paths)
    assert damaged.with_name(f"{damaged.name}-wal").stat().st_size == 40_000


def test_what_stood_beside_a_damaged_store_is_set_aside_with_it(paths: Paths) -> None:
    paths.store.write_text("not a database")
    for ending in ("-wal", "-shm"):
        beside = paths.store.with_name(paths.store.name + ending)
        beside.write_bytes(b"garbage")
        beside.chmod(0o644)

    with opened(paths) as live:
        assert live.names() == sorted(SAVED)
        (damaged,) = aside(paths)
        beside = damaged.with_name(f"{damaged.name}-wal")

    assert damaged.name == "rotator.sqlite.damaged-2026-11-22T130000.000Z"
    assert beside.read_bytes() == b"garbage"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in paths.data.glob("rotator.sqlite*")}
    assert modes == {0o600}


# -- what is taken from where --------------------------------------------------------------------


def test_what_can_still_be_read_is_newer_than_the_copy(home: Path, paths: Paths) -> None:
    with open_live(home) as live:
        renew(live, ADA, oauth("ada", 2))
        live.sees(LIVE | {"acme": api("c")})
        ledger.rename(live.context, live.account(B), "work")
        (copy,) = Backups(paths).newest_first()
    zero_page_of(paths.store, "tenure")

    with opened(paths, watching=True) as live:
        found = {name: live.saved(name) for name in live.names()}
        assert copy.made_at == NOON
        assert found == {
            A: api("a"),
            "acme/work": api("b"),
            "acme/acme-3": api("c"),
            ADA: oauth("ada", 2),
            BOB: oauth("bob"),
        }
        assert told(live).endswith("; lost: nothing")


def pages(path: Path) -> range:
    return range(path.stat().st_size // PAGE)


def test_whichever_page_is_lost_no_account_gets_older_tokens_unsaid(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        renew(live, ADA, oauth("ada", 2))
        live.sees(LIVE | {"acme": api("c")})
    template = home.with_name(f"{home.name}-before")
    shutil.copytree(paths.data, template)

    for page in pages(paths.store):
        shutil.rmtree(paths.data)
        shutil.copytree(template, paths.data)
        overwrite(paths.store, page * PAGE, bytes(PAGE))
        with opened(paths, watching=True) as live:
            live.look(watched=False)
            found = {name: live.saved(name) for name in live.names()}
            saying = "; ".join(e.why for e in live.events() if e.kind is EventKind.PROBLEM)

            assert found.keys() == {*SAVED, "acme/acme-3"}, page
            assert found[ADA] == oauth("ada", 2) or ADA in saying or "saved since" in saying, page
            assert found | {ADA: None} == SAVED | {ADA: None, "acme/acme-3": api("c")}, page
            assert live.entries() == LIVE | {"acme": api("c")}
    shutil.rmtree(template)


def test_an_older_row_on_a_damaged_disk_is_not_taken_for_the_newest(
    home: Path, paths: Paths
) -> None:
    """A disk that has lost writes holds pages of before."""
    before = paths.store.read_bytes()
    with open_live(home) as live:
        renew(live, ADA, oauth("ada", 2))
        live.context.back_up_if_due()
    paths.store.write_bytes(before)
    zero_page_of(paths.store, "aside")

    with opened(paths, watching=True) as live:
        assert live.saved(ADA) == oauth("ada", 2)


def test_a_credential_with_a_wrong_bit_is_not_taken_for_a_newer_one(paths: Paths) -> None:
    content = paths.store.read_bytes()
    assert content.count(b"REF-CANARY-ada-1") == 1
    paths.store.write_bytes(content.replace(b"REF-CANARY-ada-1", b"REF-CANARY-bda-1"))
    zero_page_of(paths.store, "aside")

    with opened(paths, watching=True) as live:
        assert live.saved(ADA) == oauth("ada")


def test_tokens_that_were_lost_are_told_by_name_and_taken_from_auth_json(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        live.sees(LIVE | {"named": oauth("bob", 2)})
    zero_page_of(paths.store, "account")

    with opened(paths) as live:
        assert live.saved(BOB) == oauth("bob")
        assert f"newer tokens of {BOB}" in told(live)
        assert "perhaps what was noted last of " in told(live)

        live.look(watched=False)

        assert live.saved(BOB) == oauth("bob", 2)
        assert live.entries()["named"] == oauth("bob", 2)


def test_an_account_that_could_not_be_understood_before_is_taken_from_the_copy(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        break_row(live, "acme-1")
        assert live.state.broken
    zero_page_of(paths.store, "aside")

    with opened(paths, watching=True) as live:
        assert live.state.broken == ()
        assert live.saved(A) == api("a")


@pytest.mark.parametrize("size", [0, 1, 16, 100, 511, 512, 4095])
def test_however_short_a_store_was_cut_its_copy_wins(paths: Paths, size: int) -> None:
    os.truncate(paths.store, size)

    with opened(paths) as live:
        assert set(live.names()) == {*SAVED}
        assert "rebuilt from the backup of" in told(live)


@pytest.mark.parametrize("size", [None, 0, 1, 300, 511, 512])
def test_of_a_store_that_was_cut_short_what_stands_in_its_log_is_kept(
    home: Path, paths: Paths, size: int | None
) -> None:
    log = paths.store.with_name("rotator.sqlite-wal")
    with open_live(home) as live:
        live.sees(LIVE | {"acme": api("c")})
        pages = log.read_bytes()
    assert api("c")["key"].encode() in pages
    log.write_bytes(pages)
    if size is None:
        paths.store.unlink()
    else:
        os.truncate(paths.store, size)

    with opened(paths) as live:
        assert live.saved("acme/acme-3") == api("c")
        assert set(live.names()) == {*SAVED, "acme/acme-3"}
        assert "what could be read of it" in told(live)


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=365)])
@pytest.mark.parametrize("is_copied_since", [False, True])
def test_after_a_clock_that_was_ahead_what_is_lost_is_named(
    home: Path, ahead: timedelta, *, is_copied_since: bool
) -> None:
    with open_live(home) as live:
        live.clock.now += ahead
        live.sees({"acme": api("a")})
        live.context.back_up_if_due()
        live.clock.now -= ahead
        live.sees({"acme": api("b")})
        live.clock.pass_time(seconds=5)
        if is_copied_since:
            live.context.back_up_if_due()
        live.sees({"acme": api("c")})
        paths = live.paths
    overwrite(paths.store, 0, os.urandom(paths.store.stat().st_size))

    with opened(paths) as live:
        lost = told(live).partition("lost: ")[2]
        assert "whatever was saved since" in lost
        assert "acme/acme-3" in lost
        assert ("acme/acme-2" in lost) is not is_copied_since


def test_what_happened_while_the_clock_was_ahead_did_not_happen_since_the_copy(
    home: Path,
) -> None:
    with open_live(home) as live:
        live.clock.now += timedelta(days=365)
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        live.clock.now -= timedelta(days=365)
        live.context.back_up_if_due()
        live.clock.pass_time(seconds=5)
        (one,) = (a for a in live.context.store.state().accounts if a.alias == "acme-1")
        live.sees({"acme": api("c")})
        ledger.rename(live.context, one, "mine")
        paths = live.paths
    overwrite(paths.store, 0, os.urandom(paths.store.stat().st_size))

    with opened(paths) as live:
        assert told(live).endswith("lost: whatever was saved since (acme/acme-3, acme/mine)")


@pytest.mark.parametrize("size", [None, 0, 1, 511])
def test_without_a_copy_all_that_the_history_names_is_told_of_a_store_that_is_gone(
    paths: Paths, size: int | None
) -> None:
    shutil.rmtree(paths.backups)
    if size is None:
        paths.store.unlink()
    else:
        os.truncate(paths.store, size)

    with opened(paths) as live:
        assert "begun anew; lost: whatever it held (acme/acme-1, acme/acme-2, " in told(live)
        live.look(watched=False)
        assert live.entries() == LIVE
    with opened(paths) as live:
        assert live.names()


def test_where_there_was_never_a_store_nothing_is_lost(home: Path) -> None:
    with open_live(home) as live:
        assert live.events() == []


@pytest.mark.parametrize("beside", ["-wal", "a copy"])
def test_a_huge_file_beside_a_damaged_store_is_not_read_whole(paths: Paths, beside: str) -> None:
    file = newest_copy(paths) if beside == "a copy" else paths.store.with_name("rotator.sqlite-wal")
    file.touch()
    os.truncate(file, 1 << 40)
    zero_page_of(paths.store, "account")
    limit = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, limit[1]))
    try:
        with opened(paths) as live:
            assert {*SAVED} <= set(live.names())
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limit)


def newest_copy(paths: Paths) -> Path:
    """Return a name that a copy newer than all may have."""
    return paths.data / "backups" / "accounts-2027-01-01T000000.000Z-0123456789abcdef.sqlite"


@pytest.mark.parametrize(
    "make",
    [Path.touch, Path.mkdir, os.mkfifo, lambda path: path.write_bytes(b"x")],
    ids=["empty", "a folder", "a pipe", "one byte"],
)
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: overwrite(path, 100, b"\xff" * 5000)])
def test_what_is_no_copy_in_the_place_of_one_costs_itself(
    paths: Paths, make: Callable[[Path], object], harm: Callable[[Path], object]
) -> None:
    make(newest_copy(paths))
    harm(paths.store)

    with opened(paths) as live:
        assert set(live.names()) == {*SAVED}
        assert "rebuilt from the backup of" in told(live)


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo])
def test_a_doctor_names_a_copy_that_is_none(
    home: Path, paths: Paths, make: Callable[[Path], object]
) -> None:
    make(newest_copy(paths))

    said = rotator(Household(home), "doctor").stdout

    assert f"{newest_copy(paths)}, cannot be read" in said


def test_where_there_never_was_a_store_there_is_nothing_to_rebuild(home: Path) -> None:
    paths = find_paths(places(home))

    assert not mend(paths, Backups(paths), NOON)

    assert not paths.store.exists()


def test_an_account_that_was_removed_does_not_come_back_with_a_copy(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live, live.context.store.transaction():
        live.context.store.remove_account(live.account(A), NOON)
    zero_page_of(paths.store, "aside")

    with opened(paths, watching=True) as live:
        assert live.names() == sorted({*SAVED} - {A})


def test_what_is_kept_aside_and_a_refresh_under_way_survive_where_they_can_be_read(
    home: Path, paths: Paths
) -> None:
    answer = Secret(as_opencode(oauth("ada", 2)).decode())
    with open_live(home) as live, live.context.store.transaction():
        live.context.store.keep_unclaimed(b'{"zeta":', "half-written", NOON)
        spent = digest_of("REF-CANARY-ada-1")
        pending = PendingRefresh(live.account(ADA).id, spent, NOON)  # type: ignore[arg-type]
        live.context.store.answer_refresh(pending, answer)
    zero_page_of(paths.store, "tenure")

    with opened(paths, watching=True) as live:
        assert [one.content for one in live.context.store.unclaimed_contents()] == [b'{"zeta":']
        assert [one.answer for one in live.state.refreshes.values()] == [answer]


@pytest.mark.parametrize("damaged", ["account", "exchange", "gone"])
def test_a_token_that_somebody_else_has_exchanged_is_not_sent_by_a_rebuilt_store(
    paths: Paths, damaged: str
) -> None:
    with opened(paths) as live:
        seen_refresh(live, oauth("ada"), oauth("ada", 2))
        live.look()
        assert live.context.back_up_if_due()
    if damaged == "gone":
        lose(paths.store)
    else:
        zero_page_of(paths.store, damaged)

    with opened(paths) as live:
        assert live.state_of(ADA) is AccountState.REJECTED
        assert live.state_of(BOB) is AccountState.READY


@pytest.mark.parametrize("damaged", ["account", "descent", "gone"])
def test_where_tokens_came_from_is_known_to_a_rebuilt_store(paths: Paths, damaged: str) -> None:
    """A bridge tells of tokens before they stand in auth.json."""
    with opened(paths) as live:
        seen_refresh(live, oauth("ada"), oauth("ada", 2))
        seen_login(live, oauth("cyd"))
        live.look()
        live.context.back_up_if_due()
        known = descents_of(live)
    if damaged == "gone":
        lose(paths.store)
    else:
        zero_page_of(paths.store, damaged)

    with opened(paths) as live:
        assert [one is not None for one in known] == [True, True]
        assert descents_of(live) == known


def lose(store: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)


def descents_of(live: Live) -> list[Descent | None]:
    tokens = ("REF-CANARY-ada-2", "REF-CANARY-cyd-1")
    return [live.context.store.descent(Digest(digest_of(token))) for token in tokens]


def test_who_is_live_is_found_out_anew_where_the_last_auth_json_is_lost(paths: Paths) -> None:
    zero_page_of(paths.store, "live")

    with opened(paths, watching=True) as live:
        assert live.active("acme") is None
        live.look(watched=False)
        assert (live.active("acme"), live.active("named")) == ("acme-2", "bob-acme.example")


def test_what_changed_in_auth_json_meanwhile_is_understood_as_always(paths: Paths) -> None:
    """An entry that went while nobody watched empties its slot."""
    zero_page_of(paths.store, "aside")

    with opened(paths, watching=True) as live:
        live.sees({"named": oauth("bob")}, watched=False)

        assert (live.active("acme"), live.active("named")) == (None, "bob-acme.example")


def test_of_a_damaged_copy_the_sound_rows_are_taken_and_the_others_from_the_one_before(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        live.clock.pass_time(hours=2)
        renew(live, ADA, oauth("ada", 2))
        live.context.back_up_if_due()
    newest = Backups(paths).newest_first()[0]
    overwrite(newest.path, PAGE, bytes(PAGE))
    overwrite(paths.store, 0, b"\xff" * 100)

    with opened(paths) as live:
        assert live.names() == sorted(SAVED)
        assert live.saved(ADA) == oauth("ada", 2)
        copies = "the backup of 2026-11-22 12:00:00 UTC and the backup of 2026-11-22 14:00:00 UTC"
        assert f"rebuilt from {copies} and what could be read of it; lost: nothing" in told(live)


def test_what_was_saved_since_the_newest_sound_copy_is_named_where_a_newer_one_is_damaged(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        live.clock.pass_time(minutes=20)
        live.sees({**LIVE, "zeta": api("z")})
        live.clock.pass_time(minutes=20)
        live.context.back_up_if_due()
    newest = Backups(paths).newest_first()[0]
    for path in (newest.path, paths.store):
        zero_page_of(path, "account")
        zero_page_of(path, "digest")
        for index in ("account_1", "account_2", "digest_1"):
            zero_page_of(path, f"sqlite_autoindex_{index}")

    with opened(paths) as live:
        assert live.names() == sorted(SAVED)
        assert "lost: whatever was saved since (" in told(live)
        assert "zeta/zeta-1" in told(live)


def test_of_a_copy_that_was_cut_off_what_stands_before_is_taken(home: Path, paths: Paths) -> None:
    with open_live(home) as live:
        live.clock.pass_time(hours=2)
        renew(live, ADA, oauth("ada", 2))
        live.context.back_up_if_due()
    newest = Backups(paths).newest_first()[0].path
    os.truncate(newest, newest.stat().st_size // 2)
    paths.store.unlink()

    with opened(paths) as live:
        assert live.names() == sorted(SAVED)
        assert live.saved(ADA) == oauth("ada", 2)


def test_where_every_copy_is_damaged_and_nothing_is_left_it_is_begun_anew(paths: Paths) -> None:
    for copy in paths.backups.iterdir():
        copy.write_text("nothing")
    paths.store.unlink()

    with opened(paths) as live:
        assert "the store was gone; begun anew; lost: whatever it held (acme/acme-1, " in told(live)
        live.look(watched=False)
        assert live.names() == [A, "named/bob-acme.example"]


def test_a_copy_of_a_newer_version_is_not_gone_behind(paths: Paths) -> None:
    (copy,) = paths.backups.iterdir()
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        set_version(connection, len(STORE) + 1)
    overwrite(paths.store, 0, b"\xff" * 100)
    before = paths.store.read_bytes()

    with pytest.raises(NewerSchema), opened(paths):
        pass

    assert paths.store.read_bytes() == before


def test_damaged_stores_that_were_set_aside_are_few(paths: Paths) -> None:
    for _ in range(DAMAGED_KEPT + 2):
        paths.store.write_text("not a database")
        with opened(paths):
            pass

    names = [path.name for path in aside(paths)]

    stamps = [f"2026-11-22T130000.00{n}Z" for n in range(DAMAGED_KEPT + 2)]
    assert names == [f"rotator.sqlite.damaged-{stamp}" for stamp in stamps[-DAMAGED_KEPT:]]


# -- when it shows later -------------------------------------------------------------------------


def test_damage_that_shows_in_a_query_is_mended_under_whoever_has_the_store_open(
    home: Path, paths: Paths
) -> None:
    with open_live(home) as live:
        names = live.names()

    with open_live(home) as live:
        zero_page_of(paths.store, "aside")
        with pytest.raises(StoreDamaged):
            list(live.context.store.unclaimed_contents())

        assert live.context.mend()

        assert list(live.context.store.unclaimed_contents()) == []
        assert live.names() == names
        assert told(live).endswith("; lost: perhaps some of what was kept aside")
        assert not live.context.mend()


def test_a_process_that_has_the_old_file_open_follows_to_the_new_one(paths: Paths) -> None:
    with opened(paths) as old:
        inside = old.context.store
        zero_page_of(paths.store, "aside")
        assert not inside.is_replaced()
        with opened(paths, watching=True) as other:
            assert inside.is_replaced()
            with other.context.store.transaction():
                other.context.store.set_balancing(on=True)

            assert old.state.balancing
            assert not inside.is_replaced()
            with inside.transaction():
                inside.rename_account(old.account(A), "work")

            assert "acme/work" in other.names()


def test_a_rebuilding_waits_for_whoever_is_about_to_change_auth_json(paths: Paths) -> None:
    paths.store.write_text("not a database")
    mended = threading.Thread(target=mend, args=(paths, Backups(paths), NOON))

    with swap_lock(paths.swap_lock):
        mended.start()
        mended.join(0.3)
        assert mended.is_alive()
        assert aside(paths) == []
    mended.join(10)

    assert len(aside(paths)) == 1


def test_nobody_writes_into_a_store_whose_rebuilding_was_not_finished(paths: Paths) -> None:
    with Store(paths.store) as store:
        paths.store.with_name(f"{paths.store.name}{REBUILT}2026-11-22T120000.000Z").touch()

        with pytest.raises(StoreDamaged), store.transaction():
            store.set_balancing(on=True)

        assert not store.state().balancing


def test_rows_on_both_sides_of_a_damaged_page_are_read(tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE many (text TEXT)")
        numbers = [(f"number {number}",) for number in range(20_000)]
        connection.executemany("INSERT INTO many VALUES (?)", numbers)
        size = len(connection.execute("SELECT rowid FROM many").fetchall())
    overwrite(path, path.stat().st_size // 2 // PAGE * PAGE, bytes(PAGE))

    with opened_damaged(path) as damaged:
        found = readable_rows(damaged, "many")

    lost = size - len(found.rows)
    assert 0 < lost < 500
    assert not found.whole
    texts = [row["text"] for row in found.rows]
    assert texts == sorted(texts, key=lambda text: int(text.removeprefix("number ")))
    assert {"number 0", "number 19999"} <= set(texts)


def test_a_change_that_was_begun_before_the_rebuilding_is_in_the_new_store(paths: Paths) -> None:
    zero_page_of(paths.store, "aside")
    mended = threading.Thread(target=mend, args=(paths, Backups(paths), NOON))

    with Store(paths.store) as store:
        account = store.state().accounts[0]
        with store.transaction():
            mended.start()
            store.rename_account(account, "work")
            mended.join(0.3)
            assert mended.is_alive()
        mended.join(10)

        assert not mended.is_alive()
        assert store.is_replaced()
        assert "work" in store.aliases(account.provider) | {a.alias for a in store.state().accounts}


# -- several processes, and dying on the way -----------------------------------------------------

OPEN_AND_LIST = """
import sys
from rotator.context import Purpose, open_context
from rotator.system.paths import find_paths
print("ready", flush=True)
sys.stdin.readline()
with open_context(find_paths(), purpose=Purpose.WATCH) as context:
    for account in context.store.state().accounts:
        with context.store.transaction():
            context.store.set_disabled(account.id, "by " + sys.argv[1])
"""


def test_many_processes_that_meet_a_damaged_store_at_once_rebuild_it_once(paths: Paths) -> None:
    zero_page_of(paths.store, "account")

    said = run_at_once(OPEN_AND_LIST, [[f"p{number}"] for number in range(4)])

    assert said == [""] * 4
    assert len(aside(paths)) == 1
    with opened(paths) as live:
        assert live.names() == sorted(SAVED)
        assert told(live)


def on_disk(step: Step) -> bool:
    """Leave out what is done to a database in memory: nobody sees how far that came."""
    return step.changes and step.path != Path(":memory:")


def die_at(number: int, paths: Paths) -> bool:
    """Die before a step of the rebuilding; tell whether there was such a step."""
    seam = Seam()
    stack = contextlib.ExitStack()
    with seam.watching(at(number, seam.crash, on_disk)):
        try:
            stack.enter_context(opened(paths, watching=True))
        except Crash:
            with contextlib.suppress(Crash):
                seam.bury(stack.close)
            return True
        stack.close()
    return False


def steps_with_new_deaths(home: Path) -> tuple[int, list[int]]:
    """Rebuild alive; return the number of steps, and before which a death leaves something new.

    Between two changes of the files every step is the same death, but that a write is cut off.
    """
    number, new, seen = 0, [], set()

    def look(step: Step) -> None:
        nonlocal number
        if on_disk(step):
            number += 1
            if (picture := picture_of(home, like=True)) not in seen or step.data:
                new.append(number)
            seen.add(picture)

    with Seam().watching(look), opened(find_paths(places(home)), watching=True):
        pass
    return number, new


def check_after_death(paths: Paths, where: str) -> None:
    with opened(paths, watching=True) as live:
        live.look(watched=False)
        assert {name: live.saved(name) for name in live.names()} == SAVED, where
        assert (live.active("acme"), live.entries()) == ("acme-2", LIVE), where
        why = " ".join(e.why for e in live.events() if e.kind is EventKind.PROBLEM)
        assert "the store was damaged" in why, where
    assert len(aside(paths)) == 1, where
    assert [path.name for path in paths.data.iterdir() if REBUILT in path.name] == [], where


def a_database_of_notes(_: Paths, place: Path) -> None:
    with contextlib.closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE note (id TEXT, provider TEXT, alias TEXT)")
        connection.execute("INSERT INTO note VALUES ('1', 'acme', 'nobody')")
        connection.commit()


def the_history(paths: Paths, place: Path) -> None:
    shutil.copy(paths.history, place)


@pytest.mark.parametrize("put", [the_history, a_database_of_notes])
def test_rows_of_a_database_of_another_kind_are_no_lost_accounts(
    paths: Paths, tmp_path: Path, put: Callable[[Paths, Path], None]
) -> None:
    put(paths, tmp_path / "other")
    shutil.copy(tmp_path / "other", paths.store)

    with opened(paths) as live:
        said = told(live)
        assert {name: live.saved(name) for name in live.names()} == SAVED

    assert said.endswith(f"; lost: whatever was saved since ({A}, {B}, {ADA}, {BOB})")


@pytest.mark.parametrize("is_mounted", [False, True])
def test_whoever_dies_while_rebuilding_is_finished_by_the_next(
    monkeypatch: pytest.MonkeyPatch, *, is_mounted: bool
) -> None:
    monkeypatch.setattr(repair, "is_mounted", lambda _: is_mounted)
    with memory_folder() as folder:
        template, home = folder / "template", folder / "home"
        furnish(template)
        store = find_paths(places(template)).store
        zero_page_of(store, "account")
        store.with_name("rotator.sqlite-wal").write_bytes(b"garbage")
        shutil.copytree(template, home)

        # What comes before the new store has its name is the same, and takes long.
        number = first_step_of_the_new(find_paths(places(home))) if is_mounted else 1
        shutil.rmtree(home)
        shutil.copytree(template, home)
        last, new = steps_with_new_deaths(home)
        for step in (number, *(later for later in new if later > number)):
            shutil.rmtree(home)
            shutil.copytree(template, home)
            assert die_at(step, find_paths(places(home)))
            check_after_death(find_paths(places(home)), f"died at step {step}")

    assert last > 40
    assert len(new) > 15


@pytest.mark.parametrize("is_left_from_before", [False, True])
def test_of_a_damaged_store_that_is_mounted_read_only_the_newest_backup_is_shown(
    paths: Paths, home: Path, tmp_path: Path, *, is_left_from_before: bool
) -> None:
    house, outside = Household(home), tmp_path / "rotator.sqlite"
    shutil.copy(paths.store, outside)
    content = outside.read_bytes()[:PAGE] + bytes(outside.stat().st_size - PAGE)
    outside.write_bytes(content)
    if is_left_from_before:
        # An older version began what it could not end.
        shutil.copy(paths.store, paths.store.with_name(f"rotator.sqlite{REBUILT}x"))
    log = paths.store.with_name("rotator.sqlite-wal")
    log.write_bytes(b"of the one before")
    setup = [bind(outside, paths.store, "ro")]
    before = named_like(paths.store)

    changed = rotator_inside(house, setup, "rotate", "acme", "acme-1")
    shown = rotator_inside(house, setup, "accounts", "--json")

    assert changed.code == 7
    assert "ead-only file system" in changed.stderr
    assert (outside.read_bytes(), log.read_bytes()) == (content, b"of the one before")
    assert shown.code == 0, shown
    names = [f"{a['provider']}/{a['alias']}" for a in shown.json()["accounts"]]
    assert sorted(names) == sorted(SAVED)
    assert "what is shown is its backup of 2026-11-22" in shown.stderr
    assert "is gone" not in shown.stderr + changed.stderr
    assert named_like(paths.store) == before


def named_like(store: Path) -> list[str]:
    """Return the names of what stands beside a store and is of it, but for SQLite's own index."""
    names = [path.name for path in store.parent.glob(f"{store.name}*")]
    return sorted(name for name in names if not name.endswith("-shm"))


def first_step_of_the_new(paths: Paths) -> int:
    with Seam().watching() as trace, opened(paths, watching=True):
        pass
    steps = [step for step in trace if on_disk(step)]
    return next(n for n, s in enumerate(steps, 1) if s.path and REBUILT in s.path.name)


def test_in_a_store_that_is_mounted_the_old_content_is_durable_before_it_is_written_over(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "is_mounted", lambda _: True)
    zero_page_of(paths.store, "account")
    left, inode = paths.store.read_bytes(), paths.store.stat().st_ino

    with Seam().watching() as trace, opened(paths, watching=True):
        pass

    writing = next(
        number for number, s in enumerate(trace) if (s.name, s.path) == ("pwrite", paths.store)
    )
    before = [s for s in trace[:writing] if s.path and ".damaged-" in s.path.name + str(s.to)]
    assert [s.name for s in before if s.name in {"fsync", "replace"}] == ["fsync", "replace"]
    assert [path.read_bytes() for path in aside(paths)] == [left]
    assert paths.store.stat().st_ino == inode


@pytest.mark.parametrize("damaged", ["account", "digest", "slot"])
def test_whoever_has_a_mounted_store_open_goes_on_with_what_is_written_into_it(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    monkeypatch.setattr(repair, "is_mounted", lambda _: True)
    with opened(paths) as live, contextlib.closing(Store(paths.store)) as other:
        other.state()
        # What stands in the log alone is older than the rebuilt store by then.
        renew(live, ADA, oauth("ada", 2, left=timedelta(hours=5)))
        offset = page_of_root(paths.store, damaged)
        with contextlib.closing(sqlite3.connect(paths.store)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        overwrite(paths.store, offset, bytes(PAGE))

        mend(paths, Backups(paths), live.clock())
        renew(live, BOB, oauth("bob", 2, left=timedelta(hours=6)))

        assert live.saved(BOB) == oauth("bob", 2, left=timedelta(hours=6))
        assert {account.name for account in other.state().accounts} == set(SAVED)
        with other.transaction():
            other.set_balancing(on=True)
        assert live.state.balancing
    with opened(paths, watching=True) as live:
        assert live.saved(BOB) == oauth("bob", 2, left=timedelta(hours=6))
        assert {name: live.saved(name) for name in (A, B)} == {A: api("a"), B: api("b")}
        live.context.store.require_sound()


def page_of_root(path: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        root: int = row.fetchone()[0]
    return (root - 1) * PAGE


@pytest.mark.parametrize("damage", ["a bit", "a page", "the header", "cut"])
def test_a_store_that_is_really_mounted_is_usable_after_one_command(
    paths: Paths, home: Path, tmp_path: Path, damage: str
) -> None:
    house, outside = Household(home), tmp_path / "rotator.sqlite"
    shutil.copy(paths.store, outside)
    # Somebody made it before this one was mounted over it.
    before, content = paths.store.read_bytes(), bytearray(outside.read_bytes())
    if damage == "a bit":
        content[content.index(b"KEY-CANARY-a") + 4] ^= 1
    elif damage == "a page":
        zero_page_of(outside, "account")
        content = bytearray(outside.read_bytes())
    elif damage == "the header":
        content[:100] = bytes(100)
    else:
        content = content[: len(content) // 2]
    outside.write_bytes(content)
    setup = [bind(outside, paths.store)]

    ended = rotator_inside(house, setup, "rotate", "acme", "acme-1")
    again = rotator_inside(house, setup, "doctor")

    assert (ended.code, "acme-1 is now live" in ended.stdout) == (0, True), ended
    assert house.read_auth()["acme"] == api("a")
    assert "is sound, schema" in again.stdout
    assert "is gone" not in ended.stderr + again.stdout
    assert paths.store.read_bytes() == before
    with contextlib.closing(sqlite3.connect(outside)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (4,)
    assert bytes(content) in [path.read_bytes() for path in aside(paths)]


def test_the_new_store_is_on_the_disk_before_the_old_one_loses_its_name(paths: Paths) -> None:
    zero_page_of(paths.store, "account")
    paths.store.with_name("rotator.sqlite-wal").write_bytes(b"garbage")

    with Seam().watching() as trace, opened(paths, watching=True):
        pass

    names = [word for step in trace if (word := in_words(step, paths)) not in {None, "move -shm"}]
    # The order in which a power cut may find it.
    assert names == [
        "write new",
        "sync new",
        "name new",
        "sync folder",
        "move -wal",
        "move store",
        "sync folder",
        "place new",
        "sync folder",
    ]


def test_whoever_dies_once_the_log_is_set_aside_is_followed_by_the_rebuilt_store(
    home: Path, paths: Paths
) -> None:
    log = paths.store.with_name("rotator.sqlite-wal")
    with open_live(home) as live:
        live.sees(LIVE | {"acme": api("c")})
        file, pages = paths.store.read_bytes(), bytearray(log.read_bytes())
    # The last frame's checksum; without its log the file is sound, and older.
    pages[-PAGE - 8] ^= 1
    paths.store.write_bytes(file)
    log.write_bytes(pages)
    seam = Seam()

    def die(step: Step) -> None:
        if in_words(step, paths) == "move store":
            seam.crash()

    with pytest.raises(Crash), seam.watching(die), opened(paths, watching=True):
        pytest.fail("it did not die")
    assert (log.exists(), paths.store.read_bytes()) == (False, file)

    with opened(paths) as live:
        assert live.saved("acme/acme-3") == api("c")
        assert set(live.names()) == {*SAVED, "acme/acme-3"}


def in_words(step: Step, paths: Paths) -> str | None:
    name = step.path.name if step.path else ""
    match step.name:
        case "write":
            return "write new"
        case "fsync":
            return {paths.data: "sync folder"}.get(step.path or Path(), "sync new")
        case "replace":
            return "place new" if step.to == paths.store else "name new"
        case "rename":
            return f"move {name.removeprefix(paths.store.name) or 'store'}"
        case _:
            return None


def test_a_full_disk_leaves_the_damaged_store_where_it_is(paths: Paths) -> None:
    overwrite(paths.store, 0, b"\xff" * 100)
    before = paths.store.read_bytes()

    with full_disk(), pytest.raises(StoreError) as caught, opened(paths):
        pass

    assert caught.value.exit_code == 7
    assert paths.store.read_bytes() == before
    with opened(paths) as live:
        assert live.names() == sorted(SAVED)


# -- what a person sees --------------------------------------------------------------------------


def test_a_command_says_in_one_line_what_became_of_the_store(home: Path, paths: Paths) -> None:
    house = Household(home)
    overwrite(paths.store, 0, b"\xff" * 100)

    first, second = (rotator(house, "accounts", "--json") for _ in range(2))

    assert (first.code, second.code, second.stderr) == (0, 0, "")
    (line,) = first.stderr.splitlines()
    assert line.startswith("! the store was damaged and set aside as rotator.sqlite.damaged-2026-")
    assert line.endswith(
        "; rebuilt from the backup of 2026-11-22 12:00:00 UTC and what could be read of it;"
        " lost: nothing"
    )
    assert len(first.json()["accounts"]) == len(SAVED)
    (problem,) = [event["why"] for event in events(house) if event["kind"] == "problem"]
    assert f"! {problem}" == line


def test_damage_that_only_the_look_at_auth_json_meets_is_mended_too(
    home: Path, paths: Paths
) -> None:
    zero_page_of(paths.store, "tenure")
    house = Household(home)
    house.write_auth(LIVE | {"acme": api("c")})

    ended = rotator(house, "accounts", "--json")

    assert ended.code == 0
    assert "the store was damaged" in ended.stderr
    assert "acme-3" in {account["alias"] for account in ended.json()["accounts"]}


def test_damage_that_only_the_work_of_a_command_would_meet_is_mended_before_it(
    home: Path, paths: Paths
) -> None:
    zero_page_of(paths.store, "sqlite_autoindex_removed_1")
    house = Household(home)

    ended = rotator(house, "accounts", "remove", A, "--yes")

    assert ended.code == 0
    assert "the store was damaged" in ended.stderr
    assert A.partition("/")[2] not in names_of(house)


def test_a_watcher_looks_at_the_whole_store_before_it_begins(home: Path, paths: Paths) -> None:
    zero_page_of(paths.store, "aside")
    house = Household(home)

    with child([*PROGRAM, "watch"], env=house.env(), cwd=home) as process:
        lines = Lines(process)
        line = lines.wait_for("the store was damaged", 30)
        lines.wait_for("watching ", 30)
        assert end(process) == 0
        lines.join()

    assert line.startswith("! ")
    assert len(aside(paths)) == 1


def test_damage_that_nobody_met_yet_is_found_when_the_accounts_are_copied(
    home: Path, paths: Paths
) -> None:
    zero_page_of(paths.store, "aside")

    ended = rotator(Household(home), "accounts", "rename", A, "work")

    assert (ended.code, len(aside(paths))) == (0, 1)
    assert "! the store was damaged" in ended.stderr
    with opened(paths, watching=True) as live:
        assert live.saved("acme/work") == api("a")


def test_a_running_watcher_rebuilds_the_store_and_goes_on(home: Path, paths: Paths) -> None:
    house = Household(home)
    with watcher(house):
        zero_page_of(paths.store, "account")
        with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
            # Whatever the watcher has read by now, it reads anew.
            connection.execute("UPDATE setting SET value = 'on' WHERE name = 'balancing'")
        house.write_auth(LIVE | {"acme": api("c")})
        wait_until(lambda: len(aside(paths)) == 1, 30, "the rebuilding")

        wait_until(lambda: "acme-3" in names_of(house), 30, "the login")

    (problem,) = [event["why"] for event in events(house) if event["kind"] == "problem"]
    assert problem.startswith("the store was damaged and set aside")
    assert names_of(house) == {"acme-1", "acme-2", "acme-3", "ada-acme.example", "bob-acme.example"}


def names_of(house: Household) -> set[str]:
    return {account["alias"] for account in accounts(house)}


# -- what is left over -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["empty", "folder", "pipe", "garbage", "an old copy", "a link", "a live one"]
)
def test_a_left_over_rebuilt_store_takes_the_place_of_no_sound_one(
    home: Path, paths: Paths, kind: str
) -> None:
    waiting = paths.store.with_name(f"{paths.store.name}.rebuilt-2026-11-29T000000.000Z")
    with opened(paths) as live:
        names = {account.name for account in live.context.store.state().accounts}
    old = min(paths.backups.iterdir())
    match kind:
        case "empty":
            waiting.touch()
        case "folder":
            waiting.mkdir()
        case "pipe":
            os.mkfifo(waiting)
        case "garbage":
            waiting.write_bytes(b"garbage" * 2000)
        case "a link":
            waiting.symlink_to(old)
        case "a live one":
            shutil.copy(paths.store, waiting)
            paths.store.with_name(f"{paths.store.name}.damaged-2026-11-29T000000.000Z-wal").touch()
        case _:
            waiting.write_bytes(old.read_bytes())
    before = paths.store.stat().st_ino

    ended = rotator(Household(home), "accounts", "--json")

    assert ended.code == 0, ended
    assert {f"{a['provider']}/{a['alias']}" for a in ended.json()["accounts"]} == names
    assert "lost" not in ended.stderr
    assert paths.store.stat().st_ino == before
    assert not os.path.lexists(waiting)


TABLES = ("account", "digest", "removed", "replaced", "setting", "slot", "table_seal")


@pytest.mark.parametrize("table", TABLES)
def test_a_wrong_bit_in_the_name_of_a_column_costs_nothing(paths: Paths, table: str) -> None:
    log_into(paths.store)
    whole = paths.store.read_bytes()
    with contextlib.closing(sqlite3.connect(paths.store)) as connection:
        (text,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    begin = whole.index(text.encode())
    assert columns
    for column in columns:
        place = begin + text.index(column, text.index("("))
        # The lowest bit that leaves it a letter.
        other = next(o for o in (whole[place] ^ 2, whole[place] ^ 1) if chr(o).isalpha())
        paths.store.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])

        with opened(paths) as live:
            assert {name: live.saved(name) for name in live.names()} == SAVED, column
            assert not live.state.balancing

        for path in (*aside(paths), *paths.store.parent.glob("rotator.sqlite-*")):
            path.unlink()


def test_a_rebuilding_that_was_begun_ends_with_what_had_been_built(paths: Paths) -> None:
    """Once the log of the store is set aside, what stands at its place is only a part."""
    log_into(paths.store)
    older = paths.store.read_bytes()
    with opened(paths) as live:
        live.sees(LIVE | {"acme": api("c")})
    log_into(paths.store)
    stamp = "2026-11-22T130000.000Z"
    paths.store.rename(f"{paths.store}{REBUILT}{stamp}")
    paths.store.write_bytes(older)
    paths.store.with_name(f"{paths.store.name}.damaged-{stamp}-wal").write_bytes(b"its log")

    with opened(paths) as live:
        assert "acme/acme-3" in live.names()


def log_into(store: Path) -> None:
    """Write what stands in the log into the store itself."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["to nothing", "in a circle", "to a file", "to a device"])
def test_a_link_beside_the_store_keeps_nobody_from_it(
    home: Path, paths: Paths, ending: str, kind: str
) -> None:
    """SQLite follows none there."""
    with opened(paths) as live:
        names = {account.name for account in live.context.store.state().accounts}
    place = paths.store.with_name(paths.store.name + ending)
    place.unlink(missing_ok=True)
    other = home / "precious"
    other.write_text("precious")
    to = {"to nothing": home / "no", "in a circle": place, "to a file": other}
    place.symlink_to(to.get(kind, Path("/dev/zero")))

    ended = rotator(Household(home), "accounts", "--json")

    assert ended.code == 0, ended
    assert {f"{a['provider']}/{a['alias']}" for a in ended.json()["accounts"]} == names
    assert (other.read_text(), (home / "no").exists()) == ("precious", False)


def take_schema_back(store: Path) -> None:
    """Make of a store one of the schema before, with the same rows and seals."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("ALTER TABLE account DROP COLUMN limit_uncounted")
        connection.execute("ALTER TABLE part_limit DROP COLUMN uncounted")
        set_version(connection, len(STORE) - 1)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("is_resting", [False, True], ids=["ready", "resting"])
def test_a_wrong_bit_in_a_store_of_an_older_schema_costs_nothing_that_a_copy_has(
    paths: Paths, *, is_resting: bool
) -> None:
    with opened(paths) as live:
        live.sees({"acme": api("a"), "zeta": api("z")})
        live.sees({"acme": api("b")})
        if is_resting:
            live.context.store.set_limit(
                live.account("acme/acme-1").id, a_limit(NOON + timedelta(days=1))
            )
        live.context.backups.back_up_if_due(live.context.store, live.clock.now)
        names = live.names()
    take_schema_back(paths.store)
    place = paths.store.read_bytes().find(b"KEY-CANARY-a")
    overwrite(paths.store, place, b"k")

    with opened(paths) as live:
        assert live.names() == names
        assert told(live).endswith("lost: nothing")
        assert live.saved("acme/acme-1")["key"] == "KEY-CANARY-a"
    assert any(b"KEY-CANARY-a" in copy.read_bytes() for copy in paths.backups.iterdir())


def test_a_new_schema_does_not_copy_a_wrong_bit_over_the_last_copy_that_is_sound(
    paths: Paths,
) -> None:
    with opened(paths) as live:
        for name in "uvcd":
            live.sees({"acme": api(name)})
            if name != "d":
                live.context.backups.back_up_if_due(live.context.store, live.clock.now)
            live.clock.pass_time(minutes=20)
    # The next copy takes the place of the newest, which alone has c.
    copies = [copy.path.read_bytes() for copy in Backups(paths).newest_first()]
    assert [b"KEY-CANARY-c" in copy for copy in copies] == [True, False, False]
    take_schema_back(paths.store)
    overwrite(paths.store, paths.store.read_bytes().find(b"KEY-CANARY-c"), b"k")

    with opened(paths) as live:
        assert live.saved("acme/acme-5")["key"] == "KEY-CANARY-c"
        assert told(live).endswith("lost: nothing")
