"""`rotator watch`: the watcher, in the foreground."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from rotator.context import Context, Purpose, open_context
from rotator.errors import RotatorError
from rotator.services.lost_captures import tell_of_lost_captures
from rotator.system import interrupts
from rotator.system.locks import watch_holder, watch_lock
from rotator.system.paths import find_paths

_SWITCH_SECONDS = 0.0005


@click.command()
def command() -> None:
    """Watch auth.json, save every login, and fail over. Ends on Ctrl-C, SIGTERM or SIGHUP."""
    from rotator.system.logs import log_to_file
    from rotator.watcher.daemon import Daemon
    from rotator.watcher.end import End

    os.umask(0o077)
    # The one thread that decides is not to wait 5 ms, at each look into a file, for those that
    # hear of a flood of files.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # It is there for auth.json, whoever reads what it says.
    interrupts.outlive_output()
    paths = find_paths()
    log_to_file(paths.log)
    end = End.STOPPED
    # A signal that comes while a lock is waited for ends it as cleanly as any other.
    with (
        contextlib.suppress(interrupts.Interrupted),
        watch_lock(paths.watch_lock) as lock,
        open_context(paths, purpose=Purpose.WATCH, tell=_tell) as context,
    ):
        daemon = Daemon(context, keep=lock.keep)
        with interrupts.told_to(daemon.stop):
            end = daemon.run(lambda: _begun(context))
    if end is End.NEWER:
        click.echo("a newer rotator asks for the store; this watcher leaves")
    if end is End.REPLACED:
        holder = watch_holder(paths.watch_lock)
        who = f" ({holder})" if holder else ""
        says = f"{paths.state} was removed, and another watcher runs by now{who}; this one leaves"
        click.echo(says)


def _begun(context: Context) -> None:
    click.echo(f"watching {context.paths.auth_file}")
    # What stands in auth.json has been taken in.
    with contextlib.suppress(RotatorError):
        tell_of_lost_captures(context)


def _tell(notice: str) -> None:
    click.echo(f"! {notice}", err=True)
