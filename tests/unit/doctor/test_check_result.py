"""What the doctor concludes from what it sees; no disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.doctor.accounts import look_at_accounts, look_at_clock
from rotator.doctor.check_result import (
    Check,
    CheckResult,
    Level,
    counts_by_level,
    exit_code,
    note,
    ok,
    problem,
)
from rotator.doctor.places import kind_of_file_system, on_other_computer, room_for

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = '{"type": "api", "key": "KEY-CANARY-a"}'
MIB = 1024 * 1024
MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 27 0:50 / /srv/ada rw,relatime shared:2 master:1 - nfs4 server:/ada rw
41 27 0:51 / /a\\040b rw - fuse.sshfs there: rw
42 27 0:52 / /twice rw - ext4 /dev/sdb1 rw
43 27 0:53 / /twice rw - cifs //there/twice rw
nonsense
"""


def row(alias: str, **more: object) -> dict[str, object]:
    usual = {
        "provider": "acme",
        "alias": alias,
        "entry": KEY,
        "identity_key": None,
        "rejected": None,
        "disabled": None,
    }
    return usual | more


@pytest.mark.parametrize(
    ("results", "code"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([ok(Check.STORE, "a"), note(Check.WATCHER, "b")], 0, id="notes"),
        pytest.param([problem(Check.BRIDGE, "a")], 2, id="the set-up"),
        pytest.param([problem(Check.WATCHER, "a"), problem(Check.BRIDGE, "b")], 5, id="watcher"),
        pytest.param([problem(Check.AUTH_FILE, "a")], 6, id="auth.json"),
        pytest.param([problem(Check.STORE, "a"), problem(Check.WATCHER, "b")], 7, id="store"),
    ],
)
def test_the_exit_code_is_that_of_the_gravest_problem(
    results: list[CheckResult], code: int
) -> None:
    assert exit_code(results) == code


def test_every_level_is_counted() -> None:
    counts = counts_by_level(
        [ok(Check.STORE, "a"), problem(Check.STORE, "b"), problem(Check.DISK, "c")]
    )

    assert counts == {Level.OK: 1, Level.NOTE: 0, Level.PROBLEM: 2}


@pytest.mark.parametrize(
    ("rows", "level", "words"),
    [
        pytest.param([row("a"), row("b")], Level.OK, "2 accounts, none needs a login", id="well"),
        pytest.param([row("a")], Level.NOTE, "no provider has a second account", id="alone"),
        pytest.param(
            [row("a"), row("b", disabled="by you")], Level.NOTE, "has nobody to go to", id="off"
        ),
        pytest.param(
            [row("a"), row("b", rejected="revoked")],
            Level.PROBLEM,
            "acme/b needs a new login: revoked",
            id="rejected",
        ),
        pytest.param(
            [row("a"), row("b", entry="{KEY-CANARY-oops")],
            Level.PROBLEM,
            "the saved login of acme/b cannot be read",
            id="unreadable",
        ),
        pytest.param(
            [row("a", identity_key="ada"), row("b", identity_key="ada")],
            Level.NOTE,
            "acme/a and acme/b are logins of one account",
            id="twice",
        ),
    ],
)
def test_what_is_wrong_with_accounts_is_named(
    rows: list[dict[str, object]], level: Level, words: str
) -> None:
    (result,) = look_at_accounts(rows)

    assert (result.level, words in result.says) == (level, True)
    assert "CANARY" not in f"{result}"


def test_an_account_that_was_switched_off_needs_no_login() -> None:
    rows = [row("a"), row("b"), row("c", rejected="revoked", disabled="by you")]

    assert [result.level for result in look_at_accounts(rows)] == [Level.OK]


@pytest.mark.parametrize(
    ("ahead", "level"),
    [
        (None, Level.OK),
        (timedelta(days=-9), Level.OK),
        (timedelta(minutes=4), Level.OK),
        (timedelta(minutes=6), Level.NOTE),
    ],
    ids=str,
)
def test_times_that_have_not_come_yet_tell_of_a_clock_that_was_set_back(
    ahead: timedelta | None, level: Level
) -> None:
    (result,) = look_at_clock(None if ahead is None else NOON + ahead, NOON)

    assert result.level is level
    assert (result.to_do is None) == (level is Level.OK)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/ada/.local", "nfs4"),
        ("/srv/adam", "ext4"),
        ("/", "ext4"),
        ("/a b/c", "fuse.sshfs"),
        ("/twice/c", "cifs"),
    ],
)
def test_a_folder_is_on_the_file_system_of_its_nearest_mount(path: str, kind: str) -> None:
    assert kind_of_file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("path", "count"), [("/srv/ada/x", 1), ("/srv/adam", 0)])
def test_another_computer_s_disk_is_noted(path: str, count: int) -> None:
    found = list(on_other_computer("the store", Path(path), MOUNTS))

    assert [result.level for result in found] == [Level.NOTE] * count


def test_without_a_list_of_mounts_nobody_knows_the_file_system() -> None:
    assert kind_of_file_system(Path("/home"), "") is None


@pytest.mark.parametrize(
    ("free_bytes", "level"),
    [(200 * MIB, None), (200 * MIB - 1, Level.NOTE), (16 * MIB - 1, Level.PROBLEM)],
)
def test_a_full_disk_is_a_problem_and_a_nearly_full_one_a_note(
    free_bytes: int, level: Level | None
) -> None:
    result = room_for("the store", Path("/data"), free_bytes)

    assert (result and result.level) == level
