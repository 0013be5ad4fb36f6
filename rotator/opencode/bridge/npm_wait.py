"""How long opencode's start waits for the npm registry, and how that wait is kept short.

opencode installs one package, the types of its plug-in API, into each of its folders for
settings, and with any plug-in its start waits until that is done or has failed. Where the
registry cannot be reached, npm pauses for 10 s and 60 s between three tries (measured on
1.17.0 and 1.18.33). A lock file that names the package would end the wait, too, and would keep
it from whoever imports it later: so npm's own settings beside it make the pauses short, and the
package comes as soon as there is a network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rotator.opencode.bridge.install import naming
from rotator.system.file_owners import make_private_folder
from rotator.system.files import write_new
from rotator.system.paths import Paths, make_folder

PACKAGE = "@opencode-ai/plugin"
NPMRC, MODULES = ".npmrc", "node_modules"
PACKAGE_JSON, LOCK_JSON = "package.json", "package-lock.json"
# A server that takes a connection and says nothing is left after the last of these.
SETTINGS = """\
# From `rotator bridge install`, and taken out by `rotator bridge uninstall`. opencode's start
# waits for npm in this folder: with the registry out of reach it gives up in a second, not in 70.
fetch-retries=1
fetch-retry-mintimeout=500
fetch-retry-maxtimeout=500
fetch-timeout=10000
"""
# A start is not held up by less.
SHORT_SECONDS = 5.0
_LARGEST = 4 * 1024 * 1024
_KINDS = (
    *("dependencies", "devDependencies"),
    *("peerDependencies", "optionalDependencies"),
)
# Of npm: how often it tries again, and its pauses in ms.
_USUAL = {
    "fetch-retries": 2.0,
    "fetch-retry-factor": 10.0,
    "fetch-retry-mintimeout": 10_000.0,
    "fetch-retry-maxtimeout": 60_000.0,
}
_VARIABLE = "npm_config_"
_MOST_RETRIES = 10


def package_folders(paths: Paths) -> tuple[Path, ...]:
    """Return the folders of the user's, there or not, into which opencode installs packages.

    The folder of its own installer, ~/.opencode, is one where it is there.
    """
    of_user = [paths.opencode_config, paths.config.parent / "opencode"]
    own = paths.home / ".opencode"
    if own.is_dir():
        of_user.append(own)
    return tuple(dict.fromkeys(of_user))


def project_folders(start: Path) -> Iterator[Path]:
    """Yield the folders of a project, from `start` up to the top of its repository."""
    for folder in (start, *start.parents):
        if (folder / ".opencode").is_dir():
            yield folder / ".opencode"
        if (folder / ".git").exists():
            return


def wait_seconds(folder: Path, paths: Paths, environ: Mapping[str, str]) -> float:
    """Return how long npm pauses where opencode wants to install into a folder.

    It is 0 where opencode installs nothing: all is there, or the folder may not be written.
    """
    if not _may_write(folder) or not lacks_packages(folder):
        return 0.0
    settings = _USUAL | _numbers(paths.home / NPMRC)
    if _reads_its_own(folder):
        settings |= _numbers(folder / NPMRC)
    settings |= _told(
        (name.lower().removeprefix(_VARIABLE).replace("_", "-"), value)
        for name, value in environ.items()
        if name.lower().startswith(_VARIABLE)
    )
    first, longest = settings["fetch-retry-mintimeout"], settings["fetch-retry-maxtimeout"]
    tries = int(min(max(settings["fetch-retries"], 0), _MOST_RETRIES))
    pauses = (min(first * settings["fetch-retry-factor"] ** n, longest) for n in range(tries))
    return sum(pauses) / 1000


def lacks_packages(folder: Path) -> bool:
    """Tell whether opencode is about to install into a folder, by its own rule.

    It compares names alone, of package.json with those of the lock file.
    """
    if not (folder / MODULES).exists():
        return True
    wanted = dependencies(read_json(folder / PACKAGE_JSON)) | {PACKAGE}
    return not wanted <= locked(read_json(folder / LOCK_JSON))


def can_be_shortened(folder: Path) -> bool:
    """Tell whether our settings for npm would be read in a folder, and displace nobody's."""
    is_free = not os.path.lexists(folder / NPMRC)
    return is_free and lacks_packages(folder) and (_may_write(folder) or not folder.exists())


def shorten_wait(folder: Path) -> str | None:
    """Put our settings for npm into a folder; return what was done, None where nothing was.

    Raises UsageError. A file of that name that is there stays as it is.
    """
    if not can_be_shortened(folder):
        return None
    with naming(folder / NPMRC):
        make_folder(folder)
        # Without either npm takes a folder further up for the one whose settings it reads; an
        # empty one changes nothing for opencode.
        if not _is_a_package(folder):
            make_private_folder(folder / MODULES)
        write_new(folder / NPMRC, SETTINGS.encode(), durable=False)
    return f"{folder / NPMRC} keeps opencode's start short where no npm registry is in reach"


def is_ours(path: Path) -> bool:
    """Tell whether these settings for npm are ours, untouched."""
    return read_text(path) == SETTINGS


def dependencies(package: Mapping[str, Any]) -> set[str]:
    """Return the names of all packages that a package.json, or a part of a lock file, asks for."""
    kinds = (package.get(kind) for kind in _KINDS)
    return {name for kind in kinds if isinstance(kind, dict) for name in kind}


def locked(lock: Mapping[str, Any]) -> set[str]:
    """Return the names that a lock file's own folder asks for."""
    packages = lock.get("packages")
    root = packages.get("") if isinstance(packages, dict) else None
    return dependencies(root) if isinstance(root, dict) else set()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file of JSON, an empty one where there is none that can be read."""
    try:
        value = json.loads(read_text(path) or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_text(path: Path) -> str | None:
    """Return the text of a file, None where there is none that can be read."""
    try:
        # A pipe in its place is not waited for.
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8-sig")
    except (OSError, ValueError):
        return None


def _may_write(folder: Path) -> bool:
    by_effect = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK, effective_ids=by_effect)


def _reads_its_own(folder: Path) -> bool:
    """Tell whether npm reads the settings in a folder: those of the nearest package's folder."""
    return _is_a_package(folder) or not any(_is_a_package(parent) for parent in folder.parents)


def _is_a_package(folder: Path) -> bool:
    return (folder / PACKAGE_JSON).is_file() or (folder / MODULES).is_dir()


def _numbers(npmrc: Path) -> dict[str, float]:
    lines = (line.partition("=") for line in (read_text(npmrc) or "").splitlines())
    return _told((name.strip(), value.strip()) for name, _, value in lines)


def _told(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in pairs:
        if name in _USUAL and value.isdecimal():
            numbers[name] = float(value)
    return numbers
