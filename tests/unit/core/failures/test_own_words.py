"""What an answer says in its own words, and what it only tells of a request's content."""

from __future__ import annotations

import pytest

from rotator.core.failures.error_response import read_error_response
from rotator.core.failures.own_words import in_own_words
from tests.support.failures import failure


def _own(*messages: str) -> tuple[str, ...]:
    body = {"errors": [{"message": message} for message in messages]}
    return in_own_words(read_error_response(failure(400, body))).messages


@pytest.mark.parametrize(
    "before",
    [
        "the tool", "function f", "an MCP server", "schema of f", "a file", "your document", "URL",
        "web page", "the value", "tool_call.arguments", "JSON", "a payload", "the command",
        "search result", "content", "input", "output", "user message", "messages[3]", "messages.3",
        "the text says", "your prompt contains", "failed to fetch it", "the shop responded:",
        "somebody said that it", "一个函数", "用户消息", "消息内容", "网页",
    ],
)  # fmt: skip
def test_what_is_told_of_the_content_is_none_of_the_answers_own_words(before: str) -> None:
    (own,) = _own(f"No: {before}: quota exceeded")

    assert own.startswith("No: ")
    assert "quota" not in own


@pytest.mark.parametrize(
    "said",
    [
        "Error: quota exceeded", "No card is on file: quota exceeded",
        "input tokens: quota exceeded",
        "Your messages: quota exceeded", "message: quota exceeded", "your prompt: quota exceeded",
        "output tokens: quota exceeded", "toolbox: quota exceeded", "输入 tokens: quota exceeded",
        "the server returned quota exceeded", "发布违规内容: quota exceeded",
    ],
)  # fmt: skip
def test_all_else_are_its_own_words(said: str) -> None:
    assert _own(said) == (said,)


def test_each_message_is_cut_by_itself_and_all_else_stays() -> None:
    answer = read_error_response(
        failure(400, {"error": {"message": "quota exceeded in files", "code": "tool_failed"}})
    )

    own = in_own_words(answer)

    assert own.messages == ("quota exceeded in files",)
    assert (own.codes, own.objects) == (answer.codes, answer.objects)
    assert _own("The tool: no", "quota exceeded") == ("The tool", "quota exceeded")
