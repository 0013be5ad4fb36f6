"""When running opencodes use a swap, and what none reaches.

Without the bridge an API key is fixed at their start, and so are a few logins with tokens; the
place of their requests always is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rotator.context import Context
from rotator.errors import StoreError
from rotator.model import Account, Event, EventKind, HomeName
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import Present, bridges_of
from rotator.opencode.own_plugins import is_fixed_at_start
from rotator.services.bound_requests import Bound, bound_elsewhere
from rotator.services.own_keys import find_own_keys, is_sent, unreached, why_unsent
from rotator.services.unseen_requests import senders
from rotator.services.without_bridge import Lack, Unbridged, following, unbridged
from rotator.text import sanitize

_LATER = "after-restart"
_WHEN = {
    "now": "no running opencode uses auth.json; the next one does",
    "next-request": "running opencodes use it from the next request on",
    _LATER: "restart opencode to use it",
}
# Where no switch is followed: an opencode may have to be restarted.
_MAY_NEED_IT = tuple(home for home in HomeName if not home.follows_switches)
_FOLLOWED = "OpenCode 2 uses it from its next request on"


def bridges_in_use(context: Context) -> list[Present]:
    """Return the bridges of running opencodes, and sweep away what dead ones left.

    Where their folder cannot be used that is told beside what was done, and fails nothing.
    """
    try:
        return Exchange(context.paths).present()
    except StoreError as exc:
        context.on_notice(f"no bridge can be heard: {exc.message}; {exc.hint}")
        return bridges_of(context.paths)


def unseen_turns(context: Context, present: Sequence[Present]) -> str | None:
    """Return why nobody knows when the turns of all opencodes are over, or None."""
    unseen = [process for process in unbridged(context.paths, present) if process.hides_turns]
    return "; ".join(_unseen(process) for process in unseen) or None


def _unseen(process: Unbridged) -> str:
    said = f"opencode {process.who} {process.says}, and its turns cannot be seen"
    if process.lack is Lack.OLDER:
        return f"{said}: {'restart it' if process.is_installed else process.to_do}"
    return said


def takes_effect(
    context: Context,
    present: Sequence[Present],
    put: Account,
    homes: Sequence[HomeName] = _MAY_NEED_IT,
) -> str:
    """Return when a swap is used: `now` (nothing runs), `next-request` or `after-restart`.

    `homes` are those in which the account is active by it.
    """
    if all(home.follows_switches for home in homes):
        return "next-request"
    if not following(present) and not _using(context, present):
        return "now"
    is_used = is_sent(context, present, put) and not _lagging(context, present, put)
    return "next-request" if is_used else _LATER


def _using(context: Context, present: Sequence[Present]) -> list[Unbridged]:
    return [process for process in unbridged(context.paths, present) if process.uses_auth_json]


@dataclass(frozen=True, slots=True)
class _Lagging:
    """Opencodes that use a swap only once they are restarted, and why.

    With `is_sure` a restart does bring them to it; `status` says nothing else of them.
    """

    who: tuple[str, ...]
    because: str
    is_sure: bool = False


def _lagging(context: Context, present: Sequence[Present], put: Account) -> list[_Lagging]:
    """Return the running opencodes that do not use `put` before they are restarted, each once."""
    bridged, without = following(present), _using(context, present)
    bound = dict(bound_elsewhere(context, without, bridged, put))
    elsewhere = (who for who, what in bound.items() if what is Bound.ELSEWHERE)
    groups = [
        (elsewhere, "it goes to another place than the login they began with", False),
        (*_by_kind(bridged, without, put), False),
        (
            (who for who, what in bound.items() if what is Bound.WITHOUT),
            f"it began before {sanitize(put.provider)} had a login",
            True,
        ),
        (
            (who for who, what in bound.items() if what is Bound.MAYBE_WITHOUT),
            f"it may have begun before {sanitize(put.provider)} had a login",
            True,
        ),
        (
            (who for who, what in bound.items() if what is Bound.EMPTIED),
            f"it built its requests while {sanitize(put.provider)} had no login",
            True,
        ),
        *(
            ((presence.who,), _unseen_by(presence, put), True)
            for presence in bridged
            if _is_unseen(presence, put)
        ),
        (
            (presence.who for presence in bridged if put.provider in presence.bought),
            f"it asks {sanitize(put.provider)} with a token that the login of its start buys",
            True,
        ),
    ]
    said: set[str] = set()
    lagging = []
    for who, because, is_sure in groups:
        new = tuple(name for name in who if name not in said)
        said.update(new)
        if new:
            lagging.append(_Lagging(new, because, is_sure))
    return lagging


def _by_kind(
    bridged: Sequence[Present], without: Sequence[Unbridged], put: Account
) -> tuple[list[str], str]:
    """Return who reads such a credential at its start alone, and why."""
    if put.credential.type == "wellknown":
        running = [process.who for process in without if not process.is_idle]
        because = "a well-known token is read at its start"
        if bridged:
            because += ", and the bridge puts it into model requests alone"
        return [*running, *(presence.who for presence in bridged)], because
    is_fixed = is_fixed_at_start(put)
    return [
        process.who for process in without if is_fixed and process.is_stuck
    ], "it runs without the bridge"


def _is_unseen(presence: Present, put: Account) -> bool:
    """Tell whether that opencode goes on with what it began with: its requests pass the bridge by.

    A WebSocket goes on with the login that it was opened with, too.
    """
    is_kept = is_fixed_at_start(put) or presence.sends_by_socket(put.provider)
    return is_kept and presence.misses(put.provider)


def _unseen_by(presence: Present, put: Account) -> str:
    return (
        f"its bridge does not see the requests of {sanitize(put.provider)}:"
        f" {senders(presence, put.provider)} past it"
    )


def when_used(
    context: Context,
    present: Sequence[Present],
    put: Account,
    homes: Sequence[HomeName] = _MAY_NEED_IT,
) -> str:
    """Return when a swap is used, and what it does not reach, as a part of a sentence.

    `homes` are those in which the account is active by it.
    """
    if all(home.follows_switches for home in homes):
        return _FOLLOWED
    if any(home.follows_switches for home in homes):
        return f"{_used_in_first(context, present, put)}; {_FOLLOWED}"
    used = _used_in_first(context, present, put)
    is_for_all = unreached(context, present, put) is None and is_sent(context, present, put)
    return f"{used}{_not_for_second(context, present)}" if is_for_all else used


def _used_in_first(context: Context, present: Sequence[Present], put: Account) -> str:
    """Return when opencodes that read auth.json use a swap in it."""
    when = takes_effect(context, present, put)
    own = unreached(context, present, put)
    if own is None and not is_sent(context, present, put):
        return why_unsent(context, present, put)
    if own is None:
        return _WHEN[when] if when != _LATER else _restart_first(context, present, put)
    # A restart does not change what a configuration gives.
    is_used = own.alias is not None and when == "next-request"
    return f"{_WHEN[when]}; {own.says}" if is_used else own.says


def _not_for_second(context: Context, present: Sequence[Present]) -> str:
    """Return which OpenCode 2 the swap is not for, as the end of a sentence."""
    names = [
        process.who for process in unbridged(context.paths, present) if process.lack is Lack.SECOND
    ]
    return (
        f"; OpenCode 2 has its logins in its database: this swap does not reach {', '.join(names)}"
        if names
        else ""
    )


def _restart_first(context: Context, present: Sequence[Present], put: Account) -> str:
    """Return that a restart is needed: which and why, where nothing else says so."""
    lagging = _lagging(context, present, put)
    is_sure = bool(lagging) and all(group.is_sure for group in lagging)
    says = _sentence(lagging, "it") if is_sure else _WHEN[_LATER]
    # What has the requests of one that a bridge does not see is named with it.
    is_named = any(_is_unseen(presence, put) for presence in following(present))
    may = None if is_named else _lasting(context, present, put)
    return says if may is None else f"{says}, unless {may} a key of its own"


def _sentence(lagging: Sequence[_Lagging], what: str) -> str:
    first, *more = [(f"opencode {', '.join(group.who)}", group.because) for group in lagging]
    says = f"restart {first[0]} to use {what}: {first[1]}"
    return says + "".join(f"; and {who}: {because}" for who, because in more)


def _lasting(context: Context, present: Sequence[Present], put: Account) -> str | None:
    """Return what may give the provider another key after a restart as well, with its verb."""
    if put.credential.type == "wellknown":
        # Its token goes out under other providers' names.
        return None
    own = find_own_keys(context, present, [put.provider])
    return next((f"{key.giver} gives {sanitize(key.provider)}" for key in own if key.lasts), None)


def restart_note(
    context: Context, present: Sequence[Present], put: Account, *, only_sure: bool = False
) -> Event | None:
    """Return the event that says which opencodes have to be restarted to use `put`, if any.

    `only_sure`: of those alone that nothing else tells of.
    """
    lagging = _lagging(context, present, put)
    if only_sure or _lasting(context, present, put):
        lagging = [group for group in lagging if group.is_sure]
    if not lagging or unreached(context, present, put) or not is_sent(context, present, put):
        return None
    why = _sentence(lagging, put.alias)
    return Event(context.clock(), EventKind.PROBLEM, put.provider, put.name, why=why)


def note_restart(context: Context, put: Account, *, written: bool) -> None:
    """Record which opencodes do not follow a swap by hand, where nothing else tells of it."""
    if not written:
        return
    note = restart_note(context, bridges_of(context.paths), put, only_sure=True)
    if note is not None:
        context.record([note])
