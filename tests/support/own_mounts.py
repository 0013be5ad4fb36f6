"""A process that goes on in a mount namespace of its own, as unshare(1) starts a program in one."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Of unshare(2) and mount(2).
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_PRIVATE, _WITH_ALL_BELOW = 1 << 18, 1 << 14


def enter_namespace(setup: Sequence[str]) -> None:
    """Let this process see mounts of its own from now on, after each line of a shell was done.

    Whoever is not root becomes root of a user namespace.
    """
    user, group, system = os.geteuid(), os.getegid(), ctypes.CDLL(None, use_errno=True)
    _require(system.unshare(_NEW_MOUNTS if user == 0 else _NEW_MOUNTS | _NEW_USERS))
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _require(system.mount(b"none", b"/", None, ctypes.c_ulong(_PRIVATE | _WITH_ALL_BELOW), None))
    script = "\n".join(["set -e", *setup])
    if subprocess.run(["/bin/sh", "-c", script], check=False).returncode != 0:
        sys.exit("the namespace could not be set up")


def _require(result: int) -> None:
    if result != 0:
        sys.exit(f"no mount namespace can be made: {os.strerror(ctypes.get_errno())}")
