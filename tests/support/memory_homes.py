"""The HOMEs of tests lie in memory where that can be: no test waits for a disk.

A swap waits for the disk four times, an opened store six times. What is promised of a disk is
shown by what is asked of it, in its order (tests/support/faults.py), and by disks of their own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108  # pytest makes a folder of its own there
# A whole run leaves much less than that, but one with many failures keeps their HOMEs.
ENOUGH_BYTES = 4 * 1024**3
_ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest make its temporary folders in memory, unless somebody has said where."""
    if config.option.basetemp is None and _ROOT not in os.environ and is_roomy(MEMORY):
        os.environ[_ROOT] = str(MEMORY)


def is_roomy(place: Path) -> bool:
    """Tell whether HOMEs can be there: there is room, and programs in it may be run."""
    if not os.access(place, os.W_OK):
        return False
    may_run = not os.statvfs(place).f_flag & os.ST_NOEXEC
    return may_run and shutil.disk_usage(place).free >= ENOUGH_BYTES
