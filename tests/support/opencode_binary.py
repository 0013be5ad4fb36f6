"""The real opencode, from npm, installed once into a cache outside the repository.

It installs fixed versions and nothing else; how they are run is said in opencode_process.py.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.home import OUTSIDE
from tests.support.tool_cache import NpmPackages, cache_folder, install_once

OPENCODE_VERSION = "1.18.33"
# The oldest that the bridge is for.
OLDEST_VERSION = "1.17.0"
# The only one of the second generation that there is for everybody.
OPENCODE_2_VERSION = "2.0.15"
_VERSION_SECONDS = 60
_OS_NAMES = {"Darwin": "darwin", "Linux": "linux"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@functools.cache
def opencode_binary(version: str = OPENCODE_VERSION) -> Path:
    """Return the program, installed first if it is not there; fails naming npm without npm."""
    return install_opencode(cache_folder(), OUTSIDE, version)


def install_opencode(
    cache: Path, environment: Mapping[str, str], version: str = OPENCODE_VERSION
) -> Path:
    """Return the program below `cache`; whatever an interrupted install left is not taken for it.

    Safe to call from several processes at once.
    """
    target = cache / f"opencode-{version}"
    install_once(
        target,
        NpmPackages((f"{_package_of(version)}@{version}",), "the opencode that the tests run"),
        environment,
        is_whole=lambda folder: bool(_programs(folder)),
        check=lambda folder: _keep_one_program(folder, version),
    )
    return _programs(target)[0]


def _package_of(version: str) -> str:
    """Return the npm package; of OpenCode 2 there is none that chooses the processor by itself."""
    if not version.startswith("2."):
        return "opencode-ai"
    baseline = "-baseline" if _machine() == "x64" else ""
    return f"@opencode/cli-{_os_name()}-{_machine()}{baseline}"


def _os_name() -> str:
    return _OS_NAMES.get(platform.system(), "")


def _machine() -> str:
    return _MACHINES.get(platform.machine().lower(), "")


def _keep_one_program(folder: Path, version: str) -> None:
    """Leave the first program that runs here, and remove the copies for other processors."""
    found = _programs(folder)
    working = next((path for path in found if _version(path) == version), None)
    if working is None:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "no program"
        pytest.fail(f"npm installed no opencode {version} that runs here: {names}", pytrace=False)
    for path in found:
        if path != working:
            path.unlink()


def _programs(folder: Path) -> list[Path]:
    """Return the programs in the order in which they should be tried.

    The package's own name is a link to the right one, made by a script after the install, which
    npm may have been told not to run; the packages for each processor are always there.
    """
    name = f"opencode-{_os_name()}-{_machine()}"
    modules = folder / "node_modules"
    found = [modules / "opencode-ai" / "bin" / "opencode.exe"]
    found += sorted(modules.glob(f"{name}*/bin/opencode"))
    found += sorted(modules.glob(f"@opencode/cli-{_os_name()}-{_machine()}*/bin/opencode"))
    # What lies there before that script has run is a small text, not the program.
    return [path for path in found if path.is_file() and path.stat().st_size > 1_000_000]


def _version(program: Path) -> str | None:
    with tempfile.TemporaryDirectory() as home:
        try:
            ended = subprocess.run(
                [program, "--version"],
                env={"HOME": home, "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_VERSION_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    # 2.0.15 says `opencode v2.0.15`, 1.x its number alone.
    words = ended.stdout.split()
    return words[-1].removeprefix("v") if words and ended.returncode == 0 else None
