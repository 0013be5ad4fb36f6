"""`rotator rotate`: put another account into auth.json now."""

from __future__ import annotations

import click

from rotator.cli.common import books_for_command, json_option, print_json, provider_id
from rotator.opencode.exchange import Exchange
from rotator.restarts import applies
from rotator.rotate import plan_rotation, rotate, split_target

_WHEN = {
    "now": "no opencode runs; the next one uses it",
    "next-request": "running opencodes use it from the next request on",
    "after-restart": "restart opencode to use it",
}


@click.command()
@click.argument("provider", required=False)
@click.argument("alias", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done and why, and do nothing.")
@json_option
def command(provider: str | None, alias: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Swap PROVIDER's account for ALIAS, or for the best other one.

    Without PROVIDER it is the only provider that has two accounts.
    """
    with books_for_command() as books:
        state = books.store.state()
        if provider is not None:
            provider = provider_id(provider)
        if provider is not None and alias is None:
            provider, alias = split_target(state, provider)
        plan = plan_rotation(state, provider, alias, books.clock())
        left, to, why = plan.left, plan.to, plan.why
        if not dry_run:
            done = rotate(books, plan)
            left, to, why = done.left, done.put, done.why
        when = applies(books, Exchange(books.paths).present(), to)
    if as_json:
        print_json(
            {
                "schema": 1,
                "provider": plan.provider,
                "from": left.alias if left else None,
                "to": to.alias,
                "applies": when,
                "why": why,
                **({"dry_run": True} if dry_run else {}),
            }
        )
        return
    verb = "would become" if dry_run else "is now"
    if left is not None and left.id == to.id:
        verb = "is already"
    click.echo(f"{plan.provider}: {to.alias} {verb} live ({why}); {_WHEN[when]}")
