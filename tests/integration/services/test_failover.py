"""Carrying a failover out: verdict, swap and bookkeeping, whatever goes wrong between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from rotator.context import Context
from rotator.errors import NothingToRotateTo, StoreError
from rotator.live.swap import Swapped, SwapRequest, swap
from rotator.model import (
    Account,
    AccountState,
    Credential,
    EventKind,
    Finding,
    Identity,
    Meaning,
    Route,
    Signal,
    Source,
    Verdict,
    VerdictKind,
)
from rotator.model.preferences import Preferences, Priority
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services import failover
from rotator.services.failover import Means, carry_out
from rotator.system.locks import hold_all
from tests.support.live import NOON, Live, api, as_anybody, as_opencode, oauth, open_live
from tests.support.renewing import RENEWING, Vendor

A, B = "acme/acme-1", "acme/acme-2"
LIMITED = Finding(Meaning.SHORT_LIMIT, "429, rate limit")


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


def failed(live: Live, name: str) -> Signal:
    """Return the signal that a request of that account failed."""
    account = live.account(name)
    digest = account.credential.digest
    provider = account.provider
    return Signal("s-1", live.clock.now, provider, Source.BRIDGE, digest, tried=(digest,))


def give_nothing(_: Verdict) -> None:
    """Take a verdict and tell nobody."""


def test_the_verdict_names_the_credential_that_is_in_auth_json_by_then(live: Live) -> None:
    given: list[tuple[Verdict, dict[str, object]]] = []

    carry_out(
        live.context,
        failed(live, B),
        LIMITED,
        answer=lambda verdict: given.append((verdict, live.entries())),
    )

    digest = live.account(A).credential.digest
    assert given == [(Verdict(VerdictKind.RETRY, digest), {"acme": api("a")})]


def test_where_a_token_was_spent_meanwhile_it_is_decided_anew(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["its refresh token was exchanged meanwhile"]

    def refuse_once(context: Context, request: SwapRequest) -> Swapped | None:
        if refusals:
            raise NothingToRotateTo(refusals.pop())
        return swap(context, request)

    monkeypatch.setattr(failover, "swap", refuse_once)

    carry_out(live.context, failed(live, B), LIMITED, answer=give_nothing)

    assert live.active("acme") == "acme-1"


def test_the_failed_account_rests_and_the_reasons_are_events(live: Live) -> None:
    carry_out(live.context, failed(live, B), LIMITED, answer=give_nothing)

    assert (live.state_of(B), live.active("acme")) == (AccountState.COOLING, "acme-1")
    assert live.kinds()[-2:] == [EventKind.LIMITED, EventKind.FAILOVER]


def test_of_who_rested_before_nobody_says_that_it_could_not_take_over(live: Live) -> None:
    live.sees({"acme": api("c")})
    carry_out(live.context, failed(live, "acme/acme-3"), LIMITED, answer=give_nothing)
    active = f"acme/{live.active('acme')}"

    carry_out(live.context, failed(live, active), LIMITED, answer=give_nothing)

    assert live.kinds()[-4:] == [EventKind.LIMITED, EventKind.FAILOVER] * 2


def test_an_entry_that_another_program_wiped_meanwhile_is_put_back_by_the_swap(live: Live) -> None:
    """The watcher sees each write: who writes another entry logs nobody out."""
    live.sees({"acme": api("b"), "zeta": api("z")})
    signal = failed(live, B)
    live.write({"acme": api("b"), "beta": api("x")})

    carry_out(live.context, signal, LIMITED, answer=give_nothing)

    assert live.entries() == {"acme": api("a"), "beta": api("x"), "zeta": api("z")}


@pytest.mark.parametrize(
    ("who", "takes_over"), [("this process", "ada-acme.example"), ("another", "cem-acme.example")]
)
def test_who_is_refreshed_here_is_waited_for_and_who_is_elsewhere_is_passed_over(
    home: Path, who: str, takes_over: str
) -> None:
    vendor, asked = Vendor(), list[str]()
    with open_live(home, registry=vendor.registry()) as live:
        for name, left in (("ada", -1), ("cem", -1), ("bob", 60)):
            live.sees({RENEWING: oauth(name, left=timedelta(minutes=left))})
            live.clock.pass_time(minutes=10)
        ada = live.account(f"{RENEWING}/ada-acme.example")
        held = hold_all([live.paths.refresh_lock(ada.id)], patience_seconds=0)
        assert held is not None

        def freshen(account: Account) -> bool:
            asked.append(account.alias)
            return False

        here = (ada.id,) if who == "this process" else ()
        means = Means(freshen, under_way=here)
        signal = failed(live, f"{RENEWING}/bob-acme.example")
        carry_out(live.context, signal, LIMITED, answer=give_nothing, means=means)
        held.release()

        assert asked == [takes_over]


def test_a_dead_login_is_noted_for_the_account_and_its_provider(live: Live) -> None:
    dead = Finding(Meaning.LOGIN_DEAD, "401, login no longer accepted")

    carry_out(live.context, failed(live, B), dead, answer=give_nothing)

    assert live.state_of(B) is AccountState.REJECTED
    assert live.state.slot("acme").rejected_at == live.clock.now


def test_an_overload_is_noted_for_the_provider_alone(live: Live) -> None:
    overload = Finding(Meaning.OVERLOAD, "529, trouble at the provider")

    carry_out(live.context, failed(live, B), overload, answer=give_nothing)

    assert (live.state_of(B), live.active("acme")) == (AccountState.READY, "acme-1")
    assert live.state.slot("acme").overload_swap_at == live.clock.now


def test_a_swap_that_cannot_be_made_passes_marks_and_says_what_stood_in_the_way(live: Live) -> None:
    given: list[Verdict] = []
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)

    with as_anybody():
        carry_out(live.context, failed(live, B), LIMITED, answer=given.append)

    live.file.parent.chmod(0o700)
    live.file.chmod(0o600)
    assert given == [Verdict(VerdictKind.PASS)]
    assert (live.state_of(B), live.entries()) == (AccountState.COOLING, {"acme": api("b")})
    assert "acme-1 could not take over" in live.events()[-1].why
    assert live.kinds()[-2:] == [EventKind.LIMITED, EventKind.PROBLEM]


def test_a_turn_goes_on_elsewhere_though_nobody_can_be_put_in_for_others(live: Live) -> None:
    """What is ready of its provider is for another place: it would not have used that."""
    for provider in ("acme", "zeta"):
        live.clock.pass_time(minutes=1)
        live.sees({"acme": api("b"), provider: api("c", metadata={"host": "eu"})})
    live.sees({"acme": api("b"), "zeta": api("z")})
    ledger.disable(live.context, live.account(A))
    wishes = Preferences(priorities=(Priority("acme", "m"), Priority("zeta", "m")))
    context = replace(live.context, preferences=lambda: wishes)
    given: list[Verdict] = []
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)

    with as_anybody():
        signal = replace(failed(live, B), model="m", opencode="serve")
        carry_out(context, signal, LIMITED, answer=given.append)

    live.file.parent.chmod(0o700)
    live.file.chmod(0o600)
    assert [(verdict.kind, verdict.to) for verdict in given] == [
        (VerdictKind.REROUTE, Route("zeta", "m"))
    ]
    assert "could not take over" in live.events()[-1].why


def test_whoever_waits_is_answered_where_the_store_takes_no_spent_login(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Context) -> NoReturn:
        message = "the disk is full"
        raise StoreError(message)

    given: list[Verdict] = []
    monkeypatch.setattr(failover, "reject_spent", refuse)

    with pytest.raises(StoreError):
        carry_out(live.context, failed(live, B), LIMITED, answer=given.append)

    assert given == [Verdict(VerdictKind.PASS)]


def test_a_request_that_passes_does_not_wait_for_what_is_written_down(live: Live) -> None:
    stands: list[AccountState] = []
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)

    with as_anybody():
        carry_out(
            live.context,
            failed(live, B),
            LIMITED,
            answer=lambda _: stands.append(live.state_of(B)),
        )

    live.file.parent.chmod(0o700)
    live.file.chmod(0o600)
    assert [*stands, live.state_of(B)] == [AccountState.READY, AccountState.COOLING]


def test_a_verdict_that_cannot_be_written_costs_no_bookkeeping(live: Live) -> None:
    """Else the account would be taken for ready, and its swap for a login of the user's."""

    def fail(_: Verdict) -> None:
        raise OSError(28, "No space left on device")

    carry_out(live.context, failed(live, B), LIMITED, answer=fail)
    live.look()

    assert (live.state_of(B), live.active("acme")) == (AccountState.COOLING, "acme-1")
    assert live.kinds()[-2:] == [EventKind.LIMITED, EventKind.FAILOVER]


def test_a_swap_that_is_undone_at_once_is_written_down_once(live: Live) -> None:
    old = live.file.read_bytes()

    def undo(_: Verdict) -> None:
        live.write(old)

    carry_out(live.context, failed(live, B), LIMITED, answer=undo)

    assert live.kinds()[-3:] == [EventKind.LIMITED, EventKind.FAILOVER, EventKind.PROBLEM]


def test_a_login_made_meanwhile_is_decided_about_anew(live: Live) -> None:
    """Case 14: the login in progress is not overwritten, and the request goes on with it."""
    given: list[Verdict] = []
    signal = failed(live, B)
    live.write({"acme": api("c")})

    carry_out(live.context, signal, LIMITED, answer=given.append)

    assert (live.entries(), live.active("acme")) == ({"acme": api("c")}, "acme-3")
    assert given == [Verdict(VerdictKind.RETRY, live.account("acme/acme-3").credential.digest)]
    assert live.state_of(B) is AccountState.COOLING


def test_a_refresh_made_meanwhile_is_what_the_verdict_names(live: Live) -> None:
    """Case 49: never the older pair."""
    live.sees({"named": oauth("bob")})
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob")})
    signal = failed(live, "named/bob-acme.example")
    given: list[Verdict] = []
    left = [live.account("named/ada-acme.example")]

    def refresh_once() -> None:
        if left:
            newer = parsed(oauth("ada", 2))
            with live.context.store.transaction():
                live.context.store.renew_credential(left.pop(), newer, Identity(), NOON)

    # The clock is read after the state that the decision is made from.
    live.clock.when_asked = refresh_once
    carry_out(live.context, signal, LIMITED, answer=given.append)

    assert live.entries()["named"] == oauth("ada", 2)
    assert given[0].credential == parsed(oauth("ada", 2)).digest


def parsed(entry: dict[str, object]) -> Credential:
    return parse_entry("named", Secret(as_opencode(entry).decode()))


def test_one_account_alone_changes_nothing_but_its_own_rest(home: Path) -> None:
    with open_live(home) as live:
        content = live.write({"acme": api("a")})
        live.look()
        given: list[Verdict] = []

        carry_out(live.context, failed(live, A), LIMITED, answer=given.append)

        assert given == [Verdict(VerdictKind.PASS)]
        assert live.file.read_bytes() == content
