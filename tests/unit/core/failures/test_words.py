"""When a sentence says to ask again: which words mean it, and which do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.failures.spans import whole_span
from rotator.core.failures.words import stated_in, stated_in_all
from tests.support.failures import NOW


def ends(text: str) -> list[float]:
    """Return the seconds to each end that a text states."""
    return list(stated_in(text, NOW.timestamp(), None))


@pytest.mark.parametrize("word", ["at", "on", "after", "until", "by", "from"])
def test_a_time_of_the_day_is_the_end_behind_words_of_a_moment(word: str) -> None:
    assert ends(f"Try again {word} 13:00 UTC") == [3_600]


@pytest.mark.parametrize("word", ["in", "within", "for"])
def test_a_time_of_the_day_is_none_behind_words_of_a_length(word: str) -> None:
    assert ends(f"Try again {word} 13:00 UTC") == []


@pytest.mark.parametrize("word", ["on", "every", "each", "until", "till"])
def test_a_length_is_none_behind_words_of_a_moment(word: str) -> None:
    assert ends(f"Resets {word} 5 hours") == []


@pytest.mark.parametrize("word", ["in", "after", "within", "for"])
def test_a_length_is_the_end_behind_words_of_a_length(word: str) -> None:
    assert ends(f"Resets {word} 5 hours") == [18_000]


def test_bare_seconds_are_meant_behind_retry_after_alone() -> None:
    assert ends("retry after 1000000000") == [1_000_000_000 - NOW.timestamp()]
    assert ends("retry-after: 60") == [60]
    assert ends("retry after 60 min") == [3_600]
    assert ends("limit: 60") == []


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("retryAfter: 8624", 8_624),
        ("retry_after_seconds=8624", 8_624),
        ("retry_after_ms=8624000", 8_624),
        ("請於 2 小時 23 分鐘後再試", 8_580),
        ("请在兩小时后重试", 7_200),
        ("try again in fifteen minutes", 900),
        ("wait forty-five minutes", 2_700),
        ("wait 2 hour(s) 23 minute(s)", 8_580),
        ("try again in 2 hours & 23 minutes", 8_580),
        ("resets in 3 days, 5-hour limit remains", 259_200),
        ("resets in 3 days, 5 hours", 277_200),
    ],
)
def test_a_length_is_read_in_every_spelling(told: str, seconds: int) -> None:
    assert ends(told) == [seconds]


@pytest.mark.parametrize("cue", ["Resets at", "Try again after", "Next reset:", "Reset time:"])
@pytest.mark.parametrize(
    "told",
    [
        "22:23:44 HKT",
        "22:23:44 (UTC+8)",
        "22:23:44 Asia/Shanghai",
        "22:23:44（北京时间）",
        "北京时间 22:23:44",
        "22:23:44 CST (UTC+8)",
        "22:23:44 [Asia/Shanghai]",
        "2026-11-22 22:23:44（UTC+8）",
        "Sunday, 22-Nov-26 14:23:44 GMT",
        "20261122T142344Z",
        "Sun Nov 22 14:23:44 UTC 2026",
    ],
)
def test_a_time_with_a_zone_is_a_moment_behind_every_cue(cue: str, told: str) -> None:
    assert ends(f"{cue} {told}") == [8_624]


@pytest.mark.parametrize(
    "told",
    [
        "Quota reset: 2026-11-22 22:23:44",
        "Next attempt: 2026-11-22 22:23:44",
        "limit reset: 22:23",
        "Resets at 22:23:44",
        "Reset time: 22:23:44",
    ],
)
def test_no_zone_is_read_out_of_a_word_and_none_is_guessed(told: str) -> None:
    assert ends(told) == []


def test_hours_minutes_and_seconds_are_a_length_behind_words_of_one() -> None:
    assert ends("Resets in 02:23:44") == [8_624]
    assert ends("Try again after 02:23:44") == [8_624]


@pytest.mark.parametrize(
    ("word", "minutes"),
    [
        ("half a", 0.5),
        ("half an", 0.5),
        ("a", 1),
        ("an", 1),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("fifteen", 15),
        ("twenty", 20),
        ("twenty-four", 24),
        ("thirty", 30),
        ("forty", 40),
        ("forty-five", 45),
        ("fifty", 50),
        ("sixty", 60),
        ("ninety", 90),
    ],
)
def test_a_count_in_words_is_a_count(word: str, minutes: float) -> None:
    assert ends(f"Try again in {word} minutes") == [minutes * 60]


def test_a_date_is_followed_by_no_length_on_a_clock() -> None:
    assert ends("Reset date: 02:23:44") == []


def test_a_zone_far_before_a_length_is_none_of_its() -> None:
    assert ends(f"It is UTC here.{' ' * 20}Try again in 02:23:44") == [8_624]


# In so many days from a Sunday, of which eleven o'clock is over.
DAYS = {
    "today": 0, "tonight": 0, "mon": 1, "monday": 1, "tomorrow": 1, "tue": 2, "tues": 2,
    "tuesday": 2, "wed": 3, "wednes": 3, "wednesday": 3, "thu": 4, "thurs": 4, "thursday": 4,
    "fri": 5, "friday": 5, "sat": 6, "satur": 6, "saturday": 6, "sun": 7, "sunday": 7,
}  # fmt: skip
MONTHS = """
    jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july
    august september october november december
"""
COUNTS = """
    half_an half_a an a one two three four five sixty six seven eight ninety nine ten eleven twelve
    fifteen twenty-four twenty thirty forty-five forty fifty
"""
CUES = """
    try_again trying_again retry retries retrying resets resetting renews renewal refreshes
    replenishes refills restored regains available resumes unlocks unblocked lifted cooldown
    wait back again recovers regenerates reactivates unavailable limited paused next_request until
    till after
"""


@pytest.mark.parametrize(("day", "days"), DAYS.items())
def test_a_day_is_looked_for_by_its_name(day: str, days: int) -> None:
    assert ends(f"Resets {day} at 11:00 UTC") == [days * 86_400 - 3_600]
    assert ends(f"Resets {day.upper()} at 11:00 UTC") == [days * 86_400 - 3_600]


def test_midnight_and_noon_are_looked_for_by_their_names() -> None:
    assert ends("Resets midnight UTC") == [43_200]
    assert ends("Resets noon UTC") == [0]


def test_so_many_places_of_a_text_are_looked_at() -> None:
    assert ends("9, " * 15 + "retry after 2026-11-23 12:00 UTC") == [86_400]
    assert ends("9, " * 16 + "retry after 2026-11-23 12:00 UTC") == []
    assert ends("may be " * 16 + "retry after 2026-11-23 12:00 UTC") == [86_400]


def test_a_word_before_a_number_is_no_place() -> None:
    assert ends("level 1, " * 9 + "retry after 2026-11-23 12:00 UTC") == [86_400]
    assert ends("x9, p, pt, " * 16 + "retry after 2026-11-23 12:00 UTC") == [86_400]
    assert ends("May, a, one, " * 16 + "retry after 2026-11-23 12:00 UTC") == [86_400]


@pytest.mark.parametrize("month", MONTHS.split())
def test_a_month_is_looked_for_by_its_name(month: str) -> None:
    # A day alone that names its zone begins at midnight, and so does the 23rd by itself.
    assert len(ends(f"Resets {month} 3 UTC")) == 1
    assert len(ends(f"Resets {month.upper()}. 3 UTC")) == 1
    assert ends(f"Resets {month} UTC") == []


@pytest.mark.parametrize("count", COUNTS.split())
def test_a_count_is_looked_for_by_its_words(count: str) -> None:
    words = count.replace("_", " ")
    span = whole_span(f"{words} hours")

    assert span is not None
    assert ends(f"Retry after {words} hours") == [span.seconds]


@pytest.mark.parametrize("cue", CUES.split())
def test_a_cue_is_looked_for_by_its_words(cue: str) -> None:
    said = cue.replace("_", " ")

    assert ends(f"It {said} 2026-11-23 12:00 UTC") == [86_400]
    assert ends(f"It {said.upper()} 2026-11-23 12:00 UTC") == [86_400]
    assert ends("It 2026-11-23 12:00 UTC") == []


@pytest.mark.parametrize(("length", "seconds"), [("PT2H", 7_200), ("P1D", 86_400), ("pt90s", 90)])
def test_a_length_in_letters_is_looked_for(length: str, seconds: int) -> None:
    assert ends(f"Retry after {length}") == [seconds]
    assert ends(f"Retry after X{length}") == []


def until(text: str) -> str | None:
    """Return the one end that a text states, as a moment of UTC."""
    told = ends(text)
    assert len(told) < 2
    return f"{NOW + timedelta(seconds=told[0]):%m-%d %H:%M}" if told else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((f"Resets {word} Monday at 8:00 UTC", "11-23 08:00") for word in (
            "next", "following", "coming", "upcoming", "this coming", "on the next", "this",
        )),
        *((f"Resets {word} Sunday at 14:00 UTC", "11-29 14:00") for word in (
            "next", "following", "coming", "upcoming",
        )),
        *((f"Resets on {day}s at 8:00 UTC", f"11-{n} 08:00") for n, day in (
            (23, "Monday"), (24, "Tuesday"), (25, "Wednesday"), (26, "Thursday"),
            (27, "Friday"), (28, "Saturday"), (29, "Sunday"),
        )),
        ("Resets the day after tomorrow at 8:00 UTC", "11-24 08:00"),
        ("Resets the next day at 8:00 UTC", "11-23 08:00"),
        ("Resets on the following day at 8:00 UTC", "11-23 08:00"),
        *((f"Resets at the {word} of next month (UTC)", "12-01 00:00") for word in (
            "first", "first day", "beginning", "start",
        )),
        ("Resets on the last day of the month at 8:00 UTC", "11-30 08:00"),
        ("Resets at the end of the month (UTC)", "12-01 00:00"),
        ("Resets next month on the 3rd at 8:00 UTC", "12-03 08:00"),
        ("Resets following month, 3rd 8:00 UTC", "12-03 08:00"),
        ("Resets on the coming month on the 3rd at 8:00 UTC", "12-03 08:00"),
        ("Resets the next day at 14:00 UTC", "11-23 14:00"),
        ("Resets on the following day at 14:00 UTC", "11-23 14:00"),
        ("Resets next month", None),
        ("Start of the request. Resets the first day", None),
        ("额度后天 08:00 (UTC+8) 重置", "11-24 00:00"),
        ("额度後天 08:00 (UTC+8) 重置", "11-24 00:00"),
        ("额度大后天 08:00 (UTC+8) 重置", "11-25 00:00"),
        ("额度次日 08:00 (UTC+8) 重置", "11-23 00:00"),
        ("额度翌日 08:00 (UTC+8) 重置", "11-23 00:00"),
        ("额度第二天 08:00 (UTC+8) 重置", "11-23 00:00"),
        ("额度次日零點 (UTC+8) 重置", "11-22 16:00"),
        ("额度次日零時 (UTC+8) 重置", "11-22 16:00"),
        *((f"额度将于{month}1日 08:00 (UTC+8) 重置", "12-01 00:00") for month in (
            "每月", "下月", "下个月", "下個月的", "次月第", "翌月",
        )),
        ("额度将于下月初 08:00 (UTC+8) 重置", "12-01 00:00"),
        *((f"额度将于{month}三十日 08:00 (UTC+8) 重置", "11-30 00:00") for month in (
            "本月", "当月", "當月", "这个月", "這個月",
        )),
        *((f"额度将于{week}一 08:00 (UTC+8) 重置", "11-23 00:00") for week in (
            "周", "週", "星期", "礼拜", "禮拜", "下周", "下个星期",
        )),
        ("额度将于下下周一 08:00 (UTC+8) 重置", "11-30 00:00"),
        ("额度将于本周日 23:00 (UTC+8) 重置", "11-22 15:00"),
        ("额度将于这个周日 23:00 (UTC+8) 重置", "11-22 15:00"),
        ("额度将于這週日 23:00 (UTC+8) 重置", "11-22 15:00"),
        ("On November 26 the limit resets at 08:00 UTC", "11-26 08:00"),
        ("On November 26, you can; it resets at 08:00 UTC", "11-23 08:00"),
        ("On November 26. It resets at 08:00 UTC", "11-23 08:00"),
        ("On November 26! It resets at 08:00 UTC", "11-23 08:00"),
        ("On November 26\nIt resets at 08:00 UTC", "11-23 08:00"),
        ("11月26日。额度将于 16:00 (UTC+8) 重置", "11-23 08:00"),
        ("11月26日 您的额度将于 16:00 (UTC+8) 重置", "11-26 08:00"),
        ("It renews on November 26, the limit resets at 08:00 UTC", "11-23 08:00"),
    ],
)  # fmt: skip
def test_a_day_is_found_wherever_its_name_begins(text: str, expected: str | None) -> None:
    assert until(text) == expected


EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resets_in_seconds=90", 90),
        ("resets_in_seconds = 90", 90),
        ("resets-in-seconds: 90", 90),
        ("resetsInSeconds: 90", 90),
        ('{"resets_in_seconds": 90}', 90),
        ("{'resets_in_seconds': '90'}", 90),
        ("retry_after=90", 90),
        ("retry_after_ms=90000", 90),
        ("reset_in_minutes=1.5", 90),
        (f"reset_at={EPOCH + 90}", 90),
        (f"reset_at={EPOCH + 90}.5", 90.5),
        (f"resetAt: {EPOCH + 90}000", 90),
        (f"retry_after={EPOCH + 90}", 90),
        ("resetAt: 2026-11-22T12:01:30Z", 90),
        ("resetAt: 2026-11-22 20:01:30 +0800", 90),
        ("reset_delay=1m30s", 90),
        ("reset_delay=PT1M30S", 90),
        ("reset_in=00:01:30", 90),
        ("reset_at=12:01:30", None),
        ("reset_at=12:01:30 UTC", 90),
        ("reset_in=1000000000", 1_000_000_000 - EPOCH),
        ("reset_at=90", None),
        ("reset_at=never", None),
        ("last_reset_at=2026-11-22T12:01:30Z", None),
        ("timeout_seconds=90", None),
        ("x.reset_at=2026-11-22T12:01:30Z", 90),
        ("my_resets_in=90% done", None),
        ("resets_in=90-100", None),
        ("time=90", None),
        ("Reset Time: 2026-11-22 12:01:30 UTC", 90),
    ],
)
def test_a_field_that_is_written_into_a_sentence_states_an_end(
    text: str, expected: float | None
) -> None:
    assert ends(text) == ([] if expected is None else [expected])
    assert ends(f"Limit hit ({text}).") == ends(text)


def all_ends(*texts: str) -> list[float]:
    return stated_in_all(texts, NOW.timestamp(), None)


def test_all_texts_of_an_answer_are_read_with_the_work_of_one() -> None:
    end = "Try again in 30s"
    assert all_ends(end, "no", "Try again in 40s", end) == [30, 40]
    assert all_ends("x" * 1_000, f"{' ' * 184}{end}") == [30]
    assert all_ends("x" * 1_000, f"{' ' * 185}{end}") == []
    assert all_ends("x" * 1_000, "x" * 200, end) == []
    assert all_ends("9, " * 16, "9, " * 7 + end) == [30]
    assert all_ends("9, " * 16, "9, " * 8 + end) == []
    assert all_ends("9, " * 16, "9, " * 8, end) == []
    assert all_ends("9, " * 15 + end, end) == [30, 30]


@pytest.mark.parametrize(
    "day",
    [
        " on 2026-11-22", " (2026-11-22)", ", 2026-11-22", "，2026年11月22日", " on the 22nd",
        " 11月22日", " on November 22", " 22 Nov", " on Sunday", " today", " 今天", "（今日）",
        " 周日", "（週日）", " 星期日",
    ],
)  # fmt: skip
def test_what_a_day_follows_is_no_length(day: str) -> None:
    assert ends(f"Try again after 13:00:00{day} UTC") == [3_600]
    assert ends(f"Try again after 13:00:00{day}") == []


def test_what_no_day_follows_is_a_length() -> None:
    assert ends("Try again after 02:23:44 on your side") == [8_624]
    assert ends("Try again after 02:23:44, 3 times") == [8_624]
