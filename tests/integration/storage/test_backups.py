"""Copies of the accounts: when they are made, what is in them, and what leaves them again."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import StoreDamaged
from rotator.model import NOBODY, AccountId, AccountState, Identity, Limit
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.storage.backups import Backups
from rotator.storage.images import opened_image
from rotator.storage.store import Store
from rotator.system.locks import hold_all
from rotator.system.paths import find_paths
from tests.support.descents import seen_login, seen_refresh
from tests.support.faults import Crash, Seam, Step, at
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import NOON, Entry, Live, api, as_opencode, full_disk, oauth, open_live
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

ADA, BOB = "named/ada-acme.example", "named/bob-acme.example"
A, B = "acme/acme-1", "acme/acme-2"
HOUR = timedelta(hours=1)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two people, and two keys, one of each live."""
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        live.sees({"named": oauth("bob"), "acme": api("b")})
        yield live


def copies(live: Live) -> list[Path]:
    """Return the files in the folder of the copies, oldest first."""
    folder = live.paths.backups
    return sorted(folder.iterdir()) if folder.is_dir() else []


@contextlib.contextmanager
def opened(copy: Path) -> Iterator[sqlite3.Connection]:
    with opened_image(copy.read_bytes(), copy) as connection:
        yield connection


def rows_in(copy: Path) -> dict[str, int]:
    """Return how many rows each table of a copy has."""
    with opened(copy) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608  # its own
            for (name,) in names
        }


def secrets_of(copy: Path) -> list[str]:
    with opened(copy) as connection:
        return [row[0] for row in connection.execute("SELECT entry FROM account ORDER BY alias")]


def places_of(text: str, folder: Path) -> list[str]:
    """Return the files below `folder` that hold `text` anywhere in their bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.name for path in files if text.encode() in path.read_bytes())


def keep_aside(live: Live, content: object) -> None:
    raw = content if isinstance(content, bytes) else as_opencode(content)  # type: ignore[arg-type]
    with live.context.store.transaction():
        live.context.store.keep_unclaimed(raw, "half-written", live.clock())


def renew(live: Live, name: str, entry: Entry) -> None:
    account = live.account(name)
    credential = parse_entry(account.provider, Secret(as_opencode(entry).decode()))
    who = live.context.registry.identify(account.provider, credential)
    with live.context.store.transaction():
        live.context.store.renew_credential(account, credential, who, live.clock())


# -- what a copy is --------------------------------------------------------------------------


def test_a_copy_is_private_whatever_the_umask(live: Live) -> None:
    before = os.umask(0)
    try:
        assert live.context.back_up_if_due()
    finally:
        os.umask(before)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (live.paths.backups, *copies(live))]
    assert modes == [0o700, 0o600]


def test_a_copy_s_name_says_when_it_was_made(live: Live) -> None:
    live.context.back_up_if_due()

    (copy,) = Backups(live.paths).newest_first()

    assert copy.made_at == NOON
    assert copy.path.name.startswith("accounts-2026-11-22T120000.000Z-")


def test_a_copy_holds_the_accounts_and_the_settings_and_nothing_else(live: Live) -> None:
    keep_aside(live, b"{")
    with live.context.store.transaction():
        live.context.store.set_balancing(on=False)
        live.context.store.note_purge()
    live.context.back_up_if_due()

    rows = rows_in(copies(live)[-1])

    assert {name: number for name, number in rows.items() if number} == {
        "account": 4,
        "digest": 6,
        # Balancing, the store's id, the number that was given last to what is kept aside, and
        # what is told of a copy that is in the store's place.
        "setting": 4,
    }


@pytest.mark.parametrize("told", ["a refresh", "a login", "a refresh of nobody's", "an owner"])
def test_what_is_learned_of_tokens_makes_a_copy_due_once(live: Live, told: str) -> None:
    """No account's row changes with it."""
    ada, store = live.account(ADA), live.context.store
    with store.transaction():
        store.keep_replaced(ada.id, ada.credential, NOBODY, NOON)
    assert live.context.back_up_if_due()
    if told == "a refresh":
        seen_refresh(live, oauth("ada"), oauth("ada", 2))
    elif told == "a login":
        seen_login(live, oauth("cyd"))
    elif told == "an owner":
        with store.transaction():
            store.name_replaced(1, Identity(key="user/eve"))
    else:
        seen_refresh(live, oauth("eve"), oauth("eve", 2))
    live.look()

    assert live.context.back_up_if_due()
    assert not live.context.back_up_if_due()
    live.look()
    assert not live.context.back_up_if_due()


def test_a_copy_has_no_byte_of_what_is_not_in_it(live: Live) -> None:
    keep_aside(live, {"zeta": api("aside")})
    live.sees(live.entries() | {"acme": {"type": "api", "key": ["KEY-CANARY-live"]}})

    live.context.back_up_if_due()

    content = copies(live)[-1].read_bytes()
    assert b"KEY-CANARY-a" in content
    assert [word for word in (b"CANARY-aside", b"CANARY-live") if word in content] == []


def many(live: Live) -> list[str]:
    """Save accounts of many sizes, so that rows move from page to page; return their secrets."""
    secrets = [f"KEY-CANARY-{n:03}-{'x' * (n * 37 % 900)}" for n in range(200)]
    with live.context.store.transaction():
        for number, secret in enumerate(secrets):
            credential = parse_entry("zeta", Secret(f'{{"type":"api","key":"{secret}"}}'))
            who = live.context.registry.identify("zeta", credential)
            live.context.store.add_account("zeta", f"n{number}", credential, who, live.clock())
    return [secret[:14] for secret in secrets]


def remove_some(live: Live) -> None:
    accounts = {int(account.alias[1:]): account for account in live.state.of("zeta")}
    for number in sorted(accounts):
        if number % 3:
            with live.context.store.transaction():
                live.context.store.remove_account(accounts[number], live.clock())


def test_what_deleted_rows_leave_behind_in_the_store_is_not_copied(live: Live) -> None:
    secrets = many(live)
    remove_some(live)
    kept = {account.credential.secret.reveal()[:14] for account in live.state.of("zeta")}
    with contextlib.closing(sqlite3.connect(live.paths.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store = live.paths.store.read_bytes()
    gone = [secret for secret in secrets if secret not in kept]
    # SQLite overwrites what is deleted, but not what moving rows left behind.
    assert any(secret.encode() in store for secret in gone)

    Backups(live.paths).back_up_before(live.context.store, NOON)

    content = copies(live)[-1].read_bytes()
    assert [secret for secret in gone if secret.encode() in content] == []


# -- when a copy is made -----------------------------------------------------------------------


Change = Callable[[Store, AccountId], None]
CHANGES: dict[str, tuple[Change, bool]] = {
    "nothing": (lambda _, __: None, False),
    "a limit": (
        lambda store, a: store.set_limit(a, Limit(AccountState.COOLING, NOON + HOUR, "429")),
        False,
    ),
    "a rejection": (lambda store, a: store.set_rejected(a, "401, no longer accepted"), False),
    "another one in the slot": (lambda store, a: store.set_active("acme", a, NOON), False),
    "another auth.json": (lambda store, _: store.set_live(b"{}", NOON), False),
    "disabling": (lambda store, a: store.set_disabled(a, "disabled by you"), True),
    "leave to refresh": (lambda store, a: store.allow_refresh(a, allowed=True), True),
    "balancing": (lambda store, _: store.set_balancing(on=False), True),
}


@pytest.mark.parametrize(("change", "due"), CHANGES.values(), ids=CHANGES.keys())
def test_a_copy_is_due_when_what_is_in_it_has_changed(
    live: Live, change: Change, *, due: bool
) -> None:
    assert live.context.back_up_if_due()

    with live.context.store.transaction():
        change(live.context.store, live.account(A).id)

    assert live.context.back_up_if_due() is due
    assert not live.context.back_up_if_due()


def test_a_copy_is_due_for_a_new_login_for_newer_tokens_and_for_a_new_name(live: Live) -> None:
    live.context.back_up_if_due()

    live.sees(live.entries() | {"acme": api("c")})
    assert live.context.back_up_if_due()
    live.sees(live.entries() | {"named": oauth("bob", 2)})
    assert live.context.back_up_if_due()
    ledger.rename(live.context, live.account(A), "work")
    assert live.context.back_up_if_due()

    assert "REF-CANARY-bob-2" in "".join(secrets_of(copies(live)[-1]))


def test_without_an_account_there_is_nothing_to_copy(home: Path) -> None:
    with open_live(home) as live:
        assert not live.context.back_up_if_due()

        assert copies(live) == []


def test_few_copies_are_kept_over_the_days(live: Live) -> None:
    for number in range(1, 60):
        live.clock.pass_time(hours=1, minutes=7)
        renew(live, ADA, oauth("ada", number))
        live.context.back_up_if_due()

    ages = [live.clock.now - one.made_at for one in Backups(live.paths).newest_first()]

    assert len(copies(live)) == len(ages) == 3
    assert ages[0] == timedelta()
    assert HOUR <= ages[1] <= timedelta(days=1, hours=2)
    assert timedelta(days=1) <= ages[2] <= timedelta(days=2, hours=2)


def test_a_clock_that_was_set_back_makes_no_new_copy_an_old_one(live: Live) -> None:
    live.context.back_up_if_due()
    live.clock.pass_time(days=-30)
    renew(live, ADA, oauth("ada", 2))

    live.context.back_up_if_due()

    assert "REF-CANARY-ada-2" in "".join(secrets_of(copies(live)[-1]))
    assert not live.context.back_up_if_due()


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(hours=8), timedelta(days=365)])
def test_a_clock_that_was_ahead_dates_no_copy_of_today(live: Live, ahead: timedelta) -> None:
    live.clock.now += ahead
    for number in (2, 3):
        renew(live, ADA, oauth("ada", number))
        live.context.back_up_if_due()
    live.clock.now -= ahead
    renew(live, ADA, oauth("ada", 4))

    live.context.back_up_if_due()

    newest, *older = Backups(live.paths).newest_first()
    assert newest.made_at == live.clock.now
    assert all(one.made_at < live.clock.now for one in older)
    for number, copy in enumerate(copies(live), 2):
        assert any(f"REF-CANARY-ada-{number}" in text for text in secrets_of(copy))
        assert not any(f"REF-CANARY-ada-{number + 1}" in text for text in secrets_of(copy))


def test_a_copy_of_a_clock_that_was_ahead_comes_behind_the_one_before_it(live: Live) -> None:
    live.context.back_up_if_due()
    before = live.clock.now
    live.clock.pass_time(days=365)
    renew(live, ADA, oauth("ada", 2))
    live.context.back_up_if_due()
    live.clock.now = before + 2 * HOUR
    renew(live, ADA, oauth("ada", 3))

    live.context.back_up_if_due()

    times = [one.made_at for one in Backups(live.paths).newest_first()]
    assert times == [live.clock.now, before + timedelta(milliseconds=1), before]


def test_few_copies_are_kept_over_the_days_after_a_clock_that_was_ahead(live: Live) -> None:
    live.clock.pass_time(days=365)
    live.context.back_up_if_due()
    live.clock.pass_time(days=-365)
    for number in range(2, 60):
        live.clock.pass_time(hours=1, minutes=7)
        renew(live, ADA, oauth("ada", number))
        live.context.back_up_if_due()

    ages = [live.clock.now - one.made_at for one in Backups(live.paths).newest_first()]

    assert ages[0] == timedelta()
    assert timedelta(days=1) <= ages[2] <= timedelta(days=2, hours=2)


def test_what_was_removed_is_in_no_copy_of_a_clock_that_was_ahead(live: Live) -> None:
    live.clock.pass_time(days=365)
    live.context.back_up_if_due()
    live.clock.pass_time(days=-365)

    ledger.remove(live.context, live.account(A))

    assert copies(live)
    assert places_of(api("a")["key"], live.paths.data) == []


def test_while_another_process_makes_one_nobody_waits_for_it(live: Live) -> None:
    held = hold_all([live.paths.backup_lock], patience_seconds=0)
    assert held is not None

    assert not live.context.back_up_if_due()

    held.release()
    assert live.context.back_up_if_due()


def test_files_of_others_in_the_folder_stay(live: Live) -> None:
    live.paths.backups.mkdir(mode=0o700)
    others = [live.paths.backups / name for name in ("notes.txt", "accounts-then-ab12.sqlite")]
    for other in others:
        other.write_text("mine")

    for number in range(1, 6):
        renew(live, ADA, oauth("ada", number))
        live.context.back_up_if_due()

    assert [other.read_text() for other in others] == ["mine", "mine"]
    assert len(copies(live)) == 5


def test_a_command_that_changes_an_account_leaves_a_copy(home: Path) -> None:
    house = Household(home)
    assert rotator(house, "accounts", "add", "acme", given="KEY-CANARY-a").code == 0

    copied = list(find_paths(places(home)).backups.iterdir())

    assert len(copied) == 1
    assert rotator(house, "status").code == 0
    assert list(find_paths(places(home)).backups.iterdir()) == copied


def test_a_watcher_leaves_a_copy_when_it_has_nothing_else_to_do(home: Path) -> None:
    house = Household(home)
    folder = find_paths(places(home)).backups
    with watcher(house):
        house.write_auth({"acme": api("a")})

        wait_until(lambda: folder.is_dir() and list(folder.glob("accounts-*")), 30, "a copy")

    assert len(list(folder.iterdir())) == 1


def test_what_was_captured_since_is_copied_without_waiting_and_nothing_else_is(live: Live) -> None:
    live.context.back_up_if_due(regular=False)
    renew(live, ADA, oauth("ada", 9))

    assert not live.context.back_up_if_due(regular=False)
    live.sees({"acme": api("new")})
    assert live.context.back_up_if_due(regular=False)
    assert not live.context.back_up_if_due(regular=False)
    assert len(copies(live)) == 2


def test_what_was_captured_is_in_the_store_s_own_file_where_no_copy_can_be_made(
    live: Live,
) -> None:
    live.context.back_up_if_due(regular=False)
    shutil.rmtree(live.paths.backups)
    live.paths.backups.touch()
    live.sees({"acme": api("new")})

    assert not live.context.back_up_if_due(regular=False)
    uri = f"{live.paths.store.as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        names = {alias for (alias,) in connection.execute("SELECT alias FROM account")}
    assert names == {account.alias for account in live.context.store.state().accounts}


# -- on the way ----------------------------------------------------------------------------------


def make_one(live: Live) -> None:
    renew(live, ADA, oauth("ada", 9))
    live.context.back_up_if_due()


def test_a_copy_is_on_the_disk_before_it_has_its_name_and_its_name_before_older_ones_go(
    home: Path,
) -> None:
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        for number in range(2, 5):
            renew(live, ADA, oauth("ada", number))
            live.context.back_up_if_due()
    with Seam().watching() as trace, open_live(home) as live:
        make_one(live)

    folder = live.paths.backups
    steps = [s for s in trace if s.path is not None and folder in (s.path, s.path.parent)]
    names = [step.name for step in steps]
    order = [names.index("write"), names.index("fsync"), names.index("replace")]
    order += [names.index("fsync", order[-1]), names.index("unlink")]
    assert order == sorted(order)
    assert steps[order[1]].path == steps[order[2]].path
    assert steps[order[3]].path == folder


def on_disk(step: Step) -> bool:
    """Leave out what is done to a database in memory: nobody sees how far that came."""
    return step.changes and step.path != Path(":memory:")


def crash_at(number: int, home: Path) -> bool:
    """Die before a step; tell whether there was such a step."""
    seam = Seam()
    stack = contextlib.ExitStack()
    with seam.watching(at(number, seam.crash, on_disk)):
        try:
            make_one(stack.enter_context(open_live(home)))
        except Crash:
            with contextlib.suppress(Crash):
                seam.bury(stack.close)
            return True
        stack.close()
    return False


def test_whoever_dies_while_making_a_copy_leaves_only_whole_ones(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        live.context.back_up_if_due()
        paths = live.paths

    number = 1
    while crash_at(number, home):
        number += 1
        found = Backups(paths).newest_first()
        assert [rows_in(one.path)["account"] for one in found] == [2] * len(found)
        assert found

    assert number > 15
    assert [path.name for path in paths.backups.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_keeps_nobody_from_working_and_is_said_once(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "rotator")

    with full_disk():
        done = [live.context.back_up_if_due() for _ in range(3)]

    assert done == [False, False, False]
    assert [r.name for r in caplog.records] == ["rotator.storage.backups"]
    assert copies(live) == []
    assert live.context.back_up_if_due()


def damage(path: Path) -> None:
    """Overwrite the second page and all behind it, and what is newer than the file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def test_a_damaged_store_is_never_copied_and_costs_no_copy(live: Live) -> None:
    live.context.back_up_if_due()
    renew(live, ADA, oauth("ada", 2))
    before = copies(live)

    with Store(live.paths.store) as store:
        damage(live.paths.store)
        with pytest.raises(StoreDamaged):
            Backups(live.paths).back_up_if_due(store, NOON)

    assert copies(live) == before


# -- what is removed leaves everything -----------------------------------------------------------


def test_a_removed_credential_is_in_no_byte_of_any_file(live: Live) -> None:
    for number in range(2, 6):
        renew(live, BOB, oauth("bob", number))
        live.clock.pass_time(days=1)
        live.context.back_up_if_due()
    keep_aside(live, {"zeta": api("z"), "named": oauth("bob", 5)})
    keep_aside(live, as_opencode({"named": oauth("bob", 4)})[:-40])
    live.paths.store.with_name("rotator.sqlite.damaged-2026-11-01T000000.000Z").write_bytes(
        live.paths.store.read_bytes()
    )

    with Store(live.paths.store) as other:
        assert len(other.state().accounts) == 4
        done = ledger.remove(live.context, live.account(BOB))

        assert done.note is None
        assert places_of("CANARY-bob", live.paths.data) == []

    assert live.names() == [A, B, ADA]
    assert places_of("KEY-CANARY-z", live.paths.data) != []
    assert ["CANARY-bob" in text for text in secrets_of(copies(live)[-1])] == [False] * 3
    assert places_of("CANARY-bob", live.file.parent) == []


def test_what_else_is_kept_aside_stays_word_for_word(live: Live) -> None:
    content = as_opencode({"zeta": api("z"), "acme": api("a"), "named": oauth("ada")})
    keep_aside(live, content)

    ledger.remove(live.context, live.account(A))

    (kept,) = [one.content for one in live.context.store.unclaimed_contents()]
    assert kept == content.replace(b"KEY-CANARY-a", b"*" * 12)


def test_a_removed_credential_is_no_other_account_s_previous_one(live: Live) -> None:
    renew(live, A, api("shared"))
    renew(live, A, api("a"))
    renew(live, B, api("shared"))

    ledger.remove(live.context, live.account(B))

    assert places_of("CANARY-shared", live.paths.data) == []
    assert live.saved(A) == api("a")


def test_rows_that_moved_leave_nothing_behind_after_a_removal(live: Live) -> None:
    secrets = many(live)
    remove_some(live)
    kept = {account.credential.secret.reveal()[:14] for account in live.state.of("zeta")}

    assert live.context.purge()

    left = [secret for secret in secrets if places_of(secret, live.paths.data)]
    assert left == [secret for secret in secrets if secret in kept]


def test_the_credential_that_a_merge_drops_leaves_everything(live: Live) -> None:
    live.sees({"named": oauth("bob", 1)})
    live.sees({"named": oauth("ada", 2)})
    with live.context.store.transaction():
        live.context.store.set_rejected(live.account(BOB).id, "401, login no longer accepted")
    live.context.back_up_if_due()

    ledger.merge(live.context, live.account(ADA), live.account(BOB))

    assert places_of("ACC-CANARY-bob-1", live.paths.data) == []
    assert len(copies(live)) == 1


def test_an_older_generation_is_overwritten_by_the_second_after_it(live: Live) -> None:
    for number in (2, 3):
        renew(live, ADA, oauth("ada", number))

    assert live.context.store.erase_deleted()

    assert places_of("ada-1", live.paths.data) == []
    assert places_of("ada-2", live.paths.data) == ["rotator.sqlite"]


@contextlib.contextmanager
def reader(live: Live) -> Iterator[None]:
    """Read the store for as long as the block runs, as nobody of ours does."""
    with contextlib.closing(sqlite3.connect(live.paths.store)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM account").fetchone()
        yield


def test_what_a_reader_holds_on_to_is_erased_at_the_next_chance(live: Live) -> None:
    with reader(live):
        done = ledger.remove(live.context, live.account(BOB))
        held = places_of("CANARY-bob", live.paths.data)
        assert not live.context.back_up_if_due()

    assert done.note == "its credential leaves the backups at the next chance"
    assert set(held) <= {"rotator.sqlite", "rotator.sqlite-wal"}
    assert live.context.back_up_if_due()
    assert places_of("CANARY-bob", live.paths.data) == []
    assert not live.context.back_up_if_due()


def test_while_somebody_writes_or_copies_what_was_removed_waits_too(live: Live) -> None:
    account = live.account(BOB)
    with live.context.store.transaction():
        live.context.store.remove_account(account, NOON)
    held = hold_all([live.paths.backup_lock], patience_seconds=0)
    assert held is not None
    assert not live.context.back_up_if_due()
    held.release()

    with contextlib.closing(sqlite3.connect(live.paths.store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert not live.context.purge()

    assert live.context.purge()
    assert places_of("CANARY-bob", live.paths.data) == []


def test_whoever_dies_before_the_erasing_leaves_it_to_the_next_command(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        live.context.back_up_if_due()
        account = live.account(A)
        with live.context.store.transaction():
            live.context.store.remove_account(account, NOON)
        data = live.paths.data
    assert places_of("KEY-CANARY-a", data) != []

    assert rotator(Household(home), "status").code == 0

    assert places_of("KEY-CANARY-a", data) == []


def test_copies_with_a_removed_credential_go_even_if_there_is_no_room_for_a_new_one(
    live: Live,
) -> None:
    live.context.back_up_if_due()
    account = live.account(BOB)
    with live.context.store.transaction():
        live.context.store.remove_account(account, NOON)
    with contextlib.closing(sqlite3.connect(live.paths.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    with full_disk(40_000):
        assert not live.context.purge()

    assert copies(live) == []
    assert live.context.back_up_if_due()
    assert len(copies(live)) == 1
    assert places_of("CANARY-bob", live.paths.data) == []


def test_the_last_account_that_is_removed_leaves_no_copy(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.context.back_up_if_due()

        ledger.remove(live.context, live.account(A))

        assert copies(live) == []
        assert places_of("CANARY", live.paths.data) == []


def test_a_damaged_store_is_no_reason_to_delete_copies(live: Live) -> None:
    live.context.back_up_if_due()
    with live.context.store.transaction():
        live.context.store.note_purge()
    before = copies(live)
    damage(live.paths.store)

    with pytest.raises(StoreDamaged):
        live.context.purge()

    assert copies(live) == before
