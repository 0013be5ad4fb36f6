"""Random days of a HOME in which opencode 1 and OpenCode 2 are used side by side.

People log in, log out, rename and switch in either, both opencodes refresh, the vendor ends a
login whose refresh token comes again; the database is locked, moved away, or of another version
for a while. Our watcher and commands are the real ones, and die at any step, or meet a fault.
`python -m tests.histories.both --steps 20000 --seed 7` lives through many days.

What nobody can know is not asked for: an opencode that is used while no watcher runs may send a
token that the other one has spent.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from unittest import mock

from rotator.opencode.database import servers, writes
from rotator.opencode.database import table as table_module
from tests.histories.both_models import NAMED
from tests.histories.both_ours import Ours
from tests.histories.both_processes import UNDISTURBED
from tests.histories.both_world import OTHERS
from tests.support.interrupted import memory_folder
from tests.support.token_vendor import Mood

STEPS_OF_A_DAY = 60


class Day(Ours):
    """One day; every step checks what always holds."""

    def end(self) -> None:
        """Let everybody come to rest: then all copies are the newest, and nobody is missing."""
        self.vendor.mood = Mood.ANSWERS
        if (self.folder / "away.db").exists():
            self.move_database()
        if self.table.is_renamed:
            self.table.use_another_schema()
        self.by_others("write_all_late")
        while self.watcher is not None and self.watcher.asking:
            self.finish_refresh()
        with mock.patch.object(self, "_plan", return_value=UNDISTURBED):
            self.start()
            for _ in range(3):
                self.look()
                self._pass_time(2)
            self.require()
        self._require_newest()
        self.stop()
        self.counted["days"] += 1

    def _require_newest(self) -> None:
        saved = self.saved()
        by_person = {self.vendor.minted[a].person: a for a in saved.tokens.values()}
        copies = [row.value for row in self.table.rows.values() if row.provider == NAMED]
        copies += [self.entries[NAMED]] if NAMED in self.entries else []
        for copy in copies:
            person = self._whose(copy)
            if person in self.removed or (person not in by_person and person in self.gone):
                # What the user removed is neither brought back by an old copy nor written over.
                continue
            assert copy["access"] == by_person[person], f"an older copy of {person} is left"
        for person, access in by_person.items():
            alive = self.vendor.alive(person)
            fine = access in alive or alive <= self.gone.get(person, set())
            fine = fine or person in self.ended
            assert fine, f"no tokens of {person} that work are saved"


ALONE: dict[str, int] = {
    "resolve_2": 6,
    "start_or_end_2": 3,
    "use_another_version": 1,
    "move_database": 1,
    "wait": 10,
    "mood": 2,
}
OURS: dict[str, int] = {
    "look": 20,
    "start": 14,
    "stop": 2,
    "begin_refresh": 12,
    "finish_refresh": 8,
    "fail_over": 8,
    "swap_in_auth_json": 4,
    "rotate": 10,
    "disable_and_enable": 1,
    "remove": 1,
}
ACTS = {**OTHERS, **ALONE, **OURS}


def live_through(folder: Path, seed: str, steps: int = STEPS_OF_A_DAY) -> Counter[str]:
    """Live through one day; the same seed is the same day."""
    day = Day(folder, Random(seed))  # noqa: S311  # no secret: the same day again
    with (
        mock.patch.object(servers, "find_opencodes", return_value=[]),
        mock.patch.object(writes, "_BUSY_SECONDS", 0.0),
        mock.patch.object(table_module, "_BUSY_SECONDS", 0.0),
    ):
        try:
            for _ in range(steps):
                (name,) = day.chance.choices(list(ACTS), list(ACTS.values()))
                day.told.append(name)
                if name in OURS:
                    getattr(day, name)()
                else:
                    day.by_others(name)
                    if day.watcher is not None and day.chance.random() < 0.8:
                        day.look()
                day.counted["steps"] += 1
                day.require()
            day.told.append("end")
            day.end()
        except Exception as exc:
            exc.add_note(f"day {seed}: {' '.join(day.told)}")
            raise
        finally:
            day.table.close()
            if day.watcher is not None:
                day.watcher.stack.close()
    return day.counted


def run(seed: int, steps: int) -> Counter[str]:
    """Live through days until there are so many steps."""
    counted: Counter[str] = Counter()
    number = 0
    while counted["steps"] < steps:
        with memory_folder() as folder:
            counted.update(live_through(folder, f"{seed}/{number}"))
        number += 1
    return counted


def main() -> int:
    """Live through the days that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.both")
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=int, help="the number of one that is lived through alone")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    if given.day is not None:
        with memory_folder() as folder:
            counted = live_through(folder, f"{given.seed}/{given.day}")
    else:
        counted = run(given.seed, given.steps)
    told = ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))
    sentence = f"{told}, {time.monotonic() - started:.0f} s: nobody was lost in either home"
    sys.stdout.write((json.dumps(counted) if given.json else sentence) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
