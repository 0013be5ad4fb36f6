"""An answer is read piece by piece: what cannot be read costs itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Snapshot, Window
from tests.support.builders import NOW


def used(part: Part) -> Window | None:
    share = part.percent("percent")
    return None if share is None else Window("5h", share)


def test_a_piece_that_can_be_read_costs_nothing() -> None:
    pieces = Pieces()

    assert pieces.read(Part({"a": "7"}).number, "a") == 7
    assert pieces.read(Part({}).number, "a") is None
    assert pieces.are_whole


def test_a_piece_that_cannot_be_read_is_none_and_is_kept_in_mind() -> None:
    pieces = Pieces()

    assert pieces.read(Part({"a": []}).number, "a") is None
    assert [str(fault) for fault in pieces.faults] == ["the vendor's answer has no usable a"]
    assert not pieces.are_whole


def test_an_object_that_is_none_costs_itself() -> None:
    pieces, body = Pieces(), Part({"a": "x", "b": {"c": 1}, "d": None})

    assert pieces.part(body, "a") is None
    assert pieces.part(body, "d") is None
    assert pieces.part(None, "b") is None
    assert pieces.part(body, "b") == Part({"c": 1}, "b")
    assert len(pieces.faults) == 1


@pytest.mark.parametrize("odd", ["x", 7, True, [], [{}]])
def test_of_a_list_what_is_no_object_costs_itself(odd: object) -> None:
    pieces = Pieces()

    told = pieces.parts(Part({"rows": [{"a": 1}, odd, None, {"a": 2}]}, "data"), "rows")

    assert told == [Part({"a": 1}, "data.rows[0]"), Part({"a": 2}, "data.rows[3]")]
    assert [str(fault) for fault in pieces.faults] == [
        "the vendor's answer has no usable data.rows[1]"
    ]


@pytest.mark.parametrize("odd", ["x", 7, {}, True])
def test_what_is_no_list_costs_itself_and_nothing_there_costs_nothing(odd: object) -> None:
    pieces = Pieces()

    assert pieces.parts(Part({}), "rows") == []
    assert pieces.are_whole
    assert pieces.parts(Part({"rows": odd}), "rows") == []
    assert not pieces.are_whole


def test_windows_are_those_of_the_parts_that_are_there() -> None:
    pieces = Pieces()
    parts = [
        Part({"percent": 25}),
        None,
        Part({}),
        Part({"percent": "many"}),
        Part({"percent": 50}),
    ]

    assert [one.used for one in pieces.windows(parts, used)] == [0.25, 0.5]
    assert len(pieces.faults) == 1


def test_where_nothing_is_left_to_tell_the_first_fault_is_told() -> None:
    pieces = Pieces()
    pieces.read(Part({"a": []}).number, "a")
    pieces.read(Part({"b": []}).number, "b")

    with pytest.raises(UnexpectedAnswer, match="no usable a"):
        pieces.told(Snapshot(NOW, plan="pro"))


@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot(NOW, (Window("5h", 0.5),)),
        Snapshot(NOW, balance=Balance(Decimal(0), "USD")),
        Snapshot(NOW, spent=True),
    ],
)
def test_what_is_left_is_told(snapshot: Snapshot) -> None:
    pieces = Pieces()
    pieces.read(Part({"a": []}).number, "a")

    assert pieces.told(snapshot) is snapshot


def test_nothing_may_be_told_where_nothing_was_wrong() -> None:
    nothing = Snapshot(NOW)

    assert Pieces().told(nothing) is nothing


def test_an_odd_truth_value_or_moment_costs_itself() -> None:
    pieces = Pieces()
    part = Part({"is": "odd", "at": [], "much": "odd", "left": 5}, "limit")

    def read(noting: Part) -> tuple[object, ...]:
        inner = noting.flag("is"), noting.moment("at"), noting.one_of_several("much")
        return (*inner, noting.one_of_several("left"))

    assert pieces.read(read, part) == (None, None, None, 5)
    assert [str(fault).rpartition(" ")[2] for fault in pieces.faults] == [
        "limit.is", "limit.at", "limit.much",
    ]  # fmt: skip
    assert not pieces.are_whole


def test_an_odd_field_of_an_inner_object_costs_itself() -> None:
    pieces = Pieces()
    body = Part({"one": {"at": []}, "many": [{"at": []}]})

    def read(noting: Part) -> None:
        one = noting.part("one")
        assert one is not None
        assert one.moment("at") is None
        assert [part.moment("at") for part in noting.parts("many")] == [None]
        assert [part.moment("at") for _, part in noting.named_parts()] == [None]

    pieces.read(read, body)
    assert len(pieces.faults) == 3


def test_what_is_read_by_itself_is_odd_for_all() -> None:
    part = Part({"at": []}, "limit")

    with pytest.raises(UnexpectedAnswer, match=r"limit\.at"):
        part.moment("at")
    with pytest.raises(UnexpectedAnswer, match=r"limit\.at"):
        part.note("at")
