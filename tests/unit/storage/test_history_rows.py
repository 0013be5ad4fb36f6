"""A row of the history that is not as we write them stands for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.core.poll_schedule import OwnerRecord, UsageRecord
from rotator.model import Event, EventKind
from rotator.storage.history_rows import (
    event_of,
    is_name,
    owner_question_of,
    reading_of,
    usage_of,
)
from tests.support.builders import NOW

AT = to_iso(NOW)
EVENT = (AT, "failover", "acme", "acme/b", "a", "b", "limited", "more")
USAGE = (None, "no answer", 2, AT, AT)
READING = ("5h", None, AT, 0.5)
QUESTION = (2, 1, AT)


def changed(row: tuple[Any, ...], at: int, value: object) -> tuple[Any, ...]:
    return (*row[:at], value, *row[at + 1 :])


def test_a_row_as_we_write_it_is_what_it_stands_for() -> None:
    told = Event(NOW, EventKind.FAILOVER, "acme", "acme/b", "a", "b", "limited", "more")

    assert event_of(EVENT) == told
    assert usage_of(USAGE) == UsageRecord(None, "no answer", 2, NOW, NOW)
    assert reading_of(READING) == ("5h", None, NOW, 0.5)
    assert owner_question_of(QUESTION) == OwnerRecord(2, is_answered=True, due_at=NOW)


@pytest.mark.parametrize("value", [b"bytes", 7, "half \udcff text"])
@pytest.mark.parametrize("at", range(len(EVENT)))
def test_an_event_with_another_type_or_no_text_is_none(at: int, value: object) -> None:
    assert event_of(changed(EVENT, at, value)) is None


@pytest.mark.parametrize("at", [0, 1, 6])
def test_an_event_without_what_each_has_is_none(at: int) -> None:
    assert event_of(changed(EVENT, at, None)) is None
    assert at == 6 or event_of(changed(EVENT, at, "odd")) is None


@pytest.mark.parametrize("value", [b"bytes", "\udcff", "odd"])
@pytest.mark.parametrize("at", [0, 2, 3, 4])
def test_usage_that_cannot_be_read_is_read_anew(at: int, value: object) -> None:
    assert usage_of(changed(USAGE, at, value)) == UsageRecord()


@pytest.mark.parametrize("value", [b"bytes", 7, "\udcff"])
def test_a_failure_that_is_no_text_is_none(value: object) -> None:
    assert usage_of(changed(USAGE, 1, value)) == UsageRecord()


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, None), (1, b"big"), (2, "odd"), (2, 7), (3, None), (3, float("inf")), (3, "half")],
)
def test_a_reading_that_cannot_be_read_is_none(at: int, value: object) -> None:
    assert reading_of(changed(READING, at, value)) is None


@pytest.mark.parametrize(("at", "value"), [(0, "two"), (1, None), (2, b"bytes")])
def test_a_question_that_cannot_be_read_was_never_asked(at: int, value: object) -> None:
    assert owner_question_of(changed(QUESTION, at, value)) == OwnerRecord()


def test_a_question_whose_time_is_none_was_asked_as_often() -> None:
    assert owner_question_of(changed(QUESTION, 2, "odd")) == OwnerRecord(2, is_answered=True)


@pytest.mark.parametrize(
    ("value", "is_one"), [("acme", True), ("Zoë", True), ("\udcff", False), (b"acme", False)]
)
def test_a_name_is_a_text_that_can_be_written(value: object, *, is_one: bool) -> None:
    assert is_name(value) == is_one
