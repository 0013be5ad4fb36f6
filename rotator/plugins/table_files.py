"""Reads the vendors' tables of answers, the files in `providers/answers/`.

A line that cannot be read costs itself: it is logged, and a test of ours finds it.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from rotator.core.failures.error_response import snake
from rotator.core.failures.vendor_tables import Table, TableLine
from rotator.core.failures.zones import named_zone
from rotator.model import Meaning

log = logging.getLogger(__name__)
FOLDER = "answers"
_KNOWN = {
    "means",
    "code",
    "text",
    "why",
    "status",
    "scope",
    "ends",
    "waits",
    "counted",
    "seen",
    "source",
}
_SCOPES = {"", "model", "account", "provider"}
_ENDS = {"", "day", "week", "month"}


def read_tables(package: str) -> tuple[Table, ...]:
    """Return the tables among a package's files."""
    folder = resources.files(package) / FOLDER
    files = [f for f in folder.iterdir() if f.name.endswith(".toml")] if folder.is_dir() else []
    tables = []
    for file in sorted(files, key=lambda path: path.name):
        try:
            tables.append(
                _table(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")))
            )
        except (ValueError, KeyError, TypeError, OSError) as exc:
            log.warning("a table of answers is not read: %s: %s", file.name, exc)
    return tuple(tables)


def _table(name: str, content: Mapping[str, Any]) -> Table:
    zone = content.get("zone")
    return Table(
        name,
        tuple(content.get("ids", ())),
        tuple(content.get("hosts", ())),
        named_zone(zone) if zone else None,
        tuple(_lines(name, content.get("lines", ()))),
    )


def _lines(name: str, lines: list[Mapping[str, Any]]) -> Iterator[TableLine]:
    for n, line in enumerate(lines, 1):
        try:
            yield as_line(line)
        except (ValueError, KeyError, TypeError) as exc:
            log.warning("line %d of the answers of %s is not read: %s", n, name, exc)


def as_line(line: Mapping[str, Any]) -> TableLine:
    """Return one line of a table; raises ValueError for what it cannot mean."""
    code, text = line.get("code", ""), line.get("text", "")
    odd = sorted(line.keys() - _KNOWN)
    scope, ends = line.get("scope", ""), line.get("ends", "")
    if odd or not (code or text) or scope not in _SCOPES or ends not in _ENDS:
        raise ValueError(f"not understood: {', '.join(odd) or line}")
    status = line.get("status", [])
    return TableLine(
        Meaning(line["means"]),
        "*" * code.startswith("*") + snake(code) + "*" * code.endswith("*"),
        " ".join(text.lower().split()),
        line.get("why", ""),
        frozenset([status] if isinstance(status, int) else status),
        scope,
        ends,
        line.get("waits", True),
        line.get("counted", True),
    )
