"""What lies in a bridge's inbox."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rotator.opencode.bridge.exchange import Exchange, is_signal


def waiting_in(exchange: Exchange) -> list[Path]:
    """Return the signals that nobody has taken yet, oldest first."""
    signals = []
    for name in filter(is_signal, exchange.names()):
        with contextlib.suppress(OSError):
            path = exchange.inbox / name
            signals.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(signals)]
