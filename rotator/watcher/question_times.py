"""When vendors are asked: how much of an account is used, and whose a login is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from rotator.watcher.identity_questions import IdentityQuestions
from rotator.watcher.usage_poller import UsagePoller

# So often it is looked whether a reading of usage has served its time.
READ_EVERY = timedelta(seconds=30)


class QuestionTimes:
    """Begins readings of usage and questions for owners, each at its time."""

    def __init__(self, readings: UsagePoller, owners: IdentityQuestions, now: datetime) -> None:
        """Prepare; no owner is asked for before `ready`."""
        self._readings = readings
        self._owners = owners
        self._is_ready = False
        self._read_next_at = self._ask_next_at = now

    def ready(self, at: datetime) -> None:
        """Let owners be asked for from then on."""
        self._is_ready, self._ask_next_at = True, at

    def ask_owners_at(self, at: datetime) -> None:
        """Let owners be asked for then: there may be a new login."""
        self._ask_next_at = at

    @property
    def due_at(self) -> datetime | None:
        """When owners are asked for next, if anybody waits for that."""
        return self._ask_next_at if self._is_ready else None

    def begin(self, now: datetime, is_anybody_there: Callable[[], object]) -> bool:
        """Begin what is due; tell whether readings were. They need an opencode that runs."""
        is_time = now >= self._read_next_at
        if is_time:
            self._read_next_at = now + READ_EVERY
            if is_anybody_there():
                self._readings.begin()
        if self._is_ready and now >= self._ask_next_at:
            self._ask_next_at = now + READ_EVERY
            self._owners.begin()
        return is_time

    def follow_clock(self, now: datetime) -> None:
        """Let nothing wait for a time that was near before the clock was set back."""
        self._read_next_at = min(self._read_next_at, now + READ_EVERY)
        self._ask_next_at = min(self._ask_next_at, now + READ_EVERY)

    def close(self) -> None:
        """End the threads."""
        self._readings.close()
        self._owners.close()
