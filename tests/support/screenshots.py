"""The dashboard's screens as pictures for the documents: `python -m tests.support.screenshots`.

They are drawn from the frames that the program itself draws, in its own colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from rotator.tui.terminal.palette import TRUE, Palette, palette_for
from rotator.tui.view.frame import Frame, Line, Style, width_of
from rotator.tui.view.view import view
from tests.support.golden_screens import screens
from tests.support.repository import ROOT

FOLDER = ROOT / "docs" / "screens"
# Which of the kept screens are shown, and under which names; some on a light ground, too.
SHOWN = {
    "accounts": "full",
    "accounts-light": "full",
    "compact": "compact",
    "priorities": "priorities",
    "events": "events",
    "help": "full-help",
}
_CELL, _LINE, _EDGE = 8.4, 18, 14
_LIGHT = "-light"
_FONT = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal's own colours are, and the palette that goes with them."""

    ground: str
    text: str
    chosen: str
    palette: Palette


ON_DARK = Look("#0d1117", "#c9d1d9", "#262c34", palette_for(TRUE))
ON_LIGHT = Look("#ffffff", "#24292f", "#e8edf3", palette_for(TRUE, light=True))


def picture(frame: Frame, look: Look = ON_DARK) -> str:
    """Return a frame as an SVG."""
    width = round(frame.width * _CELL + 2 * _EDGE, 1)
    height = frame.height * _LINE + 2 * _EDGE
    body = "\n".join(_line(line, row, frame.width, look) for row, line in enumerate(frame.lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="{look.ground}"/>\n'
        f'<g font-family="{_FONT}" font-size="14" xml:space="preserve" fill="{look.text}">\n'
        f"{body}\n</g>\n</svg>\n"
    )


def _line(line: Line, row: int, width: int, look: Look) -> str:
    top, parts = _EDGE + row * _LINE, []
    if line.chosen:
        parts.append(
            f'<rect x="{_EDGE}" y="{top}" width="{width * _CELL:.1f}" height="{_LINE}"'
            f' fill="{look.chosen}"/>'
        )
    column = 0
    for span in line.spans:
        taken = width_of(span.text)
        if span.text.strip():
            # The length keeps columns together whatever font there is.
            parts.append(
                f'<text x="{_EDGE + column * _CELL:.1f}" y="{top + 13}"'
                f' textLength="{taken * _CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
                f"{_styled(span.style, look.palette)}>{escape(span.text)}</text>"
            )
        column += taken
    return "\n".join(parts)


def _styled(style: Style, palette: Palette) -> str:
    code = palette.styles.get(style, "")
    styled = ' font-weight="bold"' if code.startswith("1") else ""
    if "38;2;" in code:
        red, green, blue = code.split("38;2;")[1].split(";")
        styled += f' fill="#{int(red):02x}{int(green):02x}{int(blue):02x}"'
    return styled


def pictures() -> dict[str, str]:
    """Return every picture by its file's name."""
    kept = screens()
    return {
        f"{name}.svg": picture(view(kept[screen]), ON_LIGHT if name.endswith(_LIGHT) else ON_DARK)
        for name, screen in SHOWN.items()
    }


def write() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
