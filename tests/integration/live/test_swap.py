"""Putting an account into auth.json: whatever stands there, and whoever writes meanwhile."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.errors import (
    AccountNotFound,
    LiveFileError,
    LiveFileUnreadable,
    StoreError,
    SwapConflict,
    SwapUnverified,
)
from rotator.live.swap import Swapped, SwapRequest, swap, take_out
from rotator.model import Account, EventKind
from rotator.opencode.auth.file import LARGEST_BYTES
from rotator.opencode.auth.writer import put_live
from rotator.system import files
from rotator.system.files import TEMPORARY_MARK
from rotator.system.paths import find_paths
from tests.support.faults import Act, Crash, Seam, Step
from tests.support.home import places
from tests.support.live import (
    REGISTRY,
    Entry,
    Live,
    api,
    as_anybody,
    as_opencode,
    full_disk,
    kept_aside,
    oauth,
    open_live,
    run_at_once,
)
from tests.support.race import unhappy

A, B = "acme/acme-1", "acme/acme-2"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


def put(live: Live, name: str, **more: object) -> Swapped | None:
    order = SwapRequest(live.account(name).id, "for the test", **more)  # type: ignore[arg-type]
    return swap(live.context, order)


def folder_of(live: Live) -> list[str]:
    return sorted(path.name for path in live.file.parent.iterdir())


# -- what is written -----------------------------------------------------------------------


def test_the_account_s_current_credential_is_what_goes_in(live: Live) -> None:
    """Case 16: exactly the stored credential of now, not a stale copy."""
    live.sees({"named": oauth("ada", 1)})
    stale = live.account("named/ada-acme.example")
    live.sees({"named": oauth("ada", 2)})
    live.sees({"named": oauth("bob")})

    swap(live.context, SwapRequest(stale.id, "for the test"))

    assert live.entries()["named"] == oauth("ada", 2)


def test_every_other_entry_keeps_its_very_bytes(live: Live) -> None:
    text = '{ "odd" : {"type":"magic", "n":1.0e5} ,\n\t"acme":%s, "odd": [1,"\u00e9"] }\n'
    live.sees((text % json.dumps(api("b"))).encode())

    put(live, A)

    written = live.file.read_text("utf-8")
    # The entry itself is the text that was captured.
    entry = live.account(A).credential.entry.reveal()
    assert written == text % entry


def test_the_new_file_is_private_whatever_the_umask_and_the_old_one_s_mode(live: Live) -> None:
    live.file.chmod(0o644)
    before = os.umask(0)
    try:
        put(live, A)
    finally:
        os.umask(before)

    assert stat.S_IMODE(live.file.stat().st_mode) == 0o600


def test_a_swap_leaves_no_other_file_behind(live: Live) -> None:
    put(live, A)

    assert folder_of(live) == ["auth.json"]


def test_a_swap_tells_who_left_and_is_written_down(live: Live) -> None:
    done = put(live, A)

    assert done is not None
    assert done.left is not None
    assert (done.left.alias, done.put.alias, done.written) == ("acme-2", "acme-1", True)
    assert live.active("acme") == "acme-1"
    event = live.events()[-1]
    assert (event.kind, event.from_alias, event.to_alias) == (
        EventKind.SWAPPED,
        "acme-2",
        "acme-1",
    )


def test_a_swap_is_remembered_to_recognise_whoever_undoes_it(live: Live) -> None:
    left = live.account(B)

    put(live, A)

    mark = live.state.slot("acme").swap
    assert mark is not None
    assert (mark.left, mark.put, mark.left_expired) == (left.id, live.account(A).id, False)
    assert mark.left_entry == left.credential.entry.digest()


def test_a_new_tenure_begins_at_the_swap(live: Live) -> None:
    live.clock.pass_time(minutes=5)

    put(live, A)

    tenure = live.state.slot("acme").tenures[-1]
    assert (tenure.account, tenure.since) == (live.account(A).id, live.clock.now)
    assert live.account(A).last_used_at == live.clock.now


def test_putting_in_who_is_in_already_writes_nothing_and_says_nothing(live: Live) -> None:
    facts, events = live.file.stat(), live.events()
    mark = live.state.slot("acme").swap

    done = put(live, B)

    assert done is not None
    assert not done.written
    assert live.file.stat().st_ino == facts.st_ino
    assert (live.events(), live.state.slot("acme").swap) == (events, mark)


def test_an_account_that_was_removed_meanwhile_is_said(live: Live) -> None:
    account = live.account(A)
    with live.context.store.transaction():
        live.context.store.remove_account(account, live.clock.now)

    with pytest.raises(AccountNotFound, match="removed meanwhile"):
        swap(live.context, SwapRequest(account.id, "for the test"))


# -- what stands in its place ----------------------------------------------------------------


def test_a_missing_file_is_made_with_its_folder(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.file.unlink()
        live.file.parent.rmdir()
        before = os.umask(0)
        try:
            put(live, A)
        finally:
            os.umask(before)

        assert live.entries() == {"acme": api("a")}
        assert stat.S_IMODE(live.file.parent.stat().st_mode) == 0o700


def test_a_swap_into_a_missing_file_calls_nobody_else_live(live: Live) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    live.file.unlink()

    put(live, A)

    assert (live.active("acme"), live.active("zeta")) == ("acme-1", None)
    assert live.entries() == {"acme": api("a")}


def test_a_link_stays_a_link_and_its_target_is_replaced(live: Live, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "auth.json.real"
    target.parent.mkdir()
    live.file.rename(target)
    live.file.symlink_to(target)

    put(live, A)

    assert live.file.is_symlink()
    assert json.loads(target.read_bytes()) == {"acme": api("a")}
    assert [path.name for path in target.parent.iterdir()] == ["auth.json.real"]


def test_a_link_to_nothing_gets_its_target(live: Live, tmp_path: Path) -> None:
    target = tmp_path / "auth.json.real"
    live.file.unlink()
    live.file.symlink_to(target)

    put(live, A)

    assert live.file.is_symlink()
    assert json.loads(target.read_bytes()) == {"acme": api("a")}


def make_folder(file: Path) -> None:
    file.mkdir()


def make_pipe(file: Path) -> None:
    os.mkfifo(file)


def make_loop(file: Path) -> None:
    file.symlink_to(file)


def make_huge(file: Path) -> None:
    file.write_bytes(b'{"acme": "' + b"x" * LARGEST_BYTES * 5 + b'"}')


def make_private(file: Path) -> None:
    file.write_text("{}")
    file.chmod(0)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(make_folder, "it is not a regular file", id="a folder"),
        pytest.param(make_pipe, "it is not a regular file", id="a pipe"),
        pytest.param(make_loop, "it cannot be opened", id="a link to itself"),
        pytest.param(make_huge, "it is larger than 4 MiB", id="20 MB"),
        pytest.param(make_private, "it cannot be opened", id="nobody may read it"),
    ],
)
def test_what_cannot_be_read_is_left_and_said(
    live: Live, make: Callable[[Path], None], why: str
) -> None:
    live.file.unlink()
    make(live.file)
    before = live.file.lstat()

    with as_anybody(), pytest.raises(LiveFileUnreadable, match=why) as caught:
        put(live, A)

    assert caught.value.exit_code == 6
    assert live.file.lstat().st_mtime_ns == before.st_mtime_ns
    assert (live.active("acme"), folder_of(live)) == ("acme-2", ["auth.json"])


@pytest.mark.parametrize("content", [b"", b'{"acme": {"ty', b"\xff", b"[]"])
def test_a_file_that_stays_half_written_is_left_and_said(live: Live, content: bytes) -> None:
    live.write(content)

    with pytest.raises(LiveFileUnreadable, match="cannot be changed"):
        put(live, A, patience_seconds=0.05)

    assert (live.file.read_bytes(), live.active("acme")) == (content, "acme-2")


def test_a_half_written_file_is_waited_for(live: Live) -> None:
    content = as_opencode({"acme": api("c")})
    live.write(content[:20])
    writer = threading.Timer(0.05, lambda: live.write(content))
    writer.start()

    put(live, A, patience_seconds=30)

    writer.join()
    assert live.entries() == {"acme": api("a")}
    assert live.saved("acme/acme-3") == api("c")


def test_an_entry_that_nobody_can_read_is_kept_aside_before_it_goes(live: Live) -> None:
    magic = {"type": "magic", "key": "KEY-CANARY-m"}
    live.write({"acme": magic, "zeta": api("z")})

    put(live, A)

    assert live.entries() == {"acme": api("a"), "zeta": api("z")}
    assert [json.loads(content) for content in kept_aside(live)] == [magic]


# -- who writes meanwhile ----------------------------------------------------------------------


def writes_once(live: Live, entries: dict[str, Entry]) -> None:
    """Let an opencode write `entries` just when the swap has read the file."""
    left = [entries]

    def write() -> None:
        if left:
            live.write(left.pop())

    live.clock.when_asked = write


def test_a_change_of_another_entry_between_reading_and_renaming_is_kept(live: Live) -> None:
    live.write({"acme": api("b"), "zeta": api("y")})
    writes_once(live, {"acme": api("b"), "zeta": api("z")})

    put(live, A)

    assert live.entries() == {"acme": api("a"), "zeta": api("z")}
    assert live.saved("zeta/zeta-2") == api("z")


def test_a_refresh_between_reading_and_renaming_is_saved(live: Live) -> None:
    live.sees({"named": oauth("bob")})
    live.write({"named": oauth("ada", 1)})
    writes_once(live, {"named": oauth("ada", 2)})

    put(live, "named/bob-acme.example")

    assert live.entries() == {"named": oauth("bob")}
    assert live.saved("named/ada-acme.example") == oauth("ada", 2)


def test_a_login_between_reading_and_renaming_is_saved(live: Live) -> None:
    live.write({"acme": api("b"), "zeta": api("z")})
    writes_once(live, {"acme": api("c"), "zeta": api("z")})

    put(live, A)

    assert live.entries() == {"acme": api("a"), "zeta": api("z")}
    assert live.saved("acme/acme-3") == api("c")


def renames_once(live: Live, *entries: dict[str, Entry] | None) -> Callable[[Step], None]:
    """Let an editor put its own file there, or take it away, just before our file takes its place.

    One after the other before each try.
    """
    left = list(entries)

    def rename(step: Step) -> None:
        if step.name == "replace" and step.to == live.file and left:
            put_there = left.pop(0)
            if put_there is None:
                live.file.unlink()
                return
            mine = live.file.with_name("mine.json")
            mine.write_bytes(as_opencode(put_there))
            mine.rename(live.file)

    return rename


@pytest.mark.parametrize("known", [True, False], ids=["swap", "failover"])
def test_a_login_that_is_renamed_into_place_at_the_last_moment_is_saved(
    live: Live, *, known: bool
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    rename = renames_once(live, {"acme": api("b"), "zeta": api("y")})
    only = {} if known else {"expected": live.account(B).id, "check_expected": True}

    with Seam().watching(rename):
        done = put(live, A, **only)

    assert done is not None
    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert live.saved("zeta/zeta-2") == api("y")
    assert folder_of(live) == ["auth.json"]


def test_whoever_renames_a_file_in_place_of_ours_while_another_one_goes_back_stays(
    live: Live,
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    # The second one comes between our two exchanges.
    entries = [{"acme": api("b"), "zeta": api("y")}, {"acme": api("b"), "zeta": api("x")}]

    with Seam().watching(renames_once(live, *entries)):
        put(live, A)

    assert live.entries() == {"acme": api("a"), "zeta": api("x")}
    assert (live.saved("zeta/zeta-2"), live.saved("zeta/zeta-3")) == (api("y"), api("x"))


@pytest.mark.parametrize("by_rename", [True, False], ids=["renamed", "written in place"])
def test_what_comes_while_another_one_s_file_goes_back_is_saved(
    live: Live, *, by_rename: bool
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    first = renames_once(live, {"acme": api("b"), "zeta": api("y")})
    seen: list[Step] = []

    def write(step: Step) -> None:
        if step.name == "replace" and live.file in {step.path, step.to}:
            seen.append(step)
            if len(seen) == 2:
                # It knows ours alone, which was there for an instant.
                entries = as_opencode({**live.entries(), "eta": api("e")})
                mine = live.file.with_name("mine.json") if by_rename else live.file
                mine.write_bytes(entries)
                mine.replace(live.file)
        first(step)

    with Seam().watching(write):
        put(live, A)
    live.look()

    assert live.entries() == {"acme": api("a"), "zeta": api("y"), "eta": api("e")}
    assert live.saved("eta/eta-1") == api("e")
    assert live.saved("zeta/zeta-2") == api("y")


def reads_before(live: Live, exchange: int, there: Entry, *, in_place: bool) -> Act:
    """Let somebody read auth.json before an exchange of names, and write a login right behind it.

    What stands there by then, with `there` for zeta, is not what they have read.
    """
    known: list[dict[str, Entry]] = []
    exchanges = 0

    def write(step: Step) -> None:
        nonlocal exchanges
        if step.name == "replace" and live.file in {step.path, step.to}:
            exchanges += 1
            if exchanges == exchange:
                known.append(live.entries())
        elif known:
            assert live.entries()["zeta"] == there
            mine = live.file if in_place else live.file.with_name("mine.json")
            mine.write_bytes(as_opencode({**known.pop(), "eta": api("e")}))
            mine.replace(live.file)

    return write


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "in place"])
def test_who_has_read_ours_while_another_one_s_file_goes_back_takes_nothing_from_that_one(
    live: Live, *, in_place: bool
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    first = renames_once(live, {"acme": api("b"), "zeta": api("y")})

    with Seam().watching(reads_before(live, 2, api("y"), in_place=in_place), first):
        put(live, A)
    live.look()

    assert live.entries() == {"acme": api("a"), "zeta": api("y"), "eta": api("e")}
    assert live.saved("eta/eta-1") == api("e")
    assert live.saved("zeta/zeta-2") == api("y")


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "in place"])
def test_who_has_read_the_first_file_and_writes_over_the_second_takes_nothing_from_it(
    live: Live, *, in_place: bool
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    comes = [{"acme": api("b"), "zeta": api("y")}, {"acme": api("b"), "zeta": api("x")}]
    both = renames_once(live, *comes)

    with Seam().watching(reads_before(live, 3, api("x"), in_place=in_place), both):
        put(live, A)
    live.look()

    assert (live.entries()["acme"], live.entries()["eta"]) == (api("a"), api("e"))
    saved = [json.loads(a.credential.entry.reveal()) for a in live.state.of("zeta")]
    assert [api(name) in saved for name in "zyx"] == [True, True, True]
    assert live.entries()["zeta"] in (api("x"), api("y"))


def test_a_file_that_is_taken_away_at_the_last_moment_is_made_anew(live: Live) -> None:
    with Seam().watching(renames_once(live, None)):
        put(live, A)

    assert live.entries() == {"acme": api("a")}


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL])
def test_where_names_cannot_be_exchanged_ours_is_renamed(
    live: Live, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda *_: code)

    put(live, A)

    assert live.entries() == {"acme": api("a")}
    assert folder_of(live) == ["auth.json"]


def test_a_login_in_progress_is_not_overwritten_by_a_failover(live: Live) -> None:
    """Case 14: expected account changed: the swap is given up."""
    expected = live.account(B).id
    live.write({"acme": api("c")})

    done = put(live, A, expected=expected, check_expected=True)

    assert done is None
    assert (live.entries(), live.active("acme")) == ({"acme": api("c")}, "acme-3")


def test_a_login_just_between_reading_and_renaming_gives_a_failover_up(live: Live) -> None:
    """Case 14, at the last moment."""
    live.write({"acme": api("b"), "zeta": api("z")})
    writes_once(live, {"acme": api("c"), "zeta": api("z")})

    done = put(live, A, expected=live.account(B).id, check_expected=True)

    assert done is None
    assert live.entries() == {"acme": api("c"), "zeta": api("z")}


def test_a_failover_is_given_up_when_the_slot_is_empty_by_now(live: Live) -> None:
    expected = live.account(B).id
    live.write({})

    done = put(live, A, expected=expected, check_expected=True, watched=True)

    assert (done, live.entries()) == (None, {})


def test_a_file_that_never_rests_is_given_up_with_nothing_written(live: Live) -> None:
    numbers = iter(range(1000))
    live.write({"acme": api("b"), "zeta": api("y")})

    def write() -> None:
        live.write({"acme": api("b"), "zeta": api(str(next(numbers)))})

    live.clock.when_asked = write

    with pytest.raises(SwapConflict, match="kept changing"):
        put(live, A)

    assert live.entries()["acme"] == api("b")
    assert folder_of(live) == ["auth.json"]


def test_while_logins_rain_the_lock_is_held_for_seconds_at_most(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is saved, slowly, before the next look finds another one."""
    numbers = iter(range(1000))
    uptime = iter(range(0, 1_000_000, 2))
    live.write({"acme": api("b"), "zeta": api("y")})

    def write() -> None:
        live.write({"acme": api("b"), "zeta": api(str(next(numbers)))})

    live.clock.when_asked = write
    monkeypatch.setattr("rotator.live.swap.time.monotonic", lambda: float(next(uptime)))

    with pytest.raises(SwapConflict, match="kept changing"):
        put(live, A)

    assert next(numbers) < 10


def test_an_entry_of_a_file_that_never_rests_is_not_taken_out_and_that_is_said(live: Live) -> None:
    numbers = iter(range(1000))
    account = live.account(B)
    live.write({"acme": api("b"), "zeta": api("y")})

    def write() -> None:
        live.write({"acme": api("b"), "zeta": api(str(next(numbers)))})

    live.clock.when_asked = write

    with pytest.raises(SwapConflict, match="kept changing"):
        take_out(live.context, account, also=lambda: None)

    assert live.entries()["acme"] == api("b")


def test_a_login_that_is_put_back_into_its_place_is_told_of_like_any_other(live: Live) -> None:
    live.file.unlink()
    before = live.kinds()

    put(live, B)

    assert live.entries() == {"acme": api("b")}
    assert live.kinds()[len(before) :] == [EventKind.PROBLEM, EventKind.SWAPPED]


def test_a_write_that_somebody_came_before_leaves_no_file_open(live: Live) -> None:
    read = live.look()
    live.write({"acme": api("b"), "zeta": api("z")})
    before = len(list(Path("/dev/fd").iterdir()))

    assert not put_live(live.file, read, b"{}", live.context.replaced)

    assert len(list(Path("/dev/fd").iterdir())) == before
    assert live.entries() == {"acme": api("b"), "zeta": api("z")}


def test_a_file_that_is_taken_away_meanwhile_is_made_anew(live: Live) -> None:
    live.write({"acme": api("b"), "zeta": api("y")})
    left = [live.file]
    live.clock.when_asked = lambda: left.pop().unlink() if left else None

    put(live, A)

    assert live.entries() == {"acme": api("a")}


def test_who_undoes_a_swap_at_once_is_told_of(live: Live) -> None:
    old = live.file.read_bytes()

    def undo(_: Account) -> None:
        live.write(old)

    with pytest.raises(SwapUnverified, match="holds its old content again") as caught:
        put(live, A, on_renamed=undo)

    assert caught.value.exit_code == 6


def test_a_swap_that_was_undone_at_once_is_made_again_by_the_watcher(live: Live) -> None:
    old = live.file.read_bytes()
    with pytest.raises(SwapUnverified):
        put(live, A, on_renamed=lambda _: void(live.write(old)))

    live.look()

    assert (live.entries(), live.active("acme")) == ({"acme": api("a")}, "acme-1")
    assert live.kinds()[-1] is EventKind.REVERTED


def void(_: object) -> None:
    """Take a value and return nothing."""


def test_the_verdict_may_go_out_before_the_bookkeeping(live: Live) -> None:
    seen: list[tuple[str, Entry, str | None]] = []

    def renamed(account: Account) -> None:
        seen.append((account.alias, live.entries()["acme"], live.active("acme")))

    put(live, A, on_renamed=renamed)

    assert seen == [("acme-1", api("a"), "acme-2")]


# -- disks, rights and crashes -------------------------------------------------------------------


def test_a_folder_that_may_only_be_read_is_said_and_nothing_is_changed(live: Live) -> None:
    """Case 17: no crash, state consistent, and the user is told."""
    live.file.chmod(0o400)
    live.file.parent.chmod(0o500)

    with as_anybody(), pytest.raises(LiveFileError, match="could not be written: Perm") as caught:
        put(live, A)

    live.file.parent.chmod(0o700)
    live.file.chmod(0o600)
    assert caught.value.exit_code == 6
    assert (live.entries(), live.active("acme")) == ({"acme": api("b")}, "acme-2")
    assert live.kinds()[-1] is EventKind.CAPTURED


def test_a_full_disk_leaves_the_file_as_it_was(live: Live) -> None:
    """Case 17: the disk is full just when the new file is written."""
    before = live.file.read_bytes()

    with full_disk(), pytest.raises(LiveFileError, match="could not be written"):
        put(live, A)

    assert (live.file.read_bytes(), folder_of(live)) == (before, ["auth.json"])
    assert live.active("acme") == "acme-2"


def test_a_store_that_fails_after_the_rename_catches_up_at_the_next_look(live: Live) -> None:
    """Case 17: what stands in auth.json is the truth, and nothing is lost."""
    with pytest.raises(StoreError):
        put(live, A, also=raise_disk_full)

    live.look()

    assert (live.entries(), live.active("acme")) == ({"acme": api("a")}, "acme-1")
    assert live.names() == [A, B]


def raise_disk_full() -> None:
    raise OSError(28, "No space left on device")


def test_what_a_crash_left_beside_the_file_is_swept(live: Live) -> None:
    stale = live.file.with_name(f".auth.json.99-abc{TEMPORARY_MARK}")
    stale.write_bytes(live.file.read_bytes())
    foreign = live.file.with_name(".auth.json.swp")
    foreign.write_text("")

    put(live, A)

    assert folder_of(live) == [".auth.json.swp", "auth.json"]


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "in place"])
def test_a_login_that_came_as_we_were_killed_between_two_names_is_saved_and_live(
    live: Live, *, in_place: bool
) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    seam = Seam()
    steps: list[Step] = []

    def die(step: Step) -> None:
        steps.append(step)
        if step.name == "replace" and step.to == live.file:
            mine = live.file if in_place else live.file.with_name("mine.json")
            mine.write_bytes(as_opencode({"acme": api("b"), "zeta": api("y")}))
            mine.replace(live.file)
        elif steps[-2:-1] and steps[-2].name == "replace" and steps[-2].to == live.file:
            seam.crash()

    with pytest.raises(Crash), seam.watching(die):
        put(live, A)
    assert len(folder_of(live)) == 2
    live.context.replaced.close()
    # What stands in auth.json is taken in before anything is put beside it.
    live.look()
    live.look()

    assert live.saved("zeta/zeta-2") == api("y")
    assert live.entries()["zeta"] == api("y")
    assert folder_of(live) == ["auth.json"]


def test_leftovers_of_a_target_with_an_odd_name_are_swept_too(live: Live, tmp_path: Path) -> None:
    target = tmp_path / "auth.json[1]"
    live.file.rename(target)
    live.file.symlink_to(target)
    (tmp_path / f".auth.json[1].99-abc{TEMPORARY_MARK}").write_text("")

    put(live, A)

    assert [path.name for path in tmp_path.iterdir()] == ["auth.json[1]"]


DIE = """
import os, signal, sys
from rotator.context import open_context
from rotator.model import AccountId
from rotator.system.paths import find_paths
from rotator.live.swap import SwapRequest, swap
where, account = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

with open_context(find_paths()) as context:
    if where == "before the rename":
        sys.addaudithook(lambda name, _: die() if name == "os.rename" else None)
        order = SwapRequest(AccountId(account), "for the test")
    else:
        order = SwapRequest(AccountId(account), "for the test", on_renamed=die)
    swap(context, order)
"""


@pytest.mark.parametrize(
    ("where", "now_live"), [("before the rename", "b"), ("after the rename", "a")]
)
def test_a_process_killed_in_a_swap_leaves_one_whole_login(
    live: Live, home: Path, where: str, now_live: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DIE, where, live.account(A).id],
        env=os.environ | places(home) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )

    live.look()

    assert ended.returncode == -signal.SIGKILL
    assert live.entries() == {"acme": api(now_live)}
    assert live.state.active("acme") == live.account(A if now_live == "a" else B)


def test_the_next_swap_after_a_crash_sweeps_and_works(live: Live, home: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", DIE, "before the rename", live.account(A).id],
        env=os.environ | places(home) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )
    left_behind = len(folder_of(live))

    put(live, A)

    assert (left_behind, folder_of(live)) == (2, ["auth.json"])
    assert live.entries() == {"acme": api("a")}


# -- two at once -----------------------------------------------------------------------------------

SWAP_MANY = """
import sys
from rotator.context import open_context
from rotator.model import AccountId
from rotator.system.paths import find_paths
from rotator.live.swap import SwapRequest, swap
print("ready", flush=True)
sys.stdin.readline()
with open_context(find_paths()) as context:
    for _ in range(15):
        for account in sys.argv[1:]:
            swap(context, SwapRequest(AccountId(account), "for the test"))
"""


def test_processes_that_swap_at_once_leave_one_whole_login_and_one_truth(live: Live) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})
    live.sees({"acme": api("b"), "zeta": api("y")})
    pairs = [
        (live.account(A).id, live.account(B).id),
        (live.account("zeta/zeta-1").id, live.account("zeta/zeta-2").id),
        (live.account(B).id, live.account(A).id),
    ]
    told = run_at_once(SWAP_MANY, pairs)

    active = live.state.active("acme")
    assert [unhappy(complaint) for complaint in told] == [[], [], []]
    assert active is not None
    assert live.entries() == {
        "acme": json.loads(active.credential.entry.reveal()),
        "zeta": api("y"),
    }
    assert (len(live.names()), folder_of(live)) == (4, ["auth.json"])


# -- taking out ------------------------------------------------------------------------------------


def test_taking_an_entry_out_leaves_the_slot_empty_and_the_others_alone(live: Live) -> None:
    live.sees({"acme": api("b"), "zeta": api("z")})

    done = take_out(live.context, live.account(B), also=lambda: None)
    live.look()

    assert done
    assert (live.entries(), live.active("acme")) == ({"zeta": api("z")}, None)
    assert EventKind.LOGGED_OUT not in live.kinds()


def test_nothing_is_taken_out_of_a_missing_file(live: Live) -> None:
    live.file.unlink()

    take_out(live.context, live.account(B), also=lambda: None)

    assert not live.file.exists()
    assert live.active("acme") is None


def test_nothing_is_taken_out_of_a_torn_file(live: Live) -> None:
    live.write(b"{")

    with pytest.raises(LiveFileUnreadable):
        take_out(live.context, live.account(B), also=lambda: None)

    assert live.file.read_bytes() == b"{"


def test_nothing_is_taken_out_that_another_login_has_replaced(live: Live) -> None:
    live.write({"acme": api("c")})

    done = take_out(live.context, live.account(B), also=lambda: None)

    assert (done, live.entries()) == (False, {"acme": api("c")})
    assert live.active("acme") == "acme-3"


def test_books_need_no_file_to_be_opened(home: Path) -> None:
    with open_context(find_paths(places(home)), registry=REGISTRY) as context:
        assert context.store.state().accounts == ()
