"""What a message changes, and what is asked to be done: a state and a message go in.

Pure: no file, no clock, no terminal. What an answer is about may be gone by the time it comes;
then it changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from rotator.tui.model.effects import ReadSettings, Redraw
from rotator.tui.model.messages import (
    ChoicesLoaded,
    Clicked,
    Explained,
    JobFinished,
    LockAwaited,
    Message,
    Pasted,
    PastRead,
    Pressed,
    Resized,
    Scrolled,
    SettingsRead,
    StoreUnreadable,
    Ticked,
    WorldRead,
)
from rotator.tui.model.outcome import Update, without_effects
from rotator.tui.model.state import (
    DashboardState,
    Page,
    Picker,
    PromptPurpose,
    ScreenName,
    StatusMessage,
)
from rotator.tui.update import accounts as on_accounts
from rotator.tui.update import lists as on_lists
from rotator.tui.update import overlay as on_overlay
from rotator.tui.update.selection import kept_in_view, moved, pointed, with_world
from rotator.tui.update.text_input import search_typed

NOTICE, FAILURE = timedelta(seconds=6), timedelta(seconds=20)


def update(state: DashboardState, message: Message) -> Update:
    """Return the state after a message, and what has to be done."""
    new, effects = _updated(state, message)
    new = kept_in_view(_named(new))
    wanted = on_accounts.wanted_past(new)
    if wanted is not None and (
        isinstance(message, WorldRead) or wanted != on_accounts.wanted_past(state)
    ):
        effects = (*effects, wanted)
    if new.place is ScreenName.SETTINGS and (
        isinstance(message, WorldRead) or state.place is not ScreenName.SETTINGS
    ):
        effects = (*effects, ReadSettings())
    return new, effects


def _named(state: DashboardState) -> DashboardState:
    """Ask for the name of a login that was just captured, once it is on screen."""
    if state.to_name is None or state.overlay is not None or state.seen.row(state.to_name) is None:
        return state
    return on_accounts.naming(replace(state, account=state.to_name, to_name=None))


def _updated(state: DashboardState, message: Message) -> Update:
    if isinstance(message, Pressed | Pasted | Clicked | Scrolled):
        state = replace(state, touched_after=state.jobs_begun)
    match message:
        case Pressed() | Pasted():
            return _typed(state, message)
        case Clicked():
            return on_overlay.pointed(state, message) if state.overlay else pointed(state, message)
        case Scrolled(lines):
            return without_effects(
                on_overlay.turned(state, lines) if state.overlay else moved(state, lines)
            )
        case Resized(width, height):
            return replace(state, width=width, height=height), (Redraw(),)
        case _:
            return without_effects(_told(state, message))


def _typed(state: DashboardState, message: Pressed | Pasted) -> Update:
    if state.overlay is not None:
        return on_overlay.typed(state, message)
    if state.search.typing:
        return without_effects(search_typed(state, message))
    if isinstance(message, Pasted):
        return without_effects(state)
    if state.place is ScreenName.ACCOUNTS:
        return on_accounts.pressed(state, message)
    return on_lists.pressed(state, message)


def _told(state: DashboardState, message: Message) -> DashboardState:
    match message:
        case Ticked(now):
            return _ticked(state, now)
        case JobFinished():
            return _ended(state, message)
        case LockAwaited(says):
            return replace(state, waits=says if state.jobs else "")
        case ChoicesLoaded() as offered:
            return _offered(state, offered)
        case Explained(title, lines):
            return _explained(state, Page(title, lines))
        case _:
            return _read(state, message)


def _read(state: DashboardState, message: Message) -> DashboardState:
    match message:
        case WorldRead(world):
            return with_world(state, world)
        case StoreUnreadable(says):
            return replace(state, broken=says)
        case PastRead(past):
            return replace(state, past=past)
        case SettingsRead(settings):
            return replace(state, settings=settings)
        case _:
            return state


def _ticked(state: DashboardState, now: datetime) -> DashboardState:
    notice = state.notice if state.notice and now < state.notice.until else None
    undo = state.undo if state.undo and now < state.undo.until else None
    return replace(state, now=now, notice=notice, undo=undo)


def _explained(state: DashboardState, page: Page) -> DashboardState:
    waiting = state.overlay
    if not isinstance(waiting, Page) or waiting.title != page.title:
        return state
    return replace(state, overlay=page)


def _offered(state: DashboardState, offered: ChoicesLoaded) -> DashboardState:
    picker = state.overlay
    if not isinstance(picker, Picker) or offered.wanted != wanted_by(picker):
        return state
    items = offered.items
    if picker.purpose is not PromptPurpose.CONNECT:
        # "Another one" is opencode's own question, which it asks at a login alone.
        items = tuple(item for item in items if item.key)
    return replace(state, overlay=replace(picker, items=items))


def wanted_by(picker: Picker) -> str:
    """Return what the answer that fills a picker is called."""
    return picker.about if picker.purpose is PromptPurpose.MODEL else "providers"


def _ended(state: DashboardState, ended: JobFinished) -> DashboardState:
    jobs = tuple(job for job in state.jobs if job.number != ended.job)
    until = state.now + (FAILURE if ended.failed else NOTICE)
    state = replace(
        state,
        jobs=jobs,
        waits=state.waits if jobs else "",
        notice=StatusMessage(ended.says, ended.failed, until) if ended.says else state.notice,
        undo=ended.undo or state.undo,
    )
    if ended.failed and isinstance(state.overlay, Picker) and state.overlay.items is None:
        # What it waits for does not come.
        state = replace(state, overlay=None)
    if ended.select is not None and state.touched_after < ended.job:
        # Who has done something since means the line that is chosen now.
        state = replace(state, account=ended.select)
    return replace(state, to_name=ended.name_it or state.to_name)
