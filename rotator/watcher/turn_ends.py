"""What is worked off in one turn of the watcher, of the inbox and of opencode's log.

However much has come at once: a turn is short, and between two turns everything else has its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from rotator.opencode.bridge.inbox import Inbox
from rotator.opencode.log import LoggedFailure, LogTail

# A line costs some milliseconds, and so does a failure with its answer.
LINES_A_TURN = 1
FILES_A_TURN = 5

Hear = Callable[[LoggedFailure, bool], None]


class Turns:
    """The inbox and the log, a little at a time; for one thread."""

    def __init__(
        self, inbox: Inbox, tail: LogTail, take: Callable[[Path], None], hear: Hear
    ) -> None:
        """`take` works a file off; `hear` a line, and is told if it was read with the last one."""
        self.inbox = inbox
        self._tail = tail
        self._take = take
        self._hear = hear
        self._lines: deque[LoggedFailure] = deque()
        self._is_with_last = False

    @property
    def has_more_lines(self) -> bool:
        """Whether the log has another turn now."""
        return bool(self._lines) or self._tail.behind

    def work_inbox(self) -> None:
        """Work off some of what is known to lie in the inbox."""
        for _ in range(FILES_A_TURN):
            path = self.inbox.next()
            if path is None:
                return
            self._take(path)

    def work_log(self) -> bool:
        """Work off some lines of the log; False if there are none."""
        if not self._lines:
            self._lines.extend(self._tail.read_new())
            self._is_with_last = False
        count = min(LINES_A_TURN, len(self._lines))
        for _ in range(count):
            line, with_last = self._lines.popleft(), self._is_with_last
            # A line whose work fails costs itself alone.
            self._is_with_last = True
            self._hear(line, with_last)
        return count > 0
