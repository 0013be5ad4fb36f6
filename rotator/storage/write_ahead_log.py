"""SQLite's write-ahead log read by ourselves: SQLite drops silently what follows a damaged frame.

Each frame's checksum goes on from the one before it, so each can be checked alone
(sqlite.org/fileformat2.html, 4). Opens the files for reading; call it where nobody writes.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from rotator.errors import StoreDamaged

_HEADER, _FRAME, PAGE = 32, 24, 4096
_MAGIC = 0x377F0682
_LITTLE, _BIG = _MAGIC, _MAGIC | 1
_INNER = 5
# A store of thousands of accounts has a few million bytes; what is larger was made so.
LARGEST = 128 * 1024 * 1024
_MOST_CUT_OFF = 64 * 1024 * 1024
_MAIN = b"SQLite format 3\0" + struct.pack(">H", PAGE) + bytes([1, 1, 0, 64, 32, 32])
# The two equal heads of a -shm, by sqlite.org/walformat.html.
_HEAD = 48
_KEPT_OPEN: dict[tuple[int, int, int], int] = {}
_KEPT_OPEN_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Frame:
    page: int
    # Of a frame that ends a transaction, how many pages the database has then.
    size: int
    content: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    is_right: bool


class Wal(Enum):
    """What can be said of a write-ahead log; `CUT` has lost something for good."""

    WHOLE = "whole"
    WRONG = "wrong"
    CUT = "cut"


def state_of_wal(store: Path) -> Wal:
    """Tell whether every change that was made can be read; ask before the store is opened.

    Whoever opens it first begins anew what tells how far the log goes.
    """
    while True:
        noted = _noted(store)
        before = _bytes_of(beside(store, "-wal"))
        state = _judged(before, noted)
        # Somebody may have begun to write just then.
        if state is Wal.WHOLE or _bytes_of(beside(store, "-wal")) == before:
            return state


def is_empty_wal(store: Path) -> bool:
    """Tell whether no page stands in the store's log, or there is none."""
    return not _current(_bytes_of(beside(store, "-wal")))


def require_whole_wal(store: Path) -> None:
    """Raise StoreDamaged where a frame of a change that was made cannot be read."""
    if state_of_wal(store) is not Wal.WHOLE:
        message = f"the store {store} is damaged: its -wal is not as it was written"
        raise StoreDamaged(message)


def image_with_wal(store: Path) -> bytes:
    """Return the pages of a store with those that stand in its -wal, in one file's bytes.

    Damaged frames are taken for what they are said to be: their rows tell which are good.
    """
    return _image(_bytes_of(store), _current(_bytes_of(beside(store, "-wal"))))


def image_of_file(store: Path) -> bytes:
    """Return the pages of a store without those that stand in its -wal."""
    return _image(_bytes_of(store), [])


def _image(pages: bytes, frames: list[_Frame]) -> bytes:
    content = bytearray(pages)
    last = max((number for number, frame in enumerate(frames) if frame.size), default=-1)
    for frame in frames[: last + 1]:
        end = frame.page * PAGE
        # A page far beyond the end is a number that is damaged.
        if 0 < frame.page <= len(content) // PAGE + len(frames) + 1:
            content.extend(bytes(max(0, end - len(content))))
            content[end - PAGE : end] = frame.content
    content.extend(bytes(-len(content) % PAGE))
    if len(content) >= PAGE:
        # What was cut off is as good as zeroed; SQLite looks for nothing beyond the end.
        (count,) = struct.unpack(">I", content[28:32])
        missing = count * PAGE - len(content)
        content.extend(bytes(missing if 0 < missing <= _MOST_CUT_OFF else 0))
    if len(content) >= PAGE:
        # The same in every store of ours; and nothing stands beside this one.
        content[: len(_MAIN)] = _MAIN
        content[28:32] = struct.pack(">I", len(content) // PAGE)
        content[92:96] = content[24:28]
        content[44:48], content[56:60] = struct.pack(">I", 4), struct.pack(">I", 1)
    return bytes(content)


def with_tables_of(image: bytes, empty: bytes) -> bytes:
    """Return the pages of a store with the list of tables of an empty one.

    It is the same in stores that were never packed.
    """
    content = bytearray(image)
    for page in (1, *_below(empty)):
        end = page * PAGE
        content.extend(bytes(max(0, end - len(content))))
        content[end - PAGE : end] = empty[end - PAGE : end]
    content[28:32] = struct.pack(">I", len(content) // PAGE)
    return bytes(content)


def _below(database: bytes) -> Iterator[int]:
    """Yield the pages below the first one, which is where the list of tables begins."""
    if database[100] == _INNER:
        (count,) = struct.unpack(">H", database[103:105])
        for cell in struct.unpack(f">{count}H", database[112 : 112 + 2 * count]):
            yield struct.unpack(">I", database[cell : cell + 4])[0]
        yield struct.unpack(">I", database[108:112])[0]


def _judged(wal: bytes, noted: tuple[int, bytes] | None) -> Wal:
    frames = _current(wal)
    if noted is not None and noted[0] and (len(wal) <= _HEADER or noted[1] == wal[16:24]):
        if len(frames) < noted[0]:
            return Wal.CUT
        frames = frames[: noted[0]]
    if len(wal) <= _HEADER:
        return Wal.WHOLE
    magic, version, page_size = struct.unpack(">III", wal[:12])
    is_header = magic in {_LITTLE, _BIG} and (version, page_size) == (3007000, PAGE)
    if not is_header or _sum(wal[:24], (0, 0), magic) != _two(wal[24:32]):
        return Wal.WRONG if any(frame.is_right for frame in frames) else Wal.CUT
    # No checksum is about the salts; SQLite stops where these change, too.
    salt = wal[16:24]
    wrong = [n for n, frame in enumerate(frames) if not frame.is_right or frame.salt != salt]
    # Whoever was killed while writing left frames that end no transaction.
    if not wrong or not any(frame.size for frame in frames[wrong[0] :]):
        return Wal.WHOLE
    # Of which page it is nobody knows where that has changed with the salts.
    doubtful = [frames[n] for n in wrong if not frames[n].is_right]
    is_lost = any(not frame.page or frame.salt != salt for frame in doubtful)
    return Wal.CUT if is_lost else Wal.WRONG


def _noted(store: Path) -> tuple[int, bytes] | None:
    """Return how many frames count, and of which log, as the last one to write noted it."""
    path = beside(store, "-shm")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        # The dashboard's workers look at once.
        with _KEPT_OPEN_LOCK:
            head = os.pread(_kept_open(path, os.O_RDONLY), 2 * _HEAD, 0)
    except OSError:
        return None
    if len(head) < 2 * _HEAD or head[:_HEAD] != head[_HEAD:] or not head[12]:
        return None
    return struct.unpack("=I", head[16:20])[0], head[32:40]


def _current(wal: bytes) -> list[_Frame]:
    """Return the frames since the log was begun anew; older ones may stand behind them."""
    frames = list(_frames(wal))
    if not frames:
        return []
    magic = struct.unpack(">I", wal[:4])[0]
    is_header = magic in {_LITTLE, _BIG} and _sum(wal[:24], (0, 0), magic) == _two(wal[24:32])
    salts = [frame.salt for frame in frames]
    salt = wal[16:24] if is_header else Counter(salts).most_common(1)[0][0]
    last = max((number for number, value in enumerate(salts) if value == salt), default=-1)
    return frames[: last + 1]


def _frames(wal: bytes) -> Iterator[_Frame]:
    magic = struct.unpack(">I", wal[:4])[0] if len(wal) > _HEADER else 0
    before = _two(wal[24:32]) if magic else (0, 0)
    for at in range(_HEADER, len(wal) - _FRAME - PAGE + 1, _FRAME + PAGE):
        head, content = wal[at : at + _FRAME], wal[at + _FRAME : at + _FRAME + PAGE]
        page, size = _two(head[:8])
        told = _two(head[16:24])
        # No page has the number 0, as where zeros stand; to add up many of them takes long.
        is_right = page > 0 and any(
            _sum(head[:8] + content, before, m) == told for m in _kinds(magic)
        )
        yield _Frame(page, size, content, head[8:16], is_right)
        before = told


def _kinds(magic: int) -> tuple[int, ...]:
    return (magic,) if magic in {_LITTLE, _BIG} else (_LITTLE,)


def _sum(content: bytes, before: tuple[int, int], magic: int) -> tuple[int, int]:
    words = array("I", content)
    if (magic == _BIG) != (struct.pack("=I", 1) == struct.pack(">I", 1)):
        words.byteswap()
    first, second = before
    for number in range(0, len(words), 2):
        first = (first + words[number] + second) & 0xFFFFFFFF
        second = (second + words[number + 1] + first) & 0xFFFFFFFF
    return first, second


def _kept_open(path: Path, flags: int) -> int:
    """Open a file and leave it open: to close it would drop the locks of our other connections."""
    facts = path.stat()
    key = facts.st_dev, facts.st_ino, flags
    if key not in _KEPT_OPEN:
        _close_deleted()
        _KEPT_OPEN[key] = os.open(path, flags | os.O_CLOEXEC)
    return _KEPT_OPEN[key]


def overwrite_store(store: Path, content: bytes) -> None:
    """Write another database into the store's own file, and let its log end.

    Whoever has it open begins anew with the next look, for what tells how far the log goes is
    taken away last. Call it where nobody writes, and where what stood there is kept. Raises
    OSError; it has to be done again then.
    """
    with _KEPT_OPEN_LOCK:
        # Where that may not be written nothing is.
        _kept_open(store, os.O_RDWR)
        for path, new in ((beside(store, "-wal"), b""), (store, content)):
            if not path.exists():
                continue
            handle, written = _kept_open(path, os.O_RDWR), 0
            while written < len(new):
                written += os.pwrite(handle, new[written:], written)
            os.ftruncate(handle, len(new))
            os.fsync(handle)
            if os.pread(handle, len(new) + 1, 0) != new:
                raise OSError(errno.EIO, "it does not hold what was written", str(path))
        shared = beside(store, "-shm")
        if shared.exists() and shared.stat().st_size:
            os.pwrite(_kept_open(shared, os.O_RDWR), bytes(2 * _HEAD), 0)


def _two(content: bytes) -> tuple[int, int]:
    first, second = struct.unpack(">II", content)
    return first, second


def _close_deleted() -> None:
    """Close what has lost its name: nobody else can lock it any more."""
    for key, handle in list(_KEPT_OPEN.items()):
        if os.fstat(handle).st_nlink == 0:
            os.close(_KEPT_OPEN.pop(key))


def beside(store: Path, ending: str) -> Path:
    """Return what SQLite keeps beside a store: beside the file itself, where that is a link."""
    return Path(f"{os.path.realpath(store)}{ending}")


def _bytes_of(path: Path) -> bytes:
    try:
        # A pipe in its place is not waited for.
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        # Whoever opens the store says what is wrong with it.
        return b""
