"""A snapshot survives being written down, and what is none is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.model import Balance, Snapshot, Window
from rotator.snapshots import read_snapshot, write_snapshot
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
        pytest.param({"balance": {"amount": "1"}}, id="no currency"),
    ],
)
def test_what_is_no_snapshot_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_snapshot(json.dumps(USUAL | changed))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", "[" * 100_000])
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_snapshot(text)
