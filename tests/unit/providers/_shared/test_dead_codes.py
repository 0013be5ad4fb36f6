"""The codes of refusals that end a login, which are data: every line is whole and in its place."""

from __future__ import annotations

import re
import tomllib

import pytest

from providers._shared.dead_codes import dead_codes
from tests.support.repository import ROOT
from tests.support.token_answers import refreshers

FOLDER = ROOT / "providers" / "answers"
FIELDS = {"code", "why", "seen", "source"}
LISTS = {
    path.stem: lines
    for path in sorted(FOLDER.glob("*.toml"))
    if (lines := tomllib.loads(path.read_text(encoding="utf-8")).get("refresh"))
}


@pytest.mark.parametrize("name", LISTS)
def test_a_line_says_what_a_code_means_since_when_and_by_whom_it_is_known(name: str) -> None:
    for line in LISTS[name]:
        assert line.keys() == FIELDS
        assert re.fullmatch(r"[a-z][a-z_]+", line["code"])
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", line["seen"])
        assert line["source"].startswith("https://")
        assert line["why"].startswith("its ")


def test_only_vendors_whose_logins_we_refresh_have_codes_of_their_own() -> None:
    assert LISTS.keys() - refreshers().keys() == {"everybody"}


def test_a_vendor_has_its_own_codes_beside_everybody_s() -> None:
    own = {line["code"] for line in LISTS["openai"]}
    shared = {line["code"] for line in LISTS["everybody"]}

    assert own.isdisjoint(shared)
    assert dead_codes("openai").keys() == own | shared
    assert dead_codes("xai").keys() == shared
