"""The one table of keys: what `update` obeys, what the footer offers and what help lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from rotator.model import AccountState
from rotator.tui.model.state import DashboardState, ScreenName

EVERYWHERE = frozenset(ScreenName)
ACCOUNTS = frozenset({ScreenName.ACCOUNTS})
EVENTS = frozenset({ScreenName.EVENTS})
PRIORITIES = frozenset({ScreenName.PRIORITIES})
SETTINGS = frozenset({ScreenName.SETTINGS})
LISTS = frozenset({ScreenName.ACCOUNTS, ScreenName.EVENTS})


class Action(StrEnum):
    """What a key can do."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    FIRST = "first"
    LAST = "last"
    ACTIVATE = "activate"
    ROTATE = "rotate"
    CONNECT = "connect"
    RENAME = "rename"
    REMOVE = "remove"
    DISABLE = "disable"
    REFRESH = "refresh"
    BALANCING = "balancing"
    FILTER = "filter"
    EVENTS = "events"
    DETAIL = "detail"
    PRIORITIES = "priorities"
    MOVE_UP = "move up"
    MOVE_DOWN = "move down"
    ENABLE = "enable"
    MODEL = "model"
    ADD = "add"
    SETTINGS = "settings"
    CHANGE = "change"
    EXPLAIN = "explain"
    UNDO = "undo"
    WATCH = "watch"
    HELP = "help"
    REDRAW = "redraw"
    BACK = "back"
    QUIT = "quit"


def _always(_: DashboardState) -> bool:
    return True


def _on_account(state: DashboardState) -> bool:
    return state.chosen is not None


def _parked(state: DashboardState) -> bool:
    return state.chosen is not None and not state.chosen.active


def _has_other(state: DashboardState) -> bool:
    chosen = state.chosen
    return chosen is not None and any(
        row.provider == chosen.provider and row.id != chosen.id for row in state.seen.rows
    )


def _can_undo(state: DashboardState) -> bool:
    return state.undoable is not None


def _unwatched(state: DashboardState) -> bool:
    return state.world is not None and state.world.watcher_pid is None


def _has_events(state: DashboardState) -> bool:
    return bool(state.events_shown)


def _has_priority(state: DashboardState) -> bool:
    return bool(state.seen.priorities)


def _enable_word(state: DashboardState) -> str:
    chosen = state.chosen
    disabled = chosen is not None and chosen.state is AccountState.DISABLED
    return "enable" if disabled else "disable"


def _balancing_word(state: DashboardState) -> str:
    return "balancing off" if state.seen.balancing else "balancing on"


@dataclass(frozen=True, slots=True)
class Binding:
    """A thing to do: its keys, its short word in the footer, its sentence in help, and when."""

    action: Action
    keys: tuple[str, ...]
    word: str | Callable[[DashboardState], str]
    says: str
    places: frozenset[ScreenName] = EVERYWHERE
    when: Callable[[DashboardState], bool] = _always
    # Left out of the footer: everybody tries these anyway.
    hidden: bool = False

    def label(self, state: DashboardState) -> str:
        """Return the word for the footer."""
        return self.word if isinstance(self.word, str) else self.word(state)

    def fits(self, state: DashboardState) -> bool:
        """Tell whether it can be done now."""
        return state.place in self.places and self.when(state)


# The order is that of the footer: what does not fit into its line is left out from the end.
BINDINGS: tuple[Binding, ...] = (
    Binding(
        Action.WATCH,
        ("w",),
        "start the watcher",
        "start the watcher, which saves logins and fails over",
        ACCOUNTS,
        _unwatched,
    ),
    Binding(
        Action.ACTIVATE,
        ("enter",),
        "activate",
        "put the chosen account into auth.json",
        ACCOUNTS,
        _parked,
    ),
    Binding(
        Action.UNDO,
        ("z",),
        "undo",
        "take back the last swap or removal, for ten minutes",
        ACCOUNTS,
        _can_undo,
    ),
    Binding(
        Action.ROTATE,
        ("r",),
        "rotate",
        "put the provider's best other account into auth.json",
        ACCOUNTS,
        _has_other,
    ),
    Binding(Action.DETAIL, ("enter",), "detail", "show all of an event", EVENTS, _has_events),
    Binding(
        Action.MODEL,
        ("enter",),
        "model",
        "choose the model that is used at this provider",
        PRIORITIES,
        _has_priority,
    ),
    Binding(
        Action.ENABLE,
        ("space",),
        "on/off",
        "let new messages go to this provider, or not",
        PRIORITIES,
        _has_priority,
    ),
    Binding(
        Action.MOVE_UP,
        ("shift+up", "K"),
        "up",
        "move it up in the order",
        PRIORITIES,
        _has_priority,
    ),
    Binding(
        Action.MOVE_DOWN,
        ("shift+down", "J"),
        "down",
        "move it down in the order",
        PRIORITIES,
        _has_priority,
    ),
    Binding(Action.ADD, ("a",), "add", "add a provider to the order", PRIORITIES),
    Binding(Action.CHANGE, ("enter", "space"), "change", "change the setting", SETTINGS),
    Binding(
        Action.CONNECT,
        ("c",),
        "connect",
        "log in with another account, by opencode's own login",
        ACCOUNTS,
    ),
    Binding(
        Action.RENAME, ("n",), "rename", "give the account another name", ACCOUNTS, _on_account
    ),
    Binding(
        Action.DISABLE,
        ("space",),
        _enable_word,
        "keep the account from being chosen, or let it be chosen again",
        ACCOUNTS,
        _on_account,
    ),
    Binding(
        Action.REMOVE,
        ("d", "delete"),
        "remove",
        "forget the account and its credential, after a question",
        ACCOUNTS,
        _on_account,
    ),
    Binding(
        Action.REFRESH,
        ("u",),
        "usage",
        "ask the vendors what is used of each account on screen",
        ACCOUNTS,
        _on_account,
    ),
    Binding(
        Action.EXPLAIN,
        ("x",),
        "explain",
        "say why this account and not that",
        ACCOUNTS,
        _on_account,
    ),
    Binding(Action.FILTER, ("/",), "filter", "narrow the list to what you type", LISTS),
    Binding(Action.EVENTS, ("e",), "events", "see what happened and why", ACCOUNTS),
    Binding(
        Action.PRIORITIES,
        ("p",),
        "priorities",
        "choose which provider and model serve new messages first",
        ACCOUNTS,
    ),
    Binding(
        Action.BALANCING,
        ("b", "B"),
        _balancing_word,
        "switch failover on or off",
        frozenset({ScreenName.ACCOUNTS, ScreenName.PRIORITIES}),
    ),
    Binding(Action.SETTINGS, (",",), "settings", "see and change the settings", ACCOUNTS),
    Binding(Action.UP, ("up", "k"), "up", "go up", hidden=True),
    Binding(Action.DOWN, ("down", "j"), "down", "go down", hidden=True),
    Binding(Action.PAGE_UP, ("pageup",), "page up", "go up a screen", hidden=True),
    Binding(Action.PAGE_DOWN, ("pagedown",), "page down", "go down a screen", hidden=True),
    Binding(Action.FIRST, ("home", "g"), "first", "go to the first line", hidden=True),
    Binding(Action.LAST, ("end", "G"), "last", "go to the last line", hidden=True),
    Binding(Action.REDRAW, ("ctrl+l",), "redraw", "draw the screen anew", hidden=True),
    Binding(
        Action.BACK,
        ("escape", "q"),
        "back",
        "go back to the accounts",
        EVENTS | PRIORITIES | SETTINGS,
    ),
    Binding(Action.HELP, ("?", "f1"), "help", "show these keys"),
    Binding(Action.QUIT, ("q",), "quit", "leave the dashboard", ACCOUNTS),
)

_SHOWN = {
    "delete": "Del",
    "down": "↓",
    "end": "End",
    "enter": "Enter",
    "escape": "Esc",
    "f1": "F1",
    "home": "Home",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "shift+down": "Shift+↓",
    "shift+up": "Shift+↑",
    "space": "Space",
    "up": "↑",
}
_PLAIN = {"↓": "Down", "↑": "Up"}


def shown(key: str, *, ascii_only: bool = False) -> str:
    """Return a key as it stands on keyboards."""
    text = _SHOWN.get(key, key.replace("ctrl+", "Ctrl+"))
    if ascii_only:
        for sign, word in _PLAIN.items():
            text = text.replace(sign, word)
    return text


def action_for(state: DashboardState, key: str) -> Action | None:
    """Return what a key does on the screen that is shown, or None."""
    return next((b.action for b in BINDINGS if key in b.keys and b.fits(state)), None)
