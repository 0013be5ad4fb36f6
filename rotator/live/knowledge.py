"""What the open books know, in the form in which decisions ask for it."""

from __future__ import annotations

from rotator.context import Books
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.owner import Owner
from rotator.core.logins.ownership import owner_of_offered
from rotator.model import Credential, Identity, State
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret


def knowledge(
    books: Books, state: State | None = None, *, watched: bool = False, by_hand: bool = False
) -> Knowledge:
    """Return what is known now, or (with `state`) was known in that one.

    `by_hand` is for a credential that did not come out of auth.json: nothing says then that it
    is the refresh of the one that stands there.
    """
    return Knowledge(
        state=state or books.store.state(),
        parse=try_parse,
        identify=books.registry.identify,
        rotates_tokens=(lambda _: False) if by_hand else books.registry.rotates_tokens,
        keeps_refresh_tokens=(lambda _: True) if by_hand else books.registry.keeps_refresh_tokens,
        now=books.clock(),
        watched=watched,
        recall=books.store.holder,
        was_removed=books.store.was_removed,
        descent=books.store.descent,
        was_exchanged=books.store.was_exchanged,
    )


def offered(books: Books, provider: str, credential: Credential) -> tuple[Owner, Identity]:
    """Return whose credential it is that did not come out of auth.json, and what it says of them.

    An older or spent copy of what an account has is stale, whoever offers it.
    """
    who = books.registry.identify(provider, credential)
    return owner_of_offered(provider, credential, who, knowledge(books, by_hand=True)), who


def try_parse(provider: str, entry: Secret) -> Credential | str:
    """Return the credential that an entry holds, or why opencode would not take it."""
    try:
        return parse_entry(provider, entry)
    except BadEntry as exc:
        return exc.message
