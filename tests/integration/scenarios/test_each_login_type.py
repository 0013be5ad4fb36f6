"""Each type of login through the real watcher: captured, read, limited, started anew, back.

One person has a login of every type twice. They all meet their vendor's documented limit at one
moment, and the tests say what became of each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import from_iso, to_iso
from rotator.core.selection.limit_updates import LEAST_AGE
from rotator.system.files import publish
from tests.support.connected import Connected
from tests.support.login_types import (
    LOGINS,
    Entry,
    balance,
    chatgpt_usage,
    claude_usage,
    copilot_usage,
    digest,
    go_usage,
)
from tests.support.provider_answers import refusal
from tests.support.rotator_process import accounts, events, rotator, watcher
from tests.support.token_endpoint import Grant, TokenEndpoint
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

Seen = dict[str, list[dict[str, Any]]]
SECONDS = 20.0
# From the failures to the end of the rests: time to ask, to stop the watchers and start others.
REST = 10


# -- the day ------------------------------------------------------------------------------------


@dataclass
class Day:
    """What was seen, by the name of the login, or of the house for what is of all of them."""

    captured: Seen = field(default_factory=dict)
    usage: Seen = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    limited: Seen = field(default_factory=dict)
    again: Seen = field(default_factory=dict)
    unpaid: Seen = field(default_factory=dict)
    after: Seen = field(default_factory=dict)
    events: Seen = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    failed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    decided_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def of(self, what: Seen, name: str, which: str) -> dict[str, Any]:
        """Return what is known of the `used` or the `spare` one of a type of login."""
        kind = LOGINS[name]
        entry = kind.used if which == "used" else kind.spare
        id_ = next(
            a["id"] for a in self.captured[kind.house] if a["fingerprint"] == print_of(entry)
        )
        return next(one for one in what[kind.house] if one["id"] == id_)


def print_of(entry: Entry) -> str:
    return digest(entry)[:8]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Return what happened to all logins; the whole of it takes a few seconds."""
    folder = tmp_path_factory.mktemp("vendors")
    with Vendor(folder) as vendor:
        houses = {
            name: Connected(tmp_path_factory.mktemp(name), way=vendor.environment)
            for name in ("one", "two")
        }
        day = Day()
        open_for_business(vendor)
        with running(houses):
            log_in(houses, day)
            look_at_usage(houses, day)
            vendor.answer("api.deepseek.com", "/user/balance", balance("0.00"))
            fail(houses, day)
            day.limited = {name: accounts(house) for name, house in houses.items()}
        with running(houses):
            day.again = {name: accounts(house) for name, house in houses.items()}
            pay(vendor, houses["one"], day)
            for name, house in houses.items():
                back = partial(all_back, house, name)
                wait_until(back, SECONDS, "everybody to be back", poll_seconds=0.5)
            day.after = {name: accounts(house) for name, house in houses.items()}
            day.events = {name: events(house) for name, house in houses.items()}
        day.asked = [(one.host, one.path) for one in vendor.requests]
    return day


def open_for_business(vendor: Vendor) -> None:
    tokens = TokenEndpoint()
    tokens.grant(
        "REF-CANARY-openai-spare", Grant("ACC-CANARY-openai-spare-2", "REF-CANARY-openai-spare-2")
    )
    for host, path, reply in (
        ("opencode.ai", "/zen/go/v1/usage", go_usage),
        ("api.deepseek.com", "/user/balance", balance("110.00")),
        ("chatgpt.com", "/backend-api/wham/usage", chatgpt_usage),
        ("auth.openai.com", "/oauth/token", tokens.answer),
        ("api.anthropic.com", "/api/oauth/usage", claude_usage),
        ("api.anthropic.com", "/api/oauth/profile", refusal(404)),
        ("api.github.com", "/copilot_internal/user", copilot_usage),
    ):
        vendor.answer(host, path, reply)


def running(houses: Mapping[str, Connected]) -> ExitStack:
    """Return watchers of all houses that have been started."""
    with ExitStack() as stack:
        for house in houses.values():
            stack.enter_context(watcher(house))
        return stack.pop_all()


def log_in(houses: Mapping[str, Connected], day: Day) -> None:
    for name, house in houses.items():
        kinds = [one for one in LOGINS.values() if one.house == name]
        in_file = [one for one in kinds if not one.is_out]
        write(house, {one.provider: one.spare for one in in_file}, len(in_file))
        write(house, {one.provider: one.used for one in kinds}, len(in_file) + len(kinds))
        for one in kinds:
            if one.is_out:
                given = json.dumps(one.spare)
                added = rotator(house, "accounts", "add", one.provider, given=given)
                assert added.code == 0, added.stderr
        day.captured[name] = accounts(house)


def write(house: Connected, entries: Mapping[str, Entry], count: int) -> None:
    """Log in with all of them, and wait until there are so many accounts."""
    house.write_auth(entries)
    wait_until(lambda: len(accounts(house)) == count, SECONDS, f"{count} accounts")


def look_at_usage(houses: Mapping[str, Connected], day: Day) -> None:
    for name, house in houses.items():
        day.usage[name] = rotator(house, "usage", "--json").json()["usage"]


def fail(houses: Mapping[str, Connected], day: Day) -> None:
    """Let the live login of every type meet its limit, and wait for the last words."""
    day.failed_at = datetime.now(UTC)
    until = (day.failed_at + timedelta(seconds=REST + 1)).replace(microsecond=0)
    outboxes = {}
    for number, (name, kind) in enumerate(LOGINS.items()):
        status, headers, body = kind.failure(day.failed_at, until)
        value = {
            "schema": 1,
            "id": f"s-{number}",
            "request": f"r-{number}",
            "attempt": 1,
            "at": to_iso(day.failed_at),
            "provider": kind.provider,
            "session": "ses_1",
            "credential": digest(kind.used),
            "tried": [digest(kind.used)],
            "status": status,
            "headers": dict(headers),
            "body": body if isinstance(body, str) else json.dumps(body),
        }
        bridge = houses[kind.house].state_dir / "bridge"
        publish(bridge / "inbox" / f"s-{number}.json", json.dumps(value).encode())
        outboxes[name] = bridge / "outbox" / f"s-{number}.json"
    for name, path in outboxes.items():
        day.verdicts[name] = wait_until(partial(last_word, path), SECONDS, f"a verdict on {name}")
    day.decided_at = datetime.now(UTC)


def last_word(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return {} if found.get("verdict") == "ack" else found


def pay(vendor: Vendor, house: Connected, day: Day) -> None:
    """Look at a balance that is still empty, and at one that somebody has topped up."""
    rotator(house, "usage", "deepseek", "--refresh")
    day.unpaid["one"] = accounts(house)
    vendor.answer("api.deepseek.com", "/user/balance", balance("20.00"))
    # A reading right after the limit lifts nothing: what is counted may lag behind.
    late = day.decided_at + LEAST_AGE
    wait_until(lambda: datetime.now(UTC) > late, SECONDS, "a reading that counts")
    rotator(house, "usage", "deepseek", "--refresh")


def all_back(house: Connected, name: str) -> bool:
    count = sum(one.house == name for one in LOGINS.values())
    return len([e for e in events(house) if e["kind"] == "recovered"]) >= count


# -- what became of them --------------------------------------------------------------------------


@pytest.fixture(params=list(LOGINS))
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of a type of login."""
    return str(request.param)


def test_both_logins_are_captured_and_the_last_one_is_live(day: Day, name: str) -> None:
    used, spare = (day.of(day.captured, name, which) for which in ("used", "spare"))

    assert {used["provider"], spare["provider"]} == {LOGINS[name].provider}
    assert {used["type"], spare["type"]} == {LOGINS[name].used["type"]}
    assert (used["active"], spare["active"]) == (True, False)


def test_what_its_vendor_tells_of_its_usage_is_shown_or_why_not(day: Day, name: str) -> None:
    told, kind = day.of(day.usage, name, "used"), LOGINS[name]

    shown = {w["name"]: round(w["used"], 3) for w in told["windows"]}
    assert (shown, told["unavailable"]) == (kind.usage, kind.why_not)
    assert told["balance"] == (kind.credit and {"amount": kind.credit, "currency": "USD"})


def test_a_limit_rests_it_for_as_long_as_its_vendor_says(day: Day, name: str) -> None:
    found, kind = day.of(day.limited, name, "used"), LOGINS[name]

    rest_seconds = (from_iso(found["until"]) - day.failed_at).total_seconds()
    assert found["state"] == kind.state
    # Of a balance that is used up nobody says when it will be paid.
    assert (REST - 1 < rest_seconds < REST + 2) if kind.is_told_until else rest_seconds > 60


def test_the_other_login_takes_over_and_the_request_goes_on_with_it(day: Day, name: str) -> None:
    verdict, spare = day.verdicts[name], day.of(day.limited, name, "spare")

    assert spare["active"] is True
    assert verdict["credential"] == LOGINS[name].sent_again_with
    assert verdict["verdict"] == ("retry" if LOGINS[name].sent_again_with else "pass")


def test_a_watcher_that_is_started_anew_knows_the_limit(day: Day, name: str) -> None:
    before, after = (day.of(seen, name, "used") for seen in (day.limited, day.again))

    kept = ("state", "until", "reason", "active")
    assert [after[one] for one in kept] == [before[one] for one in kept]
    assert day.of(day.again, name, "spare")["active"] is True


def test_it_is_ready_again_and_not_before_the_time(day: Day, name: str) -> None:
    used, until = day.of(day.after, name, "used"), day.of(day.limited, name, "used")["until"]

    who = f"{used['provider']}/{used['alias']}"
    told = day.events[LOGINS[name].house]
    back = [e["at"] for e in told if (e["kind"], e["account"]) == ("recovered", who)]
    assert (used["state"], len(back)) == ("ready", 1)
    assert (back[0] >= until) is LOGINS[name].is_told_until


def test_a_balance_that_is_still_empty_lifts_nothing(day: Day) -> None:
    found = day.of(day.unpaid, "a key with a balance", "used")

    assert found["state"] == "exhausted"


def test_only_the_login_that_is_ours_to_refresh_was_refreshed(day: Day) -> None:
    asked = [(host, path) for host, path in day.asked if "token" in path]

    assert asked == [("auth.openai.com", "/oauth/token")]
