"""A vendor's table: which of its lines an answer meets, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rotator.core.failures.vendor_tables import Table, TableLine, find_by_table
from rotator.core.failures.zones import named_zone
from rotator.model import EVERYTHING, Finding, Meaning, Reach, Scope, Signal
from tests.support.failures import NOW, failure

X = Meaning.EXHAUSTED


def found(*lines: TableLine, signal: Signal, zone: str = "") -> Finding | None:
    """Return what a table of these lines makes of a signal."""
    return find_by_table(Table("acme", zone=named_zone(zone), lines=lines), signal, NOW)


def said(message: str = "?", **fields: object) -> Signal:
    return failure(429, {"error": {"message": message, **fields}})


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        (TableLine(X, code="acme_limit"), said(code="AcmeLimit")),
        (TableLine(X, code="1308"), said(code=1308)),
        (TableLine(X, code="1308"), said(errCode="1308")),
        (TableLine(X, code="1308"), said("[1308][?]")),
        (TableLine(X, code="1308"), said("1308: ?")),
        (TableLine(X, code="1308"), said("? (1308)")),
        (TableLine(X, code="1308"), said("? error code: 1308")),
        (TableLine(X, code="1308"), said("? error code: 1308", code=429)),
        (TableLine(X, code="1308"), said("error: 2013 [1308]")),
        (TableLine(X, text="used up"), failure(403, {"error": "The tool's quota is used up"})),
        (TableLine(X, text="quota is"), failure(400, {"error": "Your quota is used up by files"})),
        (TableLine(X, code="acme_limit"), said("Failed with acme_limit today")),
        (TableLine(X, code="acme*"), said(code="acme_limit_of_something")),
        (TableLine(X, code="*per_day*"), said(code="requests_per_day_free")),
        (TableLine(X, text="is used up"), said("Your thing   is USED up.")),
        (TableLine(X, code="acme_limit", text="used up"), said("used up", code="acme_limit")),
        (TableLine(X, text="used up", statuses=frozenset({429})), said("used up")),
        (TableLine(X, text="used up", statuses=frozenset({403})), failure(None, error="used up")),
    ],
)
def test_a_line_is_met_by_its_code_anywhere_and_its_text_at_the_head(
    line: TableLine, signal: Signal
) -> None:
    told = found(line, signal=signal)

    assert told is not None
    assert told.meaning is X


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        (TableLine(X, code="1308"), said(count=1308)),
        (TableLine(X, code="1308"), said(code=True)),
        (TableLine(X, code="1308"), said("1308 tokens are left")),
        (TableLine(X, code="1308"), said(code=13080)),
        (TableLine(X, code="1308"), said("[1308] no", code=1214)),
        (TableLine(X, code="1308"), said("error: 1308, see above (2013)")),
        (TableLine(X, code="401"), said("status code 401")),
        (TableLine(X, text="used up"), failure(400, {"error": "The tool's quota is used up"})),
        (TableLine(X, text="used up"), failure(422, {"error": "The tool's quota is used up"})),
        (TableLine(X, text="used up"), failure(None, error="The tool's quota is used up")),
        (TableLine(X, code="acme*"), said(code="acm_limit")),
        (TableLine(X, code="acme_limit"), said("?", note="acme limit")),
        (TableLine(X, text="used up"), said("Cannot parse 'used up'")),
        (TableLine(X, text="used up"), said("x" * 300 + "used up")),
        (TableLine(X, code="acme_limit", text="used up"), said("used up")),
        (TableLine(X, text="used up", statuses=frozenset({403})), said("used up")),
        (TableLine(X, code="acme_limit"), said("a_b " * 100 + "acme_limit")),
    ],
)
def test_what_is_not_said_meets_no_line(line: TableLine, signal: Signal) -> None:
    assert found(line, signal=signal) is None


def test_the_first_line_counts() -> None:
    told = found(
        TableLine(Meaning.BILLING, text="plan"),
        TableLine(X, text="used up"),
        signal=said("plan used up"),
    )

    assert told == Finding(Meaning.BILLING, "429, credit or billing problem")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("", EVERYTHING),
        ("model", Scope("m1")),
        ("account", Scope(reach=Reach.ACCOUNT)),
        ("provider", Scope("m1", Reach.PROVIDER)),
    ],
)
def test_a_line_says_what_is_limited(scope: str, expected: Scope) -> None:
    signal = replace(said(code="acme_limit"), model="m1")
    told = found(TableLine(X, code="acme_limit", scope=scope), signal=signal)

    assert told is not None
    assert told.scope == expected


def test_a_model_that_nobody_knows_is_every_one() -> None:
    told = found(TableLine(X, code="acme_limit", scope="model"), signal=said(code="acme_limit"))

    assert told == Finding(X, "429, usage limit reached (acme_limit)")


@pytest.mark.parametrize(
    ("ends", "zone", "expected"),
    [
        ("day", "UTC", datetime(2026, 11, 23, tzinfo=UTC)),
        ("day", "America/Los_Angeles", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("week", "", datetime(2026, 11, 23, tzinfo=UTC)),
        ("month", "", datetime(2026, 12, 1, tzinfo=UTC)),
        ("", "", None),
    ],
)
def test_a_line_may_last_until_its_calendar_s_end(
    ends: str, zone: str, expected: datetime | None
) -> None:
    told = found(
        TableLine(X, code="acme_limit", ends=ends), signal=said(code="acme_limit"), zone=zone
    )

    assert told is not None
    assert told.until == expected


def test_a_wait_beside_a_quota_of_a_day_is_not_its_end_and_a_moment_is() -> None:
    line = TableLine(X, code="acme_limit", ends="day", waits=False)
    short = said("Retry in 5s", code="acme_limit", retryDelay="34s")
    exact = said(code="acme_limit", retryDelay="34s", resets_at="2026-11-22T20:00:00Z")

    untils = [told.until for answer in (short, exact) if (told := found(line, signal=answer))]

    assert untils == [datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 22, 20, tzinfo=UTC)]


def test_a_wait_counts_from_when_the_answer_came() -> None:
    line = TableLine(X, code="acme_limit")
    signal = replace(said(code="acme_limit", retry_after=60), at=NOW - timedelta(seconds=20))
    told = found(line, signal=signal)

    assert told is not None
    assert told.until == NOW + timedelta(seconds=40)


def test_a_wait_that_is_over_ends_a_second_from_now() -> None:
    line = TableLine(X, code="acme_limit")
    signal = replace(said(code="acme_limit", retry_after=5), at=NOW - timedelta(seconds=20))
    told = found(line, signal=signal)

    assert told is not None
    assert told.until == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(("number", "is_met"), [(999_999_999, True), (1_000_000_000, False)])
def test_a_number_of_so_many_digits_is_no_code(number: int, is_met: bool) -> None:  # noqa: FBT001  # a table's column
    told = found(TableLine(X, code=str(number)), signal=said(status=number))

    assert (told is not None) is is_met


def test_a_login_that_is_dead_has_no_end() -> None:
    line = TableLine(Meaning.LOGIN_DEAD, code="acme_limit", why="the key is not accepted")
    told = found(line, signal=said(code="acme_limit", retry_after=60))

    assert told == Finding(Meaning.LOGIN_DEAD, "429, the key is not accepted")


@pytest.mark.parametrize(
    ("host", "is_there"),
    [("acme.example", True), ("api.acme.example", True), ("notacme.example", False)],
)
def test_a_vendor_is_known_by_its_address(host: str, is_there: bool) -> None:  # noqa: FBT001  # a table's column
    assert Table("acme", hosts=("acme.example",)).is_at(host) is is_there


@pytest.mark.parametrize("counted", [True, False])
def test_a_line_says_whether_usage_shows_the_limit(*, counted: bool) -> None:
    told = found(TableLine(X, code="acme_limit", counted=counted), signal=said(code="acme_limit"))

    assert told is not None
    assert told.is_uncounted is not counted
