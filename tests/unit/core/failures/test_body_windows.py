"""Which windows a body tells of, what they are called, and which of them are full."""

from __future__ import annotations

import pytest

from rotator.core.failures.body_windows import BodyWindow, Fullness, of_full, windows_in

FULL, OPEN, UNKNOWN = Fullness.FULL, Fullness.OPEN, Fullness.UNKNOWN


NAMES = """
    name window type kind period limit_type limit_name window_type window_name interval bucket label
    id
"""


def fullness(**fields: object) -> Fullness:
    """Return what the fields of one window say of it."""
    return windows_in([fields])[0].fullness


@pytest.mark.parametrize(
    "name",
    [
        "used_percent", "percentage", "percent", "pct", "usage_percentage", "utilization_pct",
        "consumed_percent", "percent_spent", "utilized_percent", "utilisation_percent",
    ],
)  # fmt: skip
def test_a_share_in_percent_is_all_at_a_hundred(name: str) -> None:
    assert [fullness(**{name: n}) for n in (100, 101, 99.9, 1, 0)] == [
        FULL, FULL, OPEN, OPEN, OPEN,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["used_fraction", "usage_ratio", "utilization_fraction"])
def test_a_fraction_is_all_at_one(name: str) -> None:
    assert [fullness(**{name: n}) for n in (1, 1.2, 0.99)] == [FULL, FULL, OPEN]


@pytest.mark.parametrize("name", ["utilization", "utilisation", "usage", "used", "usage_rate"])
def test_a_share_is_in_percent_where_one_of_them_can_be_nothing_else(name: str) -> None:
    assert [fullness(**{name: n}) for n in (1, 0.99, 100, 99)] == [FULL, OPEN, FULL, OPEN]
    several = windows_in([{name: 1}, {name: 2}, {name: "x"}])
    assert [window.fullness for window in several] == [OPEN, OPEN, UNKNOWN]
    assert [window.fullness for window in windows_in([{name: 1}, {name: 1}])] == [FULL, FULL]


@pytest.mark.parametrize(
    "name",
    [
        "remaining", "left", "remaining_percent", "remaining_fraction", "tokens_remaining",
        "credits_left", "requests_remaining",
    ],
)  # fmt: skip
def test_a_window_is_full_where_nothing_is_left(name: str) -> None:
    assert [fullness(**{name: n}) for n in (0, -1, 0.1, 1)] == [FULL, FULL, OPEN, OPEN]


@pytest.mark.parametrize(
    "word",
    [
        "time", "ms", "seconds", "secs", "minutes", "hours", "days", "attempts", "retries",
        "tries", "reset", "in", "until",
    ],
)  # fmt: skip
def test_what_is_left_of_something_else_says_nothing(word: str) -> None:
    assert fullness(**{f"remaining_{word}": 0}) is UNKNOWN


@pytest.mark.parametrize(
    "most",
    [
        "limit", "cap", "max", "maximum", "total", "quota", "allowance", "entitlement", "budget",
        "capacity",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "used", ["used", "usage", "consumed", "spent", "current", "current_usage", "count"]
)
def test_what_is_used_counts_against_what_there_is(used: str, most: str) -> None:
    assert [fullness(**{used: n, most: 50}) for n in (50, 51, 49, 1)] == [FULL, FULL, OPEN, OPEN]
    assert fullness(**{used: "50", most: "50"}) is FULL


def test_what_has_no_most_or_none_of_it_used_says_nothing() -> None:
    assert fullness(current=5) is UNKNOWN
    assert fullness(limit=5) is UNKNOWN
    assert fullness(count=5, limit=0) is UNKNOWN
    assert fullness(count=5, limit=-1) is UNKNOWN
    assert fullness(count=1, limit=1) is FULL
    assert fullness(percent_of=100, ratio=1, used_at="x") is UNKNOWN


def test_one_number_that_says_full_is_enough() -> None:
    assert fullness(remaining_requests=0, remaining_tokens=5) is FULL
    assert fullness(remaining_requests=1, remaining_tokens=5) is OPEN


@pytest.mark.parametrize(
    "name",
    [
        "exceeded", "limit_reached", "limit_exceeded", "reached", "exhausted", "is_exceeded",
        "is_exhausted", "is_limited", "limited", "rate_limited", "blocked", "is_blocked",
        "over_limit", "is_over_limit", "depleted", "full", "is_full", "throttled", "at_limit",
    ],
)  # fmt: skip
def test_a_truth_may_say_it(name: str) -> None:
    assert fullness(**{name: True}) is FULL
    assert fullness(**{name: False}) is OPEN
    assert fullness(**{name: "yes"}) is UNKNOWN


@pytest.mark.parametrize(
    "name", ["allowed", "within_limit", "has_quota", "has_remaining", "is_allowed"]
)
def test_a_truth_may_say_the_opposite(name: str) -> None:
    assert fullness(**{name: True}) is OPEN
    assert fullness(**{name: False}) is FULL


@pytest.mark.parametrize("field", ["status", "state"])
def test_a_status_may_say_it(field: str) -> None:
    full = """exhausted exceeded rate-limited RATE_LIMITED rejected blocked limited full depleted
        reached limit_reached limit_exceeded over_limit throttled denied used_up hit"""
    other = """ok okay allowed allowed_warning available normal healthy under_limit within_limit
        within_limits open warning good active not_exceeded not_reached not_limited"""
    assert {fullness(**{field: word}) for word in full.split()} == {FULL}
    assert {fullness(**{field: word}) for word in other.split()} == {OPEN}
    assert fullness(**{field: "pending"}) is UNKNOWN
    assert fullness(**{field: 5}) is UNKNOWN


def test_numbers_count_before_truths_and_those_before_a_status() -> None:
    assert fullness(used_percent=40, exceeded=True, status="exhausted") is OPEN
    assert fullness(exceeded=True, status="ok") is FULL
    assert fullness() is UNKNOWN


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        *(({key: "weekly"}, "7d") for key in NAMES.split()),
        ({"name": "FiveHour"}, "5h"),
        ({"name": "five_hours"}, "5h"),
        ({"name": "5h limit"}, "5h"),
        ({"name": "5 hrs"}, "5h"),
        ({"name": "5hr"}, "5h"),
        ({"name": "seven-day"}, "7d"),
        ({"name": "7 days"}, "7d"),
        ({"name": "1w"}, "7d"),
        ({"name": "one week"}, "7d"),
        ({"name": "thirty days"}, "30d"),
        ({"name": "1 month"}, "30d"),
        ({"name": "twenty four hours"}, "1d"),
        ({"name": "24h"}, "1d"),
        ({"name": "session"}, "5h"),
        ({"name": "HOURLY"}, "1h"),
        ({"name": "daily"}, "1d"),
        ({"name": "MONTHLY"}, "30d"),
        ({"name": "primary"}, "primary"),
        ({"name": "secondary"}, "secondary"),
        ({"name": "rolling"}, "rolling"),
        *(({"name": word}, name) for word, name in (
            ("hour", "1h"), ("day", "1d"), ("week", "7d"), ("month", "30d"),
        )),
        ({"name": "biweekly"}, ""),
        ({"name": "rpm"}, ""),
        ({"name": 5}, ""),
        ({"window_seconds": 18_000}, "5h"),
        ({"limit_window_seconds": "604800"}, "7d"),
        ({"window_minutes": 300}, "5h"),
        ({"window_hours": 24}, "1d"),
        ({"window_days": 30}, "30d"),
        ({"window_hours": 1}, "1h"),
        ({"window_days": 1}, "1d"),
        ({"window_days": 2}, ""),
        ({"window_days": "x"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_window_has_one_name(fields: dict[str, object], name: str) -> None:
    assert windows_in([fields])[0].name == name


def told(entry: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    return [(window.name, dict(window.fields)) for window in windows_in([entry])]


def test_fields_with_a_window_in_their_names_are_of_that_window() -> None:
    assert told({"weekly_reset_at": 1, "reset_5h": 2, "reset_at": 3, "five_hour_used": 4}) == [
        ("", {"reset_at": 3}),
        ("7d", {"reset_at": 1}),
        ("5h", {"reset": 2, "used": 4}),
    ]
    assert told({"weekly": 5, "name": "daily", "daily_used": 2}) == [
        ("1d", {"weekly": 5, "name": "daily", "used": 2})
    ]
    assert told({"used_hour": 1, "reset_in_hours": 2}) == [
        ("", {"used_hour": 1, "reset_in_hours": 2})
    ]


@pytest.mark.parametrize(
    "container",
    [
        "limits", "windows", "quota", "quotas", "usage", "rate_limit", "rate_limits", "limit",
        "window_limits", "limit_windows", "usage_windows", "usage_limits", "quota_windows",
        "plan_limits", "buckets",
    ],
)  # fmt: skip
def test_a_window_may_stand_under_its_name(container: str) -> None:
    entry: dict[str, object] = {
        container: {"5h": {"resetAt": 1}, "tokens": {"type": "daily"}, "rpm": {"a": 1}, "n": 5}
    }
    assert told(entry)[1:] == [
        ("5h", {"reset_at": 1}), ("1d", {"type": "daily"}), ("rpm", {"a": 1}),
    ]  # fmt: skip
    assert len(told({container: {f"n{n}": {} for n in range(9)}})) == 1 + 8
    assert len(told({container: [{}]})) == 1


def test_a_window_may_stand_beside_the_message() -> None:
    assert told({"five_hour": {"resetAt": 1}, "week": {"left": 0}, "weekly": 3, "user": {"x": 1}})[
        1:
    ] == [("5h", {"reset_at": 1}), ("7d", {"left": 0})]


def test_of_some_windows_those_count_that_are_full() -> None:
    def windows(*said: tuple[str, Fullness]) -> list[BodyWindow]:
        return [BodyWindow({}, name, fullness) for name, fullness in said]

    full, other, nameless, unknown = windows(
        ("5h", FULL), ("7d", OPEN), ("", UNKNOWN), ("30d", UNKNOWN)
    )
    every = [full, other, nameless, unknown]
    assert of_full(every, frozenset()) == [full, nameless]
    assert of_full(every, frozenset({"7d"})) == [other, nameless]
    assert of_full(every, frozenset({"1h"})) == [full, nameless]
    assert of_full([other, nameless, unknown], frozenset()) == [other, nameless, unknown]


def test_only_so_many_windows_are_looked_at() -> None:
    assert len(windows_in([{"n": n} for n in range(70)])) == 64
    assert len(windows_in([{"week": {str(n): n for n in range(70)}}])[1].fields) == 64
