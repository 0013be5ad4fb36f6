"""Whose login it is: with a bridge's proof and without, told by the vendor and not, on real files.

`rotating` is a vendor with opaque tokens; each name is a person's. The rows of the field cases
are named A1, A2 and so on.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import NothingToRotateTo, UsageError
from rotator.live.account_owners import learn_owner
from rotator.live.apply_change import LOGGED_OUT
from rotator.live.swap import SwapRequest, swap
from rotator.model import NOBODY, Account, AccountState, EventKind, Identity, Limit
from rotator.opencode.auth.entries import parse_entry
from rotator.plugins.registry import load_registry
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.services.adopt import adopt
from rotator.services.rotate import plan_rotation, rotate
from tests.support.descents import digests, seen_login, seen_refresh, write
from tests.support.live import Entry, Live, api, as_opencode, kept_aside, oauth_until, open_live

HOUR = timedelta(hours=1)
ROTATING, PLAIN = "rotating", "plain"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def tokens(live: Live, name: str, number: int = 1, **fields: Any) -> Entry:
    """Return tokens of a person that were made just now and live for an hour."""
    return oauth_until(name, number, live.clock.now + HOUR) | fields


def sees(live: Live, entry: Entry, provider: str = ROTATING) -> Entry:
    live.sees({provider: entry})
    return entry


def rows(live: Live, provider: str = ROTATING) -> list[str]:
    """Return the access tokens of the provider's accounts, in order of their names."""
    return [a.credential.secret.reveal() for a in live.state.of(provider)]


def access(*entries: Entry) -> list[str]:
    return [entry["access"] for entry in entries]


def learn(live: Live, entry: Entry, key: str | None, provider: str = ROTATING) -> None:
    """Let a vendor say whose tokens they are, asked for the account that has them now."""
    digest = digest_of(entry["access"])
    holder = live.context.store.holder(provider, digest)  # type: ignore[arg-type]  # a digest
    assert holder is not None
    who = Identity(key, f"{key}@acme.example" if key else None)
    learn_owner(live.context, holder, digest, who)  # type: ignore[arg-type]  # a digest
    live.look()


def only(live: Live, provider: str = ROTATING) -> Account:
    (account,) = live.state.of(provider)
    return account


def owned(live: Live) -> dict[str | None, str]:
    """Return the access token of each account by the key of its owner."""
    return {a.identity_key: a.credential.secret.reveal() for a in live.state.of(ROTATING)}


def kept_of(live: Live) -> set[str]:
    """Return every access token that is kept, in use or replaced."""
    state = live.state
    replaced = [one.credential for line in state.replaced.values() for one in line]
    held = [a.credential for a in state.accounts]
    return {credential.secret.reveal() for credential in (*held, *replaced)}


# -- A1: refreshes of an account whose owner is known ------------------------------------------


def test_a1_three_refreshes_after_the_end_are_one_account_with_the_newest_pair(
    live: Live,
) -> None:
    newest = sees(live, tokens(live, "ada"))
    learn(live, newest, "ada")
    for number in (2, 3, 4):
        live.clock.pass_time(hours=9)
        newest = sees(live, tokens(live, "ada", number))

    assert (only(live).credential.secret.reveal(), only(live).unproven) == (newest["access"], True)

    learn(live, newest, "ada")

    assert (only(live).identity_key, only(live).unproven) == ("ada", False)
    assert EventKind.REFRESHED in live.kinds()


def test_a1_with_a_proof_nothing_is_in_doubt_and_nothing_is_kept(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=9)
    second = tokens(live, "ada", 2)
    seen_refresh(live, first, second)
    sees(live, second)

    assert not only(live).unproven
    assert kept_of(live) == {second["access"]}


def others(count: int) -> list[str]:
    """Return digests of what an answer holds beside its tokens, the same in each."""
    return [digest_of(f"OTHER-CANARY-{number}") for number in range(count)]


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (14, 0), (7, 7)])
def test_a1_the_proof_is_found_among_all_that_came_back(
    live: Live, before: int, after: int
) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=9)
    second = tokens(live, "ada", 2)
    came = [*others(before), *digests(second), *others(after)]
    seen_refresh(live, first, second, to=came)
    sees(live, second)

    assert not only(live).unproven


def test_what_is_the_same_in_the_answers_to_two_people_joins_nobody(live: Live) -> None:
    ada, bob = tokens(live, "ada"), tokens(live, "bob")
    for entry in (ada, bob):
        seen_login(live, entry, to=[*others(1), *digests(entry)])
        sees(live, entry)
    second = tokens(live, "ada", 2)
    seen_refresh(live, ada, second, to=[*others(1), *digests(second)])
    sees(live, second)

    assert sorted(rows(live)) == sorted(access(second, bob))


def test_a1_a_refresh_of_one_whom_the_vendor_does_not_know_any_more_keeps_what_was(
    live: Live,
) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=2)
    second = sees(live, tokens(live, "ada", 2))
    live.clock.pass_time(hours=2)
    third = sees(live, tokens(live, "ada", 3))

    learn(live, third, None)

    assert kept_of(live) == set(access(first, second, third))
    assert only(live).unproven


# -- A2: another person logs in after the end --------------------------------------------------


def test_a2_another_person_in_the_morning_is_a_second_account(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "bob"))

    assert rows(live) == access(first, second)
    one, two = live.state.of(ROTATING)
    assert (one.maybe, two.maybe) == (two.id, None)
    assert one.state_at(live.clock.now) is AccountState.DISABLED
    assert one.reason_at(live.clock.now) == (
        "it may be the same login as rotating-2: rotator accounts merge rotating/rotating-1"
        " rotating/rotating-2 if both are one person's, rotator accounts enable"
        " rotating/rotating-1 if not"
    )


def test_a2_the_event_names_the_account_that_it_may_be(live: Live) -> None:
    sees(live, tokens(live, "ada"))
    live.clock.pass_time(hours=12)
    sees(live, tokens(live, "bob"))

    assert live.events()[-1].why == (
        "a new login in auth.json was saved; it may be rotating-1 with new tokens,"
        " which is not used until that is known"
    )


def test_a2_if_it_turns_out_to_be_the_first_one_refreshed_it_is_one(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "ada", 2))
    seen_refresh(live, first, second)
    live.look()

    account = only(live)
    assert (account.alias, account.credential.secret.reveal()) == ("rotating-1", second["access"])
    assert live.active(ROTATING) == "rotating-1"
    assert live.entries() == {ROTATING: second}


def test_a2_the_others_are_told_that_two_have_turned_out_to_be_one(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "ada", 2))
    live.paths.changed.unlink()
    seen_refresh(live, first, second)

    live.look()

    assert live.paths.changed.exists()


def test_a2_who_is_known_is_written_over_by_nobody(live: Live) -> None:
    """The owner of the first is known: until the vendor is asked it looks like a refresh."""
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    ledger.rename(live.context, only(live), "work")
    before = only(live)
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "bob"))
    assert rows(live) == access(second)

    learn(live, second, "bob")

    assert owned(live) == {"ada": first["access"], "bob": second["access"]}
    assert live.account("rotating/work").id == before.id
    assert live.active(ROTATING) == "bob-acme.example"
    assert live.entries() == {ROTATING: second}


def test_a2_with_a_proof_that_it_is_a_login_nobody_is_in_doubt(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=12)
    second = tokens(live, "bob")
    seen_login(live, second)
    sees(live, second)

    assert sorted(rows(live)) == sorted(access(first, second))
    assert [a.maybe for a in live.state.of(ROTATING)] == [None, None]


def test_a2_a_proof_that_comes_late_gives_the_second_person_an_account(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "bob"))
    seen_login(live, second)
    live.look()

    assert sorted(rows(live)) == sorted(access(first, second))
    assert {a.credential.secret.reveal(): a.identity_key for a in live.state.of(ROTATING)} == {
        first["access"]: "ada",
        second["access"]: None,
    }


@pytest.mark.parametrize(
    ("order", "refreshed"),
    [(("ada", "bob"), False), (("bob", "ada"), False), (("bob", "ada"), True)],
    ids=["the kept ones first", "those in use first", "after another refresh"],
)
def test_a2_a_second_person_within_minutes_of_the_end_is_parted_when_known(
    live: Live, order: tuple[str, ...], *, refreshed: bool
) -> None:
    """Nobody knew the first one: name and history are theirs, whoever is told first."""
    first = sees(live, tokens(live, "ada"))
    ledger.rename(live.context, only(live), "work")
    before = only(live)
    live.clock.pass_time(minutes=62)
    second = sees(live, tokens(live, "bob"))
    told = {"ada": first, "bob": second}
    learn(live, told[order[0]], order[0])
    if refreshed:
        live.clock.pass_time(minutes=62)
        told["bob"] = sees(live, tokens(live, "bob", 2))
        learn(live, told["bob"], "bob")
    assert set(access(*told.values())) <= kept_of(live)

    learn(live, told[order[1]], order[1])

    assert owned(live) == {"ada": first["access"], "bob": told["bob"]["access"]}
    work = live.account("rotating/work")
    assert (work.id, work.identity_key, work.captured_at) == (before.id, "ada", before.captured_at)
    assert live.active(ROTATING) == "bob-acme.example"
    assert live.entries() == {ROTATING: told["bob"]}


def test_a2_a_late_proof_that_it_was_a_login_leaves_the_name_with_the_first_person(
    live: Live,
) -> None:
    first = sees(live, tokens(live, "ada"))
    ledger.rename(live.context, only(live), "work")
    before = only(live)
    live.clock.pass_time(minutes=62)
    second = sees(live, tokens(live, "bob"))
    learn(live, second, "bob")
    seen_login(live, second)
    live.look()

    work = live.account("rotating/work")
    assert (work.id, work.credential.secret.reveal()) == (before.id, first["access"])
    assert live.entries() == {ROTATING: second}


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a2_the_first_person_s_pair_outlasts_any_number_of_refreshes_of_the_second(
    live: Live, *, known: bool
) -> None:
    first = sees(live, tokens(live, "ada"))
    if known:
        learn(live, first, "ada")
    live.clock.pass_time(minutes=62)
    newest = first
    for number in range(1, 71):
        newest = sees(live, tokens(live, "bob", number))
        live.clock.pass_time(minutes=61)

    assert set(access(first, newest)) <= kept_of(live)
    assert len(kept_of(live)) == 65
    dropped = [event for event in live.events() if "dropped" in event.why]
    assert (len(dropped), dropped[-1].account) == (6, only(live).name)

    learn(live, newest, "bob")
    if not known:
        learn(live, first, "ada")

    assert {a.identity_key for a in live.state.of(ROTATING)} == {"ada", "bob"}
    assert set(access(first, newest)) <= kept_of(live)


def limited(live: Live, account: Account, **hours: float) -> Limit:
    """Let an account be used up since now, for that long."""
    until = live.clock.now + timedelta(**hours)
    limit = Limit(AccountState.EXHAUSTED, until, "weekly limit", since=live.clock.now)
    with live.context.store.transaction():
        live.context.store.set_limit(account.id, limit)
        live.context.store.set_limit(account.id, replace(limit, model="opus"))
    return limit


@pytest.mark.parametrize("provider", ["anthropic", "openai", "xai"])
@pytest.mark.parametrize("late", [timedelta(minutes=2), 10 * HOUR])
def test_a2_unproven_tokens_do_not_rest_for_those_whose_place_they_took(
    home: Path, provider: str, late: timedelta
) -> None:
    with open_live(home, registry=load_registry()) as live:
        first = sees(live, tokens(live, "ada"), provider)
        learn(live, first, "ada", provider)
        limit = limited(live, only(live, provider), hours=100)
        rested = only(live, provider).state_at(live.clock.now)
        live.clock.now += HOUR + late
        second = sees(live, tokens(live, "bob"), provider)
        came = only(live, provider)
        state = came.state_at(live.clock.now)
        learn(live, second, "bob", provider)
        held = {a.identity_key: (a.limit, len(a.part_limits)) for a in live.state.of(provider)}

    assert (rested, state) == (AccountState.EXHAUSTED, AccountState.READY)
    assert (came.unproven, came.limit, came.part_limits) == (True, None, ())
    assert held == {"ada": (limit, 1), "bob": (None, 0)}


def test_a2_the_same_person_s_tokens_rest_once_somebody_has_said_so(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    limit = limited(live, only(live), hours=100)
    live.clock.now += 2 * HOUR
    second = sees(live, tokens(live, "ada", 2))
    before = only(live).limit

    learn(live, second, "ada")

    assert (before, only(live).limit, len(only(live).part_limits)) == (None, limit, 1)


def test_a2_a_refresh_by_proof_rests_as_before(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    limit = limited(live, only(live), hours=100)
    live.clock.now += 2 * HOUR
    second = tokens(live, "ada", 2)
    seen_refresh(live, first, second)

    sees(live, second)

    assert (only(live).limit, only(live).unproven) == (limit, False)


def test_a2_unproven_tokens_rest_for_what_they_were_refused_for_themselves(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    limited(live, only(live), hours=100)
    live.clock.now += 2 * HOUR
    second = sees(live, tokens(live, "bob"))
    live.clock.now += HOUR
    limit = limited(live, only(live), hours=3)

    assert only(live).limit == limit

    learn(live, second, "bob")

    assert {a.identity_key: a.limit for a in live.state.of(ROTATING)}["bob"] == limit


# -- A3 and A4: a workspace is nobody's name ---------------------------------------------------


def test_a3_another_member_of_the_workspace_is_a_second_account(live: Live) -> None:
    first = sees(live, tokens(live, "ada", accountId="ws"))
    live.clock.pass_time(minutes=10)
    second = sees(live, tokens(live, "bob", accountId="ws"))

    assert rows(live) == access(first, second)


def test_a3_another_workspace_is_no_doubt(live: Live) -> None:
    first = sees(live, tokens(live, "ada", accountId="ws"))
    live.clock.pass_time(minutes=62)
    second = sees(live, tokens(live, "ada", 2, accountId="other"))

    assert rows(live) == access(first, second)
    assert [a.maybe for a in live.state.of(ROTATING)] == [None, None]


# -- A5: who logs in again ---------------------------------------------------------------------


@pytest.mark.parametrize("provider", [ROTATING, PLAIN])
def test_a5_a_second_login_is_joined_as_soon_as_the_vendor_says_who_it_is(
    live: Live, provider: str
) -> None:
    first = sees(live, tokens(live, "ada"), provider)
    learn(live, first, "ada", provider)
    name = only(live, provider).name
    live.clock.pass_time(minutes=5)
    second = sees(live, tokens(live, "ada", 2), provider)
    assert rows(live, provider) == access(first, second)

    learn(live, second, "ada", provider)

    assert (only(live, provider).name, rows(live, provider)) == (name, access(second))
    assert live.entries() == {provider: second}
    assert live.active(provider) == only(live, provider).alias


def test_a5_nobody_is_joined_on_a_guess(live: Live) -> None:
    first = sees(live, tokens(live, "ada"), PLAIN)
    second = sees(live, tokens(live, "ada", 2), PLAIN)
    learn(live, first, None, PLAIN)
    learn(live, second, "ada", PLAIN)

    assert rows(live, PLAIN) == access(first, second)


def test_a5_one_person_at_two_companies_servers_has_two_accounts(live: Live) -> None:
    one = sees(live, tokens(live, "ada", enterpriseUrl="https://a.example"), PLAIN)
    two = sees(live, tokens(live, "ada", 2, enterpriseUrl="https://b.example"), PLAIN)
    learn(live, one, "ada", PLAIN)
    learn(live, two, "ada", PLAIN)

    assert rows(live, PLAIN) == access(one, two)


def test_a5_two_keys_of_one_person_stay_two(live: Live) -> None:
    for name in ("a", "b"):
        live.sees({PLAIN: api(name)})
    for account in live.state.of(PLAIN):
        learn_owner(live.context, account.id, account.credential.digest, Identity("ada"))

    assert len(live.state.of(PLAIN)) == 2


def test_a9_two_rows_of_one_key_that_an_older_version_made_become_one(live: Live) -> None:
    live.sees({PLAIN: api("a")})
    first = only(live, PLAIN)
    padded = parse_entry(PLAIN, Secret(json.dumps(api("a") | {"key": f"{api('a')['key']}\n"})))
    with live.context.store.transaction():
        live.context.store.add_account(PLAIN, f"{PLAIN}-9", padded, NOBODY, live.clock.now + HOUR)

    live.sees({PLAIN: api("c")})

    assert [one.alias for one in live.state.of(PLAIN)] == [first.alias, f"{PLAIN}-2"]
    assert any("they have the same key" in one.why for one in live.events())


def test_a5_with_a_limit_of_the_one_the_other_rests_as_well(live: Live) -> None:
    first = sees(live, tokens(live, "ada"), PLAIN)
    learn(live, first, "ada", PLAIN)
    limit = Limit(AccountState.COOLING, live.clock.now + HOUR, "429")
    with live.context.store.transaction():
        live.context.store.set_limit(only(live, PLAIN).id, limit)
    second = sees(live, tokens(live, "ada", 2), PLAIN)

    learn(live, second, "ada", PLAIN)

    assert only(live, PLAIN).limit == limit


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("provider", ["openai", "xai", PLAIN])
def test_a3_tokens_that_were_exchanged_again_and_never_written_down_are_the_newest(
    live: Live, provider: str, *, watched: bool
) -> None:
    """An opencode was killed before it wrote the last ones, or they are for something else."""
    now = live.clock.now
    first, second, third = (oauth_until("ada", n, now + n * HOUR) for n in (1, 2, 3))
    live.sees({provider: first})
    seen_refresh(live, first, second)
    seen_refresh(live, second, third)
    live.clock.pass_time(minutes=50)

    live.sees({provider: second}, watched=watched)

    assert live.entries() == {provider: second}
    (account,) = live.state.of(provider)
    assert account.credential.secret.reveal() == second["access"]


SHARED = ("DUMMY-KEY", "Bearer", "managed:v2", "~/.acme/oauth_creds.json", "Managed by CLI", "{}")


@pytest.mark.parametrize("text", SHARED)
@pytest.mark.parametrize("half", ["access", "refresh"])
@pytest.mark.parametrize("provider", ["openai", PLAIN])
def test_a2_of_two_persons_with_one_text_in_a_token_s_place_nobody_s_login_is_lost(
    live: Live, provider: str, half: str, text: str
) -> None:
    ada = oauth_until("ada", 1, live.clock.now + HOUR) | {half: text}
    live.sees({provider: ada})
    live.clock.pass_time(minutes=200)

    live.sees({provider: oauth_until("bob", 1, live.clock.now + HOUR) | {half: text}})

    kept = [a.credential for a in live.state.of(provider)]
    kept += [one.credential for row in live.state.replaced.values() for one in row]
    assert json.dumps(ada) in {json.dumps(json.loads(one.entry.reveal())) for one in kept}


# -- A6: refreshes before the end --------------------------------------------------------------


@pytest.mark.parametrize("minutes", [51, 55, 59, 65, 70])
def test_a6_tokens_that_come_at_the_end_are_a_refresh(live: Live, minutes: int) -> None:
    sees(live, tokens(live, "ada"))
    live.clock.pass_time(minutes=minutes)
    second = sees(live, tokens(live, "ada", 2))

    assert rows(live) == access(second)


@pytest.mark.parametrize("minutes", [5, 49])
def test_a6_tokens_that_come_long_before_it_are_one_with_a_proof(live: Live, minutes: int) -> None:
    first = sees(live, tokens(live, "ada"))
    live.clock.pass_time(minutes=minutes)
    second = tokens(live, "ada", 2)
    seen_refresh(live, first, second)
    sees(live, second)

    assert rows(live) == access(second)
    assert not only(live).unproven


def test_a6_refreshes_that_nobody_wrote_down_in_between_are_followed_back(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    pairs = [first, *(tokens(live, "ada", number) for number in (2, 3, 4))]
    for before, after in itertools.pairwise(pairs):
        seen_refresh(live, before, after)
    sees(live, pairs[-1])
    assert rows(live) == access(pairs[-1])

    sees(live, pairs[1])

    assert rows(live) == access(pairs[-1])
    assert live.entries() == {ROTATING: pairs[-1]}


# -- A7: what plug-ins pack together -----------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1//t-CANARY", "1//t-CANARY||managed"),
        ("1//t-CANARY|proj", "1//t-CANARY|proj|managed"),
        ("1//t-CANARY|proj|managed", "1//t-CANARY"),
        ("1//t-CANARY|one", "1//t-CANARY|two"),
    ],
)
def test_a7_a_packed_token_that_gains_or_loses_parts_is_one_account(
    live: Live, before: str, after: str
) -> None:
    sees(live, tokens(live, "ada", refresh=before), PLAIN)
    second = sees(live, tokens(live, "ada", 2, refresh=after), PLAIN)

    assert rows(live, PLAIN) == access(second)
    assert live.saved(only(live, PLAIN).name)["refresh"] == after


def test_a7_other_parts_beside_the_same_tokens_are_news_of_one_account(live: Live) -> None:
    first = sees(live, tokens(live, "ada", refresh="1//t-CANARY|one"), PLAIN)
    sees(live, first | {"refresh": "1//t-CANARY|two"}, PLAIN)

    assert live.saved(only(live, PLAIN).name)["refresh"] == "1//t-CANARY|two"


def test_a7_an_old_packed_copy_gives_way_to_the_newest(live: Live) -> None:
    first = sees(live, tokens(live, "ada", refresh="1//t-CANARY"), PLAIN)
    second = sees(live, tokens(live, "ada", 2, refresh="1//t-CANARY|proj"), PLAIN)
    sees(live, first, PLAIN)

    assert live.entries() == {PLAIN: second}


# -- A8: a cleared entry -----------------------------------------------------------------------

CLEARED = [
    pytest.param({"type": "oauth", "refresh": "", "access": "", "expires": 0}, id="oauth"),
    pytest.param({"type": "api", "key": ""}, id="api"),
    pytest.param({"type": "api", "key": " \n"}, id="blank"),
    pytest.param({"type": "wellknown", "key": "TOKEN", "token": ""}, id="wellknown"),
    pytest.param(
        {"type": "oauth", "refresh": "|proj|managed", "access": "", "expires": 0}, id="packed"
    ),
    pytest.param({"type": "oauth", "refresh": " ||x ", "access": " ", "expires": 0}, id="padded"),
    pytest.param({"type": "oauth", "refresh": "|", "access": "\n", "expires": 0}, id="bare"),
]


@pytest.mark.parametrize("cleared", CLEARED)
def test_a8_a_cleared_entry_is_a_logout(live: Live, cleared: Entry) -> None:
    sees(live, tokens(live, "ada"))
    live.sees({ROTATING: cleared})

    assert (live.active(ROTATING), only(live).disabled) == (None, LOGGED_OUT)
    assert live.entries() == {ROTATING: cleared}


@pytest.mark.parametrize("cleared", CLEARED)
def test_a8_a_cleared_entry_is_never_an_account(live: Live, cleared: Entry) -> None:
    live.sees({ROTATING: cleared})
    live.sees({ROTATING: cleared, "acme": api("a")})

    assert live.names() == ["acme/acme-1"]
    credential = parse_entry(ROTATING, Secret(json.dumps(cleared)))
    with pytest.raises(UsageError):
        ledger.add(live.context, ROTATING, credential, alias=None, activate=False)


@pytest.mark.parametrize("cleared", CLEARED)
def test_a8_a_cleared_entry_in_a_torn_file_is_no_account(live: Live, cleared: Entry) -> None:
    content = as_opencode({ROTATING: cleared})[:-1]
    with live.context.store.transaction():
        number = live.context.store.keep_unclaimed(content, "half", live.clock.now)

    with pytest.raises(UsageError):
        adopt(live.context, number)

    assert live.names() == []


def test_a8_what_is_cleared_beside_a_login_elsewhere_is_not_put_back(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    cleared = {"type": "oauth", "refresh": "", "access": "", "expires": 0}
    live.sees({ROTATING: cleared, "acme": api("a")})

    assert live.active(ROTATING) is None
    assert rows(live) == access(first)


# -- A9: white space around a key --------------------------------------------------------------


UNSEEN = ["\u200b", "\ufeff", "\u2060", "\u00a0", "\u00ad", "\x00", "\u200b \n\u2028", "\u202c"]


@pytest.mark.parametrize("padding", ["\n", "  ", "\r\n", *UNSEEN])
def test_a9_a_key_with_white_space_around_it_is_one_account(live: Live, padding: str) -> None:
    live.sees({PLAIN: api("a")})
    padded = {"type": "api", "key": f"KEY-CANARY-a{padding}"}
    live.sees({PLAIN: padded})

    assert (len(live.state.of(PLAIN)), live.active(PLAIN)) == (1, "plain-1")
    assert live.entries() == {PLAIN: padded}


@pytest.mark.parametrize("padding", UNSEEN)
def test_a9_what_is_not_seen_before_a_key_is_none_of_it_and_alone_it_is_no_key(
    live: Live, padding: str
) -> None:
    live.sees({PLAIN: api("a")})
    live.sees({PLAIN: {"type": "api", "key": f"{padding}KEY-CANARY-a"}})
    live.sees({PLAIN: {"type": "api", "key": padding}})

    assert (live.names(), live.active(PLAIN)) == (["plain/plain-1"], None)


@pytest.mark.parametrize(
    "inside", ["\u200b", "\u2013", "\ufeff", "\n", "\r\n", "\t", "\x00", "\x85", "\ud800", "\u4e2d"]
)
def test_a9_a_key_that_no_request_can_carry_needs_a_login(live: Live, inside: str) -> None:
    odd = {"type": "api", "key": f"KEY-CANARY-{inside}b"}
    live.sees({PLAIN: odd})
    live.sees({PLAIN: api("a")})
    now = live.clock.now

    account = live.account("plain/plain-1")
    why = account.reason_at(now)

    assert account.state_at(now) is AccountState.REJECTED
    assert why is not None
    assert why.startswith("no request can carry its key")
    assert "copy the key alone" in why
    assert "CANARY" not in why
    credential = parse_entry(PLAIN, Secret(json.dumps(odd)))
    with pytest.raises(UsageError, match="no request can carry"):
        ledger.add(live.context, PLAIN, credential, alias=None, activate=False)


@pytest.mark.parametrize("padding", ["\u200b", "\ufeff", "\u2060", "\x00"])
def test_a9_a_key_that_only_its_padding_keeps_from_requests_is_ready_once_it_comes_bare(
    live: Live, padding: str
) -> None:
    """It is sent with what is around it, and fetch throws of that."""
    states = []
    for key in (f"KEY-CANARY-a{padding}", "KEY-CANARY-a", f"{padding}KEY-CANARY-a"):
        live.sees({PLAIN: {"type": "api", "key": key}})
        states.append(live.account("plain/plain-1").state_at(live.clock.now))

    assert states == [AccountState.REJECTED, AccountState.READY, AccountState.READY]
    assert live.names() == ["plain/plain-1"]


@pytest.mark.parametrize("inside", [" ", "\u00e9", "\u00a0"])
def test_a9_a_key_with_other_odd_letters_is_ready(live: Live, inside: str) -> None:
    live.sees({PLAIN: {"type": "api", "key": f"KEY-CANARY-{inside}b"}})

    assert live.account("plain/plain-1").state_at(live.clock.now) is AccountState.READY


def test_a9_white_space_around_tokens_is_none_of_them(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    sees(live, first | {"access": f"{first['access']} ", "refresh": f" {first['refresh']}"})

    assert len(live.state.of(ROTATING)) == 1


def test_a9_a_padded_key_that_is_added_is_saved_already(live: Live) -> None:
    live.sees({PLAIN: api("a")})
    padded = parse_entry(PLAIN, Secret(json.dumps(api("a\t"))))

    done = ledger.add(live.context, PLAIN, padded, alias=None, activate=False)

    assert done.note == "it was saved already, as plain/plain-1"


# -- A10: where a request goes -----------------------------------------------------------------


def a_do_login(name: str) -> Entry:
    """Return a login of digitalocean's, whose metadata says nothing of a place."""
    token = f"KEY-CANARY-{name}"
    metadata = {"oauth_access": token, "oauth_expires": "1", "oauth_scopes": "a", "routers": name}
    return {"type": "api", "key": token, "metadata": metadata}


def test_a10_metadata_that_changes_no_place_is_no_destination() -> None:
    one, two = (
        parse_entry(PLAIN, Secret(json.dumps(a_do_login(name)))).destination for name in ("a", "b")
    )

    assert one == two


@pytest.mark.parametrize("field", ["resourceName", "instanceUrl", "accountId", "enterpriseUrl"])
def test_a10_metadata_that_names_a_place_is_destination(field: str) -> None:
    one, two = (
        parse_entry(PLAIN, Secret(json.dumps(api("a", metadata={field: place})))).destination
        for place in ("a", "b")
    )

    assert one != two


@pytest.mark.parametrize("written", ["https://gitlab.com", "https://gitlab.com/"])
def test_a10_the_place_that_opencode_adds_at_the_first_use_is_where_a_login_goes_without_it(
    written: str,
) -> None:
    unused, used, elsewhere = (
        parse_entry("gitlab", Secret(json.dumps(api("a") | more))).destination
        for more in (
            {},
            {"metadata": {"instanceUrl": written}},
            {"metadata": {"instanceUrl": "https://gitlab.example"}},
        )
    )

    assert unused == used != elsewhere


# -- A11: what nobody can read -----------------------------------------------------------------

ODD = [
    pytest.param("x-CANARY", id="a text"),
    pytest.param(["x-CANARY"], id="a list"),
    pytest.param({"type": "device", "code": "x-CANARY"}, id="a type that opencode does not know"),
]


@pytest.mark.parametrize("odd", ODD)
def test_a11_what_opencode_leaves_out_is_kept_and_said(live: Live, odd: object) -> None:
    live.sees({PLAIN: odd})
    live.look()
    assert live.kinds() == [EventKind.PROBLEM]

    live.sees({"acme": api("a")})

    assert kept_aside(live) == [json.dumps(odd, indent=2).replace("\n", "\n  ").encode()]
    assert [e.provider for e in live.events() if e.kind is EventKind.PROBLEM] == [PLAIN, PLAIN]


@pytest.mark.parametrize("odd", ODD)
def test_a11_what_a_login_takes_the_place_of_is_kept(live: Live, odd: object) -> None:
    live.sees({PLAIN: odd})
    live.sees({PLAIN: api("a")})

    assert len(kept_aside(live)) == 1


def test_a11_what_says_nothing_is_a_problem_and_nothing_to_keep(live: Live) -> None:
    live.sees({PLAIN: None})
    live.sees({"acme": api("a")})

    assert kept_aside(live) == []
    assert live.kinds().count(EventKind.PROBLEM) == 2


# -- doubts, and how they end ------------------------------------------------------------------


def doubtful(live: Live) -> tuple[Entry, Entry]:
    """Let a second login come of which nobody knows whether it is the first one's."""
    first = sees(live, tokens(live, "ada"))
    live.clock.pass_time(hours=12)
    return first, sees(live, tokens(live, "bob"))


def test_who_may_be_another_is_not_chosen(live: Live) -> None:
    doubtful(live)

    with pytest.raises(NothingToRotateTo):
        plan_rotation(live.state, ROTATING, None, live.clock.now)


def test_enabling_it_ends_the_doubt(live: Live) -> None:
    doubtful(live)

    ledger.enable(live.context, live.account("rotating/rotating-1"))

    assert live.state_of("rotating/rotating-1") is AccountState.READY


def test_rotating_to_it_by_name_ends_the_doubt(live: Live) -> None:
    first, _ = doubtful(live)

    rotate(live.context, plan_rotation(live.state, ROTATING, "rotating-1", live.clock.now))

    assert live.entries() == {ROTATING: first}
    assert live.account("rotating/rotating-1").maybe is None


def test_merging_them_ends_the_doubt_and_keeps_what_came_later(live: Live) -> None:
    _, second = doubtful(live)

    one, two = live.state.of(ROTATING)
    ledger.merge(live.context, one, two)

    assert (only(live).alias, only(live).maybe, rows(live)) == (
        "rotating-1",
        None,
        access(second),
    )


def test_two_names_end_the_doubt(live: Live) -> None:
    first, second = doubtful(live)
    learn(live, first, "ada")
    learn(live, second, "bob")

    assert [a.maybe for a in live.state.of(ROTATING)] == [None, None]
    assert live.kinds()[-1] is EventKind.CHANGED


def test_one_name_for_both_joins_them(live: Live) -> None:
    first, second = doubtful(live)
    learn(live, first, "ada")
    learn(live, second, "ada")

    assert (only(live).alias, rows(live)) == ("rotating-1", access(second))


def test_a_proof_of_a_login_ends_the_doubt(live: Live) -> None:
    _, second = doubtful(live)
    seen_login(live, second)
    live.look()

    assert [a.maybe for a in live.state.of(ROTATING)] == [None, None]


def test_new_tokens_of_its_own_end_the_doubt(live: Live) -> None:
    first, second = doubtful(live)
    third = tokens(live, "ada", 3)
    seen_refresh(live, first, third)
    sees(live, third)

    assert sorted(rows(live)) == sorted(access(second, third))
    assert [a.maybe for a in live.state.of(ROTATING)] == [None, None]


def test_its_old_tokens_alone_do_not_end_the_doubt(live: Live) -> None:
    """An old copy of the file brings them back as well."""
    first, _ = doubtful(live)
    sees(live, first)

    assert live.active(ROTATING) == "rotating-1"
    assert live.account("rotating/rotating-1").maybe is not None


def test_removing_the_newer_one_does_not_make_the_other_s_tokens_good(live: Live) -> None:
    doubtful(live)

    ledger.remove(live.context, live.account("rotating/rotating-2"))

    assert live.account("rotating/rotating-1").reason_at(live.clock.now) == (
        "it may be the same login as one that was removed: log in again, or rotator accounts"
        " enable rotating/rotating-1 if it is not"
    )


@pytest.mark.parametrize("is_first_asked", [True, False])
def test_joining_it_with_the_one_that_died_does_not_make_its_tokens_good(
    live: Live, *, is_first_asked: bool
) -> None:
    """They may have been exchanged for those: a login of the same person that lives is used."""
    first, second = doubtful(live)
    live.context.store.set_rejected(live.account("rotating/rotating-2").id, "token_revoked")
    for entry in (first, second) if is_first_asked else (second, first):
        learn(live, entry, "ada")

    assert only(live).maybe is not None
    assert "one that was removed" in str(only(live).reason_at(live.clock.now))

    third = tokens(live, "ada", 3)
    seen_login(live, third)
    sees(live, third)
    learn(live, third, "ada")
    assert (rows(live), only(live).maybe) == (access(third), None)


# -- what was replaced -------------------------------------------------------------------------


def test_tokens_that_others_took_the_place_of_come_back_with_a_refresh_of_theirs(
    live: Live,
) -> None:
    """An opencode that had them in its memory refreshed them: the others were a login.

    Both are accounts now, and the slot is the login's, as the user left it.
    """
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=12)
    second = sees(live, tokens(live, "bob"))
    third = tokens(live, "ada", 2)
    seen_refresh(live, first, third)
    sees(live, third)

    assert sorted(rows(live)) == sorted(access(second, third))
    assert {a.identity_key for a in live.state.of(ROTATING)} == {"ada", None}
    assert live.active(ROTATING) == next(
        a.alias for a in live.state.of(ROTATING) if a.identity_key is None
    )


def test_removing_an_account_with_all_erases_what_was_replaced_in_it(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    learn(live, first, "ada")
    live.clock.pass_time(hours=12)
    sees(live, tokens(live, "bob"))

    ledger.remove(live.context, only(live), with_kept=True)

    content = live.paths.store.read_bytes()
    assert b"CANARY-ada" not in content
    assert b"CANARY-bob" not in content


def test_a_removed_account_s_descendants_do_not_bring_it_back(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    ledger.remove(live.context, only(live))
    second = tokens(live, "ada", 2)
    seen_refresh(live, first, second)
    sees(live, second)

    assert live.names() == []
    assert ROTATING not in live.entries()


def test_a_login_after_a_removal_is_saved(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    ledger.remove(live.context, only(live))
    second = tokens(live, "ada", 2)
    seen_login(live, second)
    sees(live, second)

    assert rows(live) == access(second)
    assert first["access"] not in kept_of(live)


# -- the bridge's files ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"schema": 2}, id="another schema"),
        pytest.param({"grant": "else"}, id="an unknown grant"),
        pytest.param({"to": []}, id="nothing came"),
        pytest.param({"to": ["CANARY"]}, id="no digests"),
        pytest.param({"from": None}, id="from nothing"),
        pytest.param({"at": "yesterday"}, id="no time"),
        pytest.param({"to": 7}, id="no list"),
    ],
)
def test_a_file_that_is_not_understood_costs_itself_alone(live: Live, told: Any) -> None:
    first = sees(live, tokens(live, "ada"))
    second, third = tokens(live, "ada", 2), tokens(live, "ada", 3)
    broken = seen_refresh(live, first, second, **told)
    good = seen_refresh(live, first, third)
    live.look()
    sees(live, second)

    assert rows(live) == access(first, second)
    assert not broken.exists()
    assert not good.exists()


def test_what_is_no_file_of_the_bridge_s_is_left_alone(live: Live) -> None:
    path = write(live.paths, {})
    folder = path.parent
    (folder / "a.json").mkdir()
    (folder / "b.txt").write_text("{}")
    (folder / "c.json").write_text("[")
    (folder / "d.json").symlink_to(path)
    live.look()

    assert sorted(one.name for one in folder.iterdir()) == ["a.json", "b.txt"]


def test_a_swap_takes_in_what_bridges_saw(live: Live) -> None:
    first = sees(live, tokens(live, "ada"))
    sees(live, tokens(live, "bob") | {"accountId": "else"})
    swap(live.context, SwapRequest(live.account("rotating/rotating-1").id, "for the test"))
    second = tokens(live, "ada", 2)
    seen_refresh(live, first, second)
    live.write({ROTATING: second})
    swap(live.context, SwapRequest(live.account("rotating/rotating-2").id, "for the test"))

    assert rows(live)[0] == second["access"]


def a_login_of_the_ocean(live: Live, name: str) -> Entry:
    """Return what opencode's login of digitalocean leaves: a key that lives for thirty days."""
    token = f"dop_v1_CANARY_{name}"
    end = int((live.clock.now + timedelta(days=30)).timestamp() * 1000)
    metadata = {"oauth_access": token, "oauth_expires": str(end), "oauth_scopes": "genai:read"}
    return {"type": "api", "key": token, "metadata": metadata | {"routers": "[]"}}


def test_a5_a_login_s_key_that_has_run_out_is_not_ready(live: Live) -> None:
    first = a_login_of_the_ocean(live, "one")
    live.sees({"digitalocean": first})
    live.clock.pass_time(days=31)

    live.sees({"digitalocean": a_login_of_the_ocean(live, "two")})

    assert [live.state_of(name) for name in live.names()] == [
        AccountState.REJECTED,
        AccountState.READY,
    ]
    assert live.account("digitalocean/digitalocean-1").reason_at(live.clock.now) == (
        "its key has run out"
    )
    for alias in (None, "digitalocean-1"):
        with pytest.raises(NothingToRotateTo):
            plan_rotation(live.state, "digitalocean", alias, live.clock.now)
