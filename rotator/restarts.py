"""When running opencodes use a swap: without the bridge an API key is fixed at their start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rotator.books import Books
from rotator.model import Account, Event, EventKind
from rotator.opencode.exchange import Present
from rotator.unbridged import Lack, Unbridged, following, unbridged


def why_unseen(books: Books, present: Sequence[Present]) -> str | None:
    """Return why nobody knows when the turns of all opencodes are over, or None."""
    unseen = [one for one in unbridged(books.paths, present) if one.hides_turns]
    return "; ".join(_unseen(one) for one in unseen) or None


def _unseen(one: Unbridged) -> str:
    said = f"opencode {one.who} {one.says}, and its turns cannot be seen"
    if one.lack is Lack.OLDER:
        return f"{said}: {'restart it' if one.is_installed else one.to_do}"
    return said


def applies(books: Books, present: Sequence[Present], put: Account) -> str:
    """Return when a swap is used: `now` (nothing runs), `next-request` or `after-restart`."""
    without = [one for one in unbridged(books.paths, present) if one.uses_auth_json]
    bridged = following(present)
    if not without and not bridged:
        return "now"
    kind = put.credential.type
    if kind == "wellknown" and (bridged or not all(one.is_idle for one in without)):
        return "after-restart"
    if kind == "api" and any(one.is_stuck for one in without):
        return "after-restart"
    return "next-request"


def restart_note(books: Books, present: Sequence[Present], put: Account) -> Event | None:
    """Return the event that says which opencodes have to be restarted to use `put`, if any."""
    if put.credential.type == "oauth":
        return None
    without = unbridged(books.paths, present)
    if put.credential.type == "wellknown":
        running = [one for one in without if one.uses_auth_json and not one.is_idle]
        stuck = [*(one.who for one in running), *map(_who, following(present))]
        because = "a well-known token is read at its start"
        if following(present):
            because += ", and the bridge puts it into model requests alone"
    else:
        stuck = [one.who for one in without if one.is_stuck]
        because = "it runs without the bridge"
    if not stuck:
        return None
    why = f"restart opencode {', '.join(stuck)} to use {put.alias}: {because}"
    return Event(books.clock(), EventKind.PROBLEM, put.provider, put.name, why=why)


def _who(one: Present) -> str:
    return one.who


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
    stuck = [one.opencode for one in unbridged(books.paths, present) if one.is_stuck]
    older = [one.started_at for one in stuck if one.started_at < since[-1]]
    return max(older[0], since[0]) if older else at
