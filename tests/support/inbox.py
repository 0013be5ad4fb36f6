"""What lies in a bridge's inbox."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from rotator.clock import to_iso
from rotator.model import Digest, Signal
from rotator.opencode.bridge.exchange import Exchange, is_signal
from rotator.watcher.signals import SignalHandler


def waiting_in(exchange: Exchange) -> list[Path]:
    """Return the signals that nobody has taken yet, oldest first."""
    signals = []
    for name in filter(is_signal, exchange.names()):
        with contextlib.suppress(OSError):
            path = exchange.inbox / name
            signals.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(signals)]


def answered(
    exchange: Exchange,
    handler: SignalHandler,
    number: int,
    at: datetime,
    credential: Digest,
    /,
    **more: Any,
) -> dict[str, Any] | None:
    """Tell of a request of acme's in session `ses_1` as a bridge does; return the verdict on it."""
    told = {
        "schema": 1,
        "id": f"f-{number}",
        "request": f"r-{number}",
        "attempt": 1,
        "at": to_iso(at),
        "provider": "acme",
        "host": "api.acme.example",
        "model": "m1",
        "session": "ses_1",
        "credential": credential,
        "tried": [credential],
        "left": [],
        "aside": False,
        "waited": False,
        "opencode": "serve",
    }
    path = exchange.inbox / f"f-{number}.json"
    path.write_text(json.dumps(told | more))
    signal = exchange.take(path)
    assert isinstance(signal, Signal)
    handler.on_bridge_signal(signal)
    verdict = exchange.outbox / path.name
    return json.loads(verdict.read_bytes()) if verdict.exists() else None
