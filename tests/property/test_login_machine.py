"""Random days with our real capture, swap, refresh and store: nothing is lost, whatever comes.

The rules and what must hold are in tests/histories; `python -m tests.histories` runs as many days
as one likes. Here they are the same ones in every build, so that a build says something about
what has been changed; both tests together take at least 20,000 steps.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tests.support.unmeasured import Ended, run_modules, told_by

Record = Callable[[str, object], None]
# They take half a minute, and longer on a computer with much else to do.
SECONDS = 500


@dataclass(frozen=True)
class Days:
    """Which days, and how many steps they are at least."""

    seeds: tuple[int, ...]
    days: int
    longest: int
    fewest: int

    def commands(self, *more: str) -> list[list[str]]:
        """Return what lives through them: a process for each seed."""
        words = [f"--days={self.days}", f"--longest={self.longest}", *more]
        return [["tests.histories", "--json", f"--seed={seed}", *words] for seed in self.seeds]


@dataclass(frozen=True)
class Lived:
    """How the processes ended."""

    in_memory: list[Ended]
    on_disk: list[Ended]


IN_MEMORY = Days((1, 2), 170, 50, 15_000)
ON_DISK = Days((3,), 200, 30, 5_000)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Live through the days in memory and through those on the disk, all at once."""
    on_disk = ON_DISK.commands(f"--folder={tmp_path_factory.mktemp('days')}")
    ended = run_modules([*on_disk, *IN_MEMORY.commands()], seconds=SECONDS)
    return Lived(ended[len(on_disk) :], ended[: len(on_disk)])


def check(ended: Sequence[Ended], where: str, fewest: int, record: Record) -> None:
    """Keep how many steps there were for the report of the run; they must be enough."""
    counted: Counter[str] = Counter()
    for one in ended:
        assert one.returncode == 0, told_by(one)
        counted.update(json.loads(one.stdout))
    for name, number in counted.items():
        record(f"{name} {where}", number)
    assert counted["steps"] >= fewest
    # Days that come to rest with the one account that it must be, and not one of several.
    assert counted["rests with one answer"] > counted["rests"] / 2


A_WHILE = pytest.mark.timeout(540)


@A_WHILE
def test_no_login_is_lost_on_any_day(lived: Lived, record_testsuite_property: Record) -> None:
    check(lived.in_memory, "in memory", IN_MEMORY.fewest, record_testsuite_property)


@A_WHILE
def test_no_login_is_lost_on_a_real_disk(lived: Lived, record_testsuite_property: Record) -> None:
    check(lived.on_disk, "on disk", ON_DISK.fewest, record_testsuite_property)
