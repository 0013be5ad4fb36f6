"""What the write-ahead log of a store tells, whole or damaged, and what is read with it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rotator.errors import StoreDamaged
from rotator.storage.images import opened_empty, opened_image
from rotator.storage.migrations import STORE
from rotator.storage.write_ahead_log import (
    LARGEST,
    PAGE,
    Wal,
    image_with_wal,
    overwrite_store,
    require_whole_wal,
    state_of_wal,
    with_tables_of,
)

HEADER, FRAME = 32, 24 + PAGE
COUNT = 6


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """Write into a store in several changes, all of which stand in its log; it stays open."""
    path = tmp_path / "written" / "rotator.sqlite"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE letter (name TEXT)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(COUNT):
            connection.execute("INSERT INTO letter VALUES (?)", (f"{number}" * PAGE,))
        yield path


@pytest.fixture
def store(written: Path, tmp_path: Path) -> Path:
    """Return such a store as a power cut leaves it: without the file that is in memory alone."""
    return copy_of(written, tmp_path / "left", "", "-wal")


def copy_of(store: Path, folder: Path, *endings: str) -> Path:
    folder.mkdir()
    for ending in endings:
        shutil.copy(f"{store}{ending}", folder)
    return folder / store.name


def wal_of(store: Path) -> Path:
    return store.with_name(f"{store.name}-wal")


def change(path: Path, at: int, content: bytes) -> None:
    """Write other bytes over a part of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def frame_at(number: int) -> int:
    return HEADER + number * FRAME


def rows_of(image: bytes) -> list[str]:
    """Return the rows of an image that is sound."""
    with opened_image(image, Path("image")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name[0] for (name,) in connection.execute("SELECT name FROM letter")]


WRITTEN = [str(number) for number in range(COUNT)]


def test_a_log_that_is_being_written_is_whole(written: Path) -> None:
    assert state_of_wal(written) is Wal.WHOLE
    require_whole_wal(written)


def test_a_log_that_a_power_cut_left_is_whole(store: Path) -> None:
    assert state_of_wal(store) is Wal.WHOLE


@pytest.mark.parametrize("content", [b"", bytes(HEADER)], ids=["empty", "no more than a header"])
def test_a_log_without_a_change_lacks_none(store: Path, content: bytes) -> None:
    wal_of(store).write_bytes(content)

    assert state_of_wal(store) is Wal.WHOLE


@pytest.mark.parametrize(
    ("at", "content"),
    [
        pytest.param(frame_at(1) + 100, b"\xff\xff", id="a page"),
        pytest.param(frame_at(1) + 8, b"\xff\xff", id="the salt of a frame"),
        pytest.param(5, b"\xff", id="its header"),
    ],
)
def test_a_change_that_can_be_told_where_it_belongs_is_wrong_and_not_lost(
    store: Path, at: int, content: bytes
) -> None:
    change(wal_of(store), at, content)

    assert state_of_wal(store) is Wal.WRONG
    with pytest.raises(StoreDamaged, match="its -wal is not as it was written"):
        require_whole_wal(store)


@pytest.mark.parametrize(
    ("at", "content"),
    [
        pytest.param(frame_at(1), b"\xff" * 16, id="a frame's head"),
        pytest.param(frame_at(1), bytes(4), id="the number of a page"),
    ],
)
def test_a_change_of_which_nobody_knows_where_it_belongs_is_lost(
    store: Path, at: int, content: bytes
) -> None:
    change(wal_of(store), at, content)

    assert state_of_wal(store) is Wal.CUT


def test_a_log_that_was_cut_lacks_changes_as_far_as_somebody_has_noted_them(
    written: Path, tmp_path: Path
) -> None:
    noted = copy_of(written, tmp_path / "noted", "", "-wal", "-shm")
    unknown = copy_of(written, tmp_path / "unknown", "", "-wal")
    for store in (noted, unknown):
        wal = wal_of(store)
        wal.write_bytes(wal.read_bytes()[:-FRAME])

    assert (state_of_wal(noted), state_of_wal(unknown)) == (Wal.CUT, Wal.WHOLE)


def test_a_note_that_was_half_written_is_none(written: Path, tmp_path: Path) -> None:
    store = copy_of(written, tmp_path / "noted", "", "-wal", "-shm")
    wal_of(store).write_bytes(wal_of(store).read_bytes()[:-FRAME])
    change(store.with_name(f"{store.name}-shm"), 16, bytes(4))

    assert state_of_wal(store) is Wal.WHOLE


def test_a_log_of_a_machine_with_the_other_order_of_bytes_is_whole(store: Path) -> None:
    """SQLite reads both; the first number of a log says how its sums were made."""
    log = bytearray(wal_of(store).read_bytes())
    log[:4] = struct.pack(">I", 0x377F0683)
    told = sums(bytes(log[:24]), (0, 0))
    log[24:32] = struct.pack(">II", *told)
    for at in range(HEADER, len(log), FRAME):
        told = sums(bytes(log[at : at + 8] + log[at + 24 : at + FRAME]), told)
        log[at + 16 : at + 24] = struct.pack(">II", *told)
    wal_of(store).write_bytes(log)

    assert state_of_wal(store) is Wal.WHOLE
    assert rows_of(image_with_wal(store)) == WRITTEN
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT count(*) FROM letter").fetchone() == (COUNT,)


def sums(content: bytes, before: tuple[int, int]) -> tuple[int, int]:
    """Return the two sums of a part of a log, as SQLite describes them."""
    first, second = before
    for one, other in struct.iter_unpack(">II", content):
        first = (first + one + second) % 2**32
        second = (second + other + first) % 2**32
    return first, second


def test_the_pages_of_the_log_are_read_with_those_of_the_store(store: Path) -> None:
    image = image_with_wal(store)

    assert rows_of(image) == WRITTEN
    with contextlib.closing(sqlite3.connect(store)) as connection:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
    assert len(image) == count * PAGE


def test_a_change_that_was_never_ended_is_none_of_the_store_s(store: Path) -> None:
    with wal_of(store).open("r+b") as log:
        log.seek(frame_at(0) + 8)
        salts = log.read(8)
        log.seek(0, 2)
        # The second page; the number of pages then, which ends a change, is missing.
        log.write(struct.pack(">II", 2, 0) + salts + bytes(8) + b"\xff" * PAGE)

    assert rows_of(image_with_wal(store)) == WRITTEN


def test_what_was_cut_off_a_store_is_as_good_as_zeroed(written: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(written)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store = copy_of(written, tmp_path / "left", "")
    whole = store.read_bytes()
    store.write_bytes(whole[:-PAGE])

    assert image_with_wal(store)[PAGE:] == whole[PAGE:-PAGE] + bytes(PAGE)


def test_the_head_of_a_store_of_one_page_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "rotator.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")
    change(path, 0, bytes(24))

    with opened_image(image_with_wal(path), path) as image:
        assert image.execute("PRAGMA user_version").fetchone() == (3,)


def test_nothing_is_read_of_no_store(tmp_path: Path) -> None:
    assert image_with_wal(tmp_path / "rotator.sqlite") == b""


def test_a_store_whose_list_of_tables_is_gone_is_read_by_the_list_of_an_empty_one() -> None:
    with opened_empty(STORE) as made:
        empty = made.serialize()
        made.execute("INSERT INTO setting (name, value) VALUES ('balancing', 'off')")
        image = made.serialize()

    found = with_tables_of(bytes(PAGE) + image[PAGE:], empty)

    assert len(found) == len(image)
    with opened_image(found, Path("image")) as connection:
        rows = connection.execute("SELECT name, value FROM setting").fetchall()
    assert rows == [("balancing", "off")]


def test_several_threads_may_look_while_stores_come_and_go(tmp_path: Path) -> None:
    """The dashboard's workers do."""

    def look(number: int) -> None:
        for turn in range(40):
            shared = tmp_path / f"{number}-{turn}-shm"
            shared.write_bytes(bytes(200))
            state_of_wal(shared.with_name(f"{number}-{turn}"))
            shared.unlink()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))


def test_a_store_that_was_written_over_stays_open_as_long_as_it_is_there(tmp_path: Path) -> None:
    """To close it would drop the locks of our other connections; one that is gone has none."""

    def held() -> set[str]:
        links = (one.readlink() for one in Path("/dev/fd").iterdir() if one.is_symlink())
        return {str(link) for link in links if link.is_relative_to(tmp_path)}

    kept, gone, last = (tmp_path / name for name in ("kept", "gone", "last"))
    for store in (kept, gone):
        store.write_bytes(b"before")
        overwrite_store(store, b"after")
    gone.unlink()

    last.write_bytes(b"before")
    overwrite_store(last, b"after")

    assert held() == {str(kept), str(last)}


@pytest.mark.timeout(10)
def test_a_long_log_of_zeros_is_told_soon(tmp_path: Path) -> None:
    store = tmp_path / "rotator.sqlite"
    with wal_of(store).open("wb") as file:
        file.truncate(LARGEST)

    assert state_of_wal(store) is Wal.CUT
