"""What the answer to a question about usage means before its fields are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from providers._shared.answers import document, get, retry_at
from providers._shared.windows import distinct, month, rounded, window
from rotator.errors import (
    LoginRejected,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from rotator.model import Window
from rotator.provider import HttpAnswer
from rotator.secret import Secret
from tests.support.builders import HOUR, NOW, api

PAGE = "<!DOCTYPE html><title>Just a moment...</title>"
LATER = NOW + HOUR


def answer(status: int, body: str = "{}", headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status, headers or {}, Secret(body))


def test_a_question_carries_the_credential_as_a_secret() -> None:
    asked = get("https://vendor.example/usage", api("a"), x_more="more")

    assert (asked.method, asked.url) == ("GET", "https://vendor.example/usage")
    assert asked.headers == {"authorization": Secret("Bearer KEY-CANARY-a"), "x-more": "more"}


def test_a_good_answer_is_read_to_the_last_digit() -> None:
    found = document(answer(200, '{"balance": 0.10}'), NOW)

    assert str(found.number("balance")) == "0.10"
    assert found.number("balance") == Decimal("0.1")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param(answer(401), LoginRejected, id="401"),
        pytest.param(answer(403), UnexpectedAnswer, id="403"),
        pytest.param(answer(402), UnexpectedAnswer, id="402"),
        pytest.param(answer(404), UnexpectedAnswer, id="404"),
        pytest.param(answer(307, ""), UnexpectedAnswer, id="redirect"),
        pytest.param(answer(429), RateLimited, id="429"),
        pytest.param(answer(429, PAGE), RateLimited, id="429 page"),
        pytest.param(answer(503), ProviderUnavailable, id="503"),
        pytest.param(answer(529, ""), ProviderUnavailable, id="529"),
        pytest.param(answer(401, PAGE), ProviderUnavailable, id="401 page"),
        pytest.param(answer(403, PAGE), ProviderUnavailable, id="403 page"),
        pytest.param(answer(200, PAGE), ProviderUnavailable, id="200 page"),
        pytest.param(
            answer(200, "", {"content-type": "text/HTML; charset=utf-8"}),
            ProviderUnavailable,
            id="empty page",
        ),
        pytest.param(answer(200, " \n"), UnexpectedAnswer, id="empty"),
        pytest.param(answer(200, '{"a": {"b"'), UnexpectedAnswer, id="truncated"),
        pytest.param(answer(200, "[{}]"), UnexpectedAnswer, id="list"),
        pytest.param(answer(200, "null"), UnexpectedAnswer, id="null"),
        pytest.param(answer(200, "[" * 100_000), UnexpectedAnswer, id="deep"),
        pytest.param(answer(200, f'{{"a": 1.0e{"9" * 30}}}'), UnexpectedAnswer, id="exponent"),
        pytest.param(answer(200, f'{{"a": {"9" * 5_000}}}'), UnexpectedAnswer, id="digits"),
    ],
)
def test_every_other_answer_means_an_error(given: HttpAnswer, error: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        document(given, NOW)

    assert type(caught.value) is error


def test_a_vendor_may_mean_the_login_by_another_status() -> None:
    with pytest.raises(LoginRejected, match=r"^the vendor does not accept the login: status 403$"):
        document(answer(403), NOW, rejected=(401, 403))


def test_a_vendor_in_trouble_has_seen_the_request() -> None:
    with pytest.raises(ProviderUnavailable, match="a page instead of an answer") as caught:
        document(answer(403, PAGE), NOW)

    assert caught.value.sent


def test_who_asks_too_often_is_told_when_to_ask_again() -> None:
    with pytest.raises(RateLimited) as caught:
        document(answer(429, "", {"retry-after": "3600"}), NOW)

    assert caught.value.retry_at == LATER


@pytest.mark.parametrize(
    ("headers", "at"),
    [
        ({"retry-after": "3600"}, LATER),
        ({"retry-after": " 3600.0 "}, LATER),
        ({"retry-after-ms": "1500", "retry-after": "2"}, NOW + timedelta(seconds=1.5)),
        ({"retry-after": "Sun, 22 Nov 2026 13:00:00 GMT"}, LATER),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, NOW),
        ({"retry-after": "0"}, NOW),
        ({"retry-after": "Sun, 32 Nov 2026 11:00:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "999999999999"}, None),
        ({}, None),
    ],
)
def test_when_to_ask_again_is_read_or_unknown(
    headers: Mapping[str, str], at: datetime | None
) -> None:
    assert retry_at(headers, NOW) == at


@pytest.mark.parametrize(
    ("seconds", "name", "length"),
    [
        (18_000, "5h", 18_000),
        (299 * 60, "5h", 18_000),
        (604_800, "7d", 604_800),
        (10_079 * 60, "7d", 604_800),
        (86_400, "day", 86_400),
        (Decimal(2_628_000), "month", 2_628_000),
        (28 * 86_400, "month", 28 * 86_400),
        (31 * 86_400, "month", 31 * 86_400),
        (365 * 86_400, "365d", 365 * 86_400),
        (3_600, "1h", 3_600),
        (36 * 3_600, "36h", 36 * 3_600),
        (1_800, "30min", 1_800),
        (5_400, "90min", 5_400),
    ],
)
def test_a_window_is_named_by_its_length(seconds: float, name: str, length: int) -> None:
    assert window(seconds, 0.5, LATER) == Window(name, 0.5, LATER, length)
    assert rounded(seconds) == length


def test_a_window_says_what_it_is_about() -> None:
    assert window(604_800, 0.5, about="reviews", blocks=False).name == "7d reviews"
    assert month(0.5, LATER) == Window("month", 0.5, LATER)
    assert month(0.5, about="chat", blocks=False) == Window("month chat", 0.5, blocks=False)


def test_of_two_windows_of_one_name_the_fuller_one_counts() -> None:
    full, half, other = window(18_000, 1.0), window(18_000, 0.5), window(18_000, 0.1, model="m")

    assert distinct([half, full, other]) == (full, other)
    assert distinct([full, half]) == (full,)
