"""Lint, format, types and import directions: each tool says in its own words what is wrong."""

from __future__ import annotations

import sys

import pytest

from tests.support.bridge_tools import SOURCES, bridge_tools
from tests.support.tool import beside_python, expect_success


def test_ruff_finds_nothing_to_say() -> None:
    expect_success(sys.executable, "-m", "ruff", "check", "--output-format=concise")


def test_every_python_file_is_formatted() -> None:
    expect_success(sys.executable, "-m", "ruff", "format", "--check")


@pytest.mark.timeout(400)  # without its cache mypy reads the types of every library
def test_every_type_holds() -> None:
    expect_success(sys.executable, "-m", "mypy", seconds=380)


def test_every_type_of_the_bridge_s_modules_holds() -> None:
    tools = bridge_tools()

    types = ["--typeRoots", str(tools / "@types")]
    expect_success(str(tools / ".bin" / "tsc"), "--project", str(SOURCES), *types)


def test_imports_go_the_right_way() -> None:
    expect_success(beside_python("lint-imports"))
