"""Random days with our real capture, swap, refresh and store: nothing is lost, whatever comes.

The rules and what must hold are in tests/histories; `python -m tests.histories` runs as many days
as one likes. Both tests together take at least 20,000 steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.histories.machine import Logins, run

Record = Callable[[str, object], None]
DAYS_IN_MEMORY, LONGEST_IN_MEMORY, FEWEST_IN_MEMORY = 365, 50, 15_000
DAYS_ON_DISK, LONGEST_ON_DISK, FEWEST_ON_DISK = 200, 30, 5_000


def check(counted: Counter[str], where: str, fewest: int, record: Record) -> None:
    """Keep how many steps there were for the report of the run; they must be enough."""
    for name, number in counted.items():
        record(f"{name} {where}", number)
    assert counted["steps"] >= fewest
    # Days that come to rest with the one account that it must be, and not one of several.
    assert counted["rests with one answer"] > counted["rests"] / 2


# One that is found to end badly is made shorter, again and again.
A_WHILE = pytest.mark.timeout(900)


@A_WHILE
def test_no_login_is_lost_on_any_day(record_testsuite_property: Record) -> None:
    counted = run(Logins, DAYS_IN_MEMORY, LONGEST_IN_MEMORY)

    check(counted, "in memory", FEWEST_IN_MEMORY, record_testsuite_property)


@A_WHILE
def test_no_login_is_lost_on_a_real_disk(tmp_path: Path, record_testsuite_property: Record) -> None:
    class OnDisk(Logins):
        """The same with files on the disk."""

        place = tmp_path

    counted = run(OnDisk, DAYS_ON_DISK, LONGEST_ON_DISK)

    check(counted, "on disk", FEWEST_ON_DISK, record_testsuite_property)
