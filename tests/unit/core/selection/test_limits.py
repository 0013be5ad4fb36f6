"""What limits are counted for: some models, or all; one account, or several together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rotator.core.selection.limits import (
    concerns,
    is_ready,
    limit_on,
    limits_of,
    members,
    of_tokens_in_use,
    pinned,
    shared,
    with_limit,
)
from rotator.model import Account, AccountState, Limit
from tests.support.builders import ACME, HOUR, MINUTE, NOW, a_limit, an_account


def a_part(model: str = "Opus", **fields: object) -> Limit:
    """Return a limit on some models, of an hour."""
    return replace(a_limit(), model=model, **fields)  # type: ignore[arg-type]  # any field of it


@pytest.mark.parametrize(
    ("scope", "model", "expected"),
    [
        pytest.param(None, "claude-opus-4-5", True, id="everything"),
        pytest.param(None, None, True, id="everything, for who knows what"),
        pytest.param("Opus", None, False, id="a family, for who knows what"),
        pytest.param("Opus", "claude-opus-4-5", True, id="a family"),
        pytest.param("Opus", "claude-sonnet-4-5", False, id="another family"),
        pytest.param("GPT-5.3-Codex-Spark", "gpt-5.3-codex-spark", True, id="a display name"),
        pytest.param("GPT-5.3-Codex-Spark", "gpt-5.3-codex", False, id="the larger sibling"),
        pytest.param("Claude & GPT", "gpt-5-mini", True, id="one of two"),
        pytest.param("Claude and GPT models", "claude-opus-4-5", True, id="with the word models"),
        pytest.param("Claude and GPT models", "gemini-3-pro", False, id="none of two"),
        pytest.param("Gemini Models", "gemini-3-pro", True, id="a vendor's models"),
        pytest.param("models", "gemini-3-pro", False, id="a name that names nothing"),
    ],
)
def test_a_limit_counts_for_the_models_it_names(
    scope: str | None, model: str | None, *, expected: bool
) -> None:
    assert concerns(scope, model) is expected


def test_an_account_that_rests_for_one_model_is_ready_for_the_others() -> None:
    account = an_account(part_limits=(a_part(),))

    assert not is_ready(account, "claude-opus-4-5", NOW)
    assert is_ready(account, "claude-sonnet-4-5", NOW)
    assert is_ready(account, None, NOW)
    assert account.state_at(NOW) is AccountState.READY


def test_when_the_rest_is_over_it_is_ready_for_all() -> None:
    account = an_account(part_limits=(a_part(until=NOW),))

    assert is_ready(account, "claude-opus-4-5", NOW)


@pytest.mark.parametrize(
    "account",
    [an_account(disabled="why"), an_account(rejected="why")],
    ids=["disabled", "rejected"],
)
def test_an_account_that_is_out_is_ready_for_nothing(account: Account) -> None:
    assert not is_ready(account, "any", NOW)


def test_of_several_limits_the_one_that_ends_last_comes_first() -> None:
    whole, part = a_limit(NOW + MINUTE), a_part(until=NOW + HOUR)
    account = an_account(limit=whole, part_limits=(part, a_part("Sonnet")))

    assert limits_of(account, "claude-opus-4-5", NOW) == [part, whole]
    assert limits_of(account, None, NOW) == [whole]


def test_a_limit_replaces_the_one_on_the_same_models() -> None:
    older, other, whole = a_part(strikes=1), a_part("Sonnet"), a_limit()
    newer = a_part(strikes=2)
    account = an_account(limit=whole, part_limits=(older, other))

    account = with_limit(account, newer)

    assert (account.limit, set(account.part_limits)) == (whole, {newer, other})
    assert limit_on(account, "Opus") == newer
    assert limit_on(account, "Haiku") is None
    assert limit_on(with_limit(account, newer_whole := a_limit(strikes=3)), None) == newer_whole


def a_member(alias: str, group: str | None = "org", **fields: Any) -> Account:
    return an_account(alias, group=group, **fields)


def test_accounts_of_one_group_have_each_other_s_limits() -> None:
    limit, part = a_limit(NOW + HOUR), a_part()
    a, b = a_member("a", limit=limit, part_limits=(part,)), a_member("b")

    first, second = shared([a, b])

    assert first == a
    assert second.state_at(NOW) is AccountState.COOLING
    assert second.reason_at(NOW) == "429, rate limit; counted together with a"
    assert [one.model for one in second.part_limits] == ["Opus"]


def test_of_two_limits_in_a_group_the_longer_one_counts() -> None:
    long, short = a_limit(NOW + HOUR, reason="long"), a_limit(NOW + MINUTE, reason="short")

    first, second = shared([a_member("a", limit=long), a_member("b", limit=short)])

    assert first.limit == long
    assert second.until_at(NOW) == NOW + HOUR


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(a_member("b", "another"), id="another group"),
        pytest.param(a_member("b", None), id="no group"),
        pytest.param(a_member("b", provider="other"), id="another provider's"),
    ],
)
def test_nobody_else_is_limited_with_them(other: Account) -> None:
    limited = a_member("a", limit=a_limit())

    assert shared([limited, other]) == (limited, other)
    assert members([limited, other], limited) == [limited]


def test_of_unproven_tokens_nobody_knows_with_whom_they_are_limited() -> None:
    one, other = an_account("a", group="org"), an_account("b", group="org", limit=a_limit())

    for pair in ([replace(one, unproven=True), other], [one, replace(other, unproven=True)]):
        assert shared(pair) == tuple(pair)
        assert members(pair, pair[0]) == [pair[0]]


def test_unproven_tokens_have_the_limits_since_they_came_alone() -> None:
    old = [replace(a_limit(), since=NOW - MINUTE), a_part(since=NOW - MINUTE)]
    new = [replace(a_limit(), since=NOW), a_part("Sonnet", since=None)]
    before = an_account("a", limit=old[0], part_limits=(old[1], new[1]))
    after = an_account("a", limit=new[0], part_limits=(old[1],))

    came = of_tokens_in_use(before, NOW)
    assert (came.limit, came.part_limits, came.limits_before) == (None, (new[1],), tuple(old))
    assert of_tokens_in_use(after, NOW).limit == new[0]
    assert of_tokens_in_use(after, NOW).limits_before == (old[1],)


def test_an_account_s_own_limit_is_its_own() -> None:
    limited, other = a_member("a", limit=replace(a_limit(), is_own=True)), a_member("b")

    assert shared([limited, other]) == (limited, other)


def test_the_members_of_a_group_are_found_with_whoever_asks() -> None:
    a, b, c = a_member("a"), a_member("b"), an_account("c")

    assert members([a, b, c], b) == [a, b]
    assert members([a, b, c], c) == [c]
    assert a.provider == ACME


def test_a_rest_that_began_ahead_of_now_lasts_its_own_length_from_now() -> None:
    """The clock was set back by hours since."""
    ahead = replace(a_limit(NOW + 9 * HOUR), since=NOW + 8 * HOUR)

    assert pinned(ahead, NOW) == replace(ahead, since=NOW, until=NOW + HOUR)
    past = replace(ahead, since=NOW - HOUR)
    assert pinned(past, NOW) is past


def test_a_rest_of_which_nobody_knows_when_it_began_stays() -> None:
    limit = a_limit(NOW + HOUR)

    assert pinned(limit, NOW) is limit


def test_of_two_limits_that_end_together_each_keeps_its_own() -> None:
    one, other = (
        an_account(alias, group="org", limit=a_limit(reason=f"of {alias}")) for alias in "ab"
    )

    assert shared([one, other]) == (one, other)


def test_of_limits_that_end_together_the_order_is_that_of_their_names_backwards() -> None:
    account = an_account("a", part_limits=(a_part("Claude"), a_part("Opus")))

    found = limits_of(account, "claude-opus-4-5", NOW)

    assert [one.model for one in found] == ["Opus", "Claude"]
