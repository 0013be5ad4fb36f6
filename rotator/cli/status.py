"""`rotator status`: watcher, bridge, opencodes present, balancing, one line a provider."""

from __future__ import annotations

from typing import Any

import click

from rotator.cli.bridge import bridge_json
from rotator.cli.common import books_for_command, json_option, print_json, print_table, state_words
from rotator.overview import Overview, look_around

NOT_RUNNING = 5


@click.command()
@click.option("--check", is_flag=True, help="Exit with 5 when no watcher runs.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, check: bool, as_json: bool) -> None:
    """Show watcher, bridge, running opencodes, balancing and each provider's live account."""
    with books_for_command() as books:
        overview = look_around(books)
    if as_json:
        print_json(status_json(overview))
    else:
        _print(overview)
    if check and overview.watcher_pid is None:
        ctx.exit(NOT_RUNNING)


def status_json(overview: Overview) -> dict[str, Any]:
    """Return the contract of `status --json`."""
    return {
        "schema": 1,
        "watcher": {"running": overview.watcher_pid is not None, "pid": overview.watcher_pid},
        "balancing": overview.state.balancing,
        "auth_file": str(overview.auth_file),
        "bridge": bridge_json(overview.bridge),
        "opencodes": [
            {"pid": o.pid, "kind": o.kind, "bridge": o.bridge} for o in overview.opencodes
        ],
        "providers": [
            {"id": p.id, "active": p.active, "accounts": p.accounts, "ready": p.ready}
            for p in overview.providers
        ],
        "problems": list(overview.problems),
    }


def _print(overview: Overview) -> None:
    pid = overview.watcher_pid
    watcher = (
        f"running (pid {pid})" if pid is not None else "not running: start it with rotator watch"
    )
    bridge = overview.bridge.version
    rows = [
        ["watcher", watcher],
        ["bridge", f"{bridge} installed" if bridge else "not installed: rotator bridge install"],
        ["balancing", "on" if overview.state.balancing else "off"],
        ["auth.json", str(overview.auth_file)],
    ]
    for one in overview.opencodes:
        has = f"bridge {one.bridge}" if one.bridge else "no bridge"
        rows.append(["opencode", f"{one.kind} (pid {one.pid}), {has}"])
    for provider in overview.providers:
        account = overview.state.active(provider.id)
        who = (
            f"{account.alias} {state_words(account, overview.now)}" if account else "no live login"
        )
        rows.append([provider.id, f"{who}; {provider.ready} of {provider.accounts} ready"])
    print_table(rows)
    for problem in overview.problems:
        click.echo(f"! {problem}")
