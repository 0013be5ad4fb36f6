"""The entry point: finds the command, loads only its module, turns errors into exit codes."""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from rotator import __version__
from rotator.errors import RotatorError, StoreError
from rotator.system import interrupts
from rotator.system.locks import saying_waits
from rotator.system.writable import unwritable_place
from rotator.text import sanitize

# name -> (module, what it does); the order is that of the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "dashboard": ("dashboard", "See and change everything on one screen."),
    "watch": ("watch", "Watch over auth.json in the foreground."),
    "status": ("status", "Watcher, bridge, opencodes, one line a provider."),
    "statusline": ("statusline", "One short line for tmux or a shell prompt."),
    "accounts": ("accounts", "List, add, rename, remove, disable, enable, merge, split accounts."),
    "rotate": ("rotate", "Put another account into auth.json now."),
    "usage": ("usage", "How much of each account's limits is used."),
    "events": ("events", "What happened and why."),
    "explain": ("explain", "What speaks for and against each account now."),
    "balance": ("balance", "Switch failover on or off."),
    "priority": ("priority", "The order of providers for new messages."),
    "config": ("config", "Look at the settings, or change them."),
    "signal": ("signal", "Report a failed request by hand or from a script."),
    "bridge": ("bridge", "Install the bridge into opencode, or take it out."),
    "doctor": ("doctor", "What is wrong with the set-up, and what to do about it."),
    "demo": ("demo", "See a failover happen, without opencode and without an account."),
}

INTERRUPTED = 130
_LONGEST = 1000

# Without a handler of ours logging would print warnings, and tracebacks, on standard error.
logging.getLogger("rotator").addHandler(logging.NullHandler())


class LazyGroup(click.Group):
    """A group whose commands are modules that are loaded when they are used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whoever reads our output may have enough of it at any time."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Python must not complain about the closed pipe when it flushes at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's shape
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load the command's module; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rotator.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's shape
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the table without loading a single command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rotator")
def cli() -> None:
    """Keep several logins per provider for opencode and carry on when one is limited."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; never shows a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Run the command line and return its exit code."""
    with saying_waits(_say):
        return _run(words, as_json="--json" in words)


def _run(words: list[str], *, as_json: bool) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A name with letters that the terminal's encoding does not have is no fault of ours.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(args=words, prog_name="rotator", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        return exc.exit_code
    except click.UsageError as exc:
        where = exc.ctx.command_path if exc.ctx else "rotator"
        return _fail(2, exc.format_message(), f"{where} --help", as_json=as_json)
    except click.Abort:
        return INTERRUPTED
    except interrupts.Interrupted as exc:
        return exc.exit_code
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # told, whatever it is
        return tell(exc, as_json=as_json)
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    click.echo(f"! {sanitize(text, _LONGEST)}", err=True)


def tell(error: Exception | KeyboardInterrupt, *, as_json: bool = False) -> int:
    """Say what ended a command, never with a traceback; return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, RotatorError):
        return _fail(error.exit_code, error.message, error.hint, as_json=as_json)
    if isinstance(error, PermissionError):
        return _refused(error, as_json=as_json)
    logging.getLogger("rotator").error("a command failed", exc_info=error)
    message = f"an error of ours: {type(error).__name__}"
    return _fail(1, message, "please report it with what you did", as_json=as_json)


def _refused(error: PermissionError, *, as_json: bool) -> int:
    """Say which place may not be used: that is a matter of its rights."""
    place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    obstacle = None if place is None else unwritable_place(place)
    if obstacle is not None:
        return _fail(StoreError.exit_code, obstacle.why, obstacle.to_do, as_json=as_json)
    message = f"{place or 'a file'} cannot be used: {error.strerror}"
    to_do = "check its rights and those of the folders above"
    return _fail(StoreError.exit_code, message, to_do, as_json=as_json)


def _fail(code: int, said: str, to_do: str | None, *, as_json: bool) -> int:
    # A message may repeat a word of the command line, whatever is in it.
    message, hint = sanitize(said, _LONGEST), sanitize(to_do, _LONGEST) if to_do else None
    if as_json:
        error = {"exit": code, "message": message, "hint": hint}
        click.echo(json.dumps({"schema": 1, "error": error}))
    else:
        click.echo(f"rotator: {message}", err=True)
        if hint:
            click.echo(f"  {hint}", err=True)
    return code
