"""What can never be a key is said to be none, is no choice, and is kept as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.core.selection.policy import Selection, choose
from rotator.errors import NothingToRotateTo, UsageError
from rotator.live.swap import SwapRequest, swap
from rotator.model import AccountState
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services.auth_checks import live_problems
from rotator.services.rotate import plan_rotation
from tests.support.household import Household
from tests.support.live import Entry, Live, api, open_live
from tests.support.rotator_process import rotator

PLAIN, FIRST, SECOND = "plain", "plain/plain-1", "plain/plain-2"
NO_KEYS = [
    "undefined",
    "null",
    "[object Object]",
    "YOUR_API_KEY",
    "sk-...",
    "${API_KEY}",
    "\tnull ",
]
ON_PURPOSE = ["none", "dummy", "opencode-oauth-dummy-key", "EMPTY", "lm-studio", "not-needed"]


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def with_key(text: str) -> Entry:
    return {"type": "api", "key": text, "metadata": {"note": "mine"}}


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_no_key_is_said_kept_and_never_chosen(live: Live, text: str) -> None:
    live.sees({PLAIN: with_key(text)})
    live.sees({PLAIN: api("a")})
    now = live.clock.now

    account = live.account(FIRST)
    assert account.state_at(now) is AccountState.REJECTED
    assert (account.reason_at(now) or "").startswith("its key is none, but what a program")
    assert live.saved(FIRST) == with_key(text)
    assert choose(live.state, Selection(PLAIN, {live.account(SECOND).id}), now).account is None
    with pytest.raises(NothingToRotateTo, match="needs a new login: its key is none"):
        plan_rotation(live.state, PLAIN, "plain-1", now)


@pytest.mark.parametrize("text", NO_KEYS)
def test_in_auth_json_it_is_left_alone(live: Live, text: str) -> None:
    live.sees({PLAIN: api("a")})
    live.sees({PLAIN: with_key(text)})

    assert live.entries() == {PLAIN: with_key(text)}
    assert live.active(PLAIN) == "plain-2"
    assert live.state_of(FIRST) is AccountState.READY
    # The key itself, pasted where the word was, is another login.
    live.sees({PLAIN: api("b")})
    assert live.state_of("plain/plain-3") is AccountState.READY


@pytest.mark.parametrize("text", NO_KEYS)
def test_it_is_not_added(live: Live, text: str) -> None:
    offered = parse_entry(PLAIN, Secret(json.dumps(with_key(text))))

    with pytest.raises(UsageError, match="was not saved: its key is none"):
        ledger.add(live.context, PLAIN, offered, alias=None, activate=False)


@pytest.mark.parametrize("text", ON_PURPOSE)
def test_what_a_person_or_a_plug_in_gives_on_purpose_goes_on_working(live: Live, text: str) -> None:
    live.sees({PLAIN: with_key(text)})
    live.sees({"tokens": {"type": "oauth", "access": text, "refresh": text, "expires": 0}})

    assert {live.state_of(name) for name in live.names()} == {AccountState.READY}


def test_doctor_says_it_too(home: Path) -> None:
    with open_live(home) as live:
        live.sees({PLAIN: with_key("undefined")})

    said = rotator(Household(home), "doctor").stdout

    assert "plain/plain-1 needs a new login: its key is none" in said


# -- what is around a key ------------------------------------------------------------------------


@pytest.mark.parametrize("padded", [" KEY-CANARY-a\n", "KEY-CANARY-a\u200b", "KEY-CANARY-a\u00a0"])
def test_a_padded_key_in_auth_json_is_said_and_a_swap_puts_the_bare_one_in(
    live: Live, padded: str
) -> None:
    live.sees({PLAIN: api("a")})
    live.sees({PLAIN: {"type": "api", "key": padded}})

    assert live.entries() == {PLAIN: {"type": "api", "key": padded}}
    (said,) = live_problems(live.file)
    assert "the key of plain in auth.json has what nobody sees around it" in said
    assert "rotator rotate plain ALIAS" in said
    assert "CANARY" not in said
    swap(live.context, SwapRequest(live.account(FIRST).id, "asked for by name"))
    assert live.entries() == {PLAIN: api("a")}
    assert live_problems(live.file) == []
    assert live.names() == [FIRST]


def test_white_space_at_the_end_is_no_word_worth(live: Live) -> None:
    live.sees({PLAIN: {"type": "api", "key": "KEY-CANARY-a\n"}})

    assert live_problems(live.file) == []
