"""What the keys do on the screens of events, priorities and settings."""

from __future__ import annotations

from dataclasses import replace

from rotator.model.preferences import Priority
from rotator.tui.model import effects as do
from rotator.tui.model.bindings import Action, action_for
from rotator.tui.model.messages import Pressed
from rotator.tui.model.outcome import Update, with_job, without_effects
from rotator.tui.model.state import DashboardState, Page, Picker, Prompt, PromptPurpose, Search
from rotator.tui.model.world import SettingRow
from rotator.tui.update.accounts import balanced, steered
from rotator.tui.update.selection import chosen_at
from rotator.tui.update.text_input import narrowed
from rotator.tui.view.events import detail


def pressed(state: DashboardState, key: Pressed) -> Update:
    """Return what a key does on a screen that is not the accounts'."""
    if key.key == "escape" and state.search.text:
        return without_effects(narrowed(state, Search()))
    action = action_for(state, key.key)
    match action:
        case None:
            return without_effects(state)
        case Action.DETAIL:
            return _detail(state)
        case Action.MOVE_UP | Action.MOVE_DOWN | Action.ENABLE | Action.MODEL:
            return _on_priority(state, action)
        case Action.ADD:
            picker = Picker(PromptPurpose.PROVIDER, "add which provider?")
            return replace(state, overlay=picker), (do.OfferProviders(),)
        case Action.BALANCING:
            return balanced(state)
        case Action.CHANGE:
            return _change(state)
        case _:
            return steered(state, action)


def _detail(state: DashboardState) -> Update:
    entries = state.events_shown
    if state.row >= len(entries):
        return without_effects(state)
    event = entries[state.row].event
    return without_effects(replace(state, overlay=Page("event", detail(event, state))))


def _on_priority(state: DashboardState, action: Action) -> Update:
    priorities = state.seen.priorities
    if state.row >= len(priorities):
        return without_effects(state)
    priority = priorities[state.row]
    match action:
        case Action.MOVE_UP | Action.MOVE_DOWN:
            return _move(state, priority, -1 if action is Action.MOVE_UP else 1)
        case Action.ENABLE:
            says = f"switching {priority.provider} {'off' if priority.enabled else 'on'}"
            return with_job(
                state,
                says,
                lambda job: do.SetPriority(job, priority.provider, enabled=not priority.enabled),
            )
        case _:
            return model_wanted(state, priority.provider)


def _move(state: DashboardState, priority: Priority, by: int) -> Update:
    to = state.row + by
    if not 0 <= to < len(state.seen.priorities):
        return without_effects(state)
    # The order changes on screen at once; the file's word comes with the reading after it.
    order = list(state.seen.priorities)
    order.insert(to, order.pop(state.row))
    new = replace(state, world=replace(state.seen, priorities=tuple(order)))
    moving, effects = with_job(
        chosen_at(new, to),
        f"moving {priority.provider}",
        lambda job: do.MovePriority(job, priority.provider, by),
    )
    return replace(moving, reordering=moving.jobs_begun), effects


def model_wanted(state: DashboardState, provider: str) -> Update:
    """Return the state with a provider's models to choose from."""
    picker = Picker(PromptPurpose.MODEL, f"which model of {provider}?", provider)
    return replace(state, overlay=picker), (do.OfferModels(provider),)


def _change(state: DashboardState) -> Update:
    settings = state.settings
    if state.row >= len(settings):
        return without_effects(state)
    setting = settings[state.row]
    if setting.is_switch:
        return setting_set(state, setting, "false" if setting.value == "true" else "true")
    prompt = Prompt(
        PromptPurpose.SETTING, setting.name, setting.name, setting.value, len(setting.value)
    )
    return without_effects(replace(state, overlay=prompt))


def setting_set(state: DashboardState, setting: SettingRow, value: str) -> Update:
    """Return what writes a setting."""
    return with_job(
        state, f"setting {setting.name}", lambda job: do.SetSetting(job, setting.name, value)
    )
