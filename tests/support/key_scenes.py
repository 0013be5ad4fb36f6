"""What each key of the dashboard does, seen on the screen and in the files: a scene an action.

A scene presses the key that it is given on the screen that is there, waits for what the key has to
do, and leaves the dashboard as it was, so that the next key finds it so. Each waits for what is
not there before.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

from rotator.system.locks import watcher_pid
from rotator.tui.model.bindings import Action
from rotator.tui.model.state import ScreenName
from tests.support.children import has_ended
from tests.support.dashboard_program import SECONDS, line_with, wait_for_line
from tests.support.key_presser import PROVIDER, Presser
from tests.support.waiting import wait_until

_SWITCH = "failover.swap_before_wall"
_WHOLE_SCREEN = 1500


def _up(scene: Presser, key: str) -> None:
    scene.press("home", "down", "down")
    scene.chosen_is(scene.labels[2])
    scene.press(key)
    scene.chosen_is(scene.labels[1])


def _down(scene: Presser, key: str) -> None:
    scene.press("home")
    scene.chosen_is(scene.labels[0])
    scene.press(key)
    scene.chosen_is(scene.labels[1])


def _page_up(scene: Presser, key: str) -> None:
    scene.press("end", key)
    scene.chosen_is(*scene.labels[:-2])


def _page_down(scene: Presser, key: str) -> None:
    scene.press("home", key)
    scene.chosen_is(*scene.labels[2:])


def _first(scene: Presser, key: str) -> None:
    scene.press("end")
    scene.chosen_is(scene.labels[-1])
    scene.press(key)
    scene.chosen_is(scene.labels[0])


def _last(scene: Presser, key: str) -> None:
    scene.press("home")
    scene.chosen_is(scene.labels[0])
    scene.press(key)
    scene.chosen_is(scene.labels[-1])


def _redraw(scene: Presser, key: str) -> None:
    before = scene.terminal.written
    scene.press(key)
    scene.until(lambda: scene.terminal.written - before > _WHOLE_SCREEN, "all of it once more")


def _help(scene: Presser, key: str) -> None:
    scene.press(key)
    scene.shows("Go up a screen")
    scene.leave("Go up a screen")


def _filter(scene: Presser, key: str) -> None:
    kept, lost = scene.labels[3], scene.labels[4]
    scene.shows(lost)
    scene.press(key)
    scene.shows("Enter keep")
    scene.terminal.type(kept.rpartition("/")[2])
    scene.gone(lost)
    scene.shows(kept)
    scene.press("escape")
    scene.shows(lost)


def _detail(scene: Presser, key: str) -> None:
    scene.press("home", key)
    scene.shows("account   " + scene.labels[0])
    scene.leave("account   ")


def _back(scene: Presser, key: str) -> None:
    scene.press(key)
    scene.is_at(ScreenName.ACCOUNTS)
    place, scene.place = scene.place, ScreenName.ACCOUNTS
    scene.go(place)


def _model(scene: Presser, key: str) -> None:
    one = scene.order[0]
    model = "m1" if one.get("model") == "m2" else "m2"
    scene.press("home", key)
    scene.shows(f"which model of {one['provider']}?")
    scene.shows("m2")
    scene.terminal.type(model)
    scene.press("enter")
    scene.until(lambda: scene.order[0].get("model") == model, f"{model} in config.toml")
    wait_for_line(scene.terminal, one["provider"], model)


def _enable(scene: Presser, key: str) -> None:
    provider = scene.labels[1]
    for enabled, sign in ((False, "[□]"), (True, "[■]")):
        scene.press("home", "down", key)
        wait_for_line(scene.terminal, f"{sign} {provider}")
        scene.until(lambda on=enabled: scene.order[1].get("enabled", True) is on, "config.toml")  # type: ignore[misc]  # a default


def _move_up(scene: Presser, key: str) -> None:
    *others, one, last = scene.labels
    scene.press("end", key)
    scene.until(lambda: scene.labels == [*others, last, one], f"{last} before {one}")
    scene.chosen_is(last)
    scene.press("k", "j")
    scene.chosen_is(last)


def _move_down(scene: Presser, key: str) -> None:
    first, one, *others = scene.labels
    scene.press("home", key)
    scene.until(lambda: scene.labels == [one, first, *others], f"{first} after {one}")
    scene.chosen_is(first)


def _add(scene: Presser, key: str) -> None:
    before = scene.labels
    scene.press(key)
    scene.shows("add which provider?")
    scene.shows("deepseek")
    scene.terminal.type("deepseek")
    scene.press("enter")
    scene.shows("which model of deepseek?")
    scene.leave("which model of deepseek?")
    scene.until(lambda: scene.labels == [*before, "deepseek"], "it to be the last in config.toml")
    wait_for_line(scene.terminal, "[■] deepseek")


def _change(scene: Presser, key: str) -> None:
    steps = scene.labels.index(_SWITCH)
    for value in (True, False):
        scene.press("home", *["down"] * steps, key)
        wait_for_line(scene.terminal, "▌", f" {_SWITCH} ", str(value).lower(), "config.toml")
        assert scene.settings["failover"]["swap_before_wall"] is value


def _watch(scene: Presser, key: str) -> None:
    lock = scene.context.paths.watch_lock
    scene.press(key)
    scene.until(lambda: watcher_pid(lock), "a watcher")
    pid = watcher_pid(lock)
    assert pid is not None
    try:
        scene.shows("watcher running")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), SECONDS, "the watcher to end")
    scene.shows("watcher not running")


def _activate(scene: Presser, key: str) -> None:
    for number, steps in ((1, ["home", "down"]), (0, ["home"])):
        scene.press(*steps, key)
        scene.is_live(scene.labels[number])


def _undo(scene: Presser, key: str) -> None:
    first, second = scene.labels[:2]
    scene.press("home", "down", "enter")
    scene.is_live(second)
    scene.shows(f"{PROVIDER}/{second} is live")
    scene.press(key)
    scene.is_live(first)
    scene.gone("z undo")


def _rotate(scene: Presser, key: str) -> None:
    before = scene.live_key
    scene.press("home", key)
    scene.until(lambda: scene.live_key not in {before, ""}, "another key in auth.json")
    scene.shows(f"○ {scene.labels[0]} ")
    # Who was put in is chosen with the answer, which may come after the first key.
    scene.press("home")
    scene.shows(f"▌ ○ {scene.labels[0]} ")
    scene.press("enter")
    scene.is_live(scene.labels[0])


def _connect(scene: Presser, key: str) -> None:
    scene.press(key)
    scene.shows("log in to which provider?")
    scene.shows(f"▌ {PROVIDER}")
    scene.press("enter")
    scene.shows(f"logging in: auth login --provider {PROVIDER}")
    scene.press("enter")
    scene.shows("no login was made")


def _rename(scene: Presser, key: str) -> None:
    first = scene.labels[0]
    for before, after in ((first, "another"), ("another", first)):
        scene.press("home", key)
        scene.shows(f"name of {PROVIDER}/{before}")
        scene.press("ctrl+u")
        scene.terminal.type(f"{after}\n")
        wait_for_line(scene.terminal, f"● {after} ")
        scene.until(lambda new=after: scene.account(new) is not None, "the new name in the store")  # type: ignore[misc]  # a default
        assert scene.account(before) is None


def _disable(scene: Presser, key: str) -> None:
    second = scene.labels[1]
    for state in ("disabled", "ready"):
        scene.press("home", "down", key)
        wait_for_line(scene.terminal, f"○ {second} ", f" {state} ")
        scene.until(lambda is_now=state: scene.state(second) == is_now, f"{state} in the store")  # type: ignore[misc]  # a default


def _remove(scene: Presser, key: str) -> None:
    second = scene.labels[1]
    scene.press("home", "down", key)
    scene.shows(f"Remove {PROVIDER}/{second}?")
    scene.press("y")
    scene.gone(f"○ {second} ")
    scene.until(lambda: scene.account(second) is None, "it to be gone from the store")
    scene.shows(f"{PROVIDER}/{second} was removed")
    scene.press("z")
    # The screen may still be the one of before the removal: the store is asked first.
    scene.until(lambda: scene.account(second) is not None, "it to be back in the store")
    scene.shows(f"○ {second} ")


def _refresh(scene: Presser, key: str) -> None:
    scene.press(key)
    scene.shows(" usage: ")


def _explain(scene: Presser, key: str) -> None:
    title = f"why this account of {PROVIDER}"
    scene.press(key)
    scene.shows(title)
    scene.gone("looking")
    row = line_with(scene.terminal, title)
    assert scene.labels[0] in "".join(scene.terminal.lines[row + 1 : row + 4])
    scene.leave(title)


def _balancing(scene: Presser, key: str) -> None:
    for on in (False, True):
        scene.press(key)
        scene.balancing_is(on=on)


def _opens(place: ScreenName) -> Callable[[Presser, str], None]:
    def opens(scene: Presser, key: str) -> None:
        scene.press(key)
        scene.is_at(place)
        scene.place = place
        scene.go(ScreenName.ACCOUNTS)

    return opens


def _quit(scene: Presser, key: str) -> None:
    # What it does is seen at the end; here, that it does something else while something is typed.
    scene.press("/")
    scene.shows("Enter keep")
    scene.press(key)
    scene.shows(f"filter {key}")
    scene.leave("Enter keep")


SCENES: Mapping[Action, Callable[[Presser, str], None]] = {
    Action.ACTIVATE: _activate,
    Action.ADD: _add,
    Action.BACK: _back,
    Action.BALANCING: _balancing,
    Action.CHANGE: _change,
    Action.CONNECT: _connect,
    Action.DETAIL: _detail,
    Action.DISABLE: _disable,
    Action.DOWN: _down,
    Action.ENABLE: _enable,
    Action.EVENTS: _opens(ScreenName.EVENTS),
    Action.EXPLAIN: _explain,
    Action.FILTER: _filter,
    Action.FIRST: _first,
    Action.HELP: _help,
    Action.LAST: _last,
    Action.MODEL: _model,
    Action.MOVE_DOWN: _move_down,
    Action.MOVE_UP: _move_up,
    Action.PAGE_DOWN: _page_down,
    Action.PAGE_UP: _page_up,
    Action.PRIORITIES: _opens(ScreenName.PRIORITIES),
    Action.QUIT: _quit,
    Action.REDRAW: _redraw,
    Action.REFRESH: _refresh,
    Action.REMOVE: _remove,
    Action.RENAME: _rename,
    Action.ROTATE: _rotate,
    Action.SETTINGS: _opens(ScreenName.SETTINGS),
    Action.UNDO: _undo,
    Action.UP: _up,
    Action.WATCH: _watch,
}
