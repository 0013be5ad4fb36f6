"""Lines of opencode's log that a test writes, one of them to know that those before were read."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.scenes import of_kind
from tests.support.household import Household
from tests.support.waiting import wait_until

_LINE = (
    'timestamp={at} level=ERROR run=fffa7f6d message="stream error" providerID={provider}'
    ' modelID=m1 session.id=ses_last small=false agent=build error.error="Rate limit reached"\n'
)


def run_line(run: str, at: datetime, message: str) -> str:
    """Return a line of a run's."""
    return f"timestamp={at.isoformat()} level=INFO run={run} message={message}\n"


def wait_until_worked_off(house: Household, provider: str) -> None:
    """Let a request of that provider fail in the log, and wait until something is made of it."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with house.log_file.open("a") as file:
        file.write(_LINE.format(at=at, provider=provider))

    def is_worked_off() -> bool:
        told = [*of_kind(house, "limited"), *of_kind(house, "problem")]
        return any(event["provider"] == provider for event in told)

    wait_until(is_worked_off, 20, "the last line of the log to be worked off")
