"""An account that keeps a login of somebody else is removed: that login is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.core.logins.token_lines import kept_logins
from rotator.live.knowledge import knowledge
from rotator.model import Account, Digest, EventKind
from rotator.plugins.registry import Registry
from rotator.secret import digest_of
from rotator.services import accounts as ledger
from tests.integration.scenarios.test_one_name_for_two import (
    ALIKE,
    SAID,
    SAME,
    Alike,
    Person,
    in_use,
    kept,
    tokens,
    with_tokens,
)
from tests.support.descents import seen_refresh
from tests.support.live import REGISTRY, Entry, Live, oauth_until, open_live

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ROTATING = "rotating"


@pytest.fixture
def vendor() -> Alike:
    return Alike()


@pytest.fixture
def live(home: Path, vendor: Alike) -> Iterator[Live]:
    registry = Registry({ALIKE: vendor, ROTATING: REGISTRY.providers[ROTATING]})
    with open_live(home, registry=registry) as live:
        yield live


@pytest.fixture
def person(live: Live, vendor: Alike, said_by: str) -> Person:
    return Person(live, vendor, said_by)


def ada_then_bob(live: Live) -> tuple[Entry, Account]:
    """Let ada's login run out and bob log in over it; nothing tells the two apart."""
    ada = oauth_until("ada", 1, live.clock.now + 5 * MINUTE)
    live.sees({ROTATING: ada})
    live.clock.pass_time(minutes=6)
    live.sees({ROTATING: oauth_until("bob", 1, live.clock.now + HOUR)})
    live.clock.pass_time(minutes=10)
    (row,) = live.state.of(ROTATING)
    return ada, row


def held(live: Live) -> list[str]:
    return [account.credential.secret.reveal() for account in live.state.of(ROTATING)]


def is_stored(live: Live, text: str) -> bool:
    """Tell whether the text stands anywhere in the folder of the store."""
    files = (path for path in live.paths.store.parent.rglob("*") if path.is_file())
    return any(text.encode() in path.read_bytes() for path in files)


def test_a_login_of_an_unknown_person_becomes_an_account(live: Live) -> None:
    ada, row = ada_then_bob(live)

    done = ledger.remove(live.context, row)

    (left,) = live.state.of(ROTATING)
    assert left.credential.secret.reveal() == ada["access"]
    assert left.disabled is not None
    assert left.name in (done.note or "")
    assert [event.account for event in live.events() if event.kind is EventKind.CAPTURED][
        -1
    ] == left.name
    assert not is_stored(live, "CANARY-bob-1")


def test_its_owner_goes_on_with_it_and_refreshes_it(live: Live) -> None:
    ada, row = ada_then_bob(live)
    ledger.remove(live.context, row)

    live.sees({ROTATING: ada})
    newer = oauth_until("ada", 2, live.clock.now + HOUR)
    seen_refresh(live, ada, newer)
    live.sees({ROTATING: newer})

    assert held(live) == [newer["access"]]
    assert live.entries() == {ROTATING: newer}
    (row,) = live.state.of(ROTATING)
    assert row.disabled is None


def test_new_tokens_of_an_exchanged_login_are_not_taken_out(live: Live) -> None:
    ada, row = ada_then_bob(live)
    newer = oauth_until("ada", 2, live.clock.now + HOUR)
    seen_refresh(live, ada, newer)
    live.look()
    assert ledger.kept_beside(live.context, live.state) == {row.id: 0}

    ledger.remove(live.context, row)
    assert held(live) == []
    live.sees({ROTATING: newer})

    assert held(live) == [newer["access"]]
    assert live.entries() == {ROTATING: newer}


def test_what_the_kept_login_came_from_is_its_own_past(live: Live) -> None:
    first = oauth_until("ada", 0, live.clock.now + HOUR)
    live.sees({ROTATING: first})
    live.clock.pass_time(minutes=30)
    ada = oauth_until("ada", 1, live.clock.now + HOUR)
    seen_refresh(live, first, ada)
    live.sees({ROTATING: ada})
    live.clock.pass_time(minutes=61)
    live.sees({ROTATING: oauth_until("bob", 1, live.clock.now + HOUR)})
    (row,) = live.state.of(ROTATING)

    ledger.remove(live.context, row)

    (left,) = live.state.of(ROTATING)
    past = Digest(digest_of(first["access"]))
    assert live.context.store.holder(ROTATING, past) == left.id


def test_the_removed_one_does_not_come_back_by_an_old_copy(live: Live) -> None:
    ada, row = ada_then_bob(live)
    bob = json.loads(row.credential.entry.reveal())
    ledger.remove(live.context, row)

    live.sees({ROTATING: bob})

    assert held(live) == [ada["access"]]
    assert live.entries() == {}


def test_all_is_forgotten_on_demand(live: Live) -> None:
    ada, row = ada_then_bob(live)

    done = ledger.remove(live.context, row, with_kept=True)

    assert (held(live), done.note) == ([], None)
    assert not is_stored(live, "CANARY-ada-1")
    live.sees({ROTATING: ada})
    assert held(live) == []


def test_a_merged_account_keeps_them_and_its_removal_as_well(live: Live) -> None:
    ada, row = ada_then_bob(live)
    bob = row.credential.secret.reveal()
    live.sees({ROTATING: oauth_until("cem", 1, live.clock.now + 9 * HOUR)})
    (other,) = [account for account in live.state.of(ROTATING) if account.id != row.id]

    done = ledger.merge(live.context, row, other)
    # That these two are one person's nobody says but the user.
    assert ledger.kept_beside(live.context, live.state) == {row.id: 2}
    ledger.remove(live.context, done.account)

    (left,) = live.state.of(ROTATING)
    assert held(live) == [bob]
    assert ledger.kept_beside(live.context, live.state) == {left.id: 1}
    assert is_stored(live, ada["access"])


@SAID
def test_a_login_that_has_the_same_name_becomes_an_account(live: Live, person: Person) -> None:
    ada = person.logs_in("ada", hours=9)
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob", hours=9)

    ledger.remove(live.context, with_tokens(live, bob))
    assert (list(in_use(live).values()), kept(live)) == ([ada["access"]], [])

    live.clock.pass_time(minutes=10)
    live.sees({ALIKE: ada})
    assert live.entries() == {ALIKE: ada}
    assert with_tokens(live, ada).disabled is None


@SAID
def test_several_become_one_account_that_keeps_them(live: Live, person: Person) -> None:
    entries = []
    for name in ("ada", "bob", "cem"):
        entries.append(person.logs_in(name, hours=9))
        live.clock.pass_time(minutes=10)

    ledger.remove(live.context, with_tokens(live, entries[2]))

    assert list(in_use(live).values()) == [entries[1]["access"]]
    assert kept(live) == [entries[0]["access"]]


@SAID
def test_one_person_s_refreshed_tokens_go_with_the_account(live: Live, person: Person) -> None:
    newest = tokens("ada", 1, live.clock.now + HOUR)
    person.writes(newest, SAME)
    for number in range(2, 5):
        live.clock.pass_time(minutes=61)
        newest = tokens("ada", number, live.clock.now + HOUR)
        person.writes(newest, SAME)
    assert kept(live) != []

    done = ledger.remove(live.context, with_tokens(live, newest))

    assert (in_use(live), kept(live), done.note) == ({}, [], None)


@SAID
@pytest.mark.parametrize("minutes_left", [4, -10])
def test_logins_by_proof_are_not_counted_as_refreshes(
    live: Live, person: Person, minutes_left: int
) -> None:
    entries = []
    for number in range(12):
        entries.append(person.logs_in(f"p{number}", hours=2))
        live.clock.pass_time(minutes=120 - minutes_left)

    there = {*in_use(live).values(), *kept(live)}
    assert there == {entry["access"] for entry in entries}
    (row,) = live.state.of(ALIKE)
    assert len(kept_logins(row, knowledge(live.context))) == 11


@pytest.mark.parametrize("said_by", ["token"])
def test_a_login_by_proof_is_not_said_to_be_a_refresh(live: Live, person: Person) -> None:
    person.logs_in("ada", hours=9)
    live.clock.pass_time(minutes=10)
    person.logs_in("bob", hours=9)

    last = live.events()[-1]
    assert last.kind is EventKind.CAPTURED
    assert last.why.startswith("a new login that names the same owner was saved")


@SAID
def test_the_one_before_the_removed_one_is_kept_where_it_was_at_its_end(
    live: Live, person: Person
) -> None:
    """The account goes on with those that more likely live."""
    ada = person.logs_in("ada", hours=9)
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob", hours=0.2)
    live.clock.pass_time(minutes=11)
    cem = person.logs_in("cem", hours=9)

    ledger.remove(live.context, with_tokens(live, cem))

    assert list(in_use(live).values()) == [ada["access"]]
    assert kept(live) == [bob["access"]]
