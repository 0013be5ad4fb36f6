"""Where the command `rotator` begins, and `python -m rotator`.

A prompt asks for its line every few seconds: that one is printed without the library for command
lines, which takes longer to load than all the rest of it.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    command, *words = sys.argv[1:] or [""]
    if command == "statusline":
        from rotator.statusline import is_simple, show  # noqa: PLC0415  # see above

        if is_simple(words):
            sys.exit(show(words))
    from rotator.cli.main import main as run  # noqa: PLC0415  # see above

    run()


if __name__ == "__main__":
    main()
