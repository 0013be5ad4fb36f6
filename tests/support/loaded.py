"""Runs the program and writes which modules the process had loaded when it ended.

For a child process: `python -m tests.support.loaded FILE ARGUMENT…`
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path


def note(file: Path) -> None:
    """Write the names of all modules that are loaded by now, a line each."""
    file.write_text("\n".join(sorted(sys.modules)))


if __name__ == "__main__":
    atexit.register(note, Path(sys.argv.pop(1)))
    from rotator.cli.main import main

    main()
