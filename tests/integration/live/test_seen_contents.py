"""A login that stood in auth.json for seconds while the store could not take it."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rotator.errors import RotatorError
from rotator.live import seen_contents
from rotator.live.seen_contents import SeenContents
from rotator.live.swap import SwapRequest, swap
from rotator.live.unsaved_file import read_unsaved, write_unsaved
from rotator.opencode.auth.file import Whole
from rotator.services.accounts import remove
from rotator.system.interrupts import Interrupted
from rotator.system.locks import swap_lock
from rotator.watcher import live_look
from rotator.watcher.live_look import LiveLook
from tests.support.descents import seen_refresh
from tests.support.live import Live, api, as_opencode, full_disk, kept_aside, oauth, open_live

pytestmark = pytest.mark.no_cover

Obstacle = Callable[[Live], AbstractContextManager[object]]


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two keys of acme were logged in, the second is live beside one of zeta."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b"), "zeta": api("z")})
        yield live


@pytest.fixture
def look(live: Live) -> LiveLook:
    """Return what a watcher looks with that has looked once."""
    look = LiveLook(live.context)
    look.look()
    return look


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_look, "swap_lock", lambda path: swap_lock(path, patience_seconds=0))


@contextmanager
def swap_lock_held(live: Live) -> Iterator[None]:
    with swap_lock(live.paths.swap_lock):
        yield


@contextmanager
def store_held(live: Live) -> Iterator[None]:
    live.context.store._connection.execute("PRAGMA busy_timeout = 10")  # noqa: SLF001  # no wait
    with closing(sqlite3.connect(live.paths.store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def disk_full(_: Live) -> Iterator[None]:
    with full_disk():
        yield


OBSTACLES = pytest.mark.parametrize("obstacle", [swap_lock_held, store_held, disk_full])


def fails(look: LiveLook, live: Live, obstacle: Obstacle) -> None:
    with obstacle(live), pytest.raises(RotatorError):
        look.look()


def left_files(live: Live) -> list[Path]:
    return [place for place, _ in read_unsaved(live.paths)]


@OBSTACLES
def test_each_login_that_stood_there_is_saved_once_the_store_takes_it(
    live: Live, look: LiveLook, obstacle: Obstacle
) -> None:
    for key in ("c", "d"):
        live.write({"acme": api(key), "zeta": api("z")})
        fails(look, live, obstacle)
    live.write({"acme": api("e"), "zeta": api("z")})

    look.look()

    assert [live.saved(f"acme/acme-{n}") for n in (3, 4, 5)] == [api("c"), api("d"), api("e")]
    assert (live.active("acme"), live.active("zeta")) == ("acme-5", "zeta-1")
    assert live.entries() == {"acme": api("e"), "zeta": api("z")}
    assert left_files(live) == []


def test_a_login_that_nobody_but_a_hint_has_seen_is_saved(live: Live, look: LiveLook) -> None:
    live.write({"acme": api("c"), "zeta": api("z")})
    look.glance()
    live.write({"acme": api("d"), "zeta": api("z")})

    look.look()

    assert [live.saved(f"acme/acme-{n}") for n in (3, 4)] == [api("c"), api("d")]


@OBSTACLES
def test_of_a_login_that_opencode_refreshed_meanwhile_the_newest_tokens_are_the_account(
    live: Live, look: LiveLook, obstacle: Obstacle
) -> None:
    tokens = [oauth("r", number, left=timedelta(hours=number)) for number in (1, 2, 3)]
    for before, entry in zip([None, *tokens], tokens, strict=False):
        if before is not None:
            seen_refresh(live, before, entry)
        live.write({"acme": api("b"), "rotating": entry})
        fails(look, live, obstacle)

    look.look()

    assert live.saved("rotating/rotating-1") == tokens[-1]
    assert len(live.state.of("rotating")) == 1
    assert kept_aside(live) == []


def test_a_login_and_a_logout_are_both_taken_in(live: Live, look: LiveLook) -> None:
    live.write({"acme": api("b"), "zeta": api("z"), "other": api("o")})
    fails(look, live, swap_lock_held)
    live.write({"acme": api("b"), "zeta": api("z")})

    look.look()

    assert live.saved("other/other-1") == api("o")
    assert live.active("other") is None
    assert live.account("other/other-1").disabled == "logged out in opencode"


def test_a_swap_that_somebody_made_meanwhile_stays(live: Live, look: LiveLook) -> None:
    live.write({"acme": api("c"), "zeta": api("z")})
    look.glance()
    live.write({"acme": api("b"), "zeta": api("z")})
    swap(live.context, SwapRequest(live.account("acme/acme-1").id, "for the test"))

    look.look()

    assert live.saved("acme/acme-3") == api("c")
    assert (live.active("acme"), live.entries()["acme"]) == ("acme-1", api("a"))
    assert live.context.store.late_logins() == ()


def test_what_the_user_removed_meanwhile_does_not_come_back(live: Live, look: LiveLook) -> None:
    live.write({"acme": api("c"), "zeta": api("z")})
    look.glance()
    live.look()
    live.write({"acme": api("b"), "zeta": api("z")})
    live.look()
    remove(live.context, live.account("acme/acme-3"))

    look.look()

    assert live.names() == ["acme/acme-1", "acme/acme-2", "zeta/zeta-1"]


@pytest.mark.parametrize("obstacle", [swap_lock_held, store_held])
@pytest.mark.parametrize("is_killed", [True, False])
def test_a_watcher_that_ends_leaves_them_to_the_next_one_who_looks(
    live: Live, look: LiveLook, obstacle: Obstacle, *, is_killed: bool
) -> None:
    live.write({"acme": api("c"), "zeta": api("z")})
    fails(look, live, obstacle)
    live.write({"acme": api("d"), "zeta": api("z")})
    if not is_killed:
        look.glance()
        live.write({"acme": api("e"), "zeta": api("z")})
        look.leave()

    (place,) = left_files(live)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    live.look(watched=False)
    live.look(watched=False)

    keys = [json.loads(a.credential.entry.reveal())["key"] for a in live.state.of("acme")]
    assert sorted(keys) == sorted(api(k)["key"] for k in ("abcd" if is_killed else "abcde"))
    assert left_files(live) == []


def test_a_watcher_whose_first_wait_a_signal_ends_leaves_what_it_has_read(
    live: Live, look: LiveLook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> NoReturn:
        raise Interrupted(signal.SIGTERM)

    live.write({"acme": api("c"), "zeta": api("z")})
    look.glance()
    live.write({"acme": api("d"), "zeta": api("z")})
    with monkeypatch.context() as patched:
        patched.setattr(live_look, "swap_lock", interrupted)
        with pytest.raises(Interrupted):
            look.look()
    look.leave()

    assert len(left_files(live)) == 1
    live.look(watched=False)
    live.look(watched=False)
    keys = [json.loads(a.credential.entry.reveal())["key"] for a in live.state.of("acme")]
    assert sorted(keys) == sorted(api(k)["key"] for k in "abcd")


def test_where_the_store_s_disk_takes_nothing_they_lie_in_the_runtime_folder(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    (live.paths.data / "auth.json.unsaved").mkdir()

    assert write_unsaved(live.paths, [Whole(as_opencode({"acme": api("c")}))], None)

    (place,) = left_files(live)
    assert place.is_relative_to(runtime)
    live.look()
    assert live.saved("acme/acme-3") == api("c")
    assert not place.exists()


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_runtime_folder_that_is_not_private_is_not_used(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(mode)
    (live.paths.data / "auth.json.unsaved").mkdir()

    assert not write_unsaved(live.paths, [Whole(b"{}")], None)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"contents": 3, "since": 1}', b'{"contents": ["{"]}', b"\xff"]
)
def test_a_file_of_something_else_in_its_place_is_passed_over(live: Live, content: bytes) -> None:
    (live.paths.data / "auth.json.unsaved").write_bytes(content)

    live.sees({"acme": api("c"), "zeta": api("z")})

    assert live.saved("acme/acme-3") == api("c")


def test_a_watcher_that_can_keep_them_nowhere_says_so_as_it_ends(
    live: Live, look: LiveLook, caplog: pytest.LogCaptureFixture
) -> None:
    live.write({"acme": api("c"), "zeta": api("z")})
    fails(look, live, disk_full)

    with full_disk():
        look.leave()

    assert "could not be saved" in caplog.text
    assert "CANARY" not in caplog.text


# -- how much is kept -----------------------------------------------------------------------------


def seen(file: Path, *contents: dict[str, Any]) -> SeenContents:
    kept = SeenContents(file)
    for content in contents:
        file.write_bytes(as_opencode(content))
        kept.look()
    return kept


def test_a_file_that_is_written_all_the_time_pushes_no_login_out(tmp_path: Path) -> None:
    contents = [{"acme": api("c")}, *[{"acme": api("a")}, {"acme": api("b")}] * 300]

    kept = seen(tmp_path / "auth.json", *contents)

    assert [json.loads(whole.content) for whole in kept.all()] == contents[:3]


def test_no_more_are_kept_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(seen_contents, "MOST_CONTENTS", 3)
    contents = [{"acme": api(str(number))} for number in range(6)]

    kept = seen(tmp_path / "auth.json", *contents)

    assert [json.loads(whole.content) for whole in kept.all()] == contents[3:]
    assert len(caplog.records) == 1
    monkeypatch.setattr(seen_contents, "MOST_BYTES", len(as_opencode(contents[0])))
    assert len(seen(tmp_path / "auth.json", *contents[:3]).all()) == 1


def test_no_secret_shows_in_what_is_kept(tmp_path: Path) -> None:
    kept = seen(tmp_path / "auth.json", {"acme": api("c")})

    assert "CANARY" not in repr(vars(kept))
    assert "CANARY" not in repr(kept.all())


@OBSTACLES
@pytest.mark.parametrize(
    "entry",
    [
        {"type": "sesame", "word": "KEY-CANARY-odd"},
        {"type": "api", "word": "KEY-CANARY-odd"},
        "KEY-CANARY-odd",
    ],
)
def test_an_entry_that_nobody_can_read_is_kept_although_it_stood_there_meanwhile(
    live: Live, look: LiveLook, obstacle: Obstacle, entry: object
) -> None:
    live.paths.auth_file.write_bytes(as_opencode({"acme": entry, "zeta": api("z")}))
    fails(look, live, obstacle)
    live.paths.auth_file.write_bytes(as_opencode({"acme": api("c"), "zeta": api("z")}))

    look.look()
    look.look()

    kept = [content.content.decode() for content in live.context.store.unclaimed_contents()]
    assert [json.loads(text) for text in kept] == [entry]
