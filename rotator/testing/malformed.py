"""What a vendor, or whatever stands in between, can answer instead of the documented shape."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from rotator.model import Signal
from rotator.provider import HttpAnswer
from rotator.secret import Secret

# Stands in every made-up answer; a message or a repr that holds it quotes the vendor. Not written
# out, so that a copy of this file holds none.
MARK = "canary".upper()
RETRY = timedelta(seconds=120)
# What a field of the wrong type is replaced by: none of it means anything in any field.
TEXT = "https://evil.example/\x1b[2J \u202e/x"
_NUMBER = re.compile(r"\s*[+-]?[0-9.,]+(?:e[+-]?[0-9]+)?\s*%?", re.IGNORECASE)
_HUGE = 10**400
_JSON = {"content-type": "application/json"}
_PAGE = f"<!DOCTYPE html><html><head><title>{MARK}</title></head><body>Sorry</body></html>"


@dataclass(frozen=True, slots=True)
class Synthetic:
    """An answer that no vendor documents, and what it may lead to.

    `wanted` names the one error that is right for it, None leaves the choice among the four.
    With `tells_nothing` a snapshot may not come of it alone.
    """

    name: str
    answer: HttpAnswer
    wanted: str | None = None
    not_wanted: str | None = None
    tells_nothing: bool = True
    retry_at: datetime | None = None


def synthetic_answers(now: datetime) -> Iterator[Synthetic]:
    """Yield every answer that a module must survive."""
    for status in (400, 401, 402, 403, 404):
        yield Synthetic(f"a {status}", _refusal(status), tells_nothing=False)
    yield from _limits(now)
    for status in (500, 502, 503, 529):
        yield Synthetic(f"a {status}", _refusal(status), wanted="ProviderUnavailable")
    for status in (403, 503):
        name = f"a page with {status}"
        yield Synthetic(name, _page(status), wanted="ProviderUnavailable")
    yield Synthetic("a page with 200", _page(200), not_wanted="LoginRejected")
    for name, text in _nonsense():
        answer = HttpAnswer(200, _JSON, Secret(text))
        yield Synthetic(name, answer, not_wanted="LoginRejected")
    inside = json.dumps({"error": {"message": f"Something {MARK}", "code": "server_error"}})
    yield Synthetic("an error with 200", HttpAnswer(200, _JSON, Secret(inside)))


def _limits(now: datetime) -> Iterator[Synthetic]:
    at = (now + RETRY).replace(microsecond=0)
    date = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    for name, told, until in (
        ("a 429", None, None),
        ("a 429 with seconds", "120", now + RETRY),
        ("a 429 with a date", date, at),
        ("a 429 with nonsense", f"soon {MARK}", None),
        ("a 429 with far too much", "9" * 400, None),
    ):
        headers = _JSON if told is None else {**_JSON, "retry-after": told}
        answer = _refusal(429, headers)
        yield Synthetic(name, answer, wanted="RateLimited", retry_at=until)


def _refusal(status: int, headers: Mapping[str, str] = _JSON) -> HttpAnswer:
    body = json.dumps({"error": {"message": f"No {MARK} for you", "type": "some_error"}})
    return HttpAnswer(status, headers, Secret(body))


def _page(status: int) -> HttpAnswer:
    headers = {"content-type": "text/html; charset=UTF-8", "server": "cloudflare"}
    return HttpAnswer(status, headers, Secret(_PAGE))


def _nonsense() -> Iterator[tuple[str, str]]:
    yield "an empty answer", ""
    yield "a truncated answer", f'{{"data": {{"{MARK}": 1'
    yield "a list", "[]"
    yield "null", "null"
    yield "a number", "7"
    yield "a text", f'"{MARK}"'
    yield "not a number", "NaN"
    yield "deeply nested lists", "[" * 100_000 + "]" * 100_000
    yield "deeply nested objects", '{"data":' * 50_000 + "1" + "}" * 50_000
    yield "a megabyte of junk", MARK * 150_000
    yield "half a character", '{"data": "\\ud800"}\ud800'


@dataclass(frozen=True, slots=True)
class Changed:
    """A documented document with one thing about it changed; `what` names the field."""

    what: str
    text: str
    was: Any


def with_additions(document: Any) -> Iterator[Changed]:
    """Yield `document` with unknown fields in each of its objects in turn."""
    added = {"unknown_text": TEXT, "unknown_number": 7, "unknown_null": None}
    added |= {"unknown_list": [1], "unknown_object": {"unknown": True}, "unknown_flag": True}
    for path, value in values_of(document):
        if isinstance(value, dict):
            text = json.dumps(with_value(document, path, {**value, **added}))
            yield Changed(f"{_shown(path)} with unknown fields", text, value)


def with_mutations(document: Any) -> Iterator[Changed]:
    """Yield `document` with each field in turn gone, null, and of each wrong type."""
    for path, value in values_of(document):
        if not path:
            continue
        if isinstance(path[-1], str):
            text = json.dumps(with_value(document, path, GONE))
            yield Changed(f"{_shown(path)} gone", text, value)
        for name, other in _wrong(value):
            text = json.dumps(with_value(document, path, other))
            yield Changed(f"{_shown(path)} {name}", text, value)


def pieces_of(document: Any) -> Iterator[tuple[Changed, list[Changed]]]:
    """Yield each piece of `document` twice: gone, and in some ways that it must not be in."""
    for path, value in values_of(document):
        if not path or value is None:
            continue
        gone = Changed(f"{_shown(path)} gone", json.dumps(with_value(document, path, GONE)), value)
        broken = [
            Changed(f"{_shown(path)} {name}", json.dumps(with_value(document, path, other)), value)
            for name, other in _wrong(value)
            if name in _ODD_ENOUGH
        ]
        yield gone, broken


def with_hostile_texts(document: Any) -> Iterator[Changed]:
    """Yield `document` with each of its texts in turn replaced by one that must not be shown."""
    for path, value in values_of(document):
        if isinstance(value, str) and path:
            yield Changed(
                f"{_shown(path)} hostile", json.dumps(with_value(document, path, TEXT)), value
            )


def bad_headers(headers: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield `headers` with each in turn gone, or with a value that means nothing."""
    for name in headers:
        yield f"{name} gone", {key: value for key, value in headers.items() if key != name}
        for value in ("", TEXT, "nan", "inf", "1e999", "9" * 400, "٣", "-" + "9" * 400):
            yield f"{name}: {value[:10]!r}", {**headers, name: value}
    yield "many headers", {**headers, **{f"x-unknown-{n}": "7" for n in range(1_000)}}


def bad_signals(signal: Signal) -> Iterator[tuple[str, Signal]]:
    """Yield `signal` with its body cut off, nonsense, or with marked texts in it."""
    for eighth in range(8):
        yield (
            f"{eighth}/8 of the body",
            replace(signal, body=signal.body[: len(signal.body) * eighth // 8]),
        )
    for name, text in (*_nonsense(), ("a page", _PAGE)):
        yield name, replace(signal, body=text)
    yield "a hostile text", replace(signal, body="", error=f"AI_APICallError: {MARK} {TEXT}")
    document = _document(signal.body)
    for path, value in values_of(document):
        if path:
            for name, other in (*_wrong(value), ("marked", f"{MARK} {TEXT}")):
                body = json.dumps(with_value(document, path, other))
                yield f"{_shown(path)} {name}", replace(signal, body=body)
    for what, headers in bad_headers(signal.headers):
        yield what, replace(signal, headers=headers)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


GONE = object()
_ODD_ENOUGH = {"a text", "a flag", "a full list", "a full object", "less than nothing"}
Path = tuple[str | int, ...]
Kind = Literal["number", "text", "flag", "list", "object"]


def _wrong(value: object) -> Iterator[tuple[str, object]]:
    """Yield what must not stand where `value` stands; a number may come as a text, and back."""
    kind = _kind(value)
    if value is not None:
        yield "null", None
    others: dict[str, object] = {"a text": TEXT, "an empty text": "", "a flag": True}
    others |= {"a list": [], "a full list": [TEXT], "an object": {}}
    others |= {"a full object": {"x": TEXT}, "not a number": float("nan")}
    others |= {"endless": float("inf"), "huge": _HUGE, "less than nothing": -_HUGE}
    same: dict[Kind | None, set[str]] = {
        "text": {"a text", "an empty text"},
        "flag": {"a flag"},
        "list": {"a list", "a full list"},
        "object": {"an object", "a full object"},
    }
    for name, other in others.items():
        if name not in same.get(kind, set()):
            yield name, other
    if kind not in {"number", None} and not _is_numeric(value):
        yield "a number", 7.5


def _is_numeric(value: object) -> bool:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _kind(value: object) -> Kind | None:
    match value:
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "number" if _is_numeric(value) else "text"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return None


def values_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield everything in a document with the path to it, the document first."""
    yield path, value
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from values_of(inner, (*path, key))


def with_value(document: Any, path: Path, value: object) -> Any:
    """Return a document with another value in one place, or none for `GONE`.

    The given one stays as it is; what does not lie on the way to that place is shared with it.
    """
    if not path:
        return value
    key, *rest = path
    changed = copy.copy(document)
    if rest:
        changed[key] = with_value(document[key], tuple(rest), value)
    elif value is GONE:
        del changed[key]
    else:
        changed[key] = value
    return changed


def _shown(path: Path) -> str:
    return ".".join(map(str, path)) or "the document"
