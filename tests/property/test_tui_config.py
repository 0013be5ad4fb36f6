"""opencode's tui.json: our entry goes in and comes out, and every other byte stays."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.opencode.jsonc import JsoncError, parse
from rotator.opencode.tui.config_entry import (
    Unfit,
    entry_in,
    new_text,
    options_of,
    with_entry,
    without_entry,
)

FILE = PurePosixPath("/conf/opencode/rotator-tui.js")
ENTRY = ["./rotator-tui.js", {"key": "ctrl+b", "program": ["python", "-m", "rotator"]}]
OTHER = ["./rotator-tui.js", {"key": "f2"}]

BLANK = st.sampled_from(
    ["", " ", "\n", "\n  ", "\r\n\t", " // a remark\n  ", "/* one */", " /* two\n lines */ "]
)
NAMES = st.sampled_from(["theme", "keybinds", "scroll", "a/b", 'say "x"', "ü"])
PLUGINS = st.sampled_from(["other", "./mine.js", "file:///x.js", "// no remark", "a,b]"])
SCALARS = st.one_of(st.booleans(), st.none(), st.integers(-9, 9), PLUGINS)


def group(draw: st.DrawFn, rendered: list[str], pair: str = "[]") -> str:
    """Draw a list or an object with those parts, blanks and comments, and maybe a last comma."""
    parts = [f"{draw(BLANK)}{one}{draw(BLANK)}" for one in rendered]
    inside = ",".join(parts)
    if draw(st.booleans()) and parts:
        inside += "," + draw(BLANK)
    return f"{pair[0]}{inside or draw(BLANK)}{pair[1]}"


@st.composite
def tui_files(draw: st.DrawFn) -> str:
    """Draw a tui.json that opencode reads, with or without plugins."""
    members = []
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        inner = [json.dumps(one) for one in draw(st.lists(SCALARS, max_size=3))]
        value = draw(st.sampled_from([*inner, group(draw, inner)]))
        members.append(f"{json.dumps(name)}{draw(BLANK)}:{draw(BLANK)}{value}")
    where = draw(st.sampled_from(["nowhere", "root", "section"]))
    names = [json.dumps(one) for one in draw(st.lists(PLUGINS, max_size=3))]
    plugins = f'"plugin"{draw(BLANK)}:{group(draw, names)}'
    if where == "root":
        members.insert(draw(st.integers(0, len(members))), plugins)
    if where == "section":
        members.append(f'"tui":{group(draw, [plugins], "{}")}')
    return f"{draw(BLANK)}{group(draw, members, '{}')}{draw(BLANK)}"


@settings(max_examples=100, deadline=None)
@given(tui_files())
def test_what_was_put_in_comes_out_again_to_the_byte(text: str) -> None:
    entered = with_entry(text, ENTRY, FILE)
    renewed = with_entry(entered, OTHER, FILE)

    assert entry_in(text, FILE) is None
    assert (entry_in(entered, FILE), entry_in(renewed, FILE)) == (ENTRY, OTHER)
    assert with_entry(renewed, ENTRY, FILE) == entered
    assert without_entry(entered, FILE) == without_entry(renewed, FILE) == text


@settings(max_examples=60, deadline=None)
@given(tui_files())
def test_what_else_the_file_says_stays_while_it_is_in(text: str) -> None:
    def rest(of: str) -> Any:
        value = parse(of).value
        holder = value if "plugin" in value else value.get("tui", {})
        plugins = [one for one in holder.pop("plugin", []) if one != ENTRY]
        return value, plugins

    assert rest(with_entry(text, ENTRY, FILE)) == rest(text)


def test_the_entry_is_laid_out_as_its_neighbours() -> None:
    text = '{\n  // mine\n  "plugin": [\n    "one", // the first\n    "two" // the last\n  ]\n}\n'

    entered = with_entry(text, ["./rotator-tui.js"], FILE)

    assert entered == text.replace(
        '"two" // the last\n', '"two", // the last\n    ["./rotator-tui.js"]\n'
    )


@pytest.mark.parametrize(
    ("text", "entered"),
    [
        ("{}", '{"plugin": ["E"]}'),
        ('{"theme": "x"}', '{"theme": "x", "plugin": ["E"]}'),
        ('{\n  "theme": "x"\n}\n', '{\n  "theme": "x",\n  "plugin": ["E"]\n}\n'),
        ('{\r\n\t"theme": "x",\r\n}', '{\r\n\t"theme": "x",\r\n\t"plugin": ["E"],\r\n}'),
        ('{"plugin": []}', '{"plugin": [ "E"]}'),
        ('\ufeff{"plugin": ["a"]}', '\ufeff{"plugin": ["a", "E"]}'),
        ('{"tui": {"plugin": ["a"]}}', '{"tui": {"plugin": ["a", "E"]}}'),
    ],
)
def test_it_goes_where_opencode_reads_it(text: str, entered: str) -> None:
    entry = "./rotator-tui.js"

    assert with_entry(text, entry, FILE) == entered.replace("E", entry)


@pytest.mark.parametrize("text", ["", "\n", " \r\n"])
def test_an_empty_file_is_empty_again(text: str) -> None:
    entered = with_entry(text, ENTRY, FILE)

    assert parse(entered).value == {"plugin": [ENTRY]}
    assert without_entry(with_entry(entered, OTHER, FILE), FILE) == text


def test_a_file_that_was_made_for_it_goes_with_it() -> None:
    made = new_text(ENTRY)

    assert parse(made).value == {"plugin": [ENTRY]}
    assert without_entry(made, FILE) is None
    assert without_entry(made.replace("{\n", '{\n  "theme": "x",\n', 1), FILE) is not None


@pytest.mark.parametrize("name", ["./rotator-tui.js", str(FILE), f"file://{FILE}"])
def test_it_is_known_by_each_way_to_name_its_file(name: str) -> None:
    text = f'{{"plugin": ["a", {json.dumps(name)}, [{json.dumps(name)}, {{}}], "b"]}}'

    assert without_entry(text, FILE) == '{"plugin": ["a", "b"]}'


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"plugin": ["E", "b"]}', '{"plugin": ["b"]}'),
        ('{"plugin": [\n  "E",\n  "b"\n]}', '{"plugin": [\n  "b"\n]}'),
        ('{"plugin": [\n  "E",\n]}', '{"plugin": [\n  ]}'),
        ('{"plugin": ["a", "E", "b"]}', '{"plugin": ["a", "b"]}'),
        ('{"plugin": ["E"], "theme": "x"}', '{"theme": "x"}'),
    ],
)
def test_what_was_added_around_it_stays(text: str, left: str) -> None:
    assert without_entry(text.replace("E", "./rotator-tui.js"), FILE) == left


@pytest.mark.parametrize(
    ("entry", "options"),
    [("./x.js", {}), (["./x.js"], {}), (["./x.js", {"key": "f2"}], {"key": "f2"}), ([1, 2], {})],
)
def test_options_are_those_beside_the_name(entry: object, options: dict[str, str]) -> None:
    assert options_of(entry) == options


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" // nothing", "a value was expected (line 1, column 12)"),
        ('{"plugin": [', "a value was expected (line 1, column 13)"),
        ('{\n  "plugin" 7}', "':' was expected (line 2, column 12)"),
        ('{"a": 1 "b": 2}', "',' or '}' was expected (line 1, column 9)"),
        ("{a: 1}", "a name was expected (line 1, column 2)"),
        ('{"a": "x\n"}', "this text is not closed or not allowed (line 1, column 7)"),
        ("{} {}", "more text follows (line 1, column 4)"),
        ("/* no end", "a value was expected (line 1, column 1)"),
        ("[" * 200, "it is nested too deeply (line 1, column 102)"),
    ],
)
def test_a_broken_text_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(JsoncError) as caught:
        with_entry(text, ENTRY, FILE)

    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "it is not an object"),
        ('{"plugin": "x"}', '"plugin" is not a list'),
        ('{"plugin": {}}', '"plugin" is not a list'),
    ],
)
def test_a_text_of_another_shape_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unfit) as caught:
        with_entry(text, ENTRY, FILE)

    assert str(caught.value) == why
