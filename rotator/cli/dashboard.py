"""`rotator dashboard`: everything on one screen."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

import click

from rotator.books import Books, open_books
from rotator.paths import find_paths


@click.command()
@click.option(
    "--no-suspend",
    is_flag=True,
    help="Do not stop on Ctrl-Z, for a program that shows it.",
)
@click.pass_context
def command(ctx: click.Context, *, no_suspend: bool) -> None:
    """See every account and what happened, and change it all with keys or the mouse."""
    from rotator.logs import log_to_file
    from rotator.tui.app import run_dashboard

    os.umask(0o077)
    # A removed credential may still be in memory: a crash is not to write it to a disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    paths = find_paths()
    log_to_file(paths.log)

    @contextlib.contextmanager
    def open_here() -> Iterator[Books]:
        with open_books(paths) as books:
            yield books

    ctx.exit(run_dashboard(paths, open_here, may_suspend=not no_suspend))
