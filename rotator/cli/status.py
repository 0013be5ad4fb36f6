"""`rotator status`: watcher, bridge, opencodes present, balancing, one line a provider."""

from __future__ import annotations

import json
from typing import Any

import click

from rotator.cli.bridge import bridge_json
from rotator.cli.common import context_for_reading, json_option, state_words, table_lines
from rotator.core.selection.homes import live_of
from rotator.errors import RotatorError, UsageError
from rotator.services.status import HomeLine, ProviderLine, RunningOpencode, Status, read_status
from rotator.system.paths import find_paths
from rotator.system.watch_holder import WatchHolder
from rotator.text import sanitize
from rotator.wording import counted, span_in_minutes

NOT_RUNNING = 5


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
            said = sanitize(exc.message)
            return json.dumps({"schema": 1, "error": said}) if as_json else f"! {said}"

    follow(find_paths(), look)


def _look() -> Status:
    with context_for_reading() as context:
        return read_status(context)


def _told(overview: Status, *, as_json: bool, is_counting: bool = False) -> list[str]:
    if as_json:
        return [json.dumps(status_json(overview))]
    return _lines(overview, is_counting=is_counting)


def status_json(overview: Status) -> dict[str, Any]:
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
                **({"version": o.version, "generation": 2} if o.is_server_of_second else {}),
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
        told |= {"running": False, "stopped": True}
    if holder is None or holder.is_here:
        return told
    # Its pid is another process's here, or nobody's.
    return told | {"pid": None, "host": holder.host}


def _lines(overview: Status, *, is_counting: bool) -> list[str]:
    holder = overview.watcher
    watcher = f"running ({holder})" if holder else "not running: start it with rotator watch"
    if holder is not None and holder.is_stopped:
        watcher = f"{holder.how_stopped} ({holder}): nothing fails over; {holder.way_on}"
    bridge = overview.bridge.version
    rows = [
        ["watcher", watcher],
        ["bridge", f"{bridge} installed" if bridge else "not installed: rotator bridge install"],
        ["balancing", "on" if overview.state.balancing else "off"],
        ["auth.json", str(overview.auth_file)],
    ]
    # Of the one place above nobody counts the logins.
    others = [home for home in overview.homes if not home.name.has_one_place]
    rows += [[home.name.value, f"{home.path}: {_logins(home)}"] for home in others]
    rows += [["opencode", f"{o.who}{_what_it_has(o)}"] for o in overview.opencodes]
    rows += [
        ["opencode", f"{opencode.who} uses {sanitize(opencode.auth_file)}"]
        for opencode in overview.elsewhere
    ]
    rows += [_provider_row(overview, line, is_counting=is_counting) for line in overview.providers]
    return [*table_lines(rows), *(f"! {problem}" for problem in overview.problems)]


def _what_it_has(opencode: RunningOpencode) -> str:
    if opencode.is_server_of_second:
        of = f"({opencode.version})" if opencode.version else "whose password is not known here"
        has = f", bridge {opencode.bridge}" if opencode.bridge else " without the bridge"
        if opencode.loads_bridge_later:
            has = ": it loads the bridge when it first uses a folder"
        return f" is an OpenCode 2 {of}{has}"
    has = f", bridge {opencode.bridge}" if opencode.bridge else ""
    return f"{has} {opencode.says}" if opencode.says else has


def _logins(home: HomeLine) -> str:
    if home.logins is None:
        return "cannot be used"
    return counted(home.logins, "login")


def _provider_row(overview: Status, provider: ProviderLine, *, is_counting: bool) -> list[str]:
    account, now = live_of(overview.state, provider.id), overview.now
    who = "no live login"
    if account is not None:
        who = f"{account.alias} {state_words(account, now)}"
        until = account.until_at(now)
        if is_counting and until is not None:
            who += f" (in {span_in_minutes((until - now).total_seconds())})"
    if len(set(provider.active_in.values())) > 1:
        # The state is that of the first one.
        named = (f"{alias or 'nobody'} in {home}" for home, alias in provider.active_in.items())
        who = f"{who}; {', '.join(named)}"
    return [provider.id, f"{who}; {provider.ready} of {provider.accounts} ready"]
