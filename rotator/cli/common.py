"""What commands share: the open context after a look at auth.json, and how things are printed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from rotator.clock import to_iso
from rotator.context import Context, Purpose, open_context, open_copied_context
from rotator.core.logins.aliases import split_name
from rotator.errors import NewerSchema, StoreBusy, StoreDamaged, StoreError
from rotator.model import Account, State
from rotator.services.rotate import find_account
from rotator.services.sync import finish, look, sync
from rotator.system.paths import find_paths
from rotator.system.room import no_room
from rotator.system.writable import unwritable
from rotator.text import sanitize
from rotator.wording import moment_with_zone
from rotator.wording import state_words as words_of

_LONGEST_NOTICE = 1000
_SHOWN = "nothing new can be taken in, and what is shown is what was saved last"


def _also_of_the_group(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    return value or bool(ctx.parent and ctx.parent.params.get("as_json"))


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_also_of_the_group,
    help="Print JSON (schema 1).",
)


@contextlib.contextmanager
def context_for_command() -> Iterator[Context]:
    """Open the context and save first what stands in auth.json, so that every command knows it.

    An auth.json that cannot be read keeps nobody from looking at the accounts. A store that
    turns out to be damaged is rebuilt; the command that had begun by then is not carried out.
    """
    with _opened(sync, Purpose.CHANGE) as (context, _):
        yield context


@contextlib.contextmanager
def _opened(
    save: Callable[[Context], str | None], purpose: Purpose
) -> Iterator[tuple[Context, str | None]]:
    """Open the context, and `save` what stands in auth.json: also yield why that was not done."""
    with open_context(find_paths(), tell=_tell, purpose=purpose) as context:
        try:
            why = save(context)
        except StoreDamaged:
            if not context.mend():
                raise
            why = save(context)
        try:
            yield context, why
        except StoreDamaged as exc:
            if not context.mend():
                raise
            message = "the store turned out to be damaged and has been rebuilt"
            hint = "rotator accounts shows what is there; then run the command again"
            raise StoreError(message, hint=hint) from exc
        finally:
            finish(context)


@contextlib.contextmanager
def context_for_reading() -> Iterator[Context]:
    """Open the context for a command that changes nothing, also where nothing can be written."""
    paths = find_paths()
    obstacle = unwritable(paths)
    why = None if obstacle is None else obstacle.why
    with contextlib.ExitStack() as stack:
        if why is None:
            try:
                context, behind = stack.enter_context(_opened(look, Purpose.LOOK))
            except (StoreDamaged, NewerSchema):
                raise
            except StoreBusy as exc:
                why = exc.message
            except StoreError:
                obstacle = no_room(paths.data) or no_room(paths.state)
                if obstacle is None:
                    raise
                why = obstacle.why
            else:
                if behind is not None:
                    _tell(f"{behind}: {_SHOWN}")
                yield context
                return
        helps = f"; {obstacle.to_do}" if obstacle is not None else ""
        copied = stack.enter_context(open_copied_context(paths, why, tell=_tell))
        _tell(f"{why}: {_SHOWN}{helps}")
        yield copied


def _tell(notice: str) -> None:
    click.echo(f"! {sanitize(notice, _LONGEST_NOTICE)}", err=True)


def named_account(state: State, name: str) -> Account:
    """Return the account that `provider/alias` names; raises UsageError, AccountNotFound."""
    return find_account(state, *split_name(name))


def provider_id(text: str) -> str:
    """Return a provider's id as auth.json has it: opencode cuts slashes at its end."""
    return text.rstrip("/") or text


def print_json(value: Any) -> None:
    """Print one JSON value on a line of its own, in ASCII: it survives every terminal and pipe."""
    click.echo(json.dumps(value))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns two blanks apart."""
    for line in table_lines(rows):
        click.echo(line)


def table_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows in columns two blanks apart."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def iso(at: datetime | None) -> str | None:
    """Return a time for JSON."""
    return to_iso(at) if at else None


def part_limit_words(account: Account, now: datetime) -> str:
    """Return which models an account that is ready rests for, or nothing."""
    held = [limit for limit in account.part_limits if now < limit.until]
    return ", ".join(
        f"{limit.model} rests until {moment_with_zone(limit.until, now)}" for limit in held
    )


def state_words(account: Account, now: datetime) -> str:
    """Return the state as a person reads it, with its end in local time."""
    until = account.until_at(now)
    rest = "" if until is None else f"until {moment_with_zone(until, now)}"
    return words_of(account.state_at(now).value, rest)
