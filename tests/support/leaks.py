"""A test ends what it started: no thread outlives its test, no child process the session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import psutil
import pytest

from tests.support import late

GRACE_SECONDS = 2.0
# So begins the name of a thread that belongs to what several tests share: its owner ends it.
LASTING = "lasting "
Found = TypeVar("Found")


def _when_empty(look: Callable[[], list[Found]]) -> list[Found]:
    """Return what `look` still finds after the grace; at once when it finds nothing."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test whose threads are still running a moment after it."""
    before = set(threading.enumerate())

    yield

    def left_running() -> list[str]:
        new = [thread.name for thread in threading.enumerate() if thread not in before]
        return [name for name in new if not name.startswith(LASTING)]

    left = _when_empty(left_running)
    if left:
        pytest.fail(f"threads that the test left running: {', '.join(sorted(left))}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Fail a session that leaves child processes behind."""
    before = set(psutil.Process().children(recursive=True))
    result = yield
    left = _when_empty(lambda: list(set(psutil.Process().children(recursive=True)) - before))
    if left:
        names = "\n".join(f"  {child.pid} {child.name()}" for child in left)
        late.fail(session, "child processes", f"still running after the last test:\n{names}")
    return result
