"""`rotator rotate`: make another account the live one now, wherever its provider is used."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from rotator.cli.common import context_for_command, json_option, print_json, provider_id
from rotator.context import Context
from rotator.core.selection.homes import homes_for
from rotator.errors import LiveFileError, NothingToRotateTo
from rotator.live.every_home import homes_of_names
from rotator.live.restore import Rebuilt, rebuild_at_rest
from rotator.live.unclaimed import LIST, KeptContent
from rotator.services.own_keys import unreached
from rotator.services.restarts import bridges_in_use, note_restart, takes_effect, when_used
from rotator.services.rotate import Plan, Rotated, goes_on, plan_rotation, rotate, split_target


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
    with context_for_command() as context:
        state = context.decision_state()
        if provider is not None:
            provider = provider_id(provider)
        if provider is not None and alias is None:
            provider, alias = split_target(state, provider)
        if yes and not dry_run:
            rebuilt = _rebuilt(context, provider, alias, as_json=as_json)
            state = context.decision_state()
        plan = plan_rotation(state, provider, alias, context.clock())
        done = _carry_out(context, plan, dry_run=dry_run)
        left, to = done.left, done.put
        present = bridges_in_use(context)
        when = takes_effect(context, present, to, done.homes)
        used = when_used(context, present, to, done.homes)
        is_read_at_start = any(not home.follows_switches for home in done.homes)
        own = unreached(context, present, to) if is_read_at_start else None
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
        click.echo(f"! {done.obstacle}", err=True)


def _carry_out(context: Context, plan: Plan, *, dry_run: bool) -> Rotated:
    """Rotate, or (`dry_run`) say what would be done."""
    if not dry_run:
        done = rotate(context, plan)
        note_restart(context, done.put, written=done.written)
        return done
    wanted = homes_for(context.store.state(), plan.to)
    known = {home.name: home.obstacle() for home in homes_of_names(context, wanted)}
    homes = tuple(name for name in wanted if known[name] is None)
    told = [goes_on(name.value, why) for name, why in known.items() if why is not None]
    if not homes:
        raise LiveFileError(next(filter(None, known.values())))
    obstacle = told[0] if told else None
    return Rotated(plan.left, plan.to, plan.why, written=False, homes=homes, obstacle=obstacle)


def _rebuilt(
    context: Context, provider: str | None, alias: str | None, *, as_json: bool
) -> Rebuilt | None:
    """Write a torn auth.json anew, also where there is nobody to rotate to then, and say so."""
    to = None
    with contextlib.suppress(NothingToRotateTo):
        to = plan_rotation(context.decision_state(), provider, alias, context.clock()).to
    rebuilt = rebuild_at_rest(context, to)
    if rebuilt is not None and not as_json:
        click.echo(f"auth.json was left half-written ({rebuilt.why}) and was written anew")
        if rebuilt.kept is not None:
            click.echo(_kept_words(rebuilt.kept))
    return rebuilt


def _kept_words(kept: KeptContent) -> str:
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
