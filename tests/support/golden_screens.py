"""The dashboard's screens that are kept as text; `python -m tests.support.golden_screens` writes.

A screen is kept as it reads, and below that with one letter for the style of each column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rotator.model import AccountState
from rotator.tui.model.glyphs import ASCII
from rotator.tui.model.messages import ChoicesLoaded, Explained, Message, Pressed, Undoable
from rotator.tui.model.state import DashboardState, Job, StatusMessage
from rotator.tui.model.world import Item, World
from rotator.tui.update.update import update
from rotator.tui.view.frame import Frame, Style, width_of
from rotator.tui.view.view import view
from tests.support.builders import HOUR, MINUTE, NOW, SECOND
from tests.support.dashboard import (
    PRIVATE,
    ROWS,
    WORK,
    WORLD,
    a_row,
    a_screen,
    gauges,
    shown,
    with_world,
)

FOLDER = Path(__file__).parents[1] / "tui" / "screens"
_LETTERS = {
    Style.PLAIN: " ",
    Style.QUIET: "q",
    Style.FAINT: "f",
    Style.STRONG: "S",
    Style.TITLE: "T",
    Style.ACCENT: "a",
    Style.GOOD: "g",
    Style.WARN: "w",
    Style.BAD: "B",
    Style.KEY: "k",
}
MODELS = (
    Item("gpt-5.5", "GPT-5.5", "2026-08-01"),
    Item("gpt-5.4", "GPT-5.4", "2026-03-01"),
    Item("gpt-5.4-mini", "GPT-5.4 mini", "2026-03-01"),
)
PROVIDERS = (
    Item("anthropic", "Anthropic", "2 accounts"),
    Item("github-copilot", "GitHub Copilot"),
    Item("openai", "OpenAI", "3 accounts"),
    Item("xai", "xAI"),
)


def after(state: DashboardState, *messages: Message | str) -> DashboardState:
    """Return the state after messages; a word is a key that is pressed."""
    for message in messages:
        if isinstance(message, str):
            text = message if len(message) == 1 else " " if message == "space" else ""
            message = Pressed(message, text)  # noqa: PLW2901  # a word for a message
        state, _ = update(state, message)
    return state


def _resting() -> World:
    until, why = NOW + 90 * SECOND, "the plan is used up"
    rows = tuple(
        replace(row, state=AccountState.EXHAUSTED, until=until, reason=why) for row in ROWS[:5]
    )
    problem = "no other account of openai can take over, private is first at 2026-11-22 12:01 UTC"
    return replace(WORLD, rows=rows, problems=(problem, *["auth.json is not whole"] * 3))


def _wide_names() -> World:
    names = (
        "漢字テスト",
        "émile",
        "🦊 fox",
        "a-very-long-alias-that-does-not-fit-anywhere",
        "👩‍💻",
    )
    rows = [
        a_row("openai", name, identity=f"{name}@例え.jp", gauges=gauges(0.5, 0.9)) for name in names
    ]
    return replace(WORLD, rows=(*rows, WORK))


def screens() -> Mapping[str, DashboardState]:
    """Return the states whose screens are kept, by name."""
    full, compact, lines = a_screen(120, 40), a_screen(80, 24), a_screen(40, 10)
    unwatched = replace(WORLD, watcher_pid=None, bridge=None, balancing=False, unbridged=1)
    undo = Undoable(1, "openai was swapped from private to work", NOW + 10 * MINUTE)
    failed = StatusMessage("openai was not rotated: no other account is ready", True, NOW + HOUR)  # noqa: FBT003
    busy = (Job(1, "activating openai/private", PRIVATE.id),)
    priorities = after(compact, "p")
    events = after(compact, "e")
    return {
        "full": full,
        "full-wide": a_screen(170, 50),
        "full-smallest": a_screen(100, 26),
        "full-resting": a_screen(120, 40, _resting()),
        "full-wide-names": a_screen(120, 40, _wide_names()),
        "full-unwatched": a_screen(120, 40, unwatched),
        "full-help": after(full, "?"),
        "compact": compact,
        "compact-tall": a_screen(99, 50),
        "compact-resting": a_screen(80, 24, _resting()),
        "compact-ascii": a_screen(80, 24, glyphs=ASCII),
        "compact-empty": a_screen(80, 24, World(), account=None),
        "compact-reading": a_screen(80, 24, None, account=None),
        "compact-never-read": replace(
            a_screen(80, 24, None, account=None), broken="the store cannot be used: locked"
        ),
        "compact-unread": replace(compact, broken="the store cannot be used: disk I/O error"),
        "compact-filter": after(compact, "/", *"joe"),
        "compact-filter-none": after(compact, "/", *"nobody"),
        "compact-busy": replace(compact, jobs=busy),
        "compact-failed": replace(compact, notice=failed),
        "compact-undo": replace(compact, undo=undo),
        "compact-remove": after(compact, "d"),
        "compact-rename": after(compact, "n", *"-2"),
        "compact-connect": after(
            compact, "c", ChoicesLoaded("providers", PROVIDERS), "down", "down"
        ),
        "compact-explain": after(
            compact,
            "x",
            Explained(
                "why this account of openai",
                (
                    "work is live and ready",
                    "private rests until 12:12 UTC: 429, rate limit reached",
                    "spare needs a login: the provider does not accept its refresh token",
                ),
            ),
        ),
        "events": events,
        "events-filter": after(events, "/", *"failover", "enter"),
        "events-detail": after(events, "down", "enter"),
        "priorities": priorities,
        "priorities-moved": after(priorities, "J"),
        "priorities-off": with_world(priorities, balancing=False),
        "priorities-none": with_world(priorities, priorities=()),
        "priorities-model": after(priorities, "enter", ChoicesLoaded("openai", MODELS), *"mini"),
        "settings": after(compact, ",", "down"),
        "settings-reading": after(replace(compact, settings=()), ","),
        "settings-broken": with_world(after(compact, ","), unsettled="config.toml:3: no value"),
        "lines": lines,
        "lines-roomy": a_screen(59, 15),
        "lines-wide-names": a_screen(40, 10, _wide_names()),
        "tiny": a_screen(12, 3),
        "one": a_screen(1, 1),
    }


def kept(frame: Frame) -> str:
    """Return a frame as it is kept."""
    styles = []
    for line in frame.lines:
        letters = "".join(_LETTERS[s.style] * width_of(s.text) for s in line.spans)
        styles.append((("#" if line.chosen else "|") + letters).rstrip())
    return shown(frame) + "-- styles --\n" + "\n".join(styles) + "\n"


def write() -> None:
    """Write every screen, and take away those that are no longer kept."""
    FOLDER.mkdir(exist_ok=True)
    found = {name: kept(view(state)) for name, state in screens().items()}
    for file in FOLDER.glob("*.txt"):
        if file.stem not in found:
            file.unlink()
    for name, text in found.items():
        (FOLDER / f"{name}.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    write()
