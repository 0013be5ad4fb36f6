"""Run many random days: `python -m tests.histories --days 5000 --seed 7 --folder FOLDER`.

The same seed is the same days. One that ends badly is told step by step; `--shrink` makes it
as short as it gets before, which takes minutes.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from tests.histories.machine import Logins, run


def main() -> int:
    """Run as many days as the command line says; a day that ends badly is printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--days", type=int, default=5_000)
    parser.add_argument("--longest", type=int, default=50, help="steps of a day, at most")
    parser.add_argument("--seed", type=int, default=1, help="which days")
    parser.add_argument("--shrink", action="store_true", help="make a bad day shorter")
    parser.add_argument("--folder", type=Path, help="where homes are made; else in memory")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    given = parser.parse_args()
    # Every fault that is let loose is a traceback there.
    logging.disable(logging.CRITICAL)
    Logins.place = given.folder
    started = time.monotonic()
    try:
        counted = run(
            Logins, given.days, given.longest, seed_number=given.seed, shrink=given.shrink
        )
    except BaseException as exc:
        exc.add_note(
            "the same day again, made shorter: python -m tests.histories"
            f" --days {given.days} --longest {given.longest} --seed {given.seed} --shrink"
        )
        raise
    seconds = time.monotonic() - started
    told = ", ".join(f"{number} {name}" for name, number in counted.items())
    sentence = f"{told}, {seconds:.0f} s: nothing was lost"
    sys.stdout.write((json.dumps(counted) if given.json else sentence) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
