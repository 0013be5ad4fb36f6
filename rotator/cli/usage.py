"""`rotator usage`: how much of each account's limits is used, and when they begin anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from rotator.cli.common import context_for_reading, iso, json_option, print_json, provider_id
from rotator.context import Context
from rotator.core.usage_codec import balance_json, windows_json
from rotator.errors import AccountNotFound
from rotator.model import Account, Window
from rotator.services.rotate import find_account, split_target
from rotator.services.usage import Usage, known, read
from rotator.storage.history import Point
from rotator.wording import ago, columns, filled_cells, percent, reset_in_full

_BAR, _FULL, _EMPTY = 20, "█", "░"
_PLAIN_FULL, _PLAIN_EMPTY = "#", "."
_STEPS, _PLAIN_STEPS = "▁▂▃▄▅▆▇█", ".:-=+*#@"
_LONGEST_LINE = 40


@click.command()
@click.argument("target", metavar="[PROVIDER[/ALIAS]]", required=False)
@click.option("--refresh", is_flag=True, help="Ask now, also where a reading still serves.")
@click.option("--history", "past", is_flag=True, help="Show how it came to be so.")
@json_option
def command(target: str | None, *, refresh: bool, past: bool, as_json: bool) -> None:
    """Show what is used of each account's limits, resets and balances.

    A vendor is asked when the last reading is older than three minutes.
    """
    with context_for_reading() as context:
        accounts = _meant(context, target)
        progress = _Progress(len(accounts), shown=not as_json)
        if not context.are_copies:
            # What a vendor says, and that it was asked, has to be kept.
            read(context, accounts, forced=refresh, done=progress)
        progress.end()
        accounts = [context.store.state().account(a.id) or a for a in accounts]
        usages = known(context, accounts)
        lines = {a.id: context.history.past(a.id) for a in accounts} if past else {}
        now = context.clock()
    if as_json:
        print_json({"schema": 1, "usage": [_json(u, lines.get(u.account.id)) for u in usages]})
        return
    if not usages:
        click.echo("no accounts yet: log in with opencode while rotator watch runs")
    plain = _is_plain()
    for usage in usages:
        for line in _lines(usage, lines.get(usage.account.id), now, plain=plain):
            click.echo(line)


def _meant(context: Context, target: str | None) -> list[Account]:
    state = context.store.state()
    if target is None:
        return sorted(state.accounts, key=lambda a: (a.provider, a.alias))
    provider, alias = split_target(state, provider_id(target))
    if alias is not None:
        return [find_account(state, provider, alias)]
    if not state.of(provider):
        message = f"there is no account of {provider}"
        raise AccountNotFound(message, hint="rotator accounts lists them")
    return list(state.of(provider))


class _Progress:
    """Says on a terminal how many vendors have answered."""

    def __init__(self, count: int, *, shown: bool) -> None:
        self._count, self._done = count, 0
        self._shown = shown and sys.stderr.isatty()

    def __call__(self, _: Account) -> None:
        self._done += 1
        if self._shown:
            click.echo(f"\rasked {self._done} of up to {self._count}", err=True, nl=False)

    def end(self) -> None:
        """Take the line away."""
        if self._shown and self._done:
            click.echo("\r" + " " * _LONGEST_LINE + "\r", err=True, nl=False)


Lines = dict[tuple[str, str | None], list[Point]]


def _json(usage: Usage, past: Lines | None) -> dict[str, Any]:
    snapshot = usage.asked.snapshot
    account = usage.account
    value: dict[str, Any] = {
        "id": account.id,
        "provider": account.provider,
        "alias": account.alias,
        "plan": (snapshot.plan if snapshot else None) or account.plan,
        "windows": windows_json(snapshot),
        "balance": balance_json(snapshot.balance) if snapshot else None,
        "read_at": iso(snapshot.read_at) if snapshot else None,
        "spent": bool(snapshot and snapshot.spent),
        "unavailable": usage.why_not or usage.asked.failure,
    }
    if past is not None:
        value["history"] = [
            {
                "name": name,
                "model": model,
                "points": [{"at": iso(point.at), "used": point.used} for point in points],
            }
            for (name, model), points in past.items()
        ]
    return value


def _lines(usage: Usage, past: Lines | None, now: datetime, *, plain: bool) -> list[str]:
    snapshot, account = usage.asked.snapshot, usage.account
    parts = [account.name]
    plan = (snapshot.plan if snapshot else None) or account.plan
    parts += [plan] if plan else []
    if snapshot is not None:
        parts.append(f"read {ago(snapshot.read_at, now)}")
    why = usage.why_not or usage.asked.failure
    lines = ["  ".join(parts)]
    lines += [f"  {why}"] if why else []
    if snapshot is None:
        return lines if why else [*lines, "  nothing is known yet"]
    width = max((len(_name(w)) for w in snapshot.windows), default=0)
    for window in snapshot.windows:
        lines.append(f"  {_name(window):<{width}}  {window_words(window, now, plain=plain)}")
        points = (past or {}).get((window.name, window.model))
        if points:
            lines.append(f"  {'':<{width}}  {sparkline(points, plain=plain)}")
    if snapshot.balance is not None:
        lines.append(f"  balance {snapshot.balance.amount} {snapshot.balance.currency}")
    if snapshot.spent:
        lines.append("  nothing is left")
    return lines


def _name(window: Window) -> str:
    return f"{window.name} {window.model}" if window.model else window.name


def window_words(window: Window, now: datetime, *, plain: bool) -> str:
    """Return how much of a window is used, and when it begins anew."""
    words = f"{bar(window.used, plain=plain)} {percent(window.used):>4}"
    reset = reset_in_full(window.resets_at, now)
    return f"{words}  {reset}" if reset else words


def bar(used: float, *, plain: bool) -> str:
    """Return a bar that is as full as the window; anything used shows, and anything left."""
    full = filled_cells(used, _BAR)
    block, other = (_PLAIN_FULL, _PLAIN_EMPTY) if plain else (_FULL, _EMPTY)
    return block * full + other * (_BAR - full)


def sparkline(points: Sequence[Point], *, plain: bool) -> str:
    """Return the last readings as one line of small columns."""
    steps = _PLAIN_STEPS if plain else _STEPS
    return columns([point.used for point in points[-_LONGEST_LINE:]], steps)


def _is_plain() -> bool:
    """Tell whether the terminal's encoding has no blocks to draw with."""
    try:
        (_FULL + _EMPTY + _STEPS).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
