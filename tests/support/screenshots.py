"""The dashboard's screens as pictures for the documents: `python -m tests.support.screenshots`.

They are drawn from the frames that the program itself draws, in its colours for a dark terminal.
"""

from __future__ import annotations

from html import escape

from rotator.tui.frame import Frame, Line, Style, width_of
from rotator.tui.palette import TRUE, palette_for
from rotator.tui.view import view
from tests.support.golden_screens import screens
from tests.support.repository import ROOT

FOLDER = ROOT / "docs" / "screens"
# Which of the kept screens are shown, and under which names.
SHOWN = {
    "accounts": "full",
    "compact": "compact",
    "priorities": "priorities",
    "events": "events",
    "help": "full-help",
}
_CELL, _LINE, _EDGE = 8.4, 18, 14
_GROUND, _TEXT, _CHOSEN = "#0d1117", "#c9d1d9", "#262c34"
_FONT = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def picture(frame: Frame) -> str:
    """Return a frame as an SVG."""
    width = round(frame.width * _CELL + 2 * _EDGE, 1)
    height = frame.height * _LINE + 2 * _EDGE
    body = "\n".join(_line(line, row, frame.width) for row, line in enumerate(frame.lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="{_GROUND}"/>\n'
        f'<g font-family="{_FONT}" font-size="14" xml:space="preserve" fill="{_TEXT}">\n'
        f"{body}\n</g>\n</svg>\n"
    )


def _line(line: Line, row: int, width: int) -> str:
    top, parts = _EDGE + row * _LINE, []
    if line.chosen:
        parts.append(
            f'<rect x="{_EDGE}" y="{top}" width="{width * _CELL:.1f}" height="{_LINE}"'
            f' fill="{_CHOSEN}"/>'
        )
    column = 0
    for span in line.spans:
        taken = width_of(span.text)
        if span.text.strip():
            # The length keeps columns together whatever font there is.
            parts.append(
                f'<text x="{_EDGE + column * _CELL:.1f}" y="{top + 13}"'
                f' textLength="{taken * _CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
                f"{_look(span.style)}>{escape(span.text)}</text>"
            )
        column += taken
    return "\n".join(parts)


def _look(style: Style) -> str:
    code = palette_for(TRUE).styles.get(style, "")
    look = ' font-weight="bold"' if code.startswith("1") else ""
    if "38;2;" in code:
        red, green, blue = code.split("38;2;")[1].split(";")
        look += f' fill="#{int(red):02x}{int(green):02x}{int(blue):02x}"'
    return look


def pictures() -> dict[str, str]:
    """Return every picture by its file's name."""
    kept = screens()
    return {f"{name}.svg": picture(view(kept[screen])) for name, screen in SHOWN.items()}


def write() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
