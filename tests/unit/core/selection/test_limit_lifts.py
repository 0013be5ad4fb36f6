"""What lifts a limit before its time, and what it leaves of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from rotator.core.selection.limit_lifts import (
    Answered,
    LimitUpdate,
    held_since,
    is_lifted,
    kept_name,
    lifted,
    lifted_by_answer,
    lifted_by_hand,
)
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.model import Limit
from tests.support.builders import HOUR, MINUTE, NOW, SECOND, a_limit, an_account

LARGE, SMALL = "opus-4", "haiku-4"
AGO = NOW - HOUR


def a_failure(**fields: Any) -> Limit:
    """Return a limit of an hour ago that lasts for days."""
    return replace(a_limit(NOW + 24 * HOUR), **({"since": AGO} | fields))


def over(limit: Limit) -> Limit:
    """Return what is left of a limit that is lifted: it ended when it began."""
    return replace(limit, until=limit.since or NOW)


def answered(model: str | None = LARGE, **fields: Any) -> Answered:
    return Answered(**({"model": model, "sent_at": NOW - SECOND} | fields))


def test_a_limit_that_is_lifted_ends_when_it_began_and_is_known_to_be() -> None:
    limit = a_failure(strikes=3)

    after = lifted(limit, NOW)

    assert after == replace(limit, until=AGO)
    assert (is_lifted(after), is_lifted(limit)) == (True, False)


@pytest.mark.parametrize("since", [None, NOW + HOUR])
def test_one_of_which_nobody_knows_since_when_ends_now(since: Any) -> None:
    after = lifted(a_failure(since=since), NOW)

    assert (after.since, after.until, is_lifted(after)) == (NOW, NOW, True)


def test_a_limit_of_an_older_store_was_not_lifted() -> None:
    assert not is_lifted(a_failure(since=None, until=AGO))


@pytest.mark.parametrize("sent_at", [NOW - SECOND, NOW])
def test_an_answer_lifts_a_limit_whatever_end_was_stated(sent_at: datetime) -> None:
    account = an_account(limit=a_failure(is_stated=True, asked=LARGE))

    changed = lifted_by_answer([account], account, answered(sent_at=sent_at), NOW)

    assert account.limit is not None
    assert changed == [LimitUpdate(account, over(account.limit), is_lifted=True)]


@pytest.mark.parametrize(
    ("limit", "answer"),
    [
        pytest.param(a_failure(), answered(sent_at=AGO), id="sent as the limit began"),
        pytest.param(a_failure(), answered(sent_at=AGO - MINUTE), id="sent before"),
        pytest.param(a_failure(), answered(sent_at=NOW + SECOND), id="sent by another clock"),
        pytest.param(a_failure(until=NOW), answered(), id="over already"),
        pytest.param(a_failure(reason=NOT_CONFIRMED), answered(), id="of tokens, not of requests"),
        pytest.param(a_failure(), answered(SMALL, aside=True), id="a title, and nobody knows"),
        pytest.param(a_failure(model=LARGE), answered(SMALL), id="of another model"),
        pytest.param(a_failure(model=LARGE), answered(None), id="of a model that nobody knows"),
    ],
)
def test_any_other_answer_changes_nothing(limit: Limit, answer: Answered) -> None:
    account = an_account(
        limit=None if limit.model else limit, part_limits=(limit,) if limit.model else ()
    )

    assert lifted_by_answer([account], account, answer, NOW) == []


def test_where_nobody_knows_what_was_refused_the_answer_to_a_turn_lifts() -> None:
    account = an_account(limit=a_failure(since=None))

    (change,) = lifted_by_answer([account], account, answered(None), NOW)

    assert change.is_lifted


def test_an_answer_lifts_the_limit_on_its_family_of_models_and_no_other() -> None:
    family, other = a_failure(model="Opus"), a_failure(model="Sonnet")
    account = an_account(part_limits=(family, other))

    changed = lifted_by_answer([account], account, answered(), NOW)

    assert changed == [LimitUpdate(account, over(family), is_lifted=True)]


@pytest.mark.parametrize("answer", [answered(SMALL), answered(SMALL, aside=True)])
def test_another_model_s_answer_leaves_the_limit_to_the_model_that_was_refused(
    answer: Answered,
) -> None:
    account = an_account(limit=a_failure(asked=LARGE))
    assert account.limit is not None

    changed = lifted_by_answer([account], account, answer, NOW)

    assert changed == [
        LimitUpdate(account, over(account.limit), is_lifted=True),
        LimitUpdate(account, replace(account.limit, model=LARGE, asked=None), is_lifted=False),
    ]


def test_a_longer_limit_on_that_model_stays() -> None:
    longer = a_failure(model=LARGE, until=NOW + 48 * HOUR)
    account = an_account(limit=a_failure(asked=LARGE), part_limits=(longer,))

    (change,) = lifted_by_answer([account], account, answered(SMALL), NOW)

    assert change.is_lifted


def test_a_shorter_limit_on_that_model_gives_way() -> None:
    shorter = a_failure(model=LARGE, until=NOW + HOUR)
    account = an_account(limit=a_failure(asked=LARGE), part_limits=(shorter,))

    changed = lifted_by_answer([account], account, answered(SMALL), NOW)

    assert [change.after.until for change in changed] == [AGO, NOW + 24 * HOUR]


def test_an_answer_lifts_the_limit_of_all_that_are_counted_together() -> None:
    a = an_account("a", group="org", limit=a_failure())
    b = an_account("b", group="org", limit=a_failure(since=AGO - MINUTE))
    newer = an_account("c", group="org", limit=a_failure(since=NOW - SECOND))
    own = an_account("d", group="org", limit=a_failure(is_own=True))
    free = an_account("e", group="org")
    ended = an_account("f", group="org", limit=a_failure(until=NOW - MINUTE))
    other = an_account("g", limit=a_failure(reason="another failure"))

    changed = lifted_by_answer([a, b, newer, own, free, ended, other], a, answered(), NOW)

    assert [change.account.alias for change in changed] == ["a", "b"]


def test_an_answer_lifts_one_s_own_limit_alone_where_it_is_its_own() -> None:
    a = an_account("a", group="org", limit=a_failure(is_own=True))
    b = an_account("b", group="org", limit=a_failure())

    assert [c.account.alias for c in lifted_by_answer([a, b], a, answered(), NOW)] == ["a"]


def test_a_limit_by_address_that_one_failure_told_of_ends_for_all() -> None:
    by_address = a_failure(model="free")
    accounts = [an_account(alias, part_limits=(by_address,)) for alias in "ab"]
    elsewhere = an_account("c", provider="zeta", part_limits=(by_address,))

    changed = lifted_by_answer([*accounts, elsewhere], accounts[0], answered("free-1"), NOW)

    assert [change.account for change in changed] == accounts


def test_a_person_lifts_all_limits_of_an_account() -> None:
    part = a_failure(model=LARGE)
    account = an_account(limit=a_failure(is_stated=True), part_limits=(part,))
    other = an_account("b", limit=a_failure(reason="another failure"))

    changed = lifted_by_hand([account, other], account, NOW)

    assert account.limit is not None
    assert changed == [
        LimitUpdate(account, over(account.limit), is_lifted=True),
        LimitUpdate(account, over(part), is_lifted=True),
    ]


def test_a_person_s_word_holds_for_all_that_are_counted_together() -> None:
    a = an_account("a", group="org", limit=a_failure())
    b = an_account("b", group="org", limit=a_failure())

    assert [change.account for change in lifted_by_hand([a, b], a, NOW)] == [a, b]


def test_tokens_that_may_be_spent_are_tried_by_nobody_s_word() -> None:
    account = an_account(limit=a_failure(reason=NOT_CONFIRMED))

    assert lifted_by_hand([account], account, NOW) == []


def test_the_bridge_is_told_since_when_the_newest_limit_holds() -> None:
    newest = a_failure(model=LARGE, since=NOW - MINUTE)
    account = an_account(limit=a_failure(), part_limits=(newest,))

    assert held_since(account, NOW) == NOW - MINUTE
    assert held_since(an_account(limit=a_failure()), NOW) == AGO


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(None, id="none"),
        pytest.param(a_failure(until=NOW), id="over"),
        pytest.param(a_failure(since=None), id="of an older store"),
        pytest.param(a_failure(reason=NOT_CONFIRMED), id="of tokens"),
    ],
)
def test_of_no_other_limit_the_bridge_has_to_tell(limit: Limit | None) -> None:
    assert held_since(an_account(limit=limit), NOW) is None


@pytest.mark.parametrize(
    "model", ["gpt-5.5", "anthropic/claude-opus-4", "us.model-v2:0", "a" * 120]
)
def test_the_name_of_the_model_that_was_asked_is_kept(model: str) -> None:
    assert kept_name(model) == model


@pytest.mark.parametrize("model", [None, "", "two words", "a\nb", "a" * 121])
def test_what_is_no_plain_name_is_not_written_down(model: str | None) -> None:
    assert kept_name(model) is None
