"""`rotator balance`: failover on or off."""

from __future__ import annotations

import click

from rotator.cli.common import context_for_command, json_option, print_json
from rotator.model import Event, EventKind


@click.command()
@click.argument("to", type=click.Choice(["on", "off"]), required=False)
@json_option
def command(to: str | None, *, as_json: bool) -> None:
    """Switch failover on or off; without an argument say how it is."""
    with context_for_command() as context:
        on = context.store.state().balancing
        if to is not None and (to == "on") != on:
            on = to == "on"
            with context.store.transaction():
                context.store.set_balancing(on=on)
            why = f"balancing was switched {to}"
            context.record([Event(context.clock(), EventKind.CHANGED, why=why)])
            context.notify_changed()
    if as_json:
        print_json({"schema": 1, "balancing": on})
    else:
        click.echo(f"balancing is {'on' if on else 'off'}")
