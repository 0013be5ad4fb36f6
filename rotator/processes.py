"""Other processes: does a pid still run, since when, and which opencodes are there.

The only importer of psutil, and only inside the one function that lists opencodes.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_START_FIELD = 19  # of what follows the command's name; field 22 of the whole line


def start_ticks(pid: int) -> str | None:
    """Return when `pid` started, as the kernel counts it, or None where that cannot be told.

    Linux only: clock ticks since boot, from /proc (proc_pid_stat(5), field 22). Unlike a date
    it does not move when the clock is set, so pid and ticks together name one process.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name stands in brackets and may itself hold brackets and blanks.
    fields = line[line.rfind(b")") + 2 :].split()
    return fields[_START_FIELD].decode("ascii") if len(fields) > _START_FIELD else None


def started(pid: int) -> datetime | None:
    """Return the time at which `pid` started, to a hundredth of a second; None beside Linux.

    psutil reckons from the second in which the system started, and is up to one off.
    """
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    up_seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    ago_seconds = up_seconds - int(ticks) / os.sysconf("SC_CLK_TCK")
    return datetime.now(UTC) - timedelta(seconds=ago_seconds)


def is_running(pid: int) -> bool:
    """Tell whether a process with that pid exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Opencode:
    """A running opencode that uses our auth.json's folder."""

    pid: int
    kind: str
    started_at: datetime


def find_opencodes(data_folder: Path) -> list[Opencode]:
    """Return the running opencodes that have a file of `data_folder` open, oldest first.

    opencode keeps its database and log there open, which tells apart opencodes of another
    HOME. Processes that may not be looked into are left out.
    """
    import psutil  # noqa: PLC0415  # 30 ms that short commands must not pay

    inside = f"{data_folder.resolve()}{os.sep}"
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline", "create_time"]):
        info = process.info
        words: list[str] = info["cmdline"] or []
        if "opencode" not in f"{info['name']} {words[:2]}":
            continue
        try:
            opened = [entry.path for entry in process.open_files()]
        except (psutil.Error, OSError):
            continue
        if any(path.startswith(inside) for path in opened):
            started_at = started(info["pid"]) or datetime.fromtimestamp(info["create_time"], UTC)
            found.append(Opencode(int(info["pid"]), kind_of(words), started_at))
    return sorted(found, key=lambda one: (one.started_at, one.pid))


def kind_of(words: list[str]) -> str:
    """Return `serve`, `run` or `tui` for the command line of an opencode."""
    for word in words[1:3]:
        if word in {"serve", "web"}:
            return "serve"
        if word == "run":
            return "run"
    return "tui"
