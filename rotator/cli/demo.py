"""`rotator demo`: see a failover happen."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from functools import partial

import click

from rotator.cli.common import json_option, print_json
from rotator.demo.clients import best_without_opencode, real_opencode
from rotator.demo.scene import ONE, TWO, Shown, made_up_keys, play
from rotator.demo.screen import DemoScreen
from rotator.demo.stage import DemoFailed, DiskFull, open_stage

# Each step takes milliseconds, but for the start of a real opencode on a busy machine.
PATIENCE_SECONDS = 8.0
OPENCODE_PATIENCE_SECONDS = 30.0
WIDEST = 100


@click.command()
@click.option("--with-opencode", is_flag=True, help="Send the request through the real opencode.")
@click.option("--opencode", "path", metavar="PATH", help="That opencode; by default as on PATH.")
@json_option
def command(path: str | None, *, with_opencode: bool, as_json: bool) -> None:
    """See a failover happen: two made-up accounts, the real watcher, one request.

    It needs no account, no opencode and no network, and touches nothing of yours: everything
    lies in a temporary HOME and on the loopback interface, and is gone at the end.
    """
    wants_opencode = with_opencode or path is not None
    patience_seconds = OPENCODE_PATIENCE_SECONDS if wants_opencode else PATIENCE_SECONDS
    columns = shutil.get_terminal_size(fallback=(WIDEST, 24)).columns
    screen = DemoScreen(_nothing if as_json else click.echo, min(columns, WIDEST))
    try:
        with open_stage(patience_seconds, os.environ) as stage:
            choose = partial(real_opencode, path=path) if wants_opencode else best_without_opencode
            shown = play(stage, choose(stage.env), screen, made_up_keys())
    except BrokenPipeError:
        raise
    except DiskFull as exc:
        raise DemoFailed(f"{_broke_off(screen)}: {exc.message}", hint=exc.hint) from exc
    except OSError as exc:
        message = f"{_broke_off(screen)}: {exc.strerror}"
        hint = "look for free space and rights in the folder for temporary files"
        raise DemoFailed(message, hint=hint) from exc
    if as_json:
        print_json(demo_json(shown, screen))
    else:
        _conclude(shown, screen)


def demo_json(shown: Shown, screen: DemoScreen) -> dict[str, object]:
    """Return the contract of `demo --json`."""
    return {
        "schema": 1,
        "client": shown.client.kind,
        "failover_ms": round(shown.failover_ms, 1),
        "took_ms": shown.took_ms,
        "steps": [asdict(step) for step in screen.steps],
        "accounts": shown.accounts,
    }


def _broke_off(screen: DemoScreen) -> str:
    after = f"after the step {screen.steps[-1].what}" if screen.steps else "at its start"
    return f"the demo could not go on {after}"


def _conclude(shown: Shown, screen: DemoScreen) -> None:
    screen.conclude(
        f"Proven: {ONE} was refused, {TWO} answered the same request {shown.failover_ms:.1f} ms"
        f" later, and the client saw no error. It took {shown.took_ms / 1000:.1f} s; the"
        " temporary HOME is gone again."
    )
    screen.conclude(
        "Next: `rotator bridge install`, then `rotator watch`, then log in twice with"
        " `opencode auth login`."
    )


def _nothing(_: str) -> None:
    pass
