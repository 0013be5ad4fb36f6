"""The watcher's side of the exchange with the bridge, driven by a test step by step."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rotator.secret import digest_of
from rotator.system.files import publish
from rotator.system.processes import start_ticks
from tests.support.waiting import wait_until

_SIGNAL_SECONDS = 10.0


class LiveFile:
    """auth.json below a HOME."""

    def __init__(self, home: Path) -> None:
        self.path = home / ".local" / "share" / "opencode" / "auth.json"
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **entries: object) -> None:
        """Replace the whole content in one step."""
        publish(self.path, json.dumps(entries).encode())

    def key(self, key: str, provider: str = "mock") -> None:
        """Replace the whole content by one API key."""
        self.write(**{provider: {"type": "api", "key": key}})


def oauth(access: str, **fields: object) -> dict[str, object]:
    """Return an OAuth entry that lasts."""
    entry = {"type": "oauth", "access": access, "refresh": f"{access}-REFRESH"}
    return entry | {"expires": 4_000_000_000_000} | fields


class FakeWatcher:
    """Publishes state.json, takes signals and gives verdicts, only when told to."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ".local" / "state" / "opencode-rotator" / "bridge"
        self.auth_file = LiveFile(home).path
        self.inbox = self.folder / "inbox"
        self.outbox = self.folder / "outbox"
        for folder in (self.inbox, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)

    def publish(
        self,
        keys: Iterable[str],
        provider: str = "mock",
        *,
        limited: Mapping[str, str] = MappingProxyType({}),
        **changes: object,
    ) -> None:
        """Publish state.json: `keys` are the provider's secrets, the first one is active.

        `limited` says of some since when they are limited.
        """
        digests = [digest_of(key) for key in keys]
        told: dict[str, Any] = {"active": digests[0] if digests else None, "known": digests}
        told["ready"] = True
        told["limited"] = {digest_of(key): since for key, since in limited.items()}
        state = {
            "schema": 1,
            "version": "0.1.0",
            "watcher": running(os.getpid()),
            "auth_file": str(self.auth_file),
            "balancing": True,
            "providers": {provider: told},
            "routing": [],
        }
        publish(self.folder / "state.json", json.dumps(state | changes).encode())

    def waiting(self) -> list[Path]:
        """Return the signals that lie in the inbox."""
        return sorted(self.inbox.glob("[!.]*.json"))

    def heard_nothing(self, answer: dict[str, Any]) -> bool:
        """Tell whether a request was answered without a signal.

        One that nobody took would be gone by now, but not before 250 ms.
        """
        return not self.waiting() and answer["ms"] < 240

    def next_signal(self) -> dict[str, Any]:
        """Return the next signal, taken out of the inbox."""
        path = wait_until(self.waiting, _SIGNAL_SECONDS, "a signal", poll_seconds=0.001)[0]
        signal: dict[str, Any] = json.loads(path.read_bytes())
        assert path.stem == signal["id"]
        path.unlink()
        return signal

    def answer(self, signal: dict[str, Any], verdict: str, **fields: object) -> None:
        """Give the verdict on a signal."""
        value = {"schema": 1, "id": signal["id"], "verdict": verdict, "credential": None}
        value |= {"drop": None, "wait_ms": 0, "to": None} | fields
        publish(self.outbox / f"{signal['id']}.json", json.dumps(value).encode())

    def retry(self, signal: dict[str, Any], key: str, **fields: object) -> None:
        """Give the verdict `retry` with a secret's digest."""
        self.answer(signal, "retry", credential=digest_of(key), **fields)


def running(pid: int, **changes: object) -> dict[str, object]:
    """Return what state.json says of a watcher that is the process `pid`."""
    ticks = start_ticks(pid)
    started_at = "2026-01-01T00:00:00Z"
    return {"pid": pid, "started_at": started_at, "start_ticks": ticks} | changes
