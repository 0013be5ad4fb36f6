"""esbuild, which makes the bridge's files, and TypeScript, which checks their types, from npm.

The versions stand in package.json beside the sources. Neither goes to users.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.home import OUTSIDE
from tests.support.repository import ROOT
from tests.support.tool_cache import NpmPackages, cache_folder, install_once

SOURCES = ROOT / "rotator" / "opencode" / "bridge" / "src"
_PURPOSE = "esbuild and TypeScript, which make and check the bridge"


@functools.cache
def bridge_tools() -> Path:
    """Return the folder `node_modules` of the tools, installed first if it is not there."""
    return install_tools(cache_folder(), OUTSIDE)


def install_tools(cache: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder `node_modules` below `cache`; fails naming npm without npm."""
    versions = _versions()
    digest = hashlib.sha256(json.dumps(versions).encode()).hexdigest()[:12]
    target = cache / f"bridge-tools-{digest}"
    packages = tuple(f"{name}@{version}" for name, version in versions.items())
    install_once(
        target,
        NpmPackages(packages, _PURPOSE, scripts=False),
        environment,
        is_whole=Path.is_dir,
        check=_check,
    )
    return target / "node_modules"


def node() -> str:
    """Return the node that runs the tools and the tests of the bridge's modules."""
    program = shutil.which("node", path=OUTSIDE.get("PATH"))
    if program is None:
        pytest.fail("node is not installed; it runs the bridge's tools and tests", pytrace=False)
    return program


def _versions() -> dict[str, str]:
    about = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    versions: dict[str, str] = about["devDependencies"]
    return versions


def _check(folder: Path) -> None:
    """Fail unless the very versions are there: a range would give each checkout another one."""
    for name, version in _versions().items():
        about = folder / "node_modules" / name / "package.json"
        installed = json.loads(about.read_text(encoding="utf-8"))["version"]
        if installed != version:
            pytest.fail(f"npm installed {name} {installed}, not {version}", pytrace=False)
