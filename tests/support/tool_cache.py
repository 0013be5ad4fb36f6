"""Where tools for tests are kept, outside the repository, and how npm puts fixed versions there."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.home import OUTSIDE

_INSTALL_SECONDS = 300
_INSTALLING = "installing-"


@dataclass(frozen=True, slots=True)
class NpmPackages:
    """Packages with their versions, and what they are for, as a failure without npm says it.

    Without `scripts` npm runs nothing of what it fetches.
    """

    names: tuple[str, ...]
    purpose: str
    scripts: bool = True


def cache_folder(environment: Mapping[str, str] = OUTSIDE) -> Path:
    """Return where tools for tests are kept, by default for the environment outside the tests."""
    if folder := environment.get("ROTATOR_TEST_CACHE"):
        return Path(folder)
    base = environment.get("XDG_CACHE_HOME")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(base) if base else home / ".cache") / "opencode-rotator-tests"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out while the block runs."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_once(
    target: Path,
    packages: NpmPackages,
    environment: Mapping[str, str],
    *,
    is_whole: Callable[[Path], bool],
    check: Callable[[Path], None],
) -> None:
    """Install the packages below `target` if they are not there; fails naming npm without npm.

    `check` looks at what was installed and fails if that is not what was wanted. Whatever an
    interrupted install left is not taken for one. Safe to call from several processes at once.
    """
    if is_whole(target):
        return
    cache = target.parent
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "install.lock"):
        if is_whole(target):
            return
        for left in (target, *cache.glob(f"{_INSTALLING}*")):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=_INSTALLING) as folder:
            _install(packages, Path(folder), environment)
            check(Path(folder))
            # A rename is whole or not at all: half an install never gets this name.
            whole = Path(folder) / "whole"
            whole.mkdir()
            (Path(folder) / "node_modules").rename(whole / "node_modules")
            whole.rename(target)


def _install(packages: NpmPackages, folder: Path, environment: Mapping[str, str]) -> None:
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        pytest.fail(f"npm is not installed; it brings {packages.purpose}", pytrace=False)
    options = ["--no-audit", "--no-fund", *([] if packages.scripts else ["--ignore-scripts"])]
    ended = subprocess.run(
        [npm, "install", *options, "--prefix", str(folder), *packages.names],
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
            f"`npm install {' '.join(packages.names)}` failed:\n{ended.stdout}{ended.stderr}",
            pytrace=False,
        )
