"""`rotator explain`: what speaks for and against each account now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from rotator.cli.common import context_for_reading, json_option, print_json, provider_id
from rotator.core.logins.perhaps_one import perhaps_words
from rotator.core.selection.explain import Explanation, Outlook, explain, sentences, with_notes
from rotator.errors import AccountNotFound
from rotator.live.knowledge import knowledge
from rotator.opencode.auth.placement_sentences import swap_obstacle
from rotator.opencode.bridge.presence import bridges_of
from rotator.services.own_keys import own_key_sentences
from rotator.services.restarts import unseen_turns


@click.command()
@click.argument("provider", required=False)
@click.option("--model", help="For requests of this model alone.")
@json_option
def command(provider: str | None, model: str | None, *, as_json: bool) -> None:
    """Say for every account of PROVIDER, or of all, what speaks for and against it now.

    Nothing is changed and no vendor is asked.
    """
    with context_for_reading() as context:
        state, now = context.decision_state(), context.clock()
        named = sorted({a.provider for a in state.accounts})
        if provider is not None:
            provider = provider_id(provider)
            if provider not in named:
                message = f"there is no account of {provider}"
                raise AccountNotFound(message, hint="rotator accounts lists them")
            named = [provider]
        present = bridges_of(context.paths)
        unseen, own = unseen_turns(context, present), own_key_sentences(context, present, named)
        notes = perhaps_words(knowledge(context, state))
        told = [
            with_notes(explain(state, name, model, now, unseen, own.get(name)), notes)
            for name in named
        ]
        obstacle = swap_obstacle(context.paths.auth_file)
    if as_json:
        providers = [_json(explanation) for explanation in told]
        print_json(
            {"schema": 1, "providers": providers} | ({"obstacle": obstacle} if obstacle else {})
        )
        return
    _print(told, obstacle)


def _print(told: Sequence[Explanation], obstacle: str | None) -> None:
    if obstacle is not None:
        click.echo(f"{obstacle}\n")
    if not told:
        click.echo("no accounts yet: log in with opencode while rotator watch runs")
    for number, explanation in enumerate(told):
        if number:
            click.echo()
        for line in sentences(explanation):
            click.echo(line)


def _json(told: Explanation) -> dict[str, Any]:
    return {
        "id": told.provider,
        "model": told.model,
        "strategy": told.strategy.value,
        "balancing": told.balancing,
        "accounts": [
            {"alias": argument.account.alias, "active": argument.is_live, "why": argument.says}
            for argument in told.arguments
        ],
        **_outlook_json(told.first),
        "own_key": told.own_key,
        "homes": {outlook.home.value: _outlook_json(outlook) for outlook in told.outlooks},
    }


def _outlook_json(outlook: Outlook) -> dict[str, Any]:
    return {
        "next": outlook.next.alias if outlook.next else None,
        "next_why": outlook.next_why,
        "preferred": outlook.better.alias if outlook.better else None,
        "preferred_why": outlook.better_why,
        "held_by": outlook.held_by,
    }
