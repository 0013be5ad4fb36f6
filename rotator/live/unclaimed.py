"""Unclaimed contents: what stood in auth.json, could not be taken in, and had to make room.

They are kept until the user adopts or drops them, however many there are. They are bounded by
their size alone: where there is no room for another one, nothing may be written over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.context import Books
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
from rotator.storage.tables.unclaimed_contents import Aside
from rotator.text import clean

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
class Kept:
    """Where a content is kept, whether it was not before, and whose new logins are in it."""

    number: int
    is_new: bool
    logins: tuple[str, ...] = ()


def keep(books: Books, content: bytes, why: str, provider: str | None = None) -> Kept:
    """Keep a content that is about to be written over.

    Raises LiveFileError where there is no room: then it must not be written over.
    """
    if provider is not None and not _is_text(provider):
        # A lone surrogate is legal in JSON, and in no column of the store.
        content, provider = b"{%b: %b}" % (json.dumps(provider).encode(), content), None
    with books.store.transaction():
        there = books.store.number_aside(content, provider)
        if there is not None:
            return Kept(there, is_new=False)
        count, size = books.store.aside_size()
        if size + len(content) > MOST_BYTES:
            raise _full(books, provider, count)
        return Kept(books.store.keep_aside(content, why, books.clock(), provider), is_new=True)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _full(books: Books, provider: str | None, count: int) -> LiveFileError:
    what = f"the entry of {clean(provider)}" if provider else "what is left of it"
    message = (
        f"{books.paths.auth_file} cannot be changed: {what} cannot be read and would be lost,"
        f" and the {count} unclaimed contents leave no room to keep it"
    )
    return LiveFileError(message, hint=f"adopt or drop some: {LIST}; nothing was written")


def keep_torn(books: Books, content: bytes, why: str, whole: bytes) -> Kept | None:
    """Keep torn bytes in whose place `whole` will be written; None if nothing is lost with them."""
    parts, known = take_apart(content), knowledge(books)
    if not holds_news(parts, Secret(whole.decode("utf-8")), known):
        return None
    new = tuple(p for p, c in logins_of(parts, known) if not is_saved(p, c, known))
    return replace(keep(books, content, why), logins=new)


def contents(books: Books) -> list[Unclaimed]:
    """Return everything that is kept, oldest first."""
    return [
        Unclaimed(
            aside.number,
            aside.at,
            aside.provider,
            aside.why,
            len(aside.content),
            _providers(take_apart(aside.content, aside.provider), books),
        )
        for aside in books.store.asides()
    ]


def find(books: Books, number: int) -> Aside:
    """Return the content of that number; raises AccountNotFound."""
    aside = books.store.aside(number)
    if aside is None:
        message = f"there is no unclaimed content {number}"
        raise AccountNotFound(message, hint=f"{LIST} lists them")
    return aside


def has_unread(books: Books, aside: Aside) -> bool:
    """Tell whether there is something in it that cannot be read and stands nowhere else."""
    whole = Secret((books.store.live_content() or b"").decode("utf-8"))
    return holds_unread(take_apart(aside.content, aside.provider), whole, knowledge(books))


def drop(books: Books, number: int) -> None:
    """Forget a content; raises AccountNotFound."""
    with books.store.transaction():
        aside = find(books, number)
        books.store.replace_aside(number, None)
        books.store.note_purge()
    books.purge()
    why = f"unclaimed content {number} was dropped by you"
    books.record([Event(books.clock(), EventKind.CHANGED, aside.provider, why=why)])
    books.announce()


def _providers(parts: Fragments, books: Books) -> tuple[str, ...]:
    return tuple(provider for provider, _ in logins_of(parts, knowledge(books)))


def keep_unreadable(books: Books, reading: Reading, provider: str) -> None:
    """Keep the provider's entry before it goes, if it is one that nobody could save.

    Raises LiveFileError where there is no room for it: then it must not go.
    """
    entry = reading.entries.get(provider) if isinstance(reading, Whole) else None
    why = try_parse(provider, entry) if entry is not None else None
    if entry is None or not isinstance(why, str) or not says_something(entry):
        return
    kept = keep(books, entry.reveal().encode("utf-8"), why, provider)
    if kept.is_new:
        why = "its entry could not be read and made room"
        why = f"{why}; it is kept as unclaimed content {kept.number}: {LIST}"
        books.record([Event(books.clock(), EventKind.PROBLEM, clean(provider), why=why)])
