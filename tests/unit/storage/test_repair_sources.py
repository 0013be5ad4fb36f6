"""What a source of a rebuilding says of accounts, whole or damaged, of today or of long ago."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from rotator.core.logins.credential_secrets import secrets_of
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.storage.backups import Backup
from rotator.storage.damaged import Rows
from rotator.storage.images import opened_empty
from rotator.storage.migrations import SEALED_SINCE, STORE
from rotator.storage.repair_sources import RepairSource, content_of, contents_of, source_of
from tests.support.live import NOON

ENTRY = '{"type":"api","key":"KEY-CANARY-a"}'
SPOILT = {
    "id": "acc_1",
    "provider": "acme",
    "alias": "work",
    "entry": ENTRY,
    "maybe": None,
    "captured_at": "2026-11-01T00:00:00.000Z",
    "rejected": None,
    "limit_state": None,
    "last_used_at": None,
    "refresh_allowed": 0,
    "unproven": 0,
} | dict.fromkeys(("identity", "identity_key", "disabled", "plan", "shared_by"))


@pytest.mark.parametrize(
    ("schema", "has_seals"),
    [(1, False), (SEALED_SINCE - 1, False), (SEALED_SINCE, True)],
)
def test_whether_rows_have_seals_is_told_by_the_schema(schema: int, *, has_seals: bool) -> None:
    with opened_empty(STORE[:schema]) as store:
        source = source_of(store)

    assert (source.schema, source.has_seals) == (schema, has_seals)
    assert source.is_whole("account")
    assert (source.spoilt.get("account", ()), source.restless) == ((), ())


def test_a_store_that_notes_no_changes_was_changed_never() -> None:
    assert spoilt(SPOILT).changes == 0


@pytest.mark.parametrize(("size", "is_read"), [(10, True), (11, False), (12, False)])
def test_a_copy_is_read_whole_or_not_at_all(
    tmp_path: Path, size: int, *, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rotator.storage.repair_sources.LARGEST", 10)
    copy = Backup(NOON, "mark", tmp_path / "copy.sqlite")
    copy.path.write_bytes(b"c" * size)

    with contextlib.nullcontext() if is_read else pytest.raises(OSError, match="too large"):
        assert content_of(copy) == b"c" * size


def spoilt(row: dict[str, Any]) -> RepairSource:
    """Return a source in which a row is not sealed right, and its secret is noted beside it."""
    secrets = secrets_of(parse_entry("acme", Secret(ENTRY)))
    noted = tuple({"provider": "acme", "digest": one, "account": "acc_1"} for one in secrets)
    tables = {"account": Rows(), "digest": Rows(noted, whole=True), "removed": Rows()}
    return RepairSource(len(STORE), tables, has_seals=True, spoilt={"account": (row,)})


def test_a_login_whose_secrets_were_noted_beside_it_is_taken_though_its_row_has_changed() -> None:
    contents = contents_of(spoilt(SPOILT | {"alias": "wprk"}))

    assert set(contents.accounts) == {"acc_1"}
    assert contents.sealed == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"captured_at": "noon"}, id="a time that is none"),
        pytest.param({"captured_at": None}, id="no time"),
        pytest.param({"maybe": 4}, id="of another type"),
        pytest.param({"entry": "{oops"}, id="no entry"),
        pytest.param({"entry": ENTRY.replace("-a", "-b")}, id="another secret"),
        pytest.param({"id": "acc_2"}, id="another account's secret"),
    ],
)
def test_a_row_that_is_no_account_or_not_that_login_is_none(change: dict[str, Any]) -> None:
    assert contents_of(spoilt(SPOILT | change)).accounts == {}


@pytest.mark.parametrize("has_seals", [True, False])
def test_rows_are_sealed_right_only_where_there_are_seals(*, has_seals: bool) -> None:
    tables = {"account": Rows((SPOILT,)), "digest": Rows(), "removed": Rows()}

    contents = contents_of(RepairSource(len(STORE), tables, has_seals=has_seals))

    assert set(contents.accounts) == {"acc_1"}
    assert contents.sealed == ({"acc_1"} if has_seals else set())
