"""The seal of a row: whatever changes in it shows."""

from __future__ import annotations

import pytest

from rotator.core.logins.row_seals import (
    PASSING_SEAL,
    SEAL,
    SEALED_TABLES,
    Row,
    covered,
    is_sealed,
    seal_of,
    seal_of_table,
    seals_of,
    without_passing,
)

ENTRY = '{"type":"api","key":"KEY-CANARY-a"}'
BARE: Row = {
    "id": "acc_1",
    "alias": "wörk",
    "entry": ENTRY,
    "plan": None,
    "rejected": "401",
    "limit_strikes": 3,
}


def sealed(row: Row, table: str = "account") -> Row:
    """Return a row with its seals, as it is written."""
    seals = {}
    for seal in seals_of(table):
        names = covered(table, seal, row)
        seals[seal] = seal_of(names, (row[name] for name in names))
    return {**row, **seals}


def test_a_row_as_it_was_written_is_sealed_right() -> None:
    row = sealed(BARE)

    assert is_sealed("account", row)
    assert is_sealed("account", row, PASSING_SEAL)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"entry": ENTRY.replace("a", "c", 1)}, id="a letter"),
        pytest.param({"entry": ENTRY.encode()}, id="bytes for a text"),
        pytest.param({"entry": ENTRY[:-1] + "\udc80"}, id="what is no text"),
        pytest.param({"plan": "pro"}, id="a value where there was none"),
        pytest.param({"alias": None}, id="none where there was a value"),
        pytest.param({"alias": "entry"}, id="another value"),
        pytest.param({SEAL: None}, id="no seal"),
        pytest.param({SEAL: "0" * 16}, id="another seal"),
    ],
)
def test_whatever_changes_in_a_row_shows(change: Row) -> None:
    """Case I2: SQLite notices none of these."""
    assert not is_sealed("account", {**sealed(BARE), **change})


def test_how_an_account_stands_has_a_seal_of_its_own() -> None:
    row = {**sealed(BARE), "rejected": None}

    assert is_sealed("account", row)
    assert not is_sealed("account", row, PASSING_SEAL)


def test_of_an_account_that_stands_somehow_nothing_is_known_and_that_is_sealed() -> None:
    row = without_passing({**sealed(BARE), "rejected": "4O1"})

    assert (row["rejected"], row["limit_strikes"]) == (None, 1)
    assert is_sealed("account", row, PASSING_SEAL)
    assert is_sealed("account", row)


def test_a_column_of_a_later_schema_breaks_no_seal_until_it_is_used() -> None:
    row = sealed(BARE)

    assert is_sealed("account", {**row, "later": None})
    assert not is_sealed("account", {**row, "later": 0})


def test_another_table_has_one_seal_over_everything() -> None:
    row = sealed({"number": 1, "rejected": "x"}, "aside")

    assert seals_of("aside") == (SEAL,)
    assert not is_sealed("aside", {**row, "rejected": "y"})


def test_two_values_cannot_be_taken_for_others_that_read_the_same() -> None:
    assert seal_of(["a", "b"], ["1\nb 2", None]) != seal_of(["a", "b"], ["1", "2"])
    assert seal_of(["a"], [1]) != seal_of(["a"], ["1"])


PASSING = {
    "rejected": None,
    "limit_state": None,
    "limit_until": None,
    "limit_reason": None,
    "limit_strikes": 1,
    "limit_since": None,
    "limit_stated": 0,
    "limit_own": 0,
    "limit_asked": None,
    "limit_uncounted": None,
    "last_used_at": None,
}


def test_how_an_account_stands_is_sealed_by_the_same_columns_in_all_times_to_come() -> None:
    """Another set of them would make every row of a store that is there look damaged."""
    row = {"id": "acc_1", **dict.fromkeys(PASSING, "x")}

    assert covered("account", PASSING_SEAL, row) == sorted(PASSING)
    assert covered("account", SEAL, row) == ["id"]
    assert {name: without_passing(row)[name] for name in PASSING} == PASSING


def test_no_table_that_was_sealed_is_left_out() -> None:
    assert set(SEALED_TABLES) >= {
        *("account", "replaced", "refresh", "part_limit", "slot", "tenure", "live", "aside"),
        "setting",
    }


def test_a_row_is_not_sealed_without_a_value_for_each_column() -> None:
    with pytest.raises(ValueError, match="shorter"):
        seal_of(["a", "b"], [1])


def test_a_seal_is_written_as_before_in_all_times_to_come() -> None:
    assert seal_of(["a", "b"], ["x", 1]) == "525d55ecb23e1249"


def test_seals_stand_in_the_same_columns_in_all_times_to_come() -> None:
    assert seals_of("account") == ("seal", "passing_seal")


def test_the_seal_of_a_table_is_of_its_rows_in_any_order() -> None:
    rows: list[tuple[object, ...]] = [("a", "b"), ("c", None)]

    assert seal_of_table(rows) == seal_of_table(rows[::-1])
    others: list[list[tuple[object, ...]]] = [rows[:1], [*rows, rows[0]], [("a", "b"), ("c", "d")]]
    assert all(seal_of_table(other) != seal_of_table(rows) for other in others)
