"""A test that measures time runs alone, also where several processes share the tests.

Each test holds a lock of its session for as long as it runs, and a test that is marked `alone`
holds it for itself.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.late import is_one_of_several


@pytest.fixture(scope="session")
def locks_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of the session see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if is_one_of_several(request.config) else base


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest, locks_folder: Path) -> Iterator[None]:
    """Wait until nobody is alone, or until everybody is still."""
    is_alone = request.node.get_closest_marker("alone") is not None
    with contextlib.ExitStack() as held:
        # Whoever wants to be alone keeps others from beginning while it waits for the rest.
        with _locked(locks_folder / "gate.lock", fcntl.LOCK_EX):
            kind = fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH
            held.enter_context(_locked(locks_folder / "tests.lock", kind))
        yield


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, kind)
        yield
