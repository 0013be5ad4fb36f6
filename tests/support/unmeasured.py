"""Runs modules of the tests in processes of their own, as many at once as there are processors.

Coverage does not measure them: its tracer makes a loop of random steps some six times as slow,
and what only such a loop reaches would be covered in one build and not in the next.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support import tool

Ended = subprocess.CompletedProcess[str]


def run_modules(commands: Sequence[Sequence[str]], *, seconds: float) -> list[Ended]:
    """Run `python -m` with each of `commands`; return in their order how they ended."""

    def run(words: Sequence[str]) -> Ended:
        # The order in sets of texts is chance, too, unless it is given.
        return tool.run(sys.executable, "-m", *words, seconds=seconds, PYTHONHASHSEED="0")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, commands))


def told_by(ended: Ended) -> str:
    """Return all that it said, for the message of an assertion."""
    return f"{' '.join(ended.args[1:])} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}"
