"""By which codes and phrases a provider says what is wrong, and where they count."""

from __future__ import annotations

import pytest

from rotator.core.failures.error_codes import LIMIT_MESSAGES, Evidence, by_messages
from rotator.core.failures.error_response import ErrorResponse, read_error_response
from rotator.model import Meaning
from tests.support.failures import failure

OVERLOAD: Evidence = (Meaning.OVERLOAD, "")


@pytest.mark.parametrize(("length", "found"), [(600, OVERLOAD), (601, None)])
def test_what_comes_late_in_a_message_is_no_evidence_even_behind_a_quote(
    length: int, found: Evidence | None
) -> None:
    said = " it is overloaded"
    message = f'"{"x" * (length - len(said) - 2)}"{said}'

    assert len(message) == length
    answer = read_error_response(failure(429, {"error": {"message": message}}))
    assert by_messages(LIMIT_MESSAGES, answer) == found


@pytest.mark.parametrize(("length", "found"), [(200, OVERLOAD), (201, None)])
def test_what_is_not_at_the_head_of_a_message_is_no_evidence(
    length: int, found: Evidence | None
) -> None:
    message = f"{'it is overloaded':>{length}}"

    assert by_messages(LIMIT_MESSAGES, ErrorResponse((), (message,), (), {}, None)) == found


@pytest.mark.parametrize(("before", "found"), [(7, OVERLOAD), (8, None)])
def test_of_many_messages_the_first_eight_are_evidence(before: int, found: Evidence | None) -> None:
    messages = (*("busy",) * before, "it is overloaded")

    assert by_messages(LIMIT_MESSAGES, ErrorResponse((), messages, (), {}, None)) == found
