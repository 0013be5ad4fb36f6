"""Publishes glance.json, from which the plugin in opencode's TUI draws.

What stands in it is decided in `sidebar`. It is only shown, so that nothing that the watcher
does depends on it: what goes wrong is logged.
"""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import replace

from rotator import __version__
from rotator.context import Context
from rotator.core.sidebar import sidebar_content
from rotator.errors import StoreError
from rotator.system.file_owners import remove_own
from rotator.system.files import publish
from rotator.system.paths import Paths

log = logging.getLogger(__name__)

# Of so many events the last few that are told are taken.
_MOST_EVENTS = 50


def publish_sidebar(context: Context) -> None:
    """Write down what there is to see now."""
    now, state = context.clock(), context.store.state()
    try:
        asked = context.history.all_asked()
        usage = {name: row.snapshot for name, row in asked.items() if row.snapshot is not None}
        happened = [
            (entry.number, entry.event) for entry in context.history.read(most=_MOST_EVENTS)
        ]
        value = sidebar_content(replace(state, usage=usage), happened, __version__, now)
        publish(context.paths.glance, json.dumps(value, separators=(",", ":")).encode())
    except (StoreError, OSError) as exc:
        log.warning("opencode's sidebar was told nothing: %s", exc)


def remove_sidebar(paths: Paths) -> None:
    """Take it away: from now on nobody keeps it."""
    with contextlib.suppress(OSError):
        remove_own(paths.glance)
