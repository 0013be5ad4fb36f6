"""DeepSeek's traps; every documented answer is in fixtures/deepseek."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.deepseek import DeepSeek
from rotator.model import Balance
from tests.support.asked_vendor import asked, told
from tests.support.builders import oauth


def balances(**amounts: str) -> dict[str, object]:
    infos = [{"currency": name, "total_balance": amount} for name, amount in amounts.items()]
    return {"is_available": True, "balance_infos": infos}


@pytest.mark.parametrize(
    ("amounts", "currency"),
    [
        ({"USD": "1", "CNY": "2"}, "CNY"),
        ({"USD": "2", "CNY": "1"}, "USD"),
        ({"CNY": "0", "USD": "0"}, "USD"),
    ],
)
def test_of_two_currencies_the_larger_amount_is_told_and_dollars_of_equal_ones(
    amounts: dict[str, str], currency: str
) -> None:
    snapshot = told(DeepSeek(), balances(**amounts))

    assert snapshot.balance == Balance(Decimal(amounts[currency]), currency)


def test_a_currency_that_is_none_is_not_shown() -> None:
    assert str(asked(DeepSeek(), balances(credits="5"))) == "UnexpectedAnswer"


def test_only_an_api_key_can_ask() -> None:
    assert DeepSeek().usage_obstacle(oauth()) == "only an API key can ask for it"
