"""What a failed answer says is read out of every shape, and out of no echo."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rotator.core.failures.error_response import read_error_response, snake
from tests.support.failures import failure

QUOTA = {"message": "You have no quota", "code": "quota_exceeded"}


@pytest.mark.parametrize(
    ("body", "codes", "messages"),
    [
        pytest.param({"error": QUOTA}, ("quota_exceeded",), ("You have no quota",), id="envelope"),
        pytest.param(QUOTA, ("quota_exceeded",), ("You have no quota",), id="bare"),
        pytest.param([{"error": QUOTA}], ("quota_exceeded",), ("You have no quota",), id="array"),
        pytest.param({"error": {"error": QUOTA}}, ("quota_exceeded",), None, id="nested"),
        pytest.param({"detail": QUOTA}, ("quota_exceeded",), None, id="detail"),
        pytest.param({"detail": {"error_code": "gone"}}, ("gone",), (), id="detail with a code"),
        pytest.param({"response": {"error": QUOTA}}, ("quota_exceeded",), None, id="response"),
        pytest.param({"error": {"message": QUOTA}}, ("quota_exceeded",), None, id="as message"),
        pytest.param({"error": "Out of credits"}, (), ("Out of credits",), id="string"),
        pytest.param({"error": "invalid_grant"}, ("invalid_grant",), None, id="string, a code"),
        pytest.param({"error": json.dumps(QUOTA)}, ("quota_exceeded",), None, id="string, JSON"),
        pytest.param(
            {"error": {"metadata": {"raw": json.dumps({"error": QUOTA})}}},
            ("quota_exceeded",),
            ("You have no quota",),
            id="raw JSON of a provider behind",
        ),
        pytest.param("no quota", (), ("no quota",), id="text"),
        pytest.param('"no quota"', (), ("no quota",), id="JSON text"),
        pytest.param('"no quota', (), ("no quota",), id="JSON text, cut"),
        pytest.param("\ufeff \n no quota ", (), ("no quota",), id="byte order mark"),
        pytest.param("<html>no quota</html>", (), (), id="page"),
        pytest.param("", (), (), id="empty"),
        pytest.param("null", (), ("null",), id="null"),
        pytest.param("[]", (), ("[]",), id="empty array"),
        pytest.param("{}", (), (), id="empty object"),
        pytest.param({"code": 1308, "type": None, "message": ["no"]}, (), (), id="other types"),
        pytest.param({"code": "two words", "msg": " no "}, (), ("no",), id="a code of words"),
    ],
)
def test_codes_and_messages_are_found_in_every_shape(
    body: object, codes: tuple[str, ...], messages: tuple[str, ...] | None
) -> None:
    answer = read_error_response(failure(429, body))

    assert answer.codes == codes
    assert messages is None or answer.messages == messages


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('data: {"error": {"code": "gone"}}', id="one line"),
        pytest.param(
            'event: error\ndata: {"error": {"code": "gone"}}\n\ndata: [DONE]\n', id="event"
        ),
        pytest.param('retry: 3\nid: 1\ndata:{"type":"error","code":"gone"}', id="retry first"),
        pytest.param('id: 1\ndata: {"type":"error","code":"gone"}', id="id first"),
    ],
)
def test_every_event_of_a_stream_is_read(text: str) -> None:
    stream = "\n".join(line.replace("gone", "begun") for line in text.splitlines())

    answer = read_error_response(failure(None, f"{stream}\n\n{text}"))

    assert {"begun", "gone"} <= {*answer.codes}
    assert answer.messages == ()


@pytest.mark.parametrize(
    ("text", "codes", "messages"),
    [
        pytest.param('{"error":{"code":"gone","mess', ("gone",), (), id="in a key"),
        pytest.param('{"error":{"code":"gone","message":', ("gone",), (), id="before a value"),
        pytest.param('{"error":{"code":"gone","ok":tru', ("gone",), (), id="in a word"),
        pytest.param('{"error":{"code":"gone","n":1', ("gone",), (), id="after a value"),
        pytest.param('{"error":{"code":"gone"}', ("gone",), (), id="before the last bracket"),
        pytest.param('{"error":{"message":"No qu', (), ("No qu",), id="in a message"),
        pytest.param('{"error":{"message":"No \\', (), ("No",), id="in an escape"),
        pytest.param('{"error":{"message":"No \\u00', (), ("No",), id="in a long escape"),
        pytest.param('{"error":{"code":"gone","a":["{,\\"]', ("gone",), (), id="brackets in text"),
        pytest.param('{"error":{"code":"gone"}}} trailing', ("gone",), (), id="more after it"),
        pytest.param('{"co', (), (), id="too early"),
        pytest.param('{"a" "b"}', (), (), id="not JSON"),
    ],
)
def test_an_answer_that_was_cut_off_is_read_as_far_as_it_goes(
    text: str, codes: tuple[str, ...], messages: tuple[str, ...]
) -> None:
    answer = read_error_response(failure(429, text))

    assert answer.codes == codes
    assert answer.messages == messages


def test_a_long_message_is_read_from_its_head_and_its_end() -> None:
    whole, longer = "h" * 590 + "e" * 400, "h" * 590 + "m" + "e" * 400

    read = [
        read_error_response(failure(429, body, error=error)).messages
        for body, error in [
            (json.dumps({"error": whole}), None),
            (json.dumps({"error": longer}), None),
            ("", longer),
        ]
    ]

    cut = "h" * 590 + "\n…\n" + "e" * 400
    assert read == [(whole,), (cut,), (cut,)]


def test_what_an_answer_echoes_of_the_request_is_not_read() -> None:
    echo = {"code": "quota_exceeded", "message": "You have no quota"}
    body = {
        "error": {"message": "Bad input", "code": "bad", "input": echo, "body": [echo]},
        "input": echo,
        "messages": [echo],
        "request": echo,
    }

    answer = read_error_response(failure(400, body))

    assert answer.codes == ("bad",)
    assert answer.messages == ("Bad input",)


def test_an_echo_stays_an_echo_when_the_answer_was_cut_off_in_it() -> None:
    text = '{"error":{"code":"bad","input":[{"code":"quota_exceeded"},{"code":"quota_ex'

    answer = read_error_response(failure(400, text))

    assert answer.codes == ("bad",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AI_APICallError: Rate limit reached", "Rate limit reached"),
        ("AI_RetryError: Failed after 3 attempts. Last error: Too slow", "Too slow"),
        ("Error: Codex error: no", "Codex error: no"),
        ("No Error: here", "No Error: here"),
        ("AI_APICallError: ", ""),
    ],
)
def test_the_name_that_opencode_logs_is_no_part_of_the_message(text: str, message: str) -> None:
    answer = read_error_response(failure(None, error=text))

    assert answer.messages == ((message,) if message else ())


def test_words_before_an_embedded_answer_are_a_message() -> None:
    answer = read_error_response(
        failure(None, error='Error: Codex error: {"error": {"code": "gone"}}')
    )

    assert answer.codes == ("gone",)
    assert answer.messages == ("Codex error:",)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 429}}, 429),
        ({"error": {"code": "429"}}, 429),
        ({"status_code": 503, "error": {"code": 400}}, 503),
        ({"status": True, "code": "none"}, None),
        ({"code": 1308}, None),
        ({"code": [429]}, None),
        ({"code": 200}, None),
    ],
)
def test_the_status_that_a_body_states_is_read(body: object, status: int | None) -> None:
    assert read_error_response(failure(None, body)).status == status


def test_headers_are_read_in_lower_case_and_from_the_body_where_there_are_none() -> None:
    body = {
        "headers": {"Retry-After": "1", "X-Reset": 5, "X-List": [1, 2], "X-None": []},
        "error": {"headers": "no"},
    }

    answer = read_error_response(failure(429, body, headers={"Retry-After": " 2 "}))

    assert answer.headers == {"retry-after": "2", "x-reset": "5", "x-list": "1"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8624, 8624", "8624"),
        ("8624,8624", "8624"),
        ("Sun, 22 Nov 2026, Sun, 22 Nov 2026", "Sun, 22 Nov 2026"),
        ("8624, 30", "8624, 30"),
        ("86;86", "86;86"),
        ("7", "7"),
        (",", ""),
        ("", ""),
    ],
)
def test_a_header_that_was_given_twice_is_one(value: str, expected: str) -> None:
    answer = read_error_response(failure(429, "", headers={"x-reset": value}))

    assert answer.headers == {"x-reset": expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GoUsageLimitError", "go_usage_limit_error"),
        ("RESOURCE_EXHAUSTED", "resource_exhausted"),
        ("rateLimitExceeded", "rate_limit_exceeded"),
        ("Gemini25ProRequestsPerDay", "gemini25_pro_requests_per_day"),
        ("GenerateRequestsPerDay-FreeTier", "generate_requests_per_day_free_tier"),
        ("subscription:free-usage-exhausted", "subscription_free_usage_exhausted"),
        ("__type", "type"),
        ("***", ""),
    ],
)
def test_codes_are_compared_in_snake_case(text: str, expected: str) -> None:
    assert snake(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="open brackets"),
        pytest.param('{"error":' * 20_000, id="open objects"),
        pytest.param('{"error":' * 5_000 + "1" + "}" * 5_000, id="deep objects"),
        pytest.param('[{"a":' + "[" * 9_000 + "]" * 9_000 + "}]", id="deep arrays"),
        pytest.param('{"a":"' + "\\" * 50_000, id="escapes"),
        pytest.param('{"a":' + "9" * 20_000 + "}", id="a long number"),
        pytest.param('{"a",' * 10_000, id="commas"),
        pytest.param("{'a'," * 10_000, id="quotes of another kind"),
        pytest.param('{"message":"' + "'x " * 10_000 + '"}', id="open quotes"),
        pytest.param("data: {" * 10_000, id="data"),
        pytest.param("data: {\n" * 10_000, id="data lines"),
    ],
)
@pytest.mark.timeout(5)
def test_a_hostile_body_is_read_in_bounded_time(text: str) -> None:
    answer = read_error_response(failure(429, text))

    assert len(answer.objects) <= 64


def nested(depth: int) -> object:
    value: object = {"code": "gone"}
    for _ in range(depth):
        value = {"error": value}
    return value


@pytest.mark.parametrize(
    ("make", "found"),
    [
        pytest.param(lambda: nested(63), True, id="the last within the bound"),
        pytest.param(lambda: nested(64), False, id="the first beyond it"),
        pytest.param(lambda: [{}] * 7 + [{"code": "gone"}], True, id="the eighth of a list"),
        pytest.param(lambda: [{}] * 8 + [{"code": "gone"}], False, id="the ninth of a list"),
    ],
)
def test_only_so_many_objects_are_read(make: Callable[[], object], found: bool) -> None:  # noqa: FBT001  # a table's column
    assert ("gone" in read_error_response(failure(429, make())).codes) is found


@pytest.mark.parametrize(
    "name",
    [
        *("code", "type", "error_code", "error_type", "reason", "status", "error"),
        *("quota_id", "quota_limit", "limit_source"),
    ],
)
def test_a_code_is_read_in_each_field_that_may_have_one(name: str) -> None:
    assert read_error_response(failure(429, {"error": {name: "quota_exceeded"}})).codes == (
        "quota_exceeded",
    )


@pytest.mark.parametrize(
    "name",
    [
        *("message", "detail", "details", "error_description", "description", "error_message"),
        *("error_msg", "err_msg", "errmsg", "status_msg", "status_message", "msg", "title", "raw"),
    ],
)
def test_a_message_is_read_in_each_field_that_may_have_one(name: str) -> None:
    assert read_error_response(failure(429, {"error": {name: "No quota left"}})).messages == (
        "No quota left",
    )


@pytest.mark.parametrize("name", ["status_code", "status", "code"])
def test_a_status_is_read_in_each_field_that_may_have_one(name: str) -> None:
    assert read_error_response(failure(None, {"error": {name: 429}})).status == 429


@pytest.mark.parametrize(
    "name",
    [
        *("error", "errors", "err", "detail", "details", "message", "msg", "metadata", "raw"),
        *("response", "violations", "data", "result", "base_resp", "cause", "inner_error"),
        *("innererror", "upstream_error", "failure", "info", "extra", "limits", "windows", "quota"),
        *("rate_limit", "rate_limits", "limit", "window", "primary_window", "secondary_window"),
    ],
)
def test_what_is_said_may_stand_inside_of_it(name: str) -> None:
    body = {"error": {name: {"error_code": "quota_exceeded"}}}

    assert "quota_exceeded" in read_error_response(failure(429, body)).codes


def test_the_body_speaks_before_the_log() -> None:
    answer = read_error_response(failure(429, "Slow down.", error="AI_APICallError: Too fast."))

    assert answer.messages == ("Slow down.", "Too fast.")


@pytest.mark.parametrize(("depth", "is_read"), [(62, True), (63, False)])
def test_what_was_cut_off_is_mended_to_a_depth_that_somebody_speaks_from(
    depth: int,
    is_read: bool,  # noqa: FBT001  # a table's column
) -> None:
    inside = "[" * depth
    cut_off = f'{{"error": {{"code": "quota_exceeded", "echo": {inside}'

    assert ("quota_exceeded" in read_error_response(failure(429, cut_off)).codes) is is_read


def test_each_answer_is_read_for_itself() -> None:
    first, second = failure(429, "One."), failure(429, "Two.", headers={"retry-after": "7"})

    assert read_error_response(first).messages == ("One.",)
    assert read_error_response(second).messages == ("Two.",)
    assert read_error_response(second).headers == {"retry-after": "7"}
    assert read_error_response(first).headers == {}


def test_json_is_not_looked_for_behind_pages_of_words() -> None:
    said = '{"error": {"code": "odd"}}'

    near, far = (read_error_response(failure(429, "a " * n + said)) for n in (1_000, 5_000))

    assert (near.codes, far.codes) == (("odd",), ())


def test_the_letters_of_all_messages_are_not_too_many() -> None:
    def messages(*said: str) -> tuple[str, ...]:
        body = {"errors": [{"message": text} for text in said]}
        return read_error_response(failure(429, body)).messages

    assert messages("a", "b", "a") == ("a", "b")
    assert messages("a" * 900, "b" * 900, "c") == ("a" * 900, "b" * 600)
    assert messages("a" * 900, "b" * 599, "cd", "e") == ("a" * 900, "b" * 599, "c")
    assert messages("a" * 900, "b" * 600, "c") == ("a" * 900, "b" * 600)
