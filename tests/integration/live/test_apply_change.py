"""Refreshes that opencode ends once its login is not the one in the slot any more, with a proof.

`rotating` is a vendor whose tokens name nobody, `named` one whose tokens name their owner.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.live.apply_change import LOGGED_OUT
from rotator.live.capture import capture_missing
from rotator.live.swap import SwapRequest, swap
from rotator.model import AccountState, EventKind
from rotator.services import accounts as ledger
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import Entry, Live, api, as_opencode, kept_aside, oauth, open_live

WHOSE = ("rotating", "named")
whoever = pytest.mark.parametrize("vendor", WHOSE)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def logs_in(live: Live, vendor: str, name: str, generation: int = 1) -> Entry:
    """Let somebody log in, seen by a bridge; return the entry."""
    entry = oauth(name, generation)
    seen_login(live, entry)
    live.sees({**_entries(live), vendor: entry})
    return entry


def ends(live: Live, vendor: str, before: Entry, after: Entry, *, watched: bool = True) -> Entry:
    """Let an opencode end a refresh, as a bridge has told before; return the new entry."""
    seen_refresh(live, before, after)
    live.sees({**_entries(live), vendor: after}, watched=watched)
    return after


def _entries(live: Live) -> Mapping[str, object]:
    return live.entries() if live.file.exists() else {}


def holder(live: Live, vendor: str, entry: Entry) -> str:
    """Return the alias of the account that has those tokens in use."""
    (alias,) = [
        account.alias
        for account in live.state.of(vendor)
        if account.credential.secret.reveal() == entry["access"]
    ]
    return alias


def disabled(live: Live, vendor: str) -> dict[str, str | None]:
    return {account.alias: account.disabled for account in live.state.of(vendor)}


def two(live: Live, vendor: str) -> tuple[Entry, Entry]:
    """Let ada log in, and then bob, half an hour apart."""
    ada = logs_in(live, vendor, "ada")
    live.clock.pass_time(minutes=30)
    bob = logs_in(live, vendor, "bob")
    live.clock.pass_time(minutes=10)
    return ada, bob


# -- another one is in the slot ------------------------------------------------------------------


@whoever
@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("minutes", [0, 1, 600])
def test_a_login_of_somebody_else_stays_where_a_refresh_from_before_ends(
    live: Live, vendor: str, minutes: int, *, watched: bool
) -> None:
    ada = logs_in(live, vendor, "ada")
    bob = logs_in(live, vendor, "bob")
    live.clock.pass_time(minutes=minutes)

    new = ends(live, vendor, ada, oauth("ada", 2), watched=watched)

    assert live.entries() == {vendor: bob}
    assert live.active(vendor) == holder(live, vendor, bob)
    assert holder(live, vendor, new) != live.active(vendor)
    assert len(live.state.of(vendor)) == 2
    event = live.events()[-1]
    assert event.kind is EventKind.REVERTED
    assert event.why.endswith(
        f"its refreshed tokens were saved and {live.active(vendor)} is live again"
    )


@whoever
def test_each_of_several_refreshes_is_saved_and_the_login_stays(live: Live, vendor: str) -> None:
    ada, bob = two(live, vendor)

    newest = ada
    for number in range(2, 6):
        newest = ends(live, vendor, newest, oauth("ada", number))
        live.clock.pass_time(minutes=1)
        assert live.entries() == {vendor: bob}

    assert holder(live, vendor, newest) != live.active(vendor)
    assert len(live.state.of(vendor)) == 2


def test_the_last_of_several_refreshes_that_nobody_looked_at_is_saved(live: Live) -> None:
    ada, bob = two(live, "rotating")
    seen_refresh(live, ada, oauth("ada", 2))

    newest = ends(live, "rotating", oauth("ada", 2), oauth("ada", 3))

    assert live.entries() == {"rotating": bob}
    assert holder(live, "rotating", newest) != live.active("rotating")


@whoever
def test_the_slot_may_hold_a_third_one_by_then(live: Live, vendor: str) -> None:
    ada, _ = two(live, vendor)
    cem = logs_in(live, vendor, "cem")

    ends(live, vendor, ada, oauth("ada", 2))

    assert live.entries() == {vendor: cem}
    assert len(live.state.of(vendor)) == 3


@whoever
def test_a_rotation_of_long_ago_stays(live: Live, vendor: str) -> None:
    ada, bob = two(live, vendor)
    swap(live.context, SwapRequest(live.account(f"{vendor}/{holder(live, vendor, ada)}").id, "t"))
    live.clock.pass_time(minutes=2)

    new = ends(live, vendor, bob, oauth("bob", 2))

    assert live.entries() == {vendor: ada}
    assert holder(live, vendor, new) != live.active(vendor)


def test_a_refresh_that_keeps_its_refresh_token_is_no_login_either(live: Live) -> None:
    ada, bob = two(live, "rotating")
    new = {**oauth("ada", 2), "refresh": ada["refresh"]}

    ends(live, "rotating", ada, new)

    assert live.entries() == {"rotating": bob}
    assert holder(live, "rotating", new) != live.active("rotating")


def test_the_others_of_the_same_write_are_taken_in(live: Live) -> None:
    ada, bob = two(live, "rotating")
    new = oauth("ada", 2)
    seen_refresh(live, ada, new)

    live.sees({"rotating": new, "zeta": api("z")})

    assert live.entries() == {"rotating": bob, "zeta": api("z")}


def test_older_tokens_by_proof_undo_nothing_and_replace_no_newer_ones(live: Live) -> None:
    ada, bob = two(live, "rotating")
    seen_refresh(live, ada, oauth("ada", 2))
    newest = ends(live, "rotating", oauth("ada", 2), oauth("ada", 3))
    live.clock.pass_time(minutes=5)

    live.sees({"rotating": oauth("ada", 2)})

    assert live.entries() == {"rotating": bob}
    assert holder(live, "rotating", newest) != live.active("rotating")


# -- what is a login all the same ------------------------------------------------------------------


@whoever
def test_a_login_of_the_same_person_is_one(live: Live, vendor: str) -> None:
    _, bob = two(live, vendor)

    again = logs_in(live, vendor, "ada", 2)

    assert live.entries() == {vendor: again}
    assert live.active(vendor) == holder(live, vendor, again) != holder(live, vendor, bob)


@whoever
def test_a_login_whose_tokens_were_refreshed_before_anybody_looked_is_one(
    live: Live, vendor: str
) -> None:
    two(live, vendor)
    seen_login(live, oauth("ada", 2))

    new = ends(live, vendor, oauth("ada", 2), oauth("ada", 3))

    assert live.entries() == {vendor: new}
    assert live.active(vendor) == holder(live, vendor, new)


@whoever
def test_without_a_proof_it_is_a_login(live: Live, vendor: str) -> None:
    two(live, vendor)
    new = oauth("ada", 2)

    live.sees({vendor: new})

    assert live.entries() == {vendor: new}
    assert live.active(vendor) == holder(live, vendor, new)


def test_a_known_copy_that_is_put_back_by_hand_is_the_user_s_choice(live: Live) -> None:
    ada, _ = two(live, "rotating")
    new = ends(live, "rotating", ada, oauth("ada", 2))
    live.clock.pass_time(minutes=1)

    live.sees({"rotating": new})

    assert live.entries() == {"rotating": new}


@whoever
def test_a_login_of_the_very_same_person_meanwhile_stays(live: Live, vendor: str) -> None:
    """Of `rotating` it is an account of its own, of `named` the same one."""
    ada = logs_in(live, vendor, "ada")
    live.clock.pass_time(minutes=1)
    again = logs_in(live, vendor, "ada", 2)
    live.clock.pass_time(minutes=1)

    new = ends(live, vendor, ada, oauth("ada", 3))

    kept = {
        credential.secret.reveal()
        for credential in (
            *(account.credential for account in live.state.accounts),
            *(one.credential for line in live.state.replaced.values() for one in line),
        )
    }
    assert {again["access"], new["access"]} <= kept
    if vendor == "rotating":
        assert live.entries() == {vendor: again}
    assert live.active(vendor) == holder(live, vendor, live.entries()[vendor])


# -- nobody is in the slot -------------------------------------------------------------------------


@whoever
@pytest.mark.parametrize("minutes", [0, 1, 600])
def test_a_logout_stays_one(live: Live, vendor: str, minutes: int) -> None:
    ada = logs_in(live, vendor, "ada")
    live.sees({"zeta": api("z"), vendor: ada})
    live.sees({"zeta": api("z")})
    live.clock.pass_time(minutes=minutes)

    new = ends(live, vendor, ada, oauth("ada", 2))

    assert live.entries() == {"zeta": api("z")}
    assert live.active(vendor) is None
    assert disabled(live, vendor) == {holder(live, vendor, new): LOGGED_OUT}
    event = live.events()[-1]
    assert (event.kind, event.to_alias) == (EventKind.REVERTED, None)
    assert event.why.endswith("its refreshed tokens were saved and it was taken out again")


@whoever
def test_the_logout_of_the_one_who_came_after_stays_one(live: Live, vendor: str) -> None:
    ada, _ = two(live, vendor)
    live.sees({})

    new = ends(live, vendor, ada, oauth("ada", 2))

    assert (live.entries(), live.active(vendor)) == ({}, None)
    assert disabled(live, vendor)[holder(live, vendor, new)] is None


@whoever
def test_a_login_after_that_is_one(live: Live, vendor: str) -> None:
    ada = logs_in(live, vendor, "ada")
    live.sees({})
    ends(live, vendor, ada, oauth("ada", 2))

    again = logs_in(live, vendor, "ada", 3)

    assert live.entries() == {vendor: again}
    assert disabled(live, vendor)[holder(live, vendor, again)] is None


def test_an_entry_that_got_lost_comes_back_with_the_new_tokens(live: Live) -> None:
    ada = logs_in(live, "rotating", "ada")
    live.file.unlink()
    capture_missing(live.context)

    new = ends(live, "rotating", ada, oauth("ada", 2))

    assert live.entries() == {"rotating": new}
    assert live.active("rotating") == holder(live, "rotating", new)
    assert live.events()[-1].why == "refreshed by an opencode"


def test_one_that_is_disabled_does_not_come_back_with_a_lost_file(live: Live) -> None:
    ada, bob = two(live, "rotating")
    name = f"rotating/{holder(live, 'rotating', ada)}"
    ledger.disable(live.context, live.account(name))
    live.file.unlink()
    capture_missing(live.context)

    ends(live, "rotating", ada, oauth("ada", 2))

    assert live.entries() == {}
    assert live.account(name).disabled is not None
    assert live.state.active("rotating") is None
    live.sees({"rotating": bob})
    assert live.active("rotating") == holder(live, "rotating", bob)


def test_a_removed_one_is_taken_out_again(live: Live) -> None:
    ada, bob = two(live, "rotating")
    account = live.account(f"rotating/{holder(live, 'rotating', ada)}")
    ledger.remove(live.context, account, with_kept=True)

    ends(live, "rotating", ada, oauth("ada", 2))

    assert live.entries() == {"rotating": bob}
    assert [a.alias for a in live.state.of("rotating")] == [holder(live, "rotating", bob)]


# -- disabled --------------------------------------------------------------------------------------


@whoever
@pytest.mark.parametrize("seconds", [1, 33])
def test_one_that_was_disabled_meanwhile_stays_so(live: Live, vendor: str, seconds: int) -> None:
    ada, bob = two(live, vendor)
    bobs = live.account(f"{vendor}/{holder(live, vendor, bob)}")
    ledger.disable(live.context, bobs)
    assert live.entries() == {vendor: ada}
    live.clock.pass_time(seconds=seconds)

    new = ends(live, vendor, bob, oauth("bob", 2))

    assert live.entries() == {vendor: ada}
    assert holder(live, vendor, new) == bobs.alias
    assert live.account(bobs.name).disabled is not None
    assert live.active(vendor) == holder(live, vendor, ada)


@whoever
def test_new_tokens_show_that_a_rejected_one_lives(live: Live, vendor: str) -> None:
    ada, bob = two(live, vendor)
    adas = live.account(f"{vendor}/{holder(live, vendor, ada)}")
    with live.context.store.transaction():
        live.context.store.set_rejected(adas.id, "its vendor said so")

    ends(live, vendor, ada, oauth("ada", 2))

    assert live.state_of(adas.name) is AccountState.READY
    assert live.entries() == {vendor: bob}


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_logout", [True, False])
def test_what_is_written_again_and_again_is_left_after_three_rounds(
    live: Live, *, is_logout: bool
) -> None:
    ada, _ = two(live, "rotating")
    if is_logout:
        live.sees({})
    before = live.entries()
    new = ends(live, "rotating", ada, oauth("ada", 2))
    for _ in range(2):
        assert live.entries() == before
        live.clock.pass_time(seconds=5)
        live.sees({"rotating": new})
    assert live.entries() == before

    live.sees({"rotating": new})

    assert live.entries() == {"rotating": new}
    assert live.active("rotating") == holder(live, "rotating", new)
    assert live.kinds()[-4:] == [EventKind.REVERTED] * 3 + [EventKind.PROBLEM]


def test_an_opencode_that_refreshes_without_end_is_left_after_three_rounds(live: Live) -> None:
    newest, bob = two(live, "rotating")
    for number in range(2, 5):
        newest = ends(live, "rotating", newest, oauth("ada", number))
        assert live.entries() == {"rotating": bob}
        live.clock.pass_time(seconds=5)

    newest = ends(live, "rotating", newest, oauth("ada", 5))

    assert live.entries() == {"rotating": newest}
    assert live.active("rotating") == holder(live, "rotating", newest)
    assert live.kinds()[-1] is EventKind.PROBLEM


def test_nobody_is_put_back_whose_token_is_spent(live: Live) -> None:
    ada, bob = two(live, "rotating")
    seen_refresh(live, bob, oauth("bob", 2), at="2026-11-22T12:35:00.000Z")

    new = ends(live, "rotating", ada, oauth("ada", 2))

    assert live.entries() == {"rotating": new}
    assert live.active("rotating") == holder(live, "rotating", new)


def test_one_that_is_being_refreshed_itself_is_put_back_and_gets_its_tokens(live: Live) -> None:
    ada, bob = two(live, "rotating")
    seen_refresh(live, bob, oauth("bob", 2), at="2026-11-22T12:39:59.000Z")
    ends(live, "rotating", ada, oauth("ada", 2))

    live.sees({"rotating": oauth("bob", 2)})

    assert live.entries() == {"rotating": oauth("bob", 2)}
    assert live.active("rotating") == holder(live, "rotating", oauth("bob", 2))


# -- a bridge tells late ---------------------------------------------------------------------------


@whoever
@pytest.mark.parametrize("seconds", [1, 100])
@pytest.mark.parametrize("minutes", [0, 1, 10])
def test_a_proof_that_comes_late_undoes_what_was_taken_for_a_login(
    live: Live, vendor: str, minutes: int, seconds: int
) -> None:
    ada = oauth("ada") | {"refresh": "REF-CANARY-16C7e42F292c"}
    seen_login(live, ada)
    live.sees({vendor: ada})
    live.clock.pass_time(minutes=minutes)
    bob = logs_in(live, vendor, "bob")
    live.clock.pass_time(minutes=minutes)
    new = oauth("ada", 2)
    live.sees({vendor: new})
    assert live.entries() == {vendor: new}
    live.clock.pass_time(seconds=seconds)

    seen_refresh(live, ada, new)
    live.look()

    assert live.entries() == {vendor: bob}
    assert live.active(vendor) == holder(live, vendor, bob)
    assert holder(live, vendor, new) != live.active(vendor)
    assert len(live.state.of(vendor)) == 2
    assert live.kinds()[-1] is EventKind.REVERTED
    assert live.context.store.unproven_logins() == ()


def test_a_late_proof_leaves_a_logout_and_who_was_disabled(live: Live) -> None:
    ada = logs_in(live, "named", "ada")
    live.sees({})
    new = oauth("ada", 2)
    live.sees({"named": new})
    assert disabled(live, "named") == {"ada-acme.example": None}

    seen_refresh(live, ada, new)
    live.look()

    assert (live.entries(), live.active("named")) == ({}, None)
    assert disabled(live, "named") == {"ada-acme.example": LOGGED_OUT}


def test_a_late_proof_of_a_login_leaves_it(live: Live) -> None:
    two(live, "named")
    new = oauth("ada", 2)
    live.sees({"named": new})

    seen_login(live, new)
    live.look()

    assert live.entries() == {"named": new}


@pytest.mark.parametrize("what", ["rotated and back", "later", "removed"])
def test_a_late_proof_undoes_nothing_that_the_user_did_since(live: Live, what: str) -> None:
    ada, _ = two(live, "named")
    new = oauth("ada", 2)
    live.sees({"named": new})
    if what == "rotated and back":
        for name in ("bob", "ada"):
            account = live.account(f"named/{name}-acme.example")
            swap(live.context, SwapRequest(account.id, "for the test"))
    elif what == "later":
        live.clock.pass_time(minutes=2)
    else:
        ledger.remove(live.context, live.account("named/bob-acme.example"), with_kept=True)

    seen_refresh(live, ada, new)
    live.look()

    assert live.entries() == {"named": new}
    assert live.active("named") == "ada-acme.example"


# -- into the file that lost its name --------------------------------------------------------------


def writes_late(live: Live, before: Callable[[], None], entries: Mapping[str, object]) -> None:
    """Let a writer have auth.json open while `before` puts another file in its place."""
    handle = os.open(live.file, os.O_WRONLY)
    try:
        before()
        os.ftruncate(handle, 0)
        os.pwrite(handle, as_opencode(entries), 0)
    finally:
        os.close(handle)


@pytest.mark.parametrize("back", [True, False])
def test_a_refresh_in_a_file_without_a_name_is_saved_and_put_in_for_nobody_else(
    live: Live, *, back: bool
) -> None:
    ada, bob = two(live, "rotating")
    aliases = {name: holder(live, "rotating", e) for name, e in (("ada", ada), ("bob", bob))}
    live.sees({"rotating": bob, "zeta": api("y")})
    live.sees({"rotating": bob, "zeta": api("z")})
    new = oauth("ada", 2)

    def swaps() -> None:
        swap(live.context, SwapRequest(live.account("zeta/zeta-1").id, "for the test"))
        if back:
            mine = live.account(f"rotating/{aliases['ada']}")
            swap(live.context, SwapRequest(mine.id, "for the test"))
        seen_refresh(live, ada, new)

    writes_late(live, swaps, {"rotating": new, "zeta": api("z")})
    live.look()
    live.look()

    assert live.saved(f"rotating/{aliases['ada']}") == new
    assert live.entries() == {"rotating": new if back else bob, "zeta": api("y")}
    assert live.active("rotating") == aliases["ada" if back else "bob"]


# -- a login of an account that is live and disabled -----------------------------------------------


@whoever
def test_a_login_by_proof_enables_the_one_that_is_live(live: Live, vendor: str) -> None:
    ada = logs_in(live, vendor, "ada")
    done = ledger.disable(live.context, live.account(f"{vendor}/{holder(live, vendor, ada)}"))
    assert done.live

    again = logs_in(live, vendor, "ada", 2)

    assert disabled(live, vendor)[holder(live, vendor, again)] is None
    assert live.active(vendor) == holder(live, vendor, again)


@whoever
def test_a_login_by_proof_that_brings_the_same_refresh_token_enables_too(
    live: Live, vendor: str
) -> None:
    drawn = {"refresh": "REF-CANARY-16C7e42F292c"}
    ada = {**oauth("ada"), **drawn}
    live.sees({vendor: ada})
    ledger.disable(live.context, live.account(f"{vendor}/{holder(live, vendor, ada)}"))
    again = {**oauth("ada", 2), **drawn}
    seen_login(live, again)

    live.sees({vendor: again})

    assert disabled(live, vendor) == {holder(live, vendor, again): None}
    assert live.kinds()[-1] is EventKind.CAPTURED


@whoever
@pytest.mark.parametrize("keeps", [True, False])
def test_a_refresh_of_the_one_that_is_live_enables_nobody(
    live: Live, vendor: str, *, keeps: bool
) -> None:
    ada = logs_in(live, vendor, "ada")
    ledger.disable(live.context, live.account(f"{vendor}/{holder(live, vendor, ada)}"))
    new = oauth("ada", 2) | ({"refresh": ada["refresh"]} if keeps else {})

    ends(live, vendor, ada, new)

    assert disabled(live, vendor)[holder(live, vendor, new)] is not None
    assert live.kinds()[-1] is EventKind.REFRESHED


@whoever
def test_a_login_without_a_proof_that_looks_like_a_refresh_enables_nobody(
    live: Live, vendor: str
) -> None:
    ada = logs_in(live, vendor, "ada")
    ledger.disable(live.context, live.account(f"{vendor}/{holder(live, vendor, ada)}"))
    live.clock.pass_time(minutes=61)

    live.sees({vendor: oauth("ada", 2, left=timedelta(hours=2))})

    (account,) = live.state.of(vendor)
    assert account.disabled is not None


def test_a_login_by_proof_into_a_file_without_a_name_enables_too(live: Live) -> None:
    ada = logs_in(live, "named", "ada")
    live.sees({"named": ada, "zeta": api("y")})
    live.sees({"named": ada, "zeta": api("z")})
    ledger.disable(live.context, live.account("named/ada-acme.example"))
    again = oauth("ada", 2)
    seen_login(live, again)

    def swaps() -> None:
        swap(live.context, SwapRequest(live.account("zeta/zeta-1").id, "for the test"))

    writes_late(live, swaps, {"named": again, "zeta": api("z")})
    live.look()
    live.look()

    assert live.entries() == {"named": again, "zeta": api("y")}
    assert live.account("named/ada-acme.example").disabled is None


@pytest.mark.parametrize("told_first", [True, False])
@pytest.mark.parametrize("seconds", [1, 3000])
@pytest.mark.parametrize("watched", [True, False])
def test_a_login_taken_for_a_refresh_gets_its_slot_back_from_the_real_one(
    live: Live, seconds: int, *, told_first: bool, watched: bool
) -> None:
    left = timedelta(minutes=110)
    ada, bob = oauth("ada4f8a2c61b9d07e35"), oauth("bob7c3e90d2a5f1846b", left=left)
    new = oauth("ada4f8a2c61b9d07e35", 2, left=left)
    live.sees({"rotating": ada})
    live.clock.pass_time(minutes=50)
    if told_first:
        seen_refresh(live, ada, new)
    live.sees({"rotating": bob})
    live.clock.pass_time(seconds=seconds)

    ends(live, "rotating", ada, new, watched=watched)

    assert live.entries() == {"rotating": bob}
    assert live.active("rotating") == holder(live, "rotating", bob)
    assert holder(live, "rotating", new) != live.active("rotating")


# -- one key for two places --------------------------------------------------------------------


def gateway(name: str, **more: str) -> Entry:
    return api("cf", metadata={"accountId": "acc-a", "gatewayId": name, **more})


def aside(live: Live) -> list[Entry]:
    return [json.loads(content) for content in kept_aside(live)]


def test_a_key_that_comes_again_for_another_place_writes_over_no_login(live: Live) -> None:
    provider = "cloudflare-ai-gateway"
    for name in ("work", "home", "third", "home"):
        live.sees({provider: gateway(name)})

    assert live.entries() == {provider: gateway("home")}
    assert aside(live) == [gateway("work"), gateway("home"), gateway("third")]
    told = [event.why for event in live.events() if event.kind is EventKind.CHANGED]
    assert told[0].startswith("its key came again with another place to send it to; the login ")
    assert "is kept as unclaimed content 1" in told[0]
    assert EventKind.REFRESHED in live.kinds()
    assert "refreshed by opencode" not in [event.why for event in live.events()]


def test_so_does_one_that_comes_while_another_account_is_in_the_slot(live: Live) -> None:
    provider = "cloudflare-ai-gateway"
    live.sees({provider: gateway("work")})
    live.sees({provider: api("other")})

    live.sees({provider: gateway("home")})

    assert aside(live) == [gateway("work")]


def test_what_names_no_place_is_kept_nowhere(live: Live) -> None:
    live.sees({"acme": api("a", metadata={"note": "x"})})

    live.sees({"acme": api("a", metadata={"note": "y"})})

    assert aside(live) == []
