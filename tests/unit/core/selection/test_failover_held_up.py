"""Whom a failure goes on with while somebody else refreshes the one that should take over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rotator.core.selection.failover import (
    ACK,
    decide,
)
from rotator.core.selection.failover_decision import (
    Renewal,
    SetLimit,
)
from rotator.model import Account, Meaning, Verdict, VerdictKind
from tests.support.builders import (
    MINUTE,
    NOW,
    a_finding,
    a_signal,
    a_state,
    an_account,
    oauth,
)

STALE = an_account("b", oauth("b", expires_at=NOW + MINUTE))
LIVE = an_account("a", oauth("a"))


def retry(account: Account) -> Verdict:
    return Verdict(VerdictKind.RETRY, account.credential.digest)


OTHERS = {
    "one that needs nothing": (an_account("c", oauth("c")), retry, False),
    "one that gets tokens at once": (
        an_account("c", oauth("c", expires_at=NOW + MINUTE)),
        lambda _: ACK,
        True,
    ),
}


@pytest.mark.parametrize(("third", "answer", "freshen"), OTHERS.values(), ids=OTHERS)
def test_one_that_somebody_else_refreshes_is_passed_over_for(
    third: Account, answer: Callable[[Account], Verdict], *, freshen: bool
) -> None:
    state = a_state(LIVE, STALE, third, active=LIVE)

    decision = decide(
        state,
        a_signal(LIVE),
        a_finding(Meaning.EXHAUSTED),
        NOW,
        renewal=lambda one: Renewal.HELD_UP if one == STALE else Renewal.NOW,
    )

    assert decision.order is not None
    assert (decision.order.to, decision.verdict) == (third, answer(third))
    assert decision.freshen is freshen
    assert "b rests until" in decision.order.why
    assert "another process is getting new tokens for it" in decision.order.why
    # Not for that did anything fail.
    assert [mark.account.alias for mark in decision.updates if isinstance(mark, SetLimit)] == ["a"]


@pytest.mark.parametrize(
    "others",
    [
        pytest.param((), id="nobody"),
        pytest.param(
            (an_account("c", oauth("c", expires_at=NOW + MINUTE)),), id="another that is held up"
        ),
        pytest.param((an_account("c", oauth("c", expires_at=NOW)),), id="one that has run out"),
        pytest.param((an_account("c", oauth("c", enterpriseUrl="e.example")),), id="elsewhere"),
    ],
)
def test_one_that_somebody_else_refreshes_is_waited_for_where_there_is_otherwise(
    others: tuple[Account, ...],
) -> None:
    state = a_state(LIVE, STALE, *others, active=LIVE)

    def renewal(account: Account) -> Renewal:
        has_ended = account.credential.expires_at == NOW
        return Renewal.NEVER if has_ended else Renewal.HELD_UP

    decision = decide(state, a_signal(LIVE), a_finding(Meaning.EXHAUSTED), NOW, renewal=renewal)

    assert (decision.freshen, decision.verdict) == (True, ACK)
    assert decision.order is not None
    assert decision.order.to == STALE
