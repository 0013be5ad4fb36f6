"""Z.AI's traps; every documented answer is in fixtures/zai-coding-plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers.zai.provider import PROVIDERS
from rotator.model import Meaning
from tests.support.asked_vendor import asked
from tests.support.builders import api
from tests.support.failures import NOW, failure
from tests.support.field_cases import registry

PLAN, PAID = PROVIDERS[0], PROVIDERS[2]


def reset(text: str) -> datetime | None:
    body = {"error": {"code": "1308", "message": f"Your limit will reset at {text}"}}
    signal = replace(failure(429, body), provider="zai-coding-plan")
    finding = registry().classify(signal, NOW)
    assert finding is not None
    assert finding.meaning is Meaning.EXHAUSTED
    return finding.until


def test_the_local_time_trap_a_time_without_a_zone_is_beijings() -> None:
    assert reset("2026-11-23 01:00:00") == datetime(2026, 11, 22, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23 01:00:00Z", datetime(2026, 11, 23, 1, tzinfo=UTC)),
        ("2026-11-23T01:00:00+00:00", datetime(2026, 11, 23, 1, tzinfo=UTC)),
        ("2036-11-23 01:00:00", None),
        ("2026-13-45 01:00:00", None),
    ],
)
def test_a_time_that_has_a_zone_is_not_read_as_beijings_and_an_odd_one_not_at_all(
    text: str, expected: datetime | None
) -> None:
    assert reset(text) == expected


def test_a_reset_that_has_just_passed_lets_the_account_rest_for_a_second() -> None:
    assert reset("2026-11-22 19:59:00") == NOW + timedelta(seconds=1)


def test_a_key_that_pays_as_it_goes_is_not_asked() -> None:
    assert PAID.usage_obstacle(api()) == "a key that pays as it goes is not told what is left"
    assert str(asked(PAID)) == "UnexpectedAnswer"
