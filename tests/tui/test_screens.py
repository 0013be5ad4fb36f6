"""The dashboard's screens, as a person reads them."""

from __future__ import annotations

import pytest

from rotator.tui.view import view
from tests.support.golden_screens import FOLDER, kept, screens

SCREENS = screens()


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_is_kept(name: str) -> None:
    before = (FOLDER / f"{name}.txt").read_text("utf-8")

    now = kept(view(SCREENS[name]))

    assert now == before, "python -m tests.support.golden_screens writes it anew"


def test_every_kept_screen_is_looked_at() -> None:
    names = {file.stem for file in FOLDER.glob("*.txt")}

    assert names == set(SCREENS)
