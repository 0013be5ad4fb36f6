"""What can be read of an auth.json that is cut off, or that two programs wrote at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.opencode.auth.fragments import take_apart
from tests.support.live import api, as_opencode, oauth

BOTH = as_opencode({"acme": api("a"), "zeta": api("z", metadata={"host": "eu"})})
# Where the entry of zeta begins in it, with its name.
ZETA = BOTH.index(b'"zeta"')


def found(content: bytes) -> dict[str, object]:
    """Return the members that are complete, by their providers."""
    return {provider: json.loads(v.reveal()) for provider, v in take_apart(content).members}


def rest(content: bytes) -> list[str]:
    return [piece.reveal() for piece in take_apart(content).rest]


def test_a_whole_content_is_its_members_and_nothing_else() -> None:
    assert found(BOTH) == {"acme": api("a"), "zeta": api("z", metadata={"host": "eu"})}
    assert rest(BOTH) == []


def test_of_a_repeated_name_every_member_is_found() -> None:
    members = take_apart(b'{"a": 1, "b": [2], "a": 3}').members

    assert [(name, value.reveal()) for name, value in members] == [
        ("a", "1"),
        ("b", "[2]"),
        ("a", "3"),
    ]


def test_one_provider_s_entry_is_a_member_alone() -> None:
    apart = take_apart(b'{"type": "magic"}', "acme")

    assert [(name, v.reveal()) for name, v in apart.members] == [("acme", '{"type": "magic"}')]
    assert apart.rest == ()


def test_what_was_complete_when_the_writing_stopped_is_found() -> None:
    assert found(BOTH[: ZETA + 20]) == {"acme": api("a")}


def test_what_was_not_complete_is_the_rest() -> None:
    content = BOTH[: ZETA + 20]

    assert rest(content) == [content[ZETA:].decode()]


def test_a_part_of_an_entry_is_no_entry() -> None:
    content = BOTH[: BOTH.index(b"}", ZETA) + 1]

    assert found(content) == {"acme": api("a")}
    assert rest(content) == [content[ZETA:].decode().rstrip(" \n}")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n\t", id="blank"),
        pytest.param(b"\0" * 500, id="NUL bytes"),
        pytest.param(b"{", id="a brace"),
        pytest.param(b"\xef\xbb\xbf{\n  ", id="a byte order mark"),
        pytest.param(b'{"acme": ', id="a name"),
        pytest.param(b'{"type": "api"}, "zeta" :\n', id="a name behind a stray value")
    ],
)  # fmt: skip
def test_what_says_nothing_is_no_rest(content: bytes) -> None:
    assert found(content) == {}
    assert [piece for piece in rest(content) if "type" not in piece] == []


def test_a_character_that_was_cut_in_two_is_in_the_rest() -> None:
    content = '{"acme": {"type": "api", "key": "é'.encode()[:-1]

    assert rest(content)[0].encode("utf-8", "surrogateescape") == content[1:]


def test_the_end_of_another_content_is_read_too() -> None:
    """Two writers: the shorter content lies over the beginning of the longer one."""
    longer = as_opencode({"first": oauth("f"), "acme": api("a"), "zeta": api("z")})
    shorter = as_opencode({"acme": api("b")})

    content = shorter + longer[len(shorter) :]

    apart = take_apart(content)
    assert [name for name, _ in apart.members] == ["acme", "acme", "zeta"]
    assert [json.loads(value.reveal()) for _, value in apart.members] == [
        api("b"),
        api("a"),
        api("z"),
    ]
    assert longer.decode().index(rest(content)[0]) > len(shorter) - 5


def test_a_whole_content_within_a_torn_one_is_read() -> None:
    content = b'{"acme": {"type": "api", "ke' + BOTH

    assert found(content) == {"acme": api("a"), "zeta": api("z", metadata={"host": "eu"})}


def test_a_content_within_an_entry_that_is_no_json_is_read() -> None:
    content = b'{"first": {"type": "api", "ke' + as_opencode({"zeta": api("z")}) + b"}"

    assert found(content) == {"zeta": api("z")}


def test_what_a_person_broke_by_hand_is_read() -> None:
    content = b'{"acme": {"type": "api", "key": "KEY-CANARY-a"},} // mine'

    assert (found(content), rest(content)) == ({"acme": api("a")}, ["// mine"])


def test_a_name_that_is_no_text_is_nobody_s() -> None:
    assert found(b'{"\\ud8": {"type": "api", "key": "KEY-CANARY-a"}, ') == {}


def test_slashes_at_the_end_of_a_name_are_cut_as_opencode_cuts_them() -> None:
    assert list(found(b'{"https://a.example//": {"type": "api", "key": "K"}, ')) == [
        "https://a.example"
    ]


def test_brackets_that_do_not_fit_end_what_was_open() -> None:
    content = b'{"a": {"type": "x", "b": [}, "zeta": {"type": "api", "key": "KEY-CANARY-z"}'

    assert found(content) == {"zeta": api("z")}


def test_an_entry_with_a_list_in_it_is_complete() -> None:
    content = b'{"acme": {"type": "api", "key": "K", "scopes": ["a"]}, "zeta": {"type": "ap'

    assert found(content) == {"acme": {"type": "api", "key": "K", "scopes": ["a"]}}


def test_a_list_under_a_name_is_no_entry() -> None:
    assert found(b'{"a": [{"type": "api"}], "type": ["type"], ') == {}


@given(st.data())
def test_wherever_the_writing_stops_each_complete_entry_is_found(data: st.DataObject) -> None:
    entries = {f"p{n}": api(str(n)) if n % 2 else oauth(str(n)) for n in range(4)}
    whole = as_opencode(entries)
    cut = data.draw(st.integers(0, len(whole) - 1))

    members = found(whole[:cut])

    ends = {name: as_opencode({n: entries[n] for n in list(entries)[: i + 1]})
            for i, name in enumerate(entries)}  # fmt: skip
    # Without the line break and the brace that close the file.
    assert members == {n: entries[n] for n in entries if cut >= len(ends[n]) - 2}


@given(st.binary(max_size=80) | st.text('{}[]":,\\\n typeapi', max_size=60).map(str.encode))
def test_no_bytes_at_all_are_too_much(content: bytes) -> None:
    apart = take_apart(content)

    pieces = [value.reveal() for _, value in apart.members] + [p.reveal() for p in apart.rest]
    text = content.decode("utf-8", "surrogateescape")
    assert all(piece in text for piece in pieces)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'"type"' + b"{}" * 50_000, id="many"),
        pytest.param(b'"type"' + b'"a":{' * 50_000 + b"}" * 50_000, id="deep"),
        pytest.param(b'"type"' + b'"\\"' * 50_000, id="quotes"),
        pytest.param(
            b'"type"' + b'"a":{' * 400 + b'"k":"' + b"x" * 300_000 + b'"' + b"x}" * 400, id="wide"
        ),
    ],
)
def test_no_shape_makes_it_slow(content: bytes) -> None:
    """Each of these would take hours if anything were looked at for each character."""
    assert take_apart(content).members == ()


def test_nothing_of_it_can_be_shown_by_accident() -> None:
    assert "CANARY" not in repr(take_apart(BOTH[:-30]))
