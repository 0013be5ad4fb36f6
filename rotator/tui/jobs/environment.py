"""What takes longer to find out than the first screen may take: psutil alone takes 30 ms."""

from __future__ import annotations

from rotator.context import Context
from rotator.services.status import read_status as overview
from rotator.tui.jobs.read_world import Environment


def look_around(context: Context) -> Environment:
    """Return what `status` would say of the bridge, of running opencodes and of problems."""
    status = overview(context)
    return Environment(
        bridge=status.bridge.version,
        bridge_current=status.bridge.current,
        opencodes=len(status.opencodes),
        unbridged=sum(
            opencode.bridge is None and opencode.auth_file is not None
            for opencode in status.opencodes
        ),
        problems=status.problems,
    )
