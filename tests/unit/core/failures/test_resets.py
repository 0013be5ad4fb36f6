"""When a failed answer says to ask again, in every form in which providers say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.core.failures.error_response import read_error_response
from rotator.core.failures.resets import LONGEST_SECONDS, names_a_full_window, stated_until
from tests.support.failures import NOW, failure

EPOCH = int(NOW.timestamp())
HOUR = 3_600.0


def wait(
    body: object = "", headers: dict[str, str] | None = None, *, late: float = 0.0
) -> float | None:
    """Return the seconds from the answer's arrival to what it states, read `late` seconds later."""
    signal = failure(429, body, headers=headers)
    until = stated_until(read_error_response(signal), NOW, NOW + timedelta(seconds=late))
    return None if until is None else (until - NOW).total_seconds()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"retry-after": "120"}, 120, id="seconds"),
        pytest.param({"Retry-After": "120"}, 120, id="upper case"),
        pytest.param({"retry-after": "0.5"}, 1, id="a fraction"),
        pytest.param({"retry-after": "12.5"}, 12.5, id="seconds and a fraction"),
        pytest.param({"retry-after": "0"}, 1, id="zero"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "1m30s"}, 90, id="a length"),
        pytest.param({"retry-after": "2w"}, 14 * 86_400, id="weeks"),
        pytest.param({"retry-after-ms": "2500"}, 2.5, id="milliseconds"),
        pytest.param({"retry-after-ms": "2500", "retry-after": "9"}, 2.5, id="the exact one"),
        pytest.param({"retry-after-ms": "soon", "retry-after": "9"}, 9, id="the readable one"),
        pytest.param({"retry-after": "Sun, 22 Nov 2026 13:00:00 GMT"}, HOUR, id="a date"),
        pytest.param({"retry-after": "Sun, 22 Nov 2026 11:59:00 GMT"}, 1, id="a date just past"),
        pytest.param({"retry-after": str(EPOCH + 60)}, 60, id="a moment, against the rules"),
        pytest.param({"retry-after": "31622400"}, LONGEST_SECONDS, id="the longest"),
        pytest.param({"retry-after": "31622401"}, None, id="too long"),
        pytest.param({"retry-after-ms": "31622401000"}, None, id="too long in milliseconds"),
        pytest.param({"retry-after": "Sun, 22 Nov 2020 13:00:00 GMT"}, None, id="a date long past"),
        pytest.param({"retry-after": "Sun, 31 Feb 2026 13:00:00 GMT"}, None, id="no such day"),
        pytest.param({"retry-after": "Sun, 22 Foo 2026 13:00:00 GMT"}, None, id="no such month"),
        pytest.param({"retry-after": "Sun Nov 22 13:00:00 2026"}, None, id="an obsolete date"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
        pytest.param({"retry-after": "inf"}, None, id="no end"),
        pytest.param({"retry-after": "1e3"}, None, id="a power"),
        pytest.param({"retry-after": "9" * 30}, None, id="a long number"),
        pytest.param({"retry-after": "later"}, None, id="a word"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_26_retry_after_is_read_in_its_forms(
    headers: dict[str, str], expected: float | None
) -> None:
    assert wait(headers=headers) == expected


@pytest.mark.parametrize(("left", "expected"), [("500", 5), ("0", HOUR), ("odd", HOUR)])
def test_the_end_of_what_is_not_used_up_keeps_nobody_off(left: str, expected: float) -> None:
    told = {"x-quota-remaining": left, "x-quota-reset": str(EPOCH + 3600), "retry-after": "5"}

    assert wait(headers=told) == expected


_UNIFIED = "anthropic-ratelimit-unified-"


@pytest.mark.parametrize(
    ("status", "beside", "expected"),
    [
        ("allowed", {"retry-after": "12"}, 12),
        ("allowed_warning", {"retry-after": "12"}, 12),
        (" Allowed ", {}, None),
        ("rejected", {"retry-after": "12"}, HOUR),
        (None, {"retry-after": "12"}, HOUR),
    ],
)
def test_the_end_of_a_plan_that_is_allowed_keeps_nobody_off(
    status: str | None, beside: dict[str, str], expected: float | None
) -> None:
    told = {f"{_UNIFIED}status": status} if status else {}

    assert wait(headers={f"{_UNIFIED}reset": str(EPOCH + 3600), **told, **beside}) == expected


@pytest.mark.parametrize(
    ("retry_after", "date", "expected"),
    [
        pytest.param(
            "Sun, 22 Nov 2026 15:00:30 GMT", "Sun, 22 Nov 2026 15:00:00 GMT", 30, id="ahead"
        ),
        pytest.param(
            "Sun, 22 Nov 2026 09:00:30 GMT", "Sun, 22 Nov 2026 09:00:00 GMT", 30, id="behind"
        ),
        pytest.param("30", "Sun, 22 Nov 2026 15:00:00 GMT", 30, id="seconds need no clock"),
        pytest.param("Sun, 22 Nov 2026 12:00:30 GMT", "today", 30, id="without a readable date"),
    ],
)
def test_a_date_counts_by_the_clock_of_the_server(
    retry_after: str, date: str, expected: float
) -> None:
    assert wait(headers={"retry-after": retry_after, "date": date}) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param({"resets_at": EPOCH + 60}, 60, id="seconds since 1970"),
        pytest.param({"resets_at": str(EPOCH + 60)}, 60, id="seconds since 1970 as text"),
        pytest.param({"resetsAt": (EPOCH + 60) * 1_000}, 60, id="milliseconds since 1970"),
        pytest.param({"reset_at": "2026-11-22T13:00:00Z"}, HOUR, id="ISO 8601"),
        pytest.param({"reset_at": "2026-11-22T14:00:00.5+01:00"}, HOUR + 0.5, id="with an offset"),
        pytest.param({"reset_time": "2026-11-22T13:00:00.123456789Z"}, 3600.123456, id="long"),
        pytest.param({"reset_at": "2026-11-22T13:00:00"}, None, id="ISO 8601 without a zone"),
        pytest.param({"reset_at": "Sun, 22 Nov 2026 13:00:00 GMT"}, HOUR, id="an HTTP date"),
        pytest.param({"reset_at": "0001-01-01T00:00:00+14:00"}, None, id="the first year"),
        pytest.param({"reset_at": "9999-12-31T23:59:59Z"}, None, id="the last year"),
        pytest.param({"resets_at": 0}, None, id="a placeholder"),
        pytest.param({"resets_at": EPOCH - 30}, 1, id="just past"),
        pytest.param({"resets_at": EPOCH - 4_000}, None, id="long past"),
        pytest.param({"resets_at": EPOCH + 401 * 86_400}, None, id="too far"),
        pytest.param({"resets_in_seconds": 13_872}, 13_872, id="a length"),
        pytest.param({"resets_in_seconds": 0}, 1, id="no length"),
        pytest.param({"reset_after_seconds": "30"}, 30, id="a length as text"),
        pytest.param({"retry_after": 2.5}, 2.5, id="a fraction"),
        pytest.param({"retry_after_ms": 2_500}, 2.5, id="milliseconds"),
        pytest.param({"retryDelay": "3.9s"}, 3.9, id="a Go length"),
        pytest.param({"quotaResetDelay": "1h2m3s"}, 3_723, id="a longer one"),
        pytest.param({"retry_after": True}, None, id="a truth"),
        pytest.param({"retry_after": None}, None, id="null"),
        pytest.param({"retry_after": [5]}, None, id="a list"),
        pytest.param({"resets_at": [EPOCH]}, None, id="a list of moments"),
        pytest.param({"retry_after": 1e300}, None, id="a large number"),
        pytest.param({"retry_after": 10**400}, None, id="a number that no float holds"),
        pytest.param({"retry_after": float("nan")}, None, id="not a number"),
        pytest.param({"retry_after": float("inf")}, None, id="no end"),
        pytest.param({"retry_after": -1e300}, None, id="a large negative number"),
        pytest.param({"metadata": {"resets_at": EPOCH + 60}}, 60, id="in metadata"),
        pytest.param({"details": [{"retryDelay": "38s"}]}, 38, id="in RetryInfo"),
        pytest.param({"usage": {"resets_at": EPOCH + 60}}, None, id="where nobody says it"),
    ],
)
def test_the_fields_of_a_body_are_read(error: dict[str, object], expected: float | None) -> None:
    assert wait({"error": error}) == expected


def test_a_length_counts_before_the_moment_beside_it() -> None:
    wrong_clock = {"resets_at": EPOCH + 7_200, "resets_in_seconds": 60}

    assert wait({"error": wrong_clock}) == 60


def test_a_moment_counts_where_the_length_beside_it_cannot_be() -> None:
    assert wait({"error": {"resets_at": EPOCH + 7_200, "resets_in_seconds": "?"}}) == 7_200


def test_a_moment_in_the_body_counts_by_the_clock_of_the_server() -> None:
    headers = {"date": "Sun, 22 Nov 2026 11:00:00 GMT"}

    assert wait({"error": {"resets_at": EPOCH - 3_540}}, headers) == 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please try again in 41.7s. Visit https://example.com", 41.7),
        ("Please try again in 644ms.", 1),
        ("Please try again in 7m12.5s.", 432.5),
        ("Please try again in 58 hours.", 58 * HOUR),
        ("Please try again in about 5 hours", 5 * HOUR),
        ("Please retry in 3.564818218s.", 3.564818),
        ("Please retry after 26 seconds.", 26),
        ("Please retry your request after 20 seconds.", 20),
        ("Please wait 39203 seconds before retrying.", 39_203),
        ("Please wait for 2 minutes.", 120),
        ("Please wait 587 hours 33 minutes before trying again.", 587 * HOUR + 33 * 60),
        ("Resets in 19hr", 19 * HOUR),
        ("Resets in 4hr 59min.", 4 * HOUR + 59 * 60),
        ("Resets in 6d 2hr.", 146 * HOUR),
        ("It will reset in 5 days 10 hours.", 130 * HOUR),
        ("It will reset in 1 week, 2 days and 3 hours.", 219 * HOUR),
        ("reset after 1h2m3s", 3_723),
        ("TRY AGAIN IN 3 MINS", 180),
        ("try again in 20 secs", 20),
        ("try again in 20 seconds, or wait 1 minute", 60),
        ("Try again in 3 minutes or in 5 minutes.", 180),
        ("resets at 2026-11-22T13:00:00Z (2056)", HOUR),
        ("You will regain access on 2026-11-23 at 00:00 UTC.", 12 * HOUR),
        ("It resets on 2026-11-22 14:00:00+01:00", HOUR),
        ("Your limit will reset at 2026-11-22 15:00:00", None),
        ("Your limit will reset at 2026-13-99T15:00:00Z", None),
        ("Try again later", None),
        ("Limits reset every 5 hours", None),
        ("Resets over a rolling 24-hour window", None),
        ("Limit 500, used 497 in 60 seconds", None),
        ("Try again in 5 moons", None),
        ("Try again in 5 sausages", None),
        ("Try again in 999999999999 days", None),
        ("Please wait " + "9d" * 3_000, None),
    ],
)
def test_the_words_of_a_message_are_read(text: str, expected: float | None) -> None:
    assert wait({"error": {"message": text}}) == expected


def test_words_in_the_middle_of_a_long_message_or_in_the_ninth_one_are_not_read() -> None:
    far, last = (f"{'x' * 990}. Try again in 30s{'x' * more}" for more in (500, 0))
    said = [*({"message": f"no, {n}"} for n in range(7)), {"message": "Try again in 30s"}]

    assert (wait({"message": far}), wait({"message": last})) == (None, 30)
    assert wait({"errors": said}) == 30
    assert wait({"message": "no", "errors": said}) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"},
            360,
            id="an empty window",
        ),
        pytest.param(
            {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6m0s"},
            None,
            id="a window with something left",
        ),
        pytest.param(
            {"x-ratelimit-reset-requests": "6m0s"}, None, id="nothing said of what is left"
        ),
        pytest.param({"x-ratelimit-remaining-requests": "0"}, None, id="no reset"),
        pytest.param(
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2m59.56s",
            },
            179.56,
            id="two empty windows",
        ),
        pytest.param(
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str((EPOCH + 60) * 1_000)},
            60,
            id="milliseconds since 1970",
        ),
        pytest.param({"ratelimit-remaining": "0", "ratelimit-reset": "50"}, 50, id="the draft"),
        pytest.param(
            {
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "2026-11-22T12:01:00Z",
            },
            60,
            id="Anthropic's order of words",
        ),
        pytest.param(
            {
                "x-ratelimit-remaining-tokens-minute": "0",
                "x-ratelimit-reset-tokens-minute": "33.25",
            },
            33.25,
            id="Cerebras",
        ),
        pytest.param(
            {
                "retry-after": "5",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "6m0s",
            },
            5,
            id="what is said outright counts first",
        ),
        pytest.param(
            {
                "retry-after": "0",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "6m0s",
            },
            1,
            id="zero is said outright too",
        ),
    ],
)
def test_the_reset_of_a_window_counts_when_the_window_is_empty(
    headers: dict[str, str], expected: float | None
) -> None:
    assert wait(headers=headers) == expected


@pytest.mark.parametrize(
    ("retry_after", "resets_in", "text", "expected"),
    [
        pytest.param("60", 3_600, "", 3_600, id="the body says more"),
        pytest.param("3600", 60, "", 3_600, id="the header says more"),
        pytest.param("60", None, "Resets in 2 hours", 7_200, id="the text says more"),
        pytest.param("60", 90, "Resets in 2 hours", 90, id="fields count before text"),
        pytest.param("99999999", 90, "", 90, id="what cannot be is left out"),
    ],
)
def test_the_latest_of_header_and_body_counts(
    retry_after: str, resets_in: int | None, text: str, expected: float
) -> None:
    body = {"error": {"resets_in_seconds": resets_in, "message": text}}

    assert wait(body, {"retry-after": retry_after}) == expected


def test_a_length_counts_from_the_arrival_of_the_answer() -> None:
    assert wait(headers={"retry-after": "60"}, late=20) == 60


def test_what_is_over_by_now_ends_in_a_second() -> None:
    assert wait(headers={"retry-after": "60"}, late=600) == 601


def test_an_answer_from_the_future_counts_from_now() -> None:
    answer = read_error_response(failure(429, headers={"retry-after": "60"}))

    until = stated_until(answer, NOW + timedelta(days=9), NOW)

    assert until == NOW + timedelta(seconds=60)


def test_the_end_of_time_is_no_answer() -> None:
    answer = read_error_response(failure(429, headers={"retry-after": "60"}))
    last = datetime.max.replace(tzinfo=UTC)

    assert stated_until(answer, last, last) is None


def test_of_several_windows_the_one_that_is_full_counts() -> None:
    windows = [
        {"used_percent": 100, "resets_at": EPOCH + 60},
        {"used_percent": 40, "resets_at": EPOCH + 7_200},
        {"remaining": 3, "resets_at": EPOCH + 9_000},
        {"limit_reached": False, "resets_at": EPOCH + 9_000},
    ]

    assert wait({"error": {"windows": windows}}) == 60


def test_only_so_many_places_of_a_text_are_looked_at() -> None:
    assert wait({"error": {"message": "1 2 3. Try again in 30s"}}) == 30
    assert wait({"error": {"message": "1 " * 16 + ". Try again in 30s"}}) is None


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("reset_in_ms", 60_000, 60),
        ("retry_after_millis", 60_000, 60),
        ("reset_in_minutes", 2, 120),
        ("reset_in_hours", 1, HOUR),
        ("reset_at_ms", (EPOCH + 60) * 1_000, 60),
        ("resets_minutes", 5, None),
        ("sent_at_ms", (EPOCH + 60) * 1_000, None),
        ("reset_at", "x" * 300, None),
        ("reset_at", "2026-11-22T12:01:00Z or so", None),
        ("reset_at", "in a while", None),
        ("reset_at", "Nov 22 at 12:01:00 UTC", 60),
        ("reset_at", "Nov 22 at 12:01:00 UTC.", 60),
        ("reset_at", "Nov 22 at 12:01:00", None),
    ],
)
def test_a_field_s_name_tells_its_unit(field: str, value: object, expected: float | None) -> None:
    assert wait({"error": {field: value}}) == expected


@pytest.mark.parametrize("name", ["resets_at", "reset_at", "reset_time", "quota_reset_time_stamp"])
def test_a_moment_is_read_in_each_field_that_may_have_one(name: str) -> None:
    assert wait({"error": {name: EPOCH + 90}}) == 90


@pytest.mark.parametrize("month", range(1, 13))
def test_a_date_is_read_in_each_month(month: int) -> None:
    """The name of the day of the week is not looked at."""
    at = datetime(2026, month, 1, tzinfo=UTC)
    date = f"{at:%a, %d %b %Y %H:%M:%S} GMT"
    then = f"{at + timedelta(hours=2):%a, %d %b %Y %H:%M:%S} GMT"

    assert wait(headers={"date": date, "retry-after": then}) == 2 * HOUR


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(-HOUR, 1, id="just passed"),
        pytest.param(-HOUR - 1, None, id="long past"),
        pytest.param(LONGEST_SECONDS, LONGEST_SECONDS, id="the latest"),
        pytest.param(LONGEST_SECONDS + 1, None, id="too late"),
    ],
)
def test_a_moment_counts_from_just_passed_to_a_year_s_plan(
    seconds: float, expected: float | None
) -> None:
    assert wait({"error": {"resets_at": EPOCH + int(seconds)}}) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("resets_in_seconds", "reset_in_seconds", "reset_after_seconds", "retry_after"),
        *("retry_after_seconds", "retry_delay", "quota_reset_delay"),
    ],
)
def test_a_length_is_read_in_each_field_that_may_have_one(name: str) -> None:
    assert wait({"error": {name: 90}}) == 90


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "x-codex-primary-used-percent": "100",
                "x-codex-primary-reset-after-seconds": str(EPOCH + 60),
            },
            60,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset-at": str(EPOCH + 60)}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "60"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset-ms": "60000"}, 60),
    ],
)
def test_the_end_of_a_full_window_is_read_under_each_name(
    headers: dict[str, str], expected: float
) -> None:
    assert wait(headers=headers) == expected


@pytest.mark.parametrize(
    "field", ["used_percent", "percentage", "percent", "remaining", "percent_remaining"]
)
def test_a_window_with_something_left_states_no_end(field: str) -> None:
    assert wait({"error": {field: 3, "resets_at": EPOCH + 60}}) is None
    assert wait({"error": {field: 1, "resets_at": EPOCH + 60}}) is None


@pytest.mark.parametrize(
    ("headers", "is_full"),
    [
        ({"x-acme": "0"}, False),
        ({"x-ratelimit-remaining-requests-day": "0"}, True),
        ({"x-ratelimit-remaining-requests-day": "1"}, False),
        ({"x-ratelimit-exceeded": "weekly"}, True),
        ({"x-ratelimit-exceeded": "burst"}, False),
    ],
)
def test_headers_name_a_full_window_of_a_plan_or_not(
    headers: dict[str, str],
    is_full: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert names_a_full_window(headers) is is_full


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"x-ratelimit-reset": 90, "x-ratelimit-remaining": 0}, 90),
        ({"x-ratelimit-reset": 90, "x-ratelimit-remaining": 1}, None),
        ({"retry_after": {"value": 90, "unit": "parsec"}}, 90),
        ({"retry_after": {"value": 2, "unit": "Minutes"}}, 120),
        ({"retry_after": {"value": None}}, None),
        ({"retry_after": {"seconds": None, "minutes": 2}}, 120),
        ({"retry_after": {"parsecs": 5}}, None),
        ({"retry_after": {}}, None),
        ({"retry_after": {"nanos": 90_000_000_000, "micros": 10_000_000}}, 100),
        ({"reset_at": {"value": EPOCH * 1_000 + 90_000, "unit": "ms"}}, 90),
        ({"reset_at": {"seconds": 90}}, None),
        ({"reset_at_utc": EPOCH + 90}, 90),
        ({"reset_at_utc": str(EPOCH + 90)}, 90),
        ({"reset_at_utc": "2026-11-22 12:01:30"}, 90),
        ({"reset_at_utc": "2026-11-22 14:01:30+02:00"}, 90),
        ({"reset_at_utc": "2026-11-22 12:01:30" + " " * 200}, None),
        ({"reset_at_utc": None}, None),
        *(
            ({name: {"resets_in": 90}}, 90)
            for name in (
                "retry_info",
                "reset_info",
                "rate_limit_info",
                "limit_info",
                "quota_info",
            )
        ),
        ({"retry": {"limit": 5, "after": 90}}, 90),
        ({"retry": {str(n): 1 for n in range(8)} | {"after": 90}}, None),
        ({"cooldown": {"cooldown": {"until": EPOCH + 90}}}, None),
    ],
)
def test_an_end_in_parts_or_in_a_group_is_read(
    fields: dict[str, object], expected: float | None
) -> None:
    assert wait({"error": fields}) == expected


@pytest.mark.parametrize(
    "name",
    [
        "remaining", "percent_remaining", "x_ratelimit_remaining", "x_rate_limit_remaining",
        "ratelimit_remaining", "rate_limit_remaining", "RateLimitRemaining",
    ],
)  # fmt: skip
def test_the_end_of_a_window_that_has_some_left_is_not_meant(name: str) -> None:
    assert wait({"error": {"resets_in": 90, name: 0}}) == 90
    assert wait({"error": {"resets_in": 90, name: 1}}) is None


@pytest.mark.parametrize(
    "group", ["retry", "reset", "resets", "next_reset", "cooldown", "wait", "try_again"]
)
def test_what_a_group_of_fields_says_is_said_of_it(group: str) -> None:
    assert wait({"error": {group: {"in_seconds": 90, "until": EPOCH + 90}}}) == 90


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"ms": 2_000}, 2),
        ({"us": 2_000_000}, 2),
        ({"ns": 2_000_000_000}, 2),
        ({"seconds": 2}, 2),
        ({"minutes": 2}, 120),
        ({"hours": 2}, 7_200),
        ({"days": 2}, 172_800),
        ({"value": 2, "unit": "hours"}, 7_200),
        ({"value": 2}, 2),
    ],
)
def test_a_length_in_parts_counts_each_in_its_unit(
    parts: dict[str, object], expected: float
) -> None:
    assert wait({"error": {"retry_delay": parts}}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("8, 9", 9), ("9,8.5", 9), ("9, soon", None), (f"{EPOCH + 8}, {EPOCH + 9}", 9)],
)
def test_of_a_header_given_twice_the_latest_counts(value: str, expected: float | None) -> None:
    assert wait(headers={"retry-after": value}) == expected


def test_a_window_that_is_said_not_to_be_reached_states_no_end() -> None:
    assert wait({"error": {"limit_reached": False, "resets_at": EPOCH + 60}}) is None
    assert wait({"error": {"limit_reached": True, "resets_at": EPOCH + 60}}) == 60
