"""Nothing above the homes of logins knows which of them it talks to; see `model.home`.

Whoever needs a difference asks for what makes it (`HomeName.has_one_place` and the like).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.model import HomeName
from tests.support.repository import ROOT

PROGRAM = ROOT / "rotator"
# What a home is, and the verbs by which all others use it.
HOMES = ("live", "model/home.py", "opencode")
CONCRETE = (
    "rotator.live.homes",
    "rotator.live.table_home",
    "rotator.opencode.auth.home",
    "rotator.opencode.database",
)
# Who knows one by its name all the same; docs/architecture.md has the reasons.
KNOWING = {
    "doctor/databases.py",
    "model/signal.py",
    "services/status.py",
    "watcher/database_look.py",
    "watcher/switches.py",
}


def named(text: str) -> Iterator[str]:
    """Yield the concrete homes that a source names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "HomeName":
            yield from [ast.unparse(node)] if node.attr.isupper() else []
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            modules = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            yield from (name for name in modules if name.startswith(CONCRETE))
        elif isinstance(node, ast.Compare):
            told = (
                side.value
                for side in (node.left, *node.comparators)
                if isinstance(side, ast.Constant)
            )
            yield from (str(value) for value in told if value in {*HomeName})


def sources() -> Iterator[tuple[str, Path]]:
    """Yield each module above the homes."""
    for path in sorted(PROGRAM.rglob("*.py")):
        place = path.relative_to(PROGRAM).as_posix()
        if not place.startswith(HOMES):
            yield place, path


def test_nobody_above_the_homes_names_one() -> None:
    knowing = {
        place: sorted(set(named(path.read_text(encoding="utf-8")))) for place, path in sources()
    }

    assert {
        place: names for place, names in knowing.items() if names and place not in KNOWING
    } == {}
    assert [place for place in sorted(KNOWING) if not knowing.get(place)] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("if home is HomeName.DATABASE: pass", "HomeName.DATABASE"),
        ("from rotator.opencode.database.home import DatabaseHome", "rotator.opencode.database"),
        ("from rotator.opencode.auth.home import AuthFileHome", "rotator.opencode.auth.home"),
        ("from rotator.live import homes", "rotator.live.homes"),
        ("if home == 'opencode.db': pass", "opencode.db"),
    ],
)
def test_whoever_names_one_is_found(text: str, name: str) -> None:
    assert any(found.startswith(name) for found in named(text))


def test_whoever_asks_for_a_difference_names_none() -> None:
    text = "homes = [home for home in HomeName if home.has_one_place and home.value]"

    assert list(named(text)) == []
