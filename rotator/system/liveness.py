"""Whether a process still runs that has left its name in a file, here or in another container.

A pid means something in one PID namespace of one running kernel alone. So whoever writes its pid
into a file writes beside it where that pid is valid. There the pid and the process's start decide;
anywhere else it is how lately the file was touched, for which its writer has a beat.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rotator.system.processes import has_ended, is_running, start_ticks, started

# A watcher touches its file every 5 s, a bridge as often. Three beats may be late: of a busy
# machine, or of one that has just been woken.
SILENT_SECONDS = 20.0
NAMESPACE = "pid_namespace"
_PROC = Path("/proc")
# The kernel counts starts in hundredths of a second, and file systems have clocks of their own.
_TOLERANCE_SECONDS = 1.0


def pid_namespace() -> str | None:
    """Return where this process's pid is valid; None where that cannot be told.

    The number of a namespace is the same on many computers, so it stands beside the name that
    the kernel gives itself at each start.
    """
    if not sys.platform.startswith("linux"):
        return sys.platform
    try:
        # Where /proc shows another namespace, our pid is another process's there.
        is_ours = os.readlink(_PROC / "self") == str(os.getpid())  # noqa: PTH115  # no Path for it
        return _namespace("self") if is_ours else None
    except OSError:
        return None


def pid_inside(pid: int) -> tuple[str, int] | None:
    """Return what a process that we see calls its namespace and itself; None: it is in ours.

    None also where it may not be looked into.
    """
    try:
        where = _namespace(str(pid))
        lines = (_PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    if where == pid_namespace() or not numbers:
        return None
    # The last of them is what it has in the innermost namespace, which is its own.
    return where, int(numbers[-1])


def is_known_here(told: Mapping[str, Any]) -> bool:
    """Tell whether the pid in a file names a process of ours.

    A file of an older version does not say: it is taken for one of ours.
    """
    return NAMESPACE not in told or told[NAMESPACE] == (pid_namespace() or "")


def is_alive(told: Mapping[str, Any], pid: int, touched_at: float) -> bool:
    """Tell whether the process runs that wrote `pid` and the rest of `told` into a file.

    `touched_at` is the file's time.
    """
    if not is_known_here(told):
        return abs(time.time() - touched_at) <= SILENT_SECONDS
    return is_running(pid) and not has_ended(pid) and _is_same(told, pid, touched_at)


def _is_same(told: Mapping[str, Any], pid: int, touched_at: float) -> bool:
    """Tell whether the process that has the pid now is the one that wrote the file."""
    ticks = start_ticks(pid)
    if ticks is not None and told.get("start_ticks") is not None:
        return str(told["start_ticks"]) == ticks
    born = started(pid)
    return born is None or born.timestamp() <= touched_at + _TOLERANCE_SECONDS


def _namespace(process: str) -> str:
    names = [(_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()]
    names.append(os.readlink(_PROC / process / "ns" / "pid"))  # noqa: PTH115  # no Path for it
    # Processes of another time namespace count their starts from elsewhere; old kernels have none.
    with contextlib.suppress(OSError):
        names.append(os.readlink(_PROC / process / "ns" / "time"))  # noqa: PTH115  # the same
    return " ".join(names)
