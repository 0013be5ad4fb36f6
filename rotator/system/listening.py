"""On which ports of this computer a process listens. Linux only: elsewhere nothing is found."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_LISTENS = "0A"
_INODE_FIELD = 9


def ports_of(pid: int) -> list[int]:
    """Return the TCP ports that a process listens on, in ascending order (proc_pid_net(5))."""
    folder = Path(f"/proc/{pid}")
    sockets = set(_sockets(folder / "fd"))
    ports = [port for name in ("tcp", "tcp6") for port in _ports(folder / "net" / name, sockets)]
    return sorted(set(ports))


def _sockets(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for link in folder.iterdir():
            # A file may be closed by now.
            with contextlib.suppress(OSError):
                where = os.readlink(link)  # noqa: PTH115  # no Path for each
                if where.startswith("socket:["):
                    yield where.removeprefix("socket:[").removesuffix("]")


def _ports(table: Path, sockets: set[str]) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for line in table.read_text("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            is_listening = len(fields) > _INODE_FIELD and fields[3] == _LISTENS
            if is_listening and fields[_INODE_FIELD] in sockets:
                yield int(fields[1].rpartition(":")[2], 16)
