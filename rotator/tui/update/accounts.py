"""What the keys do on the accounts' screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from rotator.model import AccountState
from rotator.tui.model import effects as do
from rotator.tui.model.bindings import Action, action_for
from rotator.tui.model.messages import Pressed
from rotator.tui.model.outcome import Update, with_job, without_effects
from rotator.tui.model.state import (
    Confirm,
    DashboardState,
    Help,
    Page,
    Picker,
    Prompt,
    PromptPurpose,
    ScreenName,
    Search,
)
from rotator.tui.model.world import Row
from rotator.tui.update.selection import FAR, chosen_at, moved, page
from rotator.tui.update.text_input import narrowed
from rotator.tui.view.accounts import shown_blocks
from rotator.tui.view.layout import SPARKLINES
from rotator.tui.view.view import parts

_TO_PLACES = {
    Action.BACK: ScreenName.ACCOUNTS,
    Action.EVENTS: ScreenName.EVENTS,
    Action.PRIORITIES: ScreenName.PRIORITIES,
    Action.SETTINGS: ScreenName.SETTINGS,
}


def pressed(state: DashboardState, key: Pressed) -> Update:
    """Return what a key does on the accounts' screen."""
    action = action_for(state, key.key)
    if action is None:
        if key.key == "escape" and state.search.text:
            return without_effects(narrowed(state, Search()))
        return without_effects(state)
    for table in (_ON_ACCOUNT, _ANYWHERE):
        if action in table:
            return table[action](state)
    return steered(state, action)


def steered(state: DashboardState, action: Action) -> Update:
    """Return what moves, leaves or helps, which is alike on every screen."""
    if action in _STEERS:
        return without_effects(_STEERS[action](state))
    if action in _TO_PLACES:
        return without_effects(replace(state, place=_TO_PLACES[action]))
    match action:
        case Action.REDRAW:
            return state, (do.Redraw(),)
        case Action.QUIT:
            return state, (do.Quit(),)
        case _:
            return without_effects(state)


_STEERS: dict[Action, Callable[[DashboardState], DashboardState]] = {
    Action.UP: lambda state: moved(state, -1),
    Action.DOWN: lambda state: moved(state, 1),
    Action.PAGE_UP: lambda state: moved(state, -page(state)),
    Action.PAGE_DOWN: lambda state: moved(state, page(state)),
    Action.FIRST: lambda state: chosen_at(state, 0),
    Action.LAST: lambda state: chosen_at(state, FAR),
    Action.FILTER: lambda state: state.searching(replace(state.search, typing=True)),
    Action.HELP: lambda state: replace(state, overlay=Help()),
}


def _activate(state: DashboardState, row: Row) -> Update:
    says = f"activating {row.name}"
    activate = partial(do.Activate, provider=row.provider, alias=row.alias)
    return with_job(state, says, activate, row.id, can_be_undone=True)


def _rotate(state: DashboardState, row: Row) -> Update:
    says = f"rotating {row.provider}"
    rotate = partial(do.RotateToBest, provider=row.provider)
    return with_job(state, says, rotate, can_be_undone=True)


def _rename(state: DashboardState, row: Row) -> Update:
    return without_effects(naming(replace(state, account=row.id)))


def naming(state: DashboardState) -> DashboardState:
    """Return the state with the chosen account's name being typed."""
    row = state.chosen
    if row is None:
        return state
    title = f"name of {row.name}"
    prompt = Prompt(PromptPurpose.RENAME, title, row.id, row.alias, len(row.alias))
    return replace(state, overlay=prompt)


def _remove(state: DashboardState, row: Row) -> Update:
    says = "Its credential is deleted."
    if row.active:
        says = "It is live: the best other account takes over, else the slot is emptied. " + says
    question = Confirm(row.id, f"Remove {row.name}?", says)
    return without_effects(replace(state, overlay=question))


def _disable(state: DashboardState, row: Row) -> Update:
    disabled = row.state is not AccountState.DISABLED
    says = f"{'disabling' if disabled else 'enabling'} {row.name}"
    return with_job(state, says, lambda job: do.SetDisabled(job, row.id, disabled), row.id)


def _explain(state: DashboardState, row: Row) -> Update:
    waiting = Page(why_title(row.provider), ("looking",))
    return replace(state, overlay=waiting), (do.Explain(row.provider),)


def why_title(provider: str) -> str:
    """Return the title of the page that explains a provider's choice."""
    return f"why this account of {provider}"


def _with_account(
    act: Callable[[DashboardState, Row], Update],
) -> Callable[[DashboardState], Update]:
    def do_it(state: DashboardState) -> Update:
        return without_effects(state) if state.chosen is None else act(state, state.chosen)

    return do_it


def _refresh(state: DashboardState) -> Update:
    accounts = tuple(row.id for row in on_screen(state))
    return with_job(state, "asking for usage", lambda job: do.ReadUsage(job, accounts))


def on_screen(state: DashboardState) -> list[Row]:
    """Return the accounts of which something is on screen."""
    blocks = shown_blocks(state, parts(state).body)
    return [block.row for block in blocks if block.row is not None]


def wanted_past(state: DashboardState) -> do.ReadPast | None:
    """Return the effect that reads what the sparklines on screen are drawn from."""
    if state.width < SPARKLINES or state.world is None or state.place is not ScreenName.ACCOUNTS:
        return None
    accounts = tuple(row.id for row in on_screen(state) if row.gauges)
    return do.ReadPast(accounts) if accounts else None


def balanced(state: DashboardState) -> Update:
    """Return what switches balancing."""
    on = not state.seen.balancing
    says = f"switching balancing {'on' if on else 'off'}"
    return with_job(state, says, lambda job: do.SetBalancing(job, on))


def _connect(state: DashboardState) -> Update:
    picker = Picker(PromptPurpose.CONNECT, "log in to which provider?")
    return replace(state, overlay=picker), (do.OfferProviders(),)


def _undo(state: DashboardState) -> Update:
    undo = state.undoable
    if undo is None:
        return without_effects(state)
    state = replace(state, undo=None)
    return with_job(state, f"taking back: {undo.says}", lambda job: do.Undo(job, undo.token))


def _watch(state: DashboardState) -> Update:
    return with_job(state, "starting the watcher", do.StartWatcher)


_ON_ACCOUNT = {
    Action.ACTIVATE: _with_account(_activate),
    Action.ROTATE: _with_account(_rotate),
    Action.RENAME: _with_account(_rename),
    Action.REMOVE: _with_account(_remove),
    Action.DISABLE: _with_account(_disable),
    Action.EXPLAIN: _with_account(_explain),
}
_ANYWHERE: dict[Action, Callable[[DashboardState], Update]] = {
    Action.REFRESH: _refresh,
    Action.BALANCING: balanced,
    Action.CONNECT: _connect,
    Action.UNDO: _undo,
    Action.WATCH: _watch,
}
