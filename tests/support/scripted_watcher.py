"""A stand-in for the watcher beside a real opencode: it answers every signal as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rotator.secret import digest_of
from tests.support.fake_watcher import FakeWatcher

Signal = dict[str, Any]
# The verdict's name and its other fields.
Decide = Callable[[Signal], tuple[str, dict[str, Any]]]
_POLL_SECONDS = 0.005
_END_SECONDS = 5.0


class ScriptedWatcher:
    """Publishes state.json for several providers, answers signals, and remembers them."""

    def __init__(self, home: Path, secrets: Mapping[str, str]) -> None:
        self.signals: list[Signal]
        self.decide: Decide
        self._secrets = secrets
        self._exchange = FakeWatcher(home)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._answer, name="watcher")
        self.begin_anew()
        self._thread.start()

    def begin_anew(self) -> None:
        """Forget the signals, and pass whatever fails."""
        self.decide = lambda _: ("pass", {})
        self.signals = []
        self.publish()

    def publish(self, *routing: Mapping[str, str], resting: str = "", **changes: object) -> None:
        """Publish state.json, with everybody ready but `resting`."""
        providers = {}
        for provider, secret in self._secrets.items():
            digest = digest_of(secret)
            ready = provider != resting
            providers[provider] = {"active": digest, "known": [digest], "ready": ready}
        told: dict[str, Any] = {"providers": providers, "routing": list(routing)}
        self._exchange.publish([], **(told | changes))

    def reroute(self, routes: Mapping[str, str], note: str = "nobody is left") -> None:
        """From now on reroute what fails at a provider to the model that is named for it."""

        def decide(signal: Signal) -> tuple[str, dict[str, Any]]:
            name = routes.get(signal["provider"])
            if name is None:
                return "pass", {}
            provider, _, model = name.partition("/")
            return "reroute", {"to": {"provider": provider, "model": model}, "note": note}

        self.decide = decide

    def waiting(self) -> list[Path]:
        """Return the signals that nobody has answered."""
        return self._exchange.waiting()

    def close(self) -> None:
        """Answer nobody any more."""
        self._stop.set()
        self._thread.join(_END_SECONDS)

    def _answer(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            for path in self._exchange.waiting():
                # The bridge may have withdrawn it in the same moment.
                with contextlib.suppress(FileNotFoundError):
                    signal = json.loads(path.read_bytes())
                    path.unlink()
                    if "kind" in signal:
                        continue  # a note about a turn that failed, which asks for nothing
                    self.signals.append(signal)
                    verdict, fields = self.decide(signal)
                    self._exchange.answer(signal, verdict, **fields)


@contextlib.contextmanager
def scripted_watcher(home: Path, secrets: Mapping[str, str]) -> Iterator[ScriptedWatcher]:
    """Stand in for the watcher while the block runs; `secrets` are the active ones by provider."""
    watcher = ScriptedWatcher(home, secrets)
    try:
        yield watcher
    finally:
        watcher.close()
