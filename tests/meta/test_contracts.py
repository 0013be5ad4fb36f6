"""The import contracts of pyproject.toml see what they forbid."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from tests.support.core_coverage import CORE
from tests.support.repository import ROOT
from tests.support.tool import beside_python, run

# One offence against each contract, by a word of its name.
OFFENCES = {
    "In the dashboard": ("rotator/tui/model/world.py", "import rotator.tui.app"),
    "one way": ("rotator/errors.py", "import rotator.model"),
    "pure core": ("rotator/model/__init__.py", "import time"),
    "SQLite": ("rotator/clock.py", "import sqlite3"),
    "watchdog": ("rotator/clock.py", "import watchdog.observers"),
    "click": ("rotator/clock.py", "import click"),
    "psutil": ("rotator/clock.py", "import psutil"),
    "pydantic": ("rotator/clock.py", "import pydantic"),
    "tomlkit": ("rotator/clock.py", "import tomlkit"),
    "blessed": ("rotator/clock.py", "import blessed"),
    "What the dashboard shows": ("rotator/tui/view/view.py", "import logging"),
    "httpx2": ("providers/openai/provider.py", "import httpx2"),
    "knows the contract": ("providers/__init__.py", "import rotator.clock, rotator.offence"),
    "by its name": ("rotator/offence.py", "import providers"),
}


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_every_contract_is_broken_by_the_import_that_it_forbids(tmp_path: Path) -> None:
    for package in ("rotator", "providers"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in OFFENCES.values():
        with (tmp_path / name).open("a") as file:
            file.write(f"\n{line}\n")

    ended = run(beside_python("lint-imports"), "--no-cache", cwd=tmp_path, COLUMNS="200")

    broken = re.findall(r"^(.*) BROKEN", ended.stdout, re.MULTILINE)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert sorted(broken) == sorted(contract["name"] for contract in contracts())
    assert all(any(word in name for name in broken) for word in OFFENCES)


def test_what_is_held_pure_is_what_has_to_be_covered_whole() -> None:
    pure = next(contract for contract in contracts() if "pure core" in contract["name"])
    files = [f"rotator.{name.removeprefix('rotator/')}" for name in CORE]

    assert sorted(pure["source_modules"]) == sorted(
        name.removesuffix("/*").removesuffix(".py") for name in files
    )
