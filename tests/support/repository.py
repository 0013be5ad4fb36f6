"""The repository's own files, for the tests that read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_MADE = {"__pycache__", "build", "dist", "node_modules"}


def files() -> Iterator[Path]:
    """Yield every file of the repository but what tools made (git is not asked)."""
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            hidden = path.name.startswith(".") and path.name != ".ci"
            if path.is_file():
                # Coverage's own data names the machine's folders, and is no file of ours.
                if not path.name.startswith(".coverage"):
                    yield path
            elif not hidden and path.name not in _MADE and path.suffix != ".egg-info":
                folders.append(path)


def python_files(*folders: str) -> list[Path]:
    """Return every Python file under the folders, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
