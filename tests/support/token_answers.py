"""What vendors answer to a refresh, as documented in fixtures/<vendor>/refresh-<case>.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from rotator.plugins.registry import load_registry
from rotator.provider import HttpAnswer, Refresher
from rotator.secret import Secret
from tests.support.repository import ROOT


@dataclass(frozen=True)
class Documented:
    """One documented answer; `expected` says what it gives, by the one key it has.

    `tokens` (access, refresh, expires_at), `dead` or `unexpected` (words of the sentence).
    """

    vendor: str
    case: str
    certainty: str
    source: str
    now: datetime
    answer: HttpAnswer
    expected: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the test."""
        return f"{self.vendor} {self.case}"


@cache
def documented_refreshes() -> tuple[Documented, ...]:
    """Return every documented answer in alphabetical order."""
    return tuple(map(_read, sorted((ROOT / "fixtures").glob("*/refresh-*.json"))))


@cache
def refreshers() -> Mapping[str, Refresher]:
    """Return the modules found that can refresh, by their ids."""
    modules: dict[str, object] = dict(load_registry().providers)
    return {name: one for name, one in modules.items() if isinstance(one, Refresher)}


def _read(path: Path) -> Documented:
    content = json.loads(path.read_text())
    text = content["text"] if "text" in content else json.dumps(content["body"])
    return Documented(
        vendor=path.parent.name,
        case=path.stem.removeprefix("refresh-"),
        certainty=content["certainty"],
        source=content["source"],
        now=datetime.fromisoformat(content["now"]),
        answer=HttpAnswer(content["status"], content["headers"], Secret(text)),
        expected=content["expected"],
    )
