"""Which tokens stay with an account once somebody says whose some of them are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.logins.ancestry import Ancestry
from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.line_parting import (
    MOST_UNKNOWN,
    TokenPair,
    crowded,
    is_perhaps_spent,
    likeliest_last,
    of_others,
    split_off,
    told,
    too_many,
    traced,
)
from rotator.model import NOBODY, Identity
from rotator.secret import Secret
from tests.support.builders import DRAWN, HOUR, MINUTE, NOW, oauth

ADA = Identity("ada", "ada@acme.example")
BOB, SOMEBODY = Identity("bob"), Identity("somebody")


def replaced(number: int, who: Identity, left: timedelta = 2 * HOUR) -> TokenPair:
    """Return tokens that had so much time left when others took their place."""
    credential = oauth("r", number, expires_at=NOW + left)
    return TokenPair(number, credential, who, at=NOW)


def in_use(who: Identity) -> TokenPair:
    return TokenPair(None, oauth("b"), who)


def unseen(*line: TokenPair) -> tuple[tuple[TokenPair, ...], list[Ancestry]]:
    """Return a line of whose tokens no bridge saw anything."""
    return line, [Ancestry() for _ in line]


def test_one_person_s_older_tokens_stay_when_a_vendor_names_the_newer_ones() -> None:
    """It may call two people the same."""
    assert len(told((replaced(1, ADA), in_use(NOBODY)), 1, ADA).kept) == 2


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
    tokens: tuple[TokenPair, ...], at: int, kept: list[int | None], left: list[int | None]
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
        (TokenPair(1, oauth("a", expires_at=None), ADA, at=NOW), False),
    ],
    ids=["at their end", "before it", "of another account", "in use", "they never end"],
)
def test_tokens_that_were_at_their_end_may_have_been_exchanged(
    one: TokenPair, *, is_spent: bool
) -> None:
    assert is_perhaps_spent(one) is is_spent


def test_of_many_tokens_that_were_refreshed_the_oldest_go() -> None:
    spent = [replaced(number, ADA, timedelta(0)) for number in range(1, 11)]
    others = [replaced(11, ADA), replaced(12, BOB, timedelta(0))]

    fewer = too_many(*unseen(*spent, *others, in_use(ADA)))

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [*range(3, 13), None]
    assert too_many(*unseen(*fewer.kept)) is None
    assert too_many(*unseen(*spent, *others, in_use(NOBODY))) is None


def test_a_login_by_one_person_once_more_is_parted_from_nothing() -> None:
    tokens = (replaced(1, ADA), in_use(ADA))

    assert traced(tokens, [Ancestry(), Ancestry(is_login=True)]) is None
    assert traced((tokens[0], in_use(NOBODY)), [Ancestry(), Ancestry(is_login=True)]) is not None


def loose(number: int, hours: int | None, who: Identity = NOBODY) -> TokenPair:
    """Return loose tokens that run out in so many hours; None: they do not say when."""
    expires_at = None if hours is None else NOW + hours * HOUR
    return TokenPair(number, oauth("loose", number, expires_at=expires_at), who, loose=True)


@pytest.mark.parametrize(
    ("some", "last"),
    [
        pytest.param([loose(1, 3, ADA), loose(2, 1, ADA)], 1, id="those that run out last"),
        pytest.param([loose(1, 1, ADA), loose(2, 3, ADA)], 2, id="in their order as well"),
        pytest.param([loose(1, 3, ADA), loose(2, 1)], 1, id="whoever they are"),
        pytest.param([loose(1, 1, ADA), loose(2, None, ADA)], 1, id="or those that say nothing"),
        pytest.param(
            [loose(1, 3, ADA), TokenPair(2, oauth("a", 2, expires_at=NOW), ADA)],
            2,
            id="but after those in order",
        ),
    ],
)
def test_of_tokens_from_several_accounts_those_are_gone_on_with_that_are_the_newest(
    some: list[TokenPair], last: int
) -> None:
    tokens = (*some, TokenPair(None, oauth("b"), NOBODY))

    parted = told(tokens, 2, Identity("bob"))

    assert (parted.kept[-1].number, parted.unsure) == (last, True)


# -- too many of which nobody knows anything ---------------------------------------------------


def many(
    first: TokenPair, others: Identity = NOBODY, left: timedelta = timedelta(0)
) -> list[TokenPair]:
    return [first, *(replaced(n, others, left) for n in range(2, MOST_UNKNOWN + 1))]


def test_as_many_as_there_may_be_stay() -> None:
    assert crowded(*unseen(*many(replaced(1, NOBODY)), in_use(NOBODY))) is None


@pytest.mark.parametrize("first", [ADA, NOBODY])
@pytest.mark.parametrize("left", [timedelta(0), HOUR], ids=["at their end", "before it"])
def test_what_goes_is_the_oldest_of_the_middle_and_never_the_first(
    first: Identity, left: timedelta
) -> None:
    tokens = [*many(replaced(1, first), left=left), replaced(65, NOBODY, left), in_use(NOBODY)]

    fewer = crowded(*unseen(*tokens))

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [1, *range(3, 66), None]


@pytest.mark.parametrize(
    "stays",
    [
        pytest.param(replaced(2, BOB, timedelta(0)), id="another person's"),
        pytest.param(replaced(2, NOBODY), id="replaced long before their end"),
        pytest.param(loose(2, 1), id="from another account"),
    ],
)
def test_what_may_be_somebody_else_s_only_copy_stays(stays: TokenPair) -> None:
    first, _, *rest = many(replaced(1, NOBODY))
    tokens = [first, stays, *rest, replaced(65, NOBODY, timedelta(0)), in_use(NOBODY)]

    fewer = crowded(*unseen(*tokens))

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [1, 2, *range(4, 66), None]


def test_whose_tokens_are_in_use_is_said_by_those_and_no_others() -> None:
    first, *rest = many(replaced(1, NOBODY))
    ours = [replaced(number, ADA, timedelta(0)) for number in (65, 66)]
    tokens = [first, *ours, *rest[2:], replaced(67, BOB), in_use(ADA)]

    fewer = crowded(*unseen(*tokens))

    assert fewer is not None
    assert 65 not in [one.number for one in fewer.kept]


def test_what_may_be_another_account_s_stays() -> None:
    tokens = [*many(replaced(1, NOBODY)), replaced(65, NOBODY, timedelta(0)), in_use(NOBODY)]
    doubted = secrets_of(tokens[1].credential)[:1]

    fewer = crowded(*unseen(*tokens), doubted)

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [1, 2, *range(4, 66), None]


@pytest.mark.parametrize("login", [1, 2])
def test_a_login_and_what_it_took_the_place_of_stay(login: int) -> None:
    tokens = [*many(replaced(1, NOBODY)), replaced(65, NOBODY, timedelta(0)), in_use(NOBODY)]
    came_from = [Ancestry(is_login=n == login) for n, _ in enumerate(tokens)]

    fewer = crowded(tuple(tokens), came_from)

    assert fewer is not None
    gone = {1: 3, 2: 4}[login]
    assert [one.number for one in fewer.kept] == [*(n for n in range(1, 66) if n != gone), None]


# -- lines of which each part is somebody's or nobody's ----------------------------------------


def line(*who: Identity) -> tuple[TokenPair, ...]:
    """Return a line of tokens, each of whoever it is."""
    last = len(who) - 1
    return tuple(
        TokenPair(None if n == last else n + 1, oauth("a", n), owner) for n, owner in enumerate(who)
    )


def test_the_first_that_is_known_of_a_line_changes_only_that() -> None:
    tokens = line(NOBODY, NOBODY)

    parted = told(tokens, 1, ADA)

    assert parted.kept == (tokens[0], replace(tokens[1], who=ADA))
    assert (parted.left, parted.unsure) == ((), False)


@pytest.mark.parametrize("at", [0, 1])
def test_the_account_stays_with_those_that_it_began_with_whichever_are_told_first(at: int) -> None:
    both = (ADA, BOB)
    tokens = line(*(NOBODY if n == at else who for n, who in enumerate(both)))

    parted = told(tokens, at, both[at])

    assert (parted.kept, parted.left) == ((line(*both)[0],), (line(*both)[1],))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_it_began_with_the_first_ones_also_where_those_are_several(at: int) -> None:
    everybody = (ADA, ADA, BOB)
    tokens = line(
        *(NOBODY if n == at or (at == 0 and n == 1) else w for n, w in enumerate(everybody))
    )

    assert [one.number for one in told(tokens, at, everybody[at]).kept] == [1, 2]


def test_the_account_goes_on_with_those_that_it_was_known_by() -> None:
    """Of what several accounts had nobody knows which of them this one began with."""
    other = loose(1, 1)
    used = in_use(ADA)

    assert told((other, used), 0, BOB).kept == (used,)
    # What they were called before was the name of both.
    assert told(line(ADA, ADA), 0, BOB).kept == (line(ADA, ADA)[1],)


@pytest.mark.parametrize("who", [(ADA, NOBODY), (NOBODY, ADA), (NOBODY, NOBODY)])
def test_a_login_seen_late_parts_the_line_before_it(who: tuple[Identity, ...]) -> None:
    tokens = line(*who)

    parted = traced(tokens, [Ancestry(), Ancestry(is_login=True)])

    assert parted is not None
    assert (parted.kept, parted.left) == ((tokens[0],), (tokens[1],))


def test_tokens_of_one_person_that_were_exchanged_are_dropped_and_those_of_two_are_not() -> None:
    for who, kept in ((ADA, 1), (BOB, None)):
        tokens = line(ADA, who)
        spent = Ancestry((secrets_of(tokens[0].credential)[0],))

        parted = traced(tokens, [Ancestry(), spent])

        assert (None if parted is None else len(parted.kept)) == kept


def test_a_login_seen_late_parts_the_line_though_there_were_loose_tokens_long_before() -> None:
    first, login = TokenPair(2, oauth("a", 2), NOBODY), TokenPair(None, oauth("b"), NOBODY)
    came_from = [Ancestry(), Ancestry(), Ancestry(is_login=True)]

    parted = traced((loose(1, 1), first, login), came_from)
    none = traced((first, loose(1, 1), login), came_from)

    assert parted is not None
    assert parted.left == (login,)
    assert none is None


def test_a_login_by_one_person_once_more_is_parted_from_nothing_whoever_came_after() -> None:
    came_from = [Ancestry(), Ancestry(is_login=True), Ancestry()]

    assert traced(line(ADA, ADA, BOB), came_from) is None


def test_the_last_that_were_refreshed_are_counted_as_well() -> None:
    spent = [replaced(n, ADA, timedelta(0)) for n in range(1, 13)]

    fewer = too_many(*unseen(*spent, in_use(ADA)))

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [*range(5, 13), None]


@pytest.mark.parametrize("logins", [range(13), range(0, 13, 2), range(1, 13, 2)])
def test_logins_by_proof_are_no_refreshed_tokens(logins: range) -> None:
    """Nor are those whose place a login took."""
    line = (*(replaced(n, ADA, timedelta(0)) for n in range(1, 13)), in_use(ADA))

    assert too_many(line, [Ancestry(is_login=n in logins) for n in range(13)]) is None


def test_tokens_whose_place_a_login_took_stay_however_often_that_is_refreshed() -> None:
    line = (*(replaced(n, ADA, timedelta(0)) for n in range(1, 20)), in_use(ADA))
    came_from = [Ancestry(is_login=n == 1) for n in range(20)]

    fewer = too_many(line, came_from)

    assert fewer is not None
    assert [one.number for one in fewer.kept] == [1, 2, *range(12, 20), None]
    assert too_many(fewer.kept, [came_from[line.index(one)] for one in fewer.kept]) is None


@pytest.mark.parametrize(
    ("tokens", "owner", "is_anothers"),
    [
        pytest.param(replaced(1, NOBODY), ADA, True, id="of nobody knows whom"),
        pytest.param(replaced(1, NOBODY, timedelta(0)), NOBODY, True, id="beside such ones"),
        pytest.param(replaced(1, BOB, timedelta(0)), ADA, True, id="of another"),
        pytest.param(replaced(1, ADA), ADA, True, id="that had time left"),
        pytest.param(replaced(1, ADA, timedelta(0)), ADA, False, id="refreshed"),
    ],
)
def test_tokens_may_be_of_others(tokens: TokenPair, owner: Identity, is_anothers: bool) -> None:  # noqa: FBT001  # a case
    found = of_others(*unseen(tokens, in_use(owner)))

    assert found == ((tokens,) if is_anothers else ())


def test_tokens_that_share_a_secret_are_one_login() -> None:
    same = Secret("REF-CANARY-a1b2c3d4e5f6")
    older, newer = (replace(oauth("a", n), refresh=same) for n in (1, 2))

    pair = TokenPair(1, older, NOBODY, at=NOW)
    assert of_others(*unseen(pair, TokenPair(None, newer, NOBODY))) == ()


def test_what_shares_no_secret_with_the_login_in_use_may_be_another_s() -> None:
    same = TokenPair(1, oauth(refresh=f"{DRAWN}-A", expires_at=NOW), NOBODY)
    other = TokenPair(2, oauth("b", refresh=f"{DRAWN}-B"), NOBODY)
    last = TokenPair(None, oauth(refresh=f"{DRAWN}-A"), NOBODY)

    assert of_others(*unseen(same, other, last)) == (other,)


def test_a_login_that_was_at_its_end_comes_before_one_that_is_likely_alive() -> None:
    alive, spent = replaced(1, NOBODY), replaced(2, NOBODY, timedelta(0))

    assert likeliest_last((alive, spent)) == (spent, alive)


def numbers(line: tuple[TokenPair, ...]) -> list[int | None]:
    return [tokens.number for tokens in line]


@pytest.mark.parametrize("owner", [ADA, NOBODY])
def test_what_is_kept_of_nobody_known_is_split_off(owner: Identity) -> None:
    line = (replaced(1, NOBODY), replaced(2, owner), in_use(owner))

    parted = split_off(line, line[:1])

    assert parted is not None
    assert (numbers(parted.kept), numbers(parted.left)) == ([2, None], [1])


def test_what_is_known_by_the_same_name_is_not_split_off() -> None:
    line = (replaced(1, ADA), replaced(2, NOBODY), in_use(ADA))

    assert split_off(line, line[:1]) is None
    assert split_off(line, ()) is None
    parted = split_off(line, line[:2])
    assert parted is not None
    assert (numbers(parted.kept), numbers(parted.left)) == ([1, None], [2])


def test_an_account_stays_with_those_that_it_was_known_by() -> None:
    line = (replaced(1, NOBODY), replaced(2, ADA), in_use(NOBODY))

    parted = split_off(line, line[:2])

    assert parted is not None
    assert (numbers(parted.kept), numbers(parted.left)) == ([1, 2], [None])


def test_of_several_that_are_split_off_the_last_one_likely_lives() -> None:
    """Those at their end may have been refreshed."""
    line = (replaced(1, NOBODY), replaced(2, NOBODY, MINUTE), in_use(ADA))

    parted = split_off(line, line[:2])

    assert parted is not None
    assert numbers(parted.left) == [2, 1]
