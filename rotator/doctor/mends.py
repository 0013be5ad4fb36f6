"""Mends what can be mended without a decision of anybody's; each yields what it did."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from rotator.context import open_context
from rotator.doctor.databases import wide_database
from rotator.doctor.places import (
    auth_file_is_wide,
    leftovers,
    missing_folders,
    narrow,
    wide_files,
    wide_folders,
)
from rotator.doctor.registry_wait import long_waits
from rotator.doctor.setup import DoctorContext
from rotator.doctor.stores import needs_rebuilding
from rotator.live.late_writes import capture_late_writes
from rotator.opencode.auth.writer import left_beside
from rotator.opencode.bridge.install import bridge_file, install_bridge
from rotator.opencode.bridge.npm_files import prepare_folders
from rotator.opencode.tui.plugin_file import install_plugin, tui_plugin
from rotator.opencode.tui.second_plugin import install_second, second_plugin
from rotator.system.file_owners import remove_own
from rotator.system.files import remove_leftovers
from rotator.system.locks import folder_lock, hold_all, swap_lock
from rotator.system.paths import Paths, private_folder

_PATIENCE_SECONDS = 2.0


def make_folders(setup: DoctorContext) -> Iterator[str]:
    """Make the folders that the program would make."""
    for folder in missing_folders(setup):
        private_folder(folder)
        yield f"{folder} was made"


def narrow_modes(setup: DoctorContext) -> Iterator[str]:
    """Take the rights of others to what is ours, and to auth.json."""
    for path in (*wide_folders(setup), *wide_files(setup)):
        # A file may have gone by itself.
        with contextlib.suppress(FileNotFoundError):
            narrow(path)
            yield f"{path} is private now"
    if auth_file_is_wide(setup):
        live = Path(os.path.realpath(setup.paths.auth_file))
        narrow(live)
        yield f"{live} is private now"
    for path in wide_database(setup):
        with contextlib.suppress(FileNotFoundError):
            narrow(path)
            yield f"{path} is private now"


def clear_leftovers(setup: DoctorContext) -> Iterator[str]:
    """Remove what crashes left, each under the lock that its writers hold."""
    before = leftovers(setup)
    if not before:
        return
    paths = setup.paths
    _clear_beside_auth_file(paths)
    with swap_lock(paths.swap_lock, patience_seconds=_PATIENCE_SECONDS):
        if paths.data.is_dir():
            with folder_lock(paths.data, alone=True, patience_seconds=_PATIENCE_SECONDS):
                remove_leftovers(paths.data)
    held = hold_all([paths.backup_lock], patience_seconds=_PATIENCE_SECONDS)
    if held is not None:
        remove_leftovers(paths.backups)
        held.release()
    # The files of the exchange have no lock: what is this old has no writer any more.
    for path in leftovers(setup):
        if paths.state in path.parents:
            with contextlib.suppress(FileNotFoundError):
                remove_own(path)
    for path in before:
        if not path.exists():
            yield f"{path} was removed"


def _clear_beside_auth_file(paths: Paths) -> None:
    if left_beside(paths.auth_file):
        # It may hold a login that nobody has saved.
        with open_context(paths) as context, swap_lock(paths.swap_lock):
            capture_late_writes(context)


def rebuild_store(setup: DoctorContext) -> Iterator[str]:
    """Rebuild a store that is damaged or gone, as every command does, and tell what was lost."""
    if needs_rebuilding(setup):
        told: list[str] = []
        with open_context(setup.paths, tell=told.append):
            yield from told


def renew_bridge(setup: DoctorContext) -> Iterator[str]:
    """Replace a bridge of another version; one that was never installed stays away."""
    bridge = bridge_file(setup.paths)
    if bridge.version is not None and not bridge.current:
        _, said = install_bridge(setup.paths)
        yield said


def shorten_waits(setup: DoctorContext) -> Iterator[str]:
    """Keep opencode's start from waiting for a registry that is out of reach."""
    if long_waits(setup):
        yield from prepare_folders(setup.paths)


def renew_dashboard(setup: DoctorContext) -> Iterator[str]:
    """Bring the plugin in opencode's TUI up to date where opencode loads it."""
    plugin = tui_plugin(setup.paths)
    if plugin.version is not None and plugin.entered and not plugin.current:
        _, said = install_plugin(setup.paths)
        yield said
    second = second_plugin(setup.paths)
    if second.version is not None and not second.current:
        yield install_second(setup.paths)
