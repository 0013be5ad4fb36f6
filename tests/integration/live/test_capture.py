"""What a change in auth.json means, carried out on a real file and a real store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import LiveFileError, StoreError, SwapConflict
from rotator.live.capture import capture_missing, rebuild_torn
from rotator.live.swap import SwapRequest, swap
from rotator.model import AccountState, EventKind, Limit
from rotator.opencode.auth.file import Missing, Torn, Whole
from rotator.services import accounts as ledger
from rotator.system.locks import swap_lock
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import (
    NOON,
    Entry,
    Live,
    api,
    as_anybody,
    as_opencode,
    break_row,
    full_disk,
    kept_aside,
    oauth,
    open_live,
    wellknown,
)

HOUR = timedelta(hours=1)
RAN_OUT = timedelta(seconds=-1)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


def put(live: Live, name: str) -> None:
    """Swap the account `provider/alias` in."""
    swap(live.context, SwapRequest(live.account(name).id, "for the test"))


def two_logins(live: Live, provider: str, first: Entry, second: Entry) -> None:
    """Let a person log in twice; the second login is the active one."""
    live.sees({provider: first})
    live.sees({provider: second})


# -- login ---------------------------------------------------------------------------------


def test_what_is_in_the_file_at_the_start_is_saved_at_the_first_look(live: Live) -> None:
    """Case 5: a login unsaved at start is noticed on the first pass."""
    live.sees({"acme": api("a")}, watched=False)

    assert (live.names(), live.active("acme")) == (["acme/acme-1"], "acme-1")
    assert live.kinds() == [EventKind.CAPTURED]


def test_entries_of_every_type_become_accounts_of_providers_known_or_not(live: Live) -> None:
    site = "https://acme.example"

    live.sees({"acme": api("a"), "named": oauth("ada"), site: wellknown("w"), "x": oauth("x")})

    assert {a.name: a.credential.type for a in live.state.accounts} == {
        "acme/acme-1": "api",
        "named/ada-acme.example": "oauth",
        f"{site}/https-acme.example-1": "wellknown",
        "x/x-1": "oauth",
    }


def test_an_account_is_called_by_its_e_mail_where_the_login_tells_it(live: Live) -> None:
    live.sees({"named": oauth("Ada Lovelace")})

    account = live.account("named/ada-lovelace-acme.example")
    assert account.identity == "Ada Lovelace@acme.example"


def test_a_second_login_is_another_account_and_becomes_active(live: Live) -> None:
    two_logins(live, "acme", api("a"), api("b"))

    assert (live.names(), live.active("acme")) == (["acme/acme-1", "acme/acme-2"], "acme-2")
    assert live.saved("acme/acme-1") == api("a")


def test_two_members_of_one_workspace_are_two_accounts(live: Live) -> None:
    two_logins(live, "named", oauth("ada", left=RAN_OUT), oauth("bob"))

    assert live.names() == ["named/ada-acme.example", "named/bob-acme.example"]


def test_the_same_login_again_is_no_second_account(live: Live) -> None:
    """Case 13: refreshed under the old alias, not duplicated."""
    two_logins(live, "named", oauth("ada", 1), oauth("ada", 2))

    assert live.names() == ["named/ada-acme.example"]
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)


def test_another_layout_of_the_same_login_is_no_news(live: Live) -> None:
    live.sees({"acme": api("a")})

    live.sees(b'{"acme":{"key":"KEY-CANARY-a","type":"api"}}')

    assert (live.names(), live.kinds()) == (["acme/acme-1"], [EventKind.CAPTURED])


def test_the_same_key_with_other_metadata_is_the_same_account(live: Live) -> None:
    live.sees({"acme": api("a")})

    live.sees({"acme": api("a", metadata={"host": "eu"})})

    assert live.names() == ["acme/acme-1"]
    assert live.saved("acme/acme-1") == api("a", metadata={"host": "eu"})


def test_a_login_with_a_saved_key_makes_its_account_active(live: Live) -> None:
    two_logins(live, "acme", api("a"), api("b"))

    live.sees({"acme": api("a")})

    event = live.events()[-1]
    assert (live.active("acme"), live.names()) == ("acme-1", ["acme/acme-1", "acme/acme-2"])
    assert (event.kind, event.from_alias, event.to_alias) == (
        EventKind.SWAPPED,
        "acme-2",
        "acme-1",
    )


def test_a_login_enables_and_lifts_rejected_but_lifts_no_limit(live: Live) -> None:
    two_logins(live, "acme", api("a"), api("b"))
    account = live.account("acme/acme-1")
    limit = Limit(AccountState.EXHAUSTED, NOON + HOUR, "429, usage limit")
    with live.context.store.transaction():
        live.context.store.set_disabled(account.id, "disabled by you")
        live.context.store.set_rejected(account.id, "401, login no longer accepted")
        live.context.store.set_limit(account.id, limit)

    live.sees({"acme": api("a")})

    account = live.account("acme/acme-1")
    assert (account.disabled, account.rejected, account.limit) == (None, None, limit)


def test_a_login_that_is_nobody_else_s_is_said_to_be_new_and_no_more(live: Live) -> None:
    live.sees({"acme": api("a")})

    assert live.events()[-1].why == "a new login in auth.json was saved"


def test_every_capture_is_announced_to_the_others(live: Live) -> None:
    """Case 12: saved with an alias of its own, active, announced."""
    live.sees({"acme": api("a")})

    assert live.paths.changed.stat().st_mode & 0o777 == 0o600


def test_a_second_look_at_the_same_content_finds_nothing(live: Live) -> None:
    """Case 11: no duplicate capture."""
    live.sees({"acme": api("a")})
    state = live.state

    live.look()

    assert live.state is state  # nothing was written, so nothing had to be read again
    assert live.kinds() == [EventKind.CAPTURED]


def test_a_capture_that_failed_is_tried_again_at_the_next_look(live: Live) -> None:
    """Case 10: the same change is retried next time."""
    live.write({"acme": api("a")})
    with full_disk(), pytest.raises(StoreError, match="disk"):
        live.look()

    live.look()

    assert (live.names(), live.kinds()) == (["acme/acme-1"], [EventKind.CAPTURED])


def test_a_login_whose_alias_a_broken_row_holds_gets_another_one(live: Live) -> None:
    """Case 50: one corrupt row, other accounts keep working."""
    live.sees({"acme": api("a")})
    break_row(live, "acme-1")

    live.sees({"acme": api("b")})

    assert live.names() == ["acme/acme-2"]


# -- refresh -------------------------------------------------------------------------------


def test_a_new_access_token_for_the_same_refresh_token_is_a_refresh(live: Live) -> None:
    """Case 2 on a real file: same account updated, no new account."""
    live.sees({"x": oauth("x", 1)})
    newer = oauth("x", 2) | {"refresh": oauth("x", 1)["refresh"]}

    live.sees({"x": newer})

    assert (live.names(), live.saved("x/x-1")) == (["x/x-1"], newer)
    assert live.kinds() == [EventKind.CAPTURED, EventKind.REFRESHED]


def test_new_tokens_in_place_of_ones_that_had_run_out_are_a_refresh(live: Live) -> None:
    two_logins(live, "rotating", oauth("r", 1, left=RAN_OUT), oauth("r", 2))

    assert live.names() == ["rotating/rotating-1"]
    assert live.saved("rotating/rotating-1") == oauth("r", 2)


def test_new_tokens_in_place_of_good_ones_are_another_account(live: Live) -> None:
    """In doubt it is a new account: one row for two people is a lost login."""
    two_logins(live, "rotating", oauth("r", 1), oauth("r", 2))

    assert live.names() == ["rotating/rotating-1", "rotating/rotating-2"]


def test_new_tokens_of_a_vendor_that_nobody_knows_are_another_account(live: Live) -> None:
    two_logins(live, "x", oauth("x", 1, left=RAN_OUT), oauth("x", 2))

    assert live.names() == ["x/x-1", "x/x-2"]


def test_a_refresh_shows_that_the_login_lives(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    account = live.account("named/ada-acme.example")
    with live.context.store.transaction():
        live.context.store.set_rejected(account.id, "401, login no longer accepted")

    live.sees({"named": oauth("ada", 2)})

    assert live.state_of("named/ada-acme.example") is AccountState.READY


def test_a_refresh_of_one_provider_leaves_the_others_alone(live: Live) -> None:
    """Case 9: when another known login is refreshed, the selection stays."""
    live.sees({"acme": api("a"), "named": oauth("ada", 1)})
    live.sees({"acme": api("b"), "named": oauth("ada", 1)})

    live.sees({"acme": api("b"), "named": oauth("ada", 2)})

    assert live.active("acme") == "acme-2"
    assert live.events()[-1].account == "named/ada-acme.example"


def test_an_older_pair_that_comes_back_is_replaced_by_the_newest(live: Live) -> None:
    """Case 49: the older pair is never left in auth.json, its refresh token is spent."""
    two_logins(live, "named", oauth("ada", 1), oauth("ada", 2))

    live.sees({"named": oauth("ada", 1)})

    assert live.entries() == {"named": oauth("ada", 2)}
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.kinds()[-1] is EventKind.RESTORED


def test_an_older_pair_of_a_parked_account_is_replaced_by_its_newest(live: Live) -> None:
    """Case 49, for an account that was not the active one."""
    two_logins(live, "named", oauth("ada", 1), oauth("ada", 2))
    live.sees({"named": oauth("bob", 1)})

    live.sees({"named": oauth("ada", 1)})

    assert live.active("named") == "ada-acme.example"
    assert live.entries() == {"named": oauth("ada", 2)}
    assert live.saved("named/bob-acme.example") == oauth("bob", 1)


# -- logout, wipe --------------------------------------------------------------------------


def test_a_logout_keeps_the_account_and_leaves_its_slot_empty(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})

    live.sees({"zeta": api("z")})

    account = live.account("acme/acme-1")
    assert (account.disabled, live.active("acme")) == ("logged out in opencode", None)
    assert (live.entries(), live.kinds()[-1]) == ({"zeta": api("z")}, EventKind.LOGGED_OUT)


def test_the_logout_of_the_only_login_is_a_logout(live: Live) -> None:
    live.sees({"acme": api("a")})

    live.sees({})

    assert live.state_of("acme/acme-1") is AccountState.DISABLED


def test_a_login_after_a_logout_enables_the_account(live: Live) -> None:
    live.sees({"acme": api("a")})
    live.sees({})

    live.sees({"acme": api("a")})

    assert (live.state_of("acme/acme-1"), live.active("acme")) == (AccountState.READY, "acme-1")


def test_an_entry_that_goes_while_another_changes_is_put_back(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})

    live.sees({"zeta": api("y")})

    assert live.entries() == {"zeta": api("y"), "acme": api("a")}
    assert live.active("acme") == "acme-1"
    assert live.kinds()[-2:] == [EventKind.CAPTURED, EventKind.RESTORED]


def test_a_run_with_its_own_credentials_wipes_nothing(live: Live) -> None:
    """OPENCODE_AUTH_CONTENT: one write rewrites the file with that content alone."""
    before = {"acme": api("a"), "zeta": api("z"), "named": oauth("ada")}
    live.sees(before)

    live.sees({"other": api("o")})

    assert live.entries() == before | {"other": api("o")}


def test_what_went_while_nobody_watched_stays_away_and_is_said(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})

    live.sees({"zeta": api("y")}, watched=False)

    assert (live.entries(), live.active("acme")) == ({"zeta": api("y")}, None)
    assert live.state_of("acme/acme-1") is AccountState.READY
    assert EventKind.PROBLEM in live.kinds()


def test_a_mending_that_cannot_be_written_is_tried_again(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})
    live.write({"zeta": api("y")})
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)
    with as_anybody(), pytest.raises(LiveFileError, match="could not be written"):
        live.look()
    said = live.kinds()
    live.file.parent.chmod(0o700)
    live.file.chmod(0o600)

    live.look()

    assert EventKind.RESTORED not in said
    assert live.entries() == {"zeta": api("y"), "acme": api("a")}
    assert live.kinds().count(EventKind.RESTORED) == 1


def test_a_mending_meets_a_newer_write_and_keeps_both(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})
    live.write({"zeta": api("y")})
    live.clock.when_asked = once(live, {"zeta": api("x")})

    live.look()

    assert live.entries() == {"zeta": api("x"), "acme": api("a")}
    assert live.saved("zeta/zeta-2") == api("y")
    assert live.saved("zeta/zeta-3") == api("x")


def test_a_file_that_never_rests_while_it_is_mended_is_not_taken_for_saved(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})
    live.write({"zeta": api("0")})
    numbers = iter(range(1, 1000))
    live.clock.when_asked = lambda: void(live.write({"zeta": api(str(next(numbers)))}))

    with pytest.raises(SwapConflict, match="kept changing"):
        live.look()


def once(live: Live, entries: dict[str, Entry]) -> Callable[[], None]:
    left = [entries]

    def write() -> None:
        if left:
            live.write(left.pop())

    return write


def void(_: object) -> None:
    """Take a value and return nothing."""


# -- revert ---------------------------------------------------------------------------------


def swapped_to_b(live: Live, *, left: timedelta = HOUR) -> tuple[Entry, Entry]:
    """Log in as ada and bob, and swap from ada to bob; return both entries."""
    ada, bob = oauth("ada", 1, left=left), oauth("bob", 1)
    two_logins(live, "named", bob, ada)
    put(live, "named/bob-acme.example")
    return ada, bob


def test_an_opencode_that_undoes_a_swap_is_undone(live: Live) -> None:
    ada, bob = swapped_to_b(live)

    live.sees({"named": ada})

    event = live.events()[-1]
    assert (live.entries(), live.active("named")) == ({"named": bob}, "bob-acme.example")
    assert (event.kind, event.from_alias, event.to_alias) == (
        EventKind.REVERTED,
        "ada-acme.example",
        "bob-acme.example",
    )


def test_tokens_that_were_being_refreshed_during_a_swap_are_saved(live: Live) -> None:
    """The refresh of the account just left lands on the one just put in."""
    _, bob = swapped_to_b(live, left=RAN_OUT)

    live.sees({"named": oauth("ada", 2)})

    assert live.entries() == {"named": bob}
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert "refreshed tokens were saved" in live.events()[-1].why


@pytest.mark.parametrize("left", [RAN_OUT, timedelta(minutes=4), timedelta(minutes=30)])
def test_a_refresh_by_proof_that_ends_just_after_a_swap_undoes_none(
    live: Live, left: timedelta
) -> None:
    """A6, A7: plug-ins refresh minutes before the end."""
    ada, bob = swapped_to_b(live, left=left)
    seen_refresh(live, ada, oauth("ada", 2))

    live.sees({"named": oauth("ada", 2)})

    assert (live.entries(), live.active("named")) == ({"named": bob}, "bob-acme.example")
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.kinds()[-1] is EventKind.REVERTED


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("minutes", [1, 3, 600])
def test_tokens_that_came_long_before_were_put_there_by_somebody_and_stay(
    live: Live, minutes: float, *, watched: bool
) -> None:
    """A copy of auth.json, or of another home's. An opencode writes at once what it gets."""
    ada, bob = oauth("ada", 1), oauth("bob", 1)
    two_logins(live, "named", ada, bob)
    live.clock.pass_time(minutes=10)
    seen_refresh(live, ada, oauth("ada", 2))
    live.clock.pass_time(minutes=minutes)
    live.write({"named": oauth("ada", 2)})
    # Whoever looks may come much later.
    live.clock.pass_time(hours=0 if watched else 5)

    live.look(watched=watched)

    is_late = minutes < 2
    assert live.entries() == {"named": bob if is_late else oauth("ada", 2)}
    assert live.active("named") == ("bob" if is_late else "ada") + "-acme.example"
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.saved("named/bob-acme.example") == bob
    assert live.kinds()[-1] is (EventKind.REVERTED if is_late else EventKind.SWAPPED)


def test_a_copy_of_tokens_that_are_spent_by_now_is_not_left_there(live: Live) -> None:
    ada, bob = oauth("ada", 1), oauth("bob", 1)
    two_logins(live, "named", ada, bob)
    live.clock.pass_time(minutes=10)
    seen_refresh(live, ada, oauth("ada", 2))
    seen_refresh(live, oauth("ada", 2), oauth("ada", 3))
    live.clock.pass_time(hours=1)

    live.sees({"named": oauth("ada", 2)}, watched=False)

    assert live.entries() == {"named": bob}
    assert live.state_of("named/ada-acme.example") is AccountState.REJECTED
    assert "bob-acme.example is live again" in live.events()[-1].why


@pytest.mark.parametrize("left", [RAN_OUT, HOUR])
def test_a_login_by_proof_just_after_a_swap_stays(live: Live, left: timedelta) -> None:
    swapped_to_b(live, left=left)
    seen_login(live, oauth("ada", 7))

    live.sees({"named": oauth("ada", 7)})

    assert live.entries() == {"named": oauth("ada", 7)}
    assert live.active("named") == "ada-acme.example"
    assert live.kinds()[-1] is EventKind.SWAPPED


def test_tokens_of_a_proven_login_that_an_opencode_writes_back_undo_no_swap(live: Live) -> None:
    bob, ada = oauth("bob", 1), oauth("ada", 1)
    seen_login(live, ada)
    two_logins(live, "named", bob, ada)
    put(live, "named/bob-acme.example")

    live.sees({"named": ada})

    assert live.entries() == {"named": bob}


def test_an_entry_that_comes_back_a_fourth_time_is_left(live: Live) -> None:
    ada, bob = swapped_to_b(live)
    seen = []
    for _ in range(3):
        live.sees({"named": ada})
        seen.append(live.entries())

    live.sees({"named": ada})

    assert seen == [{"named": bob}] * 3
    assert (live.entries(), live.active("named")) == ({"named": ada}, "ada-acme.example")
    assert live.kinds()[-4:] == [*[EventKind.REVERTED] * 3, EventKind.PROBLEM]


def test_older_tokens_that_come_back_a_fourth_time_are_left_as_the_newest(live: Live) -> None:
    """Those that came are spent: whoever wants this login needs the ones that it has now."""
    older, newest = oauth("ada", 1, left=RAN_OUT), oauth("ada", 2, left=RAN_OUT)
    two_logins(live, "named", older, newest)
    live.sees({"named": oauth("bob")})
    put(live, "named/ada-acme.example")
    put(live, "named/bob-acme.example")
    for _ in range(3):
        live.sees({"named": older})

    live.sees({"named": older})

    assert (live.entries(), live.active("named")) == ({"named": newest}, "ada-acme.example")
    assert "with its newest tokens" in live.events()[-1].why


def test_what_comes_back_later_than_half_a_minute_is_the_user_s_choice(live: Live) -> None:
    ada, _ = swapped_to_b(live)
    live.clock.pass_time(seconds=31)

    live.sees({"named": ada})

    assert (live.entries(), live.active("named")) == ({"named": ada}, "ada-acme.example")


def test_a_new_login_of_the_account_just_left_is_the_user_s_choice(live: Live) -> None:
    swapped_to_b(live)

    live.sees({"named": oauth("ada", 2)})

    assert (live.active("named"), live.entries()) == (
        "ada-acme.example",
        {"named": oauth("ada", 2)},
    )


def test_a_writer_that_read_before_a_swap_loses_no_change_of_its_own(live: Live) -> None:
    live.sees({"named": oauth("bob"), "acme": api("a")})
    live.sees({"named": oauth("ada"), "acme": api("a")})
    put(live, "named/bob-acme.example")

    live.sees({"named": oauth("ada"), "acme": api("b")})

    assert live.entries() == {"named": oauth("bob"), "acme": api("b")}
    assert live.saved("acme/acme-2") == api("b")


# -- removed ---------------------------------------------------------------------------------


def test_an_old_copy_of_the_file_does_not_bring_a_removed_account_back(live: Live) -> None:
    two_logins(live, "named", oauth("ada"), oauth("bob"))
    live.sees({"named": oauth("bob"), "acme": api("a")})
    ledger.remove(live.context, live.account("named/ada-acme.example"))

    live.sees({"named": oauth("ada"), "acme": api("b")})

    assert live.entries() == {"named": oauth("bob"), "acme": api("b")}
    assert "named/ada-acme.example" not in live.names()


def test_an_old_copy_of_the_only_account_is_taken_out_again(live: Live) -> None:
    live.sees({"named": oauth("ada"), "acme": api("a")})
    ledger.remove(live.context, live.account("named/ada-acme.example"))

    live.sees({"named": oauth("ada"), "acme": api("b")})

    assert live.entries() == {"acme": api("b")}


def test_a_later_login_of_a_removed_account_is_saved(live: Live) -> None:
    live.sees({"acme": api("a")})
    ledger.remove(live.context, live.account("acme/acme-1"))

    live.sees({"acme": api("a")})

    assert (live.names(), live.active("acme")) == (["acme/acme-1"], "acme-1")


# -- torn, missing, odd ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"acme": {"type": "ap', id="half"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(live: Live, content: bytes) -> None:
    """Case 6: nothing captured, nothing lost."""
    live.sees({"acme": api("a")})

    reading = live.sees(content)

    assert isinstance(reading, Torn)
    assert (live.names(), live.active("acme")) == (["acme/acme-1"], "acme-1")
    assert (live.file.read_bytes(), live.kinds()) == (content, [EventKind.CAPTURED])


def test_every_beginning_of_a_write_is_passed_over_until_it_is_whole(live: Live) -> None:
    """Case 6: half-written, then whole: the login is saved, and nothing else happened."""
    live.sees({"acme": api("a")})
    content = as_opencode({"acme": api("b"), "zeta": api("z")})

    for end in range(0, len(content), 7):
        live.sees(content[:end])
    live.sees(content)

    assert live.names() == ["acme/acme-1", "acme/acme-2", "zeta/zeta-1"]
    assert live.kinds() == [EventKind.CAPTURED] * 3


def test_a_file_that_stays_torn_is_written_anew_and_its_bytes_are_kept(live: Live) -> None:
    content = live.write({"acme": api("a")})
    live.look()
    torn = live.sees(b'{"acme": {"type": "ap')
    assert isinstance(torn, Torn)

    with swap_lock(live.paths.swap_lock):
        done = rebuild_torn(live.context, torn)

    assert (done, live.file.read_bytes()) == (True, content)
    assert live.kinds()[-1] is EventKind.RESTORED
    assert kept_aside(live) == [b'{"acme": {"type": "ap']


def test_a_torn_file_that_somebody_finishes_is_not_written_over(live: Live) -> None:
    live.sees({"acme": api("a")})
    torn = live.sees(b"{")
    assert isinstance(torn, Torn)
    content = live.write({"acme": api("b")})

    with swap_lock(live.paths.swap_lock):
        done = rebuild_torn(live.context, torn)

    assert (done, live.file.read_bytes()) == (False, content)


def test_a_torn_file_is_left_where_no_whole_one_was_ever_seen(live: Live) -> None:
    torn = live.sees(b"{")
    assert isinstance(torn, Torn)

    with swap_lock(live.paths.swap_lock):
        assert not rebuild_torn(live.context, torn)

    assert live.file.read_bytes() == b"{"


def test_a_missing_file_changes_nothing_at_first(live: Live) -> None:
    live.sees({"acme": api("a")})
    live.file.unlink()

    reading = live.look()

    assert isinstance(reading, Missing)
    assert (live.names(), live.active("acme")) == (["acme/acme-1"], "acme-1")


def test_a_file_that_stays_away_leaves_every_slot_empty_and_every_account_saved(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("z")})
    live.file.unlink()

    capture_missing(live.context)
    capture_missing(live.context)

    assert (live.active("acme"), live.active("zeta")) == (None, None)
    assert live.state_of("acme/acme-1") is AccountState.READY
    assert live.kinds().count(EventKind.PROBLEM) == 1


def test_a_file_that_comes_back_is_as_before(live: Live) -> None:
    live.sees({"acme": api("a")})
    live.file.unlink()
    capture_missing(live.context)

    live.sees({"acme": api("a")})

    assert (live.names(), live.active("acme")) == (["acme/acme-1"], "acme-1")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(api("b", metadata={"a": 1}), id="metadata that is no text"),
        pytest.param({"type": "magic"}, id="an unknown type"),
        pytest.param([1], id="a list"),
        pytest.param(oauth("b") | {"expires": 1.5}, id="a broken expiry"),
    ],
)
def test_one_bad_entry_does_not_stop_the_others(live: Live, bad: object) -> None:
    """Cases 7 and 50: the bad one is said and left alone, the others are saved."""
    live.sees({"first": api("a"), "bad": bad, "last": api("c")})

    assert live.names() == ["first/first-1", "last/last-1"]
    problems = [e for e in live.events() if e.kind is EventKind.PROBLEM]
    assert [problem.provider for problem in problems] == ["bad"]
    assert live.entries()["bad"] == bad


@pytest.mark.parametrize("name", ["\ud800", "", "\x1b[2J", "a\nb"])
def test_an_id_that_cannot_be_named_does_not_stop_the_others(live: Live, name: str) -> None:
    live.sees({name: api("x"), "acme": api("a")})

    assert live.names() == ["acme/acme-1"]


def test_a_name_in_a_token_that_is_no_text_does_not_stop_the_others(live: Live) -> None:
    live.sees({"named": oauth("a\x1b[2J\ud800"), "acme": api("a")})

    assert live.names() == ["acme/acme-1", "named/a-2j-acme.example"]
    assert live.account("named/a-2j-acme.example").identity == "a [2J @acme.example"


def test_a_bad_entry_is_said_once(live: Live) -> None:
    live.sees({"bad": [1], "acme": api("a")})

    live.sees({"bad": [1], "acme": api("b")})

    assert live.kinds().count(EventKind.PROBLEM) == 1


def test_a_file_with_a_byte_order_mark_is_captured(live: Live) -> None:
    reading = live.sees(b"\xef\xbb\xbf" + as_opencode({"acme": api("a")}))

    assert isinstance(reading, Whole)
    assert live.names() == ["acme/acme-1"]


# -- our own writes ------------------------------------------------------------------------------


def test_our_own_swap_is_no_login(live: Live) -> None:
    """Case 8: no new account is reported."""
    two_logins(live, "acme", api("a"), api("b"))
    put(live, "acme/acme-1")
    before = live.events()

    live.look()

    assert (live.events(), live.names()) == (before, ["acme/acme-1", "acme/acme-2"])


def test_the_swap_of_another_process_is_no_login(live: Live, home: Path) -> None:
    """Case 8: also from another process; its content is known, not its time."""
    two_logins(live, "acme", api("a"), api("b"))
    with open_live(home) as other:
        put(other, "acme/acme-1")
    live.clock.pass_time(hours=5)

    live.look()

    assert live.active("acme") == "acme-1"
    assert live.kinds().count(EventKind.SWAPPED) == 1


def test_a_login_right_after_our_own_write_is_seen(live: Live) -> None:
    """Case 4: no window of time suppresses a login."""
    two_logins(live, "acme", api("a"), api("b"))
    put(live, "acme/acme-1")

    live.sees({"acme": api("c")})

    assert live.active("acme") == "acme-3"
    assert live.saved("acme/acme-1") == api("a")


def test_no_event_holds_a_secret(live: Live) -> None:
    two_logins(live, "named", oauth("ada", 1), oauth("ada", 2))
    live.sees({"named": oauth("ada", 1), "bad": {"type": "CANARY"}})
    live.sees({"named": oauth("ada", 2) | {"expires": "CANARY"}})

    assert "CANARY" not in json.dumps([repr(event) for event in live.events()])
