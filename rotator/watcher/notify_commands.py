"""The commands by which the desktop, and the user's own program, hear of events.

The desktop is told by the platform's own notifier, with arguments alone. On Linux that is
`notify-send`, on macOS `osascript` with a script that is always the same; text is never a part
of a script.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping

from rotator.core.notifications import event_json
from rotator.model import Event
from rotator.system.background import Command
from rotator.system.logs import without_secrets
from rotator.text import sanitize

TITLE = "opencode-rotator"
_LONGEST_TITLE = 80
_SCRIPT = (
    "on run argv",
    "display notification (item 3 of argv) with title (item 1 of argv) subtitle (item 2 of argv)",
    "end run",
)


def notifier(environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Return the program that tells the desktop something, or None where there is none."""
    return shutil.which(notifier_name(platform), path=environ.get("PATH", ""))


def notifier_name(platform: str = sys.platform) -> str:
    """Return how the platform's notifier is called."""
    return "osascript" if platform == "darwin" else "notify-send"


def notification(program: str, title: str, text: str, platform: str = sys.platform) -> Command:
    """Return how `program` is told to show it."""
    says = (_shown(title, _LONGEST_TITLE), _shown(text))
    if platform == "darwin":
        # The first argument that is no option ends the options; it is ours.
        script = [word for line in _SCRIPT for word in ("-e", line)]
        return Command((program, *script, TITLE, *says))
    return Command((program, f"--app-name={TITLE}", "--", *says))


def _shown(text: str, longest: int = 300) -> str:
    return sanitize(without_secrets(text), longest)


def hook_errand(command: tuple[str, ...], event: Event) -> Command:
    """Return how the user's program is told of an event: by `events --json`, without a shell."""
    return Command(command, json.dumps(event_json(event)) + "\n")
