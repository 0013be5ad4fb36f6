"""Failed answers for tests: built by hand, or as providers document them in fixtures/generic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from rotator.model import Meaning, Signal, Source
from tests.support.repository import ROOT

FOLDER = ROOT / "fixtures" / "generic"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def failure(
    status: int | None,
    body: object = "",
    *,
    headers: dict[str, str] | None = None,
    error: str | None = None,
    at: datetime = NOW,
) -> Signal:
    """Return the signal of a failed request; a `body` that is no text is sent as JSON."""
    return Signal(
        id="1",
        at=at,
        provider="mock",
        source=Source.BRIDGE if status else Source.LOG,
        status=status,
        error=error,
        headers=headers or {},
        body=body if isinstance(body, str) else json.dumps(body),
    )


@dataclass(frozen=True)
class Documented:
    """One documented answer: what it says, who documents it, and what it is expected to mean."""

    name: str
    certainty: str
    source: str
    now: datetime
    status: int | None
    headers: dict[str, str]
    body: Any
    text: str
    error: str | None
    meaning: Meaning
    until: datetime | None

    def signal(self, text: str | None = None) -> Signal:
        """Return the answer as a signal, with another body text if one is given."""
        return failure(
            self.status,
            self.text if text is None else text,
            headers=self.headers,
            error=self.error,
            at=self.now,
        )


@cache
def documented() -> tuple[Documented, ...]:
    """Return every documented answer in alphabetical order."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.json")))


def _read(path: Path) -> Documented:
    content = json.loads(path.read_text())
    expected = content["expected"]
    body = content.get("body")
    return Documented(
        name=path.stem,
        certainty=content["certainty"],
        source=content["source"],
        now=datetime.fromisoformat(content["now"]),
        status=content["status"],
        headers=content["headers"],
        body=body,
        text=content.get("text", "" if body is None else json.dumps(body)),
        error=content.get("error"),
        meaning=Meaning(expected["meaning"]),
        until=None if expected["until"] is None else datetime.fromisoformat(expected["until"]),
    )
