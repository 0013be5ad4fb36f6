"""Where the selection is, and that it stays in sight."""

from __future__ import annotations

from dataclasses import replace

from rotator.tui.model.messages import Clicked
from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.model.world import World
from rotator.tui.view.accounts import scrolled
from rotator.tui.view.layout import top_for
from rotator.tui.view.lists import LINES_BELOW
from rotator.tui.view.view import parts

# A page keeps one line of the page before in sight.
_OVERLAP = 1
FAR = 1_000_000


def row_count(state: DashboardState) -> int:
    """Return how many lines the list on screen has to choose from."""
    match state.place:
        case ScreenName.ACCOUNTS:
            return len(state.rows_shown)
        case ScreenName.EVENTS:
            return len(state.events_shown)
        case ScreenName.PRIORITIES:
            return len(state.seen.priorities)
        case ScreenName.SETTINGS:
            return len(state.settings)


def place_of_chosen(state: DashboardState) -> int:
    """Return which line of the list is chosen."""
    if state.place is not ScreenName.ACCOUNTS:
        return state.row
    ids = (row.id for row in state.rows_shown)
    return next((number for number, account in enumerate(ids) if account == state.account), 0)


def moved(state: DashboardState, by: int) -> DashboardState:
    """Return the state with the selection so many lines further down, as far as there are any."""
    return chosen_at(state, place_of_chosen(state) + by)


def chosen_at(state: DashboardState, number: int) -> DashboardState:
    """Return the state with that line chosen, or the nearest one that there is."""
    count = row_count(state)
    number = max(min(number, count - 1), 0)
    if state.place is not ScreenName.ACCOUNTS:
        return state.at_row(number)
    return replace(state, account=state.rows_shown[number].id if count else None)


def page(state: DashboardState) -> int:
    """Return how many lines the keys for pages go."""
    return max(parts(state).body - _OVERLAP, 1)


def pointed(state: DashboardState, at: Clicked) -> tuple[DashboardState, tuple[()]]:
    """Return the state after a click on a line of the list."""
    if at.account is not None and state.place is ScreenName.ACCOUNTS:
        return replace(state, account=at.account), ()
    if at.row is not None and state.place is not ScreenName.ACCOUNTS:
        return chosen_at(state, at.row), ()
    return state, ()


def reselected(state: DashboardState, before: int = 0) -> DashboardState:
    """Keep the selection where it is; if that is gone, go to whoever took its place."""
    ids = [row.id for row in state.rows_shown]
    if state.account not in ids:
        account = ids[min(before, len(ids) - 1)] if ids else None
        return replace(state, account=account)
    return state


def with_world(state: DashboardState, world: World) -> DashboardState:
    """Return the state after the store was read anew."""
    first = state.world is None
    if any(job.number == state.reordering for job in state.jobs):
        # What was read may be the order before; the next key is meant for the one on screen.
        world = replace(world, priorities=state.seen.priorities)
    number = next((n for n, r in enumerate(state.rows_shown) if r.id == state.account), 0)
    new = reselected(replace(state, world=world, broken=None), number)
    if first:
        live = next((row.id for row in world.rows if row.active), new.account)
        return replace(new, account=live)
    if state.place is ScreenName.EVENTS and state.row:
        # The selection stays on its event when newer ones come above it.
        new = chosen_at(new, state.row + _newer(state, new))
    if state.place is ScreenName.PRIORITIES:
        new = new.at_row(_same_priority(state, new))
    return chosen_at(new, new.row) if new.place is not ScreenName.ACCOUNTS else new


def _newer(before: DashboardState, after: DashboardState) -> int:
    known = before.events_shown
    if not known:
        return 0
    newest = known[0].number
    return sum(entry.number > newest for entry in after.events_shown)


def _same_priority(before: DashboardState, after: DashboardState) -> int:
    """Return where the chosen provider is now; the same line if it is gone."""
    chosen = [priority.provider for priority in before.seen.priorities][before.row : before.row + 1]
    order = [priority.provider for priority in after.seen.priorities]
    return next((order.index(provider) for provider in chosen if provider in order), before.row)


def kept_in_view(state: DashboardState) -> DashboardState:
    """Return the state with its list scrolled so that the selection is on screen."""
    height = parts(state).body
    if state.place is ScreenName.ACCOUNTS:
        return state.at_top(scrolled(state, height))
    if state.place is not ScreenName.EVENTS:
        # The chosen line is explained below the list.
        height = max(height - LINES_BELOW - bool(state.seen.unsettled), 0)
    top = state.tops.get(state.place, 0)
    return state.at_top(top_for(top, state.row, state.row, height, row_count(state)))
