"""Signals as the bridge writes them: every field is checked, and nothing in one is too much."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.model import EarlierFault, Fault, FaultKind, Signal, Source
from rotator.opencode.bridge.fields import LONGEST_BODY, SCHEMA
from rotator.opencode.bridge.signal_file import parse_signal

DIGEST = "0123456789abcdef" * 4
SIGNAL: dict[str, Any] = {
    "schema": SCHEMA,
    "id": "s-1",
    "request": "r-1",
    "attempt": 2,
    "at": "2026-11-22T14:20:00.250Z",
    "provider": "acme",
    "model": "m1",
    "session": "ses_1",
    "credential": DIGEST,
    "tried": [DIGEST],
    "status": 429,
    "headers": {"Retry-After": "60"},
    "body": '{"error":"slow down"}',
}


def parsed(**changes: Any) -> Signal | None:
    """Return what a signal with these fields changed is taken for."""
    value = {k: v for k, v in (SIGNAL | changes).items() if v is not ...}
    return parse_signal("s-1", json.dumps(value).encode())


def taken(**changes: Any) -> Signal:
    signal = parsed(**changes)
    assert signal is not None
    return signal


def test_a_signal_is_taken_with_all_its_fields() -> None:
    assert parsed() == Signal(
        id="s-1",
        at=datetime(2026, 11, 22, 14, 20, 0, 250_000, tzinfo=UTC),
        provider="acme",
        source=Source.BRIDGE,
        credential=taken().credential,
        request="r-1",
        attempt=2,
        model="m1",
        session="ses_1",
        tried=taken().tried,
        status=429,
        headers={"retry-after": "60"},
        body='{"error":"slow down"}',
    )


def test_a_signal_names_credentials_by_their_digests() -> None:
    assert (taken().credential, taken().tried) == (DIGEST, (DIGEST,))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"schema": 2}, id="a newer schema"),
        pytest.param({"schema": ...}, id="no schema"),
        pytest.param({"id": "s-2"}, id="another id than its file's name"),
        pytest.param({"provider": ...}, id="no provider"),
        pytest.param({"provider": 7}, id="a number as provider"),
        pytest.param({"at": ...}, id="no time"),
        pytest.param({"at": 1_763_000_000}, id="a number as time"),
        pytest.param({"at": "yesterday"}, id="a word as time"),
        pytest.param({"at": "2026-11-22T14:20:00"}, id="a time without a zone"),
        pytest.param({"at": "0001-01-01T00:00:00+23:00"}, id="a time before all time"),
    ],
)
def test_what_is_not_understood_is_no_signal(changes: dict[str, Any]) -> None:
    assert parsed(**changes) is None


@pytest.mark.parametrize(
    ("field", "wrong", "read"),
    [
        pytest.param("credential", "KEY-CANARY-A", None, id="no digest"),
        pytest.param("credential", DIGEST.upper(), None, id="a digest in capitals"),
        pytest.param("credential", DIGEST + "0", None, id="a longer digest"),
        pytest.param("tried", {"a": 1}, (), id="tried is no list"),
        pytest.param("tried", [7, DIGEST, "x"], (DIGEST,), id="tried holds other things"),
        pytest.param("attempt", "many", 1, id="a word as attempt"),
        pytest.param("status", True, None, id="a yes as status"),
        pytest.param("status", "429", None, id="a text as status"),
        pytest.param("model", ["m1"], None, id="a list as model"),
        pytest.param("session", 5, None, id="a number as session"),
        pytest.param("headers", ["a"], {}, id="headers are no object"),
        pytest.param("headers", {"A": 1, "B": "\x1b[2Jb"}, {"b": "[2Jb"}, id="odd headers"),
        pytest.param("body", None, "", id="no body"),
        pytest.param("body", "x" * 100_000, "x" * LONGEST_BODY, id="an endless body"),
        pytest.param("error", "x\x00\u202ey", "x y", id="control characters in an error"),
        pytest.param("source", "manual", Source.BRIDGE, id="another source"),
    ],
)
def test_a_field_that_is_wrong_costs_that_field(field: str, wrong: object, read: object) -> None:
    signal = taken(**{field: wrong})

    assert getattr(signal, field) == read


def test_more_headers_than_any_answer_has_are_left_out() -> None:
    signal = taken(headers={f"x-{n}": "1" for n in range(1000)})

    assert len(signal.headers) == 64


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
TIMES = st.datetimes().map(datetime.isoformat) | st.sampled_from(
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T14:20:00Z"]
)
TOLD = {
    "schema": st.just(SCHEMA),
    "id": st.just("s-1"),
    "provider": st.text(max_size=6),
    "at": TIMES,
}
SIGNALS = st.fixed_dictionaries(
    TOLD, optional={name: JSON_VALUES for name in SIGNAL if name not in TOLD}
)


@given(SIGNALS | JSON_VALUES)
def test_any_json_is_a_signal_or_none(value: object) -> None:
    signal = parse_signal("s-1", json.dumps(value).encode())

    assert signal is None or signal.id == "s-1"


@given(st.binary(max_size=60))
@example(b"[" * 100_000)
@example(b'{"schema":' + b"9" * 10_000 + b"}")
@example("\ufeff{}".encode())
@example("{}".encode("utf-16"))
def test_any_bytes_are_a_signal_or_none(content: bytes) -> None:
    assert parse_signal("s-1", content) is None


def test_a_fault_is_taken_with_those_before_it() -> None:
    odd = [{"kind": "cut"}, {"kind": "cut", "ms": -1}, {"kind": "cut", "ms": "1"}, "cut"]
    earlier = [{"kind": "stalled", "ms": 1500}, *odd]

    signal = taken(status=None, fault="empty", earlier=earlier, held=True)

    before = EarlierFault(FaultKind.STALLED, timedelta(seconds=1.5))
    assert signal.fault == Fault(FaultKind.EMPTY, (before,), is_held=True)
    assert signal.status is None
    assert taken(fault="cut", held="yes").fault == Fault(FaultKind.CUT)
    assert taken().fault is None


@pytest.mark.parametrize(
    "changes",
    [{"fault": "unknown"}, {"fault": 7}, {"fault": "cut", "earlier": [{"kind": "odd", "ms": 1}]}],
)
def test_a_fault_of_a_kind_that_nobody_knows_is_not_understood(changes: dict[str, Any]) -> None:
    assert parsed(**changes) is None
