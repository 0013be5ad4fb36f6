"""The files in which a bridge tells where tokens came from, as a test writes them."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.system.paths import Paths
from tests.support.live import NOON, Entry, Live

_NUMBERS = itertools.count(1)


def digests(entry: Entry) -> list[str]:
    """Return the digests of an answer that holds these tokens, the vendor's own texts."""
    refresh = entry["refresh"].partition("|")[0]
    return [digest_of(text) for text in (entry["access"], refresh) if text]


def seen_refresh(world: Live | Paths, before: Entry, after: Entry, **fields: Any) -> Path:
    """Let a bridge have seen that tokens were exchanged for others, now if there is a clock."""
    came_from = digest_of(before["refresh"].partition("|")[0])
    told = {"grant": "refresh", "from": came_from, "to": digests(after)}
    return write(world, told | fields)


def seen_login(world: Live | Paths, entry: Entry, **fields: Any) -> Path:
    """Let a bridge have seen that tokens came from a login."""
    return write(world, {"grant": "login", "from": None, "to": digests(entry)} | fields)


def write(world: Live | Paths, told: dict[str, Any]) -> Path:
    """Write a file as the bridge does: complete when its name appears."""
    paths, now = (world.paths, world.clock.now) if isinstance(world, Live) else (world, NOON)
    folder = paths.bridge / "descent"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    usual: dict[str, Any] = {"schema": 1, "at": to_iso(now), "ok": True}
    usual["auth_file"] = str(paths.auth_file)
    path = folder / f"{os.getpid():x}-{next(_NUMBERS):08x}.json"
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(usual | told))
    beside.rename(path)
    return path
