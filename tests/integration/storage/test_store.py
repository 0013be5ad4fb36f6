"""The store and the history as files: private, migrated once, bounded, and hard to break."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.spent_tokens import SAVED_WITHIN
from rotator.core.logins.token_lines import line_of
from rotator.core.poll_schedule import UsageRecord
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Credential,
    Descent,
    Digest,
    Doubt,
    Event,
    EventKind,
    Identity,
    Limit,
    PendingRefresh,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.storage.database import (
    REBUILT,
    clear_places,
    require_known_schema,
    require_sqlite,
)
from rotator.storage.database_errors import store_errors
from rotator.storage.history import MOST_EVENTS, History
from rotator.storage.migrations import STORE, migrate, set_version
from rotator.storage.row_sealing import seal_what_is_written
from rotator.storage.store import Store
from rotator.storage.tables.descents import DESCENTS_KEPT, MOST_DESCENTS
from rotator.storage.tables.known_secrets import DIGESTS_KEPT
from rotator.storage.tables.slots import TENURES_KEPT
from rotator.storage.tables.state_reader import DIGESTS_AT_HAND, REMOVED_AT_HAND
from tests.support.live import as_anybody, full_disk, oauth, open_live, run_at_once

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHO = Identity("user/ada", "ada@acme.example", "plus")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "rotator.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        yield store


def add(store: Store, name: str) -> str:
    """Save an API key as acme/NAME and return the account's id."""
    entry = Secret(f'{{"type":"api","key":"KEY-CANARY-{name}"}}')
    with store.transaction():
        return store.add_account("acme", name, parse_entry("acme", entry), WHO, NOON)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database as another program would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_a_write_by_itself_is_sealed_as_one_among_others_is(store: Store) -> None:
    """A table that is not as it was left counts as damage."""
    account = add(store, "a")

    store.set_disabled(AccountId(account), "disabled by you")

    store.require_sound()
    assert [row.disabled for row in store.state().accounts] == ["disabled by you"]


# -- who may read it -----------------------------------------------------------------------


def test_the_store_and_the_files_beside_it_are_private_whatever_the_umask(path: Path) -> None:
    """Case 46: file mode 0600."""
    with umask(0), Store(path) as store:
        add(store, "a")

        modes = {file.name: mode(file) for file in path.parent.iterdir()}

    names = {"rotator.sqlite", "rotator.sqlite-wal", "rotator.sqlite-shm"}
    assert modes == dict.fromkeys(names, 0o600)


def test_every_folder_that_is_made_on_the_way_is_private(path: Path) -> None:
    deep = path.parent / "share" / "ours" / path.name

    with umask(0), Store(deep):
        pass

    folders = [deep.parent, *deep.parent.parents][:3]
    assert [mode(folder) for folder in folders] == [0o700] * 3


def test_a_folder_and_a_store_that_were_opened_to_others_are_closed_again(path: Path) -> None:
    with Store(path):
        pass
    path.parent.chmod(0o755)
    path.chmod(0o644)

    with Store(path):
        pass

    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_what_belongs_to_others_on_the_way_stays_as_it_is(path: Path) -> None:
    path.parent.parent.chmod(0o755)

    with Store(path):
        pass

    assert mode(path.parent.parent) == 0o755


# -- when it cannot be used --------------------------------------------------------------------


def test_a_sqlite_too_old_for_strict_tables_is_refused_in_one_sentence() -> None:
    told = r"^the store needs SQLite 3\.37\.0, this Python has 3\.36\.0$"

    with pytest.raises(StoreError, match=told) as caught:
        require_sqlite((3, 36, 0))

    assert caught.value.exit_code == 7


def test_a_newer_schema_is_refused_and_left_untouched(path: Path) -> None:
    with Store(path):
        pass
    with raw(path) as connection:
        set_version(connection, len(STORE) + 1)
    before = path.read_bytes()

    with pytest.raises(NewerSchema, match="was written by a newer rotator"):
        Store(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_untouched(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database " * 100)

    with pytest.raises(StoreError, match="file is not a database"):
        Store(path)

    assert path.read_bytes() == b"not a database " * 100


def test_a_folder_that_cannot_be_written_is_named(path: Path) -> None:
    path.parent.parent.chmod(0o500)

    with as_anybody(), pytest.raises(StoreError, match=str(path.parent)) as caught:
        Store(path)

    assert "Permission denied" in caught.value.message


def test_a_file_in_the_folder_s_place_is_named(path: Path) -> None:
    path.parent.write_text("")

    with pytest.raises(StoreError, match=f"the folder {path.parent} cannot be used"):
        Store(path)


def write_much(store: Store, size: int) -> None:
    with store.transaction():
        store.set_balancing(on=False)
        store.keep_unclaimed(b"x" * size, "too much", NOON)


@pytest.mark.parametrize("size", [300_000, 20_000_000], ids=["at the commit", "before it"])
def test_a_full_disk_is_said_and_leaves_no_transaction_open(store: Store, size: int) -> None:
    add(store, "a")

    with full_disk(150_000), pytest.raises(StoreError, match="disk") as caught:
        write_much(store, size)

    assert "cannot rollback" not in caught.value.message
    assert store.state().balancing


def test_after_a_full_disk_the_store_can_be_written_again(store: Store, path: Path) -> None:
    with full_disk(150_000), contextlib.suppress(StoreError):
        write_much(store, 20_000_000)

    with store.transaction():
        store.set_balancing(on=False)

    with Store(path) as again:
        assert not again.state().balancing


def test_a_block_that_fails_writes_nothing_of_itself(store: Store) -> None:
    with pytest.raises(OverflowError):
        write_much(store, 1 << 70)

    assert store.state().balancing


# -- what is in it -----------------------------------------------------------------------------


def test_every_table_is_strict(store: Store, path: Path) -> None:
    add(store, "a")

    with raw(path) as connection:
        rows = connection.execute("PRAGMA table_list").fetchall()

    strict = {row[1]: bool(row[5]) for row in rows if not row[1].startswith("sqlite_")}
    assert strict == dict.fromkeys(strict, True)
    assert "account" in strict


def test_a_secret_that_is_deleted_is_overwritten(path: Path) -> None:
    with Store(path) as store:
        add(store, "gone")
    assert b"KEY-CANARY-gone" in path.read_bytes()

    with Store(path) as store, store.transaction():
        store.remove_account(store.state().accounts[0], NOON)

    assert b"KEY-CANARY-gone" not in path.read_bytes()


def test_an_account_comes_back_as_it_was_saved(store: Store) -> None:
    account_id = add(store, "a")
    limit = Limit(AccountState.EXHAUSTED, NOON + timedelta(hours=1), "429, usage limit", 3)
    with store.transaction():
        store.set_limit(store.state().accounts[0].id, limit)
        store.set_rejected(store.state().accounts[0].id, "401, login no longer accepted")

    account = store.state().accounts[0]

    assert (account.id, account.name, account.captured_at) == (account_id, "acme/a", NOON)
    assert (account.identity, account.identity_key, account.plan) == (
        "ada@acme.example",
        "user/ada",
        "plus",
    )
    assert (account.limit, account.rejected) == (limit, "401, login no longer accepted")


def test_one_unreadable_row_costs_that_account_alone(store: Store, path: Path) -> None:
    """Case 50: one corrupt row, other accounts keep working."""
    add(store, "a")
    add(store, "b")
    add(store, "c")
    with raw(path) as connection:
        connection.execute("UPDATE account SET entry = '{oops' WHERE alias = 'b'")
        connection.execute("UPDATE account SET captured_at = 'once' WHERE alias = 'c'")

    state = store.state()

    assert [account.alias for account in state.accounts] == ["a"]
    assert sorted(state.broken) == [
        "the saved account acme/b cannot be read",
        "the saved account acme/c cannot be read",
    ]


def test_the_alias_of_an_unreadable_row_is_taken(store: Store, path: Path) -> None:
    """Case 50: a login gets another alias instead of failing for ever."""
    add(store, "b")
    with raw(path) as connection:
        connection.execute("UPDATE account SET entry = '{oops'")

    assert store.aliases("acme") == {"b"}


def test_a_slot_that_cannot_be_read_costs_itself(store: Store, path: Path) -> None:
    account = add(store, "a")
    with store.transaction():
        for provider in ("acme", "zeta"):
            store.set_active(provider, store.state().accounts[0].id, NOON)
    with raw(path) as connection:
        connection.execute("UPDATE slot SET rejected_at = 'once' WHERE provider = 'acme'")

    state = store.state()

    assert (state.slot("acme").active, state.slot("zeta").active) == (None, account)


def test_a_new_credential_keeps_the_one_before_it(store: Store, path: Path) -> None:
    add(store, "a")
    newer = parse_entry("acme", Secret('{"type":"api","key":"KEY-CANARY-newer"}'))
    with store.transaction():
        store.renew_credential(store.state().accounts[0], newer, Identity(), NOON)

    with raw(path) as connection:
        kept = connection.execute("SELECT previous_entry FROM account").fetchone()[0]
    assert kept == '{"type":"api","key":"KEY-CANARY-a"}'
    assert store.state().accounts[0].identity == "ada@acme.example"


def generations(store: Store, count: int) -> list[Credential]:
    """Let the one account get so many credentials, one a second; return them, oldest first."""
    found = []
    with store.transaction():
        account = store.state().accounts[0]
        for number in range(count):
            entry = Secret(f'{{"type":"api","key":"KEY-CANARY-{number}"}}')
            found.append(parse_entry("acme", entry))
            at = NOON + timedelta(seconds=number)
            store.renew_credential(account, found[-1], Identity(), at)
    return found


def test_every_generation_is_known_up_to_a_bound(store: Store) -> None:
    account = add(store, "a")

    all_of_them = generations(store, DIGESTS_KEPT + 10)

    holders = [store.holder("acme", one.digest) for one in all_of_them]
    assert holders == [None] * 10 + [account] * DIGESTS_KEPT
    assert store.holder("zeta", all_of_them[-1].digest) is None


def test_only_the_newest_generations_are_in_every_state(store: Store) -> None:
    """A state is read after every commit: what is asked for once a month stays where it is."""
    add(store, "a")

    newest = generations(store, DIGESTS_AT_HAND + 10)[10:]

    assert set(store.state().digests) == {("acme", one.digest) for one in newest}


def test_what_was_removed_is_known_however_long_ago(store: Store) -> None:
    add(store, "a")
    gone = generations(store, REMOVED_AT_HAND + 10)
    with store.transaction():
        store.remove_account(store.state().accounts[0], NOON)

    assert len(store.state().removed) == REMOVED_AT_HAND
    assert all(store.was_removed("acme", one.digest) for one in gone)
    assert store.holder("acme", gone[-1].digest) is None


def test_an_empty_field_is_nobodys_secret(store: Store) -> None:
    for name in ("a", "b"):
        entry = f'{{"type":"oauth","refresh":"REF-CANARY-{name}","access":"","expires":0}}'
        with store.transaction():
            store.add_account("acme", name, parse_entry("acme", Secret(entry)), WHO, NOON)

    holders = store.state().digests

    assert len(holders) == len(set(holders.values())) == 2


def test_tenures_are_bounded(store: Store) -> None:
    add(store, "a")
    account = store.state().accounts[0].id
    with store.transaction():
        for number in range(60):
            store.set_active("acme", account if number % 2 else None, NOON)

    assert len(store.state().slot("acme").tenures) == TENURES_KEPT


def test_what_is_kept_aside_stays_under_its_number(store: Store) -> None:
    with store.transaction():
        numbers = [store.keep_unclaimed(b"{%d" % n, "half", NOON) for n in range(60)]

    assert [(one.number, one.content) for one in store.unclaimed_contents()] == [
        (number, b"{%d" % n) for n, number in enumerate(numbers)
    ]
    assert store.unclaimed_size() == (60, 170)


def test_a_number_is_never_given_to_another_content(store: Store) -> None:
    """Whoever drops number 2 an hour later must not drop something else."""
    with store.transaction():
        first, second = (store.keep_unclaimed(b"%d" % n, "half", NOON) for n in (1, 2))
        store.replace_unclaimed(second, None)
        third = store.keep_unclaimed(b"3", "half", NOON)

    assert (first, second, third) == (1, 2, 3)
    assert [store.number_unclaimed(b"%d" % n, None) for n in (1, 2, 3)] == [1, None, 3]


def test_the_same_bytes_of_another_provider_are_another_content(store: Store) -> None:
    with store.transaction():
        store.keep_unclaimed(b"[1]", "a list", NOON, "acme")

    assert store.number_unclaimed(b"[1]", "acme") == 1
    assert store.number_unclaimed(b"[1]", "zeta") is None


def test_a_damaged_time_costs_no_content(store: Store, path: Path) -> None:
    with store.transaction():
        store.keep_unclaimed(b"{", "half", NOON)
    with raw(path) as connection:
        seal_what_is_written(connection)
        connection.execute("UPDATE aside SET at = 'noon'")

    assert [one.content for one in store.unclaimed_contents()] == [b"{"]


@pytest.mark.parametrize(
    ("opening", "kind"),
    [
        pytest.param(True, StoreDamaged, id="a header that says so while it is opened"),
        pytest.param(False, StoreError, id="a disk that has become so since"),
    ],
)
def test_a_store_that_nobody_may_write_is_damaged_only_where_its_file_says_so(
    store: Store, path: Path, *, opening: bool, kind: type[StoreError]
) -> None:
    del store
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY

    with pytest.raises(StoreError) as caught, store_errors(path, opening=opening):
        raise error

    assert type(caught.value) is kind


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_folder_where_the_store_should_be_is_put_away(path: Path, ending: str) -> None:
    place = path.with_name(path.name + ending)
    (place / "of-somebody").mkdir(parents=True)

    with Store(path) as store:
        add(store, "a")

    (aside,) = path.parent.glob(f"{place.name}.damaged-*")
    assert (aside / "of-somebody").is_dir()


def test_a_removed_account_s_secret_goes_from_what_others_had_before_too(store: Store) -> None:
    a, b = (AccountId(add(store, name)) for name in "ab")
    removed = next(one for one in store.state().accounts if one.id == a)
    with store.transaction():
        store.keep_replaced(b, removed.credential, WHO, NOON)
    assert b in store.state().replaced

    with store.transaction():
        store.remove_account(removed, NOON)

    assert store.state().replaced == {}


def test_secrets_that_are_moved_to_another_account_leave_those_that_stay(store: Store) -> None:
    for name in "abc":
        add(store, name)
    a, b, c = store.state().accounts
    with store.transaction():
        store.move_digests(a, c.id, since=NOON, but=[a.credential.digest])
        store.move_digests(b, c.id, since=NOON, but=[])

    holders = [store.holder("acme", one.credential.digest) for one in (a, b, c)]
    assert holders == [a.id, c.id, c.id]


def test_secrets_that_were_nobody_s_own_are_forgotten_but_for_some(store: Store) -> None:
    for name in "ab":
        add(store, name)
    a, b = store.state().accounts
    with store.transaction():
        store.part_digests(a, None, before=NOON + timedelta(days=1), but=[])
        store.part_digests(b, None, before=NOON + timedelta(days=1), but=[b.credential.digest])

    holders = [store.holder("acme", one.credential.digest) for one in (a, b)]
    assert holders == [None, b.id]


def test_a_refresh_goes_with_its_tokens_and_no_other_does(store: Store) -> None:
    for name in "abc":
        entry = Secret(json.dumps(oauth(name)))
        with store.transaction():
            store.add_account("acme", name, parse_entry("acme", entry), WHO, NOON)
    a, b, c = store.state().accounts
    assert a.credential.refresh is not None
    with store.transaction():
        store.begin_refresh(PendingRefresh(a.id, Digest(a.credential.refresh.digest()), NOON, 1))
        store.begin_refresh(PendingRefresh(b.id, Digest("of others"), NOON, 1))

        store.follow(a, c.id, a.credential)
        store.follow(b, c.id, b.credential)

    assert sorted(store.state().refreshes) == sorted([b.id, c.id])


def test_who_may_be_a_merged_account_may_be_the_one_that_stays(store: Store) -> None:
    ids = [AccountId(add(store, name)) for name in "abc"]
    with store.transaction():
        store.set_doubts(ids[2], [Doubt(ids[1], "came", "")])
    a, b, _ = store.state().accounts

    with store.transaction():
        store.merge_accounts(a, b)

    assert [account.maybe for account in store.state().accounts] == [None, ids[0]]


def test_what_an_account_had_before_costs_itself_where_nobody_can_read_it(
    store: Store, path: Path
) -> None:
    account = AccountId(add(store, "a"))
    with store.transaction():
        store.keep_replaced(account, store.state().accounts[0].credential, WHO, NOON)
    assert len(store.state().replaced[account]) == 1
    with raw(path) as connection:
        seal_what_is_written(connection)
        connection.execute("UPDATE replaced SET entry = '{oops'")

    state = store.state()

    assert [one.id for one in state.accounts] == [account]
    assert account not in state.replaced


def test_a_link_in_the_place_of_a_database_stays_where_it_leads_to_a_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    real = path.with_name("real")
    real.touch()
    path.symlink_to(real)

    clear_places(path)

    assert path.readlink() == real


def test_a_store_whose_rebuilding_was_not_finished_is_not_used(path: Path) -> None:
    Store(path).close()
    path.with_name(f"{path.name}{REBUILT}2026").touch()

    with pytest.raises(StoreDamaged, match="its rebuilding was not finished"):
        Store(path)


def test_what_is_kept_aside_is_not_shown(store: Store) -> None:
    with store.transaction():
        store.keep_unclaimed(b"KEY-CANARY-a", "half", NOON)

    assert "CANARY" not in repr(list(store.unclaimed_contents()))


def test_what_a_copy_was_made_of_stands_in_the_store_s_own_file(
    store: Store, path: Path, tmp_path: Path
) -> None:
    add(store, "a")

    store.accounts_copy(NOON)

    alone = tmp_path / "alone" / path.name
    alone.parent.mkdir()
    alone.write_bytes(path.read_bytes())
    with Store(alone) as read:
        assert [account.alias for account in read.state().accounts] == ["a"]


def test_what_bridges_saw_of_tokens_is_bounded(store: Store) -> None:
    seen = [
        Descent(f"d-{number}", NOON, is_login=True, came_from=None, to=(Digest(f"{number:064x}"),))
        for number in range(DESCENTS_KEPT + 3)
    ]

    with store.transaction():
        store.note_descents(seen, NOON)

    kept = [store.descent(one.to[0]) is not None for one in seen]
    assert kept == [False] * 3 + [True] * DESCENTS_KEPT


def add_login(store: Store) -> tuple[AccountId, Digest]:
    """Save a login as named/ada; return the account's id and the digest of its refresh token."""
    entry = json.dumps(oauth("ada"))
    credential = parse_entry("named", Secret(entry))
    with store.transaction():
        account = store.add_account("named", "ada", credential, WHO, NOON)
    return account, refresh_digests(credential)[0]


def exchange(number: int, spent: Digest, at: datetime = NOON) -> Descent:
    """Return what a bridge saw of a refresh token for which another one came."""
    to = (Digest(f"a{number:063x}"), Digest(f"b{number:063x}"))
    return Descent(f"d-{number}", at, is_login=False, came_from=spent, to=to)


@pytest.mark.parametrize("removed", [True, False])
def test_what_bridges_saw_of_an_account_s_token_is_kept_as_long_as_the_account(
    store: Store, *, removed: bool
) -> None:
    account, mine = add_login(store)
    seen = [exchange(0, mine)]
    seen += [exchange(n, Digest(f"c{n:063x}")) for n in range(1, DESCENTS_KEPT + 2)]
    found = next(one for one in store.state().accounts if one.id == account)

    with store.transaction():
        if removed:
            store.remove_account(found, NOON)
        store.note_descents(seen, NOON)
        store.note_descents([exchange(9_999, Digest("e" * 64))], NOON + timedelta(days=100))

    assert store.was_exchanged(mine)
    assert store.descent(seen[0].to[1]) == replace(seen[0], to=())
    assert not any(store.was_exchanged(one.came_from or Digest("")) for one in seen[1:])
    assert store.descent(seen[1].to[1]) is None


def test_what_bridges_saw_of_an_account_s_tokens_fills_no_disk(store: Store, path: Path) -> None:
    _, mine = add_login(store)

    with store.transaction():
        store.note_descents([exchange(n, mine) for n in range(MOST_DESCENTS // 2 + 1)], NOON)

    with raw(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM descent").fetchone()
    assert count == MOST_DESCENTS
    assert store.was_exchanged(mine)


@pytest.mark.parametrize("is_live", [True, False])
def test_an_account_whose_token_was_exchanged_is_read_as_one_that_needs_a_login(
    store: Store, *, is_live: bool
) -> None:
    account, mine = add_login(store)
    with store.transaction():
        store.note_descents([exchange(0, mine)], NOON)
        store.set_active("named", account if is_live else None, NOON)

    (found,) = store.state().accounts

    assert found.state_at(NOON) is (AccountState.READY if is_live else AccountState.REJECTED)
    assert found.state_at(NOON + SAVED_WITHIN) is AccountState.REJECTED


def test_an_answer_that_keeps_a_known_refresh_token_does_not_spend_it(store: Store) -> None:
    _, mine = add_login(store)
    known = replace(exchange(0, Digest("c" * 64)), to=(mine, Digest("a" * 64)))
    kept = replace(exchange(1, mine), to=(mine, Digest("d" * 64), Digest("e" * 64)))

    with store.transaction():
        store.note_descents([known, kept], NOON)

    assert not store.was_exchanged(mine)


def test_an_answer_with_an_access_token_that_is_known_spends_the_refresh_token(
    store: Store,
) -> None:
    _, mine = add_login(store)
    access = Digest("a" * 64)
    before = replace(exchange(0, Digest("c" * 64)), to=(access, mine))

    with store.transaction():
        store.note_descents(
            [before, replace(exchange(1, mine), to=(access, Digest("b" * 64)))], NOON
        )

    assert store.was_exchanged(mine)


def test_what_an_older_version_saw_exchanged_is_known(path: Path) -> None:
    mine, kept = Digest("a" * 64), Digest("b" * 64)
    path.parent.mkdir(mode=0o700)
    with raw(path) as connection:
        migrate(connection, STORE[:5])
        rows: list[tuple[str, str | None, str]]
        rows = [("1", mine, "x"), ("2", mine, "x"), (kept, kept, "y"), ("3", kept, "y")]
        rows += [("4", None, "z"), ("5", None, "z"), ("6", "c" * 64, "w")]
        for digest, came_from, answer in rows:
            connection.execute(
                "INSERT INTO descent VALUES (?, ?, 0, ?, '2026-11-22T12:00:00.000Z')",
                (digest, came_from, answer),
            )

    with Store(path) as store:
        found = [store.was_exchanged(one) for one in (mine, kept, Digest("c" * 64))]

    assert found == [True, False, False]


def test_nobody_is_in_doubt_whether_an_account_is_itself(store: Store) -> None:
    a, b, c = (AccountId(add(store, name)) for name in "abc")
    with store.transaction():
        for one in (b, c):
            store.set_doubts(one, [Doubt(a, "came", "")])

    with store.transaction():
        store.repoint_doubts(a, b)

    assert [account.maybe for account in store.state().accounts] == [None, a, b]


def test_an_account_is_removed_though_what_it_had_before_is_no_entry(
    store: Store, path: Path
) -> None:
    account = AccountId(add(store, "a"))
    with raw(path) as connection:
        seal_what_is_written(connection)
        connection.execute("UPDATE account SET previous_entry = '{}' WHERE id = ?", (account,))
    (found,) = store.state().accounts

    with store.transaction():
        store.remove_account(found, NOON)

    assert store.state().accounts == ()


# -- several processes -------------------------------------------------------------------------


def test_what_another_connection_commits_is_seen_at_once(store: Store, path: Path) -> None:
    assert store.state().balancing

    with Store(path) as other, other.transaction():
        other.set_balancing(on=False)

    assert not store.state().balancing


def test_the_state_is_read_once_until_something_is_written(store: Store) -> None:
    first = store.state()

    assert store.state() is first


def replace_one_account_after_another(path: Path, stop: threading.Event) -> None:
    with Store(path) as store:
        for number in itertools.count():
            old = store.state().active("acme")
            entry = Secret(f'{{"type":"api","key":"KEY-CANARY-{number}"}}')
            with store.transaction():
                if old is not None:
                    store.remove_account(old, NOON)
                credential = parse_entry("acme", entry)
                added = store.add_account("acme", f"n{number}", credential, WHO, NOON)
                store.set_active("acme", added, NOON)
            if stop.is_set():
                return


@pytest.mark.no_cover
def test_a_state_is_of_one_moment_while_another_process_writes(store: Store, path: Path) -> None:
    """Accounts from before a commit and slots from after it would show a slot without account."""
    for number in range(200):  # reading takes a while then
        add(store, f"a{number}")
    stop = threading.Event()
    writer = threading.Thread(target=replace_one_account_after_another, args=(path, stop))
    writer.start()

    states: dict[AccountId | None, Account | None] = {}
    try:
        deadline = time.monotonic() + 30
        while len(states) < 60 and time.monotonic() < deadline:
            state = store.state()
            states[state.slot("acme").active] = state.active("acme")
    finally:
        stop.set()
        writer.join()

    states.pop(None, None)
    assert len(states) >= 59
    assert None not in states.values()


OPEN_BOTH = """
import sys, time
from pathlib import Path
from rotator.storage.history import History
from rotator.storage.store import Store
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
with Store(folder / "rotator.sqlite") as store, store.transaction():
    store.note_rejection(sys.argv[2], __import__("rotator.clock").clock.system_clock())
History(folder / "history.sqlite").close()
"""


def test_many_processes_that_open_and_migrate_at_once_lose_nothing(path: Path) -> None:
    """Case 46: two processes migrate at once: no lock error, no data loss."""
    names = [f"p{number}" for number in range(5)]
    told = run_at_once(OPEN_BOTH, [(str(path.parent), name) for name in names])

    assert told == [""] * len(names)
    with Store(path) as store:
        assert sorted(store.state().slots) == names


def test_a_schema_that_another_process_makes_while_it_is_asked_for_is_no_damage(
    path: Path,
) -> None:
    """Case 46: both its numbers are read at one moment, whoever commits between two questions."""
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    connection = sqlite3.connect(path, isolation_level=None)
    asked: list[str] = []

    def commit_after_the_first(statement: str) -> None:
        asked.append(statement)
        if len(asked) == 2:
            migrate(other, STORE)

    connection.set_trace_callback(commit_after_the_first)
    require_known_schema(connection, path, STORE)
    require_known_schema(connection, path, STORE)

    connection.close()
    other.close()


def test_opening_waits_for_another_process_that_writes_before_the_first_migration(
    path: Path,
) -> None:
    """Case 46: SQLite itself does not wait when it is to change to WAL mode."""
    path.parent.mkdir()
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: writer.execute("COMMIT"))
    release.start()

    with Store(path) as store:
        balancing = store.state().balancing

    release.join()
    writer.close()
    assert balancing


def test_a_second_store_in_a_process_leaves_the_first_one_its_locks(path: Path) -> None:
    """Closing any descriptor of a database drops the process's locks on it."""
    with Store(path) as first, Store(path):
        add(first, "a")
        program = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
            "c.execute('PRAGMA journal_mode = DELETE')"
        )

        ended = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, check=False, text=True
        )

    # Leaving WAL mode needs the database alone, which the first store's lock forbids.
    assert "database is locked" in ended.stderr


# -- the history -------------------------------------------------------------------------------


def event(number: int) -> Event:
    return Event(NOON + timedelta(seconds=number), EventKind.CHANGED, why=f"number {number}")


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    with contextlib.closing(History(path.with_name("history.sqlite"))) as history:
        yield history


def test_events_come_back_as_they_were_recorded(history: History) -> None:
    told = Event(NOON, EventKind.FAILOVER, "acme", "acme/b", "a", "b", "a rests", "b is ready")

    history.record([told])

    assert [numbered.event for numbered in history.read()] == [told]


def test_the_history_is_private(path: Path) -> None:
    file = path.with_name("history.sqlite")

    with umask(0), contextlib.closing(History(file)) as history:
        history.record([event(1)])
        modes = {mode(one) for one in file.parent.iterdir()}

    assert modes == {0o600}


def test_the_history_is_bounded_and_the_oldest_go(history: History) -> None:
    history.record([event(number) for number in range(MOST_EVENTS + 5)])

    kept = history.read(most=MOST_EVENTS * 2)

    assert len(kept) == MOST_EVENTS
    assert kept[0].event.why == "number 5"


def test_the_newest_events_after_a_number_are_read_oldest_first(history: History) -> None:
    history.record([event(number) for number in range(10)])

    assert [one.event.why for one in history.read(after=5, most=3)] == [
        "number 7",
        "number 8",
        "number 9",
    ]
    assert history.newest() == 10


def test_an_event_of_a_kind_that_is_not_known_costs_itself(history: History, path: Path) -> None:
    history.record([event(1), event(2)])
    with raw(path.with_name("history.sqlite")) as connection:
        connection.execute("UPDATE event SET kind = 'magic' WHERE number = 1")

    assert [one.number for one in history.read()] == [2]


def test_a_damaged_history_is_begun_anew(path: Path) -> None:
    file = path.with_name("history.sqlite")
    file.parent.mkdir()
    file.write_bytes(b"not a database " * 100)

    with contextlib.closing(History(file)) as history:
        history.record([event(1)])
        kept = history.read()

    assert [one.event for one in kept] == [event(1)]


def test_a_history_that_lacks_what_is_asked_for_is_begun_anew(path: Path) -> None:
    file = path.with_name("history.sqlite")
    with contextlib.closing(History(file)) as history:
        with raw(file) as connection:
            connection.execute("DROP TABLE usage")

        assert history.asked(AccountId("a")) == UsageRecord()

    assert len(list(file.parent.glob("history.sqlite.damaged-*Z"))) == 1


def test_of_damaged_histories_the_last_one_is_kept(path: Path) -> None:
    file = path.with_name("history.sqlite")
    file.parent.mkdir()
    older = file.with_name("history.sqlite.damaged-2020-01-01T000000Z")
    older.write_bytes(b"older")
    file.write_bytes(b"not a database " * 100)

    History(file).close()

    (left,) = file.parent.glob("history.sqlite.damaged-*")
    assert left.read_bytes() == b"not a database " * 100


def test_a_history_that_cannot_be_written_costs_only_itself(home: Path) -> None:
    with open_live(home) as live:
        live.context.history.close()

        live.context.record([event(1)])

        assert live.state.balancing


def test_a_limit_that_is_lifted_is_gone(store: Store) -> None:
    add(store, "a")
    account = store.state().accounts[0]
    limit = Limit(AccountState.COOLING, NOON + timedelta(hours=1), "429, rate limit")
    with store.transaction():
        store.set_limit(account.id, limit)
        store.set_limit(account.id, None)

    assert store.state().accounts[0] == replace(account, limit=None)


@pytest.fixture
def kinds() -> dict[str, Limit]:
    """Return a limit on everything and two on some models, with all that can be said of each."""
    until = NOON + timedelta(hours=1)
    whole = Limit(AccountState.EXHAUSTED, until, "429", 2, NOON, is_stated=True, is_own=True)
    whole = replace(whole, is_uncounted=True)
    return {
        "whole": whole,
        "opus": replace(whole, model="Opus", is_own=False, is_uncounted=True),
        "sonnet": Limit(AccountState.COOLING, NOON + timedelta(days=2), "429", model="Sonnet"),
    }


def test_limits_outlive_a_restart_as_they_were(path: Path, kinds: dict[str, Limit]) -> None:
    with Store(path) as store:
        account = AccountId(add(store, "a"))
        with store.transaction():
            for limit in kinds.values():
                store.set_limit(account, limit)

    with Store(path) as store:
        (kept,) = store.state().accounts

    assert kept.limit == kinds["whole"]
    assert kept.part_limits == (kinds["opus"], kinds["sonnet"])


def test_limits_on_models_that_ended_long_ago_are_swept_by_the_next_one(
    store: Store, kinds: dict[str, Limit]
) -> None:
    account = AccountId(add(store, "a"))

    with store.transaction():
        store.set_limit(account, kinds["opus"])
        store.set_limit(account, kinds["sonnet"])
    assert store.state().accounts[0].part_limits == (kinds["opus"], kinds["sonnet"])

    late = replace(kinds["sonnet"], since=NOON + timedelta(days=1, hours=2))
    with store.transaction():
        store.set_limit(account, late)

    assert store.state().accounts[0].part_limits == (late,)


@pytest.mark.parametrize("end", ["removed", "merged"])
def test_an_account_that_is_gone_leaves_no_limits_behind(
    store: Store, path: Path, kinds: dict[str, Limit], end: str
) -> None:
    add(store, "a")
    add(store, "b")
    keep, gone = store.state().accounts
    with store.transaction():
        store.set_limit(gone.id, kinds["opus"])

    with store.transaction():
        if end == "removed":
            store.remove_account(gone, NOON)
        else:
            store.merge_accounts(keep, gone)

    with raw(path) as connection:
        assert connection.execute("SELECT count(*) FROM part_limit").fetchone() == (0,)


def test_accounts_of_one_group_are_limited_together(store: Store, kinds: dict[str, Limit]) -> None:
    for name in ("a", "b"):
        add(store, name)
    a, b = store.state().accounts
    with store.transaction():
        for one in (a, b):
            line = line_of(store.state(), one)
            store.lay_out(one, (replace(line[0], who=replace(line[0].who, group="org")),), NOON)
        store.set_limit(a.id, replace(kinds["whole"], is_own=False))

    assert [one.until_at(NOON) for one in store.state().accounts] == [NOON + timedelta(hours=1)] * 2
    with store.transaction():
        store.set_limit(a.id, kinds["whole"])
    assert store.state().account(b.id) == replace(b, group="org")
