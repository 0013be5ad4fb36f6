"""Where things stand in a text of TOML: checked against what tomllib reads from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from rotator.settings.toml_positions import KeyPath, position, read_positions
from tests.support.config_files import FILES

TEXT = """\
# top
[failover] # F
strategy = "drain"
order = { openai = [
  "a", # A
  "b" ] }

[[priority]]
provider = 'x'
[[priority]]
"provider"="y"
"""


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield everything that is no table or list, with its path."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        yield path, value
    for name, one in inner:
        yield from leaves(one, (*path, name))


@pytest.mark.parametrize("name", FILES)
def test_every_value_of_a_file_is_found_where_it_stands(name: str) -> None:
    text = FILES[name]
    places = read_positions(text)

    found = {
        one.path: tomllib.loads(f"x = {text[one.value_start : one.end]}")["x"]
        for one in places.all
        if one.kind == "value"
    }

    wanted = dict(leaves(tomllib.loads(text)))
    assert {path: value for path, value in found.items() if path in wanted} == wanted


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(("failover", "strategy"), (3, 12), id="a value"),
        pytest.param(("failover", "order", "openai", 1), (6, 3), id="an element"),
        pytest.param(("failover", "order", "openai", 9), (4, 11), id="no such element"),
        pytest.param(("failover",), (2, 1), id="a table"),
        pytest.param(("failover", "missing"), (2, 1), id="missing in a table"),
        pytest.param(("priority",), (8, 1), id="a list of tables"),
        pytest.param(("priority", 1, "provider"), (11, 12), id="in the second entry"),
        pytest.param(("nothing",), (1, 1), id="nothing of it"),
    ],
)
def test_a_place_has_the_line_and_column_of_the_nearest_thing(
    path: KeyPath, place: tuple[int, int]
) -> None:
    assert read_positions(TEXT).find(path) == place


def test_a_key_has_a_place_of_its_own() -> None:
    assert read_positions(TEXT).find(("failover", "strategy"), key=True) == (3, 1)


def test_lines_and_columns_count_from_one() -> None:
    assert [position("ab\ncd", offset) for offset in (0, 1, 3, 5)] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 3),
    ]
