"""Puts the bridge into opencode's plugin folder and takes it out again; touches nothing else."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rotator.errors import UsageError
from rotator.system.disk_errors import way_out_of
from rotator.system.file_owners import require_own_way
from rotator.system.files import publish
from rotator.system.paths import Paths, make_folder
from rotator.system.regular_files import head

NAME = "rotator.js"
_LARGEST = 1024 * 1024
_RESTART = "opencodes that run now need a restart, but an OpenCode 2 does not"
_FIRST_LINE = re.compile(rb"// opencode-rotator bridge ([0-9][0-9A-Za-z.+-]*)")


@dataclass(frozen=True, slots=True)
class BridgeFile:
    """The bridge's file in opencode's plugin folder; `version` is None when it is not ours."""

    path: Path
    exists: bool
    version: str | None
    current: bool = False


def bridge_source() -> bytes:
    """Return the bridge as this version ships it."""
    return (resources.files("rotator.opencode") / "bridge" / NAME).read_bytes()


def bridge_file(paths: Paths) -> BridgeFile:
    """Return what stands where the bridge belongs."""
    path = paths.opencode_config / "plugin" / NAME
    # A pipe in its place is not waited for, and a link that leads nowhere is no free place.
    content = head(path, _LARGEST)
    if content is None:
        return BridgeFile(path, exists=os.path.lexists(path), version=None)
    return BridgeFile(
        path, exists=True, version=version_in(content), current=content == bridge_source()
    )


def version_in(content: bytes) -> str | None:
    """Return the bridge's version from its first line, or None if the file is not a bridge."""
    match = _FIRST_LINE.match(content)
    return match[1].decode("ascii") if match else None


def install_bridge(paths: Paths, *, dry_run: bool = False) -> tuple[BridgeFile, str]:
    """Install or update the bridge; return where and the sentence that says what was done.

    Raises UsageError if a file that is not ours stands there; that file is not touched.
    """
    bridge = bridge_file(paths)
    refuse_foreign(bridge.path, exists=bridge.exists, version=bridge.version)
    if bridge.current:
        return bridge, f"{bridge.path} is in place already"
    verb = "replaced" if bridge.exists else "written"
    if dry_run:
        return bridge, f"{bridge.path} would be {verb}"
    with naming(bridge.path):
        make_folder(bridge.path.parent)
        publish(bridge.path, bridge_source(), durable=True)
    return bridge_file(paths), f"{bridge.path} was {verb}; {_RESTART}"


def uninstall_bridge(paths: Paths, *, dry_run: bool = False) -> tuple[BridgeFile, str]:
    """Take the bridge out, and opencode's folders if nothing is in them; return what was done."""
    bridge = bridge_file(paths)
    if not bridge.exists:
        return bridge, f"{bridge.path} is not there"
    refuse_foreign(bridge.path, exists=bridge.exists, version=bridge.version)
    if dry_run:
        return bridge, f"{bridge.path} would be removed"
    with naming(bridge.path):
        bridge.path.unlink()
    with contextlib.suppress(OSError):
        for folder in (bridge.path.parent, paths.opencode_config):
            folder.rmdir()
    return bridge_file(paths), f"{bridge.path} was removed"


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say of a failure of the disk which file it was; raises UsageError."""
    try:
        require_own_way(path)
        yield
    except OSError as exc:
        message = f"{path} cannot be changed: {exc.strerror}"
        to_do = way_out_of(exc, "check the rights of its folder")
        raise UsageError(message, hint=to_do) from exc


def refuse_foreign(path: Path, *, exists: bool, version: str | None) -> None:
    """Raise UsageError for a file that is there and not ours."""
    if exists and version is None:
        message = f"{path} is not a file of ours"
        raise UsageError(message, hint="move it away first; it was not touched")
