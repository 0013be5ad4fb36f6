"""tmux: the system's own, or one from Debian's packages in the cache of the tests' tools.

Nothing is installed into the system and no rights are needed: the packages are fetched and
unpacked into a folder.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.home import OUTSIDE
from tests.support.tool_cache import cache_folder, locked

_SECONDS = 300
_FETCHING = "fetching-"


@dataclass(frozen=True, slots=True)
class Program:
    """Where it is, and where the libraries are that came with it, for its environment."""

    path: Path
    libraries: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The variables without which it does not start."""
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


@functools.cache
def tmux_program() -> Program:
    """Return the program, fetched first if there is none; fails saying what is missing."""
    return find_tmux(cache_folder(), OUTSIDE)


def find_tmux(cache: Path, environment: Mapping[str, str]) -> Program:
    """Return the system's tmux, or that below `cache`; safe to call from several processes."""
    if found := shutil.which("tmux", path=environment.get("PATH")):
        return Program(Path(found))
    target = cache / "tmux"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "tmux.lock"):
        if not target.exists():
            for left in cache.glob(f"{_FETCHING}*"):
                shutil.rmtree(left, ignore_errors=True)
            _fetch_whole(target, environment)
    folders = sorted({str(path.parent) for path in target.rglob("*.so*")})
    return Program(target / "usr" / "bin" / "tmux", os.pathsep.join(folders))


def _fetch_whole(target: Path, environment: Mapping[str, str]) -> None:
    path = environment.get("PATH")
    get, unpack = (shutil.which(name, path=path) for name in ("apt-get", "dpkg-deb"))
    if get is None or unpack is None:
        pytest.fail(
            "tmux is not installed, and there is no apt-get to fetch it with", pytrace=False
        )
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_FETCHING) as name:
        folder = Path(name)
        whole, archives = folder / "whole", folder / "archives"
        for made in (whole, archives / "partial", folder / "lists" / "partial"):
            made.mkdir(parents=True)
        apt = [get, "-qq", *_in_folder(folder)]
        _run([*apt, "update"], environment)
        words = ["install", "--yes", "--download-only", "--no-install-recommends"]
        # Also where it is installed and only not on the PATH.
        words += ["--reinstall", "tmux"]
        _run([*apt, *words], environment)
        for archive in sorted(archives.glob("*.deb")):
            _run([unpack, "-x", str(archive), str(whole)], environment)
        if not (whole / "usr" / "bin" / "tmux").exists():
            pytest.fail("apt-get fetched no tmux", pytrace=False)
        # A rename is whole or not at all.
        whole.rename(target)


def _in_folder(folder: Path) -> list[str]:
    """Return the options that keep apt-get out of the system's own folders."""
    settings = {
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        # Nobody else works in this folder.
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    ended = subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if ended.returncode != 0:
        said = f"{ended.stdout}{ended.stderr}"
        pytest.fail(f"tmux could not be fetched: {' '.join(command)}:\n{said}", pytrace=False)
