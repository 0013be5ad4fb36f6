"""`rotator bridge`: our two files in opencode, the bridge and the dashboard's plugin."""

from __future__ import annotations

from collections.abc import Callable

import click

from rotator.cli.common import json_option, print_json
from rotator.errors import RotatorError, UsageError
from rotator.opencode.bridge.install import (
    BridgeFile,
    bridge_file,
    install_bridge,
    uninstall_bridge,
)
from rotator.opencode.bridge.npm_files import prepare_folders, remove_files
from rotator.opencode.tui.plugin_file import TuiPlugin, install_plugin, tui_plugin, uninstall_plugin
from rotator.opencode.tui.second_plugin import install_second, second_plugin, uninstall_second
from rotator.system.paths import Paths, find_paths


@click.group()
def command() -> None:
    """Install the bridge and the dashboard into opencode, take them out, or look at them."""


@command.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def install(*, dry_run: bool, as_json: bool) -> None:
    """Put the bridge into opencode's plugin folder, and the dashboard into its tui.json."""
    paths = find_paths()
    bridge, said = install_bridge(paths, dry_run=dry_run)
    waits = _prepared(paths, dry_run=dry_run)
    # What failed requests need does not wait for what is only shown.
    plugin, more = _other_half(
        lambda: install_plugin(paths, dry_run=dry_run),
        "" if dry_run else "the bridge is in place, the dashboard inside opencode is not",
    )
    second = install_second(paths, dry_run=dry_run)
    _say(bridge, plugin, [said, more, second, *waits], as_json=as_json)


@command.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def uninstall(*, dry_run: bool, as_json: bool) -> None:
    """Take both out of opencode again."""
    paths = find_paths()
    bridge, said = uninstall_bridge(paths, dry_run=dry_run)
    second = uninstall_second(paths, dry_run=dry_run)
    plugin, more = _other_half(
        lambda: uninstall_plugin(paths, dry_run=dry_run),
        "" if dry_run else "the bridge was taken out, the dashboard inside opencode was not",
    )
    gone = remove_files(paths, dry_run=dry_run)
    _say(bridge, plugin, [said, second, more, *gone], as_json=as_json)


@command.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say which bridge and which dashboard are installed."""
    paths = find_paths()
    bridge, plugin = bridge_file(paths), tui_plugin(paths)
    words = [_bridge_words(bridge), _plugin_words(plugin)]
    second = second_plugin(paths)
    if second.exists:
        words.append(f"{_plugin_words(second)}, for OpenCode 2")
    _say(bridge, plugin, words, as_json=as_json)


@command.command(hidden=True)
def key() -> None:
    """Print the key that opens the dashboard inside opencode; the plugin there asks for it."""
    from rotator.settings.active import active_settings

    click.echo(active_settings(find_paths()).preferences.dashboard_key)


def bridge_json(bridge: BridgeFile) -> dict[str, object]:
    """Return the bridge as the contract of `status --json` has it."""
    installed = bridge.version is not None
    return {"installed": installed, "path": str(bridge.path), "version": bridge.version}


def _prepared(paths: Paths, *, dry_run: bool) -> list[str]:
    try:
        return prepare_folders(paths, dry_run=dry_run)
    except RotatorError as exc:
        # Without it everything works, and opencode may start late.
        return [exc.message]


Half = tuple[TuiPlugin, str]


def _other_half(act: Callable[[], Half], so_far: str) -> Half:
    try:
        return act()
    except UsageError as exc:
        hint = "; ".join(filter(None, (exc.hint, so_far)))
        raise UsageError(exc.message, hint=hint) from exc


def _bridge_words(bridge: BridgeFile) -> str:
    if bridge.version is None:
        if bridge.exists:
            return f"{bridge.path} is not a file of ours"
        return "the bridge is not installed"
    said = f"bridge {bridge.version} is installed as {bridge.path}"
    return said if bridge.current else f"{said}; rotator bridge install brings it up to date"


def _plugin_words(plugin: TuiPlugin) -> str:
    if plugin.version is None:
        if plugin.exists:
            return f"{plugin.path} is not a file of ours"
        return "the dashboard inside opencode is not installed"
    said = f"dashboard plugin {plugin.version} is installed as {plugin.path}"
    if not plugin.entered:
        return f"{said} and not entered in {plugin.config}; rotator bridge install enters it"
    return said if plugin.current else f"{said}; rotator bridge install brings it up to date"


def _plugin_json(plugin: TuiPlugin) -> dict[str, object]:
    return {
        "installed": plugin.version is not None and plugin.entered,
        "path": str(plugin.path),
        "version": plugin.version,
        "config": str(plugin.config),
    }


def _say(bridge: BridgeFile, plugin: TuiPlugin, said: list[str], *, as_json: bool) -> None:
    if as_json:
        both = {"bridge": bridge_json(bridge), "tui": _plugin_json(plugin)}
        print_json({"schema": 1, **both, "said": "; ".join(said)})
    else:
        click.echo("\n".join(said))
