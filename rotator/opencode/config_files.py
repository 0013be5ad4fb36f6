"""Where opencode's own configuration lies, for one environment and the folders it works in.

Measured on 1.18.33: all of these are read and joined, the project's from the folder of work up
to the top of its repository (without one: up to the root), and last the administrator's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotator.opencode.jsonc import JsoncError, parse
from rotator.system.paths import find_paths
from rotator.system.regular_files import head

GLOBAL_NAMES = ("config.json", "opencode.json", "opencode.jsonc")
_PROJECT_NAMES = ("opencode.json", "opencode.jsonc")
_DOT_FOLDER = ".opencode"
_CONTENT = "OPENCODE_CONFIG_CONTENT"
LARGEST_BYTES = 1024 * 1024
_MOST_LEVELS = 40
_ON = frozenset({"1", "true"})
_OF_ADMINISTRATOR = Path(
    "/Library/Application Support/opencode" if sys.platform == "darwin" else "/etc/opencode"
)


@dataclass(frozen=True, slots=True)
class Config:
    """One piece of configuration: what it says, where that stands, what its paths begin at.

    `value` is None where it could not be read.
    """

    where: str
    folder: Path
    value: Mapping[str, Any] | None = field(repr=False)


def read_configs(environ: Mapping[str, str], folders: Iterable[Path]) -> Iterator[Config]:
    """Yield what an opencode with that environment reads when it works in `folders`."""
    for path in _files(environ, folders):
        content = head(path, LARGEST_BYTES)
        if content is not None:
            yield Config(str(path), path.parent, _object(content))
        elif os.path.lexists(path):
            yield Config(str(path), path.parent, None)
    if text := environ.get(_CONTENT):
        yield Config(_CONTENT, Path("/"), _object(text.encode("utf-8", "surrogateescape")))


def config_folders(environ: Mapping[str, str], folders: Iterable[Path]) -> list[Path]:
    """Return the folders whose plug-ins are loaded, each once."""
    paths = [_of_user(environ), *_moved(environ), _home(environ) / _DOT_FOLDER]
    if not _without_projects(environ):
        paths += [level / _DOT_FOLDER for folder in folders for level in _levels(folder)]
    return list(dict.fromkeys(paths))


def _files(environ: Mapping[str, str], folders: Iterable[Path]) -> list[Path]:
    files = [_of_user(environ) / name for name in GLOBAL_NAMES]
    if named := environ.get("OPENCODE_CONFIG"):
        files.append(Path(named))
    files += project_files(environ, folders)
    dotted = config_folders(environ, folders)[1:]
    managed = environ.get("OPENCODE_TEST_MANAGED_CONFIG_DIR") or _OF_ADMINISTRATOR
    files += [folder / name for folder in (*dotted, Path(managed)) for name in _PROJECT_NAMES]
    return list(dict.fromkeys(files))


def project_files(environ: Mapping[str, str], folders: Iterable[Path]) -> list[Path]:
    """Return where a project's own configuration may lie; of no other files that are read.

    Only of these its log names none that is not there (1.18.33).
    """
    if _without_projects(environ):
        return []
    levels = [level for folder in folders for level in _levels(folder)]
    return [level / name for level in levels for name in _PROJECT_NAMES]


def _of_user(environ: Mapping[str, str]) -> Path:
    return find_paths(environ).config.parent / "opencode"


def _moved(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("OPENCODE_CONFIG_DIR")
    return [Path(named)] if named else []


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or "/")


def _without_projects(environ: Mapping[str, str]) -> bool:
    return environ.get("OPENCODE_DISABLE_PROJECT_CONFIG", "").lower() in _ON


def _levels(folder: Path) -> list[Path]:
    """Return the folder of work and those above it, up to the top of its repository."""
    levels: list[Path] = []
    for level in [folder, *folder.parents][:_MOST_LEVELS]:
        levels.append(level)
        if os.path.lexists(level / ".git"):
            break
    return levels


def _object(content: bytes) -> Mapping[str, Any] | None:
    try:
        value = parse(content.decode("utf-8-sig")).value
    except (JsoncError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
