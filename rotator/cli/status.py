"""`rotator status`: watcher, bridge, opencodes present, balancing, one line a provider."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from rotator.cli.bridge import bridge_json
from rotator.cli.common import books_for_reading, json_option, state_words, table_lines
from rotator.core.selection.homes import live_of
from rotator.errors import RotatorError, UsageError
from rotator.model import HomeName
from rotator.services.status import SECOND, HomeLine, Overview, ProviderLine, look_around
from rotator.system.paths import find_paths
from rotator.system.watch_holder import WatchHolder
from rotator.text import clean

NOT_RUNNING = 5
_A_DAY = 24


@click.command()
@click.option("--check", is_flag=True, help="Exit with 5 when no watcher runs.")
@click.option("-w", "--watch", is_flag=True, help="Go on, and print it anew when it changes.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, check: bool, watch: bool, as_json: bool) -> None:
    """Show watcher, bridge, running opencodes, balancing and each provider's live account."""
    if watch:
        _follow(as_json=as_json, check=check)
        return
    overview = _look()
    for line in _told(overview, as_json=as_json):
        click.echo(line)
    watcher = overview.watcher
    if check and (watcher is None or watcher.is_stopped):
        ctx.exit(NOT_RUNNING)


def _follow(*, as_json: bool, check: bool) -> None:
    if check:
        raise UsageError("--check looks once, --watch goes on", hint="leave one of them out")
    from rotator.cli.follow import follow

    # What is wrong from the beginning is said as any other command says it.
    _look()

    def look() -> str:
        try:
            return "\n".join(_told(_look(), as_json=as_json, is_counting=True))
        except RotatorError as exc:
            # It is looked again; what is wrong may pass.
            said = clean(exc.message)
            return json.dumps({"schema": 1, "error": said}) if as_json else f"! {said}"

    follow(find_paths(), look)


def _look() -> Overview:
    with books_for_reading() as books:
        return look_around(books)


def _told(overview: Overview, *, as_json: bool, is_counting: bool = False) -> list[str]:
    if as_json:
        return [json.dumps(status_json(overview))]
    return _lines(overview, is_counting=is_counting)


def status_json(overview: Overview) -> dict[str, Any]:
    """Return the contract of `status --json`."""
    return {
        "schema": 1,
        "watcher": _watcher_json(overview.watcher),
        "balancing": overview.state.balancing,
        "auth_file": str(overview.auth_file),
        "bridge": bridge_json(overview.bridge),
        "opencodes": [
            {
                "pid": o.pid,
                "kind": o.kind,
                "bridge": o.bridge,
                "auth_file": o.auth_file,
                **({"version": o.version, "generation": 2} if o.says == SECOND else {}),
            }
            for o in overview.opencodes
        ],
        "elsewhere": [
            {"pid": o.pid, "kind": o.kind, "auth_file": o.auth_file} for o in overview.elsewhere
        ],
        "providers": [
            {
                "id": p.id,
                "active": p.active,
                "accounts": p.accounts,
                "ready": p.ready,
                "active_in": dict(p.active_in),
            }
            for p in overview.providers
        ],
        "homes": [
            {"home": h.name.value, "path": str(h.path), "logins": h.logins, "problem": h.problem}
            for h in overview.homes
        ],
        "problems": list(overview.problems),
    }


def _watcher_json(holder: WatchHolder | None) -> dict[str, Any]:
    told: dict[str, Any] = {"running": holder is not None, "pid": holder.pid if holder else None}
    if holder is not None and holder.is_stopped:
        return told | {"running": False, "stopped": True}
    if holder is None or holder.is_here:
        return told
    # Its pid is another process's here, or nobody's.
    return told | {"pid": None, "host": holder.host}


def _lines(overview: Overview, *, is_counting: bool) -> list[str]:
    holder = overview.watcher
    watcher = f"running ({holder})" if holder else "not running: start it with rotator watch"
    if holder is not None and holder.is_stopped:
        watcher = f"stopped ({holder}): nothing fails over; {holder.way_on}"
    bridge = overview.bridge.version
    rows = [
        ["watcher", watcher],
        ["bridge", f"{bridge} installed" if bridge else "not installed: rotator bridge install"],
        ["balancing", "on" if overview.state.balancing else "off"],
        ["auth.json", str(overview.auth_file)],
    ]
    database = [home for home in overview.homes if home.name is HomeName.DATABASE]
    rows += [[one.name.value, f"{one.path}: {_logins(one)}"] for one in database]
    for one in overview.opencodes:
        has = f", bridge {one.bridge}" if one.bridge else f" {one.says}"
        if one.says == SECOND:
            has += f" ({one.version})" if one.version else " whose password is not known here"
        rows.append(["opencode", f"{one.who}{has}"])
    rows += [["opencode", f"{one.who} uses {clean(one.auth_file)}"] for one in overview.elsewhere]
    rows += [_provider_row(overview, one, is_counting=is_counting) for one in overview.providers]
    return [*table_lines(rows), *(f"! {problem}" for problem in overview.problems)]


def _logins(home: HomeLine) -> str:
    if home.logins is None:
        return "cannot be used"
    return f"{home.logins} login{'' if home.logins == 1 else 's'}"


def _provider_row(overview: Overview, provider: ProviderLine, *, is_counting: bool) -> list[str]:
    account, now = live_of(overview.state, provider.id), overview.now
    who = "no live login"
    if account is not None:
        who = f"{account.alias} {state_words(account, now)}"
        until = account.until_at(now)
        if is_counting and until is not None:
            who += f" (in {_left((until - now).total_seconds())})"
    if len(set(provider.active_in.values())) > 1:
        # The state is that of the first one.
        named = (f"{alias or 'nobody'} in {home}" for home, alias in provider.active_in.items())
        who = f"{who}; {', '.join(named)}"
    return [provider.id, f"{who}; {provider.ready} of {provider.accounts} ready"]


def _left(seconds: float) -> str:
    """Return how long it is until then, to the minute."""
    hours, minutes = divmod(max(math.ceil(seconds / 60), 1), 60)
    if hours >= _A_DAY:
        return f"{hours // _A_DAY} d {hours % _A_DAY} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
