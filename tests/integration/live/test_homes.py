"""Rows of OpenCode 2's table as accounts: captured, followed, mended, switched; no server here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.cli.accounts import homes_json
from rotator.context import Context
from rotator.errors import LiveFileUnreadable, NothingToRotateTo, SwapConflict
from rotator.live.homes import capture_home, switch, take_out_of
from rotator.live.swap import SwapRequest
from rotator.model import Account, Credential, EventKind, HomeName
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import Entries, HomeEntry, Unusable
from rotator.secret import Secret
from rotator.services.accounts import Done, add, disable, remove
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import sync
from rotator.system.locks import swap_lock
from tests.support.both_places import DATABASE, Both, open_both, tokens
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import api, oauth
from tests.support.opencode2_table import key


@pytest.fixture
def both(home: Path) -> Iterator[Both]:
    with open_both(home) as answer:
        yield answer


def test_a_new_login_is_an_account_with_the_name_that_it_was_given(both: Both) -> None:
    both.log_in("acme", key("a"), "Work")
    both.log_in("acme", key("b"))

    assert both.live.names() == ["acme/acme-1", "acme/work"]
    assert both.active("acme") == "acme-1"
    assert both.homes("acme/work") == ["opencode.db"]
    assert both.live.kinds() == [EventKind.CAPTURED, EventKind.CAPTURED]


def test_a_login_of_somebody_who_is_named_has_that_name(both: Both) -> None:
    both.log_in("named", tokens("ada"), "OAuth")

    assert both.live.names() == ["named/ada-acme.example"]


def test_the_same_key_twice_is_one_account_in_two_places(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("a"), "two")

    (account,) = both.live.state.accounts
    assert [place.label for place in both.live.state.standings_of(account.id)] == ["two", "one"]


def test_an_account_may_stand_in_both_homes(both: Both) -> None:
    both.live.sees({"acme": api("a"), "named": oauth("ada")})
    both.log_in("acme", key("a"))
    both.log_in("named", tokens("ada"))

    assert both.live.names() == ["acme/acme-1", "named/ada-acme.example"]
    assert both.homes("acme/acme-1") == ["auth.json", "opencode.db"]
    assert both.homes("named/ada-acme.example") == ["auth.json", "opencode.db"]
    assert both.live.kinds() == [EventKind.CAPTURED] * 2 + [EventKind.SWAPPED] * 2


def test_a_refresh_by_opencode_is_a_new_generation_of_the_account(both: Both) -> None:
    slot = both.log_in("named", tokens("ada"))

    both.table.rewrite(slot, tokens("ada", 2))
    both.look()

    assert both.live.saved("named/ada-acme.example")["refresh"] == "REF-CANARY-ada-2"
    assert both.live.kinds() == [EventKind.CAPTURED, EventKind.REFRESHED]


def test_a_refresh_that_nobody_is_named_in_stays_the_account_and_keeps_what_was(
    both: Both,
) -> None:
    slot = both.log_in("opaque", tokens("x"))

    both.table.rewrite(slot, tokens("y"))
    both.look()

    (account,) = both.live.state.of("opaque")
    (before,) = both.live.state.replaced[account.id]
    assert account.unproven
    assert account.credential.secret.reveal() == "ACC-CANARY-y-1"
    assert before.credential.secret.reveal() == "ACC-CANARY-x-1"


def test_another_person_s_tokens_in_the_same_row_are_another_account(both: Both) -> None:
    slot = both.log_in("named", tokens("ada"))

    both.table.rewrite(slot, tokens("bob"))
    both.look()

    assert both.live.names() == ["named/ada-acme.example", "named/bob-acme.example"]
    assert both.active("named") == "bob-acme.example"
    assert both.live.saved("named/ada-acme.example")["refresh"] == "REF-CANARY-ada-1"


def test_newer_tokens_in_one_home_are_put_into_the_other_at_once(both: Both) -> None:
    both.live.sees({"named": oauth("ada")})
    slot = both.log_in("named", tokens("ada"))

    both.live.sees({"named": oauth("ada", 2)})
    both.look()
    in_table = both.refresh_token(slot)
    both.table.rewrite(slot, tokens("ada", 3))
    sync(both.live.context)

    assert in_table == "REF-CANARY-ada-2"
    assert both.live.entries()["named"]["refresh"] == "REF-CANARY-ada-3"


def test_older_tokens_that_come_back_are_replaced_by_the_newest(both: Both) -> None:
    slot = both.log_in("named", tokens("ada"))
    both.table.rewrite(slot, tokens("ada", 2))
    both.look()

    both.table.rewrite(slot, {**tokens("ada"), "kept": [1]})
    both.look()

    assert both.refresh_token(slot) == "REF-CANARY-ada-2"
    assert both.table.values()[slot]["kept"] == [1]
    assert both.live.saved("named/ada-acme.example")["refresh"] == "REF-CANARY-ada-2"


def test_what_the_user_switches_to_is_heard_and_enabled(both: Both) -> None:
    first = both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("b"), "two")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(both.live.account("acme/one").id, "disabled by you")

    both.table.switch(first)
    both.look()

    assert both.active("acme") == "one"
    assert both.live.account("acme/one").disabled is None
    (event,) = [e for e in both.live.events() if e.kind is EventKind.SWAPPED]
    assert (event.from_alias, event.to_alias) == ("two", "one")


def test_a_logout_disables_and_the_next_one_is_noted_but_not_chosen(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    slot = both.log_in("acme", key("b"), "two")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(both.live.account("acme/one").id, "disabled by you")

    both.table.log_out(slot)
    both.look()

    assert both.live.account("acme/two").disabled == "logged out in opencode"
    assert both.live.account("acme/one").disabled == "disabled by you"
    assert both.active("acme") == "one"


def test_one_of_two_places_less_is_no_logout(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    slot = both.log_in("acme", key("a"), "two")
    both.live.sees({"acme": api("a")})

    both.table.log_out(slot)
    both.look()
    both.table.do("DELETE FROM credential")
    both.look()

    assert both.live.account("acme/one").disabled is None
    assert EventKind.LOGGED_OUT not in both.live.kinds()


def test_what_goes_while_nobody_watches_disables_nobody(both: Both) -> None:
    slot = both.log_in("acme", key("a"), "one")

    both.table.log_out(slot)
    both.look(watched=False)

    assert both.live.account("acme/one").disabled is None
    assert both.live.kinds()[-1] is EventKind.PROBLEM


def test_a_table_that_was_made_anew_logs_nobody_out(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("b"), "two")

    both.table.do("DELETE FROM credential")
    both.look()

    assert [a.disabled for a in both.live.state.accounts] == [None, None]


def test_a_database_that_is_gone_leaves_every_account(both: Both) -> None:
    both.log_in("acme", key("a"), "one")

    both.table.path.unlink()
    both.look()
    both.look()

    assert both.live.names() == ["acme/one"]
    assert both.homes("acme/one") == []
    assert [e.why for e in both.live.events() if e.kind is EventKind.PROBLEM] == [
        "opencode.db is gone; every account stays saved"
    ]


def test_a_database_that_cannot_be_used_changes_nothing(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    before = both.live.state

    both.table.do("ALTER TABLE credential RENAME COLUMN active TO used")
    answer = both.look()

    assert isinstance(answer, Unusable)
    assert both.live.state == before
    with pytest.raises(LiveFileUnreadable, match="not known here"):
        switch(both.live.context, both.home, SwapRequest(before.accounts[0].id, "a test"))


def test_where_there_is_no_database_nobody_is_switched_in_it(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    account = both.live.account("acme/one")
    both.table.close()
    both.live.paths.opencode_database.unlink()

    with pytest.raises(LiveFileUnreadable, match="OpenCode 2 was never used here") as refused:
        switch(both.live.context, both.home, SwapRequest(account.id, "by hand"))

    assert refused.value.hint == "log in with OpenCode 2 once"


def test_a_row_that_takes_no_newer_tokens_is_read_and_not_tried_for_ever(both: Both) -> None:
    slot = both.log_in("named", tokens("ada"))
    both.live.sees({"named": oauth("ada", 2)})
    tried: list[str] = []

    class Stubborn(DatabaseHome):
        def update(self, slot: str, _: HomeEntry, __: Credential) -> bool:
            tried.append(slot)
            return True

    home = Stubborn(both.live.paths, servers=lambda _: [])
    with swap_lock(both.live.paths.swap_lock):
        reading = capture_home(both.live.context, home, watched=True)

    assert isinstance(reading, Entries)
    assert reading.at(slot) is not None
    assert 1 < len(tried) < 10


def test_a_removed_account_is_taken_out_and_not_brought_back_by_a_copy(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("b"), "two")
    gone = both.live.account("acme/one")

    take_out_of(both.live.context, both.home, gone.id)
    remove(both.live.context, gone)
    with both.live.context.store.transaction():
        both.live.context.store.forget_standings(DATABASE)
    both.table.log_in("acme", key("a"), "an old copy")
    both.look()

    assert both.live.names() == ["acme/two"]


def test_a_removed_account_leaves_the_second_home(both: Both) -> None:
    slot = both.log_in("acme", key("a"), "one")
    assert slot in both.table.values()

    remove(both.live.context, both.live.account("acme/one"))

    assert both.table.values() == {}


def test_whoever_watches_takes_no_removal_of_ours_for_a_logout(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("b"), "two")

    take_out_of(both.live.context, both.home, both.live.account("acme/one").id)
    both.look()

    assert both.live.account("acme/one").disabled is None
    assert EventKind.LOGGED_OUT not in {event.kind for event in both.live.events()}


def test_nobody_swaps_while_a_login_is_taken_out(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.log_in("acme", key("a"), "one")
    removed, path = DatabaseHome.remove, both.live.paths.swap_lock

    def removed_alone(home: DatabaseHome, slot: str, old: HomeEntry) -> bool:
        with pytest.raises(SwapConflict), swap_lock(path, patience_seconds=0):
            pytest.fail("somebody else may swap now")
        return removed(home, slot, old)

    monkeypatch.setattr(DatabaseHome, "remove", removed_alone)

    take_out_of(both.live.context, both.home, both.live.account("acme/one").id)

    assert both.table.values() == {}


def test_a_real_login_brings_a_removed_account_back(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    gone = both.live.account("acme/one")
    take_out_of(both.live.context, both.home, gone.id)
    remove(both.live.context, gone)

    both.log_in("acme", key("a"), "again")

    assert both.live.names() == ["acme/again"]


def test_a_rotation_switches_where_the_account_stands(both: Both) -> None:
    both.live.sees({"named": oauth("ada")})
    first = both.log_in("named", tokens("bob"))
    both.log_in("named", tokens("cyd"))
    plan = plan_rotation(both.live.state, "named", "bob-acme.example", both.live.clock.now)

    done = rotate(both.live.context, plan)

    assert (done.homes, done.written) == ((DATABASE,), False)
    assert both.table.active("named") == first
    assert both.live.active("named") == "ada-acme.example"
    told = both.live.events()[-1]
    assert told.why == "asked for by name (in opencode.db)"
    assert (told.provider, told.account) == ("named", "named/bob-acme.example")
    assert (told.from_alias, told.to_alias) == ("cyd-acme.example", "bob-acme.example")


def test_a_parked_key_is_put_in_where_its_provider_is_used(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.live.sees({"acme": api("b")})
    both.log_in("acme", key("b"), "b")
    plan = plan_rotation(both.live.state, "acme", "acme-1", both.live.clock.now)

    done = rotate(both.live.context, plan)

    assert done.homes == tuple(HomeName)
    assert both.live.entries()["acme"]["key"] == "KEY-CANARY-a"
    active = both.table.active("acme")
    assert active is not None
    assert both.table.values()[active]["key"] == "KEY-CANARY-a"
    assert both.live.kinds().count(EventKind.CAPTURED) == 2


def test_a_row_that_we_have_put_in_is_nobody_s_login(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("b"), "b")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(both.live.account("acme/acme-1").id, "disabled by you")
    both.home.put("acme", "ours", both.live.account("acme/acme-1").credential)

    both.look()

    assert both.live.account("acme/acme-1").disabled == "disabled by you"
    assert both.homes("acme/acme-1") == ["auth.json", "opencode.db"]


def test_what_opencode_takes_over_from_auth_json_by_itself_is_nobody_s_login(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    account = both.live.account("acme/acme-1")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(account.id, "disabled by you")
    slot = both.table.log_in("acme", key("a"), "API key")
    both.table.do("UPDATE credential SET active = NULL")

    both.look()

    assert both.active("acme") == "acme-1"
    assert [place.slot for place in both.live.state.standings] == [slot]
    assert both.live.account("acme/acme-1").disabled == "disabled by you"
    assert both.live.kinds() == [EventKind.CAPTURED]


def test_what_is_wrong_with_the_database_keeps_auth_json_from_nothing(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.live.sees({"acme": api("b")})
    both.log_in("acme", key("b"), "b")
    both.table.do("ALTER TABLE credential RENAME COLUMN active TO used")
    plan = plan_rotation(both.live.state, "acme", None, both.live.clock.now)

    done = rotate(both.live.context, plan)

    assert done.homes == (HomeName.AUTH_FILE,)
    assert "not known here" in str(done.obstacle)
    assert both.live.entries()["acme"]["key"] == "KEY-CANARY-a"


def test_there_is_nobody_to_rotate_to_where_one_account_stands_twice(both: Both) -> None:
    both.log_in("acme", key("a"), "one")
    both.log_in("acme", key("a"), "two")

    with pytest.raises(NothingToRotateTo):
        plan_rotation(both.live.state, "acme", None, both.live.clock.now)


def test_the_store_holds_nothing_secret_of_where_what_stands(both: Both) -> None:
    both.log_in("acme", key("a"), "one")

    told = json.dumps([str(place) for place in both.live.state.standings])

    assert "CANARY" not in told


def test_a_refresh_that_ends_in_a_row_of_its_own_is_no_login(both: Both) -> None:
    """The row in which it began was taken out meanwhile."""
    slot = both.log_in("named", tokens("ada"))
    both.table.log_out(slot)
    both.look()
    seen_refresh(both.live, oauth("ada"), oauth("ada", 2))

    both.log_in("named", tokens("ada", 2))

    account = both.live.account("named/ada-acme.example")
    assert account.disabled == "logged out in opencode"
    assert account.credential.secret.reveal() == "ACC-CANARY-ada-2"


def test_a_login_by_proof_in_the_row_of_a_disabled_one_enables_it(both: Both) -> None:
    slot = both.log_in("named", tokens("ada"))
    account = both.live.account("named/ada-acme.example")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(account.id, "disabled by you")
    seen_login(both.live, oauth("ada", 2))

    both.table.rewrite(slot, tokens("ada", 2))
    both.look()

    assert both.live.account(account.name).disabled is None


@pytest.mark.parametrize("is_proven", [True, False])
def test_a_refresh_in_the_row_of_a_disabled_one_enables_nobody(
    both: Both, *, is_proven: bool
) -> None:
    slot = both.log_in("named", tokens("ada"))
    account = both.live.account("named/ada-acme.example")
    with both.live.context.store.transaction():
        both.live.context.store.set_disabled(account.id, "disabled by you")
    if is_proven:
        seen_refresh(both.live, oauth("ada"), oauth("ada", 2))

    both.table.rewrite(slot, tokens("ada", 2))
    both.look()

    assert both.live.account(account.name).disabled == "disabled by you"


def test_a_refresh_that_ends_in_auth_json_leaves_its_row_with_the_newest(both: Both) -> None:
    both.live.sees({"named": oauth("ada")})
    slot = both.log_in("named", tokens("ada"))
    both.live.sees({"named": oauth("bob")})
    both.live.clock.pass_time(minutes=5)
    seen_refresh(both.live, oauth("ada"), oauth("ada", 2))

    both.live.sees({"named": oauth("ada", 2)})
    both.look()

    assert both.live.entries() == {"named": oauth("bob")}
    assert both.refresh_token(slot) == "REF-CANARY-ada-2"
    assert both.active("named") == "ada-acme.example"


@pytest.mark.parametrize("leave", [disable, remove], ids=["disabled", "removed"])
def test_who_leaves_auth_json_is_not_followed_by_a_login_of_the_other_home_alone(
    both: Both, leave: Callable[[Context, Account], Done]
) -> None:
    both.live.sees({"acme": oauth("ada")})
    both.log_in("acme", tokens("bob"), "bob")

    live = both.live.state.active("acme")
    assert live is not None
    leave(both.live.context, live)

    assert b"REF-CANARY-bob" not in both.live.paths.auth_file.read_bytes()


def test_a_key_that_is_added_where_only_opencode_2_is_used_takes_nobody_s_place(
    both: Both,
) -> None:
    both.log_in("acme", key("a"), "work")

    done = add(
        both.live.context,
        "acme",
        parse_entry("acme", Secret(json.dumps(api("b")))),
        alias="new",
        activate=False,
    )

    assert (done.account.alias, done.live) == ("new", "work")
    assert not both.live.paths.auth_file.exists()


SECRET = "KEY-CANARY-in-a-label"


@pytest.mark.parametrize(
    "label", [SECRET, f"my key: {SECRET} (work)", f" {SECRET}", SECRET[:-3]], ids=range(4)
)
@pytest.mark.parametrize("in_another_row", [False, True])
def test_a_key_that_was_given_as_a_name_is_shown_and_written_nowhere(
    both: Both, label: str, *, in_another_row: bool
) -> None:
    both.table.log_in("acme", {"type": "key", "key": SECRET}, "" if in_another_row else label)
    if in_another_row:
        both.table.log_in("acme", key("b"), label)
    both.look()

    state = both.live.state
    assert {place.label for place in state.standings} <= {"", "acme"}
    assert all(account.alias.startswith("acme-") for account in state.accounts)
    said = json.dumps([homes_json(account, state) for account in state.accounts])
    said += " ".join(f"{event.account} {event.why}" for event in both.live.events())
    assert "in-a-label" not in said.lower()
    assert both.live.names() == ["acme/acme-1", "acme/acme-2"][: 1 + in_another_row]


def test_tokens_that_were_given_as_a_name_are_shown_nowhere(both: Both) -> None:
    both.log_in("opaque", tokens("x"), f"mine {tokens('x')['refresh']}")

    assert both.live.names() == ["opaque/opaque-1"]
    assert [place.label for place in both.live.state.standings] == [""]


def test_a_name_that_a_key_has_a_little_of_is_a_name(both: Both) -> None:
    both.log_in("acme", key("work"), "work")

    assert both.live.names() == ["acme/work"]
