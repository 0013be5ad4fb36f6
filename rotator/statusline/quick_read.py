"""Reads what one line of a prompt needs, in a few milliseconds, and writes nothing.

A prompt asks for it every few seconds, so that nothing may be loaded here that takes long: no
`dataclasses`, no `typing`, no `pathlib`, and nothing of ours that loads them. What it says of an
account is what `rotator.model`, `rotator.core.selection.limits` and
`rotator.core.selection.headroom` say; a test holds them together.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Found = TypeVar("Found")

# A writer holds a lock on all of it for an instant, when its file gets a newer schema.
_BUSY_SECONDS = 0.2
_TRIES = 3
_OURS = "opencode-rotator"
# What the shared memory of an open database has at least.
_SHARED_BYTES = 32768
_LATER = ("shared_by", "limit_own", "limit_since")
# A limit that began later than that ahead is of a clock that was set back since.
_A_MOMENT = 1.0
_COLUMNS = (
    *("id", "provider", "alias", "disabled", "rejected", "limit_state", "limit_until"),
    *_LATER,
)
# As many windows as a vendor may name; of each the JSON that `rotator.core.usage_codec` writes.
_WINDOWS = """
SELECT used, name, resets_at FROM (
  SELECT json_extract(w.value, '$.used') AS used, json_extract(w.value, '$.name') AS name,
    json_extract(w.value, '$.resets_at') AS resets_at,
    coalesce(json_extract(w.value, '$.length_seconds'), 0) AS length
  FROM usage AS u,
    json_each(CASE WHEN json_valid(u.snapshot) THEN u.snapshot ELSE '{}' END, '$.windows') AS w
  WHERE u.account = ? AND json_extract(w.value, '$.model') IS NULL
    AND json_extract(w.value, '$.blocks'))
ORDER BY used DESC, length DESC, name DESC
"""
_SPENT = """
SELECT json_valid(snapshot) AND json_extract(snapshot, '$.spent') FROM usage WHERE account = ?
"""


class SlotStatus:
    """A provider with the account in its slot: its state, until when, its tightest window.

    `alias` is None where the slot is empty, `used` (a fraction) where nobody has said it.
    """

    __slots__ = ("alias", "provider", "state", "until", "used", "window")

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.alias: str | None = None
        self.state = "ready"
        self.until: datetime | None = None
        self.window: str | None = None
        self.used: float | None = None


class StatusLineData:
    """What there was at one moment, the providers in alphabetical order."""

    __slots__ = ("balancing", "now", "seats", "watched")

    def __init__(
        self, seats: list[SlotStatus], now: datetime, *, balancing: bool, watched: bool
    ) -> None:
        self.seats = seats
        self.now = now
        self.balancing = balancing
        self.watched = watched


class StatusUnreadable(Exception):
    """The store is there and cannot be read."""


def read_status_line(environ: Mapping[str, str], now: datetime) -> StatusLineData:
    """Return what there is now; raises Unreadable."""
    data, state = _places(environ)
    store, history = os.path.join(data, "rotator.sqlite"), os.path.join(data, "history.sqlite")  # noqa: PTH118  # no pathlib
    watched = _is_held(os.path.join(state, "watch.lock"))  # noqa: PTH118  # no pathlib
    if not os.path.exists(store):  # noqa: PTH110  # no pathlib
        return StatusLineData([], now, balancing=True, watched=watched)
    try:
        seats, ids, balancing = _patiently(lambda: _read_store(store, now))
    except (sqlite3.Error, OSError, TypeError, ValueError) as exc:
        raise StatusUnreadable from exc
    try:
        _patiently(lambda: _add_usage(history, seats, ids, now))
    except (sqlite3.Error, OSError, TypeError, ValueError, StatusUnreadable):
        # Usage that cannot be read is unknown.
        for seat in seats:
            seat.window = seat.used = None
    return StatusLineData(seats, now, balancing=balancing, watched=watched)


def _places(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return our data and state folders, as `rotator.system.paths` has them."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")  # noqa: PTH111  # no pathlib
    data = environ.get("XDG_DATA_HOME") or f"{home}/.local/share"
    state = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return f"{data}/{_OURS}", environ.get("ROTATOR_STATE_DIR") or f"{state}/{_OURS}"


def _is_held(lock: str) -> bool:
    """Tell whether a watcher runs, as `rotator.system.locks` tells it."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _patiently(read: Callable[[], Found]) -> Found:
    for _ in range(_TRIES - 1):
        try:
            return read()
        except sqlite3.Error:
            # A store may begin or cease to have a -wal between the look and the opening.
            continue
    return read()


def _is_odd(path: str) -> bool:
    """Tell whether something lies there that is no file: nobody waits for a pipe."""
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113  # no pathlib


def _is_bare(path: str) -> bool:
    """Tell whether nothing stands in what SQLite keeps beside a database, and nobody uses it."""
    return _size(f"{path}-wal") == 0 and _size(f"{path}-shm") < _SHARED_BYTES


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0  # noqa: PTH110, PTH202  # no pathlib


@contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    # Beside a link SQLite keeps nothing.
    path = os.path.realpath(path)
    if any(_is_odd(path + ending) for ending in ("", "-wal", "-shm")):
        raise StatusUnreadable
    # Without a -wal nobody has it open: nothing is made beside it then. Nor where
    # somebody has only begun to open it, on a full disk.
    is_open = os.path.exists(f"{path}-wal") and not _is_bare(path)  # noqa: PTH110  # no pathlib
    how = "mode=ro" if is_open else "mode=ro&immutable=1"
    name = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")  # noqa: PTH100  # no pathlib
    uri = f"file:{name}?{how}"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN")
        yield connection


def _read_store(store: str, now: datetime) -> tuple[list[SlotStatus], dict[str, str], bool]:
    """Return the seats, whose account sits in each, and whether balancing is on."""
    with _opened(store) as connection:
        rows = connection.execute(
            f"SELECT {_columns(connection)} FROM account ORDER BY provider"  # noqa: S608  # our names
        ).fetchall()
        active = dict(connection.execute("SELECT provider, active FROM slot").fetchall())
        asked = "SELECT value FROM setting WHERE name = 'balancing'"
        balancing = connection.execute(asked).fetchone() != ("off",)
    seats = {provider: SlotStatus(provider) for _, provider, *_ in rows}
    ids = {}
    for row in rows:
        account, provider, alias, *_ = row
        if active.get(provider) == account:
            seats[provider].alias, ids[provider] = alias, account
            seats[provider].state, seats[provider].until = _state(row, rows, now)
    return list(seats.values()), ids, balancing


def _columns(store: sqlite3.Connection) -> str:
    """Return what is read of an account; nobody here changes a store of an older version."""
    there = {name for (name,) in store.execute("SELECT name FROM pragma_table_info('account')")}
    named = (name if name in there or name not in _LATER else "NULL" for name in _COLUMNS)
    return ", ".join(named)


def _state(
    row: tuple[str | None, ...], rows: list[tuple[str | None, ...]], now: datetime
) -> tuple[str, datetime | None]:
    account, provider, _, disabled, rejected, state, ends_at, group, _, since = row
    if disabled is not None:
        return "disabled", None
    if rejected is not None:
        return "rejected", None
    until = _until(ends_at, since, now) if state else None
    for other, its_provider, _, _, _, its_state, its_end, its_group, is_own, its_since in rows:
        together = group is not None and (provider, group) == (its_provider, its_group)
        if account == other or not together or not its_state or is_own:
            continue
        ends = _until(its_end, its_since, now)
        if ends is not None and (until is None or until < ends):
            state, until = its_state, ends
    if state and until is not None and now < until:
        return state, until
    return "ready", None


def _until(ends_at: str | None, since: str | None, now: datetime) -> datetime | None:
    """Return when a limit ends; one that began ahead of now lasts its own length from now."""
    ends, began = _time(ends_at), _time(since)
    if ends is None or began is None or (began - now).total_seconds() <= _A_MOMENT:
        return ends
    return now + (ends - began)


def _add_usage(history: str, seats: list[SlotStatus], ids: dict[str, str], now: datetime) -> None:
    if not os.path.exists(history):  # noqa: PTH110  # no pathlib
        return
    with _opened(history) as connection:
        for seat in seats:
            account = ids.get(seat.provider)
            if account is None:
                continue
            try:
                seat.used, seat.window = _usage_of(connection, account, now)
            except (sqlite3.OperationalError, TypeError, ValueError):
                # A row that cannot be read costs itself.
                continue


def _usage_of(
    connection: sqlite3.Connection, account: str, now: datetime
) -> tuple[float | None, str | None]:
    for used, name, resets_at in connection.execute(_WINDOWS, (account,)):
        ends = _time(resets_at)
        if ends is None or now < ends:
            return float(used), str(name)
    spent = connection.execute(_SPENT, (account,)).fetchone()
    return (1.0 if spent and spent[0] else None), None


def _time(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text).astimezone(UTC)
