"""Looks at OpenCode 2: its database of logins, who may read it, which servers have it open."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.setup import DoctorContext, facts
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.server import PROVED
from rotator.opencode.database.servers import Server, find_servers
from rotator.opencode.home import Absent, Entries, Unusable
from rotator.text import sanitize
from rotator.wording import counted

_OTHERS = 0o077
_LEFT_ALONE = (
    "OpenCode 2's logins are left alone; if it is newer than opencode-rotator, update that"
)
_BESIDE = ("", "-wal", "-shm")


def look_at_database(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether OpenCode 2's logins can be used, and who else may read them."""
    home = DatabaseHome(setup.paths)
    match home.read():
        case Absent() | Entries(()):
            # Whoever has no OpenCode 2 need not hear of it; opencode 1 makes an empty table, too.
            return
        case Unusable(why=why):
            yield problem(Check.DATABASE, why, _LEFT_ALONE)
        case Entries(entries):
            says = f"{home.where()} holds {counted(len(entries), 'login')}"
            yield ok(Check.DATABASE, says)
            unread = dict.fromkeys(e.credential for e in entries if isinstance(e.credential, str))
            yield from (note(Check.DATABASE, sentence) for sentence in unread)
    wide = wide_database(setup)
    if wide:
        mode = stat.S_IMODE(wide[0].stat().st_mode)
        says = f"others may read OpenCode 2's logins: {wide[0]} has the mode {mode:04o}"
        yield problem(Check.DATABASE, says, "rotator doctor --fix narrows it", mendable=True)
    yield from (remark for server in find_servers(setup.paths) if (remark := _told_of(server)))


def wide_database(setup: DoctorContext) -> list[Path]:
    """Return the files of the database that others may read, and that are ours to narrow.

    Only where logins stand in it: opencode 1 keeps none there.
    """
    home = DatabaseHome(setup.paths)
    reading = home.read()
    if not isinstance(reading, Entries) or not reading.entries:
        return []
    path = home.where()
    files = [path.with_name(f"{path.name}{ending}") for ending in _BESIDE]
    return [file for file in files if _is_wide(file)]


def _is_wide(path: Path) -> bool:
    status = facts(path)
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return False
    return bool(status.st_mode & _OTHERS)


def _told_of(server: Server) -> CheckResult | None:
    who = f"OpenCode 2 (pid {server.pid})"
    if server.version is None:
        says = f"{who} runs with a password that is not known here: it is not switched by us"
        return note(Check.DATABASE, says, "restart it, or switch in OpenCode itself")
    if not server.can_be_asked:
        says = (
            f"{who} is of version {sanitize(server.version)}, which does not say that it can switch"
        )
        return note(Check.DATABASE, f"{says}: it is left alone", "switch in OpenCode itself")
    if server.version != PROVED:
        says = f"{who} is of version {sanitize(server.version)}; {PROVED} is the one that was tried"
        return note(Check.DATABASE, says)
    return None
