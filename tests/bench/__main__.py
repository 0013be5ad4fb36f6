"""Run the benchmarks by hand: `python -m tests.bench --rounds 200`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.answers import crafted_answers
from tests.bench.dashboard import first_screen, on_screen
from tests.bench.failover import added_time, capture_time, failover_latency
from tests.bench.failover2 import added_time2, capture_time2, failover_latency2
from tests.bench.figures import Figure, sync_cost
from tests.bench.flood import FILES, LINES, first_word
from tests.bench.prompt import prompt_line
from tests.bench.short_waits import compared
from tests.bench.weeks import simulate

# A program's start takes so much longer than a request.
_FEWER = 10
_MANY, _SMALL = 20, 20


def measure(home: Path, rounds: int) -> list[Figure]:
    """Measure everything, each in a HOME of its own below `home`."""
    both = ("failover", "failover2", "added", "added2")
    for name in ("disk", *both, "capture", "capture2", "first", "screen", "prompt", "flood"):
        (home / name).mkdir()
    sync = sync_cost(home / "disk")
    return [
        sync,
        crafted_answers(),
        *failover_latency(home / "failover", rounds),
        *failover_latency2(home / "failover2", rounds, sync.median_ms),
        *added_time(home / "added", rounds),
        *added_time2(home / "added2", rounds),
        capture_time(home / "capture", rounds),
        capture_time2(home / "capture2", rounds),
        *first_screen(home / "first", max(rounds // _FEWER, 3)),
        *on_screen(home / "screen", max(rounds // 2, 3)),
        *prompt_line(home / "prompt", max(rounds // _FEWER, 3)),
        *first_word(home / "flood", max(rounds // _FEWER, 3), **_flood(rounds)),
    ]


def _flood(rounds: int) -> dict[str, int]:
    """Return how large a flood is; a few rounds are the check's, which has no time for it."""
    return {} if rounds >= _MANY else {"lines": LINES // _SMALL, "files": FILES // _SMALL}


def report(figures: list[Figure]) -> int:
    """Print the figures; return how many are over twice their aim."""
    for figure in figures:
        sys.stdout.write(f"{figure}\n")
    far_off = [figure for figure in figures if figure.is_far_off]
    for figure in far_off:
        sys.stdout.write(f"over twice its aim: {figure.name}\n")
    return len(far_off)


def main() -> int:
    """Measure as often as the command line says; exit with 1 if a figure is far off its aim."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--weeks", type=int, help="simulate strategies for so many weeks instead")
    parser.add_argument("--waits", action="store_true", help="simulate limits of seconds instead")
    given = parser.parse_args()
    if given.waits:
        sys.stdout.writelines(f"{compared_series}\n" for compared_series in compared())
        return 0
    if given.weeks:
        sys.stdout.writelines(f"{line}\n" for line in simulate(given.weeks).lines())
        return 0
    rounds = given.rounds
    with tempfile.TemporaryDirectory() as home:
        return 1 if report(measure(Path(home), rounds)) else 0


if __name__ == "__main__":
    sys.exit(main())
