"""Inline tables that get or lose a key: what they say, and what stays of their text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rotator.settings.inline_values import rendered, with_key, without_key


def meaning(value: str) -> Any:
    return tomllib.loads(f"v = {value}")["v"]


@pytest.mark.parametrize(
    ("table", "path", "after"),
    [
        ("{}", ["a"], "{ a = 9 }"),
        ("{ a = 1 }", ["b"], "{ a = 1, b = 9 }"),
        ("{a=0x10,'b c'=\"\\u0041\"}", ["d.e"], '{a=0x10,"b c"="\\u0041", "d.e" = 9}'),
        ("{ a = { x = 1 } }", ["a", "y"], "{ a = {x = 1, y = 9} }"),
        ("{ a.x = 1, b = 2 }", ["a", "y"], "{ a = {x = 1, y = 9}, b = 2 }"),
        ("{ a = 1 }", ["b", "c", "d"], "{ a = 1, b = {c = {d = 9}} }"),
        ("{ a = 1, b = 2 }", ["a"], "{ a = 9, b = 2 }"),
    ],
)
def test_a_table_gets_a_key(table: str, path: list[str], after: str) -> None:
    made = with_key(table, path, "9")

    assert meaning(made) == meaning(after)
    assert made.replace(" ", "") == after.replace(" ", "")


@pytest.mark.parametrize(
    ("table", "path", "after"),
    [
        ("{ a = 1 }", ["a"], "{}"),
        ("{ a = 1, b = 2, c = 3 }", ["b"], "{ a = 1, c = 3 }"),
        ("{a = 1, b = 2}", ["a"], "{b = 2}"),
        ("{ a.x = 1, b = 2, a.y = 3 }", ["a"], "{ b = 2 }"),
        ("{ a.x = 1, a.y = 3 }", ["a", "x"], "{ a = {y = 3} }"),
        ('{ a = ["x", # X\n "y" ], b = 2 }', ["b"], '{ a = ["x", # X\n "y" ] }'),
    ],
)
def test_a_table_loses_a_key_and_leaves_no_gap(table: str, path: list[str], after: str) -> None:
    assert without_key(table, path) == after


NAMES = some.text(some.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=4)
LEAVES = some.integers(-9, 9) | some.booleans() | NAMES
VALUES = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(table=some.dictionaries(NAMES, VALUES, max_size=4), name=NAMES, value=VALUES)
def test_whatever_a_table_holds_it_says_that_and_nothing_else(
    table: dict[str, Any], name: str, value: Any
) -> None:
    text = rendered(table)

    more = with_key(text, [name], rendered(value))

    assert meaning(text) == table
    assert meaning(more) == table | {name: value}
    assert meaning(without_key(more, [name])) == {k: v for k, v in table.items() if k != name}
