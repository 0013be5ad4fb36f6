"""Which events a person is to hear of at once, and in what words.

Pure. Those are a failover, a provider of which no account is left, and a login that is needed;
a hook hears of a turn that was sent elsewhere, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rotator.clock import to_iso
from rotator.core.selection.policy import nobody_left
from rotator.model import AccountState, Event, EventKind, State

# What such an event may be made of; of everything else nobody is disturbed.
OF_INTEREST = frozenset(
    {EventKind.FAILOVER, EventKind.LIMITED, EventKind.REJECTED, EventKind.REROUTED}
)
# Text from outside must neither begin a tag nor an escape where a desktop shows it.
_HARMLESS = str.maketrans({"<": "(", ">": ")", "&": "+", "\\": "/"})


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that is told at once; without a title the desktop says nothing of it."""

    event: Event
    title: str | None = None
    text: str = ""


def notice_of(event: Event, state: State, now: datetime, told: frozenset[str]) -> Notice | None:
    """Return what is to be told of an event, with the state as it left it, or None.

    `told` are the providers of which it was told before that nobody is left, and is so still.
    """
    provider = event.provider
    if provider is None or event.kind not in OF_INTEREST:
        return None
    match event.kind:
        case EventKind.FAILOVER:
            title = f"{provider} goes on with {event.to_alias}"
            return _notice(event, title, event.why)
        case EventKind.REJECTED:
            return _notice(event, f"{event.account} needs a login", event.why)
        case EventKind.LIMITED:
            if provider in told or not is_used_up(state, provider, now):
                return None
            text = f"{event.why}; {nobody_left(state, provider, now)}"
            return _notice(event, f"{provider} is used up", text)
        case _:
            return Notice(event)


def is_used_up(state: State, provider: str, now: datetime) -> bool:
    """Tell whether no account of the provider can answer, although there are some.

    What is over in seconds is waited for, and disturbs nobody.
    """
    accounts, soon = state.of(provider), now + timedelta(seconds=state.failover.patience_seconds)
    return bool(accounts) and all(a.state_at(soon) is not AccountState.READY for a in accounts)


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as the contract of `events --json` has it; a hook gets the same."""
    return {
        "schema": 1,
        "at": to_iso(event.at),
        "kind": event.kind.value,
        "provider": event.provider,
        "account": event.account,
        "from": event.from_alias,
        "to": event.to_alias,
        "why": event.why,
        "detail": event.detail,
    }


def _notice(event: Event, title: str, text: str) -> Notice:
    return Notice(event, title.translate(_HARMLESS), text.translate(_HARMLESS))
