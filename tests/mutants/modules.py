"""The modules that are broken: what writes auth.json, keeps the store, refreshes, fails over."""

from __future__ import annotations

from tests.support.repository import ROOT

_FOLDERS = ("live", "opencode/auth", "storage")
_FILES = (
    "core/logins/ancestry.py",
    "core/logins/late_logins.py",
    "core/logins/ownership.py",
    "core/logins/refresh_guess.py",
    "core/logins/refresh_policy.py",
    "core/logins/row_seals.py",
    "core/logins/store_merge.py",
    "core/logins/token_lines.py",
    "core/selection/failover.py",
    "core/selection/limit_updates.py",
    "core/selection/limits.py",
    "core/selection/rests.py",
    "services/accounts.py",
    "services/failover.py",
    "services/refresh.py",
    "services/rotate.py",
    "system/files.py",
    "system/locks.py",
    "watcher/refresh_queue.py",
)


def modules() -> list[str]:
    """Return their paths."""
    package = ROOT / "rotator"
    found = [path for folder in _FOLDERS for path in sorted((package / folder).rglob("*.py"))]
    found += [package / name for name in _FILES]
    return [str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py"]
