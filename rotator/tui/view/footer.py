"""The two lines at the bottom: what goes on or went wrong, and what can be done now."""

from __future__ import annotations

from rotator.tui.model.bindings import BINDINGS, Action, Binding, shown
from rotator.tui.model.glyphs import ASCII
from rotator.tui.model.messages import Pressed
from rotator.tui.model.state import Confirm, DashboardState, Help, Page, Picker, Prompt
from rotator.tui.view.frame import Line, Span, Style, width_of, width_of_all
from rotator.wording import span_in_minutes

_LAST = {Action.HELP, Action.BACK, Action.QUIT}
_OVERLAY_KEYS: dict[type, tuple[tuple[str, str], ...]] = {
    Help: (("escape", "close"),),
    Page: (("escape", "close"),),
    Confirm: (("y", "yes"), ("escape", "no")),
    Prompt: (("enter", "save"), ("escape", "leave it")),
    Picker: (("enter", "choose"), ("escape", "leave it")),
}


def notice(state: DashboardState) -> Line:
    """Return what is going on, else what has just happened, else nothing."""
    glyphs = state.glyphs
    search = state.search
    if search.typing or search.text:
        return Line((Span(" filter ", Style.QUIET), Span(search.text, Style.STRONG)))
    if state.jobs:
        spinner = glyphs.spinner[int(state.now.timestamp() * 10) % len(glyphs.spinner)]
        says = state.waits or ", ".join(dict.fromkeys(job.says for job in state.jobs))
        return Line((Span(f" {spinner} ", Style.ACCENT), Span(says)))
    if state.notice is not None:
        failed = state.notice.failed
        sign = glyphs.failed if failed else glyphs.done
        return Line(
            (Span(f" {sign} ", Style.BAD if failed else Style.GOOD), Span(state.notice.says))
        )
    if (undo := state.undoable) is not None:
        left = span_in_minutes((undo.until - state.now).total_seconds())
        words = f" z takes back: {undo.says} ({left})"
        return Line((Span(words, Style.QUIET, Pressed("z")),))
    return Line()


def footer(state: DashboardState) -> Line:
    """Return the keys that do something now; what does not fit is left out."""
    if state.overlay is not None:
        keys = _OVERLAY_KEYS[type(state.overlay)]
        return Line(tuple(s for key, word in keys for s in _key(key, word, state)))
    if state.search.typing:
        keys = (("enter", "keep"), ("escape", "clear"))
        return Line(tuple(s for key, word in keys for s in _key(key, word, state)))
    offered = [b for b in BINDINGS if not b.hidden and b.fits(state)]
    last = [s for b in offered if b.action in _LAST for s in _binding(b, state)]
    room = state.width - width_of_all(last)
    spans: list[Span] = []
    for binding in offered:
        if binding.action in _LAST:
            continue
        more = _binding(binding, state)
        if width_of_all(more) > room:
            continue
        room -= width_of_all(more)
        spans += more
    return Line((*spans, *last))


def _binding(binding: Binding, state: DashboardState) -> list[Span]:
    return _key(binding.keys[0], binding.label(state), state)


def _key(key: str, word: str, state: DashboardState) -> list[Span]:
    does = Pressed(key)
    name = shown(key, ascii_only=state.glyphs is ASCII)
    return [Span(f" {name}", Style.KEY, does), Span(f" {word} ", Style.QUIET, does)]


def cursor_of_search(state: DashboardState, row: int) -> tuple[int, int]:
    """Return where the cursor blinks while a filter is typed."""
    column = len(" filter ") + width_of(state.search.text)
    return min(column, max(state.width - 1, 0)), row
