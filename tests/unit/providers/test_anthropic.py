"""Anthropic's traps; every documented answer is in fixtures/anthropic."""

from __future__ import annotations

from typing import Any

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.anthropic.provider import Anthropic
from providers.anthropic.usage import read_windows
from rotator.provider import Paced
from rotator.secret import Secret
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
