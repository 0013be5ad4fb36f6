"""Short stories of what random days of several people have found; each with its siblings.

`rotating` is a vendor whose tokens name nobody; each name is a person's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.core.logins.token_lines import Join
from rotator.errors import NothingToRotateTo
from rotator.live.account_changes import join
from rotator.live.account_owners import learn_owner
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, AccountState, Credential, Digest, Identity, Limit
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.services.rotate import plan_rotation
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, oauth_until, open_live

HOUR = timedelta(hours=1)
SLOT = "rotating"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def tokens(live: Live, name: str, number: int = 1) -> Entry:
    """Return tokens of a person that were made just now and live for an hour."""
    return oauth_until(name, number, live.clock.now + HOUR)


def logs_in(live: Live, name: str, number: int = 1, *, seen: bool = False) -> Entry:
    """Let somebody log in; `seen`: a bridge saw that it is a login."""
    entry = tokens(live, name, number)
    if seen:
        seen_login(live, entry)
    live.sees({SLOT: entry})
    return entry


def row(live: Live, entry: Entry) -> Account:
    """Return the account that has those tokens in use."""
    return next(a for a in live.state.of(SLOT) if a.credential.secret.reveal() == entry["access"])


def may_be(live: Live, older: Entry, newer: Entry) -> bool:
    """Tell whether an account is in doubt because of the other one."""
    return row(live, older).maybe == row(live, newer).id


def is_of(live: Live, entry: Entry, key: str) -> None:
    """Let the vendor say whose tokens those are."""
    account = row(live, entry)
    who = Identity(key, f"{key}@acme.example")
    learn_owner(live.context, account.id, account.credential.digest, who)


# -- an opencode ends a refresh that it began before somebody else was live --------------------


def test_who_was_live_before_a_login_may_be_what_an_opencode_writes_next(live: Live) -> None:
    """It had run out, and the opencode was refreshing it while somebody logged in."""
    old = logs_in(live, "cem")
    live.clock.pass_time(hours=2)
    logs_in(live, "bob", seen=True)

    refreshed = logs_in(live, "cem", 2)

    assert may_be(live, old, refreshed)


def test_who_was_live_before_a_logout_may_be_what_an_opencode_writes_next(live: Live) -> None:
    old = logs_in(live, "cem")
    live.clock.pass_time(hours=2)
    live.sees({})

    refreshed = logs_in(live, "cem", 2)

    assert may_be(live, old, refreshed)


def test_who_was_live_two_swaps_ago_may_be_what_an_opencode_writes_next(live: Live) -> None:
    others = [logs_in(live, name, seen=True) for name in ("ada", "bob")]
    old = logs_in(live, "cem", seen=True)
    live.clock.pass_time(hours=2)
    for one in others:
        swap(live.context, SwapRequest(row(live, one).id, "for the test"))
        live.clock.pass_time(seconds=20)

    refreshed = logs_in(live, "cem", 2)

    assert may_be(live, old, refreshed)


@pytest.mark.parametrize(
    ("ran_out", "ago"),
    [
        pytest.param(True, 3, id="nobody refreshes for so long"),
        pytest.param(False, 1, id="its tokens were good and nobody had to refresh them"),
    ],
)
def test_who_was_live_a_while_ago_is_not_in_doubt(live: Live, ran_out: object, ago: int) -> None:
    old = logs_in(live, "cem")
    live.clock.pass_time(hours=2 if ran_out else 0)
    logs_in(live, "bob", seen=True)
    live.clock.pass_time(minutes=ago)

    logs_in(live, "ada")

    assert row(live, old).maybe is None


# -- of two accounts of one person those tokens are kept that live ----------------------------


@pytest.fixture
def two(live: Live) -> tuple[Entry, Entry]:
    """Return tokens that were spent while their owner logged out, and what they became.

    What they became may itself be a third account's by now.
    """
    spent = logs_in(live, "cem")
    live.clock.pass_time(hours=2)
    live.sees({})
    newest = logs_in(live, "cem", 2)
    live.clock.pass_time(minutes=1)
    third = logs_in(live, "ada")
    assert may_be(live, newest, third)
    return spent, newest


def test_a_merge_by_hand_keeps_what_the_spent_tokens_became(
    live: Live, two: tuple[Entry, Entry]
) -> None:
    spent, newest = two

    ledger.merge(live.context, row(live, spent), row(live, newest))

    # The doubt was about them, and goes with them.
    assert row(live, newest).maybe is not None


def test_a_merge_the_other_way_round_keeps_it_as_well(live: Live, two: tuple[Entry, Entry]) -> None:
    spent, newest = two

    ledger.merge(live.context, row(live, newest), row(live, spent))

    assert row(live, newest).maybe is not None


def test_one_name_for_both_keeps_what_the_spent_tokens_became(
    live: Live, two: tuple[Entry, Entry]
) -> None:
    for entry in two:
        is_of(live, entry, "cem")

    assert row(live, two[1]).maybe is not None
    assert len(live.state.of(SLOT)) == len(("cem", "ada"))


def test_tokens_in_no_doubt_are_kept_though_others_run_out_later(live: Live) -> None:
    """The later ones may have been exchanged for those of an account that is gone."""
    sure = logs_in(live, "cem", seen=True)
    live.clock.pass_time(hours=2)
    later = logs_in(live, "cem", 2, seen=True)
    live.clock.pass_time(minutes=5)
    gone = logs_in(live, "cem", 3)
    ledger.remove(live.context, row(live, gone))

    ledger.merge(live.context, row(live, later), row(live, sure))

    assert row(live, sure).maybe is None


# -- whose a limit is, once it is known whose the tokens are ------------------------------------


def is_limited(live: Live, entry: Entry, model: str | None = None) -> Limit:
    """Let a request with those tokens fail: whoever has them rests from now on."""
    now = live.clock.now
    limit = Limit(AccountState.COOLING, now + HOUR, "429", since=now, model=model)
    with live.context.store.transaction():
        live.context.store.set_limit(row(live, entry).id, limit)
    return limit


def limits(live: Live, entry: Entry) -> list[Limit]:
    account = row(live, entry)
    return [one for one in (account.limit, *account.part_limits) if one is not None]


@pytest.fixture
def replaced(live: Live) -> tuple[Entry, Entry]:
    """Return tokens and others that took their place, by their times; a limit came before.

    Both are logins, of two persons, which is told later.
    """
    old = logs_in(live, "ada")
    live.clock.pass_time(minutes=30)
    is_limited(live, old, model="large")
    live.clock.pass_time(minutes=35)
    return old, logs_in(live, "bob")


def test_a_limit_goes_with_the_tokens_whose_request_was_limited(
    live: Live, replaced: tuple[Entry, Entry]
) -> None:
    old, new = replaced
    live.clock.pass_time(minutes=1)
    limit = is_limited(live, new)

    seen_login(live, new)
    live.look()

    assert limits(live, new) == [limit]
    assert [one.model for one in limits(live, old)] == ["large"]


def test_a_limit_from_before_stays_with_the_tokens_that_were_in_use_then(
    live: Live, replaced: tuple[Entry, Entry]
) -> None:
    old, new = replaced

    is_of(live, new, "bob")
    seen_login(live, new)
    live.look()

    assert (len(limits(live, old)), limits(live, new)) == (1, [])


def test_a_limit_from_before_goes_with_the_older_tokens_to_an_account_of_their_own(
    live: Live, replaced: tuple[Entry, Entry]
) -> None:
    """The vendor says whose the newer ones are first: the account is theirs."""
    old, new = replaced
    live.clock.pass_time(minutes=1)
    limit = is_limited(live, new)
    account = row(live, new)
    is_of(live, new, "bob")
    learn_owner(live.context, account.id, Digest(digest_of(old["access"])), Identity("ada"))

    assert limits(live, new) == [limit]
    assert [one.model for one in limits(live, old)] == ["large"]


@pytest.mark.parametrize("order", [("ada", "bob"), ("bob", "ada")], ids="-".join)
def test_a_limit_that_a_join_brings_is_not_taken_along_by_another_person_s_older_tokens(
    live: Live, order: tuple[str, str]
) -> None:
    """An account of bob's was limited before ada's tokens were replaced by his."""
    made = {name: logs_in(live, name, 8, seen=True) for name in order}
    old, other = made["ada"], made["bob"]
    if order[-1] == "bob":
        swap(live.context, SwapRequest(row(live, old).id, "for the test"))
    live.clock.pass_time(minutes=64)
    limit = is_limited(live, other)
    live.clock.pass_time(minutes=2)
    new = logs_in(live, "bob")

    is_of(live, new, "bob")
    is_of(live, other, "bob")
    account = row(live, new).id
    learn_owner(live.context, account, Digest(digest_of(old["access"])), Identity("ada"))

    assert (limits(live, old), limits(live, new)) == ([], [limit])


def test_a_limit_of_older_tokens_stays_theirs_whatever_a_join_brings(live: Live) -> None:
    other = logs_in(live, "bob", 8, seen=True)
    is_limited(live, other)
    live.clock.pass_time(minutes=10)
    old = logs_in(live, "ada", seen=True)
    live.clock.pass_time(minutes=30)
    limit = is_limited(live, old, model="large")
    live.clock.pass_time(minutes=35)
    new = logs_in(live, "bob")

    is_of(live, new, "bob")
    is_of(live, other, "bob")
    account = row(live, new).id
    learn_owner(live.context, account, Digest(digest_of(old["access"])), Identity("ada"))

    assert limit in limits(live, old)
    assert limit not in limits(live, new)


def test_a_limit_of_which_nobody_knows_since_when_stays_with_the_tokens_in_use(
    live: Live, replaced: tuple[Entry, Entry]
) -> None:
    old, new = replaced
    limit = Limit(AccountState.COOLING, live.clock.now + HOUR, "429")
    with live.context.store.transaction():
        live.context.store.set_limit(row(live, new).id, limit)

    seen_login(live, new)
    live.look()

    assert limits(live, new) == [limit]
    assert limit not in limits(live, old)


# -- a doubt is about certain tokens, also where others have taken their place -------------------


@pytest.fixture
def three(live: Live) -> tuple[Entry, Entry, Entry]:
    """Return tokens, another person's that took their place, and what the first ones became.

    An opencode was refreshing the first ones while the other one logged in.
    """
    old = logs_in(live, "ada")
    live.clock.pass_time(minutes=65)
    other = logs_in(live, "cem")
    became = logs_in(live, "ada", 2)
    assert may_be(live, other, became)
    return old, other, became


def test_tokens_that_get_an_account_of_their_own_take_their_doubt_along(
    live: Live, three: tuple[Entry, Entry, Entry]
) -> None:
    old, other, became = three

    seen_login(live, other)
    live.look()

    assert may_be(live, old, became)
    assert may_be(live, other, became)


def test_one_name_for_both_keeps_what_tokens_became_that_others_took_the_place_of(
    live: Live, three: tuple[Entry, Entry, Entry]
) -> None:
    old, other, became = three
    account = row(live, other)
    is_of(live, other, "cem")
    is_of(live, became, "ada")
    assert row(live, other).maybe is None
    learn_owner(live.context, account.id, Digest(digest_of(old["access"])), Identity("ada"))

    assert [row(live, one).identity_key for one in (other, became)] == ["cem", "ada"]
    assert len(live.state.of(SLOT)) == len(("cem", "ada"))


def test_a_late_proof_takes_spent_tokens_out_of_the_account_of_others(
    live: Live, three: tuple[Entry, Entry, Entry]
) -> None:
    old, other, became = three

    seen_refresh(live, old, became)
    live.look()

    assert live.state.replaced == {}
    # A request that still has them is blamed on what they became.
    digest = Digest(digest_of(old["access"]))
    assert live.context.store.holder(SLOT, digest) == row(live, became).id
    assert may_be(live, other, became)


def test_a_late_proof_about_an_account_that_is_gone_takes_them_out_as_well(
    live: Live, three: tuple[Entry, Entry, Entry]
) -> None:
    old, _, became = three
    ledger.remove(live.context, row(live, became))

    seen_refresh(live, old, became)
    live.look()

    assert live.state.replaced == {}


def test_new_tokens_end_the_doubt_of_those_that_they_came_from_and_no_other(
    live: Live, three: tuple[Entry, Entry, Entry]
) -> None:
    old, other, became = three
    newer = tokens(live, "cem", 2)
    seen_refresh(live, other, newer)
    live.sees({SLOT: newer})
    assert row(live, newer).maybe is None

    seen_login(live, other)
    live.look()

    assert row(live, newer).maybe is None
    assert may_be(live, old, became)


# -- what a merge tells of other accounts, and what it keeps -------------------------------------


def test_a_doubt_ends_once_what_the_newer_one_came_as_is_known_to_be_another_s(
    live: Live,
) -> None:
    """Whose its later tokens are need not be known, and a merge brings no doubt back."""
    old = logs_in(live, "cem")
    live.clock.pass_time(minutes=30)
    first = logs_in(live, "ada")
    live.clock.pass_time(minutes=65)
    logs_in(live, "ada", 2)
    is_of(live, old, "cem")
    newest = row(live, tokens(live, "ada", 2))
    learn_owner(live.context, newest.id, Digest(digest_of(first["access"])), Identity("ada"))
    live.clock.pass_time(minutes=5)
    again = logs_in(live, "ada", 3, seen=True)
    is_of(live, again, "ada")
    ended = row(live, old).maybe

    ledger.merge(live.context, row(live, again), newest)

    assert ended is None

    assert row(live, old).maybe is None


def test_tokens_that_nobody_knows_to_be_spent_are_kept_beside_those_in_doubt(live: Live) -> None:
    """The tokens in use may have been exchanged for those of an account that was removed."""
    first = logs_in(live, "cem")
    live.clock.pass_time(hours=12)
    second = logs_in(live, "cem", 2)
    live.clock.pass_time(minutes=5)
    ledger.remove(live.context, row(live, logs_in(live, "cem", 3)))
    assert row(live, second).maybe is not None

    ledger.merge(live.context, row(live, first), row(live, second))

    (kept,) = live.state.replaced[row(live, second).id]
    assert kept.credential.secret.reveal() == first["access"]


def test_names_drop_older_tokens_only_where_the_newer_ones_are_in_no_doubt(live: Live) -> None:
    first = logs_in(live, "cem")
    live.clock.pass_time(minutes=65)
    second = logs_in(live, "cem", 2)
    account = row(live, second)
    live.clock.pass_time(minutes=5)
    ledger.remove(live.context, row(live, logs_in(live, "cem", 3)))
    for entry in (first, second):
        learn_owner(live.context, account.id, Digest(digest_of(entry["access"])), Identity("cem"))

    (kept,) = live.state.replaced[account.id]
    assert kept.credential.secret.reveal() == first["access"]


# -- tokens between two that are named, and those whose successors are gone ---------------------


@pytest.fixture
def between(live: Live) -> tuple[Entry, Entry, Entry]:
    """Return tokens of which each came at the end of those before, so that they are one row.

    The first are one person's. Of the others nobody knows yet.
    """
    pairs = []
    for number, name in enumerate(("ada", "cem", "cem"), start=1):
        pairs.append(logs_in(live, name, number))
        live.clock.pass_time(minutes=62)
    assert len(live.state.of(SLOT)) == 1
    return pairs[0], pairs[1], pairs[2]


def parsed(entry: Entry) -> Credential:
    return parse_entry(SLOT, Secret(json.dumps(entry)))


def is_named(live: Live, holder: Account, entry: Entry, key: str) -> None:
    """Let the vendor say whose tokens of an account are, in use or replaced."""
    learn_owner(live.context, holder.id, Digest(digest_of(entry["access"])), Identity(key))


def test_tokens_between_two_that_are_named_may_be_the_newer_one_s(
    live: Live, between: tuple[Entry, Entry, Entry]
) -> None:
    """Seed 5, day 280: they were spent, and an account of the older person's used them."""
    first, middle, last = between
    account = row(live, last)
    is_named(live, account, first, "ada")
    is_named(live, account, last, "cem")

    assert may_be(live, middle, last)
    with pytest.raises(NothingToRotateTo):
        plan_rotation(live.state, SLOT, None, live.clock.now)


def test_who_proves_to_be_the_newer_one_is_joined_with_it_and_its_spent_tokens_go(
    live: Live, between: tuple[Entry, Entry, Entry]
) -> None:
    first, middle, last = between
    account = row(live, last)
    is_named(live, account, first, "ada")
    is_named(live, account, last, "cem")
    is_of(live, middle, "cem")

    assert {a.credential.secret.reveal() for a in live.state.of(SLOT)} == {
        first["access"],
        last["access"],
    }
    assert [a.maybe for a in live.state.of(SLOT)] == [None, None]


def test_who_proves_to_be_the_older_one_is_in_no_doubt_any_more(
    live: Live, between: tuple[Entry, Entry, Entry]
) -> None:
    first, middle, last = between
    account = row(live, last)
    is_named(live, account, first, "ada")
    is_named(live, account, last, "cem")
    is_of(live, middle, "ada")

    assert row(live, middle).maybe is None
    assert len(live.state.of(SLOT)) == len(("ada", "cem"))


def test_a_late_proof_joins_the_tokens_between_with_those_that_they_became(
    live: Live, between: tuple[Entry, Entry, Entry]
) -> None:
    first, middle, last = between
    account = row(live, last)
    is_named(live, account, first, "ada")
    is_named(live, account, last, "cem")
    seen_refresh(live, middle, last)
    live.look()

    assert {a.credential.secret.reveal() for a in live.state.of(SLOT)} == {
        first["access"],
        last["access"],
    }


def test_a_proof_that_the_newer_ones_were_a_login_ends_the_doubt(
    live: Live, between: tuple[Entry, Entry, Entry]
) -> None:
    first, middle, last = between
    account = row(live, last)
    is_named(live, account, first, "ada")
    is_named(live, account, last, "cem")
    seen_login(live, last)
    live.look()

    assert row(live, middle).maybe is None


def test_tokens_between_stay_in_doubt_though_an_older_login_of_the_person_came_into_the_account(
    live: Live,
) -> None:
    """Seed 72, day 708: that login was none of what these were exchanged for."""
    earlier = logs_in(live, "cem", 8, seen=True)
    live.sees({})
    live.clock.pass_time(hours=9)
    first = logs_in(live, "bob", seen=True)
    live.clock.pass_time(minutes=57)
    middle = logs_in(live, "cem", 1)
    live.clock.pass_time(minutes=57)
    last = logs_in(live, "cem", 2)
    is_of(live, last, "cem")
    is_of(live, earlier, "cem")

    is_named(live, row(live, last), first, "bob")
    in_doubt = may_be(live, middle, last)
    is_of(live, middle, "cem")

    assert in_doubt
    assert {a.credential.secret.reveal() for a in live.state.of(SLOT)} == {
        first["access"],
        last["access"],
    }


def loses_its_newest(live: Live) -> tuple[Entry, Entry, Entry, Entry]:
    """Return a person's older login, another's, and two pairs of the first one's newer login.

    Nobody saw that login, nor its refresh at its end. Its last tokens are in doubt because of
    a third person's, and so they are not those that are kept of the two logins.
    """
    older = logs_in(live, "bob", seen=True)
    live.clock.pass_time(minutes=30)
    another = logs_in(live, "ada", seen=True)
    live.clock.pass_time(minutes=62)
    spent = logs_in(live, "bob", 2)
    live.clock.pass_time(minutes=58)
    dropped = logs_in(live, "bob", 3)
    live.clock.pass_time(minutes=1)
    third = logs_in(live, "cem")
    assert may_be(live, dropped, third)
    return older, another, spent, dropped


def names_what_is_left(live: Live, older: Entry, another: Entry, spent: Entry) -> None:
    is_of(live, live.entries()[SLOT], "cem")
    is_named(live, row(live, older), another, "ada")
    holder = live.context.store.holder(SLOT, Digest(digest_of(spent["access"])))
    assert holder is not None
    learn_owner(live.context, holder, Digest(digest_of(spent["access"])), Identity("bob"))

    # What is kept of a merge by hand may be the third person's, and is not used.
    (kept,) = [a for a in live.state.of(SLOT) if a.identity_key == "bob" and a.maybe is None]
    assert kept.credential.secret.reveal() == older["access"]


def test_tokens_whose_successors_are_kept_nowhere_are_not_taken_for_the_newest(live: Live) -> None:
    """Seed 2, day 805: spent ones took the place of a login that lives, for they end later."""
    older, another, spent, dropped = loses_its_newest(live)
    for entry in (older, dropped):
        is_of(live, entry, "bob")

    names_what_is_left(live, older, another, spent)


def test_a_merge_by_hand_leaves_the_same_doubt_about_tokens_without_successors(live: Live) -> None:
    older, another, spent, dropped = loses_its_newest(live)
    ledger.merge(live.context, row(live, older), row(live, dropped))
    is_of(live, older, "bob")

    names_what_is_left(live, older, another, spent)


def test_a_merge_the_other_way_round_leaves_it_as_well(live: Live) -> None:
    older, another, spent, dropped = loses_its_newest(live)
    ledger.merge(live.context, row(live, dropped), row(live, older))
    is_of(live, older, "bob")

    names_what_is_left(live, older, another, spent)


def test_another_person_s_tokens_are_in_no_doubt_because_of_those_that_are_gone(
    live: Live,
) -> None:
    older, another, spent, dropped = loses_its_newest(live)
    for entry in (older, dropped):
        is_of(live, entry, "bob")
    is_of(live, live.entries()[SLOT], "cem")
    is_named(live, row(live, older), another, "ada")
    holder = live.context.store.holder(SLOT, Digest(digest_of(spent["access"])))
    assert holder is not None
    learn_owner(live.context, holder, Digest(digest_of(spent["access"])), Identity("bob"))

    assert row(live, another).maybe is None


def test_of_two_pairs_of_one_person_in_another_s_account_the_newer_one_is_used(live: Live) -> None:
    """Seed 12, day 406: they came from two accounts, and the spent one stood behind the other."""
    spent = logs_in(live, "bob")
    live.clock.pass_time(hours=3)
    newest = logs_in(live, "bob", 2)
    live.clock.pass_time(minutes=62)
    other = logs_in(live, "cem")
    # The account of the spent ones is joined in, and they are kept.
    account = row(live, other)
    with live.context.store.transaction():
        join(live.context, Join(row(live, spent), account, account, ""), live.clock.now)
        held = row(live, other)
        live.context.store.keep_replaced(
            held.id, parsed(spent), Identity("bob"), live.clock.now, loose=True
        )
    is_named(live, row(live, other), newest, "bob")
    is_of(live, other, "cem")

    (kept,) = [a for a in live.state.of(SLOT) if a.identity_key == "bob"]
    assert kept.credential.secret.reveal() == newest["access"]


# -- an opencode ends a refresh of tokens that others took the place of while it went on --------


def is_replaced_meanwhile(live: Live, minutes: float = 0) -> tuple[Entry, Entry, Entry]:
    """Return tokens, a login that took their place, and what the first ones became.

    An opencode was refreshing them while two others logged in. Nobody saw the first of these
    logins, which came just when a refresh was due.
    """
    old = logs_in(live, "cem")
    live.clock.pass_time(minutes=62)
    other = logs_in(live, "bob")
    assert row(live, other).unproven
    logs_in(live, "ada", seen=True)
    live.clock.pass_time(minutes=minutes)
    return old, other, logs_in(live, "cem", 2)


def test_replaced_tokens_may_be_what_an_opencode_writes_just_after(live: Live) -> None:
    """Seed 5, day 1461: they were taken for the newest, and what they became was dropped."""
    old, other, became = is_replaced_meanwhile(live)
    is_named(live, row(live, other), old, "cem")
    is_of(live, other, "bob")

    assert may_be(live, old, became)
    assert row(live, other).maybe is None


def test_what_replaced_tokens_became_is_kept_though_it_is_in_doubt_itself(live: Live) -> None:
    old, other, became = is_replaced_meanwhile(live)
    live.clock.pass_time(minutes=5)
    third = logs_in(live, "ada", 2)
    assert may_be(live, became, third)
    is_named(live, row(live, other), old, "cem")
    is_of(live, other, "bob")
    is_of(live, became, "cem")

    (kept,) = [a for a in live.state.of(SLOT) if a.identity_key == "cem"]
    assert kept.credential.secret.reveal() == became["access"]


def test_a_late_proof_takes_out_tokens_that_were_replaced_meanwhile(live: Live) -> None:
    old, other, became = is_replaced_meanwhile(live)

    seen_refresh(live, old, became)
    live.look()

    assert live.state.replaced == {}
    digest = Digest(digest_of(old["access"]))
    assert live.context.store.holder(SLOT, digest) == row(live, became).id
    assert row(live, other).maybe is None


def test_tokens_that_were_replaced_a_while_ago_are_in_no_doubt(live: Live) -> None:
    """Nobody refreshes for so long."""
    old, other, _ = is_replaced_meanwhile(live, minutes=3)
    is_named(live, row(live, other), old, "cem")
    is_of(live, other, "bob")

    assert row(live, old).maybe is None


def test_what_replaced_tokens_may_have_become_is_not_taken_for_the_live_account_s(
    live: Live,
) -> None:
    live_one = logs_in(live, "ada", seen=True)
    old = logs_in(live, "cem", seen=True)
    live.clock.pass_time(minutes=62)
    other = logs_in(live, "bob")
    assert row(live, other).unproven
    swap(live.context, SwapRequest(row(live, live_one).id, "for the test"))

    became = logs_in(live, "cem", 2)

    assert may_be(live, live_one, became)
    is_named(live, row(live, other), old, "cem")
    is_of(live, other, "bob")
    assert may_be(live, old, became)
