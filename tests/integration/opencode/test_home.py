"""Both homes keep one contract: what is written stands there, and nothing is written over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.errors import LiveFileError
from rotator.opencode.auth.home import AuthFileHome
from rotator.opencode.auth.replaced import Replaced
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import Absent, Entries, Home, Unusable
from rotator.system.paths import find_paths
from tests.support.builders import ACME, api, oauth
from tests.support.home import places
from tests.support.opencode2_table import Table

Make = Callable[[Path], Home]


def auth_file(home: Path) -> Home:
    paths = find_paths(places(home))
    paths.auth_file.parent.mkdir(parents=True)
    paths.data.mkdir(parents=True)
    return AuthFileHome(paths.auth_file, Replaced(paths.journal))


def database(home: Path) -> Home:
    paths = find_paths(places(home))
    Table(paths.opencode_database).make()
    return DatabaseHome(paths, servers=lambda _: [])


@pytest.fixture(params=[auth_file, database])
def one(request: pytest.FixtureRequest, home: Path) -> Home:
    made: Home = request.param(home)
    return made


def entries(home: Home) -> Entries:
    found = home.read()
    return Entries() if isinstance(found, Absent) else found  # type: ignore[return-value]


def test_an_empty_home_has_nothing(one: Home) -> None:
    assert entries(one).entries == ()
    assert one.where() in one.watched()


def test_what_is_put_in_and_activated_is_the_active_login(one: Home) -> None:
    slot = one.put(ACME, "first", api("a"))

    assert one.activate(slot)

    (found,) = entries(one).of(ACME)
    assert (found.slot, found.active) == (slot, True)
    assert found.credential.secret.reveal() == "KEY-CANARY-a"  # type: ignore[union-attr]


def test_logins_of_several_providers_stand_beside_each_other(one: Home) -> None:
    one.put(ACME, "", api("a"))
    one.put("other", "", oauth("b", accountId="acct"))

    found = entries(one)

    assert {e.provider: e.active for e in found.entries} == {ACME: True, "other": True}
    assert found.of("other")[0].credential.account_id == "acct"  # type: ignore[union-attr]


def test_newer_tokens_go_where_the_older_ones_stand(one: Home) -> None:
    slot = one.put(ACME, "", oauth("a"))
    old = entries(one).at(slot)
    assert old is not None

    assert one.update(slot, old, oauth("a", 2))

    found = entries(one).at(slot)
    assert found is not None
    assert found.credential.refresh.reveal() == "REF-CANARY-a-2"  # type: ignore[union-attr]


def test_nothing_is_written_over_what_somebody_else_wrote(one: Home) -> None:
    slot = one.put(ACME, "", oauth("a"))
    old = entries(one).at(slot)
    assert old is not None
    assert one.update(slot, old, oauth("a", 2))

    assert not one.update(slot, old, oauth("a", 3))
    assert not one.remove(slot, old)

    found = entries(one).at(slot)
    assert found is not None
    assert found.credential.refresh.reveal() == "REF-CANARY-a-2"  # type: ignore[union-attr]


def test_what_is_removed_is_gone_and_cannot_be_activated(one: Home) -> None:
    slot = one.put(ACME, "", api("a"))
    old = entries(one).at(slot)
    assert old is not None

    assert one.remove(slot, old)

    assert entries(one).of(ACME) == ()
    assert not one.activate(slot)


def test_a_home_that_cannot_be_read_is_a_sentence_and_stays_as_it_is(one: Home) -> None:
    one.put(ACME, "", api("a"))
    one.where().write_bytes(b"{ nothing that anybody could read" * 99)
    before = one.where().read_bytes()

    found = one.read()

    assert isinstance(found, Unusable)
    assert str(one.where()) in found.why
    with pytest.raises(LiveFileError):
        one.put(ACME, "", api("b"))
    assert one.where().read_bytes() == before
    assert "CANARY" not in found.why
