"""Looks for folders in which opencode's start may wait long for the npm registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rotator.doctor.check_result import Check, CheckResult, note
from rotator.doctor.setup import DoctorContext
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.bridge.npm_wait import (
    SHORT_SECONDS,
    can_be_shortened,
    package_folders,
    project_folders,
    wait_seconds,
)

_ONCE = "start opencode once while the registry can be reached"
_BY_HAND = f"{_ONCE}, or set npm_config_fetch_retries=0 where opencode is started"


def look_for_registry_waits(setup: DoctorContext) -> Iterator[CheckResult]:
    """Name the folders for which opencode waits, in the user's own and in the project's."""
    if bridge_file(setup.paths).version is None:
        # Without a plug-in it does not wait.
        return
    folders = *package_folders(setup.paths), *project_folders(Path.cwd())
    mendable = long_waits(setup)
    for folder in dict.fromkeys(folders):
        seconds = wait_seconds(folder, setup.paths, setup.environ)
        if seconds < SHORT_SECONDS:
            continue
        says = (
            f"where no npm registry can be reached, opencode waits about {seconds:.0f} s at each "
            f"start until it has reached one once: it wants a package in {folder}"
        )
        to_do = (
            f"rotator doctor --fix shortens that, or {_ONCE}" if folder in mendable else _BY_HAND
        )
        yield note(Check.OPENCODE, says, to_do, mendable=folder in mendable)


def long_waits(setup: DoctorContext) -> list[Path]:
    """Return the folders of the user's in which a long wait can be made a short one."""
    if bridge_file(setup.paths).version is None:
        return []
    return [
        folder
        for folder in package_folders(setup.paths)
        if can_be_shortened(folder)
        and wait_seconds(folder, setup.paths, setup.environ) >= SHORT_SECONDS
    ]
