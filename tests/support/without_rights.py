"""A program that the rights of files hold for, even if root runs the tests."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; and CAP_CHOWN (capabilities(7)).
READ_AND_WRITE_ANYTHING = (1, 2)
GIVE_AWAY = (0,)
# What a process cannot get any more (prctl(2), PR_CAPBSET_DROP) it does not get back when it
# starts a program, root or not.
_DROP = (
    "import ctypes, os, sys\n"
    "prctl = ctypes.CDLL(None).prctl\n"
    "numbers = [int(number) for number in sys.argv[1].split(',')]\n"
    "failed = [prctl(24, number, 0, 0, 0) for number in numbers]\n"
    "if any(failed) and os.geteuid() == 0: sys.exit('rights could not be given up')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


def without_rights(*command: str, rights: tuple[int, ...] = READ_AND_WRITE_ANYTHING) -> list[str]:
    """Return the command that runs `command`, whose first word is a path, as anybody.

    Of root's rights those go whose numbers are in `rights`.
    """
    return [sys.executable, "-c", _DROP, ",".join(map(str, rights)), *command]


# PR_CAPBSET_DROP of prctl(2); version 3 of capset(2): effective, permitted, inheritable, twice.
_DROP_FROM_BOUND = 24
_HEADER = (ctypes.c_uint32 * 2)(0x20080522, 0)


def give_up(rights: Sequence[int]) -> None:
    """Let this process go on, and start whatever it starts, without these rights of root's."""
    if os.geteuid() != 0:
        return
    system, held = ctypes.CDLL(None), (ctypes.c_uint32 * 6)()
    failed = [system.prctl(_DROP_FROM_BOUND, number, 0, 0, 0) for number in rights]
    failed.append(system.capget(_HEADER, held))
    for place in range(3):
        held[place] &= ~sum(1 << number for number in rights)
    failed.append(system.capset(_HEADER, held))
    if any(failed):
        sys.exit("rights could not be given up")
