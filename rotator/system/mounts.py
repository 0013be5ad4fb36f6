"""What is mounted where, for this process and for others: the lines of mountinfo.

Linux alone tells; elsewhere nothing is found. See proc_pid_mountinfo(5).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_OCTAL = re.compile(rb"\\([0-7]{3})")
# What the kernel puts behind the path of a file that has lost its name.
_DELETED = "//deleted"
# A computer may run more; looking at each takes time that a request has not got.
_MOST_PROCESSES = 4000
_PAGE = 65536


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount: of which part of which device, at which path, and whether that part is gone."""

    device: str
    root: str
    at: str
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class MountedFile:
    """A file that a process of another namespace has mounted, where it can be read from here."""

    pid: int
    path: Path
    is_deleted: bool


def parse_mounts(text: bytes) -> list[Mount]:
    """Return the mounts that the lines of mountinfo tell of; what is no such line is left out."""
    mounts = []
    for line in text.splitlines():
        fields = line.split(b" ")
        if len(fields) < len(("id", "parent", "device", "root", "at", "options")):
            continue
        device, root, at = (_unescape(field) for field in fields[2:5])
        is_deleted = root.endswith(_DELETED)
        mounts.append(Mount(device, root.removesuffix(_DELETED), at, is_deleted))
    return mounts


def mounts_of(pid: int | str = "self") -> list[Mount]:
    """Return the mounts that a process sees, the lower ones first; none where nobody tells."""
    try:
        handle = os.open(PROC / str(pid) / "mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    parts = list[bytes]()
    try:
        while part := os.pread(handle, _PAGE, sum(map(len, parts))):
            parts.append(part)
    except OSError:
        return []  # it has ended meanwhile
    finally:
        os.close(handle)
    return parse_mounts(b"".join(parts))


def mount_at(path: Path, mounts: list[Mount]) -> Mount | None:
    """Return the mount whose very place is `path`, the uppermost one."""
    at = str(path)
    return next((mount for mount in reversed(mounts) if mount.at == at), None)


def origin_of(path: Path, mounts: list[Mount]) -> Mount | None:
    """Return `path` as a part of its device, which is how other processes' mounts name it."""
    text = str(path)
    # Of two on one place the later one is on top.
    around = [m for m in mounts if m.at in ("/", text) or text.startswith(f"{m.at}/")]
    if not around:
        return None
    best = max(enumerate(around), key=lambda pair: (len(pair[1].at), pair[0]))[1]
    rest = text if best.at == "/" else text.removeprefix(best.at)
    return Mount(best.device, best.root.rstrip("/") + rest, text)


def mounted_by_others(path: Path) -> list[MountedFile]:
    """Return who has the file at `path`, or one that had its name before, mounted by itself.

    Processes of our own mount namespace are passed over: what they have mounted is mounted for
    us, too.
    """
    origin = origin_of(path, mounts_of())
    if origin is None:
        return []
    files = []
    for pid in _strangers():
        for mount in mounts_of(pid):
            if (mount.device, mount.root) == (origin.device, origin.root):
                seen = PROC / str(pid) / "root" / mount.at.lstrip("/")
                files.append(MountedFile(pid, seen, mount.is_deleted))
    return files


def _strangers() -> Iterator[int]:
    """Yield the processes that may have a mount namespace of their own, one of each."""
    seen = {_namespace("self")}
    with contextlib.suppress(OSError), os.scandir(PROC) as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
        for pid in pids[:_MOST_PROCESSES]:
            namespace = _namespace(pid)
            if namespace is None or namespace not in seen:
                yield pid
            if namespace is not None:
                seen.add(namespace)


def _namespace(pid: int | str) -> str | None:
    """Return the name of a process's mount namespace; None where it is kept from us."""
    try:
        return os.readlink(f"{PROC}/{pid}/ns/mnt")  # noqa: PTH115  # no Path for each process
    except OSError:
        return None


def _unescape(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field))
