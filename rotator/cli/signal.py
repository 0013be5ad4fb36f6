"""`rotator signal`: report a failed request by hand or from a script."""

from __future__ import annotations

import secrets

import click

from rotator.cli.common import context_for_command, json_option, print_json, provider_id
from rotator.context import Context
from rotator.errors import AccountNotFound, NothingToRotateTo
from rotator.model import EventKind, Finding, Meaning, Signal, Source
from rotator.services.failover import carry_out, meaning_of

_LONGEST_SECONDS = 400 * 86_400


@click.command()
@click.argument("provider")
@click.option("--status", type=click.IntRange(100, 599), help="The HTTP status of the answer.")
@click.option(
    "--retry-after", type=click.FloatRange(0, _LONGEST_SECONDS), help="Seconds, as the answer said."
)
@click.option("--message", default="", help="The error's text.")
@json_option
def command(
    provider: str, status: int | None, retry_after: float | None, message: str, *, as_json: bool
) -> None:
    """Report that a request of PROVIDER's live account failed; the swap is made at once.

    It needs no watcher: whoever calls it does what the watcher would do.
    """
    provider = provider_id(provider)
    with context_for_command() as context:
        signal = _signal(context, provider, status, retry_after, message)
        finding = meaning_of(context, signal)
        before = max((entry.number for entry in context.history.read(most=1)), default=0)
        verdict = carry_out(context, signal, finding, answer=lambda _: None)
        live = context.store.state().active(provider)
        problem = _problem(context, provider, before)
    if as_json:
        print_json(
            {
                "schema": 1,
                "provider": provider,
                "meaning": finding.meaning.value,
                "verdict": verdict.kind.value,
                "live": live.alias if live else None,
                "why": finding.reason,
                **({"problem": problem} if problem else {}),
            }
        )
        return
    click.echo(
        f"{_meaning(finding)}: {finding.reason}; {provider}/{live.alias if live else '-'} is live"
    )
    if problem:
        click.echo(f"! {problem}", err=True)


def _signal(
    context: Context, provider: str, status: int | None, retry_after: float | None, message: str
) -> Signal:
    state = context.store.state()
    active = state.active(provider)
    if not state.of(provider):
        text = f"there is no account of {provider}"
        raise AccountNotFound(text, hint="rotator accounts lists them")
    if active is None:
        text = f"{provider} has no live account to blame"
        raise NothingToRotateTo(text, hint="rotator accounts lists them")
    digest = active.credential.digest
    return Signal(
        id=f"manual-{secrets.token_hex(6)}",
        at=context.clock(),
        provider=provider,
        source=Source.MANUAL,
        credential=digest,
        tried=(digest,),
        status=status,
        headers={} if retry_after is None else {"retry-after": f"{retry_after:.3f}"},
        body=message,
        error=message or None,
    )


def _problem(context: Context, provider: str, since: int) -> str | None:
    """Return what stood in the way of a swap, if anything did, as the last event says it."""
    told = [entry.event for entry in context.history.read(after=since)]
    problems = [e.why for e in told if e.kind is EventKind.PROBLEM and e.provider == provider]
    return problems[-1] if problems else None


def _meaning(finding: Finding) -> str:
    return "nothing was done" if finding.meaning is Meaning.NOT_OURS else finding.meaning.value
