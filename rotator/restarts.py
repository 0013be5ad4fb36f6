"""Opencodes that cannot follow a swap: without the bridge an API key is fixed at their start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rotator.books import Books
from rotator.model import Account, Event, EventKind
from rotator.opencode.exchange import Present
from rotator.processes import Opencode, find_opencodes


def bridgeless(books: Books, present: Sequence[Present]) -> list[Opencode]:
    """Return the running opencodes of this auth.json that have not loaded the bridge."""
    bridged = {one.pid for one in present}
    return [o for o in find_opencodes(books.paths.auth_file.parent) if o.pid not in bridged]


def why_unseen(books: Books, present: Sequence[Present]) -> str | None:
    """Return why nobody knows when the turns of all opencodes are over, or None."""
    unseen = bridgeless(books, present)
    if not unseen:
        return None
    which = ", ".join(f"{one.kind} (pid {one.pid})" for one in unseen)
    return f"opencode {which} runs without the bridge, and its turns cannot be seen: restart it"


def applies(books: Books, present: Sequence[Present], put: Account) -> str:
    """Return when a swap is used: `now` (nothing runs), `next-request` or `after-restart`."""
    without = bridgeless(books, present)
    if not without and not present:
        return "now"
    if put.credential.type == "wellknown" or (put.credential.type == "api" and without):
        return "after-restart"
    return "next-request"


def restart_note(books: Books, present: Sequence[Present], put: Account) -> Event | None:
    """Return the event that says which opencodes have to be restarted to use `put`, if any."""
    if put.credential.type == "oauth":
        return None
    stuck: list[Opencode | Present] = [*bridgeless(books, present)]
    because = "it runs without the bridge"
    if put.credential.type == "wellknown":
        stuck.extend(present)
        because = "a well-known token is read at its start"
    if not stuck:
        return None
    which = ", ".join(f"{one.kind} (pid {one.pid})" for one in stuck)
    why = f"restart opencode {which} to use {put.alias}: {because}"
    return Event(books.clock(), EventKind.PROBLEM, put.provider, put.name, why=why)


def charge_time(books: Books, present: Sequence[Present], provider: str, at: datetime) -> datetime:
    """Return the time by which a logged failure is charged to whoever was live then.

    An opencode without bridge goes on with the API key it started with; charging its failures
    to the account that has been swapped in since would use up one account after the other.
    """
    active = books.store.state().active(provider)
    if active is None or active.credential.type == "oauth":
        return at
    since = [t.since for t in books.store.state().slot(provider).tenures]
    if not since or at < since[-1]:
        return at
    older = [o.started_at for o in bridgeless(books, present) if o.started_at < since[-1]]
    return max(older[0], since[0]) if older else at
