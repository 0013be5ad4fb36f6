"""Feed a boundary with contents that hypothesis draws: `python -m tests.fuzz.drawn signal`.

The same seed is the same contents. One that breaks the boundary is told as it was drawn;
`--shrink` makes it as short as it gets before.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from rotator.errors import RotatorError
from rotator.system.paths import find_paths
from tests.support.boundaries import STATES, Boundaries
from tests.support.home import places
from tests.support.interrupted import memory_folder
from tests.support.live import open_live
from tests.support.odd_json import (
    ANY,
    ENTRIES,
    LOG_LINES,
    TOKEN_ANSWERS,
    auth_files,
    damaged,
    presents,
    signals,
    watcher_files,
)
from tests.support.strategies import QUIET

COUNT = 2_000
_DIGESTS = sorted(digest for state in STATES for _, digest in state.digests)
_BYTES = st.binary(max_size=60)


@dataclass(frozen=True)
class Drawn:
    """What is drawn, where it goes in, and what is fed in any case."""

    given: Mapping[str, st.SearchStrategy[Any]]
    feed: Callable[..., None]
    count: int = COUNT
    always: Sequence[Mapping[str, Any]] = ()


def _saved(boundaries: Boundaries, contents: list[bytes]) -> None:
    home = Path(tempfile.mkdtemp(dir=boundaries.paths.data.parent))
    with open_live(home) as live:
        for content in contents:
            with contextlib.suppress(RotatorError):
                live.sees(content)

            assert live.state.broken == ()


CASES = {
    "auth.json": Drawn({"content": damaged(auth_files()) | _BYTES}, Boundaries.auth_file),
    "entry": Drawn({"text": ENTRIES | ANY | st.text(max_size=30)}, Boundaries.entry),
    "signal": Drawn({"content": damaged(signals(_DIGESTS) | ANY) | _BYTES}, Boundaries.signal),
    "present": Drawn(
        {
            "content": damaged(presents("AUTH_FILE") | ANY) | _BYTES,
            "stem": st.sampled_from(["1", "-1", "True", "inf", "nan", "1099511627776", "a b"]),
        },
        Boundaries.present,
        always=[{"content": b'{"schema":1,"pid":1e400}', "stem": "inf"}],
    ),
    "watcher.json": Drawn(
        {"content": damaged(watcher_files(os.getpid()) | ANY) | _BYTES}, Boundaries.watcher_file
    ),
    "log line": Drawn({"content": damaged(LOG_LINES) | _BYTES}, Boundaries.log_line),
    "vendor answer": Drawn(
        {
            "content": damaged(TOKEN_ANSWERS) | _BYTES,
            "statuses": (st.sampled_from([200, 201, 400, 401]) | st.integers()).map(lambda n: [n]),
            "headers": st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3),
        },
        Boundaries.vendor_answer,
    ),
    # Each opens a store of its own.
    "what is saved": Drawn(
        {"contents": st.lists(damaged(auth_files()), min_size=1, max_size=3)}, _saved, count=150
    ),
}


def run(case: Drawn, home: Path, *, seed_number: int, shrink: bool = False) -> int:
    """Feed a boundary of a person who lives in `home`; return with how many contents."""
    boundaries = Boundaries(find_paths(places(home)))
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    fed = 0

    @seed(seed_number)
    @settings(QUIET, max_examples=case.count, phases=phases, suppress_health_check=slow)
    @given(**case.given)
    def feed(**drawn: Any) -> None:
        nonlocal fed
        fed += 1
        case.feed(boundaries, **drawn)

    for one in case.always:
        case.feed(boundaries, **one)
    feed()
    return fed


def main() -> int:
    """Feed what the command line says; a content that breaks it is printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.drawn", description=__doc__)
    parser.add_argument("name", choices=CASES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shrink", action="store_true", help="make a bad content shorter")
    words = parser.parse_args()
    # What is said of odd contents is not what is asked for here.
    logging.disable(logging.CRITICAL)
    with memory_folder() as home:
        fed = run(CASES[words.name], home, seed_number=words.seed, shrink=words.shrink)
    sys.stdout.write(f"{fed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
