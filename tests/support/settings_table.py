"""The tables of docs/settings.md, made from the model of the settings.

`python -m tests.support.settings_table` writes them into the document anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rotator.settings.catalog import OF_A_PRIORITY, SETTINGS, Setting
from rotator.settings.inline_values import rendered
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "settings.md"
BLOCK = re.compile(r"(<!-- settings: (\w+) -->\n).*?(?=<!-- /settings -->)", re.DOTALL)
TABLES = {"settings": SETTINGS, "priority": OF_A_PRIORITY}
HEAD = "| setting | must be | default | what it does |\n| --- | --- | --- | --- |\n"


def table(settings: Iterable[Setting]) -> str:
    """Return the table, a row a setting."""
    return HEAD + "".join(f"| {' | '.join(_row(one))} |\n" for one in settings)


def _row(one: Setting) -> list[str]:
    default = "-" if one.default in (..., None) else f"`{rendered(one.default)}`"
    rule = one.rule
    if one.kind is dict:
        rule = f"{rule.partition(', each')[0]}, each with {one.each}"
    return [f"`{one.key}`", rule, default, one.about]


def made(text: str) -> str:
    """Return the document's text with its tables as the model has them."""
    return BLOCK.sub(lambda found: found[1] + table(TABLES[found[2]]), text)


if __name__ == "__main__":
    DOCUMENT.write_text(made(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
