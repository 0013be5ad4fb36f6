"""Text that is being typed: a prompt's line, a picker's search, a list's filter."""

from __future__ import annotations

from dataclasses import replace

from rotator.text import sanitize
from rotator.tui.model.messages import Pasted, Pressed
from rotator.tui.model.state import DashboardState, Prompt, ScreenName, Search
from rotator.tui.update.selection import moved, place_of_chosen, reselected
from rotator.tui.view.frame import plain

LONGEST = 300
_STEPS = {"up": -1, "down": 1}


def typed_text(message: Pressed | Pasted) -> str:
    """Return what a key or a paste types, on one line and harmless."""
    text = message.text
    if not text.isprintable():
        text = sanitize(text, LONGEST)
    return plain(text)


def edited(prompt: Prompt, message: Pressed | Pasted) -> Prompt:
    """Return the prompt after a key that moves in its line, takes away from it or adds to it."""
    text, at = prompt.text, prompt.at
    key = message.key if isinstance(message, Pressed) else ""
    places = {"left": at - 1, "right": at + 1, "home": 0, "ctrl+a": 0, "end": len(text)}
    if key in places or key == "ctrl+e":
        return replace(prompt, at=max(min(places.get(key, len(text)), len(text)), 0))
    if key == "delete":
        return replace(prompt, text=text[:at] + text[at + 1 :])
    before = _shortened(text[:at], key)
    if before is None:
        before = text[:at] + typed_text(message)[: LONGEST - len(text)]
    return replace(prompt, text=before + text[at:], at=len(before))


def _shortened(text: str, key: str) -> str | None:
    """Return what a key leaves of the text before the cursor; None if it takes nothing away."""
    match key:
        case "backspace":
            return text[:-1]
        case "ctrl+u":
            return ""
        case "ctrl+w":
            kept = text.rstrip().rpartition(" ")
            return kept[0] + kept[1]
        case _:
            return None


def query_after(query: str, message: Pressed | Pasted) -> str:
    """Return a search after a key; one always types at its end."""
    key = message.key if isinstance(message, Pressed) else ""
    kept = _shortened(query, key)
    return (query + typed_text(message))[:LONGEST] if kept is None else kept


def search_typed(state: DashboardState, message: Pressed | Pasted) -> DashboardState:
    """Return the state after a key while a filter is typed: the list narrows at once."""
    key = message.key if isinstance(message, Pressed) else ""
    if key in _STEPS:
        return moved(state, _STEPS[key])
    if key == "escape":
        return narrowed(state, Search())
    if key == "enter":
        return state.searching(replace(state.search, typing=False))
    return narrowed(state, Search(query_after(state.search.text, message), typing=True))


def narrowed(state: DashboardState, search: Search) -> DashboardState:
    """Return the state with its list narrowed, and something of what is left chosen."""
    before = place_of_chosen(state) if state.place is ScreenName.ACCOUNTS else 0
    new = state.searching(search)
    if state.place is not ScreenName.ACCOUNTS:
        return new.at_row(0)
    return reselected(new, before if not search.text else 0)
