"""`rotator dashboard`: everything on one screen."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--no-suspend",
    is_flag=True,
    help="Do not stop on Ctrl-Z, for a program that shows it.",
)
@click.pass_context
def command(ctx: click.Context, *, no_suspend: bool) -> None:
    """See every account and what happened, and change it all with keys or the mouse."""
    from rotator.tui.entry import open_dashboard

    ctx.exit(open_dashboard(may_suspend=not no_suspend))
