"""A program that the rights of files hold for, even if root runs the tests."""

from __future__ import annotations

import sys

# What a process cannot get any more (prctl(2), PR_CAPBSET_DROP) it does not get back when it
# starts a program, root or not: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_DROP = (
    "import ctypes, os, sys\n"
    "prctl = ctypes.CDLL(None).prctl\n"
    "failed = [prctl(24, number, 0, 0, 0) for number in (1, 2)]\n"
    "if any(failed) and os.geteuid() == 0: sys.exit('rights could not be given up')\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def without_rights(*command: str) -> list[str]:
    """Return the command that runs `command`, whose first word is a path, as anybody."""
    return [sys.executable, "-c", _DROP, *command]
