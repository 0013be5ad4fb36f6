"""Puts the dashboard's plugin where OpenCode 2's TUI finds it, and takes it out again.

That is a folder of plug-ins, which opencode 1 does not look into. Beside the plugin lies which
program it asks; nothing has to be entered anywhere, and no restart is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
from importlib import resources
from pathlib import Path

from rotator.opencode.bridge.install import naming, refuse_foreign
from rotator.opencode.tui.config_entry import options_of
from rotator.opencode.tui.plugin_file import TuiPlugin, plugin_version, wanted_entry
from rotator.system.files import publish
from rotator.system.paths import Paths, make_folder
from rotator.system.regular_files import head

SOURCE = "rotator-tui2.js"
_FOLDER, _PLUGIN, _OPTIONS = Path("plugins", "opencode-rotator"), "tui.js", "options.json"
_LARGEST = 1024 * 1024


def second_source() -> bytes:
    """Return the plugin as this version ships it."""
    return (resources.files("rotator.opencode") / "bridge" / SOURCE).read_bytes()


def second_plugin(paths: Paths) -> TuiPlugin:
    """Return what is in place."""
    path = paths.opencode_config / _FOLDER / _PLUGIN
    options, content = path.with_name(_OPTIONS), head(path, _LARGEST)
    is_whole = content == second_source() and head(options, _LARGEST) == _wanted_options()
    return TuiPlugin(
        path,
        options,
        exists=os.path.lexists(path),
        version=None if content is None else plugin_version(content),
        entered=content is not None,
        current=is_whole,
    )


def install_second(paths: Paths, *, dry_run: bool = False) -> str:
    """Install or update the plugin; return what was done.

    Raises UsageError if a file of somebody else's is in the way; then nothing is touched.
    """
    plugin = second_plugin(paths)
    refuse_foreign(plugin.path, exists=plugin.exists, version=plugin.version)
    if plugin.current:
        return f"the dashboard is in place already for OpenCode 2: {plugin.path}"
    if dry_run:
        return f"{plugin.path} would be put in place for OpenCode 2"
    with naming(plugin.path):
        make_folder(plugin.path.parent)
        # OpenCode loads the plugin as soon as it is there.
        publish(plugin.config, _wanted_options(), durable=True)
        publish(plugin.path, second_source(), durable=True)
    return f"{plugin.path} is in place for OpenCode 2"


def uninstall_second(paths: Paths, *, dry_run: bool = False) -> str:
    """Take the plugin out, and its folders if nothing else is in them; return what was done."""
    plugin = second_plugin(paths)
    if not plugin.exists:
        return f"{plugin.path} is not there"
    refuse_foreign(plugin.path, exists=plugin.exists, version=plugin.version)
    if dry_run:
        return f"{plugin.path} would be removed"
    with naming(plugin.path):
        plugin.path.unlink(missing_ok=True)
        plugin.config.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in (plugin.path.parent, plugin.path.parent.parent, paths.opencode_config):
            folder.rmdir()
    return f"{plugin.path} was removed"


def _wanted_options() -> bytes:
    return json.dumps(options_of(wanted_entry())).encode("utf-8")
