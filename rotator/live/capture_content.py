"""Saves what one content of auth.json holds, and says what it should hold instead."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.core.logins.changes import interpret
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.unsaved import is_saved, says_something
from rotator.errors import LiveFileError
from rotator.live.account_changes import settle
from rotator.live.apply_change import apply_change
from rotator.live.knowledge import knowledge, try_parse
from rotator.live.unclaimed import keep
from rotator.live.unproven import undo_disproven
from rotator.model import Descent, Event, Slot
from rotator.opencode.auth.file import Whole, with_entries
from rotator.opencode.bridge.descent import read_descents, taken_in
from rotator.secret import Secret
from rotator.system.regular_files import changed_at, written_at

# A watcher sees a change so soon.
_SEEN_AT_ONCE = timedelta(seconds=1)


def take_descents(context: Context) -> None:
    """Take in what bridges have seen of tokens, and do what is known by it of accounts."""
    reading = read_descents(context.paths)
    now = context.clock()
    events: list[Event] = []
    descents = (*reading.descents, *_of_copies(context, reading.elsewhere))
    # What stays there for others is known from the second look on.
    if reading.files or not all(map(context.store.knows_descent, descents)):
        with context.store.transaction():
            context.store.note_descents(descents, now)
            providers = {account.provider for account in context.store.state().accounts}
            for provider in sorted(providers):
                events += settle(context, provider, now)
            undo_disproven(context, now)
    taken_in(reading, now)
    if events:
        context.record(events)
        context.notify_changed()


def _of_copies(context: Context, elsewhere: Collection[Descent]) -> list[Descent]:
    """Return which logins from here were refreshed in another home: there was a copy of them."""
    if not elsewhere:
        return []
    known = {digest for _, digest in context.store.state().digests}
    return [descent for descent in elsewhere if descent.spent in known]


@dataclass(frozen=True)
class Repair:
    """What auth.json should hold instead, and what has happened once it does."""

    content: bytes = field(repr=False)
    events: tuple[Event, ...]


def capture_content(context: Context, reading: Whole, *, watched: bool) -> Repair | None:
    """Save what `reading` holds; return what has to be mended, if anything.

    Until it is mended the content is not the last seen one, so that a mending that fails is
    tried again.
    """
    now = context.clock()
    before, slots = _before(context), dict(context.store.state().slots)
    # The clock may have been set back since it was written.
    written_at = reading.written_at and min(reading.written_at, now)
    known = knowledge(context, watched=watched, written_at=written_at)
    events: list[Event] = []
    mending: list[Event] = []
    wanted: dict[str, Secret | None] = {}
    with context.store.transaction():
        changes = interpret(before, reading.entries, known)
        for change in changes:
            event, entry = apply_change(context, change, now, events)
            (events if entry is None else mending).append(event)
            if entry is not None:
                wanted[change.provider] = entry or None
        content = Whole(with_entries(reading, wanted)) if wanted else reading
        for provider in dict.fromkeys(change.provider for change in changes):
            events += settle(context, provider, now)
        _keep_shadowed(context, reading, known)
        _leave_empty_slots(context, content, now)
        if mending:
            # Whatever comes then, even what was there before, is not what was just noted.
            context.store.forget_live_digest()
        else:
            _backdate(context, slots, now)
            context.store.set_live(reading.content, now)
    context.record(events)
    if events:
        context.notify_changed()
    return Repair(content.content, tuple(mending)) if mending else None


def _backdate(context: Context, before: Mapping[str, Slot], now: datetime) -> None:
    """Let whoever came into a slot have come when auth.json was written: nobody may have watched.

    An opencode that has begun since has read that login.
    """
    path = context.paths.auth_file
    # What has an old time was put there with it, as a copy may be.
    times = [at for at in (written_at(path), changed_at(path)) if at is not None]
    for provider, slot in context.store.state().slots.items():
        last = before.get(provider, Slot(provider)).tenures[-1:]
        after = [at for at in times if not last or at > last[0].since]
        if slot.tenures[-1:] != last and after and now - after[0] >= _SEEN_AT_ONCE:
            context.store.backdate_tenure(provider, after[0])


def _leave_empty_slots(context: Context, content: Whole, now: datetime) -> None:
    """Note that nobody is in a slot without an entry, as after a mending that came to nothing."""
    for provider, slot in context.store.state().slots.items():
        if slot.active is not None and provider not in content.entries:
            context.store.set_active(provider, None, now)


def _keep_shadowed(context: Context, reading: Whole, known: Knowledge) -> None:
    """Keep entries whose name comes again in auth.json: opencode drops them when it writes."""
    last = {member.provider: member for member in reading.members}
    for member in reading.members:
        if member is last[member.provider]:
            continue
        entry = reading.value_of(member)
        credential = try_parse(member.provider, entry)
        saved = not isinstance(credential, str) and is_saved(member.provider, credential, known)
        if says_something(entry) and not saved:
            why = "another entry of the same name stood behind it"
            # Nobody has been asked to write over it yet.
            with contextlib.suppress(LiveFileError):
                keep(context, entry.reveal().encode("utf-8"), why, member.provider)


def _before(context: Context) -> Mapping[str, Secret]:
    content = context.store.live_content()
    return {} if content is None else Whole(content).entries
