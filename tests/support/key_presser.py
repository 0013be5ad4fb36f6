"""A person before the real dashboard: what is pressed, what is seen, and what is in the files."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rotator.context import Context
from rotator.model import Account
from rotator.settings.active import SettingsLookup
from rotator.settings.origins import setting_values
from rotator.tui.model.state import ScreenName
from tests.support.dashboard_program import SECONDS
from tests.support.household import Household
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

# What terminals send for the keys that are no characters; xterm's, as TERM says here.
SEQUENCES = {
    "delete": "\x1b[3~",
    "down": "\x1b[B",
    "end": "\x1b[F",
    "enter": "\r",
    "escape": "\x1b",
    "f1": "\x1bOP",
    "home": "\x1b[H",
    "pagedown": "\x1b[6~",
    "pageup": "\x1b[5~",
    "shift+down": "\x1b[1;2B",
    "shift+up": "\x1b[1;2A",
    "space": " ",
    "up": "\x1b[A",
}
# opencode's own program is not what is shown here; tests/e2e has the real one.
OPENCODE = """\
#!/bin/sh
case "$1" in
  models) printf '%s/m1\\n%s/m2\\n' "$2" "$2" ;;
  *) echo "logging in: $*"; read line ;;
esac
"""
PROVIDER = "acme"
_OPENED_BY = {ScreenName.EVENTS: "e", ScreenName.PRIORITIES: "p", ScreenName.SETTINGS: ","}


def sequence(key: str) -> str:
    """Return what a terminal sends for a key of the table; KeyError for one it has no name for."""
    if len(key) == 1:
        return key
    held, _, letter = key.rpartition("+")
    if held == "ctrl":
        return chr(ord(letter.upper()) & 0x1F)
    return SEQUENCES[key]


@dataclass
class Presser:
    """A person before one screen of the dashboard, and the same store as another program has it."""

    house: Household
    context: Context
    terminal: Terminal
    place: ScreenName = ScreenName.ACCOUNTS

    # What the person does.

    def press(self, *keys: str) -> None:
        """Press keys, each by its name in the table."""
        for key in keys:
            self.terminal.send(sequence(key))

    def go(self, place: ScreenName) -> None:
        """Go to another screen."""
        if self.place is not ScreenName.ACCOUNTS:
            self.press("q")
            self.is_at(ScreenName.ACCOUNTS)
        if place is not ScreenName.ACCOUNTS:
            self.press(_OPENED_BY[place])
            self.is_at(place)
        self.place = place
        # The settings are read only then.
        self.until(lambda: any(one in self.terminal.text for one in self.labels), "a list")

    def leave(self, shown: str) -> None:
        """Close what lies over the screen; wait until it is gone, and what it showed with it."""
        self.press("escape")
        self.gone(shown)

    # What is seen.

    def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        self.terminal.wait_for_text(text, SECONDS)

    def gone(self, text: str) -> None:
        """Wait until a text is on the screen no more."""
        self.until(lambda: text not in self.terminal.text, f"no {text!r}")

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for anything; fail with the screen."""
        wait_until(condition, SECONDS, lambda: f"{what} with:\n{self.terminal.text}")

    def is_at(self, place: ScreenName) -> None:
        """Wait until that screen is there."""
        title = " rotator  " if place is ScreenName.ACCOUNTS else f" rotator {place.value}"
        self.until(lambda: self.terminal.lines[0].startswith(title), f"the {place.value}")

    def chosen_is(self, *labels: str) -> None:
        """Wait until the chosen line is one with such a word."""

        def found() -> bool:
            lines = [line + " " for line in self.terminal.lines if line.startswith("▌")]
            return any(f" {label} " in line for line in lines for label in labels)

        self.until(found, f"one of {labels} to be chosen")

    def balancing_is(self, *, on: bool) -> None:
        """Wait until the header and the store say so."""
        word = "on" if on else "off"
        self.until(lambda: self.terminal.lines[0].endswith(f"balancing {word}"), f"it to be {word}")
        self.until(lambda: self.context.store.state().balancing is on, f"{word} in the store")

    # What is in the files.

    @property
    def labels(self) -> list[str]:
        """A word of each line of the list, from the first to the last."""
        match self.place:
            case ScreenName.ACCOUNTS:
                return sorted(account.alias for account in self.context.store.state().accounts)
            case ScreenName.EVENTS:
                return [str(one.event.account) for one in reversed(self.context.history.read())]
            case ScreenName.PRIORITIES:
                return [one["provider"] for one in self.order]
            case ScreenName.SETTINGS:
                found = setting_values(SettingsLookup(self.context.paths))
                return [one.key for one in found if one.key != "priority"]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What config.toml holds."""
        return tomllib.loads(self.context.paths.config_file.read_text())

    @property
    def order(self) -> list[dict[str, Any]]:
        """The order of providers in config.toml."""
        found: list[dict[str, Any]] = self.settings["priority"]
        return found

    @property
    def live_key(self) -> str:
        """The key in auth.json; nothing while that is being written."""
        with contextlib.suppress(json.JSONDecodeError):
            return str(self.house.read_auth()[PROVIDER]["key"])
        return ""

    def account(self, alias: str) -> Account | None:
        """Return the account of that name."""
        accounts = self.context.store.state().accounts
        return next((one for one in accounts if one.alias == alias), None)

    def state(self, alias: str) -> str:
        """Return the state of the account of that name; nothing where there is none."""
        account = self.account(alias)
        return account.state_at(self.context.clock()).value if account else ""

    def is_live(self, alias: str) -> None:
        """Wait until an account is live, in auth.json and on the screen."""
        self.shows(f"● {alias} ")
        self.until(lambda: self.live_key == f"KEY-CANARY-{alias}", f"{alias} in auth.json")
