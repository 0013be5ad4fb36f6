"""The dashboard's screens, as a person reads them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from rotator.tui.view.view import view
from tests.support.golden_screens import FOLDER, kept, screens
from tests.support.screenshots import FOLDER as PICTURES
from tests.support.screenshots import pictures

SCREENS = screens()


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_is_kept(name: str) -> None:
    before = (FOLDER / f"{name}.txt").read_text("utf-8")

    now = kept(view(SCREENS[name]))

    assert now == before, "python -m tests.support.golden_screens writes it anew"


def test_every_kept_screen_is_looked_at() -> None:
    names = {file.stem for file in FOLDER.glob("*.txt")}

    assert names == set(SCREENS)


def test_the_pictures_in_the_documents_are_of_these_screens() -> None:
    for name, picture in pictures().items():
        kept_picture = (PICTURES / name).read_text("utf-8")
        assert kept_picture == picture, "python -m tests.support.screenshots writes it anew"
        assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314  # of our own making
