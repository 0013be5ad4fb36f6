"""`rotator bridge`: our file in opencode's plugin folder."""

from __future__ import annotations

import click

from rotator.cli.common import json_option, print_json
from rotator.opencode.install import BridgeFile, bridge_file, install_bridge, uninstall_bridge
from rotator.paths import find_paths


@click.group()
def command() -> None:
    """Install the bridge into opencode, take it out, or look at it."""


@command.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def install(*, dry_run: bool, as_json: bool) -> None:
    """Put the bridge into opencode's plugin folder."""
    found, said = install_bridge(find_paths(), dry_run=dry_run)
    _say(found, said, as_json=as_json)


@command.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def uninstall(*, dry_run: bool, as_json: bool) -> None:
    """Take the bridge out of opencode's plugin folder."""
    found, said = uninstall_bridge(find_paths(), dry_run=dry_run)
    _say(found, said, as_json=as_json)


@command.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether the bridge is installed."""
    found = bridge_file(find_paths())
    if found.version is None:
        said = (
            f"{found.path} is not a file of ours" if found.exists else "the bridge is not installed"
        )
    else:
        said = f"bridge {found.version} is installed as {found.path}"
        said += "" if found.current else "; rotator bridge install brings it up to date"
    _say(found, said, as_json=as_json)


def bridge_json(found: BridgeFile) -> dict[str, object]:
    """Return the bridge as the contract of `status --json` has it."""
    installed = found.version is not None
    return {"installed": installed, "path": str(found.path), "version": found.version}


def _say(found: BridgeFile, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"schema": 1, "bridge": bridge_json(found), "said": said})
    else:
        click.echo(said)
