"""Reads the vendors' tables of answers, the files in `providers/answers/`, when one is needed.

A line that cannot be read costs itself: it is logged, and a test of ours finds it.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any

from rotator.core.failures.error_response import snake
from rotator.core.failures.vendor_tables import Line, Table
from rotator.core.failures.zones import named_zone
from rotator.model import Meaning

log = logging.getLogger(__name__)
FOLDER = "answers"
# The table of what several vendors say alike: asked last, of everybody.
EVERYBODY = "everybody"
_KNOWN = {"means", "code", "text", "why", "status", "scope", "ends", "waits", "seen", "source"}
_SCOPES = {"", "model", "account", "provider"}
_ENDS = {"", "day", "week", "month"}


@dataclass(frozen=True)
class VendorTables:
    """The tables of a package, read by the first question."""

    package: str = ""
    given: tuple[Table, ...] = field(default=())

    @cached_property
    def all(self) -> tuple[Table, ...]:
        """Every table."""
        return (*self.given, *(read_tables(self.package) if self.package else ()))

    def vendor_of(self, provider: str, host: str | None) -> Table | None:
        """Return the table of the vendor at an address, else of the one with that id."""
        tables = [table for table in self.all if table.name != EVERYBODY]
        at = host.lower().rstrip(".") if host else ""
        by_host = next((table for table in tables if at and table.is_at(at)), None)
        return by_host or next((table for table in tables if provider in table.ids), None)

    def of(self, provider: str, host: str | None) -> Iterator[Table]:
        """Yield the tables to ask, in this order."""
        own = self.vendor_of(provider, host)
        if own is not None:
            yield own
        yield from (table for table in self.all if table.name == EVERYBODY)


NO_TABLES = VendorTables()


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


def _lines(name: str, lines: list[Mapping[str, Any]]) -> Iterator[Line]:
    for n, line in enumerate(lines, 1):
        try:
            yield as_line(line)
        except (ValueError, KeyError, TypeError) as exc:
            log.warning("line %d of the answers of %s is not read: %s", n, name, exc)


def as_line(line: Mapping[str, Any]) -> Line:
    """Return one line of a table; raises ValueError for what it cannot mean."""
    code, text = line.get("code", ""), line.get("text", "")
    odd = sorted(line.keys() - _KNOWN)
    scope, ends = line.get("scope", ""), line.get("ends", "")
    if odd or not (code or text) or scope not in _SCOPES or ends not in _ENDS:
        raise ValueError(f"not understood: {', '.join(odd) or line}")
    status = line.get("status", [])
    return Line(
        Meaning(line["means"]),
        "*" * code.startswith("*") + snake(code) + "*" * code.endswith("*"),
        " ".join(text.lower().split()),
        line.get("why", ""),
        frozenset([status] if isinstance(status, int) else status),
        scope,
        ends,
        line.get("waits", True),
    )
