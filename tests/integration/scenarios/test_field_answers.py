"""What the watcher is told of an answer, and what it is read by; unit tests try the answers."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from rotator.core.failures import end_names
from rotator.model import Meaning, Scope
from tests.support.field_cases import (
    FieldCase,
    answers,
    finding_of,
    registry,
    told_headers,
)
from tests.support.repository import ROOT


def test_the_bridge_lets_through_the_headers_that_the_list_knows() -> None:
    ours = {
        name: pattern.pattern
        for name, pattern in vars(end_names).items()
        if name.endswith("_HEADERS") and hasattr(pattern, "pattern")
    }
    bridges = {name: pattern.pattern for name, pattern in told_headers().items()}

    assert ours.items() <= bridges.items()
    assert bridges.keys() - ours.keys() == {"PLAIN_HEADERS", "GROUP_HEADERS"}


def test_every_table_is_read_whole_and_every_line_has_a_date_and_a_source() -> None:
    tables = {table.name: table for table in registry().tables.all}
    for file in sorted((ROOT / "providers" / "answers").glob("*.toml")):
        content = tomllib.loads(file.read_text("utf-8"))
        assert len(tables[file.stem].lines) == len(content["lines"]), file.name
        assert bool(tables[file.stem].zone) is ("zone" in content), file.name
        assert all(line["seen"] and line["source"] for line in content["lines"]), file.name


ASIDE = FieldCase(
    "aside", "acme", answers("answers.json")[0].now, 429, {}, '{"error":{"message":"Slow down"}}',
    None, "small-model", None, frozenset({Meaning.SHORT_LIMIT}), "any", "any",
)  # fmt: skip


@pytest.mark.parametrize(
    ("aside", "message", "scope"),
    [
        pytest.param(True, "Slow down", Scope("small-model"), id="the title's model alone"),
        pytest.param(True, "Your account has too many requests", Scope(), id="the account"),
        pytest.param(True, "Weekly limit reached", Scope(), id="a window of the plan"),
        pytest.param(False, "Slow down", Scope(), id="the turn's own model"),
    ],
)
def test_a_request_beside_the_turn_limits_its_small_model_alone(
    aside: bool,  # noqa: FBT001  # a table's column
    message: str,
    scope: Scope,
) -> None:
    case = replace(ASIDE, body=f'{{"error":{{"message":"{message}"}}}}', aside=aside)

    assert finding_of(case).scope == scope
