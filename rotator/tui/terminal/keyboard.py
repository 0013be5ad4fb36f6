"""Makes messages of what the terminal library calls keys, clicks and pastes."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.tui.model.messages import Message, Pasted, Pressed, Scrolled
from rotator.tui.view.frame import Frame

WHEEL_LINES = 3
_NAMES = {
    "KEY_BACKSPACE": "backspace",
    "KEY_BTAB": "shift+tab",
    "KEY_DELETE": "delete",
    "KEY_DOWN": "down",
    "KEY_END": "end",
    "KEY_ENTER": "enter",
    "KEY_ESCAPE": "escape",
    "KEY_F1": "f1",
    "KEY_HOME": "home",
    "KEY_KP_ENTER": "enter",
    "KEY_LEFT": "left",
    "KEY_PGDOWN": "pagedown",
    "KEY_PGUP": "pageup",
    "KEY_RIGHT": "right",
    "KEY_SDOWN": "shift+down",
    "KEY_SHIFT_DOWN": "shift+down",
    "KEY_SHIFT_UP": "shift+up",
    "KEY_SR": "shift+up",
    "KEY_SUP": "shift+up",
    "KEY_TAB": "tab",
    "KEY_UP": "up",
}
_CONTROL = "KEY_CTRL_"


@dataclass(frozen=True, slots=True)
class KeyStroke:
    """What came from the keyboard or the mouse, in the terminal library's words."""

    name: str | None
    text: str
    at: tuple[int, int] = (-1, -1)
    pasted: str | None = None


def message_of(stroke: KeyStroke, frame: Frame | None) -> Message | None:
    """Return the message that a stroke is, or None; a click means what lies under it."""
    name = stroke.name or ""
    if stroke.pasted is not None:
        return Pasted(stroke.pasted)
    if name.startswith("MOUSE_"):
        return _of_mouse(name, stroke.at, frame)
    if name in _NAMES:
        return Pressed(_NAMES[name])
    if name.startswith(_CONTROL) and len(name) == len(_CONTROL) + 1:
        return Pressed(f"ctrl+{name[-1].lower()}")
    if name or not stroke.text or not stroke.text.isprintable():
        return None
    return Pressed("space" if stroke.text == " " else stroke.text, stroke.text)


def _of_mouse(name: str, at: tuple[int, int], frame: Frame | None) -> Message | None:
    match name:
        case "MOUSE_SCROLL_UP":
            return Scrolled(-WHEEL_LINES)
        case "MOUSE_SCROLL_DOWN":
            return Scrolled(WHEEL_LINES)
        case "MOUSE_LEFT":
            return frame.at(*at) if frame else None
        case _:
            return None
