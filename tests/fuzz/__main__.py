"""Change the fixtures at random, many times: `python -m tests.fuzz --count 50000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rotator.system.paths import find_paths
from tests.fuzz.targets import Broke, run, targets
from tests.support.boundaries import Boundaries
from tests.support.home import places


def main() -> int:
    """Feed every boundary as often as the command line says; exit with 1 if one breaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    broken = 0
    with tempfile.TemporaryDirectory() as home:
        for target in targets(Boundaries(find_paths(places(Path(home))))):
            started = time.monotonic()
            try:
                run(target, given.count, given.seed, Path(tempfile.gettempdir()))
                found = f"{given.count} contents from {len(target.sources)} fixtures, none broke it"
            except Broke as exc:
                found, broken = f"broken by {exc}: {exc.__cause__!r:.300}", broken + 1
            sys.stdout.write(f"{target.name}: {found}, {time.monotonic() - started:.0f} s\n")
            sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
