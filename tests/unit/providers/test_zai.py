"""Z.AI's traps; every documented answer is in fixtures/zai-coding-plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from providers.zai.provider import PROVIDERS
from rotator.model import Meaning
from tests.support.asked_vendor import asked
from tests.support.builders import api
from tests.support.failures import NOW, failure

PLAN, PAID = PROVIDERS[0], PROVIDERS[2]


def reset(text: str) -> datetime | None:
    body = {"error": {"code": "1308", "message": f"Your limit will reset at {text}"}}
    finding = PLAN.classify(failure(429, body), NOW)
    assert finding is not None
    assert finding.meaning is Meaning.EXHAUSTED
    return finding.until


def test_the_local_time_trap_a_time_without_a_zone_is_beijings() -> None:
    assert reset("2026-11-23 01:00:00") == datetime(2026, 11, 22, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 01:00:00Z",
        "2026-11-23T01:00:00+00:00",
        "2036-11-23 01:00:00",
        "2026-13-45 01:00:00",
    ],
)
def test_a_time_that_has_a_zone_or_cannot_be_meant_is_not_read_as_beijings(text: str) -> None:
    assert reset(text) is None


def test_a_reset_that_has_just_passed_lets_the_account_rest_for_a_second() -> None:
    assert reset("2026-11-22 19:59:00") == NOW + timedelta(seconds=1)


def test_a_key_that_pays_as_it_goes_is_not_asked() -> None:
    assert PAID.usage_obstacle(api()) == "a key that pays as it goes is not told what is left"
    assert str(asked(PAID)) == "UnexpectedAnswer"
