"""Which test files use one of the modules: they import it, or a helper of theirs does."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

# What draws cases by the thousand, or starts the real opencode, takes too long for one change.
FOLDERS = ("tests/unit", "tests/integration")
# Whoever runs the program itself runs all modules.
_PROGRAM = "tests.support.rotator_process"


def test_files(root: Path, modules: Collection[str]) -> list[str]:
    """Return those of `root`, quick folders first."""
    wanted = {module.removesuffix(".py").replace("/", ".") for module in modules} | {_PROGRAM}
    helpers = {
        _dotted(root, path): set(_imported(path)) for path in root.glob("tests/support/*.py")
    }
    while more := {name for name, used in helpers.items() if used & wanted} - wanted:
        wanted |= more
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("test_*.py"))]
    return [str(path.relative_to(root)) for path in found if wanted & set(_imported(path))]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _dotted(root: Path, path: Path) -> str:
    return str(path.relative_to(root).with_suffix("")).replace("/", ".")
