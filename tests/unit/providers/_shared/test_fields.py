"""Fields of a vendor's answer are read as they are, or named as unusable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from providers._shared.fields import Part, fraction
from rotator.errors import UnexpectedAnswer

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
SECONDS = int(AT.timestamp())


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, Decimal(7)),
        ("0E-10", Decimal("0E-10")),
        (" 36.79 ", Decimal("36.79")),
        (0.1, Decimal("0.1")),
        (Decimal(-1), Decimal(-1)),
        (".5", Decimal("0.5")),
        (None, None),
    ],
)
def test_a_number_may_be_written_in_several_ways(value: object, number: Decimal | None) -> None:
    assert Part({"a": value}).number("a") == number
    assert Part({}).number("a") is None


@pytest.mark.parametrize(
    "value",
    [
        True,
        "",
        "12 %",
        "NaN",
        float("nan"),
        float("inf"),
        10**15,
        -1e300,
        [],
        {},
        "1e999",
        "\u0661",
    ],
    ids=repr,
)
def test_what_is_no_number_is_named_by_its_path(value: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"^the vendor's answer has no usable a\.b$"):
        Part({"b": value}, "a").number("b")


def test_a_number_with_an_endless_exponent_is_refused_and_not_worked_on() -> None:
    with pytest.raises(UnexpectedAnswer):
        Part({"a": Decimal("1e1000000")}).number("a")


@pytest.mark.parametrize(("percent", "used"), [(22, 0.22), ("104.5", 1), (-0.0, 0), (None, None)])
def test_a_percentage_is_a_fraction_within_its_bounds(percent: object, used: float | None) -> None:
    assert Part({"a": percent}).percent("a") == used


def test_a_share_below_nothing_says_nothing() -> None:
    for value in (-3, "-0.5", -1e9):
        with pytest.raises(UnexpectedAnswer, match=r"has no usable used$"):
            Part({"used": value}).share("used")


def test_a_fraction_is_a_part_of_a_whole() -> None:
    assert fraction(Decimal(1432), Decimal(1500)) == pytest.approx(0.9547, abs=1e-4)


def test_a_count_has_no_fraction() -> None:
    assert Part({"a": "18000.0"}).count("a") == 18_000
    assert Part({}).count("a") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\x1b[31mb", "a [31mb"), ("", None), ("\x1b", None), (7, None), (None, None)],
)
def test_a_text_is_harmless_or_none(value: object, text: str | None) -> None:
    assert Part({"a": value}).text("a") == text


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("true", True), ("False", False), (None, None)],
    ids=repr,
)
def test_a_flag_is_a_truth_value(value: object, flag: bool | None) -> None:  # noqa: FBT001  # a table's column
    assert Part({"a": value}).flag("a") is flag


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T14:00:00Z",
        "2026-11-22T14:00:00",
        "2026-11-22 14:00",
        "2026-11-22T14:00:00.000000000Z",
        "2026-11-22T16:00:00+02:00",
        SECONDS,
        SECONDS * 1_000,
        str(SECONDS),
        f"{SECONDS}.0",
    ],
    ids=repr,
)
def test_a_moment_may_be_written_in_several_ways(value: object) -> None:
    found = Part({"a": value}).moment("a")

    assert found == AT
    assert found is not None
    assert found.tzinfo is UTC


def test_digits_beyond_the_millionth_of_a_second_are_dropped() -> None:
    found = Part({"a": "2026-11-22T14:00:00.123456789Z"}).moment("a")

    assert found == AT + timedelta(microseconds=123_456)


def test_a_moment_without_a_zone_is_meant_in_the_vendor_s() -> None:
    zone = timezone(timedelta(hours=8))

    assert Part({"a": "2026-11-22T22:00:00"}).moment("a", zone) == AT


@pytest.mark.parametrize(
    "value", [None, "", 0, "0", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"], ids=repr
)
def test_a_placeholder_is_no_moment(value: object) -> None:
    assert Part({"a": value}).moment("a") is None


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        True,
        12,
        -5,
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+02:00",
        10**14,
        9 * 10**14,
        [],
        " ",
    ],
    ids=repr,
)
def test_what_cannot_be_meant_is_no_moment(value: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"usable a$"):
        Part({"a": value}).moment("a")


def test_a_path_leads_through_objects_and_lists() -> None:
    whole = Part({"limits": [{"percent": 1}, None, {"percent": "?"}], "plan": {"level": {}}})

    one, other = whole.parts("limits")
    plan = whole.part("plan")

    assert one.number("percent") == 1
    assert plan is not None
    assert plan.part("level") == Part({}, "plan.level")
    with pytest.raises(UnexpectedAnswer, match=r"usable limits\[2\]\.percent$"):
        other.number("percent")


def test_what_is_not_there_has_no_parts() -> None:
    assert Part({"a": None}).part("a") is None
    assert Part({"a": None}).parts("a") == ()
    assert Part({}).parts("a") == ()


@pytest.mark.parametrize(
    "read",
    [
        lambda whole: whole.part("a"),
        lambda whole: whole.parts("a"),
        lambda whole: whole.flag("a"),
        lambda whole: Part({"a": [whole.path]}).parts("a"),
    ],
    ids=["object", "list", "flag", "list of numbers"],
)
def test_another_shape_is_refused(read: Callable[[Part], object]) -> None:
    with pytest.raises(UnexpectedAnswer, match="usable a"):
        read(Part({"a": "yes"}))


def test_a_table_s_names_come_from_outside_and_are_made_harmless() -> None:
    whole = Part({"\x1bx": {"b": "?"}, "not": 1}, "models")

    ((name, part),) = whole.named_parts()

    assert name == "\x1bx"
    assert str(part.unusable("b")).endswith("usable models. x.b")
