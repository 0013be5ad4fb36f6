"""An opencode that opened auth.json just before a swap and writes into it just after."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import RotatorError
from rotator.live.capture import capture_missing, wait_for_late_writes
from rotator.live.capture_content import capture_content
from rotator.live.late_writes import save_logins
from rotator.live.swap import SwapRequest, swap
from rotator.model import NOBODY, EventKind
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.auth.file import Whole
from rotator.opencode.auth.replaced import MOST_KEPT
from rotator.secret import Secret
from rotator.storage.account_copy import LATE
from rotator.storage.images import opened_image
from rotator.system.locks import swap_lock
from rotator.watcher.daemon import Daemon
from tests.support.descents import seen_refresh
from tests.support.faults import Act, Crash, Seam, Step, at, error, named
from tests.support.live import (
    Entry,
    Live,
    api,
    as_opencode,
    full_disk,
    kept_aside,
    oauth,
    open_live,
)

pytestmark = pytest.mark.no_cover

A, B = "acme/acme-1", "acme/acme-2"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live beside one of zeta."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        live.sees({"acme": api("b"), "zeta": api("z")})
        yield live
        # Whatever was written by the way was sealed with it.
        live.context.store.require_sound()


def written_late(live: Live, name: str, entries: dict[str, Entry] | bytes) -> None:
    """Swap to the account `name` while a writer has the old file open; then let it write."""
    handle = os.open(live.file, os.O_WRONLY)
    try:
        swap(live.context, SwapRequest(live.account(name).id, "for the test"))
        os.ftruncate(handle, 0)
        os.pwrite(handle, entries if isinstance(entries, bytes) else as_opencode(entries), 0)
    finally:
        os.close(handle)


def by_watcher(live: Live) -> None:
    live.look()


def by_command(live: Live) -> None:
    with swap_lock(live.paths.swap_lock):
        wait_for_late_writes(live.context, patience_seconds=0.05)
    live.look(watched=False)


@pytest.mark.parametrize("look", [by_watcher, by_command])
def test_a_late_login_of_the_same_provider_is_saved_and_the_swap_stays(
    live: Live, look: Callable[[Live], None]
) -> None:
    written_late(live, A, {"acme": api("c"), "zeta": api("z")})

    look(live)

    assert live.saved("acme/acme-3") == api("c")
    assert (live.entries(), live.active("acme")) == (
        {"acme": api("a"), "zeta": api("z")},
        "acme-1",
    )
    assert live.kinds()[-1] is EventKind.CAPTURED
    # Nobody puts it in later, when another one is live.
    assert live.context.store.late_logins() == ()


@pytest.mark.parametrize("look", [by_watcher, by_command])
def test_c6_a_late_login_of_another_provider_is_saved_and_live(
    live: Live, look: Callable[[Live], None]
) -> None:
    written_late(live, A, {"acme": api("b"), "zeta": api("y")})

    look(live)

    assert live.saved("zeta/zeta-2") == api("y")
    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert (live.active("acme"), live.active("zeta")) == ("acme-1", "zeta-2")


@pytest.mark.parametrize("look", [by_watcher, by_command])
def test_late_logins_that_a_watcher_has_seen_and_saved_are_live_too(
    live: Live, look: Callable[[Live], None]
) -> None:
    """It reads on while a swap is made, and saves what it read before the late file is found."""
    before = Whole(live.file.read_bytes())
    late = as_opencode({"acme": api("b"), "zeta": api("y"), "eta": api("e")})

    written_late(live, A, late)
    save_logins(live.context, before, Whole(late), to_be_live=False)
    look(live)

    assert live.entries() == {"acme": api("a"), "zeta": api("y"), "eta": api("e")}
    assert [live.active(name) for name in ("acme", "zeta", "eta")] == ["acme-1", "zeta-2", "eta-1"]


@pytest.mark.parametrize("beside", [{"eta": api("f")}, {}])
def test_late_logins_that_a_watcher_took_for_live_until_the_swap_are_live(
    live: Live, beside: dict[str, Entry]
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z"), **beside})
    late = as_opencode({"acme": api("b"), "zeta": api("y"), "eta": api("e")})

    written_late(live, A, late)
    capture_content(live.context, Whole(late), watched=True)
    by_command(live)
    live.look()

    assert {name: live.entries().get(name) for name in ("zeta", "eta")} == {
        "zeta": api("y"),
        "eta": api("e"),
    }


@pytest.mark.parametrize("look", [by_watcher, by_command])
def test_an_old_login_beside_a_late_one_is_no_late_login(
    live: Live, look: Callable[[Live], None]
) -> None:
    live.sees({"acme": api("b"), "zeta": api("y")})

    written_late(live, A, {"acme": api("b"), "zeta": api("z"), "eta": api("e")})
    look(live)

    assert live.entries() == {"acme": api("a"), "zeta": api("y"), "eta": api("e")}


@pytest.mark.parametrize("is_spent", [True, False])
def test_a_late_login_that_somebody_else_has_refreshed_meanwhile_is_saved_and_not_put_in(
    live: Live, *, is_spent: bool
) -> None:
    written_late(live, A, {"acme": api("b"), "zeta": oauth("zed")})
    whole = live.file.read_bytes()
    live.file.write_bytes(b"{")
    live.look()
    if is_spent:
        seen_refresh(live, oauth("zed"), oauth("zed", 2))
    live.file.write_bytes(whole)

    live.look()

    assert live.saved("zeta/zeta-2") == oauth("zed")
    assert live.entries()["zeta"] == (api("z") if is_spent else oauth("zed"))


def test_a_late_login_is_not_put_over_a_later_one(live: Live) -> None:
    written_late(live, A, {"acme": api("b"), "zeta": api("y")})
    live.write({"acme": api("a"), "zeta": api("x")})

    live.look()

    assert live.entries() == {"acme": api("a"), "zeta": api("x")}
    assert live.saved("zeta/zeta-2") == api("y")
    assert live.saved("zeta/zeta-3") == api("x")


def test_a_late_login_is_not_put_over_what_came_after_a_later_one(live: Live) -> None:
    """Its writer knew what stands there at the end, but somebody logged in between."""
    written_late(live, A, {"acme": api("b"), "zeta": api("y")})
    live.file.write_bytes(b"{")
    live.look()
    live.write({"acme": api("a"), "zeta": api("x")})
    live.look()
    live.write({"acme": api("a"), "zeta": api("z")})

    live.look()
    live.look()

    assert live.entries() == {"acme": api("a"), "zeta": api("z")}
    assert live.saved("zeta/zeta-2") == api("y")


def test_a_logout_after_a_late_login_stays_one(live: Live) -> None:
    written_late(live, A, {"acme": api("b"), "zeta": api("z"), "named": oauth("ada")})
    live.file.write_bytes(b"{")
    live.look()
    live.write({"acme": api("a"), "zeta": api("z"), "named": oauth("bob")})
    live.file.write_bytes(b"{")
    live.look()
    live.write({"acme": api("a"), "zeta": api("z"), "named": oauth("bob")})
    live.look()
    live.write({"acme": api("a"), "zeta": api("z")})

    live.look()
    live.look()

    assert live.entries() == {"acme": api("a"), "zeta": api("z")}


def test_a_late_refresh_goes_to_the_account_that_left(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob")})

    written_late(live, "named/ada-acme.example", {"named": oauth("bob", 2)})
    live.look()

    assert live.saved("named/bob-acme.example") == oauth("bob", 2)
    assert live.entries()["named"] == oauth("ada", 1)


def test_late_tokens_of_the_account_that_left_are_saved_though_the_file_had_none(
    live: Live,
) -> None:
    """Two opencodes had it open: what the first one wrote had lost the login, and was mended."""
    live.sees({"named": oauth("bob"), "zeta": api("z")})
    live.sees({"named": oauth("ada", 1, left=timedelta(0)), "zeta": api("z")})
    swap(live.context, SwapRequest(live.account("named/bob-acme.example").id, "for the test"))
    handle = os.open(live.file, os.O_WRONLY)
    live.sees({"zeta": api("y")})
    os.ftruncate(handle, 0)
    os.pwrite(handle, as_opencode({"named": oauth("ada", 2)}), 0)
    os.close(handle)

    live.look()

    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.entries()["named"] == oauth("bob")


def test_a_late_login_of_the_account_that_was_put_in_is_live(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob")})

    written_late(live, "named/ada-acme.example", {"named": oauth("ada", 2)})
    live.look()

    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.entries()["named"] == oauth("ada", 2)


def test_a_late_login_is_live_in_a_file_that_was_away_when_it_was_found(live: Live) -> None:
    away = live.file.with_name("auth.json-away")
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob")})

    written_late(live, "named/ada-acme.example", {"named": oauth("ada", 2)})
    live.file.rename(away)
    live.look()
    away.rename(live.file)
    live.look()

    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.entries()["named"] == oauth("ada", 2)


def test_a_late_login_is_not_put_over_one_that_nobody_has_seen(live: Live) -> None:
    live.sees({"named": oauth("ada", 1)})
    live.sees({"named": oauth("bob")})

    written_late(live, "named/ada-acme.example", {"named": oauth("ada", 2)})
    live.write({"named": oauth("cem")})
    live.look()

    assert live.saved("named/ada-acme.example") == oauth("ada", 2)
    assert live.entries()["named"] == live.saved("named/cem-acme.example") == oauth("cem")


def test_c6_whoever_dies_before_a_late_login_is_live_leaves_that_to_the_next(home: Path) -> None:
    seam = Seam()
    with open_live(home) as live:
        live.sees({"named": oauth("ada", 1)})
        live.sees({"named": oauth("bob")})
        written_late(live, "named/ada-acme.example", {"named": oauth("ada", 2)})
        with pytest.raises(Crash), seam.watching(at(1, seam.crash, named("replace"))):
            live.look()
    with open_live(home) as live:
        live.look(watched=False)

        assert live.saved("named/ada-acme.example") == oauth("ada", 2)
        assert live.entries()["named"] == oauth("ada", 2)


def void(_: object) -> None:
    """Take a value and return nothing."""


RAN_OUT = oauth("ada", 1, left=timedelta(minutes=-5))


def test_late_tokens_that_ran_out_and_that_nobody_knows_are_kept_aside(live: Live) -> None:
    live.sees({"named": oauth("ada", 5)})
    live.sees({"named": oauth("bob")})

    written_late(live, "named/ada-acme.example", {"named": RAN_OUT})
    live.look()

    assert live.saved("named/ada-acme.example") == oauth("ada", 5) == live.entries()["named"]
    assert [json.loads(content) for content in kept_aside(live)] == [RAN_OUT]


@pytest.mark.parametrize("active", ["ada", "bob"])
def test_tokens_that_ran_out_and_that_nobody_knows_make_room_and_are_kept_aside(
    live: Live, active: str
) -> None:
    live.sees({"named": oauth("ada", 5)})
    live.sees({"named": oauth(active, 5)})

    live.sees({"named": RAN_OUT})
    live.sees({"named": RAN_OUT})

    assert live.entries()["named"] == oauth("ada", 5)
    assert [json.loads(content) for content in kept_aside(live)] == [RAN_OUT]
    assert any("unclaimed content 1" in event.why for event in live.events())


def test_an_undone_swap_keeps_tokens_aside_that_nobody_knows(live: Live) -> None:
    live.sees({"named": oauth("bob")})
    live.sees({"named": oauth("ada", 5)})
    live.clock.pass_time(hours=2)
    swap(live.context, SwapRequest(live.account("named/bob-acme.example").id, "for the test"))

    live.sees({"named": RAN_OUT})

    assert (live.entries()["named"], EventKind.REVERTED in live.kinds()) == (oauth("bob"), True)
    assert [json.loads(content) for content in kept_aside(live)] == [RAN_OUT]


def test_a_mending_that_comes_to_nothing_leaves_nobody_in_an_empty_slot(home: Path) -> None:
    """The file is what it was by the time that it would have been mended."""
    with open_live(home) as live:
        live.sees({"named": oauth("ada", 1)})
        live.sees({"named": oauth("ada", 2)})
        live.sees({})
        live.write({"named": oauth("ada", 1)})

        with Seam().watching(at(1, lambda _: void(live.write({})), named("fsync"))):
            live.look()

        assert (live.entries(), live.active("named")) == ({}, None)
        assert live.saved("named/ada-acme.example") == oauth("ada", 2)


def test_a_late_write_that_is_not_finished_is_looked_at_again(live: Live) -> None:
    whole = as_opencode({"acme": api("c"), "zeta": api("z")})
    handle = os.open(live.file, os.O_WRONLY)
    swap(live.context, SwapRequest(live.account(A).id, "for the test"))
    os.ftruncate(handle, 0)
    os.pwrite(handle, whole[:20], 0)
    live.look()
    before = live.names()

    os.pwrite(handle, whole[20:], 20)
    os.close(handle)
    live.look()

    assert (len(before), live.saved("acme/acme-3")) == (3, api("c"))


def test_a_late_write_of_what_stood_there_changes_nothing(live: Live) -> None:
    written_late(live, A, {"acme": api("b"), "zeta": api("z")})
    events = live.events()

    live.look()

    assert (live.events(), live.active("acme")) == (events, "acme-1")


def test_what_was_read_before_somebody_else_logged_in_is_no_login(live: Live) -> None:
    live.sees({"acme": api("b"), "zeta": api("y")})

    written_late(live, A, {"acme": api("c"), "zeta": api("z")})
    live.look()

    assert live.saved("acme/acme-3") == api("c")
    assert live.entries() == {"acme": api("a"), "zeta": api("y")}


def test_only_so_many_old_files_are_kept_open(live: Live) -> None:
    before = len(list(Path("/dev/fd").iterdir()))

    for number in range(MOST_KEPT + 8):
        swap(live.context, SwapRequest(live.account((A, B)[number % 2]).id, "for the test"))

    assert len(list(Path("/dev/fd").iterdir())) <= before + MOST_KEPT


# -- a late login is put in until it is in ------------------------------------------------------


def late_logins(live: Live) -> dict[str, Entry]:
    """Let a swap be made while a writer logs in twice, at acme and at zeta, too late."""
    late = {"eta": api("e"), "zeta": api("y")}
    written_late(live, A, {"acme": api("b")} | late)
    return {"acme": api("a")} | late


def test_c9_a_late_login_is_put_in_once_a_torn_file_is_whole(live: Live) -> None:
    wanted = late_logins(live)
    whole = live.file.read_bytes()
    live.write(whole[:20])
    live.look()
    torn = live.file.read_bytes()

    live.write(whole)
    live.look()

    assert torn == whole[:20]
    assert live.entries() == wanted
    assert (live.active("zeta"), live.active("eta")) == ("zeta-2", "eta-1")


def test_c9_a_late_login_is_put_in_beside_a_change_that_came_between(live: Live) -> None:
    wanted = late_logins(live)
    live.write({"acme": api("a"), "zeta": api("z"), "iota": api("i")})
    live.look()

    live.look()

    assert live.entries() == wanted | {"iota": api("i")}
    assert live.saved("iota/iota-1") == api("i")


def test_c9_a_late_login_is_put_in_though_the_file_changes_while_it_is_written(live: Live) -> None:
    wanted = late_logins(live)
    newer = {"acme": api("a"), "zeta": api("z"), "iota": api("i")}

    with Seam().watching(at(1, lambda _: void(live.write(newer)), named("fsync"))):
        live.look()
    live.look()
    live.look()

    assert live.entries() == wanted | {"iota": api("i")}


def test_c6_a_late_login_is_put_in_once_the_disk_has_room(live: Live) -> None:
    wanted = late_logins(live)
    with full_disk(), contextlib.suppress(RotatorError):
        live.look()

    live.look()

    assert live.entries() == wanted


def test_whoever_had_read_the_file_before_a_late_login_undoes_it_for_a_moment_only(
    live: Live,
) -> None:
    """It writes another login, and what it had read of the rest."""
    wanted = late_logins(live)
    live.look()

    live.sees({"acme": api("a"), "zeta": api("z"), "eta": api("e"), "iota": api("i")})
    live.look()

    assert live.entries() == wanted | {"iota": api("i")}
    assert live.active("zeta") == "zeta-2"
    assert EventKind.REVERTED in live.kinds()


def test_a_login_right_after_a_late_one_is_the_user_s_choice(live: Live) -> None:
    """Tokens that nobody had are no old copy which a writer brings back."""
    both = {"acme": api("b"), "zeta": api("z")}
    live.sees(both | {"named": oauth("ada")})
    written_late(live, A, both | {"named": oauth("bob")})
    live.look()
    put_in = live.active("named")

    live.sees({"acme": api("a"), "zeta": api("z"), "named": oauth("ada", 2)})

    assert (put_in, live.active("named")) == ("bob-acme.example", "ada-acme.example")
    assert live.entries()["named"] == oauth("ada", 2)


def test_a_late_login_that_was_overtaken_before_it_was_put_in_leaves_the_store_sound(
    live: Live,
) -> None:
    late_logins(live)
    live.write(live.file.read_bytes()[:20])
    live.look()
    assert live.context.store.late_logins()

    live.sees({"acme": api("a"), "zeta": api("x"), "eta": api("f")})
    live.look()

    assert live.context.store.late_logins() == ()
    assert live.entries()["zeta"] == api("x")


def test_another_layout_of_what_the_writer_knew_is_no_other_login(live: Live) -> None:
    wanted = late_logins(live)
    live.write(json.dumps({"acme": api("a"), "zeta": api("z")}).encode())

    live.look()
    live.look()

    assert live.entries() == wanted


def test_a_command_waits_until_a_late_login_is_in(live: Live) -> None:
    wanted = late_logins(live)
    whole = live.file.read_bytes()
    live.write(whole[:20])
    writer = threading.Timer(0.1, lambda: live.write(whole))
    writer.start()

    with swap_lock(live.paths.swap_lock):
        wait_for_late_writes(live.context, patience_seconds=30)

    writer.join()
    assert live.entries() == wanted
    assert live.context.store.late_logins() == ()


def test_an_entry_that_went_while_a_command_waits_and_nobody_watches_is_not_put_back(
    live: Live,
) -> None:
    """Nobody can tell a logout from a wipe then."""
    late_logins(live)
    live.write({"zeta": api("q")})

    with swap_lock(live.paths.swap_lock):
        wait_for_late_writes(live.context, patience_seconds=30)

    assert live.entries() == {"zeta": api("q"), "eta": api("e")}
    assert live.account(A).disabled is None
    assert EventKind.PROBLEM in live.kinds()


def test_a_watcher_that_ends_puts_in_what_was_written_late(live: Live) -> None:
    wanted: dict[str, Entry] = {}
    daemon = Daemon(live.context)
    daemon.stop()

    daemon.run(lambda: wanted.update(late_logins(live)))

    assert live.entries() == wanted


def torn_while_late(live: Live) -> tuple[dict[str, Entry], bytes]:
    """Let late logins be found while auth.json is torn; return what is wanted, and the whole."""
    wanted = late_logins(live)
    whole = live.file.read_bytes()
    live.write(whole[:20])
    by_command(live)
    assert len(live.context.store.late_logins()) == 2
    return wanted, whole


def test_a_late_login_that_its_finder_could_not_put_in_is_left_to_the_next(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b"), "zeta": api("z")})
        wanted, whole = torn_while_late(live)

    with open_live(home) as live:
        live.write(whole)
        live.look(watched=False)
        live.look(watched=False)

        assert live.entries() == wanted
        assert (live.active("zeta"), live.active("eta")) == ("zeta-2", "eta-1")
        assert live.context.store.late_logins() == ()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_whoever_dies_while_a_late_login_is_put_in_leaves_it_to_the_next(
    home: Path, step: str
) -> None:
    seam = Seam()
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b"), "zeta": api("z")})
        wanted = late_logins(live)
        with pytest.raises(Crash), seam.watching(at(1, seam.crash, named(step))):
            live.look()

    with open_live(home) as live:
        live.look(watched=False)
        live.look(watched=False)

        assert live.entries() == wanted
        assert live.context.store.late_logins() == ()


def test_c9_what_took_the_place_of_a_late_login_meanwhile_stays(live: Live) -> None:
    wanted, _ = torn_while_late(live)
    live.write({"acme": api("a"), "zeta": api("x")})

    live.look()
    live.look()

    assert live.entries() == wanted | {"zeta": api("x")}
    assert live.saved("zeta/zeta-2") == api("y")


def test_an_account_that_was_removed_meanwhile_is_not_put_in(live: Live) -> None:
    wanted, whole = torn_while_late(live)
    removed = live.account("eta/eta-1")
    with live.context.store.transaction():
        live.context.store.remove_account(removed, live.clock())
    live.write(whole)

    live.look()
    live.look()

    assert live.entries() == {p: entry for p, entry in wanted.items() if p != "eta"}


def test_tokens_that_came_since_are_put_in_instead_of_the_late_ones(live: Live) -> None:
    live.sees({"acme": api("b"), "named": oauth("bob")})
    written_late(live, A, {"acme": api("b"), "named": oauth("ada", 1)})
    whole = live.file.read_bytes()
    live.write(whole[:20])
    live.look()
    ada = live.account("named/ada-acme.example")
    newer = parse_entry("named", Secret(json.dumps(oauth("ada", 2))))
    with live.context.store.transaction():
        live.context.store.renew_credential(ada, newer, NOBODY, live.clock())
    live.write(whole)

    live.look()
    live.look()

    assert live.entries()["named"] == oauth("ada", 2)


def test_a_late_login_is_in_no_backup_as_one(live: Live) -> None:
    torn_while_late(live)

    with opened_image(live.context.store.accounts_copy(live.clock()), live.paths.store) as copy:
        names = {name for (name,) in copy.execute("SELECT name FROM setting")}

    assert LATE not in names


# -- a file that was absent ----------------------------------------------------------------------


def at_the_link(live: Live, entries: dict[str, Entry]) -> Act:
    """Return what lets an opencode write the absent file at the last moment."""
    return at(1, lambda _: void(live.write(entries)), named("link"))


def test_c8_a_login_into_an_absent_file_just_before_it_gets_its_name_is_kept(live: Live) -> None:
    live.file.unlink()

    with Seam().watching(at_the_link(live, {"zeta": api("y")})):
        swap(live.context, SwapRequest(live.account(A).id, "for the test"))

    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert live.saved("zeta/zeta-2") == api("y")


def test_c8_a_login_of_the_same_provider_into_an_absent_file_is_saved(live: Live) -> None:
    live.file.unlink()

    with Seam().watching(at_the_link(live, {"acme": api("c")})):
        swap(live.context, SwapRequest(live.account(A).id, "for the test"))

    assert live.entries()["acme"] == api("a")
    assert live.saved("acme/acme-3") == api("c")


def test_c8_a_failover_into_an_absent_file_is_given_up_for_a_login_there(live: Live) -> None:
    live.file.unlink()
    order = SwapRequest(live.account(A).id, "for the test", expected=None, check_expected=True)
    with swap_lock(live.paths.swap_lock):
        capture_missing(live.context)

    with Seam().watching(at_the_link(live, {"acme": api("c")})):
        done = swap(live.context, order)

    assert (done, live.entries()) == (None, {"acme": api("c")})
    assert live.saved("acme/acme-3") == api("c")


def test_a_swap_into_an_absent_file_is_made_once(live: Live) -> None:
    live.file.unlink()
    before = live.kinds()

    with Seam().watching() as trace:
        swap(live.context, SwapRequest(live.account(A).id, "for the test"))

    assert [step.to for step in trace if step.name == "link"] == [live.file]
    assert live.kinds() == [*before, EventKind.PROBLEM, EventKind.SWAPPED]


def test_where_no_file_has_a_second_name_a_login_just_before_is_kept_all_the_same(
    live: Live,
) -> None:
    live.file.unlink()

    def refuse(step: Step) -> None:
        live.write({"zeta": api("y")})
        raise error(step, errno.EPERM)

    with Seam().watching(at(1, refuse, named("link"))):
        swap(live.context, SwapRequest(live.account(A).id, "for the test"))

    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert live.saved("zeta/zeta-2") == api("y")


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_no_file_has_a_second_name_an_absent_one_is_made_all_the_same(
    live: Live, code: int
) -> None:
    live.file.unlink()

    def refuse(step: Step) -> None:
        if step.name == "link":
            raise error(step, code)

    with Seam().watching(refuse):
        swap(live.context, SwapRequest(live.account(A).id, "for the test"))

    assert live.entries() == {"acme": api("a")}
