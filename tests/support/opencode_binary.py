"""The real opencode, from npm, installed once into a cache outside the repository.

It installs fixed versions and nothing else; how they are run is said in opencode_process.py.
"""

from __future__ import annotations

import fcntl
import functools
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.home import OUTSIDE

OPENCODE_VERSION = "1.18.33"
# The oldest that the bridge is for.
OLDEST_VERSION = "1.17.0"
# The only one of the second generation that there is for everybody.
OPENCODE_2_VERSION = "2.0.15"
_INSTALL_SECONDS = 300
_VERSION_SECONDS = 60
_INSTALLING = "installing-"
_OS_NAMES = {"Darwin": "darwin", "Linux": "linux"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def cache_folder(environment: Mapping[str, str] = OUTSIDE) -> Path:
    """Return where tools for tests are kept, by default for the environment outside the tests."""
    if folder := environment.get("ROTATOR_TEST_CACHE"):
        return Path(folder)
    base = environment.get("XDG_CACHE_HOME")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(base) if base else home / ".cache") / "opencode-rotator-tests"


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
    if not _programs(target):
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "install.lock"):
            if not _programs(target):
                for left in (target, *cache.glob(f"{_INSTALLING}*")):
                    shutil.rmtree(left, ignore_errors=True)
                _install_whole(target, environment, version)
    return _programs(target)[0]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out while the block runs."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install_whole(target: Path, environment: Mapping[str, str], version: str) -> None:
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        pytest.fail(
            "npm is not installed; it brings the opencode that the tests run", pytrace=False
        )
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_INSTALLING) as folder:
        package = f"{_package_of(version)}@{version}"
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", folder, package]
        ended = subprocess.run(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            pytest.fail(
                f"`npm install {package}` failed:\n{ended.stdout}{ended.stderr}", pytrace=False
            )
        _keep_one_program(Path(folder), version)
        # A rename is whole or not at all: half an install never gets this name.
        whole = Path(folder) / "whole"
        whole.mkdir()
        (Path(folder) / "node_modules").rename(whole / "node_modules")
        whole.rename(target)


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
