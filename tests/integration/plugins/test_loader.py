"""A package of somebody else's adds a provider by being installed, with no change of ours."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from rotator.plugins.loader import GROUP, Announced, announced
from tests.support.repository import ROOT
from tests.support.tool import expect_success

MODULE = """
from rotator.model import Identity

class Acme:
    ids = {ids}
    rotates_tokens = True
    def identify(self, credential):
        return Identity("acme-user")

PROVIDERS = (Acme(),)
"""
# What a child process finds, with the folder `installed` on its path.
REPORT = """
import json
import sys
from rotator.opencode.auth.entries import (parse_entry)
from rotator.plugins.registry import load_registry
from rotator.secret import Secret
registry = load_registry()
login = parse_entry("acme", Secret('{"type":"api","key":"KEY-CANARY-a"}'))
print(json.dumps({
    "before": [registry.problems, "importlib.metadata" in sys.modules],
    "known": registry.identify("acme", login).key,
    "problems": registry.problems,
    "rotates": registry.rotates_tokens("acme"),
    "openai": type(registry.providers["openai"]).__module__,
}))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return an empty folder of installed packages."""
    folder = tmp_path / "installed"
    folder.mkdir()
    return folder


def install(folder: Path, name: str, module: str, announced: str) -> None:
    """Put a package into `folder` as an installer does, with what it announces."""
    (folder / f"{name}.py").write_text(module)
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(announced)


def report(folder: Path) -> dict[str, object]:
    """Return what a process finds that has `folder` on its path."""
    path = os.pathsep.join([str(ROOT), str(folder)])
    output = expect_success(sys.executable, "-c", REPORT, PYTHONPATH=path)
    found: dict[str, object] = json.loads(output)
    return found


def test_a_package_that_is_installed_adds_a_provider(installed: Path) -> None:
    install(installed, "acme_rotator", MODULE.format(ids=("acme",)), f"[{GROUP}]\nx=acme_rotator")

    found = report(installed)

    assert (found["known"], found["rotates"], found["problems"]) == ("acme-user", True, [])


def test_nothing_is_looked_for_before_a_provider_is_asked_for(installed: Path) -> None:
    install(installed, "broken", "raise RuntimeError('oops')", f"[{GROUP}]\nbad = broken:PROVIDERS")

    assert report(installed)["before"] == [[], False]


def test_a_broken_package_costs_one_line(installed: Path) -> None:
    install(installed, "acme_rotator", MODULE.format(ids=("acme",)), f"[{GROUP}]\nx=acme_rotator")
    install(installed, "broken", "raise RuntimeError('oops')", f"[{GROUP}]\nbad = broken:PROVIDERS")

    found = report(installed)

    assert found["known"] == "acme-user"
    assert found["problems"] == [
        "the provider module bad of the package broken-1.0 was not loaded: oops"
    ]


def test_a_package_does_not_take_the_place_of_a_module_of_ours(installed: Path) -> None:
    taking = MODULE.format(ids=("openai", "acme"))
    install(installed, "taking", taking, f"[{GROUP}]\nx = taking:PROVIDERS")

    found = report(installed)

    assert (found["known"], found["openai"]) == ("acme-user", "providers.openai.provider")
    assert found["problems"] == [
        "the provider module x of the package taking-1.0 is not used for openai"
    ]


def test_an_announcement_is_read_as_it_is_written(installed: Path) -> None:
    text = (
        "# a comment\n[console_scripts]\nmain = acme.cli:main\n\n"
        f"[{GROUP}]\na = acme.one\n# x = y\n b=acme.two : ALL [extra]\n[other]\nc = d\n"
    )
    install(installed, "acme", "", text)
    install(installed, "zeta", "", "[console_scripts]\nmain = zeta:main\n")
    (installed / "silent-2.dist-info").mkdir()

    found = announced(GROUP, [str(installed), str(installed / "missing")])

    assert found == [
        Announced("a", "acme.one", "PROVIDERS", "acme-1.0"),
        Announced("b", "acme.two", "ALL", "acme-1.0"),
    ]


def test_an_announcement_that_cannot_be_read_costs_itself(installed: Path) -> None:
    install(installed, "acme", "", f"[{GROUP}]\nnonsense\nx = acme\n")
    install(installed, "beta", "", f"[{GROUP}]\nx = beta\n")

    found = announced(GROUP, [str(installed)])

    assert [point.module for point in found] == ["beta"]


def test_of_two_packages_of_one_name_the_first_on_the_path_counts(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        install(folder, "acme", "", f"[{GROUP}]\nx = {folder.name}")

    found = announced(GROUP, map(str, folders))

    assert [point.module for point in found] == ["one"]


def test_a_short_command_loads_no_provider_module(tmp_path: Path) -> None:
    names = tmp_path / "loaded"

    expect_success(sys.executable, "-m", "tests.support.loaded", str(names), "status")

    loaded = set(names.read_text().splitlines())
    assert ("rotator" in loaded, "providers" in loaded) == (True, False)
