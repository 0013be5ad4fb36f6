"""What is installed is what is meant to be: the packages, their types, the bridge; no tests.

Nor is what the bridge's files are made from: they are there themselves.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.bridge_tools import SOURCES
from tests.support.build_bridge import ENTRIES
from tests.support.repository import ROOT, files
from tests.support.tool import expect_success

PACKAGES = {"rotator", "providers"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names in a wheel that was built from this very tree, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    expect_success(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as built:
        return built.namelist()


def test_every_file_of_the_packages_is_in_the_wheel(wheel: list[str]) -> None:
    names = {path.relative_to(ROOT) for path in files() if SOURCES not in path.parents}

    ours = {str(name) for name in names if name.parts[0] in PACKAGES}

    assert ours >= {"rotator/py.typed", "providers/py.typed"}
    assert ours <= set(wheel)


def test_the_bridge_is_in_the_wheel_and_its_sources_are_not(wheel: list[str]) -> None:
    inside = {name for name in wheel if name.startswith("rotator/opencode/bridge/")}
    bridge = {name for name in inside if not name.endswith(".py")}

    assert bridge == {f"rotator/opencode/bridge/{name}" for name in ENTRIES}


def test_nothing_else_is_in_the_wheel(wheel: list[str]) -> None:
    top = {Path(name).parts[0] for name in wheel}

    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
