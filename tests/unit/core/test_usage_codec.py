"""A snapshot survives being written down, and what is none is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.clock import to_iso
from rotator.core.usage_codec import (
    balance_json,
    merged,
    read_snapshot,
    windows_json,
    write_snapshot,
)
from rotator.model import Balance, Snapshot, Window
from tests.support.builders import HOUR, NOW
from tests.support.strategies import QUIET

TIMES = st.none() | st.sampled_from([NOW, NOW + HOUR])
WINDOWS = st.builds(
    Window,
    st.text(max_size=9),
    st.floats(0, 1),
    TIMES,
    st.none() | st.integers(1, 10**7),
    st.none() | st.text(max_size=9),
    st.booleans(),
)
LATER, EARLIER = NOW + HOUR, NOW - HOUR
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False)
SNAPSHOTS = st.builds(
    Snapshot,
    read_at=st.just(NOW),
    windows=st.lists(WINDOWS, max_size=3).map(tuple),
    balance=st.none() | st.builds(Balance, AMOUNTS, st.sampled_from(["USD", "credits"])),
    plan=st.none() | st.text(max_size=9),
    spent=st.booleans(),
)
USUAL = json.loads(write_snapshot(Snapshot(NOW, (Window("5h", 0.5, NOW),))))


@QUIET
@given(SNAPSHOTS)
def test_what_was_written_is_read_as_it_was(snapshot: Snapshot) -> None:
    assert read_snapshot(write_snapshot(snapshot)) == snapshot


def test_an_amount_stays_exact() -> None:
    balance = Balance(Decimal("0.10"), "USD")

    assert '"0.10"' in write_snapshot(Snapshot(NOW, balance=balance))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"read_at": 7}, id="a time that is none"),
        pytest.param({"read_at": "2026-11-22"}, id="a time without a zone"),
        pytest.param({"windows": None}, id="no windows"),
        pytest.param({"windows": ["5h"]}, id="a window that is none"),
        pytest.param({"windows": [{"name": "5h"}]}, id="a window without a share"),
        pytest.param({"windows": [USUAL["windows"][0] | {"used": "NaN"}]}, id="no number"),
        pytest.param({"balance": {"amount": "much", "currency": "USD"}}, id="no amount"),
        pytest.param({"windows": [USUAL["windows"][0] | {"used": 10**400}]}, id="a huge share"),
        pytest.param({"windows": [USUAL["windows"][0] | {"model": 7}]}, id="no model"),
        pytest.param({"windows": [USUAL["windows"][0] | {"length_seconds": "7d"}]}, id="no length"),
        pytest.param({"plan": ["pro"]}, id="no plan"),
        pytest.param({"balance": {"amount": "1"}}, id="no currency"),
        pytest.param({"balance": {"amount": "NaN", "currency": "USD"}}, id="no real amount"),
    ],
)
def test_what_is_no_snapshot_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_snapshot(json.dumps(USUAL | changed))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", "[" * 100_000])
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_snapshot(text)


def test_a_first_snapshot_is_taken_as_it_is() -> None:
    new = Snapshot(NOW, (Window("5h", 0.5),))

    assert merged(None, new) == new


def test_what_only_the_older_snapshot_knew_is_kept() -> None:
    old = Snapshot(
        EARLIER, (Window("5h", 0.1), Window("7d", 0.2, LATER)), Balance(Decimal(1), "USD"), "plus"
    )

    found = merged(old, Snapshot(NOW, (Window("5h", 0.5),)))

    windows = (Window("5h", 0.5), Window("7d", 0.2, LATER))
    assert found == Snapshot(NOW, windows, Balance(Decimal(1), "USD"), "plus")


def test_a_window_that_has_begun_anew_says_nothing_any_more() -> None:
    old = Snapshot(EARLIER, (Window("7d", 1.0, NOW),))

    assert merged(old, Snapshot(NOW, (Window("5h", 0.5),))).windows == (Window("5h", 0.5),)


def test_windows_of_two_models_are_two() -> None:
    old = Snapshot(EARLIER, (Window("5h", 0.1, model="big"),))

    assert len(merged(old, Snapshot(NOW, (Window("5h", 0.5),))).windows) == 2


def test_a_window_is_written_with_the_time_of_its_reading() -> None:
    assert windows_json(None) == []
    assert windows_json(Snapshot(NOW, (Window("5h", 0.5),)))[0]["read_at"] == to_iso(NOW)


def test_no_balance_is_none() -> None:
    assert balance_json(None) is None


def test_what_was_written_before_can_be_read_in_all_times_to_come() -> None:
    snapshot = Snapshot(
        NOW,
        (Window("5h", 0.5, LATER, 18_000, "big", blocks=False), Window("7d", 0.25)),
        Balance(Decimal("1.50"), "USD"),
        "plus",
        spent=True,
    )
    written = {
        "read_at": to_iso(NOW),
        "windows": [
            {
                "name": "5h",
                "used": 0.5,
                "resets_at": to_iso(LATER),
                "length_seconds": 18_000,
                "model": "big",
                "blocks": False,
            },
            {
                "name": "7d",
                "used": 0.25,
                "resets_at": None,
                "length_seconds": None,
                "model": None,
                "blocks": True,
            },
        ],
        "balance": {"amount": "1.50", "currency": "USD"},
        "plan": "plus",
        "spent": True,
    }

    assert json.loads(write_snapshot(snapshot)) == written
    assert read_snapshot(json.dumps(written)) == snapshot
