"""Logins that were written into a file which had just lost its name."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.core.logins.changes import Login, Refresh, Revert, interpret
from rotator.core.logins.late_logins import UNKNOWN, LateLogin, sense_of
from rotator.live.account_changes import settle
from rotator.live.apply_change import (
    account_event,
    add_account,
    keep_unknown,
    renew_with,
    renewed_event,
)
from rotator.live.capture_content import capture_content, take_descents
from rotator.live.knowledge import knowledge
from rotator.live.unclaimed import keep_unreadable
from rotator.model import Account, Digest, Event, EventKind, State, SwapMark
from rotator.opencode.auth.file import Missing, Whole, read_live, with_entry
from rotator.opencode.auth.journal import finish_interrupted
from rotator.opencode.auth.writer import left_beside, put_live, resolve
from rotator.secret import Secret
from rotator.storage.store import Store
from rotator.system.files import sync_folder

# So long a swap and the look at what it replaced may take.
_SAVED_JUST_NOW = timedelta(seconds=10)


def capture_late_writes(context: Context) -> None:
    """Save what was written into a file that we had just put another in the place of.

    A login found there is saved. It is live, too, where auth.json still has the entry that the
    writer knew; where a swap put another one in, that one stays. So does whoever is in the slot
    where a bridge saw that it ends a refresh of another one. A logout there is not heard.
    What a write in place has left that came to no end is put right before.
    """
    replaced = context.replaced
    _save_leftovers(context)
    finish_interrupted(replaced.journal)
    replaced.follow_mounts(resolve(context.paths.auth_file))
    changed = replaced.changed()
    if changed or replaced.displaced or context.store.late_logins():
        take_descents(context)
    while replaced.displaced:
        seen, held = replaced.displaced[0]
        save_logins(context, seen, held)
        del replaced.displaced[0]
    for old, late in changed:
        save_logins(context, old.seen, late, is_known=not old.is_unknown)
        old.seen = late
    _put_late(context)


def _save_leftovers(context: Context) -> None:
    """Remove what crashes left beside auth.json, once the logins in it are saved.

    It is a content that was to be put in, or the one before; or what somebody else had put there
    just when names were exchanged.
    """
    for path in left_beside(context.paths.auth_file):
        left, last = read_live(path), context.store.live_content()
        if isinstance(left, Whole):
            save_logins(context, Whole(last or b"{}"), left, only_new=True)
        with contextlib.suppress(OSError):
            path.unlink()


def save_logins(
    context: Context,
    seen: Whole,
    late: Whole,
    *,
    is_known: bool = True,
    only_new: bool = False,
    to_be_live: bool = True,
) -> None:
    """Save the credentials that are new in `late`, and note (`to_be_live`) that they are to be so.

    `seen` is what stood there before it, if that `is_known`. `only_new` leaves accounts alone that
    were saved before. Raises StoreError.
    """
    now = context.clock()
    known = knowledge(context, _as_of(context, seen))
    last = context.store.live_content()
    in_auth_json = Whole(last).entries if last is not None else {}
    events: list[Event] = []
    late_logins: list[LateLogin] = []
    with context.store.transaction():
        changes = interpret(seen.entries, late.entries, known)
        logins = [login for login in changes if isinstance(login, Login | Refresh | Revert)]
        for change in (login for login in logins if not only_new or _is_new(login)):
            if not change.fresh if isinstance(change, Revert) else change.stale:
                keep_unknown(context, change)
                continue
            is_old = isinstance(change, Login) and _is_old_copy(context, change, seen, now)
            if is_old and len(changes) > 1:
                continue  # one that its writer had read before somebody else logged in
            before = sense_of(seen.entries.get(change.provider))
            # What ends a refresh is put in where its own account is live by now, and nowhere else.
            before = before if is_known and not isinstance(change, Revert) else UNKNOWN
            beside = sense_of(in_auth_json.get(change.provider))
            late_logins.append(LateLogin(change.provider, change.credential.digest, before, beside))
            events += _save(context, change, now)
        for provider in dict.fromkeys(login.provider for login in late_logins):
            events += settle(context, provider, now)
        # Whoever dies from here on leaves it to the next one who looks.
        if late_logins and to_be_live:
            context.store.set_late_logins([*context.store.late_logins(), *late_logins])
    context.record(events)
    if events:
        context.notify_changed()


def _is_new(change: Login | Refresh | Revert) -> bool:
    return not change.stale if isinstance(change, Refresh) else change.fresh


def _is_old_copy(context: Context, login: Login, seen: Whole, now: datetime) -> bool:
    """Tell whether a known login had its time in its slot before its writer read the file.

    A watcher that reads on while a swap is made may have saved the very login that is late: then
    it is seconds old, and was never live, or first after the one that its writer knew.
    """
    state, account = context.store.state(), login.account
    if account is None or login.fresh:
        return False
    slot = state.slot(login.provider)
    held = [tenure.account for tenure in slot.tenures]
    if account.id not in {slot.active, *held}:
        return False
    first = held.index(account.id) if account.id in held else 0
    left = held[first - 1] if first > 0 else None
    if login.provider in seen.entries:
        is_next = left in [a.id for a in state.of(login.provider) if _is_in(seen, a)]
    else:
        is_next = left is None
    return not (is_next and timedelta() <= now - account.captured_at <= _SAVED_JUST_NOW)


def _is_in(content: Whole, account: Account) -> bool:
    return content.entries.get(account.provider) == account.credential.entry


def _save(context: Context, change: Login | Refresh | Revert, now: datetime) -> list[Event]:
    if isinstance(change, Revert):
        news = renew_with(context, change.account, change, now)
        why = "its refreshed tokens were saved, and who is in its place stays there"
        return [*news, account_event(now, EventKind.REFRESHED, change.account, why)]
    if change.account is None:
        return [add_account(context, change, now)]
    if isinstance(change, Login) and not change.fresh:
        return []
    news = renew_with(context, change.account, change, now)
    if change.is_login:
        context.store.set_disabled(change.account.id, None)
    return [*news, renewed_event(change.account, change, now)]


def _as_of(context: Context, before: Whole) -> State:
    """Return the state with those accounts in the slots that `before` has there.

    Whatever comes late undoes no swap: it went into a file that nobody reads.
    """
    state = context.store.state()
    slots = {p: replace(slot, active=None, swap=None) for p, slot in state.slots.items()}
    for provider, entry in before.entries.items():
        held = [a.id for a in state.of(provider) if a.credential.entry == entry]
        active = held[0] if held else None
        slots[provider] = replace(state.slot(provider), active=active, swap=None)
    return replace(state, slots=slots)


def _put_late(context: Context) -> None:
    """Put late logins in where nobody else was put; what cannot be put in now waits."""
    store, waiting = context.store, context.store.late_logins()
    reading = read_live(context.paths.auth_file) if waiting else Missing()
    if not isinstance(reading, Whole):
        return
    waiting = _without_overtaken(store, waiting, reading)
    # What nobody has saved yet is taken in first: what comes then is compared with what it was.
    if reading.digest != store.live_digest():
        return
    # Nobody is put in whom the store cannot take in.
    store.require_turn()
    merged, left = reading, dict[str, Secret | None]()
    for late in waiting:
        state, now = store.state(), merged.entries.get(late.provider)
        account = state.account(store.holder(late.provider, late.digest))
        if account is None:
            continue  # removed since
        # The very account that was put in: what it was put in with is older.
        is_live = state.slot(late.provider).active == account.id
        # With a token that is spent opencode would only send it once more.
        is_next = account.spent_from is None and sense_of(now) == late.known
        entry = account.credential.entry
        if sense_of(now) != sense_of(entry) and (is_live or is_next):
            keep_unreadable(context, reading, late.provider)
            merged = Whole(with_entry(merged, late.provider, entry))
            left.setdefault(late.provider, now)
    if left and not put_live(context.paths.auth_file, reading, merged.content, context.replaced):
        return
    if left:
        sync_folder(resolve(context.paths.auth_file).parent)
    with store.transaction():
        store.set_late_logins([])
        _take_in_late(context, merged, left)


def _without_overtaken(
    store: Store, waiting: Sequence[LateLogin], reading: Whole
) -> tuple[LateLogin, ...]:
    """Drop late logins after which somebody has written another entry.

    That one stays, and what comes after it too, even a logout where their writer knew no login.
    """
    entries = reading.entries
    left = tuple(
        login for login in waiting if sense_of(entries.get(login.provider)) == login.beside
    )
    if len(left) < len(waiting):
        with store.transaction():
            store.set_late_logins(left)
    return left


def _take_in_late(context: Context, merged: Whole, left: Mapping[str, Secret | None]) -> None:
    """Note that late logins are live; the next change is compared with what was put in.

    A writer that had read the file before may bring back what it `left`: that undoes no login,
    as it undoes no swap.
    """
    before = {provider: context.store.state().slot(provider).active for provider in left}
    if left:
        capture_content(context, merged, watched=True)
    for provider, entry in left.items():
        was, slot = before[provider], context.store.state().slot(provider)
        if was is None or slot.active in (None, was) or entry is None:
            continue
        known = Digest(entry.digest())
        mark = SwapMark(was, slot.active, context.clock(), known, left_expired=False)
        context.store.note_swap(provider, mark)
