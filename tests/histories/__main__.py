"""Run many random days: `python -m tests.histories --days 5000 --longest 60 --folder FOLDER`."""

from __future__ import annotations

import argparse
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
    parser.add_argument("--folder", type=Path, help="where homes are made; else in memory")
    given = parser.parse_args()
    # Every fault that is let loose is a traceback there.
    logging.disable(logging.CRITICAL)
    Logins.place = given.folder
    started = time.monotonic()
    counted = run(Logins, given.days, given.longest)
    told = ", ".join(f"{number} {name}" for name, number in counted.items())
    sys.stdout.write(f"{told}, {time.monotonic() - started:.0f} s: nothing was lost\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
