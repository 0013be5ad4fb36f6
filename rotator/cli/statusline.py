"""`rotator statusline`: one short line for tmux, starship or a shell prompt."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from rotator.cli.common import iso, json_option, print_json
from rotator.statusline.line import asked_line
from rotator.statusline.quick_read import StatusLineData, StatusUnreadable, read_status_line


@click.command()
@click.argument("providers", metavar="[PROVIDER]...", nargs=-1)
@click.option("--tmux", "is_tmux", is_flag=True, help="Double every #, which tmux reads.")
@json_option
def command(providers: tuple[str, ...], *, is_tmux: bool, as_json: bool) -> None:
    """Print one line: each provider in use, its account, its tightest window or its state.

    Made for a prompt: it is there at once, changes nothing, looks at no auth.json, and ends with
    0 whatever happens. A store that cannot be read is `rotator ?`.
    """
    if as_json:
        print_json(_json(providers))
    else:
        click.echo(asked_line(providers, is_tmux=is_tmux))


def _json(wanted: tuple[str, ...]) -> dict[str, Any]:
    try:
        view = read_status_line(os.environ, datetime.now(UTC))
    except StatusUnreadable:
        return {"schema": 1, "readable": False, "watcher": None, "balancing": None, "providers": []}
    return {
        "schema": 1,
        "readable": True,
        "watcher": {"running": view.watched},
        "balancing": view.balancing,
        "providers": _providers(view, wanted),
    }


def _providers(view: StatusLineData, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": seat.provider,
            "active": seat.alias,
            "state": seat.state if seat.alias is not None else None,
            "until": iso(seat.until),
            "window": seat.window,
            "used": seat.used,
        }
        for seat in view.seats
        if (seat.provider in wanted if wanted else seat.alias is not None)
    ]
