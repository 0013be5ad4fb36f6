"""Both homes keep one contract: what is written stands there, and nothing is written over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.errors import LiveFileError
from rotator.opencode.auth.home import AuthFileHome
from rotator.opencode.auth.replaced import ReplacedFiles
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
    return AuthFileHome(paths.auth_file, ReplacedFiles(paths.journal))


def database(home: Path) -> Home:
    paths = find_paths(places(home))
    Table(paths.opencode_database).make()
    return DatabaseHome(paths, servers=lambda _: [])


@pytest.fixture(params=[auth_file, database])
def logins(request: pytest.FixtureRequest, home: Path) -> Home:
    made: Home = request.param(home)
    return made


def entries(home: Home) -> Entries:
    reading = home.read()
    return Entries() if isinstance(reading, Absent) else reading  # type: ignore[return-value]


def test_an_empty_home_has_nothing(logins: Home) -> None:
    assert entries(logins).entries == ()
    assert logins.where() in logins.watched()


def test_what_is_put_in_and_activated_is_the_active_login(logins: Home) -> None:
    slot = logins.put(ACME, "first", api("a"))

    assert logins.activate(slot)

    (reading,) = entries(logins).of(ACME)
    assert (reading.slot, reading.active) == (slot, True)
    assert reading.credential.secret.reveal() == "KEY-CANARY-a"  # type: ignore[union-attr]


def test_logins_of_several_providers_stand_beside_each_other(logins: Home) -> None:
    logins.put(ACME, "", api("a"))
    logins.put("other", "", oauth("b", accountId="acct"))

    reading = entries(logins)

    assert {e.provider: e.active for e in reading.entries} == {ACME: True, "other": True}
    assert reading.of("other")[0].credential.account_id == "acct"  # type: ignore[union-attr]


def test_newer_tokens_go_where_the_older_ones_stand(logins: Home) -> None:
    slot = logins.put(ACME, "", oauth("a"))
    old = entries(logins).at(slot)
    assert old is not None

    assert logins.update(slot, old, oauth("a", 2))

    reading = entries(logins).at(slot)
    assert reading is not None
    assert reading.credential.refresh.reveal() == "REF-CANARY-a-2"  # type: ignore[union-attr]


def test_nothing_is_written_over_what_somebody_else_wrote(logins: Home) -> None:
    slot = logins.put(ACME, "", oauth("a"))
    old = entries(logins).at(slot)
    assert old is not None
    assert logins.update(slot, old, oauth("a", 2))

    assert not logins.update(slot, old, oauth("a", 3))
    assert not logins.remove(slot, old)

    reading = entries(logins).at(slot)
    assert reading is not None
    assert reading.credential.refresh.reveal() == "REF-CANARY-a-2"  # type: ignore[union-attr]


def test_what_is_removed_is_gone_and_cannot_be_activated(logins: Home) -> None:
    slot = logins.put(ACME, "", api("a"))
    old = entries(logins).at(slot)
    assert old is not None

    assert logins.remove(slot, old)

    assert entries(logins).of(ACME) == ()
    assert not logins.activate(slot)


def test_a_home_that_cannot_be_read_is_a_sentence_and_stays_as_it_is(logins: Home) -> None:
    logins.put(ACME, "", api("a"))
    logins.where().write_bytes(b"{ nothing that anybody could read" * 99)
    before = logins.where().read_bytes()

    reading = logins.read()

    assert isinstance(reading, Unusable)
    assert str(logins.where()) in reading.why
    with pytest.raises(LiveFileError):
        logins.put(ACME, "", api("b"))
    assert logins.where().read_bytes() == before
    assert "CANARY" not in reading.why
