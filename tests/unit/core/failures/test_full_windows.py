"""Of several ends in one sentence those count that are of a full window."""

from __future__ import annotations

import pytest

from rotator.core.failures.full_windows import full_in, name_of_window, of_full_windows

# Each `|` is an end: the first is 1.0, the second 2.0, and so on.
CASES = [
    ("5-hour limit reached, resets |; weekly resets |", [1.0]),
    ("weekly resets |; 5-hour limit reached, resets |", [2.0]),
    ("You hit your session limit, resets |, weekly resets |", [1.0]),
    ("five-hour limit is full, resets |, seven-day limit resets |", [1.0]),
    ("one-hour limit gone, resets |, hourly resets |, daily resets |", [1.0, 2.0]),
    ("24h: 100%, resets |. daily resets |. weekly resets |", [1.0, 2.0]),
    ("1w: 100.0 %, resets |. weekly resets |. daily resets |", [1.0, 2.0]),
    ("1m = 100%, |. monthly resets |. daily resets |", [1.0, 2.0]),
    ("5H 100%, |. 7D 40%, |", [1.0]),
    ("5h 1100% |. 7d 3.100% |", [1.0, 2.0]),
    ("Limit full: resets |. session exhausted. Weekly resets |", [1.0]),
    ("Resets |: session depleted. Weekly resets |", [1.0]),
    ("weekly not reached, |; session spent, |", [2.0]),
    ("weekly resets |. You exceeded the daily quota, |", [2.0]),
    ("weekly resets |. 100% of your daily quota is used, |", [2.0]),
    ("weekly resets |. You used up all of your 5 hour token limit, |", [2.0]),
    ("5-hour limit reached, |; weekly limit reached, |", [1.0, 2.0]),
    ("limit reached, resets | or |", [1.0, 2.0]),
    ("session resets |, weekly resets |", [1.0, 2.0]),
    ("5 小时额度已用尽，|。每周额度 |", [1.0]),
    ("5小時額度已用盡，|。每週額度 |", [1.0]),
    ("每天额度未用尽，|。7天的使用上限已满，|", [2.0]),
    ("本周 |。已达到您的5小时限制，|", [2.0]),
    ("本月 |。用完了今日额度 |", [2.0]),
    ("周额度耗尽，|。月额度 |", [1.0]),
    ("1周额度耗尽，|。本周 |。月配额 |", [1.0, 2.0]),
    ("1个月额度超限 |。当月 |。每日 |", [1.0, 2.0]),
    ("1日限额达上限 |。1天配额 |。每周 |", [1.0, 2.0]),
    ("weekly " + "x" * 100 + " reached |, daily |", [1.0, 2.0]),
    ("weekly" + " " * 93 + "reached |, daily |", [1.0]),
    ("weekly |, reached" + " x" * 20 + " daily |", [1.0]),
    ("weekly reached |, " + "daily " * 15 + "weekly |", [1.0]),
    ("weekly reached |, " + "daily " * 14 + "weekly |", [1.0, 2.0]),
    ("only |", [1.0]),
    ("weekly reached |", [1.0]),
    ("session reached |; 5h limit |; daily |", [1.0, 2.0]),
    ("hourly reached |; 1h limit |; daily |", [1.0, 2.0]),
    ("daily reached |; 1d limit |; 24h limit |; weekly |", [1.0, 2.0, 3.0]),
    ("weekly reached |; 7d limit |; 1w limit |; daily |", [1.0, 2.0, 3.0]),
    ("monthly reached |; 30d limit |; 1m limit |; daily |", [1.0, 2.0, 3.0]),
    ("one hour limit reached |; five hour limit |; seven hour limit |", [1.0]),
    ("1h limit |; five hour limit |; seven hour limit reached |", [3.0]),
    ("每日已满 |。1天额度 |。每周 |", [1.0, 2.0]),
    ("每天已满 |。1日额度 |。每周 |", [1.0, 2.0]),
    ("每周已满 |。1周额度 |。周额度 |。每天 |", [1.0, 2.0, 3.0]),
    ("每月已满 |。1月额度 |。月额度 |。30天额度 |。每天 |", [1.0, 2.0, 3.0, 4.0]),
    ("5小时额度已满 |。5h limit |。日额度 |", [1.0, 2.0]),
    ("biweekly reached |, daily |", [1.0, 2.0]),
    ("SESSION REACHED |, DAILY |", [1.0]),
    ("", []),
    *(
        (f"{name} window reached |, daily |", [1.0])
        for name in (
            "primary",
            "secondary",
            "rpm",
            "tpm",
            "per minute",
            "this hour",
            "current week",
            "this month",
        )
    ),
    ("hit daily |, weekly |", [1.0]),
    ("xrpm reached |, daily |", [1.0, 2.0]),
    *((f"{name} limit reached |, daily |", [1.0]) for name in ("minute", "hour", "week", "month")),
    ("it, day: 100% |, weekly |", [1.0]),
    ("(week: 100%) |, daily |", [1.0]),
    ("all · week: 100%, |, daily |", [1.0]),
    ("holiday: 100% |, weekly |", [1.0, 2.0]),
    ("rpm reached |, per minute |, tpm |, daily |", [1.0, 2.0, 3.0]),
    ("hourly reached |. This hour |. Daily |", [1.0, 2.0]),
    ("daily reached |. This day |. Weekly |", [1.0, 2.0]),
    ("weekly reached |. This week |. Daily |", [1.0, 2.0]),
    ("monthly reached |. This month |. Daily |", [1.0, 2.0]),
    ("5h: 0% left |, 7d: 60% left |", [1.0]),
    ("5h: 0.0 % remaining |, 7d: 60% left |", [1.0]),
    ("5h: 0% available |, 7d: 60% left |", [1.0]),
    ("5h: 100% left |, 7d: 0% left |", [2.0]),
    ("5h: 100% remaining |, daily: 100% available |, 7d: 0% left |", [3.0]),
    ("5h: 10% left |, 7d: 1.0% left |", [1.0, 2.0]),
    ("5-hour remaining: 0 |, weekly remaining: 6 |", [1.0]),
    ("5-hour remaining: 0.5 |, weekly left: 0 |", [2.0]),
    ("weekly remaining 0, |, daily left = 5 |", [1.0]),
    ("5小时额度剩余0%，|。周额度剩余60%，|", [1.0]),
    ("5小时额度剩余：0，|。周额度剩余 10，|", [1.0]),
    ("hourly 100/100 |, daily 30/100 |", [1.0]),
    ("hourly 7 / 7 |, daily 7/77 |", [1.0]),
    ("hourly 17/7 |, daily 7/7 |", [2.0]),
    ("session |, weekly 40% |", [1.0]),
    ("session |, weekly 40.5 % |", [1.0]),
    ("session 12% |, weekly |", [2.0]),
    ("session |, weekly not reached |", [1.0]),
    ("session not hit |, weekly not full |, daily |", [3.0]),
    ("session 12% |, weekly 40% |", [1.0, 2.0]),
    ("session |, weekly" + " x" * 60 + " 40% |", [1.0, 2.0]),
    *(
        (f"{word} |. Daily |", [1.0])
        for word in (
            "try again in",
            "trying again",
            "try this one more time again",
            "retry in",
            "retrying",
            "wait",
            "wait for about",
            "请等待",
            "请等",
        )
    ),
    ("weekly |. Retry |", [2.0]),
    ("|后重试。每日额度 |", [1.0]),
    ("| 秒之后请再试。每日额度 |", [1.0]),
    ("|，后重试。每日额度 |", [1.0, 2.0]),
    ("wait. | Daily |", [1.0, 2.0]),
    ("wait | 9 and daily |", [1.0]),
    ("retry | or |. Daily |", [1.0, 2.0]),
    ("retry |; daily |", [1.0]),
    ("retry | (daily |)", [1.0]),
    ("每日 |。等待 |", [2.0]),
    ("daily |, wait |", [2.0]),
    ("5h reached |. Plan renews |", [1.0]),
    *(
        (f"{plan} |. Retry |", [2.0])
        for plan in (
            "plan renews",
            "subscription will renew",
            "membership auto-renews",
            "billing resets",
            "cycle ends",
            "plan expires",
            "plan refreshes",
            "套餐将于续期",
            "会员到期",
            "订阅会在更新",
            "套餐续费",
        )
    ),
    ("plan renews |, limit reached |", [1.0, 2.0]),
    ("session |, plan renews |", [1.0]),
    ("plan renewals |. Retry |", [1.0, 2.0]),
    ("plan renews |, limit reached. Weekly |", [2.0]),
    ("wait |. Weekly is low. Later |", [1.0, 2.0]),
    ("wait |; weekly is low; later |", [1.0, 2.0]),
    ("wait |. Weekly is low (later |)", [1.0, 2.0]),
    ("wait |. Weekly is low, later |", [1.0]),
    ("等待 |。每周较低。之后 |", [1.0, 2.0]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_end_of_the_window_that_is_full_is_meant(text: str, expected: list[float]) -> None:
    ends = [(n, 0.0) for n, sign in enumerate(text) if sign == "|"]
    ends = [(place, float(n)) for n, (place, _) in enumerate(ends, start=1)]

    assert of_full_windows(text, ends) == expected


def test_an_end_that_a_window_s_name_begins_with_is_not_of_that_window() -> None:
    text = "weekly reached, then in 5h limit"

    assert of_full_windows(text, [(text.index("5h"), 1.0), (len(text), 2.0)]) == [1.0]


def test_the_windows_that_a_text_says_are_full_are_told_by_their_names() -> None:
    assert full_in("5-hour limit reached; weekly resets Monday") == {"5h"}
    assert full_in("WEEKLY LIMIT EXCEEDED") == {"7d"}
    assert full_in("您的5小時額度已用盡") == {"5h"}
    assert full_in("Too many") == set()


def test_a_window_has_one_name() -> None:
    assert [name_of_window(told) for told in ("weekly", "1w", "7d", "primary")] == [
        "7d", "7d", "7d", "primary",
    ]  # fmt: skip
