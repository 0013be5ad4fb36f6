"""The user's own program that hears of events: JSON on its standard input, and no shell."""

from __future__ import annotations

import json

from rotator.core.notifications import event_json
from rotator.model import Event
from rotator.system.background import Errand


def hook_errand(command: tuple[str, ...], event: Event) -> Errand:
    """Return how the user's program is told of an event, as `events --json` prints it."""
    return Errand(command, json.dumps(event_json(event)) + "\n")
