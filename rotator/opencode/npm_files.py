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

from rotator.atomic import publish
from rotator.opencode.install import naming
from rotator.opencode.jsonc import Broken, parse
from rotator.opencode.npm_wait import (
    LOCK_JSON,
    MODULES,
    NPMRC,
    PACKAGE,
    PACKAGE_JSON,
    is_ours,
    locked,
    package_folders,
    read_json,
    read_text,
)
from rotator.paths import Paths, private_folder

SCHEMA = 1
GITIGNORE, BUN_LOCK = ".gitignore", "bun.lock"
_INSTALLED = (MODULES, PACKAGE_JSON, LOCK_JSON, BUN_LOCK)
_WATCHED = (*_INSTALLED, GITIGNORE)
_CODE = ("plugin", "plugins", "tool", "tools")
_LISTS = ("config.json", "opencode.json", "opencode.jsonc", "tui.json", "tui.jsonc")
# npm's own, beside the packages.
_HIDDEN_LOCK, _OF_NPM = ".package-lock.json", {".package-lock.json", ".bin"}


def remember_files(paths: Paths) -> None:
    """Write down which package files there are; what was written down before stays down."""
    now = {str(folder): set(_present(folder)) for folder in package_folders(paths)}
    before = _remembered(paths)
    both = {folder: sorted(names | before.get(folder, set())) for folder, names in now.items()}
    kept = {folder: sorted(names) for folder, names in before.items()} | both
    private_folder(paths.state)
    publish(paths.opencode_files, json.dumps({"schema": SCHEMA, "folders": kept}).encode())


def remove_files(paths: Paths, *, dry_run: bool = False) -> list[str]:
    """Take away what is there because of us; return a sentence for each folder.

    Raises UsageError.
    """
    remembered = _remembered(paths)
    folders = dict.fromkeys((*package_folders(paths), *map(Path, remembered)))
    said = [
        f"{', '.join(path.name for path in gone)} in {folder} "
        f"{'would be removed' if dry_run else 'went with it'}"
        for folder in folders
        if (gone := list(_superfluous(folder, remembered.get(str(folder)))))
        and _removed(gone, dry_run=dry_run)
    ]
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


def _removed(gone: list[Path], *, dry_run: bool) -> bool:
    for path in () if dry_run else gone:
        with naming(path):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return True


def _superfluous(folder: Path, before: set[str] | None) -> Iterator[Path]:
    """Yield what nobody but us has needed in a folder; `before` is None where that is unknown."""
    if is_ours(folder / NPMRC):
        yield folder / NPMRC
    if before is None:
        return
    if MODULES not in before and _is_empty(folder / MODULES):
        yield folder / MODULES
    elif any(os.path.lexists(folder / name) for name in _INSTALLED):
        if before.intersection(_INSTALLED) or has_code(folder) or not _is_opencode_s(folder):
            return
        yield from (folder / name for name in _INSTALLED if os.path.lexists(folder / name))
    ignored = set((read_text(folder / GITIGNORE) or "*").split())
    if GITIGNORE not in before and not has_code(folder) and ignored <= set(_WATCHED):
        yield folder / GITIGNORE


def has_code(folder: Path) -> bool:
    """Tell whether a folder has, or names, a plug-in or a tool that may want a package."""
    for name in _CODE:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if any((folder / name).iterdir()):
                return True
    return any(_lists_plugins(folder / name) for name in _LISTS)


def _lists_plugins(path: Path) -> bool:
    if not os.path.lexists(path):
        return False
    try:
        value = parse(read_text(path) or "").value
    except Broken:
        # Who can tell?
        return True
    parts: list[Any] = [value, value.get("tui")] if isinstance(value, dict) else []
    return any(isinstance(part, dict) and part.get("plugin") for part in parts)


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
            yield from (f"{path.name}/{one.name}" for one in path.iterdir())
        elif path.name not in _OF_NPM:
            yield path.name


def _installed_by_npm(modules: Path) -> set[str]:
    packages = read_json(modules / _HIDDEN_LOCK).get("packages")
    return {name.removeprefix(f"{MODULES}/") for name in packages or ()}
