"""Anthropic's traps; every documented answer is in fixtures/anthropic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.anthropic.provider import Anthropic
from providers.anthropic.usage import read_windows
from rotator.provider import HttpAnswer, Paced
from rotator.secret import Secret
from rotator.testing import drive
from tests.support.builders import NOW, api, oauth


def used(**body: Any) -> dict[tuple[str, str | None], float]:
    return {
        (window.name, window.model): window.used for window in read_windows(Part(body), Pieces())
    }


def test_the_newer_half_of_the_answer_counts_and_the_older_one_fills_its_gaps() -> None:
    named = {"five_hour": {"utilization": 10}, "seven_day": {"utilization": 20}}
    listed = [{"kind": "session", "percent": 33}]

    assert used(**named, limits=listed) == {("5h", None): 0.33, ("7d", None): 0.2}


def test_a_model_that_both_halves_name_is_one_window() -> None:
    scope = {"model": {"display_name": "opus"}}
    listed = [{"kind": "weekly_scoped", "percent": 33, "scope": scope}]

    assert used(seven_day_opus={"utilization": 30}, limits=listed) == {("7d", "opus"): 0.33}


def test_only_a_plan_can_be_asked_for_and_not_too_often() -> None:
    assert Anthropic().usage_obstacle(oauth()) is None
    assert "API key" in str(Anthropic().usage_obstacle(api()))
    assert isinstance(Anthropic(), Paced)
    assert Anthropic().usage_pause_seconds >= 180


def test_a_question_without_a_version_would_be_answered_by_a_firewall() -> None:
    assert next(Anthropic().read_usage(oauth(), NOW)).headers == {
        "authorization": Secret("Bearer ACC-CANARY-a-1"),
        "anthropic-beta": "oauth-2025-04-20",
        "anthropic-version": "2023-06-01",
    }


HALF, REST = {"utilization": 50}, {"utilization": 0}
MONEY = {"is_enabled": True, "monthly_limit": 2000, "used_credits": 500}


@pytest.mark.parametrize(
    ("body", "complete"),
    [
        ({"five_hour": HALF, "seven_day": REST}, True),
        ({"five_hour": HALF, "seven_day": REST, "seven_day_opus": REST}, True),
        (
            {"limits": [{"kind": "session", "percent": 1}, {"kind": "weekly_all", "percent": 2}]},
            True,
        ),
        ({"five_hour": HALF}, False),
        ({"seven_day": HALF, "seven_day_opus": REST}, False),
        ({"five_hour": None, "seven_day_opus": REST}, False),
        ({"five_hour": None, "extra_usage": MONEY}, False),
        ({"five_hour": HALF, "extra_usage": MONEY}, False),
    ],
)
def test_e2_only_both_windows_of_the_plan_are_all_that_can_block(
    body: dict[str, object],
    complete: bool,  # noqa: FBT001  # a column
) -> None:
    answers = [HttpAnswer(200, {}, Secret(json.dumps(one))) for one in (body, {})]

    snapshot = drive(Anthropic().read_usage(oauth(), NOW), answers).snapshot

    assert snapshot is not None
    assert snapshot.complete is complete
