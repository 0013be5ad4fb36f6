"""OpenRouter's traps; every documented answer is in fixtures/openrouter."""

from __future__ import annotations

from decimal import Decimal

from providers.openrouter import OpenRouter
from rotator.model import Balance
from tests.support.asked_vendor import told

UNLIMITED = {"data": {"limit": None, "limit_remaining": None, "limit_reset": None, "usage": 7}}


def test_the_zero_trap_credits_of_zero_are_not_a_balance_of_zero() -> None:
    zeros = {"data": {"total_credits": 0, "total_usage": 0}}

    snapshot = told(OpenRouter(), UNLIMITED, zeros)

    assert snapshot.balance is None
    assert not snapshot.spent


def test_credits_that_are_told_are_a_balance_and_spent_ones_say_so() -> None:
    spent = {"data": {"total_credits": 5, "total_usage": 5}}

    snapshot = told(OpenRouter(), UNLIMITED, spent)

    assert snapshot.balance == Balance(Decimal(0), "USD")
    assert snapshot.spent


def test_a_limit_of_null_is_no_limit_and_one_of_zero_lets_nothing_through() -> None:
    nothing = {"data": {"limit": 0, "limit_remaining": 0, "limit_reset": "daily"}}

    assert told(OpenRouter(), UNLIMITED, (403, {})).windows == ()
    assert [window.used for window in told(OpenRouter(), nothing, (403, {})).windows] == [1]
