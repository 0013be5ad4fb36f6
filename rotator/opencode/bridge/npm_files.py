"""What opencode has installed for plug-ins, taken away with the last of them, which was ours.

What was there before the bridge is written down when that is installed, and stays. So does
everything where that is not known, where another plug-in or tool is, and where the files hold
more than the one package that opencode installs unasked.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rotator.opencode.bridge.install import NAME as BRIDGE
from rotator.opencode.bridge.install import naming
from rotator.opencode.bridge.npm_wait import (
    LOCK_JSON,
    MODULES,
    NPMRC,
    PACKAGE,
    PACKAGE_JSON,
    can_be_shortened,
    is_ours,
    locked,
    package_folders,
    read_json,
    read_text,
    shorten_wait,
)
from rotator.opencode.jsonc import JsoncError, parse
from rotator.opencode.tui.plugin_file import NAME as DASHBOARD
from rotator.system.files import publish
from rotator.system.paths import Paths, private_folder

SCHEMA = 1
GITIGNORE, BUN_LOCK = ".gitignore", "bun.lock"
_INSTALLED = (MODULES, PACKAGE_JSON, LOCK_JSON, BUN_LOCK)
_WATCHED = (*_INSTALLED, GITIGNORE)
_CODE = ("plugin", "plugins", "tool", "tools")
_LISTS = ("config.json", "opencode.json", "opencode.jsonc", "tui.json", "tui.jsonc")
# npm's own, beside the packages.
_HIDDEN_LOCK, _OF_NPM = ".package-lock.json", {".package-lock.json", ".bin"}


def prepare_folders(paths: Paths, *, dry_run: bool = False) -> list[str]:
    """Keep opencode's start short; write down first what there was, where that is not known.

    Return a sentence for each folder in which something was done. Raises UsageError and
    StoreError.
    """
    folders = package_folders(paths)
    if dry_run:
        return [f"{path / NPMRC} would be written" for path in folders if can_be_shortened(path)]
    known = _remembered(paths)
    new = {str(path): set(_present(path)) for path in folders if str(path) not in known}
    if new:
        kept = {folder: sorted(names) for folder, names in (known | new).items()}
        private_folder(paths.state)
        with naming(paths.opencode_files):
            publish(paths.opencode_files, json.dumps({"schema": SCHEMA, "folders": kept}).encode())
    return [said for folder in folders if (said := shorten_wait(folder)) is not None]


def remove_files(paths: Paths, *, dry_run: bool = False) -> list[str]:
    """Take away what is there because of us; return a sentence for each folder.

    Raises UsageError.
    """
    remembered = _remembered(paths)
    done = "would be removed" if dry_run else "went with it"
    said = []
    for folder in dict.fromkeys((*package_folders(paths), *map(Path, remembered))):
        gone = list(_superfluous(folder, remembered.get(str(folder))))
        for path in () if dry_run else gone:
            _remove(path)
        if gone:
            said.append(f"{', '.join(path.name for path in gone)} in {folder} {done}")
    if not dry_run:
        with naming(paths.opencode_files):
            paths.opencode_files.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            paths.opencode_config.rmdir()
    return said


def _present(folder: Path) -> Iterator[str]:
    return (name for name in _WATCHED if os.path.lexists(folder / name))


def _remembered(paths: Paths) -> dict[str, set[str]]:
    """Return the names that were in each folder, of the folders of which it is known."""
    value = read_json(paths.opencode_files)
    folders = value.get("folders") if value.get("schema") == SCHEMA else None
    if not isinstance(folders, dict):
        return {}
    return {
        folder: {name for name in names if isinstance(name, str)}
        for folder, names in folders.items()
        if isinstance(names, list)
    }


def _remove(path: Path) -> None:
    with naming(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _superfluous(folder: Path, before: set[str] | None) -> Iterator[Path]:
    """Yield what nobody but us has needed in a folder; `before` is None where that is unknown."""
    if is_ours(folder / NPMRC):
        yield folder / NPMRC
    if before is None:
        return
    try:
        yield from _came(folder, before)
    except OSError:
        # What cannot be looked into is not removed.
        return


def _came(folder: Path, before: set[str]) -> list[Path]:
    """Return what opencode has made in a folder since, or an empty list where it is needed."""
    came = [folder / name for name in _INSTALLED if name not in before]
    came = [path for path in came if os.path.lexists(path)]
    ours = [path for path in came if path.name == MODULES and _is_empty(path)]
    others = [path for path in came if path not in ours]
    is_mixed = bool(others) and bool(before.intersection(_INSTALLED) or ours)
    if is_mixed or _has_code(folder) or (others and not _is_opencode_s(folder)):
        return ours
    ignored = set((read_text(folder / GITIGNORE) or "*").split())
    if GITIGNORE not in before and ignored <= set(_WATCHED):
        came.append(folder / GITIGNORE)
    return came


def _has_code(folder: Path) -> bool:
    """Tell whether a folder has, or names, a plug-in or a tool that is not ours."""
    for name in _CODE:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if any(path.name != BRIDGE for path in (folder / name).iterdir()):
                return True
    return any(_lists_plugins(folder / name) for name in _LISTS)


def _lists_plugins(path: Path) -> bool:
    if not os.path.lexists(path):
        return False
    try:
        value = parse(read_text(path) or "").value
    except JsoncError:
        # Who can tell?
        return True
    parts: list[Any] = [value, value.get("tui")] if isinstance(value, dict) else []
    lists = [part.get("plugin") for part in parts if isinstance(part, dict)]
    return any(
        plugins and not (isinstance(plugins, list) and all(map(_is_ours, plugins)))
        for plugins in lists
    )


def _is_ours(entry: object) -> bool:
    return (entry[0] if isinstance(entry, list) and entry else entry) == f"./{DASHBOARD}"


def _is_empty(folder: Path) -> bool:
    return not folder.is_symlink() and folder.is_dir() and not any(folder.iterdir())


def _is_opencode_s(folder: Path) -> bool:
    """Tell whether the installed files hold what opencode installs unasked, and nothing more."""
    modules, package = folder / MODULES, read_json(folder / PACKAGE_JSON)
    if any((folder / name).is_symlink() for name in _INSTALLED) or not modules.is_dir():
        return False
    asked = package.get("dependencies")
    return (
        set(package) == {"dependencies"}
        and isinstance(asked, dict)
        and set(asked) == {PACKAGE}
        and locked(read_json(folder / LOCK_JSON)) == {PACKAGE}
        and not os.path.lexists(folder / BUN_LOCK)
        and set(_packages_in(modules)) <= _installed_by_npm(modules)
    )


def _packages_in(modules: Path) -> Iterator[str]:
    for path in modules.iterdir():
        if path.name.startswith("@") and path.is_dir():
            yield from (f"{path.name}/{package.name}" for package in path.iterdir())
        elif path.name not in _OF_NPM:
            yield path.name


def _installed_by_npm(modules: Path) -> set[str]:
    packages = read_json(modules / _HIDDEN_LOCK).get("packages")
    return {name.removeprefix(f"{MODULES}/") for name in packages or ()}
