"""Unclaimed contents: what stood in auth.json, could not be taken in, and had to make room.

They are kept until the user adopts or drops them, however many there are. They are bounded by
their size alone: where there is no room for another one, nothing may be written over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.unsaved import (
    Fragments,
    holds_news,
    holds_unread,
    is_saved,
    logins_of,
    says_something,
)
from rotator.errors import AccountNotFound, LiveFileError
from rotator.live.knowledge import knowledge, try_parse
from rotator.model import Event, EventKind
from rotator.opencode.auth.file import Reading, Whole
from rotator.opencode.auth.fragments import take_apart
from rotator.secret import Secret
from rotator.storage.tables.unclaimed_contents import UnclaimedContent
from rotator.text import sanitize, text_of

MOST_BYTES = 64 * 1024 * 1024
LIST = "rotator accounts unclaimed"


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A content that is kept, and the providers of the logins in it that can be read."""

    number: int
    at: datetime
    provider: str | None
    why: str
    size: int
    logins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptContent:
    """Where a content is kept, whether it was not before, and whose new logins are in it."""

    number: int
    is_new: bool
    logins: tuple[str, ...] = ()


def keep(context: Context, content: bytes, why: str, provider: str | None = None) -> KeptContent:
    """Keep a content that is about to be written over.

    Raises LiveFileError where there is no room: then it must not be written over.
    """
    if provider is not None and not _is_text(provider):
        # A lone surrogate is legal in JSON, and in no column of the store.
        content, provider = b"{%b: %b}" % (json.dumps(provider).encode(), content), None
    with context.store.transaction():
        there = context.store.number_unclaimed(content, provider)
        if there is not None:
            return KeptContent(there, is_new=False)
        count, size = context.store.unclaimed_size()
        if size + len(content) > MOST_BYTES:
            raise _full(context, provider, count)
        return KeptContent(
            context.store.keep_unclaimed(content, why, context.clock(), provider), is_new=True
        )


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _full(context: Context, provider: str | None, count: int) -> LiveFileError:
    what = f"the entry of {sanitize(provider)}" if provider else "what is left of it"
    message = (
        f"{context.paths.auth_file} cannot be changed: {what} cannot be read and would be lost,"
        f" and the {count} unclaimed contents leave no room to keep it"
    )
    return LiveFileError(message, hint=f"adopt or drop some: {LIST}; nothing was written")


def keep_torn(context: Context, content: bytes, why: str, whole: bytes) -> KeptContent | None:
    """Keep torn bytes in whose place `whole` will be written; None if nothing is lost with them."""
    parts, known = take_apart(content), knowledge(context)
    if not holds_news(parts, Secret(text_of(whole)), known):
        return None
    new = tuple(p for p, c in logins_of(parts, known) if not is_saved(p, c, known))
    return replace(keep(context, content, why), logins=new)


def contents(context: Context) -> list[Unclaimed]:
    """Return everything that is kept, oldest first."""
    return [
        Unclaimed(
            aside.number,
            aside.at,
            aside.provider,
            aside.why,
            len(aside.content),
            _providers(take_apart(aside.content, aside.provider), context),
        )
        for aside in context.store.unclaimed_contents()
    ]


def find(context: Context, number: int) -> UnclaimedContent:
    """Return the content of that number; raises AccountNotFound."""
    aside = context.store.unclaimed_content(number)
    if aside is None:
        message = f"there is no unclaimed content {number}"
        raise AccountNotFound(message, hint=f"{LIST} lists them")
    return aside


def has_unread(context: Context, aside: UnclaimedContent) -> bool:
    """Tell whether there is something in it that cannot be read and stands nowhere else."""
    whole = Secret(text_of(context.store.live_content() or b""))
    return holds_unread(take_apart(aside.content, aside.provider), whole, knowledge(context))


def drop(context: Context, number: int) -> None:
    """Forget a content; raises AccountNotFound."""
    with context.store.transaction():
        aside = find(context, number)
        context.store.replace_unclaimed(number, None)
        context.store.note_purge()
    context.purge()
    why = f"unclaimed content {number} was dropped by you"
    context.record([Event(context.clock(), EventKind.CHANGED, aside.provider, why=why)])
    context.notify_changed()


def _providers(parts: Fragments, context: Context) -> tuple[str, ...]:
    return tuple(provider for provider, _ in logins_of(parts, knowledge(context)))


def keep_unreadable(context: Context, reading: Reading, provider: str) -> None:
    """Keep the provider's entry before it goes, if it is one that nobody could save.

    Raises LiveFileError where there is no room for it: then it must not go.
    """
    entry = reading.entries.get(provider) if isinstance(reading, Whole) else None
    why = try_parse(provider, entry) if entry is not None else None
    if entry is None or not isinstance(why, str) or not says_something(entry):
        return
    kept = keep(context, entry.reveal().encode("utf-8"), why, provider)
    if kept.is_new:
        why = "its entry could not be read and made room"
        why = f"{why}; it is kept as unclaimed content {kept.number}: {LIST}"
        context.record([Event(context.clock(), EventKind.PROBLEM, sanitize(provider), why=why)])
