"""Lines of the real opencode are understood, and a growing log is read once and whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.opencode.log import (
    LONGEST_LINE,
    MOST_BEGINNINGS,
    MOST_BYTES_A_CALL,
    LoggedFailure,
    LogTail,
    parse_line,
)
from rotator.text import sanitize
from tests.support.repository import ROOT

LINES = ROOT / "fixtures" / "opencode" / "log"


def fixture_lines(version: str) -> list[str]:
    return (LINES / f"{version}.log").read_text(encoding="utf-8").splitlines()


def failures(version: str) -> list[LoggedFailure]:
    return [failure for line in fixture_lines(version) if (failure := parse_line(line))]


def logged(message: str = "Overloaded", *, second: int = 0, session: str = "ses_1") -> str:
    """Return a line as 1.18.33 writes it, for a message that needs no escapes."""
    return (
        f"timestamp=2026-11-22T22:32:{second:02}.931Z level=ERROR run=9e2e0430"
        f' message="stream error" providerID=mock modelID=m1 session.id={session} small=false'
        f' agent=build mode=primary error.error="AI_APICallError: {message}"\n'
    )


# -- one line ----------------------------------------------------------------------------------

BAD_KEY = "Incorrect API key provided: KEY-CANARY-A. You can find it at https://example.invalid/"
NO_KEY = (
    "AI_LoadAPIKeyError: OpenAI API key is missing. Pass it using the 'apiKey' parameter"
    " or the OPENAI_API_KEY environment variable."
)
STREAM_LIMIT = (
    'Rate limit reached mid-stream {"type": "rate_limit_error", "code": "rate_limit_exceeded"}'
)
UTF8_TEXT = "AI_APICallError: Grüße abc [31mred [0m \\ back 漢 tab " + "x" * 400
INVALID_SHAPE = (
    'AI_TypeValidationError: Type validation failed: Value: {"error":{"message":'
    '{"a b":"x\\ny","c=d":1},"nl\\nkey":"v","type":null}}. Error message: [ { "code":'
)
NOT_REACHED = (
    "AI_APICallError: Cannot connect to API: Unable to connect. Is the computer able to access"
    " the url? (cause: Error: Unable to connect. Is the computer able to access the url?)"
)
RATE_LIMIT = (
    'AI_APICallError: Rate limit reached for m in organization org_1: try again in 20s "quoted"'
    " a=b second line"
)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mock/e429", RATE_LIMIT),
        ("mock/e401", f"AI_APICallError: {BAD_KEY}"),
        ("mock/e402", "AI_APICallError: Insufficient credits"),
        ("mock/empty", "AI_APICallError: Forbidden"),
        ("mock/e500", "AI_APICallError: The server had an error"),
        ("mock/s429", STREAM_LIMIT),
        ("mock/smid", 'Overloaded after text {"type": "overloaded_error", "code": "529"}'),
        ("resp/r429", "AI_APICallError: Rate limit reached for org"),
        (
            "mock/tsmall",
            "AI_RetryError: Failed after 3 attempts. Last error: Rate limit reached for org",
        ),
        ("resp/revent", "AI_APICallError: You exceeded your current quota"),
        ("resp/rfailed", "AI_APICallError: Rate limit in failed"),
        ("anth/a429", "AI_APICallError: Too Many Requests"),
        ("anth/aevent", "AI_APICallError: Overloaded first"),
        (
            "anth/aevent2",
            'This request would exceed your account\'s rate limit {"type": "rate_limit_error"}',
        ),
        ("gone/x", NOT_REACHED),
        ("nokey/ok", NO_KEY),
    ],
)
def test_the_message_of_each_kind_of_failure_is_found(model: str, message: str) -> None:
    found = {f.message for f in failures("1.18.33") if f"{f.provider}/{f.model}" == model}

    assert found == {message}


@pytest.mark.parametrize(("model", "begins"), [("uni", UTF8_TEXT), ("weird", INVALID_SHAPE)])
def test_a_message_is_made_harmless(model: str, begins: str) -> None:
    [found] = [f.message for f in failures("1.18.33") if f.model == model]

    assert found.startswith(begins[:299])
    assert found.isprintable()


def test_a_message_is_read_to_its_end_and_cut_if_nobody_writes_so_much() -> None:
    said = parse_line(logged(f"{'x ' * 1_500}Please retry in 31.5s."))
    cut = parse_line(logged("y" * 9_000))

    assert said is not None
    assert said.message.endswith("x Please retry in 31.5s.")
    assert cut is not None
    assert cut.message.endswith("y…")
    assert len(cut.message) == 4_000


def test_the_type_and_code_of_an_error_are_kept_however_long_its_words_are() -> None:
    line = logged().partition("error.error=")[0] + (
        f"error.error.message={'x' * 9_000} error.error.type={'y' * 400} error.error.code=quota"
        " error.error.param=null error.error.error.code=null"
    )

    failure = parse_line(line)

    assert failure is not None
    assert failure.message.endswith(f'… {{"type": "{"y" * 59}…", "code": "quota"}}')
    assert len(failure.message) == 4_000


def test_a_line_says_when_where_and_whether_it_was_a_small_request() -> None:
    first = failures("1.18.33")[0]
    small = {f.model for f in failures("1.18.33") if f.small}

    assert first == LoggedFailure(
        at=datetime(2026, 11, 22, 22, 32, 18, 931000, UTC),
        provider="mock",
        model="e429",
        session="ses_dfa9c84f4ffexOoCDNVDQHqW5L",
        small=False,
        message=RATE_LIMIT,
        run="9e2e0430",
    )
    assert small == {"tsmall"}


def test_only_lines_of_failed_requests_are_failures() -> None:
    lines = fixture_lines("1.18.33")

    assert len(failures("1.18.33")) == sum('message="stream error"' in line for line in lines)
    assert len(failures("1.18.33")) < len(lines)


def test_an_older_version_gives_an_error_inside_a_stream_as_text() -> None:
    assert [f"{f.model} {f.message}" for f in failures("1.17.0")] == [
        f"e401 AI_APICallError: {BAD_KEY}",
        "e500 AI_APICallError: The server had an error",
        "e500 AI_APICallError: The server had an error",
        "s429 Rate limit reached mid-stream",
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "1.15.0",
            {
                "e401": f'{BAD_KEY} {{"status": 401}}',
                "e429": RATE_LIMIT.removeprefix("AI_APICallError: ") + ' {"status": 429}',
                "html": '<html><body> <h1>502 Bad Gateway</h1> </body></html> {"status": 502}',
                "empty": '{"status": 403}',
                "close": "AI_APICallError",
                "s429": "Rate limit reached mid-stream",
            },
        ),
        (
            "1.3.0",
            {
                "e401": f'{BAD_KEY} {{"status": 401}}',
                "s429": "Rate limit reached mid-stream",
            },
        ),
    ],
)
def test_a_version_that_logs_the_whole_request_is_understood(
    version: str, expected: dict[str, str]
) -> None:
    found = failures(version)

    assert {f.model: f.message for f in found} == expected
    assert found[0].at == datetime(2026, 11, 22, 22, 42, found[0].at.second, tzinfo=UTC)
    assert all(f.provider == "mock" and (f.session or "").startswith("ses_") for f in found)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(logged().replace("level=ERROR", "level=INFO"), id="another level"),
        pytest.param(
            logged("stream error").replace('"stream error" ', "process "), id="another message"
        ),
        pytest.param(logged().replace("providerID=mock ", ""), id="no provider"),
        pytest.param(logged().replace("2026-11-22", "yesterday"), id="no time"),
        pytest.param(
            logged().replace("2026-11-22T22", "0001-01-01T00").replace("Z", "+14:00"),
            id="a time before all times",
        ),
        pytest.param(logged()[40:], id="the rest of a line"),
        pytest.param(f"timestamp=2026-11-22T22:32:18Z title={logged()!r}", id="in other words"),
        pytest.param(
            'timestamp=2026-11-22T22:32:18Z level=ERROR message=process error="x level=ERROR '
            'message=\\"stream error\\" providerID=mock" messageID=m',
            id="inside of a value",
        ),
        pytest.param("ERROR 2026-11-22T22:32:18 +1ms service=llm stream error", id="old, cut off"),
        pytest.param(
            'ERROR 2026-11-22T22:32:18 +1ms service=llm providerID=mock error={"a":1} tool error'
            ' error={"b":"stream error"}',
            id="old, another error",
        ),
    ],
)
def test_a_line_that_tells_of_no_failed_request_is_none(line: str) -> None:
    assert "stream error" in line
    assert parse_line(line) is None


def test_what_a_value_says_cannot_stand_for_a_field() -> None:
    line = logged("x").replace("modelID=m1", r'modelID="a \" providerID=forged"')

    failure = parse_line(f"{line.rstrip()} providerID=forged")

    assert failure is not None
    assert (failure.provider, failure.model) == ("mock", 'a " providerID=forged')


def test_a_line_may_still_have_its_line_break() -> None:
    failures = [parse_line(logged().rstrip() + ending) for ending in ("", "\n", "\r\n")]

    assert {failure and failure.message for failure in failures} == {"AI_APICallError: Overloaded"}


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_times_are_in_utc_whatever_the_time_zone_and_whether_the_line_says_so_or_not() -> None:
    at = {failures(version)[0].at.isoformat(timespec="minutes") for version in ("1.17.0", "1.15.0")}

    assert at == {"2026-11-22T22:41+00:00", "2026-11-22T22:42+00:00"}


@pytest.mark.parametrize("cut", [1, 2, 3, 12, 14, 30])
def test_a_line_that_was_cut_inside_of_its_message_keeps_its_beginning(cut: int) -> None:
    failure = parse_line(logged(r"Rate limit \n\"reached\u0021\"\\ for m").rstrip()[:-cut])

    assert failure is not None
    assert failure.provider == "mock"
    assert failure.message.startswith("AI_APICallError: R")


words = st.text(max_size=20)
pieces = st.one_of(
    words,
    st.sampled_from(logged().split(" ")),
    st.sampled_from(["ERROR 2026-11-22T22:42:17 +14ms service=llm", 'error={"error":', "u"]),
    st.sampled_from(['"statusCode":429', '"message":"', "\\", '"', "=", "error.message=x"]),
)


@given(st.lists(pieces, max_size=30).map(" ".join))
@example('timestamp=9999-12-31T23:59:59-14:00 level=ERROR message="stream error" providerID=m')
def test_any_line_gives_a_clean_failure_or_none(line: str) -> None:
    whole = logged().rstrip()

    forms = [line, f"{line} stream error", whole + line, whole.replace("=mock", f"={line}")]

    for text in forms:
        failure = parse_line(text)

        if failure is not None:
            texts = [failure.provider, failure.model, failure.session, failure.message]
            assert failure.at.tzinfo is UTC
            assert all(sanitize(shown) == shown for shown in texts if shown is not None)


@given(st.text())
@example("\x1c")
@example("\x85")
@example("\ud800")
def test_any_message_comes_back_as_it_was_but_clean(message: str) -> None:
    # As opencode writes it: one word as it is, everything else as a JSON string.
    value = message if re.fullmatch(r'[^ \t\n\v\f\r="\\]+', message) else json.dumps(message)
    line = logged().partition("error.error=")[0] + f"error.error={value}"

    failure = parse_line(line)

    assert failure is not None
    assert failure.message == sanitize(message)


# -- a growing log -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a log folder where opencode has one; it does not exist yet."""
    return tmp_path / "share" / "opencode" / "log"


@pytest.fixture
def log(folder: Path) -> Path:
    """Return the log of an opencode that has run for a while."""
    folder.mkdir(parents=True)
    path = folder / "opencode.log"
    path.write_text(logged("an old one") + logged("another old one"))
    return path


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def started(folder: Path, **options: int) -> LogTail:
    tail = LogTail(folder, **options)
    tail.start()
    return tail


def messages(tail: LogTail) -> list[str]:
    return [failure.message.removeprefix("AI_APICallError: ") for failure in tail.read_new()]


def test_only_lines_that_came_after_the_start_are_news(log: Path) -> None:
    tail = started(log.parent)
    append(log, logged("a new one"))

    assert messages(tail) == ["a new one"]
    assert messages(tail) == []


def begins(
    *, second: int, session: str = "ses_1", run: str = "9e2e0430", level: str = "INFO"
) -> str:
    """Return the line that 1.17.0 and later write before an attempt."""
    return (
        f"timestamp=2026-11-22T22:32:{second:02}.000Z level={level} run={run} message=stream"
        f" providerID=mock modelID=m1 session.id={session} small=false agent=build mode=primary\n"
    )


def test_b_a_failure_is_dated_by_the_line_with_which_its_attempt_began(log: Path) -> None:
    tail = started(log.parent)
    append(log, begins(second=1) + begins(second=2, session="ses_2") + begins(second=3, run="aa"))
    append(log, begins(second=4, level="ERROR") + "message=stream x\n" + logged(second=5))
    first = tail.read_new()
    append(log, begins(second=6) + logged(second=7) + logged(second=8, session="ses_3"))
    second = tail.read_new()
    # A clock that was set back in between dates nothing.
    append(log, begins(second=9) + logged(second=8))

    told = [one.began_at and one.began_at.second for one in (*first, *second, *tail.read_new())]
    assert told == [1, 6, None, None]


def test_of_many_attempts_the_newest_are_known(log: Path) -> None:
    tail = started(log.parent)
    names = [f"ses_{number}" for number in range(MOST_BEGINNINGS + 1)]
    append(log, "".join(begins(second=1, session=name) for name in names))
    append(log, logged(second=2, session=names[0]) + logged(second=3, session=names[1]))

    first, second = read_all(tail)

    assert first.began_at is None
    assert second.began_at is not None


def read_all(tail: LogTail) -> list[LoggedFailure]:
    found = tail.read_new()
    while tail.behind:
        found += tail.read_new()
    return found


def test_a_log_that_comes_after_the_start_is_read_from_its_beginning(folder: Path) -> None:
    tail = started(folder)
    nothing_there = messages(tail)
    folder.mkdir(parents=True)
    (folder / "opencode.log").write_text(logged("the first"))

    assert nothing_there == []
    assert messages(tail) == ["the first"]


def test_a_line_is_read_when_it_is_whole(log: Path) -> None:
    tail = started(log.parent)
    line = logged("Grüße")
    seen = []
    for byte in line.encode():
        append(log, bytes([byte]))
        seen += messages(tail)
        if byte != ord("\n"):
            assert seen == []

    assert seen == ["Grüße"]


def test_the_logs_of_several_opencodes_come_in_order_of_time(folder: Path) -> None:
    folder.mkdir(parents=True)
    tail = started(folder)
    append(folder / "a.log", logged("second", second=20) + logged("third", second=30))
    append(folder / "b.log", logged("first", second=10))
    append(folder / "notes.txt", logged("not a log"))

    assert messages(tail) == ["first", "second", "third"]


def shorten(log: Path) -> None:
    log.write_text(logged("after"))


def begin_anew_as_long_as_before(log: Path) -> None:
    """Write another log into the same file, no shorter than the old one was."""
    log.write_text(logged("after", second=50) + "x" * 1000 + "\n")


def rotate_by_renaming(log: Path) -> None:
    log.rename(log.with_name("opencode.1.log"))
    log.write_text(logged("after"))


def replace(log: Path) -> None:
    new = log.with_name("new")
    new.write_text(logged("after"))
    new.rename(log)


def remake_the_folder(log: Path) -> None:
    shutil.rmtree(log.parent)
    log.parent.mkdir()
    log.write_text(logged("after"))


@pytest.mark.parametrize(
    "change",
    [shorten, begin_anew_as_long_as_before, rotate_by_renaming, replace, remake_the_folder],
)
def test_a_log_that_begins_anew_is_read_from_its_beginning(
    log: Path, change: Callable[[Path], None]
) -> None:
    append(log, logged("before") if change is shorten else "")
    tail = started(log.parent)
    change(log)

    assert messages(tail) == ["after"]


def test_what_was_added_before_a_rotation_is_not_lost(log: Path) -> None:
    tail = started(log.parent)
    append(log, logged("before"))
    rotate_by_renaming(log)

    assert sorted(messages(tail)) == ["after", "before"]


def test_much_at_once_is_read_in_several_calls(log: Path) -> None:
    tail = started(log.parent, most_bytes=10_000)
    other = log.with_name("other.log")
    added = "".join(logged(str(number)) for number in range(200))
    append(log, added)
    append(other, logged("other"))

    seen = messages(tail)
    behind_at_first, calls = tail.behind, 1
    while tail.behind:
        seen += messages(tail)
        calls += 1

    assert behind_at_first
    assert seen == [*map(str, range(200)), "other"]
    assert calls == len(added) // 10_000 + 1


@pytest.mark.parametrize("most_bytes", [300_000, MOST_BYTES_A_CALL])
def test_a_very_long_line_is_cut_and_costs_nothing_else(log: Path, most_bytes: int) -> None:
    tail = started(log.parent, most_bytes=most_bytes)
    request = '"requestBodyValues":{"messages":"' + "x" * (3 * LONGEST_LINE) + '"}'
    append(
        log,
        'ERROR 2026-11-22T22:42:17 +14ms service=llm providerID=mock modelID=old error={"error":{'
        f'{request},"statusCode":429,"data":{{"error":{{"message":"a limit"}}}}}}}} stream error\n'
        + logged("y" * (3 * LONGEST_LINE))
        + logged("the next"),
    )

    seen = messages(tail)
    while tail.behind:
        seen += messages(tail)

    assert [seen[0], seen[1][:20], seen[2]] == ['a limit {"status": 429}', "y" * 20, "the next"]


def test_a_line_without_an_end_takes_no_more_memory_than_it_may(log: Path) -> None:
    tail = started(log.parent, most_bytes=300_000)
    append(log, "x" * (20 * LONGEST_LINE))

    tracemalloc.start()
    messages(tail)
    while tail.behind:
        messages(tail)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    append(log, "\n" + logged("the next"))

    assert most < 5 * LONGEST_LINE
    assert messages(tail) == ["the next"]


def test_bytes_that_are_no_text_cost_nothing_else(log: Path) -> None:
    tail = started(log.parent)
    append(
        log, b"\xff\xfe\x00 stream error\n" + logged("h\udcff?").encode("utf-8", "surrogateescape")
    )

    assert messages(tail) == ["h\N{REPLACEMENT CHARACTER}?"]


def test_what_is_no_file_or_cannot_be_read_costs_nothing_else(log: Path) -> None:
    os.mkfifo(log.with_name("a-pipe.log"))
    log.with_name("b-folder.log").mkdir()
    log.with_name("c-link.log").symlink_to("nowhere")
    tail = started(log.parent)
    append(log, logged("a new one"))

    assert messages(tail) == ["a new one"]


def test_a_folder_that_is_none_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").touch()

    assert messages(started(tmp_path / "log")) == []
