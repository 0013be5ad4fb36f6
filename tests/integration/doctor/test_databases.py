"""What the doctor says of OpenCode 2's database, and what it mends there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.doctor import fix_all
from rotator.doctor.check_result import Check, CheckResult, Level
from rotator.doctor.databases import look_at_database
from rotator.doctor.setup import DoctorContext
from rotator.doctor.stores import look_at_store
from rotator.services.sync import sync
from rotator.system.locks import watch_lock
from tests.support.home import places
from tests.support.live import NOON, api, oauth, open_live
from tests.support.opencode2_table import Table, key


@pytest.fixture
def setup(home: Path) -> DoctorContext:
    return DoctorContext.of(places(home) | {"PATH": ""}, NOON)


@pytest.fixture
def table(setup: DoctorContext) -> Iterator[Table]:
    result = Table(setup.paths.opencode_database)
    result.make()
    yield result
    result.close()


def said(setup: DoctorContext) -> list[CheckResult]:
    return list(look_at_database(setup))


def test_whoever_has_no_opencode_2_hears_nothing_of_it(setup: DoctorContext) -> None:
    assert said(setup) == []


def test_a_database_without_logins_is_opencode_1_s_and_nobody_s_business(
    setup: DoctorContext,
) -> None:
    Table(setup.paths.opencode_database).make("CREATE TABLE session (id TEXT)")
    setup.paths.opencode_database.chmod(0o644)

    assert said(setup) == []


def test_the_empty_table_that_opencode_1_makes_is_nobody_s_business(
    setup: DoctorContext, table: Table
) -> None:
    table.path.chmod(0o644)

    assert said(setup) == []
    fix_all(setup)
    assert table.path.stat().st_mode & 0o777 == 0o644


def test_one_that_others_can_read_is_told_and_mended(setup: DoctorContext, table: Table) -> None:
    table.log_in("acme", key("a"))
    table.path.chmod(0o644)
    before = said(setup)

    mended = fix_all(setup)

    assert [(r.level, r.mendable) for r in before] == [(Level.OK, False), (Level.PROBLEM, True)]
    assert "has the mode 0644" in before[1].says
    assert f"{table.path} is private now" in mended.done
    assert table.path.stat().st_mode & 0o777 == 0o600
    assert [r.level for r in said(setup)] == [Level.OK]


def test_its_log_is_narrowed_as_well(setup: DoctorContext, table: Table) -> None:
    table.hold()
    table.log_in("acme", key("a"))
    log = table.path.with_name("opencode.db-wal")
    table.path.chmod(0o600)
    log.chmod(0o644)

    fix_all(setup)

    assert log.stat().st_mode & 0o777 == 0o600


def test_an_unknown_schema_is_a_problem_that_nobody_mends(
    setup: DoctorContext, table: Table
) -> None:
    table.do("ALTER TABLE credential RENAME COLUMN active TO used")
    before = table.path.read_bytes()

    (result,) = said(setup)
    fix_all(setup)

    assert (result.check, result.level) == (Check.DATABASE, Level.PROBLEM)
    assert "not known here" in result.says
    assert result.to_do == (
        "OpenCode 2's logins are left alone; if it is newer than opencode-rotator, update that"
    )
    assert table.path.read_bytes() == before


def test_a_login_that_cannot_be_read_is_worth_a_note(setup: DoctorContext, table: Table) -> None:
    table.path.chmod(0o600)
    table.log_in("acme", "{oops CANARY")

    levels = [(r.level, "left out" in r.says) for r in said(setup)]

    assert levels == [(Level.OK, False), (Level.NOTE, True)]


def test_it_says_which_accounts_stand_in_both_homes(
    home: Path, setup: DoctorContext, table: Table
) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a"), "named": oauth("ada"), "opaque": oauth("x")})
        table.log_in("acme", key("a"))
        table.log_in("acme", key("b"))
        table.log_in("named", {"methodID": "oauth", **oauth("ada")})
        sync(live.context)
        count = len(live.names())

    told = [r for r in look_at_store(setup) if "stands in" in r.says]
    with watch_lock(setup.paths.watch_lock):
        watched = [r for r in look_at_store(setup) if "stands in" in r.says]

    assert [r.says.split(" ")[0] for r in told] == ["acme/acme-1", "named/ada-acme.example"]
    assert count == 4
    assert [(r.level, r.to_do) for r in told] == [
        (Level.OK, None),
        (Level.NOTE, "run rotator watch"),
    ]
    assert [r.level for r in watched] == [Level.OK, Level.OK]
