"""What a vendor's own codes and texts mean, by its table; the rules for everybody follow these.

Pure. The first line of a table that an answer meets counts. A code is met in any field of an
answer, in a text, and in JSON inside a text; a text is met at the head of a message and outside
quotes, for an answer may echo what the user wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from http import HTTPStatus

from rotator.core.failures.classify import LIMITS, TIMED, reason_of
from rotator.core.failures.error_codes import heads_of
from rotator.core.failures.error_response import ErrorResponse, read_error_response, snake
from rotator.core.failures.own_words import in_own_words
from rotator.core.failures.resets import stated_until
from rotator.model import EVERYTHING, Finding, Meaning, Reach, Scope, Signal

_MOST_WORDS = 64
_LONGEST_TEXT = 400
# What is written as a code, in a sentence: `SetLimitExceeded`, `user_weekly_rate_limited`.
_WORD = re.compile(
    r"^[A-Z]\w+(?=:)|(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*+(?:[_.:-][A-Za-z0-9]++)+"
    r"|(?<![A-Za-z])[A-Z]?[a-z]++(?:[A-Z][a-z]++)+"
)
_NUMBERED = re.compile(
    r"\[(?P<a>\d{3,6})\]|\((?P<b>\d{3,6})\)\s*$|^(?P<c>\d{4,6})[:：]"
    # Neither an HTTP status nor a count: `status code 401`, `error: 1004 tokens`.
    r"|(?:code|error|status|错误码|代码)[\"' :=：#-]{0,4}(?P<said>\d{4,6})\b"
    r"(?! (?:tokens?|items?|characters?|bytes|messages|images?|lines|in|of|at|is|>)\b)",
    re.IGNORECASE,
)
_LONGEST_STATUS = 3
# What refuses the request itself may tell of anything in it.
_PROSE_STATUSES = {None, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_NUMBERS_STAND_IN = re.compile(r"(?:.*_)?(?:code|status|err|errno|error|type|reason|ret)")


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line: what it is met by, and what it means.

    `statuses` are those that it holds for, all where there are none; what has no status, a line
    of opencode's log, is met by each. `ends` is the time of a calendar that it lasts for where
    nothing else is stated. With `waits` False a wait that is stated is not until then; with
    `counted` False no window that the vendor tells of shows the limit.
    """

    meaning: Meaning
    code: str = ""
    text: str = ""
    why: str = ""
    statuses: frozenset[int] = frozenset()
    scope: str = ""
    ends: str = ""
    waits: bool = True
    counted: bool = True


@dataclass(frozen=True)
class Table:
    """A vendor's lines, the ids and addresses that it is known by, and the zone it means."""

    name: str
    ids: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    zone: tzinfo | None = None
    lines: tuple[TableLine, ...] = ()

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The codes that are numbers."""
        return frozenset(line.code for line in self.lines if line.code.isdecimal())

    def is_at(self, host: str) -> bool:
        """Tell whether that is an address of the vendor's."""
        return any(host == own or host.endswith(f".{own}") for own in self.hosts)


def find_by_table(table: Table, signal: Signal, now: datetime) -> Finding | None:
    """Return what a failure means by a vendor's table, or None."""
    answer = read_error_response(signal)
    line = _line(table, signal.status or answer.status, answer)
    if line is None:
        return None
    until = None
    if line.meaning in TIMED:
        until = stated_until(answer, signal.at, now, table.zone, waits_count=line.waits)
        until = until or _calendar_end(line, table, now)
    code = "" if line.why else line.code
    finding = Finding(line.meaning, reason_of(signal.status, line.meaning, code, line.why), until)
    if line.meaning not in LIMITS:
        return finding
    return replace(finding, scope=_scope(line, signal), is_uncounted=not line.counted)


def _line(table: Table, status: int | None, answer: ErrorResponse) -> TableLine | None:
    if status in _PROSE_STATUSES:
        answer = in_own_words(answer)
    heads = _heads(answer)
    own, is_numbered = _own_codes(table, answer)
    # A text may echo a code of a relay or of the user's, so it is read where no field has one.
    is_told = any(line.code and _is_met(line, status, own, heads) for line in table.lines)
    told = _text_codes(table, answer)
    codes = own if is_told else own | (told - table.numbers if is_numbered else told)
    return next((line for line in table.lines if _is_met(line, status, codes, heads)), None)


def _is_met(line: TableLine, status: int | None, codes: frozenset[str], heads: list[str]) -> bool:
    if line.statuses and status is not None and status not in line.statuses:
        return False
    if line.code and not _has(codes, line.code):
        return False
    return not line.text or any(line.text in head for head in heads)


def _has(codes: frozenset[str], wanted: str) -> bool:
    if wanted.startswith("*"):
        return any(wanted.strip("*") in code for code in codes)
    if wanted.endswith("*"):
        return any(code.startswith(wanted[:-1]) for code in codes)
    return wanted in codes


def _own_codes(table: Table, answer: ErrorResponse) -> tuple[frozenset[str], bool]:
    """Return every code in the fields of an answer, and whether a number of a vendor's is one.

    They are in snake case, and numbers as they are. Of numbers that the table has, those count
    that stand outermost: what is nested may be passed on from somebody whose numbers mean
    something else.
    """
    codes, numbers = set(answer.codes), frozenset[str]()
    for entry in answer.objects:
        told = frozenset(c for name, value in entry.items() for c in _of_field(name, value))
        codes |= told - table.numbers
        numbers = numbers or told & table.numbers
    is_numbered = any(code.isdecimal() and len(code) > _LONGEST_STATUS for code in codes)
    return frozenset(codes - table.numbers | numbers), is_numbered


def _text_codes(table: Table, answer: ErrorResponse) -> frozenset[str]:
    """Return every code in the words of an answer; of numbers that the table has, the first."""
    told = [code for m in answer.messages for code in _of_text(m[:_LONGEST_TEXT])]
    numbers = [code for code in told if code in table.numbers]
    return frozenset(told).difference(numbers[1:]) | frozenset(numbers[:1])


def _of_field(name: str, value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return
    if isinstance(value, str) and value and not value.isdecimal() and " " not in value:
        yield snake(value)
    elif _NUMBERS_STAND_IN.fullmatch(name) and (isinstance(value, str) or abs(value) < 10**9):
        yield str(value).strip()


def _of_text(text: str) -> Iterator[str]:
    numbers = list(_NUMBERED.finditer(text))
    # What stands as a code by itself goes before what a sentence calls one.
    plain = [number for number in numbers if number["said"] is None]
    for number in plain or numbers:
        yield from filter(None, number.groups())
    for n, word in enumerate(_WORD.finditer(text)):
        if n == _MOST_WORDS:
            return
        yield snake(word[0])


def _heads(answer: ErrorResponse) -> list[str]:
    return [" ".join(head.lower().split()) for head in heads_of(answer)]


def _scope(line: TableLine, signal: Signal) -> Scope:
    match line.scope:
        case "model":
            return Scope(signal.model) if signal.model else EVERYTHING
        case "account":
            return Scope(reach=Reach.ACCOUNT)
        case "provider":
            return Scope(signal.model, Reach.PROVIDER)
        case _:
            return EVERYTHING


def _calendar_end(line: TableLine, table: Table, now: datetime) -> datetime | None:
    """Return when the day, week or month ends by the table's zone."""
    zone = table.zone or UTC
    local = datetime.fromtimestamp(now.timestamp(), zone)
    local = local.replace(hour=0, minute=0, second=0, microsecond=0)
    ends: Mapping[str, datetime] = {
        "day": local + timedelta(days=1),
        "week": local + timedelta(days=7 - local.weekday()),
        "month": (local.replace(day=28) + timedelta(days=4)).replace(day=1),
    }
    end = ends.get(line.ends)
    return None if end is None else end.astimezone(UTC)
