"""What the open context knows, in the form in which decisions ask for it."""

from __future__ import annotations

from datetime import datetime

from rotator.context import Context
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.owner import Owner
from rotator.core.logins.ownership import owner_of_offered
from rotator.model import Credential, Identity, State
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret


def knowledge(
    context: Context,
    state: State | None = None,
    *,
    watched: bool = False,
    by_hand: bool = False,
    written_at: datetime | None = None,
) -> Knowledge:
    """Return what is known now, or (with `state`) was known in that one.

    `by_hand` is for a credential that did not come out of auth.json: nothing says then that it
    is the refresh of the one that stands there.
    """
    return Knowledge(
        state=state or context.store.state(),
        parse=try_parse,
        identify=context.registry.identify,
        rotates_tokens=(lambda _: False) if by_hand else context.registry.rotates_tokens,
        keeps_refresh_tokens=(lambda _: True) if by_hand else context.registry.keeps_refresh_tokens,
        now=context.clock(),
        watched=watched,
        written_at=written_at,
        recall=context.store.holder,
        was_removed=context.store.was_removed,
        descent=context.store.descent,
        was_exchanged=context.store.was_exchanged,
    )


def owner_of_offered_entry(
    context: Context, provider: str, credential: Credential
) -> tuple[Owner, Identity]:
    """Return whose credential it is that did not come out of auth.json, and what it says of them.

    An older or spent copy of what an account has is stale, whoever offers it.
    """
    who = context.registry.identify(provider, credential)
    return owner_of_offered(provider, credential, who, knowledge(context, by_hand=True)), who


def try_parse(provider: str, entry: Secret) -> Credential | str:
    """Return the credential that an entry holds, or why opencode would not take it."""
    try:
        return parse_entry(provider, entry)
    except BadEntry as exc:
        return exc.message
