"""What a failed answer says of itself, whatever shape its body has; it decides nothing.

Only the places where providers speak about a failure are read (`error`, `detail`, `metadata`
and the like), never the whole body: an answer may echo what the user wrote. Bodies come from
outside and may be anything, so nothing here raises and the work is bounded.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice

from rotator.model import Signal

# Twice what the bridge sends of a body.
_LONGEST_BODY = 32_768
_LONGEST_CODE = 100
# Of a longer message the head says what it is, and the end when it is over.
_HEAD_OF_MESSAGE, _END_OF_MESSAGE = 590, 400
# Of all messages: who reads them looks at each for many words.
_MOST_LETTERS = 1_500
# So many letters of words may stand before the first JSON value.
_LONGEST_PREFIX = 4_000
_LONGEST_HEADER = 200
_MOST_OBJECTS = 64
_MOST_ITEMS = 8
_MOST_FIELDS = 64
_MOST_HEADERS = 200

# Where a provider nests what it says; `message` and `raw` may hold another provider's JSON.
_INSIDE = (
    "error",
    "errors",
    "err",
    "detail",
    "details",
    "message",
    "msg",
    "metadata",
    "raw",
    "response",
    "violations",
    "quota_dimensions",
    "data",
    "result",
    "base_resp",
    "cause",
    "inner_error",
    "innererror",
    "upstream_error",
    "failure",
    "info",
    "extra",
    "limits",
    "windows",
    "quota",
    "quotas",
    "buckets",
    "usage_limits",
    "usage_windows",
    "limit_windows",
    "quota_windows",
    "window_limits",
    "plan_limits",
    "rate_limit",
    "rate_limits",
    "limit",
    "window",
    "primary_window",
    "secondary_window",
    "retry_info",
    "reset_info",
    "rate_limit_info",
    "limit_info",
    "quota_info",
)
_CODE_FIELDS = (
    "code",
    "type",
    "error_code",
    "error_type",
    "reason",
    "status",
    "error",
    # google.rpc: QuotaFailure.violations[].quotaId and ErrorInfo.metadata.quota_limit.
    "quota_id",
    "quota_limit",
    # https://openrouter.ai/docs/api_reference/limits
    "limit_source",
)
_MESSAGE_FIELDS = (
    "message",
    "error",
    "detail",
    "details",
    "error_description",
    "description",
    "error_message",
    "error_msg",
    "err_msg",
    "errmsg",
    "status_msg",
    "status_message",
    "msg",
    "title",
    "raw",
)
_STATUS_FIELDS = ("status_code", "status", "code")

_JSON_START = re.compile(r'\{\s*["}]|\[\s*[{"]')
_SSE_FIELD = re.compile(r"(?:event|data|id|retry):")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],]', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}
_DEEPEST = 64
_DECODER = json.JSONDecoder()
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$")
_LONGEST_ESCAPE = 6
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_LARGEST = 1e17
_HTTP_ERROR = re.compile(r"[45]\d\d", re.ASCII)
_TOLD_STATUS = re.compile(
    r"(?:[\w-]{1,20} ){0,2}API (?:call )?error:? \(?(?P<status>[45]\d\d)\b", re.IGNORECASE
)
# How opencode logs an error: "AI_APICallError: …", "AI_RetryError: … Last error: …".
_ERROR_NAME = re.compile(r"^\w{0,40}Error:\s*(?:Failed after \d{1,3} attempts\. Last error: )?")


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The evidence in a failed answer, outermost first.

    `codes` and the keys of `objects` are in snake case, the keys of `headers` in lower case.
    `status` is the HTTP status that the body states, for errors inside a stream.
    """

    codes: tuple[str, ...] = field(repr=False)
    messages: tuple[str, ...] = field(repr=False)
    objects: tuple[Mapping[str, object], ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: int | None


def read_error_response(signal: Signal) -> ErrorResponse:
    """Return what the signal's body, error text and headers say."""
    return _read(signal.body, signal.error or "", tuple(signal.headers.items()))


# Each rule asks for the same one.
@lru_cache(maxsize=1)
def _read(body: str, error: str, headers: tuple[tuple[str, str], ...]) -> ErrorResponse:
    documents: list[object] = []
    messages: list[str] = []
    for text in (body, error):
        values, rest = _documents(_ERROR_NAME.sub("", text[:_LONGEST_BODY]))
        documents += values
        rest = _shortened(rest)
        if rest:
            messages.append(rest)
    objects = tuple(_objects(documents))
    return ErrorResponse(
        codes=tuple(code for entry in objects for code in _codes(entry)),
        messages=tuple(
            _within(chain(messages, (said for entry in objects for said in _messages(entry))))
        ),
        objects=objects,
        headers=_headers(dict(headers), objects),
        status=next(chain(filter(None, map(_status, objects)), _told_statuses(messages)), None),
    )


def number_of(value: object) -> float | None:
    """Return a number, or one that is written as a text; None for what can be none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither what is not a number nor what no float can hold says anything.
    return float(value) if abs(value) < _LARGEST else None


def snake(text: str) -> str:
    """Return `text` in snake case: `GoUsageLimitError` as `go_usage_limit_error`."""
    humps = _HUMP.sub("_", text[:_LONGEST_CODE])
    return _NOT_WORD.sub("_", humps.lower()).strip("_")


def _documents(text: str) -> tuple[list[object], str]:
    """Return the JSON values in `text` and the words before them."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        # A page of a proxy or a firewall: what it says is not the provider's word.
        return [], ""
    if _SSE_FIELD.match(text):
        lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
        return [_parse(line) for line in lines[:_MOST_OBJECTS]], ""
    if text.startswith('"') and isinstance(whole := _parse(text), str):
        text = whole
    start = _JSON_START.search(text, 0, _LONGEST_PREFIX)
    if start is None:
        return [], text.strip()
    return [_parse(text[start.start() :])], text[: start.start()].strip()


def _parse(text: str) -> object:
    """Return the JSON value at the start of `text`, also when its end was cut off, or None."""
    try:
        return _DECODER.raw_decode(text)[0]
    except RecursionError:
        # Nobody speaks from so deep inside.
        return None
    except ValueError:
        pass
    for candidate in _repaired(text):
        try:
            value: object = _DECODER.raw_decode(candidate)[0]
        except (ValueError, RecursionError):
            continue
        return value
    return None


def _repaired(text: str) -> Iterator[str]:
    """Give `text` with its end mended: as it is, after an open string, after the last whole value.

    Cutting keeps the structure, so that an echo of the request stays where it is not read.
    """
    still_open: list[str] = []
    comma, open_there = 0, ""
    # Once over the text: it may be long, and nothing but brackets.
    for token in _TOKEN.finditer(text):
        sign = text[token.start()]
        if sign == ",":
            comma, open_there = token.start(), "".join(still_open)
        elif sign in _CLOSING:
            if len(still_open) == _DEEPEST:
                return
            still_open.append(_CLOSING[sign])
        elif sign != '"' and still_open:
            still_open.pop()
    closers = "".join(reversed(still_open))
    yield text + closers
    yield text[:-_LONGEST_ESCAPE] + _HALF_ESCAPE.sub("", text[-_LONGEST_ESCAPE:]) + '"' + closers
    if comma:
        yield text[:comma] + open_there[::-1]


def _objects(documents: list[object]) -> Iterator[Mapping[str, object]]:
    """Give the objects in which a provider speaks, outermost first."""
    queue = deque(documents)
    count = 0
    while queue and count < _MOST_OBJECTS:
        value = queue.popleft()
        if isinstance(value, str) and _JSON_START.match(value):
            value = _parse(value[:_LONGEST_BODY])
        if isinstance(value, list):
            queue.extend(value[:_MOST_ITEMS])
        elif isinstance(value, dict):
            entry = {snake(key): item for key, item in islice(value.items(), _MOST_FIELDS)}
            queue.extend(entry[name] for name in _INSIDE if name in entry)
            count += 1
            yield entry


def _codes(entry: Mapping[str, object]) -> Iterator[str]:
    for name in _CODE_FIELDS:
        value = entry.get(name)
        if isinstance(value, str) and (words := value[:_LONGEST_CODE].strip()) and " " not in words:
            yield snake(words)


def _messages(entry: Mapping[str, object]) -> Iterator[str]:
    for name in _MESSAGE_FIELDS:
        value = entry.get(name)
        if isinstance(value, str) and not _JSON_START.match(value):
            yield _shortened(value).strip()


def _told_statuses(messages: list[str]) -> Iterator[int]:
    """Give the status that a sentence begins with: `OpenAI API error: 402 "…"`."""
    for message in messages:
        if match := _TOLD_STATUS.match(message):
            yield int(match["status"])


def _within(messages: Iterable[str]) -> Iterator[str]:
    """Give messages, the first ones whole, as far as their letters are not too many."""
    letters = _MOST_LETTERS
    for message in dict.fromkeys(messages):
        yield message[:letters]
        letters -= len(message)
        if letters <= 0:
            return


def _shortened(message: str) -> str:
    """Return a message, or the head and the end of a long one, with a line of its own between."""
    if len(message) <= _HEAD_OF_MESSAGE + _END_OF_MESSAGE:
        return message
    return f"{message[:_HEAD_OF_MESSAGE]}\n…\n{message[-_END_OF_MESSAGE:]}"


def _status(entry: Mapping[str, object]) -> int | None:
    values = (entry.get(name) for name in _STATUS_FIELDS)
    texts = (str(value) for value in values if isinstance(value, int | str))
    return next((int(text) for text in texts if _HTTP_ERROR.fullmatch(text)), None)


def _headers(
    headers: Mapping[str, str], objects: tuple[Mapping[str, object], ...]
) -> Mapping[str, str]:
    """Return the headers, and those that a body carries for want of real ones."""
    nested = [said for entry in objects if isinstance(said := entry.get("headers"), dict)]
    return {
        name.lower(): _once(str(value[0] if isinstance(value, list) else value))
        # The real ones come last and win.
        for source in (*nested, headers)
        for name, value in islice(source.items(), _MOST_HEADERS)
        if isinstance(value, int | float | str) or (isinstance(value, list) and value)
    }


def _once(value: str) -> str:
    """Return a header's value; one that was given twice, as a proxy does, once."""
    value = value[:_LONGEST_HEADER].strip()
    half = (len(value) - 1) // 2
    is_twice = value[half : half + 1] == "," and value[half + 1 :].lstrip() == value[:half]
    return value[:half] if is_twice else value
