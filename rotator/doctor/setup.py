"""What the doctor looks at: one computer at one moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from rotator.system.file_owners import is_own_folder
from rotator.system.paths import Paths, find_paths


@dataclass(frozen=True)
class DoctorContext:
    """Where everything lies, the time, and the environment of whoever asks."""

    paths: Paths
    now: datetime
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str], now: datetime) -> Self:
        """Return the set-up that an environment describes."""
        return cls(find_paths(environ), now, environ)

    @property
    def our_folders(self) -> tuple[Path, ...]:
        """Every folder of ours, each behind the one that it lies in."""
        paths = self.paths
        exchange = (paths.bridge / name for name in ("inbox", "outbox", "present", "tui"))
        return (
            *(paths.data, paths.backups),
            *(paths.state, paths.refresh_locks, paths.bridge, *exchange),
        )

    def our_files(self) -> Iterator[Path]:
        """Yield the files in our folders; what cannot be listed, or is not ours, is passed over."""
        for folder in filter(is_own_folder, self.our_folders):
            yield from (path for path in listed(folder) if path.is_file() and not path.is_symlink())


def listed(folder: Path) -> list[Path]:
    """Return what lies in a folder, in alphabetical order; nothing where it cannot be listed."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def facts(path: Path) -> os.stat_result | None:
    """Return what the system says of what stands at `path`, or None."""
    try:
        return path.stat()
    except OSError:
        return None
