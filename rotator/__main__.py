"""Where the command `rotator` begins, and `python -m rotator`.

A prompt asks for its line every few seconds, and the dashboard's first screen has a budget: both
do without the library for command lines, which takes long to load.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    command, *words = sys.argv[1:] or [""]
    if command == "statusline":
        from rotator import statusline  # noqa: PLC0415  # see above

        if statusline.is_simple(words):
            sys.exit(statusline.show(words))
    if command == "dashboard":
        from rotator.tui import entry  # noqa: PLC0415  # see above

        if entry.is_simple(words):
            try:
                sys.exit(entry.open_dashboard(may_suspend=entry.NO_SUSPEND not in words))
            except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # told as all are
                from rotator.cli.main import tell  # noqa: PLC0415  # see above

                sys.exit(tell(exc))
    from rotator.cli.main import main as run  # noqa: PLC0415  # see above

    run()


if __name__ == "__main__":
    main()
