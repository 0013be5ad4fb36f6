"""Which words say that a limit is over then, and which say something else of a moment."""

from __future__ import annotations

import pytest

from rotator.core.failures.cues import (
    FIRST_LETTERS,
    TROUBLE,
    is_a_length_s_end,
    is_a_moment_s_end,
    is_said_in_chinese,
)
from rotator.core.failures.words import stated_in
from tests.support.failures import NOW

HOUR = 3_600.0


def ends(text: str) -> list[float]:
    """Return the seconds to each end that a text states."""
    return list(stated_in(text, NOW.timestamp(), None))


@pytest.mark.parametrize(
    "told",
    [
        *(f"{word} for" for word in (
            "banned", "blocked", "suspended", "locked", "locked out", "throttled", "restricted",
            "barred", "cooling", "cooling down", "blocked by us", "suspended here",
        )),
        *(f"{word} duration:" for word in (
            "ban", "block", "lockout", "suspension", "penalty", "throttling",
        )),
        *(f"ban {word}:" for word in (
            "period", "length", "remaining", "left", "time", "time left", "time remaining",
        )),
        "ban duration is", "ban length of", "blocked for the", "banned for about",
        *(f"{word} ends in" for word in (
            "window", "cycle", "period", "ban", "block", "blocking", "lockout", "suspension",
            "cooldown", "cool-down", "penalty", "restriction", "throttling", "limit", "limitation",
        )),
        *(f"window {word} in" for word in (
            "end", "expire", "expires", "close", "closes", "lapse", "lapses", "is over", "ending",
            "will end", "here ends",
        )),
        "window ends after",
    ],
)  # fmt: skip
def test_a_ban_or_a_window_lasts_so_long(told: str) -> None:
    assert ends(f"It is so: {told} 2 hours") == [2 * HOUR]


def test_a_time_of_the_day_is_no_length_of_a_ban() -> None:
    assert ends("You are banned for 14:00 UTC") == []
    assert ends("Ban duration: 14:00 UTC") == []


def test_what_ends_where_a_word_for_an_end_begins_is_said_of_something_else() -> None:
    assert ends("You are limited to try again in 2 hours") == [2 * HOUR]


@pytest.mark.parametrize("by", ["at", "on", "by", ""])
def test_a_window_ends_at_a_moment(by: str) -> None:
    assert ends(f"The window ends {by} 2026-11-22 14:00 UTC".replace("  ", " ")) == [2 * HOUR]


@pytest.mark.parametrize(
    "told",
    [
        "banned", "blocked by", "suspended after", "locked at", "ban of", "window of", "limit over",
        "throttled in", "disband for", "outlocked for", "period", "cycles for",
    ],
)  # fmt: skip
def test_what_is_counted_of_a_ban_is_no_end(told: str) -> None:
    assert ends(f"It is so: {told} 2 hours") == []


@pytest.mark.parametrize(
    "told",
    [
        *(f"{word} reset after" for word in (
            "connection", "stream", "socket", "peer", "tcp", "http2", "http/3", "channel", "pipe",
            "server", "connections", "stream was", "socket is", "peers were", "connection got",
            "channel has been", "pipes have been", "Connection",
        )),
        "disconnect/reset after",
        *(f"{word} wait" for word in (
            "average", "avg", "avg.", "mean", "median", "typical", "max", "maximum", "Max",
            "average queue",
        )),
        "max retry in", "typical cooldown:",
        *(f"It {was} in" for was in (
            "was reset", "was unavailable", "were available", "has been restored",
            "was refreshed", "has been renewed", "had been recovered",
        )),
        *(f"{word} back in" for word in (
            "roll", "rolled", "rolling", "fall", "fell", "falling", "went", "came",
        )),
        *(f"{word} again in" for word in (
            "failed", "timed out", "crashed", "closed", "dropped", "refused",
        )),
        *(f"{word} for" for word in (
            "after retrying", "despite retrying",
        )),
        "limited to answers in",
        *(f"{word} ends in" for word in (
            "trial period", "grace period", "subscription period", "promo window",
            "promotional period", "notice period", "contract cycle", "retention window",
        )),
        *(f"retry {word} after" for word in (
            "failed", "failing", "timed out", "timed-out", "timeout", "time-out", "gave up",
            "giving up", "was aborted", "was dropped", "disconnected", "was unsuccessful",
            "unsuccessfully ended", "was closed by peer", "Failed",
        )),
        "retries exhausted after", "resets: attempts all exhausted after",
        "retry tries exhausted in",
    ],
)  # fmt: skip
def test_how_long_something_took_is_no_end(told: str) -> None:
    assert ends(f"So: {told} 2 hours") == []


@pytest.mark.parametrize(
    "told",
    [
        "Request failed, retry after", "It timed out: try again in", "Server gone, back in",
        "The stream broke: resets in", "Not limited to you: try again in",
        "It was reset. Now it resets again in", "You came here. Back in", "Retries failed; wait",
        "Average load is high, please wait", "The connection will reset in",
    ],
)  # fmt: skip
def test_what_is_said_of_something_else_takes_no_end_away(told: str) -> None:
    assert ends(f"{told} 2 hours") == [2 * HOUR]


@pytest.mark.parametrize(
    "rest",
    [
        " timeout", "-timeout", " time-out", " timed out", " of inactivity", " of silence",
        " of idling", " of use", " of usage", " of non-use", " ago", " elapsed",
        *(f" without {word}" for word in (
            "a response", "an answer", "any data", "activity", "progress", "output",
        )),
        " did not help", " didn't help", " was exceeded", " were exceeded", " has passed",
        " have elapsed", " had been exceeded", " exceeded", "后超时", " 后断开", "之后仍无响应",
        "以后已关闭", "後還未響應", "超時", "關閉", "失败", "失敗", "中断", "中斷", "取消",
        "后依然没有响应", "內", "内最多", " 额度", "的限额", "个配额", "窗口", "使用上限",
    ],
)  # fmt: skip
def test_behind_a_length_it_may_be_said_that_it_is_over(rest: str) -> None:
    assert not is_a_length_s_end("in", rest, chinese=True)


@pytest.mark.parametrize("rest", ["", ".", " agony", " without you", " or so", " before", "后重试"])
def test_else_a_length_is_until_the_end(rest: str) -> None:
    assert is_a_length_s_end("in", rest, chinese=False)
    assert is_a_length_s_end("", rest, chinese=False)
    assert is_a_length_s_end(None, rest, chinese=True)


@pytest.mark.parametrize(
    ("by", "rest", "is_end"),
    [
        (None, "", False),
        ("until", "", False),
        ("till", "", False),
        ("until", "后重试", True),
        (None, "后重试", True),
        (None, " left until the reset", True),
    ],
)
def test_a_length_needs_a_word_for_it(by: str | None, rest: str, is_end: bool) -> None:  # noqa: FBT001  # a table's column
    assert is_a_length_s_end(by, rest, chinese=False) is is_end


@pytest.mark.parametrize(
    "told",
    [
        *(f"{word} until" for word in (
            "valid", "active", "available", "good", "supported", "free", "paid", "paid up", "open",
            "accepted", "runs", "offered", "guaranteed", "covered", "extended", "prepaid",
            "discounted", "subscribed", "cached", "kept", "stored", "Valid", "valid only",
        )),
        *(f"{word} after" for word in (
            "expire", "expires", "expired", "deprecated", "retired", "removed", "discontinued",
            "created", "released", "dated", "failed", "closed", "timed out",
        )),
        "valid till", "valid until (", "valid until the",
    ],
)  # fmt: skip
def test_how_long_an_offer_holds_is_no_end(told: str) -> None:
    before = told if told.endswith(("(", "the ")) else f"{told} "
    assert not is_a_moment_s_end("until", f"It is {before}", "", chinese=False)
    assert not is_a_moment_s_end("till", f"It is {before}", "", chinese=False)


@pytest.mark.parametrize(
    "told",
    [
        "limited until ", "not available until ", "not be active until ", "isn't available until ",
        "won't be available until ", "won\u2019t be available until ", "unavailable until ",
        "freezing until ", "send after ", "available until you can at ",
    ],
)  # fmt: skip
def test_until_then_it_is_limited(told: str) -> None:
    assert is_a_moment_s_end("until", f"It is {told}", "", chinese=False)


@pytest.mark.parametrize(
    ("by", "rest", "chinese", "is_end"),
    [
        ("at", "", False, True),
        ("", "", False, True),
        (None, "", True, True),
        (None, " 起恢复", False, True),
        (None, "", False, False),
    ],
)
def test_a_moment_needs_a_word_for_it(
    by: str | None,
    rest: str,
    chinese: bool,  # noqa: FBT001  # a table's column
    is_end: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert is_a_moment_s_end(by, "valid until ", rest, chinese=chinese) is is_end


@pytest.mark.parametrize(
    ("before", "is_said"),
    [
        *((f"账号{word} ", True) for word in (
            "封禁", "封停", "封锁", "封鎖", "冻结", "凍結", "锁定", "鎖定", "封禁：",
        )),
        *((f"{word}至 ", True) for word in (
            "封禁", "禁用", "限制使用", "限流", "暂停服务", "暫停", "停用", "冷却", "冷卻",
        )),
        ("限制到 ", True),
        *((f"限流{word}：", True) for word in (
            "时长", "時長", "时间", "時間", "期限", "期", "时间为", "时长為", "时间是", "期限还有",
            "时间還有",
        )),
        ("限流：", False),
        ("限制 ", False),
        ("重置还有 ", True),
        ("还需等待 ", True),
        ("已等待 ", False),
        ("剩余 ", True),
        ("每 ", False),
        ("额度 ", False),
        ("reset at ", False),
        ("重置" + "长" * 11, False),
        ("重置" + "长" * 10, True),
        ("重置，", False),
    ],
)  # fmt: skip
def test_chinese_says_it_before(before: str, is_said: bool) -> None:  # noqa: FBT001  # a table's column
    assert is_said_in_chinese(before) is is_said


def test_words_are_looked_for_by_their_first_letters() -> None:
    assert {len(word) <= 4 for word in FIRST_LETTERS | TROUBLE} == {True}
