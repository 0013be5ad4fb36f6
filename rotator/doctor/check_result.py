"""What the doctor says of one thing, and which exit code follows from all of it.

Pure: nothing here looks at anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a note is worth knowing, a problem keeps something from working."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Check(StrEnum):
    """What is looked at, in the order in which it is told; the contract of `doctor --json`."""

    WATCHER = "watcher"
    SERVICE = "service"
    NOTIFICATIONS = "notifications"
    AUTH_FILE = "auth.json"
    DATABASE = "opencode.db"
    STORE = "store"
    BACKUPS = "backups"
    ACCOUNTS = "accounts"
    UNCLAIMED = "unclaimed"
    CLOCK = "clock"
    FOLDERS = "folders"
    LEFTOVERS = "leftovers"
    DISK = "disk"
    BRIDGE = "bridge"
    DASHBOARD = "dashboard"
    OPENCODE = "opencode"
    PROVIDERS = "providers"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One sentence about one thing, and what to do about it, if anything.

    `mendable` says that `rotator doctor --fix` does it.
    """

    check: Check
    level: Level
    says: str
    to_do: str | None = None
    mendable: bool = False


def ok(check: Check, says: str) -> CheckResult:
    """Say that something is as it should be."""
    return CheckResult(check, Level.OK, says)


def note(
    check: Check, says: str, to_do: str | None = None, *, mendable: bool = False
) -> CheckResult:
    """Say what is worth knowing."""
    return CheckResult(check, Level.NOTE, says, to_do, mendable)


def problem(
    check: Check, says: str, to_do: str | None = None, *, mendable: bool = False
) -> CheckResult:
    """Say what keeps something from working."""
    return CheckResult(check, Level.PROBLEM, says, to_do, mendable)


# The codes of the commands that would fail for the same reason; everything else is a matter of
# how things are set up.
_CODES = {Check.STORE: 7, Check.AUTH_FILE: 6, Check.DATABASE: 6, Check.WATCHER: 5}
_SET_UP = 2


def exit_code(results: Iterable[CheckResult]) -> int:
    """Return the code of the gravest problem, 0 where there is none; notes do not count."""
    codes = [_CODES.get(r.check, _SET_UP) for r in results if r.level is Level.PROBLEM]
    return max(codes, default=0)


def counts_by_level(results: Iterable[CheckResult]) -> dict[Level, int]:
    """Return how many remarks there are of each level."""
    levels = [result.level for result in results]
    return {level: levels.count(level) for level in Level}
