"""Follows opencode's log for requests that failed: the evidence where no bridge reports.

It reads and translates; what a failure means is decided elsewhere. Two formats are known, both
seen in the real program: logfmt in `opencode.log` (1.17.0 to 1.18.33), and before that (1.3.0,
1.15.0) one file a start with the whole request as JSON in the line. Both give times in UTC,
whatever the time zone. opencode writes its log in batches, up to about a second late, and
`opencode run` ends without writing its last batch.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path

from rotator.system.regular_files import open_regular
from rotator.text import sanitize

MOST_BYTES_A_CALL = 64 << 10
# opencode keeps ten of them, and begins their names with the time.
MOST_FILES = 50
LONGEST_LINE = 1 << 20
KEPT_OF_A_LONG_LINE = 64 << 10
MOST_FIELDS = 200
HEAD_BYTES = 128
# When a limit is over is said last, and Google's words for it alone are over 400 letters.
LONGEST_MESSAGE = 4_000
LONGEST_KIND = 60

_ENDING = ".log"
_MARK = "stream error"
# 1.17.0 and later write such a line before each attempt, and before the credential is read.
_BEGINNING = "message=stream "
MOST_BEGINNINGS = 1000
# A value is a JSON string unless it is one word; a line that was cut may end inside of it.
_FIELD = re.compile(
    r'([^ ="]++)=(?:"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|([^ ="\\]*+))(?: |\Z)', re.DOTALL
)
_OLD_HEAD = re.compile(r"ERROR\s+(\S+) \+\d+ms service=llm ")
_OLD_STATUS = re.compile(r"\d{3}")
_OLD_TEXTS = tuple(
    re.compile(rf'"{key}":"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
    for key in ("message", "responseBody", "error", "name")
)


@dataclass(frozen=True, slots=True)
class LoggedFailure:
    """A failed request as opencode logged it.

    `small` is true for a title request, whose line stands for three attempts; for any other
    request there is one line an attempt. `message` is what opencode says, followed by a JSON
    object of what else is known: `type` and `code` of an error inside of a stream that had
    begun, or the `status` (before 1.17). Usually there is nothing else. It may quote a secret:
    some vendors repeat the key that they refuse. `run` is the log's own name for the process.
    `began_at` is when the request began (of a title's attempts the first), None if not known.
    """

    at: datetime
    provider: str
    model: str | None
    session: str | None
    small: bool
    message: str = field(repr=False)
    run: str | None = None
    began_at: datetime | None = None


def parse_line(line: str) -> LoggedFailure | None:
    """Return the failure that `line` tells of, or None if it tells of none; never raises."""
    if _MARK not in line:
        return None
    line = line.rstrip("\r\n")
    old = _OLD_HEAD.match(line)
    if old is not None:
        return _old_failure(old[1], line[old.end() :])
    fields = _fields(line)
    if fields.get("level") != "ERROR" or fields.get("message") != _MARK:
        return None
    return _failure(fields.get("timestamp", ""), fields, _message(fields))


# A request as the log names it: the run, provider, model, session, and whether it is small.
_Request = tuple[str | None, str, str | None, str | None, bool]


class Beginnings:
    """When the requests began that the log has told of last; the newest `MOST_BEGINNINGS`."""

    def __init__(self) -> None:
        """Begin with none."""
        self._began_at: dict[_Request, datetime] = {}

    def take(self, line: str) -> None:
        """Note the request that `line` says begins, if it says so."""
        fields = _fields(line)
        if fields.get("level") != "INFO" or fields.get("message") != "stream":
            return
        begun = _failure(fields.get("timestamp", ""), fields, "")
        if begun is not None:
            # The newest stand last.
            self._began_at.pop(_request(begun), None)
            self._began_at[_request(begun)] = begun.at
            if len(self._began_at) > MOST_BEGINNINGS:
                del self._began_at[next(iter(self._began_at))]

    def dated(self, failure: LoggedFailure) -> LoggedFailure:
        """Return the failure with the time at which its request began, if that is known."""
        began_at = self._began_at.get(_request(failure))
        known = began_at is not None and began_at <= failure.at
        return replace(failure, began_at=began_at) if known else failure


def _request(failure: LoggedFailure) -> _Request:
    return failure.run, failure.provider, failure.model, failure.session, failure.small


def _old_failure(timestamp: str, rest: str) -> LoggedFailure | None:
    head, error, body = rest.partition(" error=")
    if not error or not body.endswith(f" {_MARK}"):
        return None
    # The request, with the whole conversation, stands before the answer, if there was one.
    _, status_key, answer = body.rpartition('"statusCode":')
    if not status_key:
        answer = body.partition('"requestBodyValues":')[0]
    status = _OLD_STATUS.match(answer) if status_key else None
    texts = (matches[-1] for matches in (p.findall(answer) for p in _OLD_TEXTS) if matches)
    message = _unquoted(next(texts, ""))
    return _failure(
        timestamp, _fields(head), _with(message, {"status": int(status[0])} if status else {})
    )


def _failure(timestamp: str, fields: dict[str, str], message: str) -> LoggedFailure | None:
    at = _time(timestamp)
    provider = sanitize(fields.get("providerID", ""))
    if at is None or not provider:
        return None
    return LoggedFailure(
        at=at,
        provider=provider,
        model=sanitize(fields.get("modelID", "")) or None,
        session=sanitize(fields.get("session.id") or fields.get("sessionID", "")) or None,
        small=fields.get("small") == "true",
        message=sanitize(message, LONGEST_MESSAGE),
        run=sanitize(fields.get("run", "")) or None,
    )


def _fields(line: str) -> dict[str, str]:
    """Return the fields up to the first thing that is none; of two with one name, the first."""
    fields: dict[str, str] = {}
    position = 0
    while len(fields) < MOST_FIELDS and (match := _FIELD.match(line, position)):
        key, quoted, word = match.groups()
        fields.setdefault(key, word if quoted is None else _unquoted(quoted))
        position = match.end()
    return fields


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _message(fields: dict[str, str]) -> str:
    """Return the error's text; an error inside of a stream comes as fields of its own."""
    error = {k: v for k, v in fields.items() if k == "error" or k.startswith("error.")}
    texts = [v for k, v in error.items() if k in {"error", "error.error"}]
    texts += [v for k, v in error.items() if k.endswith(".message")]
    kinds = {
        k.rpartition(".")[2]: sanitize(v, LONGEST_KIND)
        for k, v in error.items()
        if k.endswith((".type", ".code")) and v not in {"", "null", "undefined"}
    }
    return _with(next(iter(texts), ""), kinds)


def _with(message: str, known: Mapping[str, object]) -> str:
    if not known:
        return message
    # What is known makes the difference, so it is the words that are cut short for it.
    added = json.dumps(known, ensure_ascii=False)
    return f"{sanitize(message, LONGEST_MESSAGE - len(added) - 1)} {added}"


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        # Before 1.17 the zone was left out; the time is UTC all the same.
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class LogTail:
    """Reads what is added to the `*.log` files of a folder, which may not exist yet."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES_A_CALL) -> None:
        """Follow `folder`; a call of `read_new` reads at most `most_bytes`."""
        self._folder = folder
        self._most_bytes = most_bytes
        # By device and inode: a file that is renamed is still the same, a new one is not.
        self._files: dict[tuple[int, int], _Followed] = {}
        self._behind = False
        self._beginnings = Beginnings()
        self._left_out: set[str] = set()

    @property
    def behind(self) -> bool:
        """Whether the last `read_new` stopped before the end: call it again soon."""
        return self._behind

    def start(self) -> None:
        """Begin at the ends of what is there: older lines are not news."""
        self._files = {key: _begun(path, facts) for path, key, facts in self._present() or ()}

    def read_new(self) -> list[LoggedFailure]:
        """Return the failures in the whole lines added since the last call, in order of time."""
        # What there was no room for is older: nothing in it is news once there is.
        old = self._left_out
        present = self._present()
        if present is None:
            return []
        left = self._most_bytes
        failures: list[LoggedFailure] = []
        followed = {
            key: self._files.get(key) or (_begun(path, facts) if path.name in old else _Followed())
            for path, key, facts in present
        }
        self._files, self._behind = followed, False
        for path, key, facts in present:
            size_and_time = (facts.st_size, facts.st_mtime_ns)
            if followed[key].read_at == size_and_time:
                continue
            data = followed[key].read(path, left)
            left -= len(data)
            failures += followed[key].failures_in(data, self._beginnings)
            if followed[key].offset >= facts.st_size:
                followed[key].read_at = size_and_time
            elif left <= 0:
                self._behind = True
        return sorted(failures, key=lambda failure: failure.at)

    def _present(self) -> list[tuple[Path, tuple[int, int], os.stat_result]] | None:
        """Return the newest log files with their identities, or None when it cannot be said now."""
        try:
            names = {name for name in os.listdir(self._folder) if name.endswith(_ENDING)}  # noqa: PTH208  # many
        except FileNotFoundError:
            return []
        except OSError:
            return None
        # `opencode.log` comes after all that begin with a digit.
        newest = sorted(nlargest(MOST_FILES, names))
        self._left_out = names.difference(newest)
        files = [(path, _stat(path)) for path in map(self._folder.joinpath, newest)]
        return [
            (path, (status.st_dev, status.st_ino), status)
            for path, status in files
            if status is not None
        ]


@dataclass(slots=True)
class _Followed:
    """How far one file has been read.

    `rest` is the line that is not whole yet, `head` what the file begins with (another head is
    another log in the same file), `read_at` size and time when all of it was read.
    """

    offset: int = 0
    rest: bytes = field(default=b"", repr=False)
    head: bytes = field(default=b"", repr=False)
    read_at: tuple[int, int] | None = None

    def read(self, path: Path, most: int) -> bytes:
        """Return what follows, at most `most` bytes; nothing if the file cannot be read now."""
        try:
            with open_regular(path) as file:
                shrunk = os.fstat(file.fileno()).st_size < self.offset
                if shrunk or file.read(len(self.head)) != self.head:
                    self.offset, self.rest, self.head = 0, b"", b""
                file.seek(self.offset)
                data = file.read(max(most, 0))
        except OSError:
            return b""
        if self.offset == 0:
            self.head = data[:HEAD_BYTES]
        self.offset += len(data)
        return data

    def failures_in(self, data: bytes, beginnings: Beginnings) -> Iterator[LoggedFailure]:
        """Yield the failures in the lines that `data` completes, and keep its last part."""
        *lines, last = data.split(b"\n")
        if lines:
            lines[0] = self.rest + lines[0]
            self.rest = b""
        self.rest = _bounded(self.rest + last)
        for line in lines:
            if _MARK.encode() in line:
                failure = parse_line(_text(line))
                if failure is not None:
                    yield beginnings.dated(failure)
            elif _BEGINNING.encode() in line:
                beginnings.take(_text(line))


def _text(line: bytes) -> str:
    return _bounded(line).decode("utf-8", "replace")


def _begun(path: Path, facts: os.stat_result) -> _Followed:
    followed = _Followed()
    followed.read(path, HEAD_BYTES)
    followed.offset = facts.st_size
    return followed


def _stat(path: Path) -> os.stat_result | None:
    """Return what is known of a regular file (another kind could block who opens it)."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


def _bounded(line: bytes) -> bytes:
    """Return `line` without its middle if it is very long; both ends say what it is about."""
    if len(line) <= LONGEST_LINE:
        return line
    return line[:KEPT_OF_A_LONG_LINE] + line[-KEPT_OF_A_LONG_LINE:]
