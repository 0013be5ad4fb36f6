"""docs/providers.md: its example works as it stands, and its table is what the modules are."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from rotator.plugins.loader import GROUP
from rotator.plugins.table_files import read_tables
from rotator.plugins.vendor_tables import VendorTables
from tests.support.field_cases import as_case, registry, wrong
from tests.support.provider_table import ANSWERS, DOCUMENT, answers, table, written
from tests.support.tool import expect_success

EXAMPLE = re.compile(
    r"^<!-- example: (\S+) -->\n```\w+\n(.*?)^```\n<!-- /example -->$", re.MULTILINE | re.DOTALL
)
LONGEST_EXAMPLE = 60
LONGEST_LINE = 10
ASK = """
from rotator.opencode.auth.entries import (parse_entry)
from rotator.plugins.registry import load_registry
from rotator.secret import Secret
login = parse_entry("acme", Secret('{"type":"api","key":"made-up"}'))
registry = load_registry()
print(registry.usage_obstacle("acme", login), registry.problems)
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return a folder with the files of the example."""
    for name, content in EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_the_example_is_short_and_passes_the_suite(example: Path) -> None:
    test = str(example / "test_acme.py")

    told = expect_success(
        *(sys.executable, "-m", "pytest", "-q", "--rootdir", str(example), "-p", "no:randomly"),
        *("-o", "addopts=", "-o", "testpaths=", test),
        cwd=example,
        PYTHONPATH=str(example),
    )

    assert "1 passed" in told
    assert len((example / "acme_rotator.py").read_text().splitlines()) < LONGEST_EXAMPLE


def test_the_example_is_found_once_it_is_installed(example: Path) -> None:
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    information = example / "acme_rotator-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: acme_rotator\nVersion: 1.0\n")
    ((name, module),) = project["entry-points"][GROUP].items()
    (information / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}\n")

    told = expect_success(sys.executable, "-c", ASK, PYTHONPATH=str(example))

    assert told == "None ()\n"


def test_the_worked_line_is_short_and_makes_its_case_right(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [example / "answers" / name for name in ("acme.toml", "case.json")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    case = as_case(json.loads(files[1].read_text(encoding="utf-8")))
    package = example / "acme_answers"
    package.mkdir()
    (package / "__init__.py").touch()
    (example / "answers").rename(package / "answers")
    monkeypatch.syspath_prepend(example)

    tables = VendorTables(given=read_tables("acme_answers"))

    assert len(lines) < LONGEST_LINE
    assert wrong(case) != []
    assert wrong(case, replace(registry(), tables=tables)) == []


def test_the_table_is_what_the_modules_are() -> None:
    assert written() == table(), "run python -m tests.support.provider_table"


def test_the_table_of_answers_is_what_the_files_say() -> None:
    assert written(block=ANSWERS) == answers(), "run python -m tests.support.provider_table"
