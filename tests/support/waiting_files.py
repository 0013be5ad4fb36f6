"""Files whose tests mostly wait have a process of their own, beside those that use the machine.

Somebody keeps a lock for seconds, a line of a log is waited for: the processor has nothing to do
meanwhile. With three processes or more (`-n 3 --dist loadfile`) the last one takes these files,
and ends after them; the others take all the rest, and help it when there is nothing else.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling

# Each needs the processor for less than half of its time; longest first.
WAITING = (
    "tests/integration/scenarios/test_held_locks.py",
    "tests/e2e/test_two_places.py",
    "tests/e2e/test_log_levels.py",
    "tests/tui/test_program.py",
    "tests/integration/scenarios/test_looks_while_locked.py",
)
FEWEST_PROCESSES = 3


class WaitingApart(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Gives the files that wait to the last process, by overriding two steps of version 3.8."""

    waiter: Any = None

    def schedule(self) -> None:
        """Choose who waits, once all are there and have something to do."""
        if self.collection is None and len(self.nodes) >= FEWEST_PROCESSES:
            names = self.registered_collections[self.nodes[-1]]
            if any(self._split_scope(name) in WAITING for name in names):
                self.waiter = self.nodes[-1]
        super().schedule()

    def _waiting(self) -> list[str]:
        return [file for file in WAITING if file in self.workqueue]

    def _assign_work_unit(self, node: Any) -> None:
        waiting = self._waiting()
        wanted = waiting if node is self.waiter else (f for f in self.workqueue if f not in waiting)
        if (file := next(iter(wanted), None)) is not None:
            self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        if node is not self.waiter or self._waiting():
            super()._reschedule(node)
        elif not node.shutting_down:
            node.shutdown()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Share files out so."""
    return WaitingApart(config, log) if config.getoption("dist") == "loadfile" else None
