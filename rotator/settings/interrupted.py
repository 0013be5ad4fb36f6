"""Puts right what a write of settings in place has left that came to no end."""

from __future__ import annotations

import contextlib
import os

from rotator.errors import StoreError
from rotator.opencode.auth.journal import finish_interrupted
from rotator.system.locks import hold_all
from rotator.system.paths import Paths


def finish_interrupted_settings(paths: Paths) -> None:
    """Give config.toml or tui.json its content back; whoever is writing one now is left alone."""
    if not os.path.lexists(paths.settings_journal):
        return  # nearly always
    held = None
    # Where the lock cannot be used, nothing else is kept from working.
    with contextlib.suppress(StoreError):
        held = hold_all([paths.settings_lock], patience_seconds=0)
    if held is None:
        return
    try:
        finish_interrupted(paths.settings_journal)
    finally:
        held.release()
