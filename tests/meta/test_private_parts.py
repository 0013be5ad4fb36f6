"""What is private to a library is touched in one place at most, which names the version."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT, python_files

# What each library says nothing about in its documentation, and where we need it.
TOUCHED = {
    "blessed": (
        "rotator/tui/terminal/screen.py",
        "_dec_mode_set_enabled",
        "_dec_mode_set_disabled",
    ),
    "watchdog": ("rotator/system/observers.py", "inotify_move_event_grouper"),
}
INTERNAL = {"inotify_move_event_grouper"}
ASKING = {"delattr", "getattr", "hasattr", "setattr"}
# Python's own name for it, and a value that is compared with another one of its class.
OURS = {("rotator/tui/app.py", "_exit"), ("rotator/secret.py", "_text")}


def is_own(value: ast.expr) -> bool:
    """Tell whether an attribute is looked up at the object itself or at its base."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "super"
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


def private_parts(code: str) -> Iterator[str]:
    """Yield the names of somebody else's that a module should not know."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            if is_private and not is_own(node.value):
                yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (part for part in (node.module or "").split(".") if part in INTERNAL)
            yield from (one.name for one in node.names if one.name in INTERNAL)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ASKING:
            yield from (
                str(one.value)
                for one in node.args
                if isinstance(one, ast.Constant) and re.fullmatch(r"_[a-z]\w*", str(one.value))
            )


def test_what_is_private_to_others_is_touched_where_it_is_listed_and_nowhere_else() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in python_files("rotator", "providers")
        for name in private_parts(path.read_text(encoding="utf-8"))
    }

    listed = {(place, name) for place, *names in TOUCHED.values() for name in names}
    assert found - OURS == listed


@pytest.mark.parametrize("library", TOUCHED)
def test_where_it_is_touched_the_version_is_named(library: str) -> None:
    place, *names = TOUCHED[library]
    code = (ROOT / place).read_text(encoding="utf-8")
    least = least_version(library)

    # In the docstring of the function that touches it.
    (told,) = {
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef) and set(names) & set(private_parts(ast.unparse(node)))
    }
    assert re.search(rf"\b{library} {re.escape(least)}\b", told), told


def least_version(library: str) -> str:
    """Return the least version that the project asks for: what was looked at last."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions: dict[str, str] = dict(one.split(">=") for one in project["dependencies"])
    return versions[library]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("term._mode(1)", ["_mode"]),
        ("getattr(term, '_mode')", ["_mode"]),
        ("from watchdog.observers.inotify_move_event_grouper import A", sorted(INTERNAL)),
        ("from watchdog.observers import inotify_move_event_grouper", sorted(INTERNAL)),
        ("self._mine; cls._ours; super()._theirs; a.__class__", []),
    ],
)
def test_a_private_part_is_found(code: str, names: list[str]) -> None:
    assert sorted(private_parts(code)) == names


def test_the_list_names_files_that_are_there() -> None:
    assert all(Path(ROOT / place).is_file() for place, *_ in TOUCHED.values())
