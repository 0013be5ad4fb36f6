"""What takes longer to find out than the first screen may take: psutil alone takes 30 ms."""

from __future__ import annotations

from rotator.context import Books
from rotator.services.status import look_around as overview
from rotator.tui.jobs.read_world import Around


def look_around(books: Books) -> Around:
    """Return what `status` would say of the bridge, of running opencodes and of problems."""
    found = overview(books)
    return Around(
        bridge=found.bridge.version,
        bridge_current=found.bridge.current,
        opencodes=len(found.opencodes),
        unbridged=sum(one.bridge is None and one.auth_file is not None for one in found.opencodes),
        problems=found.problems,
    )
