"""`rotator events`: what happened and why."""

from __future__ import annotations

import click

from rotator.cli.common import context_for_reading, json_option, print_json
from rotator.core.notifications import event_json
from rotator.model import Event
from rotator.storage.history import MOST_EVENTS, Numbered
from rotator.system import interrupts
from rotator.wording import moment_to_the_second

_LOOK_SECONDS = 0.5


@click.command()
@click.option(
    "-n",
    "--last",
    "most",
    type=click.IntRange(0, MOST_EVENTS),
    default=50,
    show_default=True,
    help="How many, newest last.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on as things happen.")
@json_option
def command(most: int, *, follow: bool, as_json: bool) -> None:
    """Show what happened and why; with --json one object a line."""
    with context_for_reading() as context:
        newest = context.history.newest()
        last = _show(context.history.read(most=most), newest, as_json=as_json)
        while follow and not interrupts.output_is_lost():
            interrupts.pause(_LOOK_SECONDS)
            last = _show(context.history.read(after=last, most=MOST_EVENTS), last, as_json=as_json)


def _show(entries: list[Numbered], last: int, *, as_json: bool) -> int:
    for entry in entries:
        if as_json:
            print_json(event_json(entry.event))
        else:
            click.echo(_line(entry.event))
    return entries[-1].number if entries else last


def _line(event: Event) -> str:
    moved = (
        f" {event.from_alias} -> {event.to_alias}" if event.from_alias and event.to_alias else ""
    )
    who = event.account or event.provider or ""
    detail = f" ({event.detail})" if event.detail else ""
    at = moment_to_the_second(event.at)
    return f"{at}  {event.kind.value:<10}  {who}{moved}: {event.why}{detail}"
