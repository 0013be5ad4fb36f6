"""Where things lie: a module's tests are found by its path, and no module is too long."""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

LONGEST = 400
MEDIAN = 120
AT_THE_ROOT = 24
# Of no module alone: stories of the whole program, and what the tests themselves are made of.
NO_MODULE_S = {"scenarios", "support"}
# The whole dashboard, and its document.
WHOLE_DASHBOARD = {"document", "every_key", "left_to_the_child", "program", "tmux"}
TESTED = [("unit", "rotator"), ("integration", "rotator"), ("tui", "rotator/tui")]


def modules() -> list[Path]:
    return sorted((ROOT / "rotator").rglob("*.py"))


def length(module: Path) -> int:
    return len(module.read_text(encoding="utf-8").splitlines())


def strays(tests: str, package: str) -> Iterator[str]:
    """Yield the test files that are named after no module in the folder that mirrors theirs."""
    folder = ROOT / "tests" / tests
    for path in sorted(folder.rglob("test_*.py")):
        place = path.parent.relative_to(folder)
        if place.parts[:1] and place.parts[0] in {*NO_MODULE_S, "providers"}:
            continue
        subject = path.stem.removeprefix("test_")
        if tests == "tui" and not place.parts and subject in WHOLE_DASHBOARD:
            continue
        names = {one.stem for one in (ROOT / package / place).glob("*.py")} | {place.name}
        if not any(subject == name or subject.startswith(f"{name}_") for name in names if name):
            yield str(path.relative_to(ROOT))


@pytest.mark.parametrize(("tests", "package"), TESTED, ids=[tests for tests, _ in TESTED])
def test_a_test_file_lies_and_is_named_as_the_module_is(tests: str, package: str) -> None:
    assert list(strays(tests, package)) == []


def test_no_module_is_so_long_that_it_has_to_be_searched() -> None:
    assert [str(one) for one in modules() if length(one) > LONGEST] == []


def test_half_of_all_modules_are_read_in_one_go() -> None:
    assert statistics.median(map(length, modules())) <= MEDIAN


def test_the_first_look_shows_no_more_names_than_can_be_kept_in_mind() -> None:
    found = [one for one in (ROOT / "rotator").iterdir() if one.suffix == ".py" or one.is_dir()]
    names = [one.name for one in found if one.name not in {"__init__.py", "__pycache__"}]

    assert len(names) <= AT_THE_ROOT


# Words that name nothing, where a noun says what it is.
NO_NAMES = {"one", "found", "it"}


def trees() -> Iterator[tuple[str, ast.AST]]:
    """Yield each module of the program and its providers, with its name."""
    for package in ("rotator", "providers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def test_no_two_classes_have_one_name() -> None:
    where = defaultdict(set)
    for module, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                where[node.name].add(module)

    assert {name: modules for name, modules in where.items() if len(modules) > 1} == {}


def names_given(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def test_a_variable_has_the_name_of_what_it_is() -> None:
    places = [
        f"{module}:{line}"
        for module, tree in trees()
        for name, line in names_given(tree)
        if name in NO_NAMES
    ]

    assert places == []
