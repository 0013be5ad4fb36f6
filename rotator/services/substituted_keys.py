"""Which other plug-in may have given a key of its own to a request that a bridge lost sight of.

Only a request that carried a credential from the home can blame an account. Where somebody's fetch
stands below the bridge's, and what it sent was not seen, that is not known; where nothing that the
opencode loads looks as if it would send another key, it is taken for granted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import Present
from rotator.opencode.configured_keys import foreign_sdks
from rotator.opencode.key_substitutes import find_substitutes
from rotator.opencode.plugin_files import Loaded, code_at
from rotator.services.key_givers import OpencodeInputs
from rotator.system.processes import environment
from rotator.text import sanitize


def find_substitute(exchange: Exchange, session: str | None, host: str | None = None) -> str | None:
    """Return what may have sent the session's requests to `host` with a key of its own, or None."""
    present = exchange.present()
    for presence in _serving(exchange, present, session):
        # Also a tool, which is called after the request: its file is loaded before.
        substitutes = find_substitutes([*_code(_inputs(presence))], host)
        if substitutes:
            return " with ".join(f"the {code.kind} {sanitize(code.name)}" for code in substitutes)
    return None


def _code(world: OpencodeInputs) -> Iterator[Loaded]:
    yield from world.code
    for config in world.configs:
        for sdk in foreign_sdks(config):
            # A package is made to be an SDK; a file may be anything.
            if sdk.startswith("file://"):
                yield code_at(sdk, config.folder)


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
