"""`rotator dashboard`: everything on one screen."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rotator.paths import find_paths

if TYPE_CHECKING:
    from rotator.books import Books


@click.command()
@click.option(
    "--no-suspend",
    is_flag=True,
    help="Do not stop on Ctrl-Z, for a program that shows it.",
)
@click.pass_context
def command(ctx: click.Context, *, no_suspend: bool) -> None:
    """See every account and what happened, and change it all with keys or the mouse."""
    from rotator.tui.app import run_dashboard

    os.umask(0o077)
    # A removed credential may still be in memory: a crash is not to write it to a disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    paths = find_paths()

    @contextlib.contextmanager
    def open_here() -> Iterator[Books]:
        # The first screen does without them.
        from rotator.books import open_books

        with open_books(paths) as books:
            yield books

    ctx.exit(run_dashboard(paths, open_here, may_suspend=not no_suspend))
