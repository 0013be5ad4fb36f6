"""What the keys and the mouse do while something lies over the screen."""

from __future__ import annotations

from dataclasses import replace

from rotator.model import AccountId
from rotator.tui.model import effects as do
from rotator.tui.model.messages import Clicked, Pasted, Pressed
from rotator.tui.model.outcome import Update, with_job, without_effects
from rotator.tui.model.state import (
    Confirm,
    DashboardState,
    Help,
    Page,
    Picker,
    Prompt,
    PromptPurpose,
)
from rotator.tui.update.lists import model_wanted
from rotator.tui.update.text_input import edited, query_after
from rotator.tui.view.overlay import help_height, page_lines

_STEPS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "k": -1, "j": 1}
_ENDS = {"home", "end"}
_LEAVES = {"escape", "q", "?", "enter"}


def typed(state: DashboardState, message: Pressed | Pasted) -> Update:
    """Return what a key or a paste does to the overlay."""
    key = message.key if isinstance(message, Pressed) else ""
    if key == "escape" or state.overlay is None:
        return without_effects(replace(state, overlay=None))
    match state.overlay:
        case Help() | Page():
            left = replace(state, overlay=None)
            return without_effects(left if key in _LEAVES else turned(state, _STEPS.get(key, 0)))
        case Confirm() as confirm:
            return _answered(state, confirm, key)
        case Prompt() as prompt if key == "enter":
            return _entered(replace(state, overlay=None), prompt)
        case Prompt() as prompt:
            return without_effects(replace(state, overlay=edited(prompt, message)))
        case Picker() as picker:
            return _searched(state, picker, message, key)


def turned(state: DashboardState, lines: int) -> DashboardState:
    """Return the state with its overlay scrolled by so many lines."""
    match state.overlay:
        case Help(top):
            return replace(state, overlay=Help(_within(top + lines, help_height())))
        case Page() as page:
            last = len(page_lines(page, state.width)) - 1
            return replace(state, overlay=replace(page, top=_within(page.top + lines, last)))
        case Picker() as picker:
            return replace(state, overlay=_stepped(picker, lines))
        case _:
            return state


def _within(number: int, last: int) -> int:
    return max(min(number, last), 0)


def pointed(state: DashboardState, at: Clicked) -> Update:
    """Return what a click on an item does: it is chosen, and taken if it was chosen already."""
    picker = state.overlay
    if not isinstance(picker, Picker) or at.row is None:
        return without_effects(state)
    if at.row == picker.row:
        return _picked(state, picker)
    return without_effects(replace(state, overlay=_stepped(picker, at.row - picker.row)))


def _answered(state: DashboardState, confirm: Confirm, key: str) -> Update:
    if key not in {"y", "Y"}:
        return without_effects(replace(state, overlay=None) if key in {"n", "N", "q"} else state)
    state = replace(state, overlay=None)
    row = state.seen.row(confirm.account)
    if row is None:
        return without_effects(state)
    says = f"removing {row.name}"
    return with_job(state, says, lambda job: do.Remove(job, row.id), row.id, can_be_undone=True)


def _entered(state: DashboardState, prompt: Prompt) -> Update:
    text = prompt.text.strip()
    if prompt.purpose is PromptPurpose.SETTING:
        name = prompt.about
        return with_job(state, f"setting {name}", lambda job: do.SetSetting(job, name, text))
    account = AccountId(prompt.about)
    row = state.seen.row(account)
    if row is None or not text or text == row.alias:
        return without_effects(state)
    says = f"renaming {row.name}"
    return with_job(state, says, lambda job: do.Rename(job, account, text), account)


def _searched(state: DashboardState, picker: Picker, message: Pressed | Pasted, key: str) -> Update:
    if key == "enter":
        return _picked(state, picker)
    if key in _STEPS and len(key) > 1:
        return without_effects(replace(state, overlay=_stepped(picker, _STEPS[key])))
    if key in _ENDS:
        far = len(picker.found)
        return without_effects(
            replace(state, overlay=_stepped(picker, far if key == "end" else -far))
        )
    query = query_after(picker.query, message)
    row = picker.row if query == picker.query else 0
    return without_effects(replace(state, overlay=replace(picker, query=query, row=row)))


def _stepped(picker: Picker, by: int) -> Picker:
    return replace(picker, row=_within(picker.row + by, len(picker.found) - 1))


def _picked(state: DashboardState, picker: Picker) -> Update:
    choices = picker.found
    if picker.row >= len(choices):
        return without_effects(state)
    key = choices[picker.row].key
    state = replace(state, overlay=None)
    match picker.purpose:
        case PromptPurpose.CONNECT:
            says = f"logging in to {key or 'a provider'}"
            return with_job(state, says, lambda job: do.Connect(job, key))
        case PromptPurpose.PROVIDER:
            new, effects = model_wanted(state, key)
            added, more = with_job(
                new, f"adding {key}", lambda job: do.SetPriority(job, key, enabled=True)
            )
            return added, (*more, *effects)
        case PromptPurpose.MODEL:
            about = picker.about
            return with_job(
                state, f"{about} uses {key}", lambda job: do.SetPriority(job, about, model=key)
            )
        case _:
            return without_effects(state)
