"""Runs the program and writes which packages the process had loaded when it ended.

For a child process: `python -m tests.support.loaded FILE ARGUMENT…`
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path


def note(file: Path) -> None:
    """Write the names of all packages that are loaded by now, a line each."""
    file.write_text("\n".join(sorted({name.partition(".")[0] for name in sys.modules})))


if __name__ == "__main__":
    atexit.register(note, Path(sys.argv.pop(1)))
    from rotator.cli.main import main

    main()
