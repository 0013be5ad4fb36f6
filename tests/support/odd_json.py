"""Hypothesis strategies for JSON that is nearly right: the right keys, and anything else wrong.

They make texts, not values, so that repeated keys, numbers that no float holds, lone
surrogates and torn ends can be among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from tests.support.builders import a_jwt

Text = st.SearchStrategy[str]

_DEEP = 3_000
ODD: Text = st.sampled_from(
    [
        *("null", "true", "false", "0", "-0", "-1", "1.0", "0.5", "1e3", "1e400", "-1e400"),
        *("NaN", "Infinity", "-Infinity", "9" * 30, "9" * 5_000, "253402300800000"),
        *('""', '"\\ud800"', '"\\u0000\\u001b[2J\\u202eCANARY"', '"\\ufeff"', '"CANARY\\n"'),
        *("[]", "{}", '{"a":1,"a":"CANARY"}', '["CANARY"]', "[[[[]]]]"),
        *("[" * _DEEP + "]" * _DEEP, '{"a":' * _DEEP + "1" + "}" * _DEEP),
        *('"' + "CANARY" * 5_000 + '"', "[" + "1," * 500 + "1]"),
        *("", "CANARY", '"CANARY', "'CANARY'", "[1,]", "\x00", "\ufeff1"),
    ]
)
ANY: Text = ODD | (
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
        ),
        max_leaves=5,
    ).map(json.dumps)
)
_BLANKS = st.sampled_from(["", " ", "\n  ", "\t\r\n"])


def told(*values: object) -> Text:
    """Draw one of `values` as JSON."""
    return st.sampled_from(values).map(json.dumps)


@st.composite
def objects(draw: st.DrawFn, fields: Mapping[str, Text], most_wrong: int = 2) -> str:
    """Draw an object with these fields; up to `most_wrong` of them missing, odd or repeated."""
    pairs = [(name, draw(right)) for name, right in fields.items()]
    for _ in range(draw(st.integers(0, most_wrong))):
        where = draw(st.integers(0, len(pairs)))
        match draw(st.sampled_from(["odd", "twice", "gone", "another"])):
            case "odd" if where < len(pairs):
                pairs[where] = (pairs[where][0], draw(ANY))
            case "twice" if where < len(pairs):
                pairs.append((pairs[where][0], draw(ANY)))
            case "gone" if where < len(pairs):
                del pairs[where]
            case _:
                pairs.insert(where, (draw(st.text(max_size=6)), draw(ANY)))
    blank = draw(_BLANKS)
    members = f",{blank}".join(f"{json.dumps(name)}:{blank}{value}" for name, value in pairs)
    return f"{{{blank}{members}{blank}}}"


@st.composite
def damaged(draw: st.DrawFn, texts: Text) -> bytes:
    """Draw the bytes of a text: mostly as it is, else torn, with a mark, or in other letters."""
    content = draw(texts).encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(content)))
    match draw(st.sampled_from(["", "", "", "", "torn", "mark", "wide", "inserted", "after"])):
        case "torn":
            return content[:at]
        case "mark":
            return b"\xef\xbb\xbf" + content
        case "wide":
            return content.decode("utf-8", "replace").encode("utf-16")
        case "inserted":
            new = draw(st.sampled_from([b"\0", b"\xff", b"\n", b'"']))
            return content[:at] + new + content[at:]
        case "after":
            return content + draw(st.binary(max_size=5))
        case _:
            return content


# -- auth.json -------------------------------------------------------------------------------

_NAMES = st.sampled_from("abcd")
_TOKENS = (
    _NAMES.map(lambda name: f"ACC-CANARY-{name}-1")
    | st.fixed_dictionaries(
        {},
        optional={
            "sub": st.text(max_size=6) | st.integers(),
            "email": st.just("a\x1b[2J@acme.example") | st.lists(st.none(), max_size=1),
            "https://api.openai.com/auth": st.dictionaries(
                st.sampled_from(["chatgpt_account_id", "chatgpt_user_id", "chatgpt_plan_type"]),
                st.text(max_size=6) | st.integers() | st.just("\ud800"),
            ),
            "https://api.openai.com/profile": st.just(5) | st.just({"email": "\u202ea"}),
        },
    ).map(a_jwt)
    | st.sampled_from(["", ".", "a.b.c", "e30.W10.x", "e30.\ud800.x", "e30.é.x"])
)
ENTRIES: Text = (
    objects({"type": told("api"), "key": _NAMES.map(lambda n: f'"KEY-CANARY-{n}"')})
    | objects(
        {
            "type": told("oauth"),
            "access": _TOKENS.map(json.dumps),
            "refresh": _NAMES.map(lambda n: f'"REF-CANARY-{n}-1"'),
            "expires": told(0, 1, 1_795_000_000_000, 2**53 - 1, 2**53, 1e15, 1e300),
        }
    )
    | objects({"type": told("wellknown"), "key": told("TOKEN"), "token": told("TOK-CANARY-a")})
)
_IDS = st.sampled_from(
    [
        *("acme", "openai", "anthropic", "xai", "github-copilot", "zeta", "https://w.example/"),
        *("", "/", "a\x1b[2J", "\ud800", "x" * 1_200, "acme/", "a\u202eb", "__proto__"),
    ]
)


@st.composite
def auth_files(draw: st.DrawFn) -> str:
    """Draw the text of an auth.json whose entries may be wrong, odd or repeated."""
    entries = draw(st.lists(st.tuples(_IDS, ENTRIES | ENTRIES | ANY), max_size=4))
    blank = draw(_BLANKS)
    members = ",".join(f"{blank}{json.dumps(name)}:{blank}{entry}" for name, entry in entries)
    return f"{{{members}{blank}}}"


# -- the bridge's files ------------------------------------------------------------------------


def _header_values() -> Text:
    return told("60", "CANARY\x1b[2J", "9" * 40, "1e999", "-5", "Mon, 32 Feb 2026 25:61:61 GMT")


_BODIES = (
    objects(
        {
            "error": objects(
                {
                    "type": told("rate_limit_error", "insufficient_quota", "CANARY", 7),
                    "code": told("usage_limit_reached", "invalid_api_key", None, 429),
                    "message": told("Overloaded", "Try again in 999999999999d", "CANARY"),
                    "resets_at": told(1_795_350_000, 1e308, "9999-12-31T23:59:59Z", -1),
                    "resets_in_seconds": told(60, 1e18, "1e18", -60),
                }
            )
        }
    )
    | ANY
).map(json.dumps)


def signals(digests: Sequence[str]) -> Text:
    """Draw the text of a signal about one of `digests` or about nobody known."""
    anyone = told(*digests, "0" * 64, "KEY-CANARY-a", None)
    return objects(
        {
            "schema": told(1),
            "id": told("s-1"),
            "request": told("r-1"),
            "attempt": told(1, 2, -1, 10**30),
            "at": told("2026-11-22T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
            "provider": told("acme", "acme", "acme", "none", "a\x1b[2J", "x" * 5_000),
            "model": told("m1"),
            "session": told("ses_1"),
            "credential": anyone,
            "tried": st.lists(anyone, max_size=3).map(lambda found: f"[{','.join(found)}]"),
            "left": told([], ["acme"], ["a\x1b[2J", 7, "x" * 5_000], "acme", {"a": 1}),
            "aside": told(*(False, True, "true", 1)),
            "waited": told(*(False, True, "true", 1)),
            "unproven": told(*(False, True, "true", 1)),
            "opencode": told("tui", "serve", "run", "CANARY", ["run"], {}),
            "status": told(429, 402, 401, 403, 400, 500, 529, 200, 0, -1, 10**40),
            "headers": objects({"retry-after": _header_values(), "date": _header_values()}),
            "body": _BODIES,
        }
    )


def presents(auth_file: str) -> Text:
    """Draw the text of the file of a bridge."""
    return objects(
        {
            "schema": told(1),
            "pid": told(1, 2**40, -1) | st.sampled_from(["1e400", "NaN", "true"]),
            "bridge": told("0.1.0", "\x1b[2J" * 200),
            "opencode": told("1.18.33"),
            "auth_file": told(auth_file, auth_file, "/elsewhere"),
            "directories": told([]),
            "started_at": told("2026-11-22T12:00:00Z", "0001-01-01T00:00:00+23:00", 5),
            "kind": told("tui", "serve", "run", "CANARY", ["run"], {}),
        }
    )


def watcher_files(pid: int) -> Text:
    """Draw the text of watcher.json."""
    return objects(
        {
            "schema": told(1),
            "pid": told(pid),
            "polling": told([], ["live"], ["a\x1b[2J" * 200], "live", {"a": 1}, 5, [["a"]], [5]),
        }
    )


# -- opencode's log ----------------------------------------------------------------------------

_WORDS = st.sampled_from(
    [
        *("timestamp=2026-11-22T11:59:58.931Z", "timestamp=0001-01-01T00:00:00+23:59"),
        *("level=ERROR", "level=INFO", 'message="stream error"', 'message="stream error'),
        *("providerID=acme", "providerID=", 'providerID="a\\u001b[2J"', 'providerID="\\ud800"'),
        *("modelID=m1", "session.id=ses_1", "small=false", "small=true", 'error.error="\\'),
        *('error.error="AI_APICallError: Rate limit reached"', 'error.error="CANARY \\"quoted'),
        *("error.type=rate_limit_error", 'error.code="CANARY"', "error.message=CANARY"),
        *(f'error.error="{"x" * 5_000}"', "=", '""', "a=b=c", 'a="b"c', "\x00", "\u2028", "stream"),
        *("ERROR 2026-11-22T22:32:18 +5ms service=llm providerID=acme error=", '"statusCode":٤٢٩'),
        *('{"statusCode":429,"responseBody":"CANARY"}', "stream error"),
    ]
)
_USUAL = (
    "timestamp=2026-11-22T11:59:58.931Z level=ERROR run=9e2e0430",
    'message="stream error" providerID=acme modelID=m1',
)
LOG_LINES: Text = st.builds(
    lambda usual, words: " ".join([*usual, *words]),
    st.sampled_from([_USUAL, _USUAL, (), (_USUAL[1], _USUAL[0])]),
    st.lists(_WORDS | st.text(max_size=8), max_size=8),
)


# -- what vendors answer -----------------------------------------------------------------------

_CODES = told(
    *("invalid_grant", "refresh_token_reused", "refresh_token_expired", "invalid_client"),
    *("CANARY", None, 7, {"code": "invalid_grant"}, ["invalid_grant"]),
)
_LIFETIMES = told(3600, 0, -1, 1e300, "7200", "CANARY", None) | st.sampled_from(
    ["true", "1e400", "NaN", "0.5", "9" * 30]
)
TOKEN_ANSWERS: Text = (
    objects(
        {
            "access_token": _TOKENS.map(json.dumps),
            "refresh_token": told("REF-CANARY-a-2", "REF-CANARY-a-2", "", None, "a b", 7),
            "expires_in": _LIFETIMES,
        }
    )
    | objects({"error": _CODES, "error_description": told("CANARY")})
    | objects({"error": objects({"code": _CODES, "type": _CODES, "message": told("CANARY")})})
    | ANY
)
