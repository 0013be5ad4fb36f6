"""`rotator usage` as a person and as a script meet it; the vendor is reached through a proxy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rotator.cli.usage import bar, sparkline
from rotator.storage.history import Point
from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.provider_answers import Answer, refusal
from tests.support.rotator_process import accounts, rotator
from tests.support.vendor import Vendor

HOST, PATH = "chatgpt.com", "/backend-api/wham/usage"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        vendor.answer(HOST, PATH, Answer(body=said(22, 43)))
        yield vendor


@pytest.fixture
def house(home: Path, vendor: Vendor) -> Household:
    """Return a household with a ChatGPT login and a key that nobody can be asked about."""
    house = Connected(home, way={**vendor.environment, "PYTHONIOENCODING": "utf-8"})
    login = {
        "type": "oauth",
        "access": "ACC-CANARY-a",
        "refresh": "REF-CANARY-a",
        "expires": int((time.time() + 3600) * 1000),
        "accountId": "acct-a",
    }
    house.write_auth({"openai": login, "acme": {"type": "api", "key": "KEY-CANARY-a"}})
    return house


def said(first: float, second: float) -> dict[str, Any]:
    now = int(time.time())
    return {
        "user_id": "user-a",
        "account_id": "acct-a",
        "email": "ada@acme.example",
        "plan_type": "plus",
        "rate_limit": {
            "allowed": True,
            "limit_reached": False,
            "primary_window": {
                "used_percent": first,
                "limit_window_seconds": 18_000,
                "reset_at": now + 8_000,
            },
            "secondary_window": {
                "used_percent": second,
                "limit_window_seconds": 604_800,
                "reset_at": now + 300_000,
            },
        },
    }


def usage_of(house: Household, *words: str) -> list[dict[str, Any]]:
    ended = rotator(house, "usage", *words, "--json")
    assert ended.code == 0, ended.stderr
    value = ended.json()
    assert value["schema"] == 1
    found: list[dict[str, Any]] = value["usage"]
    return found


def test_windows_are_shown_with_what_is_used_and_when_they_begin_anew(house: Household) -> None:
    told = rotator(house, "usage").stdout.splitlines()

    assert told[0] == "acme/acme-1"
    assert "does not tell the usage" in told[1]
    assert told[2].startswith("openai/openai-1  plus  read ")
    assert told[3].startswith("  5h  ████░░░░░░░░░░░░░░░░  22%  resets in 2 h 13 min (")
    assert told[4].startswith("  7d  █████████░░░░░░░░░░░  43%  resets in 3 d 11 h (")


def test_usage_is_as_the_contract_has_it(house: Household) -> None:
    key, login = usage_of(house)

    assert (key["provider"], key["windows"], key["read_at"]) == ("acme", [], None)
    assert "does not tell the usage" in key["unavailable"]
    assert set(login) == {
        *("id", "provider", "alias", "plan", "windows", "balance", "read_at", "spent"),
        "unavailable",
    }
    assert [(w["name"], w["used"], w["length_seconds"]) for w in login["windows"]] == [
        ("5h", 0.22, 18_000),
        ("7d", 0.43, 604_800),
    ]
    assert (login["plan"], login["unavailable"], login["spent"]) == ("plus", None, False)


def test_a_reading_serves_and_refresh_asks_again(house: Household, vendor: Vendor) -> None:
    usage_of(house, "openai")
    vendor.answer(HOST, PATH, Answer(body=said(30, 50)))

    assert usage_of(house, "openai")[0]["windows"][0]["used"] == 0.22
    assert usage_of(house, "openai", "--refresh")[0]["windows"][0]["used"] == 0.3
    assert len(vendor.requests) == 2


def test_a_reading_is_part_of_the_list_of_accounts(house: Household) -> None:
    usage_of(house)

    listed = {a["provider"]: a for a in accounts(house)}

    assert [w["name"] for w in listed["openai"]["windows"]] == ["5h", "7d"]
    assert set(listed["openai"]["windows"][0]) >= {"name", "used", "resets_at", "read_at", "model"}
    assert (listed["openai"]["plan"], listed["acme"]["windows"]) == ("plus", [])


def test_a_vendor_in_trouble_leaves_the_last_reading_with_its_age(
    house: Household, vendor: Vendor
) -> None:
    usage_of(house)
    vendor.answer(HOST, PATH, refusal(503))

    told = rotator(house, "usage", "openai", "--refresh")

    assert told.code == 0
    assert "22%" in told.stdout
    assert "chatgpt.com" in told.stdout or "503" in told.stdout
    found = usage_of(house, "openai")[0]
    assert (found["windows"][0]["used"], bool(found["unavailable"])) == (0.22, True)


def test_the_past_is_a_line_for_each_window(house: Household, vendor: Vendor) -> None:
    for percent in (0, 50, 100):
        vendor.answer(HOST, PATH, Answer(body=said(percent, 10)))
        usage_of(house, "--refresh")

    shown = rotator(house, "usage", "openai", "--history").stdout
    found = usage_of(house, "openai", "--history")[0]["history"]

    assert "▁▅█" in shown
    points = next(line["points"] for line in found if line["name"] == "5h")
    assert [point["used"] for point in points] == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("target", "code"), [("openai/openai-1", 0), ("openai", 0), ("nobody", 3), ("openai/none", 3)]
)
def test_one_account_or_one_provider_may_be_named(house: Household, target: str, code: int) -> None:
    assert rotator(house, "usage", target).code == code


def test_a_terminal_without_blocks_gets_plain_letters(house: Household) -> None:
    told = rotator(Plain(house.home, way=house.env()), "usage", "openai").stdout

    assert "####................" in told


class Plain(Connected):
    """A household whose terminal has letters alone."""

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | {"PYTHONIOENCODING": "ascii"}


BALANCE = {
    "is_available": True,
    "balance_infos": [
        {
            "currency": "USD",
            "total_balance": "110.00",
            "granted_balance": "10.00",
            "topped_up_balance": "100.00",
        }
    ],
}


@pytest.mark.parametrize(
    ("answer", "saved"),
    [
        pytest.param(Answer(body=BALANCE), True, id="accepted"),
        pytest.param(refusal(401, {"error": {"message": "no"}}), False, id="refused"),
        pytest.param(refusal(503), True, id="in trouble"),
        pytest.param(Answer(body="<html>"), True, id="not understood"),
    ],
)
def test_a_key_that_the_provider_refuses_is_not_saved(
    house: Household, vendor: Vendor, answer: Answer, *, saved: bool
) -> None:
    vendor.answer("api.deepseek.com", "/user/balance", answer)

    ended = rotator(house, "accounts", "add", "deepseek", given="KEY-CANARY-new")

    assert (ended.code, "CANARY" in ended.stdout + ended.stderr) == (0 if saved else 2, False)
    assert any(a["provider"] == "deepseek" for a in accounts(house)) is saved


def test_a_key_is_saved_unasked_where_that_is_wanted(house: Household, vendor: Vendor) -> None:
    vendor.answer("api.deepseek.com", "/user/balance", refusal(401))

    ended = rotator(house, "accounts", "add", "deepseek", "--no-check", given="KEY-CANARY-new")

    assert ended.code == 0
    assert vendor.requests == []


def test_nobody_sees_a_token(house: Household, vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, refusal(401, {"error": {"message": "ACC-CANARY-a is no token"}}))

    ended = rotator(house, "usage", "--refresh")

    assert "CANARY" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(("used", "full"), [(0, 0), (0.001, 1), (0.5, 10), (0.999, 19), (1, 20)])
def test_a_bar_shows_anything_used_and_anything_left(used: float, full: int) -> None:
    assert bar(used, plain=True) == "#" * full + "." * (20 - full)


def test_a_line_shows_the_last_forty_readings() -> None:
    points = [Point(AT, n / 100) for n in range(101)]

    assert len(sparkline(points, plain=False)) == 40
    assert sparkline([Point(AT, 0), Point(AT, 1)], plain=True) == ".@"
    assert json.dumps(sparkline(points[:1], plain=False)) == '"\\u2581"'
