"""Refreshing a parked login: asked once, written down before and after, never twice in hand."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.core.logins.refresh_policy import HANDS_OFF
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import NothingToRotateTo, StoreError, UsageError
from rotator.live.swap import SwapRequest, swap
from rotator.model import (
    NOBODY,
    SPENT_ELSEWHERE,
    AccountState,
    Digest,
    Doubt,
    EventKind,
    Finding,
    Limit,
    Meaning,
    PendingRefresh,
    Signal,
    Source,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.provider import HttpAnswer
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.services.failover import carry_out
from rotator.services.refresh import (
    ask,
    begin,
    ensure_fresh,
    hold_refresh_locks,
    obstacle_now,
    settle_pending_refreshes,
)
from rotator.services.refresh_storing import STORING_SECONDS, Attempt, finish, store_patiently
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.spent_logins import reject_spent
from rotator.storage.kept_answers import keep_answer, kept_answers
from tests.support.descents import seen_refresh
from tests.support.faults import Crash, Seam, at, named
from tests.support.live import Entry, Live, api, full_disk, oauth, open_live
from tests.support.renewing import (
    RENEWING,
    TERMS,
    Renewing,
    Vendor,
    broken,
    cut_off,
    dead,
    says,
    unreachable,
)

ADA, BOB = f"{RENEWING}/ada-acme.example", f"{RENEWING}/bob-acme.example"
RAN_OUT = -timedelta(minutes=1)


def entry(
    person: str, generation: int = 1, *, left: timedelta = timedelta(hours=1)
) -> dict[str, object]:
    return {**oauth(person, generation, left=left), "accountId": person}


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def live(home: Path, vendor: Vendor) -> Iterator[Live]:
    """Return a context in which ada's login is parked and has run out, and bob's is live."""
    with open_live(home, registry=vendor.registry()) as live:
        park(live)
        yield live


def park(live: Live) -> None:
    live.sees({RENEWING: entry("ada", left=RAN_OUT)})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(seconds=HANDS_OFF.total_seconds())


def pending(live: Live) -> list[PendingRefresh]:
    return list(live.state.refreshes.values())


def begun(live: Live) -> Attempt:
    attempt = begin(live.context, live.account(ADA).id)
    assert isinstance(attempt, Attempt)
    return attempt


def told(live: Live) -> list[str]:
    return [event.why for event in live.events()]


# -- what goes well ------------------------------------------------------------------------


def test_a_login_that_has_run_out_gets_new_tokens_and_keeps_its_other_fields(
    live: Live, vendor: Vendor
) -> None:
    ensure_fresh(live.context, live.account(ADA))

    assert vendor.asked == ["REF-CANARY-ada-1"]
    expires = int((live.clock.now + timedelta(hours=1)).timestamp() * 1000)
    assert live.saved(ADA) == {**entry("ada", 2), "expires": expires}
    assert pending(live) == []
    assert live.kinds()[-1] is EventKind.REFRESHED


def test_auth_json_stays_as_it_is(live: Live) -> None:
    before = live.file.read_bytes()

    ensure_fresh(live.context, live.account(ADA))

    assert live.file.read_bytes() == before


def test_a_vendor_that_keeps_its_refresh_token_leaves_it_as_it_is(
    live: Live, vendor: Vendor
) -> None:
    vendor.instead = [lambda _: says(200, access="ACC-CANARY-ada-2", seconds=60)]

    ensure_fresh(live.context, live.account(ADA))

    assert (live.saved(ADA)["access"], live.saved(ADA)["refresh"]) == (
        "ACC-CANARY-ada-2",
        "REF-CANARY-ada-1",
    )


def test_the_old_tokens_are_recognised_as_spent_afterwards(live: Live) -> None:
    ensure_fresh(live.context, live.account(ADA))

    live.sees({RENEWING: entry("ada", left=RAN_OUT)})

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"


def test_a_rotation_puts_the_new_tokens_in(live: Live) -> None:
    rotate(live.context, plan_rotation(live.state, RENEWING, None, live.clock.now))

    assert live.entries()[RENEWING] == live.saved(ADA)
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"


def test_whoever_takes_over_from_a_disabled_account_gets_new_tokens_first(live: Live) -> None:
    ledger.disable(live.context, live.account(BOB))

    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"


def test_whoever_gets_no_tokens_does_not_take_over_from_a_disabled_account(
    live: Live, vendor: Vendor
) -> None:
    vendor.instead = [dead]

    done = ledger.disable(live.context, live.account(BOB))

    assert done.live == BOB.rpartition("/")[2]
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-bob-1"


def test_a_login_that_is_added_and_put_in_gets_new_tokens_first(live: Live, vendor: Vendor) -> None:
    credential = live.account(ADA).credential
    ledger.remove(live.context, live.account(ADA))

    ledger.add(live.context, RENEWING, credential, alias=None, activate=True)

    assert vendor.asked == ["REF-CANARY-ada-1"]
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"


def test_a_dead_login_that_is_added_is_saved_and_not_put_in(live: Live, vendor: Vendor) -> None:
    credential = live.account(ADA).credential
    ledger.remove(live.context, live.account(ADA))
    vendor.instead = [dead]

    done = ledger.add(live.context, RENEWING, credential, alias=None, activate=True)

    assert done.note == "it needs a login: the grant was revoked"
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-bob-1"


# -- what is left alone --------------------------------------------------------------------


def test_good_tokens_are_left_alone(live: Live, vendor: Vendor) -> None:
    live.sees({RENEWING: entry("ada", 2)})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(minutes=3)

    ensure_fresh(live.context, live.account(ADA))

    assert vendor.asked == []


def test_the_live_account_is_opencode_s_to_refresh(live: Live, vendor: Vendor) -> None:
    live.clock.pass_time(hours=2)

    ensure_fresh(live.context, live.account(BOB))

    assert vendor.asked == []


def test_an_account_that_has_just_left_may_still_be_in_an_opencode_s_hands(
    live: Live, vendor: Vendor
) -> None:
    live.clock.pass_time(hours=2)
    vendor.instead = [vendor.exchange]
    rotate(live.context, plan_rotation(live.state, RENEWING, None, live.clock.now))
    vendor.asked.clear()
    live.clock.pass_time(seconds=HANDS_OFF.total_seconds() - 1)

    ensure_fresh(live.context, live.account(BOB))
    assert vendor.asked == []

    live.clock.pass_time(seconds=1)
    ensure_fresh(live.context, live.account(BOB))
    assert vendor.asked == ["REF-CANARY-bob-1"]


def test_where_the_vendor_s_terms_ask_for_it_the_user_has_to_allow_it_first(
    home: Path, vendor: Vendor
) -> None:
    registry = vendor.registry(Renewing(consent=TERMS))
    with open_live(home, registry=registry) as live:
        park(live)
        ensure_fresh(live.context, live.account(ADA))
        assert vendor.asked == []

        done = ledger.allow_refresh(live.context, live.account(ADA), allowed=True)
        ensure_fresh(live.context, live.account(ADA))

        assert done.note == TERMS
        assert vendor.asked == ["REF-CANARY-ada-1"]


def test_a_leave_is_taken_back(home: Path, vendor: Vendor) -> None:
    with open_live(home, registry=vendor.registry(Renewing(consent=TERMS))) as live:
        park(live)
        ledger.allow_refresh(live.context, live.account(ADA), allowed=True)
        ledger.allow_refresh(live.context, live.account(ADA), allowed=False)

        ensure_fresh(live.context, live.account(ADA))

        assert vendor.asked == []


def test_leave_is_asked_for_only_where_it_changes_something(live: Live) -> None:
    with pytest.raises(UsageError, match="needs no leave"):
        ledger.allow_refresh(live.context, live.account(ADA), allowed=True)
    live.sees({**live.entries(), "acme": {"type": "api", "key": "KEY-CANARY-1"}})
    with pytest.raises(UsageError, match="not refreshed by rotator"):
        ledger.allow_refresh(live.context, live.account("acme/acme-1"), allowed=True)


# -- what goes wrong -----------------------------------------------------------------------


def test_a_dead_login_is_rejected_and_not_asked_again(live: Live, vendor: Vendor) -> None:
    vendor.instead = [dead]

    for _ in range(2):
        ensure_fresh(live.context, live.account(ADA))

    assert live.state_of(ADA) is AccountState.REJECTED
    assert live.account(ADA).rejected == "the grant was revoked"
    assert (len(vendor.asked), pending(live)) == (1, [])
    assert live.kinds()[-1] is EventKind.REJECTED


def test_a_vendor_out_of_reach_changes_nothing(live: Live, vendor: Vendor) -> None:
    vendor.instead = [unreachable]

    ensure_fresh(live.context, live.account(ADA))

    assert (live.state_of(ADA), pending(live)) == (AccountState.READY, [])
    assert "could not be refreshed: vendor.example could not be reached" in told(live)


@pytest.mark.parametrize("trouble", [cut_off, broken])
def test_a_login_whose_refresh_is_not_confirmed_rests_for_a_minute(
    live: Live, vendor: Vendor, trouble: Callable[[str], HttpAnswer]
) -> None:
    vendor.instead = [trouble]

    ensure_fresh(live.context, live.account(ADA))

    assert live.state_of(ADA) is AccountState.COOLING
    assert live.account(ADA).reason_at(live.clock.now) == NOT_CONFIRMED
    assert live.account(ADA).until_at(live.clock.now) == live.clock.now + timedelta(minutes=1)
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-1"
    assert live.kinds()[-1] is EventKind.LIMITED


def test_a_token_in_doubt_is_sent_after_a_minute_after_an_hour_and_then_left_to_opencode(
    live: Live, vendor: Vendor
) -> None:
    vendor.instead = [cut_off] * 9

    sent = []
    for minutes in (0, 0.9, 0.2, 59, 2, 600):
        live.clock.pass_time(minutes=minutes)
        ensure_fresh(live.context, live.account(ADA))
        sent.append(len(vendor.asked))

    assert sent == [1, 1, 2, 2, 3, 3]
    assert live.state_of(ADA) is AccountState.READY
    assert "it is left to opencode" in told(live)[-1]


def test_a_doubt_ends_with_the_next_good_answer(live: Live, vendor: Vendor) -> None:
    vendor.instead = [cut_off]
    ensure_fresh(live.context, live.account(ADA))
    live.clock.pass_time(minutes=1)

    ensure_fresh(live.context, live.account(ADA))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert (live.state_of(ADA), pending(live)) == (AccountState.READY, [])


def test_a_doubt_ends_with_a_login(live: Live, vendor: Vendor) -> None:
    vendor.instead = [cut_off]
    ensure_fresh(live.context, live.account(ADA))

    live.sees({RENEWING: entry("ada", 7)})

    assert (live.state_of(ADA), pending(live)) == (AccountState.READY, [])


def test_a_login_ends_no_other_rest(live: Live) -> None:
    limit = Limit(AccountState.EXHAUSTED, live.clock.now + timedelta(hours=1), "used up")
    with live.context.store.transaction():
        live.context.store.set_limit(live.account(ADA).id, limit)

    live.sees({RENEWING: entry("ada", 7)})

    assert live.state_of(ADA) is AccountState.EXHAUSTED


def test_a_token_that_proves_to_be_spent_is_a_dead_login(live: Live, vendor: Vendor) -> None:
    def taken_and_cut_off(refresh: str) -> HttpAnswer:
        vendor.exchange(refresh)
        return cut_off(refresh)

    vendor.instead = [taken_and_cut_off]
    ensure_fresh(live.context, live.account(ADA))
    live.clock.pass_time(minutes=1)

    ensure_fresh(live.context, live.account(ADA))

    assert live.state_of(ADA) is AccountState.REJECTED


def test_a_vendor_out_of_reach_leaves_an_older_doubt_as_it_was(live: Live, vendor: Vendor) -> None:
    vendor.instead = [cut_off, unreachable]
    ensure_fresh(live.context, live.account(ADA))
    live.clock.pass_time(minutes=1)

    ensure_fresh(live.context, live.account(ADA))

    assert [p.attempts for p in pending(live)] == [1]


def test_a_login_in_doubt_is_not_put_in_although_its_access_token_is_good(
    live: Live, vendor: Vendor
) -> None:
    live.sees({RENEWING: entry("ada", 2, left=timedelta(minutes=5))})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(minutes=2)
    vendor.instead = [cut_off]

    with pytest.raises(NothingToRotateTo):
        rotate(live.context, plan_rotation(live.state, RENEWING, None, live.clock.now))

    assert vendor.asked == ["REF-CANARY-ada-2"]
    assert live.active(RENEWING) == "bob-acme.example"


def test_a_rotation_takes_another_account_when_the_best_one_gets_no_tokens(
    live: Live, vendor: Vendor
) -> None:
    live.sees({RENEWING: entry("cem", left=timedelta(minutes=1))})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(minutes=2)
    vendor.instead = [dead]

    done = rotate(live.context, plan_rotation(live.state, RENEWING, None, live.clock.now))

    assert (done.put.alias, done.why.split(";")[0]) == (
        "cem-acme.example",
        "cem-acme.example is ready",
    )
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-cem-2"


@pytest.mark.parametrize(
    ("trouble", "why"), [(dead, "needs a new login"), (cut_off, "waits for new tokens")]
)
def test_an_account_that_is_named_and_gets_no_tokens_is_not_put_in(
    live: Live, vendor: Vendor, trouble: Callable[[str], HttpAnswer], why: str
) -> None:
    vendor.instead = [trouble]
    before = live.file.read_bytes()
    plan = plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)

    with pytest.raises(NothingToRotateTo, match=why):
        rotate(live.context, plan)

    assert live.file.read_bytes() == before


def test_a_token_that_somebody_else_was_seen_to_exchange_is_not_sent_again(
    live: Live, vendor: Vendor
) -> None:
    seen_refresh(live, entry("ada", left=RAN_OUT), entry("ada", 2))
    live.look()

    reject_spent(live.context)
    with pytest.raises(NothingToRotateTo, match="needs a new login"):
        rotate(
            live.context, plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
        )

    assert vendor.asked == []
    (told,) = [one for one in live.events() if one.kind is EventKind.REJECTED]
    assert (told.account, told.why) == (ADA, f"{SPENT_ELSEWHERE}; it needs a login")

    # Whoever has the new tokens brings them here at last.
    live.sees({RENEWING: entry("ada", 2)})
    reject_spent(live.context)

    assert live.account(ADA).rejected is None


def test_a_token_that_its_vendor_left_as_it_was_is_sent_again(live: Live, vendor: Vendor) -> None:
    before = entry("ada", left=RAN_OUT)
    seen_refresh(live, before, {**before, "access": "ACC-CANARY-ada-2"})
    live.look()

    reject_spent(live.context)
    ensure_fresh(live.context, live.account(ADA))

    assert vendor.asked == ["REF-CANARY-ada-1"]
    assert live.account(ADA).rejected is None


def test_whoever_takes_over_has_no_token_that_somebody_else_has_exchanged(
    live: Live, vendor: Vendor
) -> None:
    seen_refresh(live, entry("ada", left=RAN_OUT), entry("ada", 2))
    live.look()
    digest = live.account(BOB).credential.digest
    signal = Signal("s-1", live.clock.now, RENEWING, Source.BRIDGE, digest, tried=(digest,))
    limited = Finding(Meaning.SHORT_LIMIT, "429, rate limit")

    carry_out(live.context, signal, limited, answer=lambda _: None)

    assert vendor.asked == []
    assert live.active(RENEWING) == "bob-acme.example"
    assert live.account(ADA).rejected == SPENT_ELSEWHERE


def test_an_account_that_is_removed_while_its_vendor_is_asked_leaves_nothing(
    live: Live, vendor: Vendor
) -> None:
    def remove(refresh: str) -> HttpAnswer:
        ledger.remove(live.context, live.account(ADA))
        return vendor.exchange(refresh)

    vendor.instead = [remove]

    ensure_fresh(live.context, live.account(ADA))

    assert (live.names(), pending(live)) == ([BOB], [])


@pytest.mark.parametrize("trouble", [dead, cut_off, unreachable])
def test_a_login_that_comes_while_the_vendor_is_asked_is_not_blamed_for_the_old_tokens(
    live: Live, vendor: Vendor, trouble: Callable[[str], HttpAnswer]
) -> None:
    def log_in(refresh: str) -> HttpAnswer:
        live.sees({RENEWING: entry("ada", 7)})
        return trouble(refresh)

    vendor.instead = [log_in]

    ensure_fresh(live.context, live.account(ADA))

    assert (live.state_of(ADA), pending(live)) == (AccountState.READY, [])
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-7"


def test_a_login_that_comes_while_the_vendor_is_asked_stays_the_newest(
    live: Live, vendor: Vendor
) -> None:
    def log_in(refresh: str) -> HttpAnswer:
        live.sees({RENEWING: entry("ada", 7)})
        return vendor.exchange(refresh)

    vendor.instead = [log_in]

    ensure_fresh(live.context, live.account(ADA))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-7"
    second = (RENEWING, Digest(digest_of("REF-CANARY-ada-2")))
    assert live.state.digests[second] == live.account(ADA).id


def test_an_account_that_was_put_in_meanwhile_gets_its_new_tokens_in_auth_json_too(
    live: Live, vendor: Vendor
) -> None:
    def put_in(refresh: str) -> HttpAnswer:
        # By somebody who knows nothing of us.
        live.sees({RENEWING: live.saved(ADA)})
        return vendor.exchange(refresh)

    vendor.instead = [put_in]

    ensure_fresh(live.context, live.account(ADA))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert live.entries()[RENEWING] == live.saved(ADA)


def test_new_tokens_are_not_put_over_a_login_that_nobody_has_seen_yet(
    live: Live, vendor: Vendor
) -> None:
    def put_in_and_log_in(refresh: str) -> HttpAnswer:
        # By somebody who knows nothing of us.
        live.sees({RENEWING: live.saved(ADA)})
        live.write({RENEWING: entry("cem")})
        return vendor.exchange(refresh)

    vendor.instead = [put_in_and_log_in]

    ensure_fresh(live.context, live.account(ADA))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert live.entries() == {RENEWING: entry("cem")}
    assert live.active(RENEWING) == "cem-acme.example"


def test_new_tokens_that_cannot_go_into_auth_json_yet_go_there_at_the_next_look(
    live: Live, vendor: Vendor
) -> None:
    def put_in_and_tear(refresh: str) -> HttpAnswer:
        # By somebody who knows nothing of us.
        live.sees({RENEWING: live.saved(ADA)})
        whole.append(live.file.read_bytes())
        live.write(whole[0][:9])
        return vendor.exchange(refresh)

    whole: list[bytes] = []
    vendor.instead = [put_in_and_tear]
    ensure_fresh(live.context, live.account(ADA))
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"

    live.sees(whole[0])

    assert live.entries()[RENEWING] == live.saved(ADA)


def test_a_fault_of_ours_while_asking_counts_as_a_doubt(live: Live, vendor: Vendor) -> None:
    def fault(_: str) -> HttpAnswer:
        raise KeyError

    vendor.instead = [fault]

    ensure_fresh(live.context, live.account(ADA))

    assert live.account(ADA).reason_at(live.clock.now) == NOT_CONFIRMED


def test_nothing_is_sent_whose_intent_cannot_be_written_down(live: Live, vendor: Vendor) -> None:
    with full_disk(), pytest.raises(StoreError):
        ensure_fresh(live.context, live.account(ADA))

    assert vendor.asked == []


def test_an_answer_that_cannot_be_stored_can_be_stored_later(live: Live, vendor: Vendor) -> None:
    attempt = begun(live)
    answer = ask(vendor, attempt)
    with full_disk(), pytest.raises(StoreError):
        finish(live.context, attempt, answer)

    finish(live.context, attempt, answer)

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"


@pytest.mark.parametrize("table", ["refresh", "descent", "tenure"])
def test_an_answer_is_stored_though_the_store_is_damaged_while_the_vendor_is_asked(
    live: Live, vendor: Vendor, table: str
) -> None:
    def damage(refresh: str) -> HttpAnswer:
        with contextlib.closing(sqlite3.connect(live.paths.store)) as other:
            other.execute(f"DROP TABLE {table}")
        return vendor.exchange(refresh)

    vendor.instead = [damage]

    with Seam().watching() as trace:
        ensure_fresh(live.context, live.account(ADA))

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    # It is mended when it is met, and not when patience ends.
    assert sum(step.name == "sleep" for step in trace) < 10
    assert pending(live) == []


def test_an_answer_that_cannot_be_stored_for_seconds_is_no_longer_waited_with(
    live: Live, vendor: Vendor
) -> None:
    attempt = begun(live)
    answer = ask(vendor, attempt)

    began = time.monotonic()
    with Seam().watching() as trace, full_disk(), pytest.raises(StoreError):
        store_patiently(live.context, attempt, answer)

    assert any(step.name == "sleep" for step in trace)
    assert STORING_SECONDS <= time.monotonic() - began < 4 * STORING_SECONDS


def test_whoever_has_good_tokens_by_now_is_said_to_have_them(live: Live) -> None:
    assert begin(live.context, live.account(BOB).id) == "bob-acme.example has good tokens"


@pytest.mark.parametrize("entry", [None, api("k")], ids=["removed", "an API key by now"])
def test_whoever_has_no_refresh_token_by_now_is_said_to_have_none(
    live: Live, entry: Entry | None
) -> None:
    account = live.account(BOB)
    with live.context.store.transaction():
        if entry is None:
            live.context.store.remove_account(account, live.clock())
        else:
            credential = parse_entry(RENEWING, Secret(json.dumps(entry)))
            live.context.store.renew_credential(account, credential, NOBODY, live.clock())

    assert begin(live.context, account.id) == "there is no refresh token any more"


def test_new_tokens_that_we_have_got_are_known_to_come_from_the_old_ones(live: Live) -> None:
    old = live.account(ADA).credential

    ensure_fresh(live.context, live.account(ADA))

    new = live.account(ADA).credential
    found = live.context.store.descent(new.digest)
    assert found is not None
    assert old.refresh is not None
    assert (found.is_login, found.came_from) == (False, old.refresh.digest())


# -- crashes -------------------------------------------------------------------------------


def test_an_answer_that_a_dead_process_stored_is_adopted_at_the_next_start(live: Live) -> None:
    attempt = begun(live)
    new = Secret(live.account(ADA).credential.entry.reveal().replace("-1", "-2"))
    with live.context.store.transaction():
        live.context.store.answer_refresh(attempt.pending, new)

    settle_pending_refreshes(live.context)

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert pending(live) == []


def test_new_tokens_of_a_live_account_go_into_auth_json_though_whoever_got_them_died(
    live: Live,
) -> None:
    attempt = begun(live)
    live.sees({RENEWING: live.saved(ADA)})
    new = Secret(live.account(ADA).credential.entry.reveal().replace("-1", "-2"))
    with live.context.store.transaction():
        live.context.store.answer_refresh(attempt.pending, new)
    seam = Seam()
    with pytest.raises(Crash), seam.watching(at(1, seam.crash, named("replace"))):
        settle_pending_refreshes(live.context)
    seam.bury(lambda: None, alone=False)

    live.look()

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert live.entries()[RENEWING] == live.saved(ADA)


def kept_beside_the_store(live: Live) -> PendingRefresh:
    """Leave what a process leaves that has got new tokens and could not store them."""
    new = Secret(live.account(ADA).credential.entry.reveal().replace("-1", "-2"))
    answered = replace(begun(live).pending, answer=new)
    assert keep_answer(live.paths.data, answered)
    return answered


def test_an_answer_beside_the_store_is_taken_in_at_the_next_start(live: Live) -> None:
    kept_beside_the_store(live)

    settle_pending_refreshes(live.context)

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"
    assert (pending(live), list(kept_answers(live.paths.data))) == ([], [])


def test_an_answer_beside_the_store_takes_the_place_of_no_later_login(live: Live) -> None:
    answered = kept_beside_the_store(live)
    live.sees({RENEWING: entry("ada", 7)})
    assert keep_answer(live.paths.data, answered)

    settle_pending_refreshes(live.context)

    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-7"
    second = (RENEWING, Digest(digest_of("REF-CANARY-ada-2")))
    assert live.state.digests[second] == live.account(ADA).id


@pytest.mark.parametrize("odd", ["{}", "[1]", "no JSON", '{"type": "else"}'])
def test_a_file_beside_the_store_that_holds_no_login_costs_itself_alone(
    live: Live, odd: str
) -> None:
    answered = replace(begun(live).pending, answer=Secret(odd))
    assert keep_answer(live.paths.data, answered)

    settle_pending_refreshes(live.context)

    assert list(kept_answers(live.paths.data)) == []
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-1"


def test_an_answer_beside_the_store_that_it_has_already_changes_nothing(live: Live) -> None:
    answered = kept_beside_the_store(live)
    settle_pending_refreshes(live.context)
    before = live.account(ADA)
    assert keep_answer(live.paths.data, answered)

    settle_pending_refreshes(live.context)

    assert live.account(ADA) == before


def test_an_answer_beside_the_store_of_an_account_that_is_gone_is_forgotten(live: Live) -> None:
    kept_beside_the_store(live)
    ledger.remove(live.context, live.account(ADA))

    settle_pending_refreshes(live.context)

    assert (pending(live), list(kept_answers(live.paths.data))) == ([], [])


def test_a_swap_uses_the_answer_that_waits_in_the_store(live: Live) -> None:
    answered = kept_beside_the_store(live)
    with live.context.store.transaction():
        live.context.store.answer_refresh(answered, answered.answer or Secret(""))

    swap(live.context, SwapRequest(live.account(ADA).id, "by hand"))

    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"
    assert live.entries()[RENEWING] == live.saved(ADA)


def test_no_swap_puts_in_whose_token_was_sent_without_an_answer(live: Live) -> None:
    begun(live)

    with pytest.raises(NothingToRotateTo, match="its refresh token was sent"):
        swap(live.context, SwapRequest(live.account(ADA).id, "by hand"))

    assert live.active(RENEWING) == "bob-acme.example"


def test_no_swap_puts_in_whom_somebody_else_refreshes(live: Live) -> None:
    held = hold_refresh_locks(live.context, live.account(ADA), patience_seconds=0)
    assert held is not None

    with pytest.raises(NothingToRotateTo, match="is getting new tokens for it"):
        swap(live.context, SwapRequest(live.account(ADA).id, "by hand"))
    held.release()
    swap(live.context, SwapRequest(live.account(ADA).id, "by hand"))

    assert live.active(RENEWING) == "ada-acme.example"


@pytest.mark.parametrize("by_failure", [True, False])
def test_the_next_best_account_takes_over_from_one_whose_token_may_be_spent(
    live: Live, *, by_failure: bool
) -> None:
    live.sees({RENEWING: entry("cem")})
    live.sees({RENEWING: entry("bob")})
    live.clock.pass_time(minutes=2)
    plan = plan_rotation(live.state, RENEWING, None, live.clock.now)
    plan = replace(plan, to=live.account(ADA))
    begun(live)

    if by_failure:
        digest = live.account(BOB).credential.digest
        signal = Signal("s-1", live.clock.now, RENEWING, Source.BRIDGE, digest, tried=(digest,))
        limited = Finding(Meaning.SHORT_LIMIT, "429, rate limit")
        carry_out(live.context, signal, limited, answer=lambda _: None)
    else:
        rotate(live.context, plan)

    assert live.active(RENEWING) == "cem-acme.example"


def test_an_intent_that_a_dead_process_left_lets_the_account_rest(live: Live) -> None:
    begun(live)

    settle_pending_refreshes(live.context)

    assert live.account(ADA).reason_at(live.clock.now) == NOT_CONFIRMED
    assert live.kinds()[-1] is EventKind.LIMITED
    assert told(live)[-1] == f"{NOT_CONFIRMED}: it was cut off"


def test_an_intent_of_a_process_that_lives_is_left_to_it(live: Live) -> None:
    held = hold_refresh_locks(live.context, live.account(ADA), patience_seconds=0)
    assert held is not None
    begun(live)

    settle_pending_refreshes(live.context)
    held.release()

    assert live.state_of(ADA) is AccountState.READY


def test_an_intent_whose_account_is_gone_is_forgotten(live: Live) -> None:
    attempt = begun(live)
    ledger.remove(live.context, live.account(ADA))
    with live.context.store.transaction():
        live.context.store.begin_refresh(attempt.pending)

    settle_pending_refreshes(live.context)

    assert pending(live) == []


# -- many at once --------------------------------------------------------------------------


def test_however_many_want_new_tokens_the_vendor_is_asked_once(
    live: Live, home: Path, vendor: Vendor
) -> None:
    gate = threading.Event()

    def slow(refresh: str) -> HttpAnswer:
        assert gate.wait(10)
        return vendor.exchange(refresh)

    def another() -> None:
        with open_live(home, clock=live.clock, registry=vendor.registry()) as mine:
            ensure_fresh(mine.context, mine.account(ADA))

    vendor.instead = [slow]
    threads = [threading.Thread(target=another) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(20)

    assert vendor.asked == ["REF-CANARY-ada-1"]
    assert live.saved(ADA)["refresh"] == "REF-CANARY-ada-2"


def test_accounts_of_one_client_are_refreshed_one_at_a_time(live: Live, vendor: Vendor) -> None:
    live.sees({RENEWING: entry("cem", left=RAN_OUT)})
    live.sees({RENEWING: entry("bob")})
    cem = live.account(f"{RENEWING}/cem-acme.example")
    held = hold_refresh_locks(live.context, live.account(ADA), patience_seconds=0)
    assert held is not None

    assert hold_refresh_locks(live.context, cem, patience_seconds=0) is None

    held.release()
    again = hold_refresh_locks(live.context, cem, patience_seconds=0)
    assert again is not None
    again.release()
    assert vendor.asked == []


def test_nothing_of_it_shows_a_token(live: Live, vendor: Vendor) -> None:
    vendor.instead = [broken, cut_off]
    for minutes in (0, 1, 60):
        live.clock.pass_time(minutes=minutes)
        ensure_fresh(live.context, live.account(ADA))

    assert "CANARY" not in repr((live.events(), pending(live), live.state))


def test_nobody_asks_for_a_login_that_may_be_another_one_s(live: Live, vendor: Vendor) -> None:
    ada, bob = live.account(ADA), live.account(BOB)
    with live.context.store.transaction():
        live.context.store.set_doubts(ada.id, [Doubt(bob.id, "", "")])
    doubtful = live.account(ADA)
    why = obstacle_now(live.context, doubtful)
    assert why is not None

    assert begin(live.context, ada.id) == why
    assert vendor.asked == []
