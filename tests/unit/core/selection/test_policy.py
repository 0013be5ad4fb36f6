"""Which account takes over, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.selection import policy
from rotator.core.selection.policy import (
    Selection,
    choose,
    first_free,
    is_stale,
    nobody_left,
    prefer,
    standing_sentence,
)
from rotator.model import (
    SPENT_ELSEWHERE,
    Account,
    AccountId,
    AccountState,
    Choice,
    Credential,
    Snapshot,
    State,
    Window,
)
from rotator.model.preferences import Failover, Preferences, Strategy
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_limit,
    a_state,
    an_account,
    api,
    oauth,
    wellknown,
    with_account,
)

A, B, C = (an_account(alias) for alias in "abc")
ANYONE = Selection(ACME)


def resting(alias: str, until: datetime = NOW + HOUR, strikes: int = 1) -> Account:
    return an_account(alias, limit=a_limit(until, strikes=strikes))


def chosen(state: State, wanted: Selection = ANYONE, now: datetime = NOW) -> str | None:
    account = choose(state, wanted, now).account
    # Whoever needs no reason gets the same one.
    assert policy.chosen(state, wanted, now) == account
    return account.alias if account else None


def test_the_active_account_stays_while_it_can() -> None:
    """Case 33: the active account is preferred."""
    assert choose(a_state(A, B, active=B), ANYONE, NOW) == Choice(B, "b is live and ready")


def test_a_resting_active_account_gives_way_to_a_sibling() -> None:
    """Case 33: if the active account is cooling, a sibling of the same provider takes over."""
    b = resting("b")

    assert chosen(a_state(A, b, active=b)) == "a"


@pytest.mark.parametrize(
    "unable",
    [
        pytest.param(an_account("a", disabled="by you"), id="disabled"),
        pytest.param(an_account("a", rejected="dead"), id="rejected"),
        pytest.param(an_account("a", limit=a_limit(state=AccountState.EXHAUSTED)), id="exhausted"),
        pytest.param(an_account("a", limit=a_limit()), id="cooling"),
    ],
)
def test_an_account_that_is_not_ready_is_never_chosen(unable: Account) -> None:
    """Case 25: a backup that is disabled or cooling is not chosen."""
    assert [chosen(a_state(unable)), chosen(a_state(unable, B, C))] == [None, "b"]


def test_an_account_is_chosen_again_when_its_rest_is_over() -> None:
    """Case 32: all cooling until a moment means nobody before it, and an account after it."""
    state = a_state(resting("a", NOW + HOUR), resting("b", NOW + 2 * HOUR))

    found = [chosen(state, now=NOW + HOUR - SECOND), chosen(state, now=NOW + HOUR)]

    assert found == [None, "a"]


def test_a_barred_account_is_not_chosen_even_when_it_is_active() -> None:
    assert chosen(a_state(A, B, active=A), Selection(ACME, {A.id})) == "b"


def test_after_a_removal_the_first_of_the_others_by_alias_takes_over() -> None:
    """Case 19: the first remaining account by alias becomes active."""
    assert chosen(a_state(C, B, A, active=A), Selection(ACME, {A.id})) == "b"


def test_other_providers_accounts_are_never_chosen() -> None:
    assert chosen(a_state(A), Selection("zeta")) is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(oauth("b"), id="another kind of credential"),
        pytest.param(wellknown("b"), id="a well-known token"),
        pytest.param(api("b", metadata={"host": "b.example"}), id="another host"),
    ],
)
def test_only_a_credential_for_the_same_place_stands_in(other: Credential) -> None:
    state = a_state(A, an_account("b", other), an_account("c"))

    assert chosen(state, Selection(ACME, {A.id}, A.credential)) == "c"


def test_a_login_at_another_company_s_server_does_not_stand_in() -> None:
    a = an_account("a", oauth("a", enterpriseUrl="https://a.example"))
    b = an_account("b", oauth("b", enterpriseUrl="https://b.example"))
    c = an_account("c", oauth("c", enterpriseUrl="https://a.example"))

    assert chosen(a_state(a, b, c), Selection(ACME, {a.id}, a.credential)) == "c"


def test_for_a_new_request_any_kind_of_credential_will_do() -> None:
    assert chosen(a_state(an_account("a", oauth("a")), B), Selection(ACME, {B.id})) == "a"


def test_an_active_account_for_another_place_serves_the_next_request() -> None:
    b = an_account("b", oauth("b"))

    assert chosen(a_state(A, b, C, active=b), Selection(ACME, {A.id}, A.credential)) == "b"


def test_a_fresh_token_goes_before_one_that_has_run_out() -> None:
    state = a_state(an_account("a", oauth("a", expires_at=NOW - HOUR)), an_account("b", oauth("b")))

    assert chosen(state) == "b"


def test_a_token_that_has_run_out_is_better_than_nobody() -> None:
    assert chosen(a_state(an_account("a", oauth("a", expires_at=NOW - HOUR)))) == "a"


def test_the_account_with_fewer_limits_in_a_row_goes_first() -> None:
    state = a_state(resting("a", NOW - SECOND, strikes=3), resting("b", NOW - SECOND, strikes=2))

    assert chosen(state) == "b"


def test_an_account_that_was_never_limited_goes_before_one_that_was() -> None:
    assert chosen(a_state(resting("a", NOW - SECOND), B)) == "b"


def test_ties_end_in_the_order_of_aliases() -> None:
    assert chosen(a_state(C, B, A)) == "a"


def test_the_sentence_says_what_speaks_against_the_others() -> None:
    state = a_state(
        an_account("a", limit=a_limit(NOW + HOUR, reason="429, rate limit")),
        B,
        an_account("c", rejected="401, login no longer accepted"),
        an_account("d", disabled="disabled by you"),
        an_account("e"),
    )

    why = choose(state, Selection(ACME), NOW).why

    assert why == (
        "b is ready; a rests until 2026-11-22 13:00 UTC (429, rate limit);"
        " c is rejected (401, login no longer accepted); d is disabled (disabled by you)"
    )


def test_the_sentence_names_who_just_failed() -> None:
    wanted = Selection(ACME, {A.id}, A.credential, has_failed=True)

    why = choose(a_state(A, B, C), wanted, NOW).why

    assert why == "b is ready; a just failed"


def test_whoever_is_left_out_by_hand_has_not_failed() -> None:
    assert choose(a_state(A, B, C), Selection(ACME, {A.id}), NOW).why == "b is ready"


def test_nobody_left_says_who_is_first_and_when() -> None:
    """Case 53: the user is told which account frees up when."""
    state = a_state(resting("a", NOW + HOUR), resting("b", NOW + 5 * MINUTE))

    choice = choose(state, ANYONE, NOW)

    assert choice == Choice(
        None, "no other account of acme can take over, b is first at 2026-11-22 12:05 UTC"
    )


def test_nobody_left_promises_nothing_when_nobody_frees_up_by_itself() -> None:
    state = a_state(an_account("a", rejected="dead"), an_account("b", disabled="by you"))

    assert nobody_left(state, ACME, NOW) == "no other account of acme can take over"


@pytest.mark.parametrize("state", [a_state(A, active=A), a_state()], ids=["one", "none"])
def test_with_fewer_than_two_accounts_there_is_no_other(state: State) -> None:
    assert nobody_left(state, ACME, NOW) == "acme has no other account"


def test_an_account_for_another_place_takes_over_from_the_next_start_on() -> None:
    """A10: two logins that really go to two places."""
    state = a_state(resting("a"), an_account("b", oauth("b")))

    choice = choose(state, Selection(ACME, {A.id}, A.credential), NOW)

    assert choice.account == state.of(ACME)[1]
    assert choice.why == (
        "b is ready; it goes to another place: an opencode that is started now uses it, the"
        " request that failed does not; a rests until 2026-11-22 13:00 UTC (429, rate limit)"
    )


def test_the_first_to_be_free_is_told_by_time_and_then_by_alias() -> None:
    state = a_state(resting("c"), resting("b"), resting("a", NOW + 2 * HOUR), an_account("d"))

    free = first_free(state, ACME, NOW)

    assert free is not None
    assert (free[0].alias, free[1]) == ("b", NOW + HOUR)


def test_nobody_is_first_where_nobody_rests() -> None:
    assert first_free(a_state(A, an_account("b", rejected="dead")), ACME, NOW) is None


def test_a_disabled_account_does_not_free_up_by_itself() -> None:
    a = resting("a", NOW + MINUTE)
    state = with_account(a_state(a, resting("b")), a.id, disabled="by you")

    free = first_free(state, ACME, NOW)

    assert free is not None
    assert free[0].alias == "b"


@pytest.mark.parametrize(
    ("expires_at", "stale"),
    [
        pytest.param(NOW - SECOND, True, id="run out"),
        pytest.param(NOW + 19 * SECOND, True, id="about to"),
        pytest.param(NOW + 20 * SECOND, False, id="long enough for a request"),
        pytest.param(None, False, id="never"),
    ],
)
def test_a_token_is_stale_when_it_may_not_outlive_the_request(
    expires_at: datetime | None, *, stale: bool
) -> None:
    assert is_stale(an_account("a", oauth("a", expires_at=expires_at)), NOW) is stale


def test_a_key_is_never_stale() -> None:
    assert not is_stale(A, NOW)


# -- what is known of usage ----------------------------------------------------------------

RESET = NOW + 3 * HOUR


def reads(account: Account, used: float, **fields: Any) -> dict[AccountId, Snapshot]:
    return {account.id: Snapshot(NOW, (Window("5h", used, RESET, **fields),))}


def test_whoever_has_most_left_takes_over_and_the_sentence_has_the_numbers() -> None:
    usage = {**reads(A, 1.0), **reads(B, 0.97), **reads(C, 0.12)}
    state = a_state(A, B, C, active=A, usage=usage)

    choice = choose(state, Selection(ACME, {A.id}, A.credential, has_failed=True), NOW)

    assert choice.account == C
    assert choice.why == (
        "c is ready, 5h 12 % used, resets 2026-11-22 15:00 UTC; a just failed;"
        " b is ready, 5h 97 % used, resets 2026-11-22 15:00 UTC"
    )


@pytest.mark.parametrize(("used", "told"), [(0.29, 29), (0.285, 29), (0.996, 99), (0.003, 1)])
def test_the_sentence_rounds_what_is_used_as_everything_does(used: float, told: int) -> None:
    state = a_state(A, B, active=A, usage=reads(B, used))

    choice = choose(state, Selection(ACME, {A.id}), NOW)

    assert f"b is ready, 5h {told} % used," in choice.why


def test_an_account_that_its_vendor_calls_used_up_is_the_last_resort() -> None:
    state = a_state(A, B, active=A, usage={B.id: Snapshot(NOW, spent=True)})

    choice = choose(state, Selection(ACME, {A.id}), NOW)

    assert (choice.account, choice.why) == (B, "b is ready, nothing is left of it")


def test_a_window_speaks_against_an_account_for_its_own_models_alone() -> None:
    usage = {**reads(B, 1.0, model="Opus"), **reads(C, 0.6)}
    state = a_state(A, B, C, active=A, usage=usage)

    assert choose(state, Selection(ACME, {A.id}, model="claude-opus-4-5"), NOW).account == C
    assert choose(state, Selection(ACME, {A.id}, model="claude-sonnet-4-5"), NOW).account == B


def by(strategy: Strategy, **fields: Any) -> Failover:
    return Failover(strategy, **fields)


@pytest.mark.parametrize(
    ("failover", "why"),
    [
        pytest.param(by(Strategy.HEADROOM), "has more left than a", id="headroom"),
        pytest.param(
            by(Strategy.ORDERED, order={ACME: ("b", "a")}),
            "comes before a in your order",
            id="ordered",
        ),
        pytest.param(
            by(Strategy.STICKY, swap_before_wall=True), "a is about to be used up", id="wall"
        ),
    ],
)
def test_one_that_works_is_left_with_the_reason(failover: Failover, why: str) -> None:
    usage = {**reads(A, 0.96), **reads(B, 0.12)}
    state = a_state(A, B, active=A, usage=usage, failover=failover)

    found = prefer(state, ACME, None, NOW)

    assert found is not None
    assert (found.account, found.is_before_the_wall) == (B, failover.swap_before_wall)
    assert found.why == (
        f"b is ready, 5h 12 % used, resets 2026-11-22 15:00 UTC; {why},"
        " 5h 96 % used, resets 2026-11-22 15:00 UTC"
    )


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(a_state(A, B), id="nobody is live"),
        pytest.param(a_state(replace(A, limit=a_limit()), B, active=A), id="it does not work"),
        pytest.param(a_state(A, replace(B, limit=a_limit()), active=A), id="nobody else does"),
        pytest.param(a_state(A, B, active=A), id="nothing speaks for it"),
    ],
)
def test_else_it_stays(state: State) -> None:
    state = replace(state, preferences=Preferences(by(Strategy.HEADROOM)))

    assert prefer(state, ACME, None, NOW) is None


def spent(left: timedelta | None) -> Account:
    """Return a live account whose refresh token somebody else has exchanged, as it is told."""
    credential = oauth("a", expires_at=None if left is None else NOW + left)
    return replace(A, credential=credential, spent_from=NOW, rejected=SPENT_ELSEWHERE)


@pytest.mark.parametrize(
    ("left", "is_urgent"),
    [(HOUR, False), (2 * MINUTE, False), (2 * MINUTE - SECOND, True), (-HOUR, True), (None, False)],
)
def test_one_that_opencode_may_not_refresh_is_left_before_it_would(
    left: timedelta | None, *, is_urgent: bool
) -> None:
    found = prefer(a_state(spent(left), B, active=spent(left)), ACME, None, NOW)

    assert found is not None
    assert (found.account, found.is_before_the_wall) == (B, is_urgent)
    assert found.why.startswith(f"a needs a login ({SPENT_ELSEWHERE}); b is ready")


def test_it_stays_where_nobody_else_is_ready() -> None:
    state = a_state(spent(HOUR), replace(B, limit=a_limit()), active=spent(HOUR))

    assert prefer(state, ACME, None, NOW) is None


def test_it_stays_until_it_is_told() -> None:
    """What came for its token may stand in auth.json already."""
    account = replace(spent(HOUR), rejected=None)

    assert prefer(a_state(account, B, active=account), ACME, None, NOW) is None


def test_one_that_needs_a_login_is_not_chosen_and_frees_up_never() -> None:
    account = replace(A, spent_from=NOW, limit=a_limit())
    state = a_state(account, replace(B, limit=a_limit(NOW + 2 * HOUR)), C, active=C)

    assert chosen(state, Selection(ACME, {C.id})) is None
    assert first_free(state, ACME, NOW) == (state.of(ACME)[1], NOW + 2 * HOUR)
    assert standing_sentence(state, account, ANYONE, NOW) == f"is rejected ({SPENT_ELSEWHERE})"


def test_a_token_that_has_run_out_is_told() -> None:
    stale = replace(B, credential=oauth("b", expires_at=NOW))
    state = a_state(A, stale, active=A)

    told = standing_sentence(state, stale, Selection(ACME), NOW)

    assert told == "is ready, its access token has run out"


def test_who_takes_over_from_a_spent_login_can_answer_for_the_model_that_is_asked_for() -> None:
    other = replace(B, part_limits=(replace(a_limit(), model="opus"),))
    state = a_state(spent(HOUR), other, active=spent(HOUR))

    assert prefer(state, ACME, "claude-opus-4-5", NOW) is None
    found = prefer(state, ACME, "claude-sonnet-4-5", NOW)
    assert found is not None
    assert found.account == other


def test_one_whose_key_has_run_out_is_left_for_any_that_is_ready() -> None:
    over = replace(A, credential=replace(A.credential, ends_at=NOW))
    lasting = replace(A, credential=replace(A.credential, ends_at=NOW + SECOND))

    found = prefer(a_state(over, B, active=over), ACME, None, NOW)

    assert found is not None
    assert (found.account, found.is_before_the_wall) == (B, False)
    assert found.why.startswith("a needs a login (its key has run out); b is ready")
    assert prefer(a_state(over, active=over), ACME, None, NOW) is None
    assert prefer(a_state(lasting, B, active=lasting), ACME, None, NOW) is None


def test_nobody_chooses_one_whose_key_has_run_out() -> None:
    over = replace(B, credential=replace(B.credential, ends_at=NOW))

    choice = choose(a_state(A, over, active=A), Selection(ACME, {A.id}), NOW)

    assert choice.account is None
