"""Which tokens stay with an account, and which accounts are one: what bridges saw late decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rotator.core.logins.ancestry import Ancestry, ancestry_of
from rotator.core.logins.credential_secrets import given_as, refresh_digests, secrets_of
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.line_parting import MOST_UNKNOWN, TokenPair, traced
from rotator.core.logins.ownership import owner_of
from rotator.core.logins.token_lines import (
    EndDoubt,
    Join,
    PartLine,
    Spend,
    about,
    doubts_of,
    identity_of,
    is_unproven,
    joined_disabled,
    joined_identity,
    kept_logins,
    liveliness,
    maybe_others,
    next_step,
    shown,
    with_doubts,
)
from rotator.model import (
    NOBODY,
    Account,
    Credential,
    Descent,
    Digest,
    Doubt,
    Identity,
    Replaced,
    State,
)
from tests.support.builders import (
    ACME,
    DRAWN,
    HOUR,
    NOW,
    a_state,
    an_account,
    api,
    knowing,
    nobody,
    oauth,
    parsed,
)

ADA = Identity("ada", "ada@acme.example")
BOB, SOMEBODY = Identity("bob"), Identity("somebody")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (api("a"), api("b")),
        (api("a"), oauth("a")),
        (api("a"), api("a", metadata={"baseURL": "https://other.example"})),
        (parsed(type="api", key="none"), parsed(type="api", key="none ")),
    ],
    ids=["other keys", "another kind", "another place", "a word"],
)
def test_accounts_with_different_keys_stay_two(one: Credential, other: Credential) -> None:
    accounts = (an_account("1", one), an_account("2", other))

    assert next_step(ACME, knowing(a_state(*accounts))) is None


def test_accounts_with_one_key_are_joined_into_the_older_one() -> None:
    one, other = (
        an_account("1", api("a")),
        an_account("2", parsed(type="api", key="KEY-CANARY-a\n")),
    )

    step = next_step(ACME, knowing(a_state(one, other)))

    assert isinstance(step, Join)
    assert (step.keep, step.other, step.best) == (one, other, one)


def refreshed(*steps: tuple[Credential, Credential]) -> Callable[[Digest], Descent | None]:
    """Return what bridges saw: for each step, that the first was exchanged for the second."""
    seen: dict[Digest, Descent] = {}
    for number, (old, new) in enumerate(steps):
        to = secrets_of(new)
        one = Descent(f"d{number}", NOW, is_login=False, came_from=secrets_of(old)[0], to=to)
        seen |= dict.fromkeys(to, one)
    return seen.get


def logged_in(credential: Credential) -> Callable[[Digest], Descent | None]:
    """Return that a bridge saw a code exchanged for that credential."""
    one = Descent("d", NOW, is_login=True, came_from=None, to=secrets_of(credential))
    return lambda digest: one if digest in one.to else None


def line(*who: Identity) -> tuple[TokenPair, ...]:
    """Return a line of tokens, each of whoever it is."""
    last = len(who) - 1
    return tuple(
        TokenPair(None if n == last else n + 1, oauth("a", n), one) for n, one in enumerate(who)
    )


def replacing(state: State, account: Account, *before: Credential) -> State:
    """Return the state in which an account's tokens took the place of those, oldest first."""
    kept = tuple(Replaced(n, one, NOW - HOUR) for n, one in enumerate(before, start=1))
    return replace(state, replaced={account.id: kept})


def two(newer: Account, doubt: Doubt) -> State:
    """Return an account that may be the same login as a newer one, which is live."""
    older = an_account("a", oauth("a"), maybe=newer.id, doubts=(doubt,))
    return a_state(older, newer, active=newer)


NEWER = an_account("b", oauth("b", 2), captured_at=NOW)


def knowing_two(newer: Account, came_as: Credential, **seen: object) -> Knowledge:
    return knowing(two(newer, Doubt(newer.id, given_as(came_as))), **seen)


def test_what_was_exchanged_for_the_next_is_spent_and_tells_its_owner() -> None:
    tokens = line(ADA, NOBODY)
    spent = Ancestry((secrets_of(tokens[0].credential)[0],))

    parted = traced(tokens, [Ancestry(), spent])

    assert parted is not None
    assert [one.credential for one in parted.kept] == [tokens[1].credential]
    assert (parted.kept[0].who, parted.left) == (ADA, ())


def test_what_is_known_of_the_newer_tokens_stays_when_their_past_is_seen() -> None:
    tokens = line(NOBODY, ADA)
    spent = Ancestry((secrets_of(tokens[0].credential)[0],))

    parted = traced(tokens, [Ancestry(), spent])

    assert parted is not None
    assert parted.kept[0].who == ADA


def test_two_that_are_one_are_whoever_one_of_them_was_known_as() -> None:
    nameless = an_account("a", oauth("a"))
    named = an_account("b", oauth("b"), identity_key="user/ada", unproven=True)

    joined = joined_identity(nameless, named, nameless)

    assert joined.key == "user/ada"


def test_what_came_from_older_tokens_is_seen_in_the_middle_of_a_line_too() -> None:
    tokens = line(NOBODY, NOBODY, NOBODY)
    spent = Ancestry((secrets_of(tokens[0].credential)[0],))

    parted = traced(tokens, [Ancestry(), spent, Ancestry()])

    assert parted is not None
    assert [one.credential for one in parted.kept] == [one.credential for one in tokens[1:]]


def test_of_what_nobody_saw_nothing_becomes() -> None:
    assert traced(line(NOBODY, NOBODY), [Ancestry(), Ancestry()]) is None


def test_a_login_seen_late_leaves_the_account_that_it_came_into() -> None:
    account = an_account("a", oauth("b"), unproven=True)
    state = replacing(a_state(account, active=account), account, oauth("a"))

    step = next_step(ACME, knowing(state, descent=logged_in(oauth("b"))))

    assert isinstance(step, PartLine)
    assert [one.credential for one in step.parted.left] == [oauth("b")]


def test_two_accounts_are_joined_where_the_newer_tokens_came_from_the_older() -> None:
    seen = refreshed((oauth("a"), NEWER.credential))

    step = next_step(ACME, knowing_two(NEWER, NEWER.credential, descent=seen))

    assert isinstance(step, Join)
    assert (step.keep.alias, step.best, step.at) == ("a", NEWER, 0)


def test_the_tokens_that_an_account_began_with_are_found_behind_those_that_it_has() -> None:
    first, second = oauth("b", 1), oauth("c", 9)
    newer = replace(NEWER, credential=oauth("b", 2))
    state = replacing(two(newer, Doubt(newer.id, given_as(first))), newer, second)
    seen = refreshed((oauth("a"), first), (first, newer.credential))

    step = next_step(ACME, knowing(state, descent=seen))

    assert isinstance(step, Join)
    assert step.at == 1


def test_where_the_tokens_that_it_began_with_are_gone_no_place_is_named() -> None:
    first = oauth("b", 1)
    seen = refreshed((oauth("a"), first))

    step = next_step(ACME, knowing_two(NEWER, first, descent=seen))

    assert isinstance(step, Join)
    assert step.at is None


def test_a_doubt_about_an_account_that_was_removed_stays_if_its_tokens_came_from_there() -> None:
    gone = replace(NEWER, id=NEWER.id)
    state = two(gone, Doubt(gone.id, given_as(gone.credential)))
    alone = replace(state, accounts=state.accounts[:1])
    seen = refreshed((oauth("a"), gone.credential))

    assert next_step(ACME, knowing(alone, descent=seen)) is None


def test_a_doubt_about_an_account_that_was_removed_ends_if_that_was_a_login() -> None:
    state = two(NEWER, Doubt(NEWER.id, given_as(NEWER.credential)))
    alone = replace(state, accounts=state.accounts[:1])

    step = next_step(ACME, knowing(alone, descent=logged_in(NEWER.credential)))

    (account,) = alone.accounts
    assert step == EndDoubt(account, account.doubts[0], "what came later is another login")


def test_a_long_line_of_refreshes_is_followed_so_far_and_no_further() -> None:
    steps = [(oauth("a", n), oauth("a", n + 1)) for n in range(100)]
    known = knowing(a_state(), descent=refreshed(*steps))

    assert len(ancestry_of(oauth("a", 100), known).line) == 64


def test_tokens_that_share_a_half_with_replaced_ones_are_found_among_several() -> None:
    account = an_account("a", oauth("a", 3), unproven=True)
    before = (oauth("a", 1), oauth("a", 2))
    plain = a_state(account, active=account, older=[(account, one) for one in before])
    known = knowing(replacing(plain, account, *before))
    half = oauth("a", 2, access="ACC-CANARY-a-new", expires_at=NOW + 2 * HOUR)

    owner = owner_of(ACME, half, nobody(ACME, half), known)

    assert (owner.account, owner.of_replaced) == (account, 2)


def test_tokens_that_no_longer_stand_among_the_replaced_have_no_number() -> None:
    account = an_account("a", oauth("a", 3), unproven=True)
    older = [(account, oauth("a", 1))]
    plain = a_state(account, active=account, older=older)
    known = knowing(replacing(plain, account, oauth("a", 2)))
    half = oauth("a", 1, access="ACC-CANARY-a-new", expires_at=NOW + 2 * HOUR)

    owner = owner_of(ACME, half, nobody(ACME, half), known)

    assert (owner.account, owner.of_replaced) == (account, None)


def test_a_doubt_about_tokens_that_are_gone_ends() -> None:
    """They were dropped as older ones of one person, or were spent."""
    doubt = Doubt(NEWER.id, given_as(NEWER.credential), of=given_as(oauth("c")))

    step = next_step(ACME, knowing(two(NEWER, doubt)))

    assert isinstance(step, EndDoubt)
    assert step.doubt == doubt


def test_replaced_tokens_that_became_those_of_a_newer_account_are_spent() -> None:
    first = oauth("c")
    doubt = Doubt(NEWER.id, given_as(NEWER.credential), of=given_as(first))
    state = two(NEWER, doubt)
    state = replacing(state, state.accounts[0], first)

    step = next_step(ACME, knowing(state, descent=refreshed((first, NEWER.credential))))

    assert isinstance(step, Spend)
    assert (step.spent.credential, step.newer) == (first, NEWER)


def named_after_an_exchange(
    newer: Identity, refresh: str = "REF-CANARY-a1b2c3d4e5f6", **fields: Any
) -> Knowledge:
    """Return that an account's tokens were exchanged for a newer account's, which is named so."""
    spent = oauth("a", refresh=refresh)
    older = an_account("a", spent, identity_key="somebody")
    other = an_account("b", oauth("b"), identity_key=newer.key)
    state = replacing(a_state(older, other), older, oauth("c"))
    return knowing(state, descent=refreshed((spent, oauth("b"))), **fields)


def test_tokens_that_were_exchanged_for_another_name_s_leave_the_older_ones() -> None:
    step = next_step(ACME, named_after_an_exchange(BOB))

    assert isinstance(step, Spend)
    assert (step.account.alias, step.spent.number) == ("a", None)
    assert step.newer is not None
    assert step.why == f"its tokens were exchanged for those of {step.newer.alias}"


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(named_after_an_exchange(NOBODY), id="for nobody's"),
        pytest.param(named_after_an_exchange(SOMEBODY), id="same name"),
        pytest.param(named_after_an_exchange(BOB, "REF-CANARY-of-all"), id="of several people"),
        pytest.param(
            named_after_an_exchange(BOB, rotates_tokens=lambda _: False), id="which lives on"
        ),
    ],
)
def test_an_exchange_that_is_no_proof_takes_no_tokens_away(known: Knowledge) -> None:
    assert not isinstance(next_step(ACME, known), Spend)


# -- who it is, and what is in doubt -----------------------------------------------------------

NAMED_ALONE = Identity(None, "somebody")


def test_an_account_is_shown_as_its_vendor_has_described_it() -> None:
    account = an_account("a", identity_key="ada", identity="ada@x", plan="pro", group="org")

    assert identity_of(account) == Identity("ada", "ada@x", "pro", "org")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ((ADA, NAMED_ALONE, NOBODY), ADA),
        ((ADA, BOB), BOB),
        ((NAMED_ALONE, NOBODY), NAMED_ALONE),
        ((NOBODY, NOBODY), NOBODY),
    ],
)
def test_a_line_is_shown_as_the_last_that_somebody_knows_of_it(
    who: tuple[Identity, ...], expected: Identity
) -> None:
    assert shown(line(*who)) == expected


def test_tokens_are_unproven_that_took_the_place_of_others_and_are_nobody_s() -> None:
    assert is_unproven(line(ADA, NOBODY))
    assert not is_unproven(line(NOBODY, ADA))
    assert not is_unproven(line(NOBODY))


def test_a_doubt_is_about_the_tokens_that_it_names_or_those_in_use() -> None:
    own, other = oauth("a", 1), oauth("c")
    plain, named, gone = (Doubt(NEWER.id, of=of) for of in ("", given_as(own), given_as(other)))
    doubts = (plain, named, gone)
    before, in_use = TokenPair(1, other, NOBODY), TokenPair(None, own, NOBODY)

    assert about(doubts, own) == (plain, named)
    assert doubts_of(doubts, (before, in_use)) == doubts
    assert doubts_of(doubts, (in_use,)) == (plain, named)
    assert doubts_of(doubts, (before,)) == (gone,)
    assert doubts_of(doubts, ()) == ()


def test_a_doubt_about_two_that_are_named_apart_ends() -> None:
    doubt = Doubt(NEWER.id, given_as(NEWER.credential))
    older = an_account("a", oauth("a"), identity_key="ada", maybe=NEWER.id, doubts=(doubt,))
    newer = replace(NEWER, identity_key="bob")

    step = next_step(ACME, knowing(a_state(older, newer)))

    assert step == EndDoubt(older, doubt, "b is another login")


@pytest.mark.parametrize("is_known", [True, False])
def test_what_else_the_newer_one_keeps_holds_no_doubt_about_what_it_came_as(
    *, is_known: bool
) -> None:
    """Of those nobody may ever be told; what it came as is another one's."""
    kept, came_as = oauth("c"), NEWER.credential if is_known else oauth("d")
    doubt = Doubt(NEWER.id, given_as(came_as))
    older = an_account("a", oauth("a"), identity_key="ada", maybe=NEWER.id, doubts=(doubt,))
    state = replacing(a_state(older, replace(NEWER, identity_key="bob")), NEWER, kept)

    step = next_step(ACME, knowing(state))

    assert step == (EndDoubt(older, doubt, "b is another login") if is_known else None)


def test_what_the_newer_one_came_as_may_be_what_it_keeps() -> None:
    kept = oauth("c")
    doubt = Doubt(NEWER.id, given_as(kept))
    older = an_account("a", oauth("a"), identity_key="ada", maybe=NEWER.id, doubts=(doubt,))
    state = replacing(a_state(older, replace(NEWER, identity_key="bob")), NEWER, kept)

    assert next_step(ACME, knowing(state)) is None


# -- two that are one person's -----------------------------------------------------------------

ONE = an_account("a", oauth("a", expires_at=NOW + HOUR), identity_key="ada")
OTHER = an_account("b", oauth("b", expires_at=NOW + 2 * HOUR), captured_at=NOW, identity_key="ada")


def test_two_of_one_person_are_joined_and_the_tokens_that_run_out_last_stay() -> None:
    step = next_step(ACME, knowing(a_state(OTHER, ONE)))

    why = "its vendor says that they are one person's"
    assert step == Join(ONE, OTHER, OTHER, why, is_told=True)
    assert not Join(ONE, OTHER, OTHER, why).is_told


def test_one_account_and_two_persons_accounts_are_not_joined() -> None:
    two_persons = a_state(ONE, replace(OTHER, identity_key="bob"))

    assert next_step(ACME, knowing(a_state(ONE))) is None
    assert next_step(ACME, knowing(two_persons)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"rejected": "401"},
        {"maybe": ONE.id},
        {"doubts": (Doubt(ONE.id),)},
        {"disabled": "disabled by you"},
    ],
    ids=["refused", "in doubt", "maybe spent for the other's", "put aside"],
)
def test_tokens_of_which_more_is_said_less_likely_live(fields: dict[str, Any]) -> None:
    spoilt = replace(OTHER, **fields)

    assert liveliness(OTHER, ONE) > liveliness(ONE, OTHER) > liveliness(spoilt, ONE)


@pytest.mark.parametrize("fields", [{"rejected": "401"}, {"spent_from": NOW}])
def test_what_is_known_to_be_dead_gives_way_to_what_is_in_doubt_for_it(
    fields: dict[str, Any],
) -> None:
    dead = replace(OTHER, **fields)
    doubting = replace(ONE, maybe=dead.id, doubts=(Doubt(dead.id),))

    assert liveliness(doubting, dead) > liveliness(dead, doubting)


def test_a_doubt_about_a_third_one_says_nothing_between_two() -> None:
    doubting = replace(OTHER, doubts=(Doubt(an_account("z").id),))

    assert liveliness(doubting, ONE) == liveliness(OTHER, ONE)


def test_what_is_in_auth_json_stays_there_unless_it_was_put_aside() -> None:
    put_aside = replace(ONE, disabled="logged out in opencode")

    assert liveliness(ONE, OTHER, active=ONE.id) > liveliness(OTHER, ONE, active=ONE.id)
    assert liveliness(OTHER, ONE, active=ONE.id) > liveliness(put_aside, OTHER, active=ONE.id)
    refused = replace(OTHER, rejected="401")
    assert liveliness(put_aside, OTHER) > liveliness(refused, ONE)


def test_of_two_that_are_one_person_s_the_active_one_s_tokens_stay() -> None:
    state = a_state(ONE, OTHER, active=ONE)

    step = next_step(ACME, knowing(state))

    assert isinstance(step, Join)
    assert (step.keep, step.best) == (ONE, ONE)


@pytest.mark.parametrize(
    ("best", "dropped", "why"),
    [
        ({}, {"disabled": "y"}, None),
        ({"disabled": "x"}, {}, None),
        ({"disabled": "x"}, {"disabled": "y"}, "x"),
        ({"disabled": "x"}, {"maybe": NEWER.id}, "x"),
        ({"maybe": NEWER.id}, {"disabled": "y"}, None),
    ],
)
def test_what_is_made_of_two_is_disabled_if_neither_is_wanted(
    best: dict[str, Any], dropped: dict[str, Any], why: str | None
) -> None:
    assert joined_disabled(replace(ONE, **best), replace(OTHER, **dropped)) == why


def test_two_that_are_one_have_what_is_known_of_either() -> None:
    named = replace(OTHER, identity="ada@x", plan="pro", group="org")

    assert joined_identity(ONE, named, ONE) == Identity("ada", "ada@x", "pro", "org")


def test_whoever_may_be_another_account_says_so_in_a_sentence() -> None:
    doubting = an_account("a", oauth("a"), maybe=NEWER.id, doubts=(Doubt(NEWER.id),))

    with_newer, plain = with_doubts((doubting, NEWER))
    (alone,) = with_doubts((doubting,))

    assert plain == NEWER
    assert with_newer.doubt == (
        "it may be the same login as b: rotator accounts merge acme/a acme/b if both are one"
        " person's, rotator accounts enable acme/a if not"
    )
    assert alone.doubt == (
        "it may be the same login as one that was removed: log in again, or rotator accounts"
        " enable acme/a if it is not"
    )


def test_a_doubt_stays_where_nobody_knows_whose_the_newer_tokens_are() -> None:
    doubt = Doubt(NEWER.id, given_as(NEWER.credential))
    older = an_account("a", oauth("a"), identity_key="ada", maybe=NEWER.id, doubts=(doubt,))

    assert next_step(ACME, knowing(a_state(older, NEWER))) is None


def test_of_two_that_live_as_long_the_older_one_s_tokens_stay() -> None:
    other = replace(OTHER, credential=oauth("b"), captured_at=ONE.captured_at)

    step = next_step(ACME, knowing(a_state(other, ONE)))

    assert isinstance(step, Join)
    assert (step.keep, step.best) == (ONE, ONE)


def test_tokens_that_run_out_later_more_likely_live_whenever_they_were_captured() -> None:
    late = replace(ONE, credential=oauth("a", expires_at=NOW + 3 * HOUR))
    endless = replace(OTHER, credential=oauth("b", expires_at=None))

    assert liveliness(late, OTHER) > liveliness(OTHER, late) > liveliness(endless, late)


def test_the_oldest_of_many_tokens_of_one_person_go() -> None:
    account = an_account("a", oauth("a", 99), identity_key="ada")
    many = tuple(
        Replaced(n, oauth("r", n, expires_at=NOW), NOW, Identity("ada")) for n in range(1, 13)
    )

    step = next_step(ACME, knowing(replace(a_state(account), replaced={account.id: many})))

    assert isinstance(step, PartLine)
    assert step.account == account
    assert len(step.parted.kept) < len(many) + 1


@pytest.mark.parametrize(("over", "dropped"), [(1, "1 was dropped"), (3, "3 were dropped")])
def test_what_too_many_tokens_of_nobody_cost_is_said(over: int, dropped: str) -> None:
    account = an_account("a", oauth("a", 99))
    many = tuple(
        Replaced(n, oauth("r", n, expires_at=NOW), NOW) for n in range(1, MOST_UNKNOWN + over + 1)
    )

    step = next_step(ACME, knowing(replace(a_state(account), replaced={account.id: many})))

    assert isinstance(step, PartLine)
    assert step.is_loss
    assert len(step.parted.kept) == MOST_UNKNOWN + 1
    assert dropped in step.why


def test_an_exchange_between_one_person_s_accounts_at_two_places_takes_no_tokens_away() -> None:
    spent = oauth("a", refresh="REF-CANARY-a1b2c3d4e5f6")
    new = oauth("b", enterpriseUrl="https://ghe.acme.example")
    older, newer = (
        an_account(name, held, identity_key="ada") for name, held in (("a", spent), ("b", new))
    )
    state = replacing(a_state(older, newer), older, oauth("c"))

    assert next_step(ACME, knowing(state, descent=refreshed((spent, new)))) is None


def test_a_kept_login_that_somebody_has_exchanged_is_of_no_use_however_its_token_is_spelt() -> None:
    spent = oauth("spent", refresh="REF-CANARY-spent|project")
    kept = [Replaced(n, c, NOW) for n, c in enumerate((spent, oauth("b")), start=1)]
    account = an_account("a", oauth("a"))
    state = replace(a_state(account), replaced={account.id: tuple(kept)})
    bare = refresh_digests(spent)[-1]

    left = kept_logins(account, knowing(state, was_exchanged=lambda digest: digest == bare))

    assert [tokens.number for tokens in left] == [2]
    assert [tokens.number for tokens in kept_logins(account, knowing(state))] == [1, 2]
    assert maybe_others(account, knowing(a_state(account))) == ()


def told_late(
    *, older: Identity = NOBODY, newer: Identity = NOBODY, refresh: str = DRAWN, **fields: Any
) -> Knowledge:
    """Return what is known once a bridge has told that one account's tokens came from another's."""
    a = an_account("a", oauth("a", refresh=refresh), identity_key=older.key)
    b = an_account("b", oauth("b", **fields), identity_key=newer.key)
    spent = replace(a, spent_from=NOW)
    step = (oauth("a", refresh=refresh), b.credential)
    return knowing(a_state(spent, b), descent=refreshed(step))


@pytest.mark.parametrize("who", [(NOBODY, NOBODY), (ADA, NOBODY), (NOBODY, ADA), (ADA, ADA)])
def test_two_are_joined_once_it_is_told_that_the_one_is_the_other_refreshed(
    who: tuple[Identity, Identity],
) -> None:
    older, newer = who

    step = next_step(ACME, told_late(older=older, newer=newer))

    assert isinstance(step, Join)
    assert (step.keep.alias, step.other.alias, step.best.alias) == ("a", "b", "b")


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(told_late(older=ADA, newer=BOB), id="another name"),
        pytest.param(told_late(refresh="REF-CANARY-of-all"), id="of several people"),
        pytest.param(told_late(enterpriseUrl="acme.example"), id="another place"),
    ],
)
def test_two_are_not_joined_by_what_may_be_somebody_else_s(known: Knowledge) -> None:
    assert not isinstance(next_step(ACME, known), Join)
