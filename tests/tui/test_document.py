"""docs/dashboard.md lists the keys that there are."""

from __future__ import annotations

from rotator.tui.model.bindings import BINDINGS, EVERYWHERE, shown
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "dashboard.md"


def key_table() -> list[str]:
    """Return the lines of the table of keys."""
    lines = []
    for binding in BINDINGS:
        keys = ", ".join(f"`{shown(key)}`" for key in binding.keys)
        where = "everywhere" if binding.places == EVERYWHERE else ", ".join(sorted(binding.places))
        lines.append(f"| {keys} | {where} | {binding.says} |")
    return lines


def test_the_document_lists_every_key() -> None:
    text = DOCUMENT.read_text("utf-8")

    missing = [line for line in key_table() if line not in text]

    assert missing == []
