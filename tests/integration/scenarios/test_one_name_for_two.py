"""A vendor, or a token, calls two people the same: neither login is lost, whatever the word is.

Once something tells the two apart, each is an account of its own again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rotator.live.account_owners import learn_owner
from rotator.model import Account, Credential, Digest, Identity
from rotator.opencode.auth.entries import parse_entry
from rotator.plugins.registry import Registry
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, oauth_until, open_live

HOUR = timedelta(hours=1)
ALIKE = "alike"
# Not in any list: whatever a vendor may say of everybody.
SAME = Identity("registered-customer-of-ours", "customer")
SAID = pytest.mark.parametrize("said_by", ["vendor", "token"])


def tokens(name: str, number: int, expires_at: datetime) -> Entry:
    """Return tokens that were drawn by lot, as a vendor does."""
    refresh = f"REF-CANARY-{name}-{number}-a1b2c3d4e5f6"
    return oauth_until(name, number, expires_at) | {"refresh": refresh}


class Alike:
    """Tells by its tokens what it was told to tell of them."""

    ids = (ALIKE,)
    rotates_tokens = True

    def __init__(self) -> None:
        self.claims: dict[str, Identity] = {}

    def identify(self, credential: Credential) -> Identity:
        """Return what the token says of its owner."""
        return self.claims.get(credential.secret.reveal(), Identity())


@pytest.fixture
def vendor() -> Alike:
    return Alike()


@pytest.fixture
def live(home: Path, vendor: Alike) -> Iterator[Live]:
    with open_live(home, registry=Registry({ALIKE: vendor})) as live:
        yield live


class Person:
    """Somebody with logins at the vendor, who is told as the test says."""

    def __init__(self, live: Live, vendor: Alike, said_by: str) -> None:
        self.live, self.vendor, self.said_by = live, vendor, said_by

    def logs_in(self, name: str, number: int = 1, who: Identity = SAME, hours: float = 2) -> Entry:
        """Put a login into auth.json that a bridge saw come from a code."""
        entry = tokens(name, number, self.live.clock.now + hours * HOUR)
        seen_login(self.live, entry)
        self.writes(entry, who)
        return entry

    def writes(self, entry: Entry, who: Identity) -> None:
        if self.said_by == "token":
            self.vendor.claims[entry["access"]] = who
        self.live.sees({ALIKE: entry})
        if self.said_by == "vendor":
            self.is_told(entry, who)

    def is_told(self, entry: Entry, who: Identity) -> None:
        """Let the vendor say whose tokens they are."""
        digest = Digest(digest_of(entry["access"]))
        holder = self.live.context.store.holder(ALIKE, digest)
        assert holder is not None
        learn_owner(self.live.context, holder, digest, who)
        self.live.look()


@pytest.fixture
def person(live: Live, vendor: Alike, said_by: str) -> Person:
    return Person(live, vendor, said_by)


def in_use(live: Live) -> dict[str, str]:
    """Return the access token of each account by its alias."""
    return {a.alias: a.credential.secret.reveal() for a in live.state.of(ALIKE)}


def kept(live: Live) -> list[str]:
    """Return the access tokens that are kept beside those in use."""
    lines = live.state.replaced.values()
    return sorted(one.credential.secret.reveal() for line in lines for one in line)


def with_tokens(live: Live, entry: Entry) -> Account:
    (found,) = [a for a in live.state.of(ALIKE) if a.credential.secret.reveal() == entry["access"]]
    return found


@SAID
def test_a_login_that_makes_room_for_another_one_of_the_same_name_is_kept(
    live: Live, person: Person
) -> None:
    ada = person.logs_in("ada")
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob")

    assert list(in_use(live).values()) == [bob["access"]]
    assert kept(live) == [ada["access"]]


@SAID
def test_a_third_one_and_a_fourth_are_kept_as_well(live: Live, person: Person) -> None:
    entries = []
    for name in ("ada", "bob", "cem", "dov"):
        entries.append(person.logs_in(name))
        live.clock.pass_time(minutes=10)

    assert len(in_use(live)) == 1
    assert kept(live) == [one["access"] for one in entries[:3]]


@SAID
def test_another_name_for_the_one_in_use_gives_the_other_its_account_back(
    live: Live, person: Person
) -> None:
    ada = person.logs_in("ada")
    ledger.rename(live.context, with_tokens(live, ada), "work")
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob")

    person.is_told(bob, Identity("id-of-bob", "bob"))

    assert in_use(live) == {"work": ada["access"], "bob": bob["access"]}
    active = live.state.active(ALIKE)
    assert (active.alias if active else None, kept(live)) == ("bob", [])
    assert with_tokens(live, ada).maybe is None


@SAID
def test_another_name_for_the_one_that_is_kept_makes_an_account_of_it(
    live: Live, person: Person
) -> None:
    ada = person.logs_in("ada")
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob")

    person.is_told(ada, Identity("id-of-ada", "ada"))

    assert sorted(in_use(live).values()) == [ada["access"], bob["access"]]
    assert with_tokens(live, ada).alias == "ada"
    assert kept(live) == []


@SAID
def test_refreshed_tokens_that_name_somebody_give_the_other_its_account_back(
    live: Live, vendor: Alike, person: Person
) -> None:
    ada = person.logs_in("ada")
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob")
    live.clock.pass_time(hours=2)
    newer = tokens("bob", 2, live.clock.now + HOUR)
    vendor.claims[newer["access"]] = Identity("id-of-bob", "bob")
    seen_refresh(live, bob, newer)

    first = with_tokens(live, bob).alias
    live.sees({ALIKE: newer})

    assert in_use(live) == {first: ada["access"], "bob": newer["access"]}
    assert kept(live) == []


@SAID
def test_a_kept_login_that_another_opencode_refreshes_is_lost_as_little(
    live: Live, vendor: Alike, person: Person
) -> None:
    ada = person.logs_in("ada")
    live.clock.pass_time(minutes=10)
    bob = person.logs_in("bob")
    live.clock.pass_time(hours=2)
    newer = tokens("ada", 2, live.clock.now + HOUR)
    vendor.claims[newer["access"]] = SAME
    seen_refresh(live, ada, newer)

    live.sees({ALIKE: newer})

    # Who logged in last stays in the slot, whatever the vendor calls both.
    assert live.entries() == {ALIKE: bob}
    assert bob["access"] in in_use(live).values()
    assert {*in_use(live).values(), *kept(live)} == {bob["access"], newer["access"]}


@SAID
def test_an_added_login_makes_nobody_s_go(live: Live, vendor: Alike, person: Person) -> None:
    ada = person.logs_in("ada")
    bob = tokens("bob", 1, live.clock.now + 9 * HOUR)
    vendor.claims[bob["access"]] = SAME
    credential = parse_entry(ALIKE, Secret(json.dumps(bob)))

    ledger.add(live.context, ALIKE, credential, alias=None, activate=False)
    person.is_told(bob, SAME)

    assert {*in_use(live).values(), *kept(live)} == {ada["access"], bob["access"]}


@SAID
def test_one_person_who_logs_in_again_stays_one_account(live: Live, person: Person) -> None:
    newest = person.logs_in("ada")
    for number in range(2, 6):
        newest = person.logs_in("ada", number)
        live.clock.pass_time(minutes=10)

    assert list(in_use(live).values()) == [newest["access"]]
    assert with_tokens(live, newest).maybe is None


@SAID
def test_of_one_person_s_refreshes_without_a_bridge_not_all_are_kept(
    live: Live, person: Person
) -> None:
    newest = person.logs_in("ada", hours=1)
    for number in range(2, 20):
        live.clock.pass_time(minutes=61)
        newest = tokens("ada", number, live.clock.now + HOUR)
        person.writes(newest, SAME)

    assert list(in_use(live).values()) == [newest["access"]]
    assert kept(live) == sorted(f"ACC-CANARY-ada-{number}" for number in range(11, 19))


@SAID
def test_a_vendor_that_says_another_name_for_a_while_parts_nobody(
    live: Live, person: Person
) -> None:
    person.logs_in("ada", hours=1)
    live.clock.pass_time(minutes=61)
    newest = tokens("ada", 2, live.clock.now + HOUR)
    person.writes(newest, SAME)

    person.is_told(newest, Identity("somebody-else"))
    person.is_told(newest, SAME)

    assert list(in_use(live).values()) == [newest["access"]]
