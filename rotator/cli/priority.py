"""`rotator priority`: the order of providers for new messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from rotator.cli.common import json_option, print_json, print_table, provider_id
from rotator.errors import UsageError
from rotator.model.preferences import Priority
from rotator.settings.active import active_settings
from rotator.system.paths import find_paths

WRONG = 2
_FEWEST_ROUTES = 2
_VARIABLE = "ROTATOR_PRIORITY"
Priorities = tuple[Priority, ...]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show the order of providers for new messages, or change it."""
    if ctx.invoked_subcommand is None:
        _list(ctx, as_json=as_json)


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """Show the order. Ends with 2 if the settings are wrong; then it is the last good one."""
    _list(ctx, as_json=as_json)


@command.command("set")
@click.argument("provider")
@click.argument("model")
@json_option
def set_(provider: str, model: str, *, as_json: bool) -> None:
    """Let MODEL stand for PROVIDER; a new provider comes last."""
    name = provider_id(provider)

    def change(all_: Priorities) -> Priorities:
        if name not in _names(all_):
            return (*all_, Priority(name, model))
        return tuple(
            Priority(name, model, priority.enabled) if priority.provider == name else priority
            for priority in all_
        )

    _change(change, as_json=as_json)


@command.command()
@click.argument("provider")
@json_option
def remove(provider: str, *, as_json: bool) -> None:
    """Take PROVIDER out of the order."""
    index_of = _finder(provider)

    def change(all_: Priorities) -> Priorities:
        index = index_of(all_)
        return all_[:index] + all_[index + 1 :]

    _change(change, as_json=as_json)


@command.command()
@click.argument("provider")
@click.argument("to", metavar="first|last|up|down|NUMBER")
@json_option
def move(provider: str, to: str, *, as_json: bool) -> None:
    """Put PROVIDER at another place of the order; 1 is the first one."""
    index_of = _finder(provider)

    def change(all_: Priorities) -> Priorities:
        index = index_of(all_)
        rest = all_[:index] + all_[index + 1 :]
        place = _place(to, index, len(rest))
        return (*rest[:place], all_[index], *rest[place:])

    _change(change, as_json=as_json)


@command.command()
@click.argument("provider")
@json_option
def enable(provider: str, *, as_json: bool) -> None:
    """Let messages go to PROVIDER."""
    _switch(provider, enabled=True, as_json=as_json)


@command.command()
@click.argument("provider")
@json_option
def disable(provider: str, *, as_json: bool) -> None:
    """Send no message to PROVIDER; it keeps its place."""
    _switch(provider, enabled=False, as_json=as_json)


def _switch(provider: str, *, enabled: bool, as_json: bool) -> None:
    index_of = _finder(provider)

    def change(all_: Priorities) -> Priorities:
        index = index_of(all_)
        priority = Priority(all_[index].provider, all_[index].model, enabled)
        return (*all_[:index], priority, *all_[index + 1 :])

    _change(change, as_json=as_json)


def _finder(provider: str) -> Callable[[Priorities], int]:
    name = provider_id(provider)

    def find(all_: Priorities) -> int:
        if name not in _names(all_):
            message = f"{name} is not in the priorities"
            raise UsageError(message, hint=f"rotator priority set {name} MODEL")
        return _names(all_).index(name)

    return find


def _names(all_: Priorities) -> list[str]:
    return [priority.provider for priority in all_]


def _place(to: str, index: int, last: int) -> int:
    words = {"first": 0, "last": last, "up": index - 1, "down": index + 1}
    if to not in words and not (to.isascii() and to.isdigit() and int(to)):
        message = f"{to!r} is no place in the order"
        raise UsageError(message, hint="say first, last, up, down or a number from 1 on")
    place = words[to] if to in words else int(to) - 1
    return min(max(place, 0), last)


def _change(change: Callable[[Priorities], Priorities], *, as_json: bool) -> None:
    from rotator.settings.edit import change_priorities

    made = change_priorities(find_paths(), change)
    _print(made, None, as_json=as_json)
    if active_settings(find_paths()).preferences.priorities != made and not as_json:
        click.echo(f"! {_VARIABLE} is set and holds instead", err=True)


def _list(ctx: click.Context, *, as_json: bool) -> None:
    now = active_settings(find_paths())
    _print(now.preferences.priorities, now.problem, as_json=as_json)
    if now.problem is not None:
        if not as_json:
            click.echo(f"! {now.problem}", err=True)
        ctx.exit(WRONG)


def _print(all_: Priorities, problem: str | None, *, as_json: bool) -> None:
    routes = sum(priority.routes for priority in all_) >= _FEWEST_ROUTES
    if as_json:
        priorities: list[dict[str, Any]] = [
            {"provider": priority.provider, "model": priority.model, "enabled": priority.enabled}
            for priority in all_
        ]
        print_json({"schema": 1, "priorities": priorities, "routes": routes, "problem": problem})
        return
    print_table(
        [
            (
                str(number),
                priority.provider,
                priority.model or "-",
                "" if priority.enabled else "disabled",
            )
            for number, priority in enumerate(all_, 1)
        ]
    )
    if not routes:
        click.echo("no message is routed: that needs two enabled providers with a model")
