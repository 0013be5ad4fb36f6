"""What a person does to accounts, and what becomes of auth.json and the store by it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.context import Context
from rotator.core.logins.token_lines import identity_of
from rotator.errors import AccountNotFound, LiveFileUnreadable, UsageError
from rotator.live.account_owners import learn_owner
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, AccountState, EventKind, Identity, Limit
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.bridge.presence import Present
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services import still_sent
from rotator.services.splits import split
from rotator.system.locks import is_held
from rotator.system.paths import Paths
from tests.support.live import (
    NOON,
    Entry,
    Live,
    api,
    as_opencode,
    break_row,
    oauth,
    open_live,
    wellknown,
)

A, B = "acme/acme-1", "acme/acme-2"
ADA, BOB = "named/ada-acme.example", "named/bob-acme.example"
FIRST, SECOND = "rotating/rotating-1", "rotating/rotating-2"
HOUR = timedelta(hours=1)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


@pytest.fixture
def two(live: Live) -> Live:
    """Two keys of acme were logged in, the second is live."""
    live.sees({"acme": api("a")})
    live.sees({"acme": api("b")})
    return live


def add(live: Live, provider: str, entry: Entry, **more: Any) -> ledger.Done:
    credential = parse_entry(provider, Secret(as_opencode(entry).decode()))
    options = {"alias": None, "activate": False} | more
    return ledger.add(live.context, provider, credential, **options)


def set_limit(live: Live, name: str, *, model: str | None = None, **left: float) -> Limit:
    until = NOON + timedelta(**left)
    limit = Limit(AccountState.EXHAUSTED, until, "429, usage limit", model=model)
    with live.context.store.transaction():
        live.context.store.set_limit(live.account(name).id, limit)
    return limit


def reject(live: Live, name: str) -> None:
    with live.context.store.transaction():
        live.context.store.set_rejected(live.account(name).id, "401, login no longer accepted")


# -- add -----------------------------------------------------------------------------------


def test_the_first_account_of_a_provider_goes_into_the_empty_slot(live: Live) -> None:
    done = add(live, "acme", api("a"))

    assert (done.account.name, done.live, done.note) == (A, "acme-1", None)
    assert live.entries() == {"acme": api("a")}


def test_a_further_account_is_stored_and_leaves_the_slot_alone(two: Live) -> None:
    done = add(two, "acme", api("c"), alias="Spare One!")

    assert (done.account.name, done.live) == ("acme/spare-one", "acme-2")
    assert two.entries() == {"acme": api("b")}


def test_nobody_swaps_while_it_is_decided_whose_an_added_login_is(live: Live) -> None:
    held: list[bool] = []
    live.clock.when_asked = lambda: held.append(is_held(live.paths.swap_lock))

    add(live, "acme", api("a"))

    assert held[0]


def test_an_account_is_put_in_when_asked_to(two: Live) -> None:
    done = add(two, "acme", api("c"), activate=True)

    assert (done.live, two.entries()) == ("acme-3", {"acme": api("c")})


def test_an_alias_that_is_taken_is_refused_and_nothing_is_saved(two: Live) -> None:
    with pytest.raises(UsageError, match="there is an account acme/acme-1 already"):
        add(two, "acme", api("c"), alias="acme-1")

    assert two.names() == [A, B]


def test_an_alias_that_a_broken_row_holds_is_taken(two: Live) -> None:
    break_row(two, "acme-1")

    with pytest.raises(UsageError, match="already"):
        add(two, "acme", api("c"), alias="acme-1")


def test_the_same_key_again_is_no_second_account(two: Live) -> None:
    """Case 13: under the old alias, not duplicated."""
    done = add(two, "acme", api("a"), alias="another")

    assert (done.note, two.names()) == ("it was saved already, as acme/acme-1", [A, B])
    assert two.entries() == {"acme": api("b")}


def test_adding_a_key_again_enables_and_lifts_rejected(two: Live) -> None:
    ledger.disable(two.context, two.account(A))
    reject(two, A)

    add(two, "acme", api("a"))

    assert two.state_of(A) is AccountState.READY


def test_a_login_by_hand_is_another_account_unless_it_says_whose_it_is(live: Live) -> None:
    ran_out = timedelta(seconds=-1)
    add(live, "rotating", oauth("r", 1, left=ran_out))

    add(live, "rotating", oauth("r", 2))

    assert live.names() == ["rotating/rotating-1", "rotating/rotating-2"]


def test_a_newer_login_of_the_live_account_goes_into_auth_json(live: Live) -> None:
    """Else opencode would go on with tokens that the newer ones have spent."""
    live.sees({"named": oauth("ada", 1)})

    done = add(live, "named", oauth("ada", 2))

    assert (done.live, live.names()) == ("ada-acme.example", [ADA])
    assert live.entries() == {"named": oauth("ada", 2)}


def test_an_older_copy_of_a_login_neither_renews_nor_heals_it(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("ada", 2)})
    reject(live, ADA)

    add(live, "named", oauth("ada", 1))

    assert live.saved(ADA) == oauth("ada", 2)
    assert live.entries() == {"named": oauth("ada", 2)}
    assert live.state_of(ADA) is AccountState.REJECTED


def test_a_well_known_token_is_added_under_its_url(live: Live) -> None:
    done = add(live, "https://acme.example/opencode", wellknown("w"), alias="work")

    assert done.account.name == "https://acme.example/opencode/work"
    assert live.account("https://acme.example/opencode/work").alias == "work"


def test_what_was_added_is_an_event_without_its_secret(live: Live) -> None:
    add(live, "acme", api("a"))

    events = live.events()
    assert [event.kind for event in events] == [EventKind.CAPTURED, EventKind.SWAPPED]
    assert "CANARY" not in repr(events)


def test_an_account_is_saved_even_if_auth_json_cannot_be_changed(two: Live) -> None:
    two.file.unlink()
    two.file.mkdir()

    with pytest.raises(LiveFileUnreadable):
        add(two, "acme", api("c"), activate=True)

    assert two.saved("acme/acme-3") == api("c")


# -- rename --------------------------------------------------------------------------------


def test_a_renamed_account_stays_active_and_its_old_name_is_unknown(two: Live) -> None:
    """Case 18: active selection follows; old alias unknown."""
    done = ledger.rename(two.context, two.account(B), "Work Account")

    assert (done.account.name, done.live) == ("acme/work-account", "work-account")
    told = two.events()[-1]
    assert (told.kind, told.account) == (EventKind.CHANGED, "acme/work-account")
    with pytest.raises(AccountNotFound):
        two.account(B)


def test_a_name_that_is_taken_is_refused(two: Live) -> None:
    """Case 18: rename onto existing refused."""
    with pytest.raises(UsageError, match="already"):
        ledger.rename(two.context, two.account(B), "acme-1")

    assert two.names() == [A, B]


def test_a_name_may_be_given_again(two: Live) -> None:
    assert ledger.rename(two.context, two.account(B), "ACME-2").account.name == B


def test_an_account_that_was_removed_meanwhile_is_not_renamed(two: Live) -> None:
    account = two.account(A)
    ledger.remove(two.context, account)

    with pytest.raises(AccountNotFound, match="removed meanwhile"):
        ledger.rename(two.context, account, "work")


# -- disable, enable -----------------------------------------------------------------------


def test_disabling_the_live_account_puts_the_best_other_one_in_first(two: Live) -> None:
    done = ledger.disable(two.context, two.account(B))

    assert (done.live, done.note) == ("acme-1", None)
    assert two.entries() == {"acme": api("a")}
    assert two.state_of(B) is AccountState.DISABLED


def test_the_last_account_stays_live_when_it_is_disabled_and_that_is_said(two: Live) -> None:
    set_limit(two, A, hours=1)

    done = ledger.disable(two.context, two.account(B))

    assert done.note == "acme-2 stays live: no other account of acme is ready"
    assert (done.live, two.entries()) == ("acme-2", {"acme": api("b")})
    assert two.state_of(B) is AccountState.DISABLED


def test_disabling_a_parked_account_touches_nothing_else(two: Live) -> None:
    before = two.file.stat().st_ino

    done = ledger.disable(two.context, two.account(A))

    assert (done.live, done.note) == ("acme-2", None)
    assert two.file.stat().st_ino == before


def test_an_account_is_not_disabled_if_auth_json_cannot_be_swapped(two: Live) -> None:
    """Case 17: state consistent, and the user is told."""
    two.file.unlink()
    two.file.mkdir()

    with pytest.raises(LiveFileUnreadable):
        ledger.disable(two.context, two.account(B))

    assert two.state_of(B) is AccountState.READY


def test_a_login_made_meanwhile_is_not_swapped_away_by_disabling(two: Live) -> None:
    """Case 14: the login in progress is not overwritten."""
    account = two.account(B)
    two.write({"acme": api("c")})

    done = ledger.disable(two.context, account)

    assert (done.live, two.entries()) == ("acme-3", {"acme": api("c")})
    assert two.state_of(B) is AccountState.DISABLED


def test_an_enabled_account_may_be_chosen_again(two: Live) -> None:
    ledger.disable(two.context, two.account(A))

    done = ledger.enable(two.context, two.account(A))

    assert (two.state_of(A), done.live) == (AccountState.READY, "acme-2")


# -- remove --------------------------------------------------------------------------------


def test_removing_the_live_account_puts_the_best_other_one_in(two: Live) -> None:
    """Case 19: the first remaining takes over; an event is recorded."""
    done = ledger.remove(two.context, two.account(B))

    assert (done.live, two.names(), two.entries()) == ("acme-1", [A], {"acme": api("a")})
    assert two.kinds()[-2:] == [EventKind.SWAPPED, EventKind.REMOVED]


@pytest.mark.parametrize("act", [ledger.remove, ledger.disable])
def test_a_login_is_taken_back_though_nobody_can_look_who_sends_it(
    two: Live, monkeypatch: pytest.MonkeyPatch, act: Callable[[Context, Account], ledger.Done]
) -> None:
    def refuse(_: Paths) -> list[Present]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/proc")

    monkeypatch.setattr(still_sent, "bridges_of", refuse)

    done = act(two.context, two.account(B))

    assert done.note == (
        "whether a running opencode still sends it is not known: Too many open files"
    )
    assert two.active("acme") == "acme-1"


def test_removing_the_only_account_takes_its_entry_out(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})

    done = ledger.remove(live.context, live.account(A))

    assert (done.live, live.entries()) == (None, {"zeta": api("z")})
    assert live.names() == ["zeta/zeta-1"]


def test_removing_a_live_account_whose_others_are_limited_takes_its_entry_out(two: Live) -> None:
    set_limit(two, A, hours=1)

    ledger.remove(two.context, two.account(B))

    assert (two.entries(), two.active("acme"), two.names()) == ({}, None, [A])


def test_the_own_taking_out_is_no_logout(live: Live) -> None:
    live.sees({"acme": api("a")})
    ledger.remove(live.context, live.account(A))

    live.look()

    assert EventKind.LOGGED_OUT not in live.kinds()


def test_removing_a_parked_account_touches_nothing_else(two: Live) -> None:
    before = two.file.stat().st_ino

    ledger.remove(two.context, two.account(A))

    assert (two.names(), two.file.stat().st_ino) == ([B], before)


def test_an_account_is_not_removed_if_auth_json_cannot_be_swapped(two: Live) -> None:
    """Case 17: else a login would be in auth.json that nobody has saved."""
    two.file.unlink()
    two.file.mkdir()

    with pytest.raises(LiveFileUnreadable):
        ledger.remove(two.context, two.account(B))

    assert two.names() == [A, B]


def test_a_login_made_meanwhile_is_not_taken_out_by_removing(live: Live) -> None:
    """Case 14: the login in progress is not overwritten."""
    live.sees({"acme": api("a")})
    account = live.account(A)
    live.write({"acme": api("c")})

    done = ledger.remove(live.context, account)

    assert (live.entries(), live.names()) == ({"acme": api("c")}, [B])
    assert done.live == "acme-2"


def test_no_mark_is_left_of_a_swap_from_an_account_that_is_gone(two: Live) -> None:
    """Else an opencode that brings it back would be answered with a swap to nobody."""
    swap(two.context, SwapRequest(two.account(A).id, "for the test"))

    ledger.remove(two.context, two.account(B))

    assert two.state.slot("acme").swap is None


# -- merge ---------------------------------------------------------------------------------


def test_two_rows_of_one_person_become_one_with_the_name_of_the_first(live: Live) -> None:
    live.sees({"rotating": oauth("r", 1)})
    live.sees({"rotating": oauth("r", 2)})
    one, two = live.account("rotating/rotating-1"), live.account("rotating/rotating-2")

    done = ledger.merge(live.context, one, two)

    assert (live.names(), done.live) == (["rotating/rotating-1"], "rotating-1")
    assert live.saved("rotating/rotating-1") == oauth("r", 2)
    assert live.entries() == {"rotating": oauth("r", 2)}


def test_two_rows_that_name_one_person_are_merged_although_both_work(live: Live) -> None:
    live.sees({"named": oauth("ada")})
    ada = live.account(ADA)
    again = parse_entry("named", Secret(as_opencode(oauth("ada", 2)).decode()))
    with live.context.store.transaction():
        who = identity_of(ada)
        other = live.context.store.add_account("named", "again", again, who, live.clock.now)
    added = live.state.account(other)
    assert added is not None

    ledger.merge(live.context, ada, added)

    assert live.names() == [ADA]


def merged(live: Live, first: Entry, second: Entry, *, active: str) -> Entry:
    """Log in twice, make `active` live, merge the second row into the first; return the login."""
    live.sees({"rotating": first})
    live.sees({"rotating": second})
    swap(live.context, SwapRequest(live.account(f"rotating/{active}").id, "for the test"))
    # That it may be the other one, refreshed, is out of the question here.
    ledger.enable(live.context, live.account("rotating/rotating-1"))
    one, two = live.account("rotating/rotating-1"), live.account("rotating/rotating-2")
    ledger.merge(live.context, one, two)
    return live.saved("rotating/rotating-1")


@pytest.mark.parametrize("active", ["rotating-1", "rotating-2"])
def test_the_login_that_was_made_last_is_kept(live: Live, active: str) -> None:
    newer, older = oauth("r", 2, left=2 * HOUR), oauth("r", 1)

    kept = merged(live, newer, older, active=active)

    assert kept == newer
    assert live.entries() == {"rotating": newer}


@pytest.mark.parametrize("active", ["rotating-1", "rotating-2"])
def test_of_two_that_tell_no_age_the_live_one_is_kept(live: Live, active: str) -> None:
    one, two = oauth("r", 1) | {"expires": 0}, oauth("r", 2) | {"expires": 0}

    kept = merged(live, one, two, active=active)

    assert kept == (one if active == "rotating-1" else two)


def test_a_rejected_login_is_never_the_one_that_is_kept(live: Live) -> None:
    live.sees({"named": oauth("bob")})
    live.sees({"named": oauth("ada", left=2 * HOUR)})
    reject(live, ADA)

    done = ledger.merge(live.context, live.account(ADA), live.account(BOB))

    assert (done.live, live.saved(ADA)) == ("ada-acme.example", oauth("bob"))
    assert live.entries() == {"named": oauth("bob")}
    assert live.state_of(ADA) is AccountState.READY


@pytest.fixture
def opaque(live: Live) -> Live:
    """Two logins whose tokens name nobody were made, the second is live."""
    live.sees({"rotating": oauth("r", 1)})
    live.sees({"rotating": oauth("r", 2)})
    return live


def test_a_merged_account_is_as_disabled_as_the_login_that_is_kept(opaque: Live) -> None:
    ledger.disable(opaque.context, opaque.account(FIRST))

    ledger.merge(opaque.context, opaque.account(FIRST), opaque.account(SECOND))

    assert opaque.state_of(FIRST) is AccountState.READY


def test_the_longer_limit_of_the_two_holds(opaque: Live) -> None:
    set_limit(opaque, FIRST, hours=1)
    longer = set_limit(opaque, SECOND, hours=2)

    ledger.merge(opaque.context, opaque.account(FIRST), opaque.account(SECOND))

    assert opaque.account(FIRST).limit == longer


def test_the_longer_limit_of_each_model_holds(opaque: Live) -> None:
    set_limit(opaque, FIRST, hours=3, model="big")
    big = set_limit(opaque, SECOND, hours=4, model="big")
    small = set_limit(opaque, SECOND, hours=2, model="small")
    tiny = set_limit(opaque, FIRST, hours=5, model="tiny")
    set_limit(opaque, SECOND, hours=1, model="tiny")

    ledger.merge(opaque.context, opaque.account(FIRST), opaque.account(SECOND))

    assert opaque.account(FIRST).part_limits == (big, small, tiny)


def test_every_secret_of_both_is_known_as_the_one_account_s(live: Live) -> None:
    live.sees({"rotating": oauth("r", 1)})
    live.sees({"rotating": oauth("r", 2, left=2 * HOUR)})
    one, two = live.account("rotating/rotating-1"), live.account("rotating/rotating-2")
    ledger.merge(live.context, one, two)

    live.sees({"rotating": oauth("r", 1)})

    assert live.names() == ["rotating/rotating-1"]
    assert live.entries() == {"rotating": oauth("r", 2, left=2 * HOUR)}


def test_what_the_other_row_did_counts_as_the_one_account_s(live: Live) -> None:
    """A failure that is logged later still finds whom it was about."""
    live.sees({"rotating": oauth("r", 1)})
    live.sees({"rotating": oauth("r", 2)})
    one, two = live.account("rotating/rotating-1"), live.account("rotating/rotating-2")

    ledger.merge(live.context, one, two)

    slot = live.state.slot("rotating")
    assert {tenure.account for tenure in slot.tenures} == {one.id}
    assert (slot.active, slot.swap) == (one.id, None)


def test_a_refresh_since_the_accounts_were_named_is_not_lost(live: Live) -> None:
    """The newest refresh token is the account: an older copy must not be written back."""
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob", 1)})
    reject(live, ADA)
    keep, other = live.account(ADA), live.account(BOB)
    live.sees({"named": oauth("bob", 2, left=2 * HOUR)})

    ledger.merge(live.context, keep, other)

    assert live.saved(ADA) == oauth("bob", 2, left=2 * HOUR)


def test_a_login_that_works_is_had_back_after_a_merge_of_two_of_which_nobody_knows_whose_they_are(
    opaque: Live,
) -> None:
    first, second = opaque.account(FIRST), opaque.account(SECOND)
    secrets = {one.credential.secret.reveal() for one in (first, second)}

    done = ledger.merge(opaque.context, first, second)
    (kept,) = opaque.state.replaced[first.id]
    split(opaque.context, opaque.account(FIRST))

    assert done.note is not None
    assert f"rotator accounts split {FIRST} makes an account of it again" in done.note
    assert kept.credential.secret.reveal() in secrets
    assert {one.credential.secret.reveal() for one in opaque.state.accounts} == secrets


def test_the_kept_login_of_a_merge_is_an_account_again_once_it_proves_to_be_another_s(
    opaque: Live,
) -> None:
    first, second = opaque.account(FIRST), opaque.account(SECOND)
    ledger.merge(opaque.context, first, second)
    (kept,) = opaque.state.replaced[first.id]
    in_use = opaque.account(FIRST).credential

    learn_owner(opaque.context, first.id, in_use.digest, Identity("bob"))
    learn_owner(opaque.context, first.id, kept.credential.digest, Identity("ada"))

    assert {one.identity_key for one in opaque.state.accounts} == {"ada", "bob"}


def test_a_login_that_is_dead_is_not_kept_by_a_merge(opaque: Live) -> None:
    with opaque.context.store.transaction():
        opaque.context.store.set_rejected(opaque.account(SECOND).id, "refused")

    done = ledger.merge(opaque.context, opaque.account(FIRST), opaque.account(SECOND))

    assert (done.note or "").endswith("the other one is not used any more")
    assert opaque.state.replaced == {}


def test_two_keys_are_not_merged(two: Live) -> None:
    """Most people have two keys of one person on purpose; one of them would be gone for good."""
    with pytest.raises(UsageError, match="two keys, and each works by itself"):
        ledger.merge(two.context, two.account(A), two.account(B))

    assert two.names() == [A, B]


def test_logins_of_two_that_are_known_are_not_merged(live: Live) -> None:
    live.sees({"named": oauth("ada")})
    live.sees({"named": oauth("bob")})

    with pytest.raises(UsageError, match=r"ada@acme\.example and to bob@acme\.example"):
        ledger.merge(live.context, live.account(ADA), live.account(BOB))

    assert live.names() == [ADA, BOB]


def test_accounts_that_cannot_be_one_person_s_are_not_merged(two: Live) -> None:
    two.sees({"acme": oauth("x"), "zeta": api("z")})
    names = two.names()
    a, b = two.account(A), two.account(B)

    for other, why in (
        (a, "one account already"),
        (two.account("zeta/zeta-1"), "of two providers"),
        (two.account("acme/acme-3"), "one is api and the other oauth"),
    ):
        with pytest.raises(UsageError, match=why):
            ledger.merge(two.context, a, other)

    assert (two.names(), two.account(B)) == (names, b)


def test_two_accounts_of_one_vendor_are_not_merged(opaque: Live) -> None:
    before = opaque.names()
    for name in ("y", "z"):
        opaque.sees({"acme": oauth(name) | {"accountId": f"acct-{name}"}})
    names = opaque.names()
    first, second = (opaque.account(name) for name in names if name not in before)

    with pytest.raises(UsageError, match="for two accounts of the vendor"):
        ledger.merge(opaque.context, first, second)

    assert opaque.names() == names
