"""`rotator accounts`: lists accounts and unclaimed contents, and changes one account."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import click

from rotator.cli.common import (
    context_for_command,
    context_for_reading,
    iso,
    json_option,
    named_account,
    part_limit_words,
    print_json,
    print_table,
    provider_id,
    state_words,
)
from rotator.cli.kept_logins import kept_and_cure, kept_words
from rotator.cli.unclaimed import adopt, drop, list_unclaimed, print_unclaimed, unclaimed_json
from rotator.context import Context
from rotator.core.logins.perhaps_one import perhaps_one, perhaps_words
from rotator.core.usage_codec import balance_json, windows_json
from rotator.errors import LoginRejected, UsageError
from rotator.live.knowledge import knowledge
from rotator.live.unclaimed import contents
from rotator.model import Account, AccountId, Credential, Limit, Snapshot, State
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret, is_sendable, unpadded
from rotator.services import accounts as ledger
from rotator.services.auth_checks import live_problems
from rotator.system import interrupts

_LARGEST_ENTRY = 1024 * 1024


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """List the accounts, or change one. An account is named provider/alias."""
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)


@command.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the accounts."""
    _list(as_json=as_json)


command.add_command(list_unclaimed, "unclaimed")
command.add_command(adopt)
command.add_command(drop)


@command.command(context_settings={"allow_extra_args": True})
@click.argument("provider")
@click.option("--alias", help="Its name; else one is made from the login.")
@click.option("--activate", is_flag=True, help="Make it the live one now.")
@click.option("--no-check", is_flag=True, help="Do not ask the provider whether it is good.")
@json_option
@click.pass_context
def add(  # an argument for each option, as click hands them over
    ctx: click.Context,
    provider: str,
    alias: str | None,
    *,
    activate: bool,
    no_check: bool,
    as_json: bool,
) -> None:
    """Save a key as an account of PROVIDER.

    The key is asked for, or read from standard input; there, an entry of auth.json as JSON
    (type api, oauth or wellknown) is taken too. It is never an argument.
    """
    if ctx.args:
        # Nothing of it is repeated: it may well be the key.
        message = "there is more than the provider: a key is never an argument"
        raise UsageError(message, hint="leave it out; it is asked for, or read from standard input")
    provider = provider_id(provider)
    credential = _read_credential(provider)
    with context_for_command() as context:
        if not no_check:
            _require_accepted(context, provider, credential)
        done = ledger.add(context, provider, credential, alias=alias, activate=activate)
    _say(done, "saved", as_json=as_json)


@command.command()
@click.argument("account")
@click.argument("alias")
@json_option
def rename(account: str, alias: str, *, as_json: bool) -> None:
    """Give ACCOUNT another ALIAS."""
    with context_for_command() as context:
        done = ledger.rename(context, named_account(context.store.state(), account), alias)
    _say(done, "renamed", as_json=as_json)


@command.command()
@click.argument("account")
@json_option
def disable(account: str, *, as_json: bool) -> None:
    """Keep ACCOUNT, but never choose it."""
    with context_for_command() as context:
        done = ledger.disable(context, named_account(context.store.state(), account))
    _say(done, "disabled", as_json=as_json)


@command.command()
@click.argument("account")
@json_option
def enable(account: str, *, as_json: bool) -> None:
    """Let ACCOUNT be chosen again."""
    with context_for_command() as context:
        done = ledger.enable(context, named_account(context.store.state(), account))
    _say(done, "enabled", as_json=as_json)


@command.command("allow-refresh")
@click.argument("account")
@click.option("--off", is_flag=True, help="Take the leave back.")
@json_option
def allow_refresh(account: str, *, off: bool, as_json: bool) -> None:
    """Let the tokens of ACCOUNT be refreshed while it is parked.

    Only for a vendor whose terms make it your decision; docs/security.md says more.
    """
    with context_for_command() as context:
        target = named_account(context.store.state(), account)
        done = ledger.allow_refresh(context, target, allowed=not off)
    _say(done, "is not refreshed" if off else "may be refreshed", as_json=as_json)


@command.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--all", "with_kept", is_flag=True, help="Other logins that it keeps, too.")
@json_option
def remove(account: str, *, yes: bool, with_kept: bool, as_json: bool) -> None:
    """Forget ACCOUNT and its credential.

    A login that it keeps and that may be somebody else's becomes an account, unless --all is given.
    """
    with context_for_command() as context:
        state = context.store.state()
        target = named_account(state, account)
        kept = ledger.kept_beside(context, state)[target.id]
    if not yes:
        if not sys.stdin.isatty():
            message = f"removing {target.name} has to be confirmed"
            raise UsageError(message, hint="add --yes")
        question = f"Remove {target.name}? Its credential is deleted"
        if kept:
            others = kept_words(kept)
            question += f", {'and' if with_kept else 'but not'} what it keeps: {others}"
        with interrupts.counting_at_once():
            click.confirm(question, abort=True, err=True)
    with context_for_command() as context:
        target = named_account(context.store.state(), account)
        done = ledger.remove(context, target, with_kept=with_kept)
    _say(done, "removed", as_json=as_json)


@command.command()
@click.argument("keep")
@click.argument("other")
@json_option
def merge(keep: str, other: str, *, as_json: bool) -> None:
    """Make one account of two that are the same person's; KEEP keeps its name."""
    with context_for_command() as context:
        state = context.store.state()
        done = ledger.merge(context, named_account(state, keep), named_account(state, other))
    _say(done, "merged", as_json=as_json)


@command.command("split")
@click.argument("account")
@json_option
def split_(account: str, *, as_json: bool) -> None:
    """Make an account of an older login that ACCOUNT keeps.

    It is not used before you enable it, or its vendor says whose it is.
    """
    from rotator.services.splits import split

    with context_for_command() as context:
        done = split(context, named_account(context.store.state(), account))
    _say(done, "split", as_json=as_json)


def account_json(
    account: Account, state: State, now: datetime, read: Snapshot | None = None, *, kept: int = 0
) -> dict[str, Any]:
    """Return an account as the contract of `accounts --json` has it.

    `read` is its usage, and `kept` how many logins it keeps that may be somebody else's.
    """
    return {
        "id": account.id,
        "provider": account.provider,
        "alias": account.alias,
        "type": account.credential.type,
        "identity": account.identity,
        "fingerprint": account.credential.secret.fingerprint(),
        "active": bool(state.live_in(account)),
        "homes": homes_json(account, state),
        "state": account.state_at(now).value,
        "until": iso(account.until_at(now)),
        "reason": account.reason_at(now),
        "maybe": _name_of(account.maybe, state),
        "unproven": account.unproven,
        "kept": kept,
        "plan": account.plan,
        "limits": [limit_json(limit) for limit in account.part_limits if now < limit.until],
        "windows": windows_json(read),
        "balance": balance_json(read.balance) if read else None,
        "captured_at": iso(account.captured_at),
        "last_used_at": iso(account.last_used_at),
    }


def homes_json(account: Account, state: State) -> list[dict[str, Any]]:
    """Return where an account stands, as `accounts --json` has it."""
    live = state.live_in(account)
    labels = {
        standing.home: standing.label for standing in reversed(state.standings_of(account.id))
    }
    return [
        {"home": home.value, "active": home in live, "label": labels.get(home)}
        for home in state.homes_of(account)
    ]


def _name_of(account: AccountId | None, state: State) -> str | None:
    target = state.account(account)
    return target.name if target else None


def limit_json(limit: Limit) -> dict[str, Any]:
    """Return a limit on some models as `accounts --json` has it."""
    return {
        "model": limit.model,
        "state": limit.state.value,
        "until": iso(limit.until),
        "reason": limit.reason,
    }


def _list(*, as_json: bool) -> None:
    with context_for_reading() as context:
        state, now = context.store.state(), context.clock()
        unclaimed, problems = contents(context), live_problems(context.paths.auth_file)
        kept, known = ledger.kept_beside(context, state), knowledge(context, state)
        older = {a.id: kept_and_cure(a, kept[a.id], known) for a in state.accounts}
        read = {a.id: context.history.asked(a.id).snapshot for a in state.accounts if as_json}
    accounts = sorted(state.accounts, key=lambda a: (a.provider, a.alias))
    if as_json:
        perhaps = perhaps_one(known)
        print_json(
            {
                "schema": 1,
                "accounts": [
                    account_json(a, state, now, read[a.id], kept=kept[a.id])
                    | {"perhaps": [other.name for other in perhaps.get(a.id, ())]}
                    for a in accounts
                ],
                "unclaimed": [unclaimed_json(content) for content in unclaimed],
            }
        )
        return
    if not accounts:
        click.echo("no accounts yet: log in with opencode while rotator watch runs")
    same = perhaps_words(known)
    print_table([_row(a, state, now, older[a.id], same.get(a.id, "")) for a in accounts])
    print_unclaimed(unclaimed)
    for sentence in (*problems, *state.broken):
        click.echo(f"! {sentence}", err=True)


def _row(account: Account, state: State, now: datetime, kept: str, same: str) -> list[str]:
    mark = "*" if state.live_in(account) else " "
    return [
        f"{mark} {account.name}",
        account.credential.type,
        state_words(account, now),
        "; ".join(
            words
            for words in (
                account.reason_at(now)
                or part_limit_words(account, now)
                or _unproven_words(account),
                kept,
                same,
            )
            if words
        ),
        account.identity or account.credential.secret.fingerprint(),
        *([_home_words(account, state)] if state.standings else []),
    ]


def _home_words(account: Account, state: State) -> str:
    """Return where an account stands and is used; nobody asks who has one home."""
    live = state.live_in(account)
    names = [f"{home.value}{'*' if home in live else ''}" for home in state.homes_of(account)]
    return ", ".join(names) or "parked"


def _unproven_words(account: Account) -> str:
    return "its vendor has not said yet whose its newest tokens are" if account.unproven else ""


def _require_accepted(context: Context, provider: str, credential: Credential) -> None:
    """Refuse a credential that the provider refuses; what it does not say stops nobody."""
    from rotator.services.usage import verify

    try:
        # An answer that is not waited for changes nothing.
        with interrupts.counting_at_once():
            verify(context, provider, credential)
    except LoginRejected as exc:
        message = f"it was not saved: {exc.message}"
        hint = "check the key; --no-check saves it all the same"
        raise UsageError(message, hint=hint) from exc


def _read_credential(provider: str) -> Credential:
    text = unpadded(_read_text(provider))
    if not text:
        message = f"no key for {provider} was given"
        raise UsageError(message, hint="type it, or pass it on standard input")
    if not text.startswith("{"):
        if not is_sendable(text):
            wrong = "a line break in it, or a letter that no request can carry"
            message = f"the key for {provider} has {wrong}"
            raise UsageError(message, hint="pass the key alone")
        text = json.dumps({"type": "api", "key": text})
    try:
        return parse_entry(provider, Secret(text))
    except BadEntry as exc:
        message = f"that is no entry of auth.json for {provider}: {exc.message.split(': ', 1)[-1]}"
        raise UsageError(message) from exc


def _read_text(provider: str) -> str:
    if sys.stdin is None:  # closed by whoever started us
        return ""
    if sys.stdin.isatty():
        with interrupts.counting_at_once():
            key: str = click.prompt(f"Key of {provider}", hide_input=True, err=True)
        return key
    try:
        with interrupts.counting_at_once():
            return sys.stdin.buffer.read(_LARGEST_ENTRY).decode("utf-8")
    except UnicodeDecodeError as exc:
        message = f"what came on standard input for {provider} is not UTF-8 text"
        raise UsageError(message, hint="pass the key, or an entry of auth.json") from exc


def _say(done: ledger.Done, verb: str, *, as_json: bool) -> None:
    account = done.account
    if as_json:
        print_json(
            {
                "schema": 1,
                "done": verb,
                "provider": account.provider,
                "alias": account.alias,
                "live": done.live,
                "live_in": {home.value: alias for home, alias in done.live_in.items()},
                "note": done.note,
            }
        )
        return
    click.echo(f"{account.name} {verb}; {_live_words(done)}")
    if done.note:
        click.echo(done.note)


def _live_words(done: ledger.Done) -> str:
    """Return who is live now; in which home, only where that makes a difference."""
    provider, live_in = done.account.provider, done.live_in
    if done.live is None:
        return f"{provider} has no live login"
    if len({*live_in.values()}) == 1:
        return f"{provider}/{done.live} is live"
    told = (
        f"{provider}/{alias} is live in {home.value}" if alias else f"nobody in {home.value}"
        for home, alias in live_in.items()
    )
    return ", ".join(told)
