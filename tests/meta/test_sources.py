"""What every file of the repository keeps to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rotator import errors
from tests.support.repository import ROOT, files, python_files

# Somebody's machine, or the place that a package happened to come from. Written so that this
# file does not name what it looks for.
PLACES = re.compile(
    rb"(?<![\w.~}])/(?:root|work|workspace|mnt|home/\w+|Users/\w+)/(?=\w)"
    rb"|registry[.]npmjs[.]org|registry[.]yarnpkg[.]com|pypi[.]org|pythonhosted[.]org"
)


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path.relative_to(ROOT)
        for path in python_files("rotator", "providers", "tests")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []


def test_psutil_is_loaded_in_one_place_and_only_when_it_is_needed() -> None:
    lines = [
        line
        for path in python_files("rotator", "providers")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(import|from) psutil\b", line)
    ]

    assert [line.startswith("    ") for line in lines] == [True]


def named_places(path: Path) -> list[str]:
    return [match.group().decode() for match in PLACES.finditer(path.read_bytes())]


def test_no_file_names_a_machine_s_folder_or_a_registry() -> None:
    named = {
        str(path.relative_to(ROOT)): found for path in files() if (found := named_places(path))
    }

    assert named == {}


def test_a_machine_s_folder_and_a_registry_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("cd '/home/" + "ada/rotator'; see https://pypi." + "org/project")

    assert len(named_places(file)) == 2


def drawn(docstring: str) -> list[tuple[int, str, int]]:
    """Return (depth, name, exit code) of each line of the tree in `docstring`."""
    lines = re.finditer(r"^    ([ │├└─]*)(\w+) +exit (\d)", docstring, re.MULTILINE)
    return [(len(m[1]) // 4, m[2], int(m[3])) for m in lines]


def real(kind: type[errors.RotatorError], depth: int = 0) -> list[tuple[int, str, int]]:
    """Return the same of the classes themselves, in the order of their definition."""
    below = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    own = (depth, kind.__name__, kind.exit_code)
    return [own, *(line for child in below for line in real(child, depth + 1))]


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    assert drawn(errors.__doc__ or "") == real(errors.RotatorError)
