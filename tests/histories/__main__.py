"""Run many random days: `python -m tests.histories --days 5000 --seed 7 --folder FOLDER`.

The same number of the same seed is the same day. The first that ends badly is told step by
step. `--day` lives through one alone, told step by step, too; with `--shrink` it is made as
short as it gets, which takes minutes.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from tests.histories.machine import Book, Logins, run


def main() -> int:
    """Live through the days that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--days", type=int, default=5_000)
    parser.add_argument("--longest", type=int, default=50, help="steps of a day, at most")
    parser.add_argument("--seed", type=int, default=1, help="which days")
    parser.add_argument("--day", type=int, help="the number of one that is told alone")
    parser.add_argument("--shrink", action="store_true", help="make that one shorter")
    parser.add_argument("--folder", type=Path, help="where homes are made; else in memory")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    given = parser.parse_args()
    # Every fault that is let loose is a traceback there.
    logging.disable(logging.CRITICAL)
    Logins.place = given.folder
    book = Book(Logins, given.longest, given.seed)
    if given.day is not None:
        book.shrink(given.day) if given.shrink else book.live(given.day, told=True)
        return 0
    _run(book, given.days, as_json=given.json)
    return 0


def _run(book: Book, days: int, *, as_json: bool) -> None:
    started = time.monotonic()
    try:
        counted = run(book, days)
    except Exception as exc:
        again = f"--longest {book.longest} --seed {book.seed} --day NUMBER [--shrink]"
        exc.add_note(f"that day alone: python -m tests.histories {again}")
        raise
    told = ", ".join(f"{number} {name}" for name, number in counted.items())
    sentence = f"{told}, {time.monotonic() - started:.0f} s: nothing was lost"
    sys.stdout.write((json.dumps(counted) if as_json else sentence) + "\n")


if __name__ == "__main__":
    sys.exit(main())
