"""Errors carry a sentence, a hint, and the exit code of the command."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotator import errors


def test_an_error_is_its_sentence_and_its_hint() -> None:
    error = errors.RotatorError("it failed", hint="try again")

    assert (str(error), error.message, error.hint) == ("it failed", "it failed", "try again")


def test_a_hint_is_not_needed() -> None:
    assert errors.RotatorError("it failed").hint is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.RotatorError, 1),
        (errors.ProviderError, 1),
        (errors.UsageError, 2),
        (errors.AccountNotFound, 3),
        (errors.NothingToRotateTo, 4),
        (errors.AlreadyRunning, 5),
        (errors.NotRunning, 5),
        (errors.LiveFileError, 6),
        (errors.StoreError, 7),
    ],
)
def test_a_script_tells_failures_apart_by_exit_code(
    kind: type[errors.RotatorError], code: int
) -> None:
    assert kind("it failed").exit_code == code


def test_a_vendor_that_was_asked_too_often_may_say_until_when() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)

    assert errors.RateLimited("asked too often", retry_at=at).retry_at == at
    assert errors.RateLimited("asked too often").retry_at is None


@pytest.mark.parametrize("sent", [False, True])
def test_a_vendor_out_of_reach_may_have_seen_the_request(*, sent: bool) -> None:
    assert errors.ProviderUnavailable("no answer came", sent=sent).sent is sent


def test_what_a_vendor_s_refusal_says_beside_its_time_is_kept() -> None:
    limited = errors.RateLimited("too often", hint="wait")
    away = errors.ProviderUnavailable("away", sent=True, hint="look")

    assert (limited.message, limited.hint, limited.retry_at) == ("too often", "wait", None)
    assert (away.message, away.hint, away.sent) == ("away", "look", True)
