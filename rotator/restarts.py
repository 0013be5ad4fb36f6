"""When running opencodes use a swap, and what none reaches.

Without the bridge an API key is fixed at their start, and with it the place of their requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rotator.books import Books
from rotator.model import Account, Event, EventKind, State, Tenure
from rotator.opencode.exchange import Present
from rotator.own_keys import find_own_keys, unreached
from rotator.policy import stands_in
from rotator.text import clean
from rotator.unbridged import Lack, Unbridged, following, unbridged

_WHEN = {
    "now": "no running opencode uses auth.json; the next one does",
    "next-request": "running opencodes use it from the next request on",
    "after-restart": "restart opencode to use it",
}


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
    return "after-restart" if _bound_elsewhere(books, without, bridged, put) else "next-request"


def _bound_elsewhere(
    books: Books, without: Sequence[Unbridged], bridged: Sequence[Present], put: Account
) -> list[str]:
    """Return the opencodes that began with a login of another kind or for another place.

    They have built their requests for that one, and a bridge puts no other's credential in.
    """
    running = [(_who(one), one.started_at) for one in bridged]
    running += [(one.who, one.opencode.started_at) for one in without if one.hides_turns]
    state = books.store.state()
    tenures = state.slot(put.provider).tenures
    return [who for who, at in running if at and _began_elsewhere(state, tenures, at, put)]


def _began_elsewhere(
    state: State, tenures: Sequence[Tenure], began_at: datetime, put: Account
) -> bool:
    held = [(t.since, t.account and state.account(t.account)) for t in tenures]
    before = [one for since, one in held if since <= began_at]
    if not before or not before[-1] or stands_in(put, before[-1].credential):
        return False
    # A login of the same kind in between was one in opencode, which then builds everything anew.
    later = [one for since, one in held if since > began_at and one and one.id != put.id]
    return not any(stands_in(put, one.credential) for one in later)


def when_used(books: Books, present: Sequence[Present], put: Account) -> str:
    """Return when a swap is used, and what it does not reach, as a part of a sentence."""
    when = applies(books, present, put)
    own = unreached(books, present, put)
    if own is None:
        may = _lasting(books, present, put) if when == "after-restart" else None
        return _WHEN[when] if may is None else f"{_WHEN[when]}, unless {may} a key of its own"
    # A restart does not change what a configuration gives.
    is_used = own.alias is not None and when == "next-request"
    return f"{_WHEN[when]}; {own.says}" if is_used else own.says


def _lasting(books: Books, present: Sequence[Present], put: Account) -> str | None:
    """Return what may give the provider another key after a restart as well, with its verb."""
    if put.credential.type == "wellknown":
        # Its token goes out under other providers' names.
        return None
    own = find_own_keys(books, present, [put.provider])
    return next((f"{one.giver} gives {clean(one.provider)}" for one in own if one.lasts), None)


def restart_note(books: Books, present: Sequence[Present], put: Account) -> Event | None:
    """Return the event that says which opencodes have to be restarted to use `put`, if any."""
    without = unbridged(books.paths, present)
    using = [one for one in without if one.uses_auth_json]
    if elsewhere := _bound_elsewhere(books, using, following(present), put):
        stuck, because = elsewhere, "it goes to another place than the login they began with"
    elif put.credential.type == "oauth":
        return None
    elif put.credential.type == "wellknown":
        running = [one for one in without if one.uses_auth_json and not one.is_idle]
        stuck = [*(one.who for one in running), *map(_who, following(present))]
        because = "a well-known token is read at its start"
        if following(present):
            because += ", and the bridge puts it into model requests alone"
    else:
        stuck = [one.who for one in without if one.is_stuck]
        because = "it runs without the bridge"
    if not stuck or unreached(books, present, put) or _lasting(books, present, put):
        return None
    why = f"restart opencode {', '.join(stuck)} to use {put.alias}: {because}"
    return Event(books.clock(), EventKind.PROBLEM, put.provider, put.name, why=why)


def _who(one: Present) -> str:
    return one.who
