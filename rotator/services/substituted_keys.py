"""Which other plug-in may have given a key of its own to a request that a bridge lost sight of.

Only a request that carried a credential from the home can blame an account. Where somebody's fetch
stands below the bridge's, and what it sent was not seen, that is not known; where nothing that the
opencode loads looks as if it would send another key, it is taken for granted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import Present
from rotator.opencode.key_substitutes import may_substitute
from rotator.services.key_givers import OpencodeInputs
from rotator.system.processes import environment
from rotator.text import sanitize


def find_substitute(exchange: Exchange, session: str | None) -> str | None:
    """Return what may have sent the session's requests with a key of its own, or None."""
    present = exchange.present()
    for presence in _serving(exchange, present, session):
        for code in _inputs(presence).code:
            # Also a tool, which is called after the request: its file is loaded before.
            if may_substitute(code):
                return f"the {code.kind} {sanitize(code.name)}"
    return None


def _serving(
    exchange: Exchange, present: Sequence[Present], session: str | None
) -> Sequence[Present]:
    """Return the bridges that may have sent the session's requests."""
    serving = [opencode for opencode in present if session in exchange.sessions_of([opencode])]
    # A session that is new may be in no list yet.
    return serving or present


def _inputs(presence: Present) -> OpencodeInputs:
    environ = environment(presence.pid) if presence.is_here else None
    folders = tuple(Path(name) for name in presence.directories)
    return OpencodeInputs(environ or os.environ, folders)
