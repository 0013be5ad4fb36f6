"""Whose login it is, for the vendors as they are: their modules, tokens of their form (A1 to A7).

The rules, with a made-up vendor and what ends a doubt, are in test_whose_login.py; what the
vendors are asked is in test_one_person.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rotator.live.account_owners import learn_owner
from rotator.model import AccountState, Digest, Identity
from rotator.plugins.registry import Registry, load_registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.services.usage import read
from tests.support.builders import a_jwt
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, oauth_until, open_live

HOUR = timedelta(hours=1)
AUTH = "https://api.openai.com/auth"
PROFILE = "https://api.openai.com/profile"
OPAQUE = ["anthropic", "xai", "openai"]
JSON = {"content-type": "application/json"}
WINDOW = {"used_percent": 10, "limit_window_seconds": 18_000}
# What the vendors tell the one who asks for usage.
TOLD: dict[str, dict[str, object]] = {
    "/api/oauth/usage": {"five_hour": {"utilization": 10.0, "resets_at": None}},
    "/api/oauth/profile": {"account": {"uuid": "ada"}, "organization": {"uuid": "org"}},
    "/backend-api/wham/usage": {
        "user_id": "user-ada",
        "account_id": "acc-1",
        "plan_type": "team",
        "rate_limit": {"primary_window": WINDOW},
    },
}


def answer(request: HttpRequest) -> HttpAnswer:
    body = TOLD.get(urlsplit(request.url).path, {})
    return HttpAnswer(200 if body else 404, JSON, Secret(json.dumps(body)))


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    registry = Registry(load_registry().providers, send=answer)
    with open_live(home, registry=registry) as live:
        yield live


def sees(live: Live, provider: str, entry: Entry) -> Entry:
    live.sees({provider: entry})
    return entry


def pair(live: Live, name: str, number: int = 1, **fields: Any) -> Entry:
    """Return tokens of a person's, made now, that live for an hour."""
    return oauth_until(name, number, live.clock.now + HOUR) | fields


def rows(live: Live, provider: str) -> list[str]:
    return [a.credential.secret.reveal() for a in live.state.of(provider)]


def by_claims(person: str, number: int, **claims: str) -> str:
    """Return an access token of OpenAI's with those claims and no other name."""
    return a_jwt({AUTH: claims, "jti": f"CANARY-{person}-{number}"})


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a1_after_one_reading_of_usage_three_refreshes_are_one_account(
    live: Live, provider: str
) -> None:
    newest = sees(live, provider, pair(live, "ada"))
    read(live.context, live.state.of(provider))
    known = live.state.of(provider)[0].identity_key
    for number in (2, 3, 4):
        live.clock.pass_time(hours=9)
        newest = sees(live, provider, pair(live, "ada", number))

    (account,) = live.state.of(provider)
    assert (known is not None, account.identity_key) == (True, known)
    assert account.credential.secret.reveal() == newest["access"]
    assert live.saved(account.name) == newest


@pytest.mark.parametrize("provider", OPAQUE)
def test_a2_the_next_morning_s_pair_of_another_person_is_a_second_account(
    live: Live, provider: str
) -> None:
    first = sees(live, provider, pair(live, "ada"))
    live.clock.pass_time(hours=14)
    second = sees(live, provider, pair(live, "bob"))

    assert rows(live, provider) == [first["access"], second["access"]]
    assert live.saved(f"{provider}/{provider}-1") == first

    for account, name in zip(live.state.of(provider), ("ada", "bob"), strict=True):
        learn_owner(live.context, account.id, account.credential.digest, Identity(name))

    assert [a.identity_key for a in live.state.of(provider)] == ["ada", "bob"]
    assert [a.maybe for a in live.state.of(provider)] == [None, None]


@pytest.mark.parametrize("provider", OPAQUE)
@pytest.mark.parametrize("proof", ["the vendor's word", "the bridge's"])
def test_a2_if_it_was_the_first_one_refreshed_it_is_one(
    live: Live, provider: str, proof: str
) -> None:
    first = sees(live, provider, pair(live, "ada"))
    live.clock.pass_time(hours=14)
    second = sees(live, provider, pair(live, "ada", 2))
    if proof == "the bridge's":
        seen_refresh(live, first, second)
    else:
        for account in live.state.of(provider):
            learn_owner(live.context, account.id, account.credential.digest, Identity("ada"))
    live.look()

    assert rows(live, provider) == [second["access"]]
    assert live.entries() == {provider: second}


@pytest.mark.parametrize("minutes", [1, 61, 24 * 60])
def test_a3_opaque_tokens_of_two_members_of_a_workspace_are_two_accounts(
    live: Live, minutes: int
) -> None:
    first = sees(live, "openai", pair(live, "ada", accountId="ws"))
    live.clock.pass_time(minutes=minutes)
    second = sees(live, "openai", pair(live, "bob", accountId="ws"))
    # Within ten minutes of the end it looks like a refresh: until somebody knows both are kept.
    for entry, name in ((second, "bob"), (first, "ada")):
        account = live.state.of("openai")[-1]
        learn_owner(live.context, account.id, Digest(digest_of(entry["access"])), Identity(name))

    assert sorted(rows(live, "openai")) == sorted([first["access"], second["access"]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({}, {}, id="the workspace alone"),
        pytest.param(
            {"chatgpt_account_user_id": "user-ada__ws"},
            {"chatgpt_account_user_id": "user-bob__ws"},
            id="a user in that claim only",
        ),
        pytest.param({"user_id": "user-ada"}, {"user_id": "user-bob"}, id="another claim"),
        pytest.param({}, {"chatgpt_user_id": "user-bob"}, id="one of them named"),
    ],
)
def test_a4_two_members_of_one_workspace_are_two_accounts(
    live: Live, one: dict[str, str], other: dict[str, str]
) -> None:
    ada = by_claims("ada", 1, chatgpt_account_id="ws", **one)
    bob = by_claims("bob", 1, chatgpt_account_id="ws", **other)
    sees(live, "openai", pair(live, "ada", access=ada, accountId="ws"))
    live.clock.pass_time(minutes=5)
    sees(live, "openai", pair(live, "bob", access=bob, accountId="ws"))

    assert sorted(rows(live, "openai")) == sorted([ada, bob])


PEOPLE: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "openai, an address": (
        "openai",
        {PROFILE: {"email": "ada@acme.io"}, "sub": "auth0|ada"},
        {PROFILE: {"email": "bob@acme.io"}, "sub": "auth0|bob"},
    ),
    "openai, an address alone": (
        "openai",
        {PROFILE: {"email": "ada@acme.io"}},
        {PROFILE: {"email": "bob@acme.io"}},
    ),
    "openai, a subject": ("openai", {"sub": "auth0|ada"}, {"sub": "auth0|bob"}),
    "openai, a user": ("openai", {"user_id": "user-ada"}, {"user_id": "user-bob"}),
    "openai, one address": (
        "openai",
        {"email": "a@acme.io", "sub": "auth0|ada"},
        {"email": "a@acme.io", "sub": "auth0|bob"},
    ),
    "xai, a subject without an issuer": ("xai", {"sub": "ada7"}, {"sub": "bob7"}),
    "anthropic, a claim with an address": (
        "anthropic",
        {"https://claude.ai/email": "ada@acme.io"},
        {"https://claude.ai/email": "bob@acme.io"},
    ),
    "a plug-in's vendor": ("unheard-of", {"sub": "ada7"}, {"sub": "bob7"}),
}


@pytest.mark.parametrize("minutes", [5, 51, 55, 61, 69, 600])
@pytest.mark.parametrize(("provider", "one", "other"), PEOPLE.values(), ids=PEOPLE)
def test_a4_tokens_that_name_two_people_are_two_accounts_whenever_they_come(
    live: Live, provider: str, one: dict[str, object], other: dict[str, object], minutes: int
) -> None:
    workspace = {AUTH: {"chatgpt_account_id": "ws"}}
    ada, bob = (a_jwt({**workspace, **claims, "jti": "CANARY"}) for claims in (one, other))
    sees(live, provider, pair(live, "ada", access=ada, accountId="ws"))
    live.clock.pass_time(minutes=minutes)
    sees(live, provider, pair(live, "bob", access=bob, accountId="ws"))

    assert sorted(rows(live, provider)) == sorted([ada, bob])
    assert [a.maybe for a in live.state.of(provider)] == [None, None]


def test_a4_two_people_with_unnamed_tokens_between_them_are_no_single_account(live: Live) -> None:
    ada, bob = (a_jwt({"sub": f"auth0|{name}", "jti": "CANARY"}) for name in ("ada", "bob"))
    sees(live, "openai", pair(live, "ada", access=ada))
    live.clock.pass_time(minutes=61)
    unnamed = sees(live, "openai", pair(live, "ada", 2))
    live.clock.pass_time(minutes=61)
    sees(live, "openai", pair(live, "bob", access=bob))

    assert sorted(rows(live, "openai")) == sorted([unnamed["access"], bob])
    # Nobody knows whether his came from those.
    assert [a.maybe is None for a in live.state.of("openai")] == [False, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"sub": "auth0|ada"}, {"sub": "auth0|ada"}, id="one subject"),
        pytest.param({"sub": "auth0|ada"}, {}, id="one of them says nothing"),
        pytest.param({"sub": "unknown"}, {"sub": "auth0|ada"}, id="a word for nobody"),
        pytest.param({"email": "Ada@acme.io"}, {"email": "ada@acme.io"}, id="capital letters"),
        pytest.param(
            {"email": "ada@acme.io", "sub": "auth0|ada"},
            {"email": "ada@other.io", "sub": "auth0|ada"},
            id="a person's new address",
        ),
        pytest.param({"act": {"x": {"sub": "ada7"}}}, {"act": {"x": {"sub": "bob7"}}}, id="deeper"),
    ],
)
def test_a4_what_names_no_other_person_is_still_a_refresh(
    live: Live, one: dict[str, object], other: dict[str, object]
) -> None:
    workspace = {AUTH: {"chatgpt_account_id": "ws"}}
    first, second = (
        a_jwt({**workspace, **claims, "jti": f"CANARY-{n}"})
        for n, claims in enumerate((one, other))
    )
    sees(live, "openai", pair(live, "ada", access=first, accountId="ws"))
    live.clock.pass_time(minutes=61)
    sees(live, "openai", pair(live, "ada", 2, access=second, accountId="ws"))

    assert rows(live, "openai") == [second]


@pytest.mark.parametrize("provider", OPAQUE)
@pytest.mark.parametrize("left", [timedelta(minutes=5), timedelta(minutes=2), timedelta(minutes=9)])
def test_a6_a_refresh_minutes_before_the_end_is_the_same_account(
    live: Live, provider: str, left: timedelta
) -> None:
    sees(live, provider, pair(live, "ada"))
    live.clock.now += HOUR - left
    second = sees(live, provider, pair(live, "ada", 2))

    assert rows(live, provider) == [second["access"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1//t-CANARY", "1//t-CANARY||managed"),
        ("1//t-CANARY|proj", "1//t-CANARY|proj|managed"),
        ("1//t-CANARY|proj|managed", "1//t-CANARY||managed"),
        ("1//t-CANARY||managed", "1//t-CANARY"),
    ],
)
def test_a7_google_s_packed_tokens_gain_and_lose_parts_and_stay_one_account(
    live: Live, before: str, after: str
) -> None:
    sees(live, "google", pair(live, "ada", refresh=before))
    live.clock.pass_time(minutes=30)
    second = sees(live, "google", pair(live, "ada", 2, refresh=after))
    other = sees(live, "google", pair(live, "bob", refresh="1//u-CANARY|proj"))

    assert rows(live, "google") == [second["access"], other["access"]]
    assert live.saved("google/google-1") == second


# -- vendors of whom nobody here knows what a refresh does -------------------------------------

WITHOUT_MODULE = ["cursor", "gitlab", "kiro", "qwen-code", "kilo", "snowflake-cortex", "acme"]
# Their modules know keys, and nothing of a login's refresh.
OF_KEYS = ["kimi-for-coding", "poe"]


def ready(live: Live, provider: str) -> list[str]:
    """Return the access tokens of the accounts that may be used."""
    now = live.clock.now
    found = [a for a in live.state.of(provider) if a.state_at(now) is AccountState.READY]
    return [a.credential.secret.reveal() for a in found]


@pytest.mark.parametrize("provider", [*WITHOUT_MODULE, *OF_KEYS])
def test_a1_only_the_newest_of_pairs_that_replaced_each_other_is_used(
    live: Live, provider: str
) -> None:
    sees(live, provider, oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(minutes=61)
    sees(live, provider, oauth_until("ada", 2, live.clock.now + HOUR))
    live.clock.pass_time(minutes=58)
    third = sees(live, provider, oauth_until("ada", 3, live.clock.now + HOUR))

    assert ready(live, provider) == [third["access"]]
    told = [a.reason_at(live.clock.now) or "" for a in live.state.of(provider)]
    assert ["may be the same login as" in one for one in told] == [True, True, False]


@pytest.mark.parametrize("provider", ["gitlab", "kimi-for-coding"])
@pytest.mark.parametrize("later", [timedelta(), HOUR], ids=["the same end", "a later end"])
def test_a6_a_pair_that_may_have_been_refreshed_early_is_in_doubt(
    live: Live, provider: str, later: timedelta
) -> None:
    end = live.clock.now + HOUR
    sees(live, provider, oauth_until("ada", 1, end))
    live.clock.pass_time(minutes=20)
    second = sees(live, provider, oauth_until("ada", 2, end + later))

    assert ready(live, provider) == [second["access"]]


@pytest.mark.parametrize("provider", ["gitlab", "kimi-for-coding", "kiro"])
def test_a2_two_people_stay_two_and_both_are_used_once_you_say_so(
    live: Live, provider: str
) -> None:
    first = sees(live, provider, oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(minutes=61)
    second = sees(live, provider, oauth_until("bob", 1, live.clock.now + HOUR))

    older = next(a for a in live.state.of(provider) if a.maybe is not None)
    ledger.enable(live.context, older)

    assert ready(live, provider) == [first["access"], second["access"]]


@pytest.mark.parametrize("provider", ["gitlab", "kimi-for-coding", "kiro"])
def test_a2_a_login_that_was_seen_puts_nobody_in_doubt(live: Live, provider: str) -> None:
    first = sees(live, provider, oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(minutes=61)
    second = oauth_until("bob", 1, live.clock.now + HOUR)
    seen_login(live, second)
    sees(live, provider, second)

    assert ready(live, provider) == [first["access"], second["access"]]


@pytest.mark.parametrize("provider", ["gitlab", "kiro", "acme"])
def test_a1_a_refresh_that_was_seen_late_makes_one_account(live: Live, provider: str) -> None:
    first = sees(live, provider, oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(minutes=61)
    second = sees(live, provider, oauth_until("ada", 2, live.clock.now + HOUR))
    seen_refresh(live, first, second)
    live.clock.pass_time(minutes=1)
    sees(live, provider, second | {"scope": "all"})

    assert [a.credential.secret.reveal() for a in live.state.of(provider)] == [second["access"]]


def test_at_a_vendor_that_keeps_the_refresh_token_another_one_is_another_login(live: Live) -> None:
    first = sees(live, "google", oauth_until("ada", 1, live.clock.now + HOUR))
    live.clock.pass_time(minutes=61)
    second = sees(live, "google", oauth_until("bob", 1, live.clock.now + HOUR))

    assert ready(live, "google") == [first["access"], second["access"]]


@pytest.mark.parametrize("provider", ["github-copilot", "gitlab"])
def test_tokens_that_never_run_out_are_refreshed_by_nobody(live: Live, provider: str) -> None:
    both = [
        sees(live, provider, oauth_until(name, 1, live.clock.now) | {"expires": 0})
        for name in ("ada", "bob")
    ]

    assert ready(live, provider) == [one["access"] for one in both]
