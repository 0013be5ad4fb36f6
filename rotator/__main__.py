"""Where the command `rotator` begins, and `python -m rotator`.

A prompt asks for its line every few seconds, and the dashboard's first screen has a budget: both
do without the library for command lines, which takes long to load.
"""

from __future__ import annotations

import sys

_INTERRUPTED = 130
# Everything was done, but what was to be printed could not be written.
_OUTPUT_LOST = 8


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before signals are noted, or in a line for a prompt, which changes nothing.
        code = _INTERRUPTED
    sys.exit(code)


def _run(words: list[str]) -> int:
    from rotator.system.core_dumps import forbid_core_dumps  # noqa: PLC0415  # where Ctrl-C is heard

    forbid_core_dumps()
    command, *more = words or [""]
    if command == "statusline":
        from rotator.statusline import line as statusline  # noqa: PLC0415  # see above

        if statusline.is_simple(more):
            return statusline.show(more)
    from rotator.system import interrupts  # noqa: PLC0415  # likewise

    interrupts.note_signals()
    interrupts.let_output_be_left()
    code = _dashboard(more) if command == "dashboard" else None
    if code is None:
        from rotator.cli.main import run  # noqa: PLC0415  # see above

        code = run(words)
        if command == "watch":
            # It listens for signals itself, and one that comes at its end changes nothing.
            return code
    if interrupts.output_is_lost():
        code = code or _OUTPUT_LOST
    number = interrupts.pending_signal()
    # What was under way has come to its end; whoever asked for ours hears of it.
    return code if number is None or code else interrupts.exit_code(number)


def _dashboard(words: list[str]) -> int | None:
    """Show the dashboard, or return None where its words are for the command line."""
    from rotator.system import interrupts  # noqa: PLC0415  # see above
    from rotator.tui import entry  # noqa: PLC0415  # likewise

    if not entry.is_simple(words):
        return None
    try:
        return entry.open_dashboard(may_suspend=entry.NO_SUSPEND not in words)
    except interrupts.Interrupted as exc:
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001  # told as all are
        from rotator.cli.main import tell  # noqa: PLC0415  # see above

        return tell(exc)


if __name__ == "__main__":
    main()
