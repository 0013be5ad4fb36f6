"""What happens to accounts as more becomes known of whose their tokens are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.core.logins.line_parting import MOST_UNKNOWN
from rotator.live.account_owners import learn_owner
from rotator.model import AccountId, Digest, Doubt, EventKind, Identity
from rotator.plugins.registry import Registry
from rotator.secret import digest_of
from tests.integration.scenarios.test_one_name_for_two import ALIKE, HOUR, Alike, with_tokens
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, oauth_until, open_live

ADA, BOB = Identity("ada", "ada@acme.example"), Identity("bob", "bob@acme.example")


@pytest.fixture
def vendor() -> Alike:
    return Alike()


@pytest.fixture
def live(home: Path, vendor: Alike) -> Iterator[Live]:
    with open_live(home, registry=Registry({ALIKE: vendor})) as live:
        yield live


def tokens(live: Live, name: str, number: int = 1) -> Entry:
    """Return tokens that were made just now and live for an hour."""
    return oauth_until(name, number, live.clock.now + HOUR)


def seen(live: Live, entry: Entry) -> Entry:
    """Let tokens stand in auth.json of which nobody saw where they came from."""
    live.sees({ALIKE: entry})
    return entry


def logged_in(live: Live, entry: Entry) -> Entry:
    seen_login(live, entry)
    return seen(live, entry)


def refreshed(live: Live, before: Entry, after: Entry) -> Entry:
    seen_refresh(live, before, after)
    return seen(live, after)


def of(entry: Entry) -> Digest:
    """Return the digest by which tokens are known."""
    return Digest(digest_of(entry["access"]))


def learn(live: Live, entry: Entry, who: Identity) -> None:
    learn_owner(live.context, with_tokens(live, entry).id, of(entry), who)


def test_of_older_tokens_only_those_of_an_unknown_person_may_be_spent_by_the_newer_ones(
    live: Live,
) -> None:
    ada = logged_in(live, tokens(live, "ada"))
    learn(live, ada, ADA)
    live.clock.pass_time(hours=12)
    unknown = seen(live, tokens(live, "x"))
    live.clock.pass_time(hours=12)
    bob = seen(live, tokens(live, "bob"))

    learn(live, bob, BOB)

    older, newer = with_tokens(live, unknown), with_tokens(live, bob)
    assert (newer.identity_key, older.maybe) == ("bob", newer.id)
    assert [doubt.of for doubt in older.doubts] == [digest_of(unknown["refresh"])]


def test_a_refresh_ends_no_doubt_about_what_an_account_keeps(live: Live) -> None:
    ada = logged_in(live, tokens(live, "ada"))
    learn(live, ada, ADA)
    live.clock.pass_time(hours=12)
    unknown = seen(live, tokens(live, "x"))
    doubt = Doubt(AccountId("acc_removed"), of(tokens(live, "zed")), of(ada))
    live.context.store.set_doubts(with_tokens(live, unknown).id, [doubt])

    newer = refreshed(live, unknown, tokens(live, "x", 2))

    assert with_tokens(live, newer).doubts == (doubt,)


def test_tokens_that_name_another_owner_leave_the_account_they_were_refreshed_in(
    live: Live, vendor: Alike
) -> None:
    ada = logged_in(live, tokens(live, "ada"))
    learn(live, ada, ADA)
    live.clock.pass_time(hours=12)
    unknown = seen(live, tokens(live, "x"))
    newer = tokens(live, "x", 2)
    vendor.claims[newer["access"]] = BOB

    refreshed(live, unknown, newer)

    assert with_tokens(live, ada).identity_key == "ada"
    assert with_tokens(live, newer).identity_key == "bob"
    told = [e for e in live.events() if e.kind is EventKind.CHANGED][-1]
    assert (told.at, told.why) == (
        live.clock.now,
        "its tokens name their owner: what it had got since is bob-acme.example now",
    )


def test_of_very_many_unknown_logins_it_is_said_that_one_was_dropped(live: Live) -> None:
    for number in range(MOST_UNKNOWN + 2):
        live.clock.pass_time(minutes=61)
        seen(live, tokens(live, f"p{number}"))

    (told,) = [event for event in live.events() if "dropped" in event.why]
    assert (told.kind, told.at) == (EventKind.CHANGED, live.clock.now)
    assert "1 was dropped" in told.why


def test_tokens_that_came_from_a_known_person_s_are_theirs_though_others_replaced_them(
    live: Live,
) -> None:
    first = seen(live, tokens(live, "a"))
    live.clock.pass_time(hours=12)
    second = seen(live, tokens(live, "b"))
    learn(live, first, ADA)
    live.clock.pass_time(minutes=61)
    seen(live, tokens(live, "c"))
    assert len(live.state.of(ALIKE)) == 2

    seen_refresh(live, first, second)
    live.look()

    kept = [pair for line in live.state.replaced.values() for pair in line]
    assert {pair.credential.digest: pair.who.key for pair in kept}[of(second)] == "ada"
