"""The modules that are broken: what decides, writes auth.json, keeps the store, fails over."""

from __future__ import annotations

from pathlib import Path

from tests.support.core_coverage import CORE
from tests.support.repository import ROOT

_FOLDERS = ("live", "opencode/auth", "storage")
_FILES = (
    "services/accounts.py",
    "services/failover.py",
    "services/refresh.py",
    "services/rotate.py",
    "system/files.py",
    "system/locks.py",
    "watcher/refresh_queue.py",
)


def modules() -> list[str]:
    """Return the paths of all."""
    return [*pure(), *kept()]


def kept() -> list[str]:
    """Return those that keep logins, in files and in the store, and renew and change them."""
    package = ROOT / "rotator"
    found = [path for folder in _FOLDERS for path in sorted((package / folder).rglob("*.py"))]
    found += [package / name for name in _FILES]
    return list(map(_named, filter(_has_code, found)))


def pure() -> list[str]:
    """Return those that decide: of them each change costs little, so that all are tried."""
    found = [path for pattern in CORE for path in sorted(ROOT.glob(pattern))]
    inner = [path for folder in found if folder.is_dir() for path in sorted(folder.rglob("*.py"))]
    files = [path for path in found if path.suffix == ".py"]
    return list(map(_named, filter(_has_code, [*inner, *files])))


def tests_of_pure() -> list[str]:
    """Return the folders and files with their own tests, found by the modules' paths.

    Stories of the whole program run into them as well, but take too long for each change.
    """
    tests = ROOT / "tests" / "unit"
    places = [Path(pattern).relative_to("rotator") for pattern in CORE]
    folders = [tests / place.parent for place in places if place.name == "*"]
    names = [place.stem for place in places if place.name != "*"]
    files = [path for name in names for path in sorted(tests.glob(f"test_{name}*.py"))]
    return list(map(_named, [*folders, *files]))


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _has_code(path: Path) -> bool:
    return path.name != "__init__.py"
