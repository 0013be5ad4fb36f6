"""Entries of several people that agree in a word or a token: what names another is another.

`plain` is a vendor without a module, `rotating` and `named` replace both tokens, and the access
token of `named` names its owner. Each name is a person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.live.account_owners import learn_owner
from rotator.model import Account, Identity
from rotator.services import accounts as ledger
from tests.support.descents import seen_refresh
from tests.support.live import Entry, Live, api, oauth_until, open_live

HOUR = timedelta(hours=1)
SHARED = "STATIC-CANARY-of-everybody-7"
WORDS = ["none", "No-Refresh-Token", "-", " dummy ", "none|project", "opencode-oauth-dummy-key"]


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def logs_in(live: Live, provider: str, name: str, number: int = 1, **fields: Any) -> Entry:
    """Let somebody log in three minutes later, with tokens that live for an hour."""
    live.clock.pass_time(minutes=3)
    entry = oauth_until(name, number, live.clock.now + HOUR) | fields
    live.sees({provider: entry})
    return entry


def rows(live: Live, provider: str) -> list[tuple[str, str]]:
    """Return the tokens of the provider's accounts, as many as there are."""
    held = [(a.credential.secret, a.credential.refresh) for a in live.state.of(provider)]
    return sorted((one.reveal(), other.reveal() if other else "") for one, other in held)


def pairs(*entries: Entry) -> list[tuple[str, str]]:
    return sorted((one["access"], one["refresh"]) for one in entries)


def row(live: Live, provider: str, entry: Entry) -> Account:
    found = [a for a in live.state.of(provider) if a.credential.secret.reveal() == entry["access"]]
    (account,) = found
    return account


# -- a word in the place of a secret -----------------------------------------------------------


@pytest.mark.parametrize("provider", ["plain", "rotating", "named"])
@pytest.mark.parametrize("word", WORDS)
def test_two_people_with_a_word_for_a_refresh_token_are_two_accounts(
    live: Live, provider: str, word: str
) -> None:
    both = [logs_in(live, provider, name, refresh=word) for name in ("ada", "bob")]

    assert rows(live, provider) == pairs(*both)


@pytest.mark.parametrize("provider", ["plain", "rotating"])
@pytest.mark.parametrize("word", ["none", "-", "PLACEHOLDER", "managed"])
def test_two_people_with_a_word_for_an_access_token_are_two_accounts(
    live: Live, provider: str, word: str
) -> None:
    both = [logs_in(live, provider, name, access=word) for name in ("ada", "bob")]

    assert rows(live, provider) == pairs(*both)


@pytest.mark.parametrize("word", ["none", "-"])
def test_new_tokens_beside_the_same_word_are_the_account_that_they_name(
    live: Live, word: str
) -> None:
    logs_in(live, "named", "ada", refresh=word)
    bob = logs_in(live, "named", "bob", refresh=word)
    ada = logs_in(live, "named", "ada", 2, refresh=word)

    assert rows(live, "named") == pairs(ada, bob)


def test_an_entry_of_words_alone_is_one_account(live: Live) -> None:
    words: dict[str, Any] = {"access": "dummy", "refresh": "none"}
    logs_in(live, "plain", "ada", **words)
    again = logs_in(live, "plain", "ada", 2, **words)

    assert rows(live, "plain") == pairs(again)


@pytest.mark.parametrize("field", ["accountId", "email", "userId"])
def test_entries_of_words_alone_that_name_two_people_are_two_accounts(
    live: Live, field: str
) -> None:
    for name in ("ada", "bob"):
        words: dict[str, Any] = {"access": "dummy", "refresh": "none", field: name}
        logs_in(live, "plain", name, **words)

    assert len(live.state.of("plain")) == len(("ada", "bob"))


def test_a_word_for_a_key_at_two_places_is_two_accounts(live: Live) -> None:
    for place in ("https://a.example", "https://b.example"):
        live.sees({"plain": api("a", key="none", metadata={"instanceUrl": place})})

    assert len(live.state.of("plain")) == len(("a", "b"))


def test_a_word_for_a_key_at_one_place_is_one_account(live: Live) -> None:
    for note in ("one", "two"):
        live.sees({"plain": api("a", key="none", metadata={"note": note})})

    assert len(live.state.of("plain")) == 1


def test_removing_an_account_leaves_the_word_in_the_entries_of_others(live: Live) -> None:
    ada = logs_in(live, "rotating", "ada", refresh="none")
    live.clock.pass_time(minutes=55)
    first = logs_in(live, "rotating", "bob", refresh="none")
    live.clock.pass_time(minutes=58)
    logs_in(live, "rotating", "bob", 2, refresh="none")
    kept = live.state.replaced
    assert kept

    logs_in(live, "plain", "cem", refresh="none")
    ledger.remove(live.context, live.account("plain/plain-1"))

    assert live.state.replaced == kept
    assert ada != first


def test_who_logs_in_with_words_alone_after_a_removal_is_an_account_again(live: Live) -> None:
    words: dict[str, Any] = {"access": "dummy", "refresh": "none"}
    logs_in(live, "plain", "ada", **words)
    ledger.remove(live.context, live.account("plain/plain-1"))

    again = logs_in(live, "plain", "ada", 2, **words)

    assert rows(live, "plain") == pairs(again)
    assert live.entries() == {"plain": again}


# -- a token that several have, and what names them --------------------------------------------


@pytest.mark.parametrize("shared", ["refresh", "access"])
@pytest.mark.parametrize("provider", ["plain", "rotating"])
def test_a_token_that_two_account_ids_have_is_of_two_accounts(
    live: Live, provider: str, shared: str
) -> None:
    fields: dict[str, Any] = {shared: SHARED}
    both = [
        logs_in(live, provider, name, accountId=f"w-{name}", **fields) for name in ("ada", "bob")
    ]

    assert rows(live, provider) == pairs(*both)


def test_a_refresh_token_that_two_named_people_have_is_of_two_accounts(live: Live) -> None:
    both = [logs_in(live, "named", name, refresh=SHARED) for name in ("ada", "bob")]

    assert rows(live, "named") == pairs(*both)
    assert [a.alias for a in live.state.of("named")] == ["ada-acme.example", "bob-acme.example"]


def test_of_two_that_share_a_refresh_token_each_gets_its_own_new_access_token(live: Live) -> None:
    fields: dict[str, dict[str, Any]]
    fields = {name: {"refresh": SHARED, "accountId": f"w-{name}"} for name in ("ada", "bob")}
    logs_in(live, "plain", "ada", **fields["ada"])
    bob = logs_in(live, "plain", "bob", **fields["bob"])
    ada = logs_in(live, "plain", "ada", 2, **fields["ada"])
    assert rows(live, "plain") == pairs(ada, bob)

    newer = logs_in(live, "plain", "bob", 2, **fields["bob"])

    assert rows(live, "plain") == pairs(ada, newer)


def test_an_exchange_of_a_shared_refresh_token_is_no_proof_between_two_people(live: Live) -> None:
    ada = logs_in(live, "named", "ada", refresh=SHARED)
    bob = oauth_until("bob", 1, live.clock.now + HOUR)
    seen_refresh(live, ada, bob)
    live.sees({"named": bob})

    assert rows(live, "named") == pairs(ada, bob)


def test_the_same_person_is_one_account_though_the_account_id_is_another(live: Live) -> None:
    """The token's own word goes before a field that a plug-in fills as it likes."""
    logs_in(live, "named", "ada", refresh=SHARED, accountId="w-1")
    newer = logs_in(live, "named", "ada", 2, refresh=SHARED, accountId="w-2")

    assert rows(live, "named") == pairs(newer)


def test_the_same_person_under_two_names_of_the_vendor_is_one_account(live: Live) -> None:
    """The vendor's own answer names somebody otherwise than the token does."""
    first = logs_in(live, "named", "ada", refresh="REF-CANARY-0a1b2c3d4e5f")
    account = row(live, "named", first)
    learn_owner(live.context, account.id, account.credential.digest, Identity("id-of-ada"))
    newer = logs_in(live, "named", "ada", 2, refresh=first["refresh"])

    assert rows(live, "named") == pairs(newer)


def test_the_vendor_s_word_about_a_token_that_two_have_is_about_who_was_asked(live: Live) -> None:
    ada, bob = (
        logs_in(live, "plain", name, access=SHARED, accountId=f"w-{name}")
        for name in ("ada", "bob")
    )
    by_refresh = {
        a.credential.refresh.reveal(): a for a in live.state.of("plain") if a.credential.refresh
    }
    asked = by_refresh[ada["refresh"]]
    learn_owner(live.context, asked.id, asked.credential.digest, Identity("ada"))

    named = {a.id: a.identity_key for a in live.state.of("plain")}
    assert named == {asked.id: "ada", by_refresh[bob["refresh"]].id: None}


@pytest.mark.parametrize("fields", [{"accountId": "w-1"}, {"email": "ada@x.example"}, {}])
def test_what_names_nobody_is_no_other_owner_of_a_shared_refresh_token(
    live: Live, fields: dict[str, Any]
) -> None:
    first = logs_in(live, "plain", "ada", **fields)
    newer = logs_in(live, "plain", "ada", 2, refresh=first["refresh"])

    assert rows(live, "plain") == pairs(newer)


@pytest.mark.parametrize("word", ["undefined", "unknown-user", "${ACCOUNT_ID}"])
def test_a_word_for_nobody_in_a_refreshed_entry_is_no_other_owner(live: Live, word: str) -> None:
    first = logs_in(live, "rotating", "ada", accountId="acc-1", email="ada@acme.example")
    newer = first | {"access": "ACC-CANARY-ada-2", "accountId": word, "email": word}

    live.sees({"rotating": newer})

    assert rows(live, "rotating") == pairs(newer)
