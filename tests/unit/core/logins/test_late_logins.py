"""Logins that have to go into auth.json still: how they are kept, and what is known of them."""

from __future__ import annotations

import json

import pytest

from rotator.core.logins.late_logins import LateLogin, as_text, from_text, sense_of
from rotator.model import Digest
from rotator.secret import Secret

LATE = (
    LateLogin("acme", Digest("d" * 64), "k" * 64, "k" * 64),
    LateLogin("https://zeta.example", Digest("e" * 64), None, "b" * 64),
)


def test_what_is_kept_is_read_as_it_was() -> None:
    assert from_text(as_text(LATE)) == LATE


def test_what_is_no_late_login_is_left_out_alone() -> None:
    whole = json.loads(as_text(LATE))
    odd = [7, {}, whole[0] | {"known": 7}, whole[0] | {"digest": None}, {"provider": "acme"}]

    assert from_text(json.dumps([*odd, *whole])) == LATE


@pytest.mark.parametrize("text", ["", "{", "{}", "7", "null", "[" * 100_000])
def test_a_text_that_holds_none_gives_none(text: str) -> None:
    assert from_text(text) == ()


def test_another_layout_and_another_order_say_the_same() -> None:
    one = Secret('{"type":"api","key":"KEY-CANARY-a"}')
    other = Secret('{\n  "key": "KEY-CANARY-\\u0061",\n  "type": "api"\n}')

    assert sense_of(one) == sense_of(other)


@pytest.mark.parametrize("text", ['{"type":"api","key":"KEY-CANARY-b"}', "[" * 100_000, "{"])
def test_another_entry_says_something_else(text: str) -> None:
    one = Secret('{"type":"api","key":"KEY-CANARY-a"}')

    assert sense_of(Secret(text)) not in (None, sense_of(one))
    assert sense_of(None) is None


def test_no_secret_is_kept() -> None:
    entry = Secret('{"type":"api","key":"KEY-CANARY-a"}')

    assert "CANARY" not in as_text(
        [LateLogin("acme", Digest(entry.digest()), sense_of(entry), None)]
    )
