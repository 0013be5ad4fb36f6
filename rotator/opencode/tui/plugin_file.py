"""Puts the dashboard's plugin beside opencode's tui.json and enters it there; takes both out.

What is entered is decided in `config_entry`; here are the files. A tui.json that opencode would
not read is refused and left as it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rotator.errors import UsageError
from rotator.opencode.auth.file import Whole
from rotator.opencode.auth.journal import finish_interrupted
from rotator.opencode.auth.placement import Neighbours, why_in_place
from rotator.opencode.auth.write_in_place import write_in_place
from rotator.opencode.bridge.install import naming, refuse_foreign
from rotator.opencode.jsonc import JsoncError, parse
from rotator.opencode.tui.config_entry import (
    Unfit,
    entry_in,
    new_text,
    options_of,
    with_entry,
    without_entry,
)
from rotator.system.disk_errors import way_out_of
from rotator.system.extended_attributes import keeps_attributes
from rotator.system.file_owners import whose
from rotator.system.files import publish, sync_folder, temporary_beside, write_new
from rotator.system.locks import LOOK_FOR_STOPPED, hold_all
from rotator.system.paths import FILE_MODE, Paths, make_folder
from rotator.system.regular_files import head

NAME = "rotator-tui.js"
_FIRST_LINE = re.compile(rb"// opencode-rotator dashboard plugin ([0-9][0-9A-Za-z.+-]*)")
_LARGEST = 1024 * 1024
# opencode moves these from its other settings into a new tui.json, once, if there is none.
_MOVED = ("theme", "keybinds", "tui")
_NOTHING = "{}\n"
_PATIENCE_SECONDS = 10.0
_MEND = "mend the file; it was not touched"


@dataclass(frozen=True, slots=True)
class TuiPlugin:
    """The plugin's file and its entry; `version` is None when the file is not ours.

    `entered` is whether opencode loads it, `current` whether both are as they should be.
    """

    path: Path
    config: Path
    exists: bool = False
    version: str | None = None
    entered: bool = False
    current: bool = False


def plugin_source() -> bytes:
    """Return the plugin as this version ships it."""
    return (resources.files("rotator.opencode") / "bridge" / NAME).read_bytes()


def plugin_version(content: bytes) -> str | None:
    """Return the plugin's version from its first line, or None if the file is none of ours."""
    match = _FIRST_LINE.match(content)
    return match[1].decode("ascii") if match else None


def wanted_entry() -> list[object]:
    """Return the entry that has opencode load the plugin, with the program that it asks.

    The program is named whole: inside opencode PATH may be another one. `-P` keeps Python from
    taking a folder of the user's project for this package. The key that opens the dashboard is
    not named: the plugin asks the program for it, so that a changed setting needs no new entry.
    """
    program = [sys.executable, "-P", "-m", "rotator"] if sys.executable else ["rotator"]
    return [f"./{NAME}", {"program": program}]


def tui_plugin(paths: Paths) -> TuiPlugin:
    """Return what is in place. A tui.json that cannot be read has no entry."""
    path, config = paths.opencode_config / NAME, _config_file(paths)
    content = _bytes_of(path)
    with contextlib.suppress(UsageError, JsoncError, Unfit):
        text = _read(config)
        entry = None if text is None else entry_in(text, path)
        return TuiPlugin(
            path,
            config,
            exists=os.path.lexists(path),
            version=None if content is None else plugin_version(content),
            entered=entry is not None,
            current=content == plugin_source() and _is_same(entry, wanted_entry()),
        )
    version = None if content is None else plugin_version(content)
    return TuiPlugin(path, config, exists=os.path.lexists(path), version=version)


def install_plugin(paths: Paths, *, dry_run: bool = False) -> tuple[TuiPlugin, str]:
    """Install or update the plugin and its entry; return what is in place and what was done.

    Raises UsageError if a file of somebody else's is in the way, or tui.json is broken; then
    nothing is touched.
    """
    plugin = tui_plugin(paths)
    refuse_foreign(plugin.path, exists=plugin.exists, version=plugin.version)
    before = _read(plugin.config)
    after = _changed(plugin.config, lambda: _with(before, wanted_entry(), plugin.path))
    is_there = _bytes_of(plugin.path) == plugin_source()
    if is_there and after == before:
        return plugin, f"the dashboard is in place already: {plugin.path}"
    if dry_run:
        return plugin, f"{plugin.path} would be put in place and entered in {plugin.config}"
    with naming(plugin.path):
        make_folder(plugin.path.parent)
        if not is_there:
            publish(plugin.path, plugin_source(), durable=True)
    _put(paths, plugin.config, before, after)
    said = f"{plugin.path} is in place and entered in {plugin.config}"
    return tui_plugin(paths), said


def uninstall_plugin(paths: Paths, *, dry_run: bool = False) -> tuple[TuiPlugin, str]:
    """Take the entry and the plugin out; return what is left and what was done."""
    plugin = tui_plugin(paths)
    before = _read(plugin.config)
    after = _changed(plugin.config, lambda: before and without_entry(before, plugin.path))
    if not plugin.exists and after == before:
        return plugin, f"{plugin.path} is not there"
    refuse_foreign(plugin.path, exists=plugin.exists, version=plugin.version)
    if dry_run:
        return plugin, f"{plugin.path} and its entry in {plugin.config} would be removed"
    # First the entry: opencode would complain of one that leads nowhere.
    _put(paths, plugin.config, before, after)
    with naming(plugin.path):
        plugin.path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        paths.opencode_config.rmdir()
    return tui_plugin(paths), f"{plugin.path} and its entry in {plugin.config} were removed"


# -- tui.json ------------------------------------------------------------------------------------


def _config_file(paths: Paths) -> Path:
    """Return the file to change: the one that is there, tui.json before tui.jsonc, as opencode."""
    first, second = (paths.opencode_config / name for name in ("tui.json", "tui.jsonc"))
    if os.path.lexists(first) or not (os.path.lexists(second) or _will_be_moved(paths)):
        return first
    return second


def _will_be_moved(paths: Paths) -> bool:
    """Tell whether opencode is about to make tui.json, which it does not where one is there."""
    for name in ("opencode.json", "opencode.jsonc"):
        with contextlib.suppress(UsageError, JsoncError):
            text = _read(paths.opencode_config / name)
            value = None if text is None else parse(text).value
            if isinstance(value, dict) and any(moved in value for moved in _MOVED):
                return True
    return False


def _read(path: Path) -> str | None:
    """Return the text of a file, None where there is none; raises UsageError."""
    if not os.path.lexists(path):
        return None
    try:
        # A pipe in its place is not waited for.
        if not path.is_file():
            message = f"{path} is not a file"
            raise UsageError(message, hint="move it away; it was not touched")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            message = f"{path} is larger than any settings"
            raise UsageError(message, hint=_MEND)
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        message = f"{path} is not UTF-8"
        raise UsageError(message, hint=_MEND) from exc
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}"
        raise UsageError(message, hint=way_out_of(exc, "check its rights")) from exc


def _with(before: str | None, entry: list[object], file: Path) -> str:
    if before is None:
        return new_text(entry)
    is_there = bool(before.strip()) and _is_same(entry_in(before, file), entry)
    return before if is_there else with_entry(before, entry, file)


def _is_same(entry: object, wanted: object) -> bool:
    """Tell whether two entries mean the same: a Python has several names in its folder."""
    return _placed(entry) == _placed(wanted)


def _placed(entry: object) -> object:
    match options_of(entry):
        case {"program": [str() as python, *words], **more}:
            return _name_in(entry), more | {"program": [str(Path(python).parent), *words]}
        case options:
            return _name_in(entry), options


def _changed(config: Path, change: Callable[[], str | None]) -> str | None:
    try:
        return change()
    except (JsoncError, Unfit) as exc:
        message = f"{config} is not what opencode can read: {exc}"
        raise UsageError(message, hint=_MEND) from exc


def _put(paths: Paths, config: Path, before: str | None, after: str | None) -> None:
    """Put a text in place of `before` in one step, or the file away; raises UsageError.

    A link is followed to its file, and the file keeps its mode and the marks of other programs.
    One that is mounted by itself, has another name, or marks that a new file cannot be given, is
    written in place; the first two are emptied where they would be put away.
    """
    if after == before:
        return
    target = Path(os.path.realpath(config))
    if _read(config) != before:
        raise _changed_by_others(config)
    with naming(config):
        if before is not None and why_in_place(target, Neighbours()) is not None:
            _write_in_place(paths, target, before, _NOTHING if after is None else after)
            return
        if after is None:
            target.unlink()
            return
        mode = stat.S_IMODE(target.stat().st_mode) if before is not None else FILE_MODE
        beside = temporary_beside(target)
        write_new(beside, after.encode("utf-8"), durable=True, like=whose(target))
        try:
            beside.chmod(mode)
            if before is not None and not keeps_attributes(target, beside):
                beside.unlink()
                _write_in_place(paths, target, before, after)
                return
            beside.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        sync_folder(target.parent)


def _write_in_place(paths: Paths, target: Path, before: str, after: str) -> None:
    held = hold_all([paths.settings_lock], patience_seconds=_PATIENCE_SECONDS)
    if held is None:
        message = f"another rotator has held {paths.settings_lock.name} for {_PATIENCE_SECONDS:g} s"
        raise UsageError(message, hint=LOOK_FOR_STOPPED)
    try:
        journal = paths.settings_journal
        finish_interrupted(journal)
        expected, content = Whole(before.encode("utf-8")), after.encode("utf-8")
        if not write_in_place(target, expected, content, journal, keep_mode=True):
            raise _changed_by_others(target)
    finally:
        held.release()


def _changed_by_others(config: Path) -> UsageError:
    message = f"{config} was changed by somebody else just now"
    return UsageError(message, hint="try it again")


def _name_in(entry: object) -> object:
    return entry[0] if isinstance(entry, list) and entry else entry


# -- helpers -------------------------------------------------------------------------------------


def _bytes_of(path: Path) -> bytes | None:
    return head(path, _LARGEST)
