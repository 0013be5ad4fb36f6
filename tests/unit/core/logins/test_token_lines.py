"""Which tokens stay with an account, and which accounts are one: what bridges saw late decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.logins.ancestry import Ancestry, ancestry_of
from rotator.core.logins.credential_secrets import given_as, secrets_of
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.ownership import owner_of
from rotator.core.logins.token_lines import (
    EndDoubt,
    Join,
    Part,
    Spend,
    Tokens,
    is_perhaps_spent,
    joined_identity,
    next_step,
    told,
    too_many,
    traced,
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


def line(*who: Identity) -> tuple[Tokens, ...]:
    """Return a line of tokens, each of whoever it is."""
    last = len(who) - 1
    return tuple(
        Tokens(None if n == last else n + 1, oauth("a", n), one) for n, one in enumerate(who)
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

    assert isinstance(step, Part)
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

    assert isinstance(step, EndDoubt)
    assert step.why == "what came later is another login"


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


def test_one_person_s_older_tokens_stay_when_a_vendor_names_the_newer_ones() -> None:
    """It may call two people the same."""
    assert len(told(line(ADA, NOBODY), 1, ADA).kept) == 2


def replaced(number: int, who: Identity, left: timedelta = 2 * HOUR) -> Tokens:
    """Return tokens that had so much time left when others took their place."""
    credential = oauth("r", number, expires_at=NOW + left)
    return Tokens(number, credential, who, at=NOW)


def in_use(who: Identity) -> Tokens:
    return Tokens(None, oauth("b"), who)


@pytest.mark.parametrize(
    ("tokens", "at", "kept", "left"),
    [
        pytest.param(
            (replaced(1, ADA), replaced(2, BOB), in_use(NOBODY)), 2, [2], [1, None], id="in use"
        ),
        pytest.param(
            (replaced(1, NOBODY), replaced(2, BOB), in_use(ADA)), 0, [1, None], [2], id="replaced"
        ),
        pytest.param(
            (replaced(1, BOB), replaced(2, NOBODY), replaced(3, BOB), in_use(NOBODY)),
            1,
            [2],
            [1, 3, None],
            id="and what nobody knows goes by its place",
        ),
    ],
)
def test_tokens_go_with_those_of_the_same_name(
    tokens: tuple[Tokens, ...], at: int, kept: list[int | None], left: list[int | None]
) -> None:
    parted = told(tokens, at, ADA)

    assert [one.number for one in parted.kept] == kept
    assert [one.number for one in parted.left] == left


def test_another_name_for_tokens_takes_the_old_one_from_those_that_were_exchanged_for_them() -> (
    None
):
    tokens = (replaced(1, SOMEBODY), replaced(2, SOMEBODY, timedelta(0)), in_use(SOMEBODY))

    parted = told(tokens, 2, BOB)

    assert [(one.number, one.who) for one in parted.kept] == [(2, NOBODY), (1, SOMEBODY)]
    assert [(one.number, one.who) for one in parted.left] == [(None, BOB)]


def test_another_name_for_one_person_s_tokens_parts_them_from_no_refreshed_ones() -> None:
    """A vendor may call somebody by another name for a while; the older tokens are spent."""
    parted = told((replaced(1, ADA, timedelta(0)), in_use(ADA)), 1, SOMEBODY)

    assert parted.left == ()
    assert [one.who for one in parted.kept] == [NOBODY, SOMEBODY]


def test_the_same_name_once_more_takes_it_from_nobody() -> None:
    tokens = (replaced(1, ADA, timedelta(0)), in_use(ADA))

    assert told(tokens, 1, ADA).kept == tokens


@pytest.mark.parametrize(
    ("one", "is_spent"),
    [
        (replaced(1, ADA, timedelta(minutes=10)), True),
        (replaced(1, ADA, timedelta(minutes=10, seconds=1)), False),
        (replace(replaced(1, ADA, -HOUR), loose=True), False),
        (replace(replaced(1, ADA, -HOUR), at=None), False),
        (Tokens(1, oauth("a", expires_at=None), ADA, at=NOW), False),
    ],
    ids=["at their end", "before it", "of another account", "in use", "they never end"],
)
def test_tokens_that_were_at_their_end_may_have_been_exchanged(
    one: Tokens, *, is_spent: bool
) -> None:
    assert is_perhaps_spent(one) is is_spent


def test_of_many_tokens_that_were_refreshed_the_oldest_go() -> None:
    spent = [replaced(number, ADA, timedelta(0)) for number in range(1, 11)]
    others = [replaced(11, ADA), replaced(12, BOB, timedelta(0))]

    fewer = too_many((*spent, *others, in_use(ADA)))

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [*range(3, 13), None]
    assert too_many(fewer.kept) is None
    assert too_many((*spent, *others, in_use(NOBODY))) is None


def test_a_login_by_one_person_once_more_is_parted_from_nothing() -> None:
    tokens = (replaced(1, ADA), in_use(ADA))

    assert traced(tokens, [Ancestry(), Ancestry(is_login=True)]) is None
    assert traced((tokens[0], in_use(NOBODY)), [Ancestry(), Ancestry(is_login=True)]) is not None


def named_after_an_exchange(newer: Identity) -> Knowledge:
    """Return that an account's tokens were exchanged for a newer account's, which is named so."""
    older = an_account("a", oauth("a"), identity_key="somebody")
    other = an_account("b", oauth("b"), identity_key=newer.key)
    state = replacing(a_state(older, other), older, oauth("c"))
    return knowing(state, descent=refreshed((oauth("a"), oauth("b"))))


def test_tokens_that_were_exchanged_for_another_name_s_leave_the_older_ones() -> None:
    step = next_step(ACME, named_after_an_exchange(BOB))

    assert isinstance(step, Spend)
    assert (step.account.alias, step.spent.number) == ("a", None)
    assert next_step(ACME, named_after_an_exchange(NOBODY)) is None


# -- tokens that came together from several accounts -------------------------------------------


def loose(number: int, hours: int | None, who: Identity = NOBODY) -> Tokens:
    """Return loose tokens that run out in so many hours; None: they do not say when."""
    expires_at = None if hours is None else NOW + hours * HOUR
    return Tokens(number, oauth("loose", number, expires_at=expires_at), who, loose=True)


@pytest.mark.parametrize(
    ("some", "last"),
    [
        pytest.param([loose(1, 3, ADA), loose(2, 1, ADA)], 1, id="those that run out last"),
        pytest.param([loose(1, 1, ADA), loose(2, 3, ADA)], 2, id="in their order as well"),
        pytest.param([loose(1, 3, ADA), loose(2, 1)], 1, id="whoever they are"),
        pytest.param([loose(1, 1, ADA), loose(2, None, ADA)], 1, id="or those that say nothing"),
        pytest.param(
            [loose(1, 3, ADA), Tokens(2, oauth("a", 2, expires_at=NOW), ADA)],
            2,
            id="but after those in order",
        ),
    ],
)
def test_of_tokens_from_several_accounts_those_are_gone_on_with_that_are_the_newest(
    some: list[Tokens], last: int
) -> None:
    tokens = (*some, Tokens(None, oauth("b"), NOBODY))

    parted = told(tokens, 2, Identity("bob"))

    assert (parted.kept[-1].number, parted.unsure) == (last, True)
