"""Kimi's traps; every documented answer is in fixtures/kimi-for-coding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.kimi import Kimi
from rotator.model import Balance, Identity
from tests.support.asked_vendor import told


@pytest.mark.parametrize(
    "week",
    [
        {"limit": "100", "used": "6", "remaining": "94"},
        {"limit": "100", "used": "6"},
        {"limit": "100", "remaining": "94"},
        # Both are there, and do not fit: what is used is what counts.
        {"limit": "100", "used": "6", "remaining": "100"},
    ],
)
def test_what_is_used_is_told_or_what_remains_or_both(week: dict[str, str]) -> None:
    assert [w.used for w in told(Kimi(), {"usage": week}).windows] == pytest.approx([0.06])


def test_the_keys_of_one_user_are_limited_together() -> None:
    body = {"user": {"userId": "d1example"}, "limits": []}

    assert told(Kimi(), body).identity == Identity(key="d1example", group="d1example")


def test_a_week_that_stands_in_both_places_is_one_window() -> None:
    detail = {"limit": "100", "used": "50"}
    days = {"window": {"duration": 168, "timeUnit": "TIME_UNIT_HOUR"}, "detail": detail}

    body = {"usage": {"limit": "100", "used": "6"}, "limits": [days]}

    assert [(w.name, w.used) for w in told(Kimi(), body).windows] == [("7d", 0.5)]


def test_of_a_wallet_that_names_two_currencies_nobody_knows_the_amount() -> None:
    same = {name: {"currency": "CNY"} for name in ("monthlyChargeLimit", "monthlyUsed")}
    other = same | {"monthlyUsed": {"currency": "USD"}}
    balance = {"balance": {"type": "BOOSTER", "amountLeft": "350000000"}}

    def left(sums: dict[str, dict[str, str]]) -> Balance | None:
        return told(Kimi(), {"limits": [], "boosterWallet": balance | sums}).balance

    assert left(same) == Balance(Decimal("3.5"), "CNY")
    assert left(other) is None
    assert left({}) is None


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        *(("MINUTE", 18_000), ("minutes", 18_000), ("TIME_UNIT_MINUTE", 18_000)),
        *(("second", 300), ("HOURS", 300 * 3_600), ("TIME_UNIT_DAY", 300 * 86_400)),
    ],
)
def test_a_unit_is_known_however_it_is_written(unit: str, length: int) -> None:
    window = {"duration": 300, "timeUnit": unit}

    body = {"limits": [{"window": window, "detail": {"limit": 2, "used": 1}}]}

    assert [w.length_seconds for w in told(Kimi(), body).windows] == [length]


def test_a_wallet_alone_is_no_word_about_the_windows() -> None:
    sums = {"monthlyChargeLimit": {"currency": "USD", "priceInCents": 100}}
    wallet = {"balance": {"amountLeft": 10**8}, **sums}

    assert not told(Kimi(), {"usages": {}, "boosterWallet": wallet}).complete


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (["5h", "7d"], True),
        (["5h", "7d", "month_total"], True),
        (["5h"], False),
        (["7d"], False),
        (["month_total"], False),
        (["month_total", "month_code"], False),
    ],
)
def test_e2_either_window_alone_is_not_all_that_can_block(
    names: list[str],
    complete: bool,  # noqa: FBT001  # a column
) -> None:
    usages = {f"limit_{name}": {"used_ratio": 0.5} for name in names}

    assert told(Kimi(), {"usages": usages}).complete is complete


def test_e2_so_it_is_in_the_older_shape() -> None:
    half = {"limit": 2, "used": 1}
    hours = {"window": {"duration": 300, "timeUnit": "MINUTE"}, "detail": half}

    assert told(Kimi(), {"usage": half, "limits": [hours]}).complete
    assert not told(Kimi(), {"usage": half, "limits": []}).complete
    assert not told(Kimi(), {"limits": [hours]}).complete
