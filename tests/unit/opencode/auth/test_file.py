"""auth.json as text: what is whole, what its entries say, and how one entry is exchanged."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.errors import LiveFileUnreadable
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.opencode.auth.file import (
    Torn,
    Whole,
    parse_live,
    require_whole,
    way_out,
    with_entries,
    with_entry,
)
from rotator.opencode.auth.other_text import other_text
from rotator.secret import Secret

KEY_A = '{"type":"api","key":"KEY-CANARY-A"}'
KEY_B = '{"type":"api","key":"KEY-CANARY-B"}'
OAUTH: dict[str, Any] = {
    "type": "oauth",
    "refresh": "REF-CANARY",
    "access": "ACC-CANARY",
    "expires": 1_800_000_000_000,
}
LARGEST_NUMBER = 2**53 - 1


def whole(text: str) -> Whole:
    reading = parse_live(text.encode())
    assert isinstance(reading, Whole)
    return reading


def changed(text: str, provider: str, entry: str | None) -> str:
    return with_entry(whole(text), provider, None if entry is None else Secret(entry)).decode()


def entry_of(**changes: Any) -> Secret:
    """Return a login; a change to `...` takes the field out."""
    value = OAUTH | changes
    return Secret(json.dumps({k: v for k, v in value.items() if v is not ...}))


# -- what is whole -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b" \n", "it is empty", id="blank"),
        pytest.param(b'{"a": {"type": "ap', "it is not JSON", id="half"),
        pytest.param(b'{"a": 1} {"b": 2}', "more text follows", id="trailing text"),
        pytest.param(b"{}x", "more text follows", id="text after nothing"),
        pytest.param(b'{"a": 1,}', "it is not JSON", id="trailing comma"),
        pytest.param(b'{"a": 1 "b": 2}', "it is not JSON", id="no comma"),
        pytest.param(b'{"a" 1}', "it is not JSON", id="no colon"),
        pytest.param(b"{1: 2}", "a name was expected", id="a number as a name"),
        pytest.param(b"[]", "it is not JSON", id="a list"),
        pytest.param(b'"text"', "it is not JSON", id="a text"),
        pytest.param(b'{"a": NaN}', "NaN and Infinity", id="NaN"),
        pytest.param(b'{"a": -Infinity}', "NaN and Infinity", id="infinity"),
        pytest.param(b'{"a": "\xff', "it is not JSON", id="half, and not UTF-8"),
        pytest.param(b"\0" * 500, "it is empty", id="NUL bytes alone"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbf{", "it is not JSON", id="two marks, and half"),
    ],
)
def test_what_is_not_one_json_object_is_torn_and_says_why(content: bytes, why: str) -> None:
    """Case 6: half-written or invalid text is no content at all."""
    reading = parse_live(content)

    assert isinstance(reading, Torn)
    assert why in reading.why
    assert not reading.lasting


MARK, TEXT = b"\xef\xbb\xbf", '{"a": {"key": "\u00e9"}}'
MARKS = "it has more than one byte order mark, or one that is not its beginning"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(TEXT.encode("utf-16"), "it is UTF-16 text", id="UTF-16"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), "it is UTF-16 text", id="big first"),
        pytest.param(TEXT.encode("utf-16-le"), "it is UTF-16 text", id="UTF-16 without a mark"),
        pytest.param(TEXT.encode("utf-16-be"), "it is UTF-16 text", id="big first without one"),
        pytest.param(MARK + TEXT.encode("utf-16"), "it is UTF-16 text", id="two kinds of marks"),
        pytest.param(TEXT.encode("utf-32"), "it is UTF-32 text", id="UTF-32"),
        pytest.param(TEXT.encode("utf-32-be"), "it is UTF-32 text", id="UTF-32 without a mark"),
        pytest.param(MARK * 2 + TEXT.encode(), MARKS, id="two marks"),
        pytest.param(TEXT.encode() + MARK, MARKS, id="a mark at the end"),
        pytest.param(b"\n" + MARK + TEXT.encode(), MARKS, id="a mark after a blank"),
        pytest.param(TEXT.encode().replace(b": ", b": " + MARK, 1), MARKS, id="a mark within"),
    ],
)
def test_what_opencode_cannot_read_for_its_letters_stays_and_says_what_stands_there(
    content: bytes, why: str
) -> None:
    """Else opencode itself would have written half of it."""
    reading = parse_live(content)

    assert isinstance(reading, Torn)
    assert (reading.why, reading.lasting, (reading.says or "").strip()) == (why, True, TEXT)
    assert "save it as UTF-8" in way_out(reading)
    assert "key" not in repr(reading)


def test_half_a_text_with_another_mark_is_nothing_that_opencode_wrote() -> None:
    half = TEXT.encode("utf-16")[:-4]

    assert parse_live(half) == Torn(half, "it is UTF-16 text", lasting=True, says=TEXT[:-2])
    assert not getattr(parse_live(half.removeprefix(b"\xff\xfe")), "lasting", True)


@pytest.mark.parametrize("content", [b'{"a": {"b": 1}}\0\0', b"\0" * 9, b'{"a": "\0"}'])
def test_a_nul_byte_makes_no_other_letters(content: bytes) -> None:
    assert other_text(content) is None


ODD_BYTES = b'{"a\xff": {"type": "api", "key": "K\xe9\xed\xa0\x80"}, "b": "\xc3", "c": 1}'


def test_bytes_that_are_no_text_are_read_as_opencode_reads_them_and_stay() -> None:
    reading = parse_live(ODD_BYTES)
    assert isinstance(reading, Whole)

    entries = {name: entry.reveal() for name, entry in reading.entries.items()}
    assert entries == {
        "a\ufffd": '{"type": "api", "key": "K\ufffd\ufffd\ufffd\ufffd"}',
        "b": '"\ufffd"',
        "c": "1",
    }
    assert with_entry(reading, "c", Secret("2")) == ODD_BYTES[:-2] + b"2}"
    assert reading.digest != Whole(ODD_BYTES.replace(b"\xc3", b"\xc4")).digest


@pytest.mark.parametrize("content", [b'{"a": ' * 100_000, b'{"a": ' + b"[" * 100_000])
def test_what_is_nested_too_deeply_stays_so(content: bytes) -> None:
    assert parse_live(content) == Torn(content, "it is nested too deeply", lasting=True)


def test_a_torn_reading_shows_nothing_of_what_it_read() -> None:
    reading = parse_live(b'{"a": {"key": "KEY-CANARY-A", oops')

    assert "CANARY" not in repr(reading)


def test_a_whole_reading_shows_nothing_of_what_it_read() -> None:
    assert "CANARY" not in repr(whole(f'{{"a": {KEY_A}}}'))


def test_a_file_with_a_byte_order_mark_is_read_as_opencode_reads_it() -> None:
    reading = whole(f'\ufeff{{"a": {KEY_A}}}')

    assert reading.entries["a"].reveal() == KEY_A


def test_the_byte_order_mark_stays_when_an_entry_is_replaced() -> None:
    assert changed(f'\ufeff{{"a": {KEY_A}}}', "a", KEY_B) == f'\ufeff{{"a": {KEY_B}}}'


def test_a_number_of_thousands_of_digits_does_not_make_a_file_torn() -> None:
    text = f'{{"a": {KEY_A}, "b": {"9" * 5000}}}'

    assert whole(text).entries["a"].reveal() == KEY_A


def test_of_a_repeated_name_the_last_entry_counts() -> None:
    reading = whole(f'{{"a": {KEY_A}, "b": 1, "a": {KEY_B}}}')

    assert reading.entries["a"].reveal() == KEY_B


def test_slashes_at_the_end_of_an_id_are_cut_as_opencode_cuts_them() -> None:
    assert list(whole('{"https://acme.example//": 1, "/": 2}').entries) == [
        "https://acme.example",
        "/",
    ]


# -- how one entry is exchanged --------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "entry", "after"),
    [
        pytest.param("{}", "1", '{\n  "a": 1\n}', id="into an empty file"),
        pytest.param(" { } \n", "1", '{\n  "a": 1\n}', id="into a blank object"),
        pytest.param('{"b":{"x" :1}}', "1", '{"b":{"x" :1},\n  "a": 1}', id="beside another"),
        pytest.param('{ "a":2 , "b":3 }', "1", '{ "a":1 , "b":3 }', id="in place"),
        pytest.param('{"a":2,"b":3,"a":4}', "1", '{"a":2,"b":3,"a":1}', id="the last of two"),
        pytest.param('{"\\u0061":2}', "1", '{"\\u0061":1}', id="an escaped name"),
        pytest.param('{"a//":2}', "1", '{"a//":1}', id="a name with slashes"),
        pytest.param('{"a":2, "b":3}', None, '{"b":3}', id="the first out"),
        pytest.param('{"b":3, "a":2}', None, '{"b":3}', id="the last out"),
        pytest.param('{"b":3,"a":2,"c":4}', None, '{"b":3,"c":4}', id="the middle one out"),
        pytest.param('{ "a":2 }', None, "{ }", id="the only one out"),
        pytest.param('{"a":2,"b":3,"a":4}', None, '{"b":3}', id="every one of that name out"),
        pytest.param('{"b":3}', None, '{"b":3}', id="none to take out"),
    ],
)
def test_an_entry_is_exchanged_in_its_place(before: str, entry: str | None, after: str) -> None:
    assert changed(before, "a", entry) == after


@dataclass(frozen=True)
class Document:
    """A made-up auth.json: its text, and the text of each member's value in order."""

    text: str
    values: tuple[tuple[str, str], ...]

    def entries(self) -> dict[str, str]:
        return dict(self.values)


NAMES = st.sampled_from(["a", "a/", "b", "é", "https://acme.example", "https://acme.example/"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
BLANKS = st.text(" \t\n\r", max_size=2)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Objects in any layout, with repeated names and names in any spelling."""
    parts: list[str] = []
    values: list[tuple[str, str]] = []
    for name in draw(st.lists(NAMES | st.text(max_size=4), max_size=5)):
        value = json.dumps(draw(JSON_VALUES), ensure_ascii=draw(st.booleans()))
        # Text of surrogates alone is no UTF-8, however JSON may spell it.
        spelled = json.dumps(name, ensure_ascii=draw(st.booleans()))
        blank = [draw(BLANKS) for _ in range(4)]
        parts.append(f"{blank[0]}{spelled}{blank[1]}:{blank[2]}{value}{blank[3]}")
        values.append((name.rstrip("/") or name, value))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    text = f"{mark}{draw(BLANKS)}{{{','.join(parts) or draw(BLANKS)}}}{draw(BLANKS)}"
    return Document(text, tuple(values))


@given(documents())
def test_every_entry_keeps_its_very_text(document: Document) -> None:
    reading = whole(document.text)

    assert {p: e.reveal() for p, e in reading.entries.items()} == document.entries()


@given(documents(), NAMES, JSON_VALUES)
def test_putting_an_entry_in_changes_that_entry_and_no_other(
    document: Document, name: str, value: object
) -> None:
    provider = name.rstrip("/")
    entry = json.dumps(value)

    after = changed(document.text, provider, entry)

    assert {p: e.reveal() for p, e in whole(after).entries.items()} == (
        document.entries() | {provider: entry}
    )


@given(documents(), NAMES)
def test_taking_an_entry_out_leaves_every_other_one(document: Document, name: str) -> None:
    provider = name.rstrip("/")
    expected = {p: v for p, v in document.values if p != provider}

    after = changed(document.text, provider, None)

    assert {p: e.reveal() for p, e in whole(after).entries.items()} == expected


@given(documents(), NAMES)
def test_replacing_an_entry_moves_no_other_byte(document: Document, name: str) -> None:
    provider = name.rstrip("/")
    members = [m for m in whole(document.text).members if m.provider == provider]

    after = changed(document.text, provider, KEY_A)

    if members:
        last = members[-1]
        text = document.text
        assert after == text[: last.value_start] + KEY_A + text[last.value_end :]


@given(documents())
def test_no_beginning_of_a_whole_file_is_whole(document: Document) -> None:
    text = document.text.rstrip()

    cuts = [parse_live(text[:end].encode()) for end in range(len(text))]

    assert all(isinstance(reading, Torn) for reading in cuts)


@given(st.binary(max_size=60) | documents().map(lambda d: d.text.encode()[1:]))
@example(b'{"a":\xed\xa0\x80}')
def test_no_bytes_at_all_are_too_much_for_the_reader(content: bytes) -> None:
    reading = parse_live(content)

    assert isinstance(reading, (Whole, Torn))


# -- what an entry says ------------------------------------------------------------------------


def test_an_api_key_goes_with_the_request() -> None:
    credential = parse_entry("acme", Secret(KEY_A))

    assert (credential.type, credential.secret.reveal()) == ("api", "KEY-CANARY-A")


def test_a_login_tells_its_tokens_and_when_the_access_token_runs_out() -> None:
    credential = parse_entry("acme", entry_of(accountId="acct-a", enterpriseUrl="ghe.example"))

    assert credential.secret.reveal() == "ACC-CANARY"
    assert credential.refresh == Secret("REF-CANARY")
    assert credential.expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert (credential.account_id, credential.enterprise_url) == ("acct-a", "ghe.example")


def test_a_well_known_token_goes_with_the_request() -> None:
    entry = Secret('{"type":"wellknown","key":"ACME_TOKEN","token":"TOK-CANARY"}')

    credential = parse_entry("https://acme.example", entry)

    assert (credential.type, credential.secret.reveal()) == ("wellknown", "TOK-CANARY")


def test_an_expiry_of_zero_means_that_none_is_known() -> None:
    assert parse_entry("acme", entry_of(expires=0)).expires_at is None


def test_an_expiry_beyond_every_calendar_means_that_none_is_near() -> None:
    assert parse_entry("acme", entry_of(expires=LARGEST_NUMBER)).expires_at is None


def test_metadata_binds_a_key_to_its_place() -> None:
    one = parse_entry("acme", Secret('{"type":"api","key":"K","metadata":{"host":"a"}}'))
    two = parse_entry("acme", Secret('{"type":"api","key":"K","metadata":{"host":"b"}}'))

    assert one.destination != two.destination


# Each was shown to `opencode auth list` of 1.18.33, which lists what it takes.
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry_of(expires=1500.0), id="a whole number with a point"),
        pytest.param(entry_of(expires=LARGEST_NUMBER), id="the largest number"),
        pytest.param(entry_of(metadata=[1], key=4), id="a login with fields of other types"),
        pytest.param(Secret('{"type":"api","key":""}'), id="an empty key"),
        pytest.param(Secret('{"type":"api","key":"k","accountId":5}'), id="a key with a number"),
        pytest.param(
            Secret('{"type":"wellknown","key":"a","token":"b","metadata":3}'), id="well-known"
        ),
    ],
)
def test_an_entry_that_opencode_takes_is_taken(entry: Secret) -> None:
    assert parse_entry("acme", entry).entry is entry


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        pytest.param(Secret("[1]"), "not an object", id="a list"),
        pytest.param(Secret("{"), "not JSON", id="half"),
        pytest.param(Secret("{} {}"), "not JSON", id="two"),
        pytest.param(Secret('{"type":"api","key":"k","x":NaN}'), "not JSON", id="NaN"),
        pytest.param(Secret('{"type":"api","key":"\udc80"}'), "not JSON", id="no text"),
        pytest.param(Secret('{"key":"k"}'), "its type", id="no type"),
        pytest.param(Secret('{"type":"magic","key":"k"}'), "its type", id="another type"),
        pytest.param(Secret('{"type":["api"],"key":"k"}'), "its type", id="a list as type"),
        pytest.param(Secret('{"type":"api"}'), "key is not a text", id="no key"),
        pytest.param(Secret('{"type":"api","key":null}'), "key is not a text", id="no key at all"),
        pytest.param(
            Secret('{"type":"api","key":"k","metadata":{"a":1}}'), "metadata", id="a number in it"
        ),
        pytest.param(Secret('{"type":"api","key":"k","metadata":null}'), "metadata", id="null"),
        pytest.param(Secret('{"type":"wellknown","token":"t"}'), "key is not a text", id="token"),
        pytest.param(Secret('{"type":"wellknown","key":"k"}'), "token is not a text", id="key"),
        pytest.param(entry_of(access=...), "access is not a text", id="no access token"),
        pytest.param(entry_of(refresh=7), "refresh is not a text", id="a number as refresh token"),
        pytest.param(entry_of(expires=...), "expires", id="no expiry"),
        pytest.param(entry_of(expires="soon"), "expires", id="a word as expiry"),
        pytest.param(entry_of(expires=True), "expires", id="a yes as expiry"),
        pytest.param(entry_of(expires=1.5), "expires", id="a fraction as expiry"),
        pytest.param(entry_of(expires=-1), "expires", id="an expiry before all time"),
        pytest.param(entry_of(expires=LARGEST_NUMBER + 1), "expires", id="too large an expiry"),
        pytest.param(entry_of(accountId=None), "accountId", id="null as account"),
        pytest.param(entry_of(enterpriseUrl=3), "enterpriseUrl", id="a number as host"),
    ],
)
def test_an_entry_that_opencode_would_not_take_names_its_field(entry: Secret, why: str) -> None:
    """Case 7: what is wrong is said of this entry alone."""
    with pytest.raises(BadEntry, match=why) as caught:
        parse_entry("acme", entry)

    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize(
    "provider",
    [
        pytest.param("", id="empty"),
        pytest.param("ac\x1b[31mme", id="an escape sequence"),
        pytest.param("ac\nme", id="two lines"),
        pytest.param("acme\u202e", id="a mark that turns the line round"),
        pytest.param("acme\ud800", id="no character"),
        pytest.param("a" * 2000, id="endless"),
    ],
)
def test_an_id_that_no_line_can_show_is_a_bad_entry(provider: str) -> None:
    with pytest.raises(BadEntry, match="cannot be shown") as caught:
        parse_entry(provider, Secret(KEY_A))

    assert caught.value.message.isprintable()


FIELDS = ["type", "key", "token", "access", "refresh", "expires", "accountId", "metadata", "x"]
ODD_VALUES = JSON_VALUES | st.sampled_from(
    ["api", "oauth", "wellknown", 0, -1, 1e300, 10**400, 253402300800000, "\ud800"]
)
ODD_ENTRIES = st.dictionaries(st.sampled_from(FIELDS), ODD_VALUES).map(json.dumps)


def told(text: str) -> str:
    """Return why `text` is no entry, empty if it is one."""
    try:
        parse_entry("acme", Secret(text))
    except BadEntry as exc:
        return exc.message
    return ""


@given(ODD_ENTRIES | JSON_VALUES.map(json.dumps) | st.text(max_size=40))
def test_any_text_is_a_credential_or_a_bad_entry(text: str) -> None:
    assert told(text).isprintable()


def test_no_depth_is_too_much_for_the_reader() -> None:
    # Reading and writing JSON run out of stack at depths that differ by little.
    depths = [*range(800, 1000), 5_000, 200_000]
    texts = [f'{{"type":"api","key":"K","x":{"[" * d}{"]" * d}}}' for d in depths]

    why = {told(text).split(": ")[-1] for text in texts}

    assert why <= {"", "it is not JSON", "it is nested too deeply"}


def test_the_error_of_a_torn_file_says_what_to_do_and_shows_no_secret() -> None:

    torn = parse_live(b'{"a": {"key": "KEY-CANARY-A"')

    with pytest.raises(LiveFileUnreadable, match=r"auth\.json cannot be changed") as caught:
        require_whole(torn, Path("auth.json"))

    assert caught.value.hint is not None
    assert "CANARY" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": 2, "a": 3, "c": 4}',
        '{ "c" : 4 , "b" : 2 , "a" : 1 }',
        '{"a": 1}',
        "{}",
    ],
)
def test_several_entries_at_once_are_changed_as_one_after_another(text: str) -> None:
    values = (None, Secret("5"), Secret("6"))
    for choice in itertools.product(values, repeat=4):
        wanted = dict(zip("abcd", choice, strict=True))
        one_by_one = whole(text)
        for provider, entry in wanted.items():
            one_by_one = Whole(with_entry(one_by_one, provider, entry))

        assert with_entries(whole(text), wanted) == one_by_one.content
