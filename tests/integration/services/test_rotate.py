"""Rotating by hand: who is meant, may they be put in, and what it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.context import Context
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import AccountNotFound, NothingToRotateTo, UsageError
from rotator.live import every_home
from rotator.live.swap import Swapped, SwapRequest, swap
from rotator.model import AccountState, EventKind, Limit
from rotator.services import accounts as ledger
from rotator.services.restarts import takes_effect
from rotator.services.rotate import Rotated, plan_rotation, rotate, split_target
from tests.support.builders import ACME, NOW, a_standing, a_state, an_account
from tests.support.builders import oauth as oauth_login
from tests.support.live import NOON, Live, api, oauth, open_live, wellknown

SITE = "https://acme.example/opencode"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


@pytest.fixture
def three(live: Live) -> Live:
    """Three keys of acme were logged in, the third is live."""
    for name in ("a", "b", "c"):
        live.sees({"acme": api(name)})
    return live


def turn(live: Live, provider: str | None = None, alias: str | None = None) -> Rotated:
    return rotate(live.context, plan_rotation(live.state, provider, alias, live.clock.now))


def rest(live: Live, name: str, **left: float) -> None:
    limit = Limit(AccountState.COOLING, NOON + timedelta(**left), "429, rate limit")
    with live.context.store.transaction():
        live.context.store.set_limit(live.account(name).id, limit)


def test_without_words_the_only_provider_with_two_accounts_is_meant(three: Live) -> None:
    three.sees({"acme": api("c"), "zeta": api("z")})

    done = turn(three)

    assert (done.put.name, three.active("acme")) == ("acme/acme-1", "acme-1")


def test_the_best_other_account_is_chosen_and_why_is_said(three: Live) -> None:
    rest(three, "acme/acme-1", hours=1)

    plan = plan_rotation(three.state, "acme", None, three.clock.now)

    assert plan.to.alias == "acme-2"
    assert "acme-2 is ready" in plan.why
    assert "acme-1 rests until 2026-11-22 13:00 UTC" in plan.why


def test_an_account_is_put_in_by_its_name(three: Live) -> None:
    """Case 16: it is activated with what is stored for it now."""
    turn(three, "acme", "ACME-2")

    assert three.entries() == {"acme": api("b")}
    assert three.events()[-1].why == "asked for by name"


def test_who_is_named_takes_over_from_whoever_is_live(three: Live) -> None:
    plan = plan_rotation(three.state, "acme", "acme-1", three.clock.now)

    assert plan.left is not None
    assert (plan.provider, plan.left.alias, plan.to.alias) == ("acme", "acme-3", "acme-1")


def test_who_is_named_while_their_new_tokens_are_in_doubt_is_refused(live: Live) -> None:
    live.sees({"named": oauth("ada")})
    live.sees({"named": oauth("bob")})
    ada = live.account("named/ada-acme.example")
    limit = Limit(AccountState.COOLING, NOON + timedelta(hours=1), NOT_CONFIRMED)
    with live.context.store.transaction():
        live.context.store.set_limit(ada.id, limit)

    with pytest.raises(NothingToRotateTo, match="waits for new tokens"):
        plan_rotation(live.state, "named", ada.alias, live.clock.now)


@pytest.mark.parametrize(("alias", "active"), [("acme-1", "acme-3"), (None, "acme-1")])
def test_where_a_token_was_spent_meanwhile_another_takes_over_only_if_nobody_was_named(
    three: Live, alias: str | None, active: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(
        plan_rotation(three.state, "acme", "acme-2", three.clock.now), by_name=alias is not None
    )

    def refuse_second(context: Context, request: SwapRequest) -> Swapped | None:
        if request.account == plan.to.id:
            raise NothingToRotateTo("its refresh token was exchanged meanwhile")
        return swap(context, request)

    monkeypatch.setattr(every_home, "swap", refuse_second)
    with (
        contextlib.suppress(NothingToRotateTo)
        if alias is None
        else pytest.raises(NothingToRotateTo)
    ):
        rotate(three.context, plan)

    assert three.active("acme") == active


def test_whoever_shows_accounts_is_told_once_it_is_written_down_what_was_lifted(
    three: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest(three, "acme/acme-1", hours=1)
    seen: list[EventKind] = []
    monkeypatch.setattr(Context, "notify_changed", lambda _: seen.append(three.kinds()[-1]))

    turn(three, "acme", "acme-1")

    assert seen[-1] is three.kinds()[-1] is not EventKind.SWAPPED


def test_an_account_that_is_cooling_may_be_named(three: Live) -> None:
    rest(three, "acme/acme-1", hours=1)

    turn(three, "acme", "acme-1")

    assert three.active("acme") == "acme-1"


def test_a_logged_out_account_may_be_named_and_is_enabled(three: Live) -> None:
    three.sees({})

    turn(three, "acme", "acme-3")

    assert (three.entries(), three.state_of("acme/acme-3")) == (
        {"acme": api("c")},
        AccountState.READY,
    )


def test_an_empty_slot_gets_the_best_account(three: Live) -> None:
    three.sees({})

    done = turn(three, "acme")

    assert (done.left, done.put.alias) == (None, "acme-1")
    assert three.entries() == {"acme": api("a")}


def test_the_only_account_after_a_logout_is_not_put_back_unasked(live: Live) -> None:
    live.sees({"acme": api("a")})
    live.sees({})

    with pytest.raises(NothingToRotateTo):
        turn(live, "acme")

    assert live.entries() == {}


def test_a_disabled_account_is_refused_and_the_way_is_said(three: Live) -> None:
    ledger.disable(three.context, three.account("acme/acme-1"))

    with pytest.raises(NothingToRotateTo, match="is disabled: disabled by you") as caught:
        turn(three, "acme", "acme-1")

    assert (caught.value.exit_code, caught.value.hint) == (
        4,
        "rotator accounts enable acme/acme-1",
    )


def test_a_rejected_account_is_refused_and_the_way_is_said(three: Live) -> None:
    with three.context.store.transaction():
        three.context.store.set_rejected(three.account("acme/acme-1").id, "401, dead")

    with pytest.raises(NothingToRotateTo, match="needs a new login: 401, dead") as caught:
        turn(three, "acme", "acme-1")

    assert caught.value.hint == "log in again: opencode auth login -p acme"


def test_with_nobody_left_it_is_said_who_is_first(three: Live) -> None:
    """Case 53: the user is told which account frees up when."""
    rest(three, "acme/acme-1", hours=2)
    rest(three, "acme/acme-2", hours=1)

    with pytest.raises(NothingToRotateTo, match="acme-2 is first at 2026-11-22 13:00 UTC"):
        turn(three, "acme")

    assert three.active("acme") == "acme-3"


def test_a_provider_without_accounts_is_said(three: Live) -> None:
    with pytest.raises(AccountNotFound, match="there is no account of zeta") as caught:
        turn(three, "zeta")

    assert caught.value.exit_code == 3


def test_an_account_that_is_not_there_is_said(three: Live) -> None:
    with pytest.raises(AccountNotFound, match="there is no account acme/work"):
        turn(three, "acme", "work")


def test_no_second_account_anywhere_is_said(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})

    with pytest.raises(NothingToRotateTo, match="no provider has a second account"):
        turn(live)


def test_several_providers_with_two_accounts_have_to_be_told_apart(three: Live) -> None:
    three.sees({"acme": api("c"), "zeta": api("y")})
    three.sees({"acme": api("c"), "zeta": api("z")})

    with pytest.raises(UsageError, match=r"several providers .*: acme, zeta"):
        turn(three)


def test_rotating_to_who_is_live_changes_nothing(three: Live) -> None:
    before, events = three.file.stat().st_ino, three.events()

    done = turn(three, "acme", "acme-3")

    assert not done.written
    assert (three.file.stat().st_ino, three.events()) == (before, events)


def test_rotating_is_an_event(three: Live) -> None:
    turn(three)

    event = three.events()[-1]
    assert (event.kind, event.from_alias, event.to_alias) == (
        EventKind.SWAPPED,
        "acme-3",
        "acme-1",
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("acme", ("acme", None), id="a provider"),
        pytest.param("acme/acme-1", ("acme", "acme-1"), id="an account"),
        pytest.param("acme/nobody", ("acme", "nobody"), id="an account that is not there"),
        pytest.param(SITE, (SITE, None), id="a URL"),
        pytest.param(f"{SITE}/work", (SITE, "work"), id="an account of a URL"),
        pytest.param("https://other.example", ("https://other.example", None), id="another URL"),
        pytest.param("a/b", ("a/b", None), id="nothing that is there"),
        pytest.param("/x", ("/x", None), id="no provider"),
    ],
)
def test_a_word_means_what_is_there(three: Live, text: str, meant: tuple[str, str | None]) -> None:
    # The site's own id begins with another provider's.
    three.sees({"acme": api("c"), SITE: wellknown("w"), "https://acme.example": wellknown("v")})

    assert split_target(three.state, text) == meant


@pytest.mark.parametrize(
    ("entry", "when"),
    [pytest.param(api("a"), "now", id="key"), pytest.param(oauth("a"), "now", id="login")],
)
def test_with_no_opencode_running_a_swap_applies_now(
    live: Live, entry: dict[str, object], when: str
) -> None:
    live.sees({"acme": entry})

    assert takes_effect(live.context, [], live.account("acme/acme-1")) == when


def test_each_opencode_is_rotated_among_the_logins_it_can_be_given() -> None:
    first, second, third = (an_account(name, oauth_login(name)) for name in "abc")
    alone = replace(
        a_state(first, third, active=first), standings=(a_standing(third, active=True),)
    )
    both = replace(
        a_state(first, second, third, active=first),
        standings=(a_standing(third, active=True), a_standing(second)),
    )

    # Each has one login of its own, and none to go to.
    with pytest.raises(NothingToRotateTo):
        plan_rotation(alone, ACME, None, NOW)
    plan = plan_rotation(both, ACME, None, NOW)
    assert (plan.left, plan.to) == (third, second)
