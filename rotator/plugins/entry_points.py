"""Finds what installed packages announce, without importlib.metadata.

Importing that takes longer than all else that a short command does, and a registry is opened by
every one. So the `entry_points.txt` of each package is looked for where Python would: one look
into each folder of `sys.path`, and one attempt to open a file a package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = (".dist-info", ".egg-info")
_FILE = "entry_points.txt"
_LARGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A line of a package's announcement: `module`, or `module` and what is in it."""

    name: str
    module: str
    attribute: str | None
    package: str


def entry_points(group: str, folders: Iterable[str] | None = None) -> Iterator[EntryPoint]:
    """Yield what is announced under `group` by packages in `folders` (else `sys.path`).

    Of two packages of one name the first counts, as for an import. What cannot be read is
    passed over: it is a fault of the installation that Python itself passes over as well.
    """
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path if folders is None else folders):
        for package in _packages(Path(folder)):
            name = package.stem.partition("-")[0].lower()
            if name not in seen:
                seen.add(name)
                yield from _announced(package, group)


def _packages(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found if entry.name.endswith(_SUFFIXES))
    except OSError:
        # Such as the archive of the standard library, which is not there.
        return []
    return [folder / name for name in names]


def _announced(package: Path, group: str) -> Iterator[EntryPoint]:
    try:
        with (package / _FILE).open("rb") as file:
            content = file.read(_LARGEST_BYTES)
    except OSError:
        return
    if group.encode() not in content:
        return
    section = ""
    for line in content.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[] ")
        elif section == group and "=" in text and text[0] not in "#;":
            name, _, value = text.partition("=")
            # Extras in brackets at the end mean nothing any more.
            module, _, attribute = value.partition("[")[0].partition(":")
            yield EntryPoint(name.strip(), module.strip(), attribute.strip() or None, package.stem)
