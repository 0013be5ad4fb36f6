"""The real opencode with our sidebar as a picture: `python -m tests.support.inside_picture`.

A made-up provider limits one of two made-up accounts, so that a failover is on the screen.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from itertools import groupby
from pathlib import Path

from rotator.context import open_context
from rotator.model import Snapshot, Window
from rotator.services.rotate import find_account
from rotator.system.paths import find_paths
from tests.e2e.scenes import A, B, api, install_bridge, log_in
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_tui import tui
from tests.support.rotator_process import rotator, watcher
from tests.support.screenshots import FOLDER
from tests.support.terminal import Terminal

_ROWS, _COLUMNS, _SECONDS = 28, 150, 60.0
_CELL, _LINE, _EDGE = 8.4, 18, 14
_GROUND, _TEXT = "0a0a0a", "eeeeee"
_FONT = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def picture(terminal: Terminal) -> str:
    """Return what a terminal shows as an SVG."""
    width, height = round(_COLUMNS * _CELL + 2 * _EDGE, 1), _ROWS * _LINE + 2 * _EDGE
    rows = zip(terminal.lines, terminal.colours, strict=True)
    body = "\n".join(_line(*row, _EDGE + n * _LINE) for n, row in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#{_GROUND}"/>\n'
        f'<g font-family="{_FONT}" font-size="14" xml:space="preserve">\n{body}\n</g>\n</svg>\n'
    )


def _line(text: str, colours: list[tuple[str, str]], top: int) -> str:
    cells = list(zip(text.ljust(len(colours)), colours, strict=True))
    parts, column = [], 0
    for (letter, ground), found in groupby(cells, key=lambda cell: cell[1]):
        run = "".join(sign for sign, _ in found)
        left, wide = _EDGE + column * _CELL, len(run) * _CELL
        place = f'x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{_LINE}"'
        if _hex(ground, _GROUND) != _GROUND:
            parts.append(f'<rect {place} fill="#{_hex(ground, _GROUND)}"/>')
        if run.strip():
            fill = f'fill="#{_hex(letter, _TEXT)}"'
            size = f'textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs"'
            parts.append(f'<text x="{left:.1f}" y="{top + 13}" {size} {fill}>{escape(run)}</text>')
        column += len(run)
    return "\n".join(parts)


def _hex(colour: str, default: str) -> str:
    # opencode names its colours itself; what is not drawn on has the terminal's own.
    return colour if re.fullmatch("[0-9a-f]{6}", colour) else default


def _read(house: Household, used: Mapping[str, float]) -> None:
    """Keep a reading of each account, as if its vendor had told how much of it is used."""
    with open_context(find_paths(house.env())) as context:
        now = context.clock()
        for alias, share in used.items():
            account = find_account(context.store.state(), "mock", alias).id
            windows = (Window("5h", share, now + timedelta(hours=2)),)
            context.history.keep_reading(account, Snapshot(now, windows), now)
        context.notify_changed()


def _play(house: Household, provider: LoopbackProvider) -> str:
    provider.ok("Hello, it is work that answers.", key=A, times=1)
    provider.ok("Now it is home that answers.", key=B)
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        for old, new in (("mock-1", "home"), ("mock-2", "work")):
            rotator(house, "accounts", "rename", f"mock/{old}", new)
        _read(house, {"home": 0.34, "work": 0.91})
        with tui(house) as terminal:
            terminal.resize(_ROWS, _COLUMNS)
            terminal.type("Hello, who is there?\n")
            terminal.wait_for_text("it is work that answers", _SECONDS)
            terminal.wait_for_text("15 tokens", _SECONDS)
            provider.limit(A, headers={"retry-after": "3600"})
            terminal.type("And now?\n")
            for text in ("goes on with home", "it is home that answers", "● home"):
                terminal.wait_for_text(text, _SECONDS)
            return picture(terminal).replace(str(house.home), "~")


def write() -> None:
    """Write the picture."""
    home = Path(tempfile.mkdtemp(prefix="h"))
    try:
        with LoopbackProvider() as provider:
            house = Household(home)
            house.configure(provider.url)
            text = _play(house, provider)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    (FOLDER / "inside-opencode.svg").write_text(text, "utf-8")


if __name__ == "__main__":
    write()
