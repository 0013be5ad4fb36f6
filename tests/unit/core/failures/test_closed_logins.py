"""When an answer says that a login is dead, and when only something of it is disabled."""

from __future__ import annotations

import pytest

from rotator.core.failures.classify import classify
from rotator.core.failures.closed_logins import closed_login, dead_login
from rotator.core.failures.error_response import read_error_response
from rotator.model import Meaning
from tests.support.failures import NOW, failure


def test_a_standard_message_is_evidence_without_a_code() -> None:
    answer = read_error_response(
        failure(401, {"error": {"message": "Incorrect API key provided: sk-x"}})
    )

    assert dead_login(answer) == (Meaning.LOGIN_DEAD, "")


@pytest.mark.parametrize(
    "code",
    [
        "access_terminated", "api_key_not_found", "expired_key", "key_disabled", "key_revoked",
        "token_not_found_in_db",
    ],
)  # fmt: skip
def test_a_code_says_that_a_key_is_gone_whatever_the_message_says(code: str) -> None:
    signal = failure(401, {"error": {"message": "Authentication Error", "code": code}})

    assert classify(signal, NOW, None).meaning is Meaning.LOGIN_DEAD


def _closed(message: str) -> bool:
    answer = read_error_response(failure(403, {"error": {"message": message}}))
    return closed_login(answer) == (Meaning.LOGIN_DEAD, "")


@pytest.mark.parametrize(
    "named",
    [
        " org-a", " <ak-1>", " u_1", " me@example.com", " org-a <ak-1>", " (acme)",
        " you are using", " associated with this API key", " of this organization",
        " that owns the key", ", me@example.com,", " holder", " owner", " status", "'s access",
        " API access", " for me@example.com", " with Acme", " sk-***a", " ending in 1a",
    ],
)  # fmt: skip
def test_whichever_account_is_named_is_the_one_that_is_closed(named: str) -> None:
    assert _closed(f"The account{named} has been suspended.")


@pytest.mark.parametrize(
    "message",
    [
        "API access for your organization has been disabled due to a violation of our terms.",
        "API access for your account has been disabled.",
        "Your account has been suspended on our platform.",
        "Your account is blocked in our systems",
        "Your account has been suspended from using the API due to policy violations.",
        "Your account has been banned from using this service",
        "Your organization has been blocked from accessing the API.",
        "You have been banned",
        "You were permanently suspended for abuse",
        "We have suspended your account for violating the terms",
        "We've closed your organization.",
        "Forbidden: account suspended",
        "Account disabled",
        "Organization suspended",
        "Your access has been revoked",
        "Your access was terminated due to violation of our policies, please check your email.",
        "Your access to GitHub Copilot has been suspended. Please contact support",
        "Your API access is disabled",
        "Your account is restricted",
        "Your account is restricted due to unusual activity",
        "Your account was blocked by our team",
        "Your account is suspended by policy violations",
    ],
)
def test_whoever_is_told_to_be_shut_out_in_other_words_is_closed(message: str) -> None:
    assert _closed(message)


@pytest.mark.parametrize(
    "message",
    [
        "API access for your organization to m1 has been disabled",
        "Your access to m1 has been disabled.",
        "Your access to the web search tool is disabled",
        "You have been banned from the beta of this feature",
        "You are blocked from using images",
        "We have disabled your account's web search",
        "We have disabled image uploads for your account",
        "Your account is blocked from using the search tool",
        "Your account is restricted in our EU region",
        "Your account is blocked on some models",
        "Project disabled for this region",
        "This API key is restricted and cannot call /v1/responses",
        "Your API key is restricted: missing scope model.request",
        "This API key is restricted by HTTP referrer",
        "Your account is restricted: model m1 requires the Max plan",
        "Your account is blocked by your network policy: IP address not allowed",
        "The user was blocked by the moderation filter for this prompt",
        "User is blocked by content moderation",
        "Your tenant is blocked by conditional access policy for this app",
        "Your account is locked by another session. Please wait.",
    ],
)
def test_whoever_is_shut_out_of_a_part_in_other_words_is_not(message: str) -> None:
    assert not _closed(message)


@pytest.mark.parametrize(
    "message",
    [
        "The API key does not exist or has been deleted",
        "API key not found",
        "API key expired. Please renew the API key.",
        "This API key has expired.",
        "API key revoked",
        "Your API key has been disabled",
        "The provided API key was not found",
        "Unknown API key",
        "Unauthorized: invalid API key",
        "Authentication failed. Invalid API key.",
    ],
)
def test_a_key_that_is_not_there_any_more_is_dead(message: str) -> None:
    answer = read_error_response(failure(401, {"error": {"message": message}}))

    assert dead_login(answer) == (Meaning.LOGIN_DEAD, "")


@pytest.mark.parametrize(
    "message",
    ["API key header missing", "An API key is required", "Invalid API key or rate limited",
     "The tool's API key was not found", "API keys are not found in this region"],
)  # fmt: skip
def test_what_else_is_said_of_a_key_is_not(message: str) -> None:
    answer = read_error_response(failure(401, {"error": {"message": message}}))

    assert dead_login(answer) is None


@pytest.mark.parametrize(
    "part",
    [" policy", " setting", "'s access to m1", ": images", " for m1, images", "-wide search"],
)
def test_what_belongs_to_an_account_is_not_the_account(part: str) -> None:
    assert not _closed(f"The organization{part} is disabled.")


@pytest.mark.parametrize(
    "before",
    [
        "Search for the", "Search for", "The model of the", "Access to this", "Tools in",
        "Sharing with another", "If the", "Creating an", "Not the", "Uploads by the",
        "Calls from my", "Images in the shared team",
    ],
)  # fmt: skip
def test_an_account_that_only_stands_in_the_sentence_is_not_closed(before: str) -> None:
    assert not _closed(f"{before} account is blocked.")


@pytest.mark.parametrize(
    "before",
    ["", "Sorry,", "Forbidden:", "We see that your", "As of today the", "After reviews, the",
        "The logged in user", "The owner of this", "The pending",
     "In line with our rules your", "Warning your"],
)  # fmt: skip
def test_an_account_that_the_sentence_is_about_is_closed(before: str) -> None:
    assert _closed(f"{before} account is blocked.")


@pytest.mark.parametrize(
    "after",
    [
        "to EU models", "from here", "for images", "in this region", "in your country",
        "on this endpoint", "if you go on", "field is not allowed", "by policy from using tools",
        "by an admin for the model", "(for images)", "until 3 o'clock, try again then", "for 5 min",
    ],
)  # fmt: skip
def test_who_is_shut_out_of_something_is_not_shut_out(after: str) -> None:
    assert not _closed(f"Your account is blocked {after}")


@pytest.mark.parametrize(
    "after",
    [
        "", ".", ", contact us", "by an admin", "for abuse", "for a breach of terms",
        "for repeated policy violations", "on 2026-11-20", "in accordance with our terms",
        "for the following reasons", "with immediate effect", "due to fraud", "and cannot be used",
    ],
)  # fmt: skip
def test_the_reason_why_somebody_is_shut_out_changes_nothing(after: str) -> None:
    assert _closed(f"Your account is blocked {after}")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("Your account is suspended: insufficient balance", Meaning.BILLING),
        ("Your account is suspended, please check your plan and billing details", Meaning.BILLING),
        ("Your account org-1<ak-1> is suspended, see your billing page", Meaning.BILLING),
        ("The billing account is closed", Meaning.BILLING),
        ("Your team is locked: payment failed", Meaning.BILLING),
        ("Your account is banned for payment fraud", Meaning.LOGIN_DEAD),
    ],
)
def test_whoever_is_let_in_again_by_paying_owes(message: str, found: Meaning) -> None:
    assert closed_login(read_error_response(failure(403, message))) == (found, "")


def test_of_several_messages_the_one_that_says_it_is_the_one_that_has_to_be_for_good() -> None:
    body = {"error": "Your account is locked, try again in an hour", "detail": "account suspended"}

    assert closed_login(read_error_response(failure(403, body))) == (Meaning.LOGIN_DEAD, "")


def test_of_several_messages_one_may_say_what_is_owed() -> None:
    body = {"error": "Your account is suspended", "detail": "See your billing page"}

    assert closed_login(read_error_response(failure(403, body))) == (Meaning.BILLING, "")
