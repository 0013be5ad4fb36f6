"""Times, percentages, bars and states in words, and that everything which shows them agrees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rotator.wording import (
    ago,
    columns,
    counted,
    day_or_time,
    filled_cells,
    is_counted,
    local,
    long_moment,
    moment,
    moment_in_full,
    moment_to_the_second,
    moment_with_zone,
    percent,
    reset_in_full,
    reset_words,
    short_span,
    short_state_words,
    span,
    span_in_minutes,
    state_words,
    used_words,
    whole_percent,
    zone_name,
)
from tests.support.builders import HOUR, MINUTE, NOW, SECOND

DAY = timedelta(days=1)
EAST = timezone(timedelta(hours=9))
NAMED = timezone(timedelta(hours=9), "JST")


# -- how much ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "whole"),
    [
        *((-0.5, 0), (0, 0), (1e-12, 1), (0.003, 1), (0.0149, 1), (0.015, 2)),
        # None of these has an exact fraction, and of some a hundred times it is less.
        *((0.285, 29), (0.29, 29), (0.57, 57), (0.58, 58), (0.575, 58), (0.284, 28)),
        *((0.994, 99), (0.996, 99), (0.999_999_999_999, 99), (1, 100), (1.4, 100)),
    ],
)
def test_a_percentage_is_the_nearest_and_full_or_empty_only_where_it_is(
    used: float, whole: int
) -> None:
    assert whole_percent(used) == whole
    assert (percent(used), used_words(used)) == (f"{whole}%", f"{whole} % used")


@given(used=some.floats(0, 1), more=some.floats(0, 1))
def test_more_that_is_used_is_never_told_as_less(used: float, more: float) -> None:
    low, high = sorted((used, more))

    assert whole_percent(low) <= whole_percent(high)
    assert abs(whole_percent(used) - used * 100) <= 1
    assert (whole_percent(used) == 100, whole_percent(used) == 0) == (used == 1, used == 0)


@pytest.mark.parametrize(
    ("used", "full"), [(-1, 0), (0, 0), (0.001, 1), (0.5, 4), (0.999, 7), (1, 8), (7, 8)]
)
def test_a_bar_shows_anything_used_and_anything_left(used: float, full: int) -> None:
    assert filled_cells(used, 8) == full


def test_a_column_is_as_high_as_what_was_used() -> None:
    assert columns((-1, 0, 0.3, 0.5, 0.99, 1, 3), "0123") == "0012333"


def test_a_number_has_its_noun() -> None:
    assert [counted(n, "login") for n in (0, 1, 2)] == ["0 logins", "1 login", "2 logins"]


# -- how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((-5, "0 s"), (0, "0 s"), (0.2, "1 s"), (45, "45 s"), (59, "59 s")),
        *((60, "1 min"), (61, "1 min 1 s"), (61.5, "1 min 2 s"), (80, "1 min 20 s")),
        *((119.5, "2 min"), (120, "2 min"), (179, "2 min"), (3599, "59 min"), (3599.5, "1 h")),
        *((7200, "2 h"), (7230, "2 h"), (7980, "2 h 13 min"), (86_399, "23 h 59 min")),
        *((86_400, "1 d"), (90_000, "1 d 1 h"), (259_200, "3 d"), (273_600, "3 d 4 h")),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "1 min"), (1, "1 min"), (61, "2 min"), (120, "2 min"), (3541, "1 h"), (86_341, "1 d")],
)
def test_one_that_counts_down_on_paper_changes_once_a_minute(seconds: float, words: str) -> None:
    assert span_in_minutes(seconds) == words


def test_a_short_length_of_time_has_its_largest_unit_alone() -> None:
    lengths = (-1, 0.9, 59.9, 60, 3599, 3600, 86_399, 86_400, 1e6)

    assert " ".join(map(short_span, lengths)) == "0s 0s 59s 1m 59m 1h 23h 1d 11d"


def test_how_long_ago_something_was_does_not_count_seconds() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW + MINUTE, NOW) == "just now"
    assert ago(NOW - 59 * SECOND, NOW) == "just now"
    assert ago(NOW - MINUTE, NOW) == "1 min ago"
    assert ago(NOW - 119 * SECOND, NOW) == "1 min ago"
    assert ago(NOW - 3 * HOUR - 59 * SECOND, NOW) == "3 h ago"


# -- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "words", "with_zone"),
    [
        (2 * HOUR, "23:00", "23:00 JST"),
        (11 * HOUR, "08:00", "08:00 JST"),
        (-20 * HOUR, "01:00", "01:00 JST"),
        (-22 * HOUR, "Sat 23:00", "Sat 23:00 JST"),
        (2 * DAY, "Tue 21:00", "Tue 21:00 JST"),
        (6 * DAY, "28 Nov", "2026-11-28 21:00 JST"),
        (-30 * DAY, "23 Oct", "2026-10-23 21:00 JST"),
    ],
)
def test_a_time_is_said_as_people_say_it_where_they_are(
    later: timedelta, words: str, with_zone: str
) -> None:
    assert moment(NOW + later, NOW, NAMED) == words
    assert moment_with_zone(NOW + later, NOW, NAMED) == with_zone


def test_a_whole_time_names_its_zone() -> None:
    assert moment_in_full(NOW, NAMED) == "2026-11-22 21:00 JST"
    assert moment_to_the_second(NOW, NAMED) == "2026-11-22 21:00:00 JST"
    assert long_moment(NOW, NAMED) == "Sun 22 Nov 2026 21:00:00"


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (UTC, "UTC"),
        (NAMED, "JST"),
        (EAST, "UTC+09:00"),
        (timezone(-timedelta(hours=3, minutes=30), "-0330"), "UTC-03:30"),
        (timezone(timedelta(hours=3), ""), "UTC+03:00"),
        (timezone(timedelta(hours=3), "é"), "UTC+03:00"),
    ],
)
def test_a_zone_without_a_name_is_told_by_its_distance(zone: tzinfo, name: str) -> None:
    assert zone_name(NOW.astimezone(zone)) == name


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_without_a_zone_it_is_the_computer_s_own() -> None:
    summer = NOW - 180 * DAY

    assert (moment(NOW, NOW), moment_with_zone(NOW, NOW)) == ("07:00", "07:00 EST")
    assert moment_in_full(summer) == "2026-05-26 08:00 EDT"


@pytest.mark.parametrize("there", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", [EAST, timezone(-timedelta(hours=9)), None])
def test_before_and_after_every_year_times_are_in_utc(there: datetime, zone: tzinfo | None) -> None:
    assert local(there, zone) == there
    assert moment_in_full(there, zone)


@pytest.mark.parametrize(
    ("before", "words"), [(HOUR, "20:00"), (DAY, "21:00"), (DAY + SECOND, "21 Nov")]
)
def test_a_list_of_what_was_has_the_time_of_the_last_day(before: timedelta, words: str) -> None:
    assert day_or_time(NOW - before, NOW, EAST) == words


@pytest.mark.parametrize(
    ("left", "words", "in_full"),
    [
        (None, "", ""),
        (-SECOND, "has begun anew", "has begun anew"),
        (0 * SECOND, "has begun anew", "has begun anew"),
        (SECOND, "resets in 1 s", "resets in 1 s (21:00 JST)"),
        (90 * SECOND, "resets in 1 min 30 s", "resets in 1 min 30 s (21:01 JST)"),
        (11 * HOUR, "resets in 11 h", "resets in 11 h (08:00 JST)"),
        (12 * HOUR, "resets Mon 09:00", "resets in 12 h (Mon 09:00 JST)"),
        (2 * DAY, "resets Tue 21:00", "resets in 2 d (Tue 21:00 JST)"),
        (30 * DAY, "resets 22 Dec", "resets in 30 d (2026-12-22 21:00 JST)"),
    ],
)
def test_a_window_says_when_it_begins_anew(
    left: timedelta | None, words: str, in_full: str
) -> None:
    at = NOW + left if left is not None else None

    assert (reset_words(at, NOW, NAMED), reset_in_full(at, NOW, NAMED)) == (words, in_full)


@pytest.mark.parametrize(
    ("left", "counts"),
    [(None, False), (0, False), (1, True), (120, True), (121, False)],
)
def test_the_last_two_minutes_are_counted(left: int | None, *, counts: bool) -> None:
    assert is_counted(None if left is None else NOW + left * SECOND, NOW) is counts


# -- states --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (state_words, "ready / needs login / disabled / cooling 2 h / exhausted 2 h"),
        (short_state_words, "ready / needs login / disabled / cooling 2 h / used up 2 h"),
    ],
)
def test_a_state_has_its_words_and_how_long_it_holds(
    words: Callable[[str, str], str], said: str
) -> None:
    states = ("ready", "rejected", "disabled", "cooling", "exhausted")

    assert " / ".join(words(state, "2 h") for state in states) == said
    assert (words("cooling", ""), state_words("exhausted")) == ("cooling", "exhausted")
