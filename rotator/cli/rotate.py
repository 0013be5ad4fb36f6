"""`rotator rotate`: make another account the live one now, wherever its provider is used."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import click

from rotator.cli.common import books_for_command, json_option, print_json, provider_id
from rotator.context import Books
from rotator.core.selection.homes import homes_for
from rotator.errors import LiveFileError, NothingToRotateTo
from rotator.live.restore import Rebuilt, rebuild_at_rest
from rotator.live.unclaimed import LIST, Kept
from rotator.model import Account, HomeName
from rotator.opencode.auth.placement_sentences import swap_obstacle
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import Present
from rotator.services.own_keys import unreached
from rotator.services.restarts import applies, note_restart, when_used
from rotator.services.rotate import Plan, Rotated, plan_rotation, rotate, split_target


@click.command()
@click.argument("provider", required=False)
@click.argument("alias", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done and why, and do nothing.")
@click.option("--yes", is_flag=True, help="Write a torn auth.json anew first.")
@json_option
def command(
    provider: str | None, alias: str | None, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Swap PROVIDER's account for ALIAS, or for the best other one.

    Without PROVIDER it is the only provider that has two accounts.

    An auth.json that was left half-written is not touched, unless with --yes: if it does not
    change for two seconds, it is written anew from its last whole content first.
    """
    rebuilt = None
    with books_for_command() as books:
        state = books.outlook()
        if provider is not None:
            provider = provider_id(provider)
        if provider is not None and alias is None:
            provider, alias = split_target(state, provider)
        if yes and not dry_run:
            rebuilt = _rebuilt(books, provider, alias, as_json=as_json)
            state = books.outlook()
        plan = plan_rotation(state, provider, alias, books.clock())
        done = _carry_out(books, plan, dry_run=dry_run)
        left, to = done.left, done.put
        present = Exchange(books.paths).present()
        when, used = _when(books, done.homes, present, to)
        own = unreached(books, present, to) if HomeName.AUTH_FILE in done.homes else None
    if as_json:
        print_json(
            {
                "schema": 1,
                "provider": plan.provider,
                "from": left.alias if left else None,
                "to": to.alias,
                "applies": when,
                "why": done.why,
                "homes": [home.value for home in done.homes],
                **({"obstacle": done.obstacle} if done.obstacle else {}),
                **({"own_key": own.says} if own else {}),
                **({"dry_run": True} if dry_run else {}),
                **({"rebuilt": _rebuilt_json(rebuilt)} if rebuilt else {}),
            }
        )
        return
    verb = "would become" if dry_run else "is now"
    if left is not None and left.id == to.id:
        verb = "is already"
    click.echo(f"{plan.provider}: {to.alias} {verb} live ({done.why}); {used}")
    if done.obstacle is not None:
        click.echo(f"! OpenCode 2 goes on with what it has: {done.obstacle}", err=True)


def _carry_out(books: Books, plan: Plan, *, dry_run: bool) -> Rotated:
    """Rotate, or (`dry_run`) say what would be done."""
    if not dry_run:
        done = rotate(books, plan)
        note_restart(books, done.put, written=done.written)
        return done
    homes = homes_for(books.store.state(), plan.to)
    obstacle = swap_obstacle(books.paths.auth_file) if HomeName.AUTH_FILE in homes else None
    if obstacle is not None:
        raise LiveFileError(obstacle)
    return Rotated(plan.left, plan.to, plan.why, written=False, homes=homes)


def _when(
    books: Books, homes: Sequence[HomeName], present: Sequence[Present], to: Account
) -> tuple[str, str]:
    """Return when the account is used, as a word and as a part of a sentence."""
    told = "OpenCode 2 uses it from its next request on"
    if HomeName.AUTH_FILE not in homes:
        return "next-request", told
    used = when_used(books, present, to)
    if HomeName.DATABASE in homes:
        used = f"{used}; {told}"
    return applies(books, present, to), used


def _rebuilt(
    books: Books, provider: str | None, alias: str | None, *, as_json: bool
) -> Rebuilt | None:
    """Write a torn auth.json anew, also where there is nobody to rotate to then, and say so."""
    to = None
    with contextlib.suppress(NothingToRotateTo):
        to = plan_rotation(books.outlook(), provider, alias, books.clock()).to
    rebuilt = rebuild_at_rest(books, to)
    if rebuilt is not None and not as_json:
        click.echo(f"auth.json was left half-written ({rebuilt.why}) and was written anew")
        if rebuilt.kept is not None:
            click.echo(_kept_words(rebuilt.kept))
    return rebuilt


def _kept_words(kept: Kept) -> str:
    if not kept.logins:
        return f"what was in it is unclaimed content {kept.number}: {LIST}"
    of = ", ".join(sorted(set(kept.logins)))
    return f"logins in it ({of}) are kept: rotator accounts adopt {kept.number}"


def _rebuilt_json(rebuilt: Rebuilt) -> dict[str, Any]:
    kept = rebuilt.kept
    return {
        "why": rebuilt.why,
        "unclaimed": kept.number if kept else None,
        "logins": list(kept.logins) if kept else [],
    }
