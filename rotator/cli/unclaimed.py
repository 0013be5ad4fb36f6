"""`rotator accounts unclaimed`, `adopt` and `drop`: what nobody could take in of auth.json."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from rotator.cli.common import (
    context_for_command,
    context_for_reading,
    iso,
    json_option,
    print_json,
    print_table,
)
from rotator.errors import UsageError
from rotator.live import unclaimed
from rotator.services import adopt as adoption
from rotator.system import interrupts
from rotator.text import sanitize
from rotator.wording import counted, moment_in_full

_MANY_BYTES = 10_000


@click.command()
@json_option
def list_unclaimed(*, as_json: bool) -> None:
    """List what was kept of auth.json and stands in no account."""
    with context_for_reading() as context:
        contents = unclaimed.contents(context)
    if as_json:
        print_json({"schema": 1, "unclaimed": [unclaimed_json(content) for content in contents]})
        return
    if not contents:
        click.echo("nothing is unclaimed")
    print_unclaimed(contents)


@click.command()
@click.argument("number", type=int)
@click.option("--alias", help="The name of the one new account; else it is made from the login.")
@click.option("--drop-rest", is_flag=True, help="Delete what cannot be read of it, too.")
@json_option
def adopt(number: int, alias: str | None, *, drop_rest: bool, as_json: bool) -> None:
    """Save the logins in unclaimed content NUMBER as accounts; none is put into auth.json."""
    with context_for_command() as context:
        done = adoption.adopt(context, number, alias=alias, drop_rest=drop_rest)
    if as_json:
        print_json(
            {
                "schema": 1,
                "done": "adopted",
                "number": done.number,
                "saved": list(done.saved),
                "renewed": list(done.renewed),
                "known": list(done.known),
                "dropped": done.dropped,
            }
        )
        return
    for names, what in (
        (done.saved, "saved"),
        (done.renewed, "got its newer tokens"),
        (done.known, "has these tokens or newer ones already"),
    ):
        for name in names:
            click.echo(f"{name} {what}")
    if done.dropped:
        click.echo(f"unclaimed content {number} is gone")
    else:
        drop_it = f"rotator accounts drop {number} deletes it"
        click.echo(f"something in unclaimed content {number} cannot be read and stays; {drop_it}")


@click.command()
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def drop(number: int, *, yes: bool, as_json: bool) -> None:
    """Delete unclaimed content NUMBER for ever."""
    with context_for_command() as context:
        unclaimed.find(context, number)
    if not yes:
        if not sys.stdin.isatty():
            message = f"dropping unclaimed content {number} has to be confirmed"
            raise UsageError(message, hint="add --yes")
        question = f"Drop unclaimed content {number}? What is in it is deleted"
        with interrupts.counting_at_once():
            click.confirm(question, abort=True, err=True)
    with context_for_command() as context:
        unclaimed.drop(context, number)
    if as_json:
        print_json({"schema": 1, "done": "dropped", "number": number})
    else:
        click.echo(f"unclaimed content {number} is gone")


def unclaimed_json(content: unclaimed.Unclaimed) -> dict[str, Any]:
    """Return a content as the contract of `accounts --json` has it."""
    return {
        "number": content.number,
        "at": iso(content.at),
        "provider": content.provider,
        "why": content.why,
        "bytes": content.size,
        "logins": list(content.logins),
    }


def print_unclaimed(contents: Sequence[unclaimed.Unclaimed]) -> None:
    """Print a line for each content, and what can be done with them."""
    if not contents:
        return
    click.echo("unclaimed, kept until you adopt or drop it: rotator accounts adopt NUMBER")
    print_table([_row(content) for content in contents])


def _row(content: unclaimed.Unclaimed) -> list[str]:
    logins = counted(len(content.logins), "login") if content.logins else "no logins"
    return [
        f"  {content.number}",
        moment_in_full(content.at),
        "auth.json" if content.provider is None else sanitize(content.provider),
        _size(content.size),
        f"{logins} to read",
        sanitize(content.why),
    ]


def _size(count: int) -> str:
    return f"{count} bytes" if count < _MANY_BYTES else f"{count / 1000:.0f} kB"
