"""What a failed request means for the account that asked, by the rules for any provider."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.core.failures.classify import classify
from rotator.core.failures.limit_scope import scope_of
from rotator.model import EVERYTHING, Finding, Meaning, Scope, Signal
from tests.support.failures import NOW, Documented, documented, failure

SHORT, EXHAUSTED, BILLING = Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING
DEAD, OVERLOAD = Meaning.LOGIN_DEAD, Meaning.OVERLOAD
FOREIGN, NOT_OURS = Meaning.FOREIGN_HISTORY, Meaning.NOT_OURS
LIMITS = {SHORT, EXHAUSTED, BILLING}
each_answer = pytest.mark.parametrize("answer", documented(), ids=lambda answer: answer.name)


def meaning(
    status: int | None,
    body: object = "",
    *,
    headers: dict[str, str] | None = None,
    error: str | None = None,
) -> Meaning:
    return classify(failure(status, body, headers=headers, error=error), NOW).meaning


# -- documented answers ------------------------------------------------------------------------


@each_answer
def test_a_documented_answer_means_what_its_provider_says(answer: Documented) -> None:
    finding = classify(answer.signal(), answer.now)

    assert (finding.meaning, finding.until is None) == (answer.meaning, answer.until is None)
    if finding.until is not None and answer.until is not None:
        assert abs(finding.until - answer.until) < timedelta(milliseconds=1)


@each_answer
def test_a_documented_answer_names_its_source_and_how_certain_it_is(answer: Documented) -> None:
    assert answer.source.startswith("https://")
    assert answer.certainty in {"H", "M", "L"}


def test_every_meaning_has_documented_answers() -> None:
    assert {answer.meaning for answer in documented()} == set(Meaning)


LIMIT = "Rate limit reached for gpt-5-mini in organization org-x on tokens per min (TPM)"


@pytest.mark.parametrize(
    ("message", "model", "scope"),
    [
        pytest.param(LIMIT, "gpt-5-mini", Scope("gpt-5-mini"), id="named"),
        pytest.param(LIMIT.upper(), "gpt-5-mini", Scope("gpt-5-mini"), id="in capitals"),
        pytest.param("quota of model `glm-5`", "glm-5", Scope("glm-5"), id="in quotes"),
        pytest.param(LIMIT, "gpt-5", EVERYTHING, id="a longer name"),
        pytest.param(LIMIT, "gpt-4.1", EVERYTHING, id="another model's"),
        pytest.param(LIMIT, None, EVERYTHING, id="nobody knows what was asked for"),
        pytest.param("limit for you", "you", EVERYTHING, id="a word of a sentence"),
        pytest.param("try gpt-5-mini later", "gpt-5-mini", EVERYTHING, id="only mentioned"),
    ],
)
def test_a_limit_is_counted_for_the_model_that_its_answer_names(
    message: str, model: str | None, scope: Scope
) -> None:
    signal = replace(failure(429, {"error": {"message": message}}), model=model)

    assert scope_of(signal, SHORT) == scope


def test_missing_money_is_missing_for_every_model() -> None:
    signal = replace(failure(429, {"error": {"message": LIMIT}}), model="gpt-5-mini")

    assert scope_of(signal, BILLING) == EVERYTHING


WRAPPINGS = {
    "an array of one": lambda body: json.dumps([body]),
    "an error in an error": lambda body: json.dumps({"error": body}),
    "another provider's raw text": lambda body: json.dumps({"error": {"raw": json.dumps(body)}}),
    "a message": lambda body: json.dumps({"error": {"message": json.dumps(body)}}),
    "an event": lambda body: f"event: error\ndata: {json.dumps(body)}\n\n",
    "a failed response": lambda body: json.dumps({"type": "response.failed", "response": body}),
    "a log's text": lambda body: f"\ufeff  Provider says: {json.dumps(body)} (Request ID: 1)",
    "an indented text": lambda body: "\n" + json.dumps(body, indent=4),
    "a text that was cut off": lambda body: json.dumps([body, {"x": "y" * 40_000}])[:16_384],
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_an_answer_means_the_same_in_every_wrapping(wrapping: str) -> None:
    answers = [answer for answer in documented() if answer.body is not None]

    found = {a.name: classify(a.signal(WRAPPINGS[wrapping](a.body)), a.now) for a in answers}

    assert {n: f.meaning for n, f in found.items()} == {a.name: a.meaning for a in answers}


# -- the status alone --------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", "{}", "<html>Too bad</html>", "nonsense", '{"error":{}}'])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((s, NOT_OURS) for s in (0, 100, 200, 206, 302, 304, 600, 999, -1)),
        *((s, NOT_OURS) for s in (400, 401, 403, 404, 405, 408, 409, 410, 413, 418, 422, 451, 498)),
        *((s, OVERLOAD) for s in (500, 502, 503, 504, 508, 520, 522, 524, 529, 530, 599)),
        *((s, NOT_OURS) for s in (501, 505, 511)),
        (402, BILLING),
        (429, SHORT),
        (None, NOT_OURS),
    ],
)
def test_a_status_without_words_means_no_more_than_it_says(
    status: int | None, expected: Meaning, body: str
) -> None:
    assert meaning(status, body) is expected


def test_26_without_a_readable_retry_after_no_time_is_made_up() -> None:
    assert classify(failure(429), NOW).until is None
    assert classify(failure(429, headers={"retry-after": "soon"}), NOW).until is None


def test_a_long_wait_alone_does_not_make_a_used_up_window() -> None:
    finding = classify(failure(429, headers={"retry-after": "604800"}), NOW)

    assert finding.meaning is SHORT
    assert finding.until == NOW + timedelta(days=7)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 429])
def test_27_free_usage_exceeded_is_a_used_up_window_whatever_the_status(status: int) -> None:
    text = "Free usage exceeded, subscribe to Go https://opencode.ai/go"

    assert meaning(status, {"type": "error", "error": {"message": text}}) is EXHAUSTED


def test_28_a_good_answer_that_speaks_of_limits_blames_nobody() -> None:
    body = {"choices": [{"message": {"content": "add credits, or reach your usage limit"}}]}

    assert meaning(200, body) is NOT_OURS
    assert meaning(200, {"error": {"code": "usage_limit_reached"}}) is NOT_OURS


# -- codes before words before the status ------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "usage_limit_reached", EXHAUSTED),
        (429, "subscription:free-usage-exhausted", EXHAUSTED),
        (429, "QUOTA_EXHAUSTED", EXHAUSTED),
        (403, "daily_limit_exceeded", EXHAUSTED),
        (403, "weekly_limit_exceeded", EXHAUSTED),
        (403, "QUOTA_EXCEEDED", EXHAUSTED),
        (401, "MonthlyLimitError", EXHAUSTED),
        (401, "UserLimitError", EXHAUSTED),
        (429, "daily_rpd_limit_exceeded", EXHAUSTED),
        (402, "openrouter_key_limit", EXHAUSTED),
        (429, "openrouter_free_tier_daily", EXHAUSTED),
        (400, "billing_hard_limit_reached", BILLING),
        (403, "usage_not_included", BILLING),
        (403, "insufficient_funds", BILLING),
        (403, "insufficient_balance", BILLING),
        (403, "InsufficientCredits", BILLING),
        (401, "CreditsError", BILLING),
        (403, "payment_required", BILLING),
        (429, "exceeded_current_quota_error", BILLING),
        (429, "organization_usage_limit_exceeded", BILLING),
        (429, "project_spend_limit_exceeded", BILLING),
        (429, "slow_down", SHORT),
        (429, "rate_limited", SHORT),
        (429, "queue_exceeded", OVERLOAD),
        (429, "MODEL_CAPACITY_EXHAUSTED", OVERLOAD),
        (429, "service_unavailable", OVERLOAD),
        (403, "rate_limit_exceeded", NOT_OURS),
        (403, "insufficient_permissions", NOT_OURS),
        (403, "queue_exceeded", NOT_OURS),
        (401, "credential_missing", NOT_OURS),
        (404, "quota_exceeded", NOT_OURS),
        (413, "rate_limit_exceeded", NOT_OURS),
        (422, "insufficient_quota", NOT_OURS),
        (None, "usage_limit_reached", EXHAUSTED),
        (None, "insufficient_quota", BILLING),
        (None, "ThrottlingException", SHORT),
        (None, "too_many_requests", SHORT),
        (None, "rate_limit_exceeded", SHORT),
        (None, "RESOURCE_EXHAUSTED", SHORT),
        (None, "overloaded_error", OVERLOAD),
        (None, "server_error", OVERLOAD),
        (None, "budget_exceeded", BILLING),
    ],
)
def test_a_code_decides_within_its_status(status: int | None, code: str, expected: Meaning) -> None:
    assert meaning(status, {"error": {"code": code, "message": "No."}}) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The usage limit has been reached", EXHAUSTED),
        ("The usage limit is reached", EXHAUSTED),
        ("5-hour limit reached", EXHAUSTED),
        ("Session limit reached", EXHAUSTED),
        ("Daily limit exceeded", EXHAUSTED),
        ("Weekly limit exhausted", EXHAUSTED),
        ("Weekly/Monthly Limit Exhausted", EXHAUSTED),
        ("You\u2019ve hit your plan usage limit", EXHAUSTED),
        ("You have reached the usage limit", EXHAUSTED),
        ("You have reached your session token limit", EXHAUSTED),
        ("You have exceeded your daily token limit", EXHAUSTED),
        ("You have exceeded your weekly rate limit", EXHAUSTED),
        ("You have exceeded your monthly token limit", EXHAUSTED),
        ("You exceeded your current quota", EXHAUSTED),
        ("Quota exceeded for this model", EXHAUSTED),
        ("Your quota has been exhausted", EXHAUSTED),
        ("Your quota is exceeded", EXHAUSTED),
        ("Your quota will reset soon", EXHAUSTED),
        ("You have no quota", EXHAUSTED),
        ("You've used all the included free usage for model m1", EXHAUSTED),
        ("You have insufficient credits", BILLING),
        ("Insufficient account balance", BILLING),
        ("Insufficient funds", BILLING),
        ("Insufficient quota", BILLING),
        ("Your team has used all available credits", BILLING),
        ("Your team doesn't have any credits or licenses yet", BILLING),
        ("This request requires more credits, or fewer max_tokens", BILLING),
        ("You have exceeded your monthly included credits", BILLING),
        ("No payment method. Add a payment method here", BILLING),
        ("Billing hard limit has been reached", BILLING),
        ("You reached your monthly spending limit", BILLING),
        ("You exceeded your rate limit", NOT_OURS),
        ("Your prompt exceeded the context limit", NOT_OURS),
        ("This goes against our usage policies", NOT_OURS),
        ("What is a 'usage limit reached' message?", NOT_OURS),
        ('Cannot parse "usage limit reached"', NOT_OURS),
        ("Cannot parse `usage limit reached`", NOT_OURS),
        ("Cannot parse \u201cusage limit reached\u201d", NOT_OURS),
        ("Cannot parse 'usage limit reached", NOT_OURS),
        ('Cannot parse "usage limit reached', NOT_OURS),
        ("Cannot parse `usage limit reached", NOT_OURS),
        ("Bad words: " + "x" * 200 + " usage limit reached", NOT_OURS),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_the_words_of_a_refusal_count_when_it_says_them_itself(
    status: int, text: str, expected: Meaning
) -> None:
    assert meaning(status, {"error": {"message": text}}) is expected
    assert meaning(status, text) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            {"code": "rate_limit_exceeded", "message": "Limit: 20 requests per day"},
            EXHAUSTED,
            id="a day",
        ),
        pytest.param(
            {"code": "rate_limit_exceeded", "message": "You have hit the daily token limit"},
            EXHAUSTED,
            id="daily",
        ),
        pytest.param(
            {"code": "rate_limit_exceeded", "message": "20 per minute, 500 per day"},
            SHORT,
            id="minutes before days",
        ),
        pytest.param(
            {"code": "quota_exceeded", "message": "Too many tokens per second"},
            SHORT,
            id="a second",
        ),
        pytest.param(
            {
                "details": [
                    {
                        "violations": [
                            {"quotaId": "RequestsPerMinute"},
                            {"quotaId": "RequestsPerDay"},
                        ]
                    }
                ]
            },
            EXHAUSTED,
            id="both are violated",
        ),
        pytest.param(
            {
                "details": [{"violations": [{"quotaId": "RequestsPerMinute"}]}],
                "code": "x_quota_exceeded",
            },
            SHORT,
            id="a minute by name",
        ),
        pytest.param(
            {"code": "insufficient_quota", "message": "20 requests per minute"}, BILLING, id="money"
        ),
    ],
)
def test_the_named_window_tells_a_short_limit_from_a_used_up_one(
    error: dict[str, object], expected: Meaning
) -> None:
    assert meaning(429, {"error": error}) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No capacity available for model m1 on the server", OVERLOAD),
        ("Selected model is at capacity", OVERLOAD),
        ("Service tier capacity exceeded for this model", OVERLOAD),
        ("The engine is currently overloaded", OVERLOAD),
        ("We're experiencing high traffic right now", OVERLOAD),
        ("The system is currently experiencing high demand", OVERLOAD),
        ("Limit: 5 per week", EXHAUSTED),
        ("Limit: 5 per month", EXHAUSTED),
        ("Your daily limit is 5", EXHAUSTED),
        ("Your weekly token limit is 5", EXHAUSTED),
        ("Your monthly limit is 5", EXHAUSTED),
        ("Slow down. Upgrade to a monthly plan", SHORT),
        ("Quota exceeded: 5 per minute", SHORT),
        ("Quota exceeded: 5 per min (RPM)", SHORT),
    ],
)
def test_the_words_of_a_429_tell_what_kind_it_is(text: str, expected: Meaning) -> None:
    assert meaning(429, {"error": {"message": text}}) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("requests_per_second_quota_exceeded", SHORT),
        ("requests_per_minute_quota_exceeded", SHORT),
        ("requests_per_day", EXHAUSTED),
        ("weekly_requests", EXHAUSTED),
        ("monthly_requests", EXHAUSTED),
    ],
)
def test_a_code_may_name_the_window(code: str, expected: Meaning) -> None:
    assert meaning(429, {"error": {"code": code}}) is expected


@pytest.mark.parametrize(
    "code",
    [
        "context_length_exceeded",
        "content_policy_violation",
        "content_filter",
        "model_not_found",
        "invalid_value",
        "invalid_type",
        "invalid_prompt",
        "invalid_image",
        "unsupported_parameter",
        "missing_required_parameter",
        "moderation_blocked",
        "request_too_large",
        "string_too_long",
    ],
)
@pytest.mark.parametrize("status", [400, 402, 403, None])
def test_a_request_that_is_refused_itself_blames_nobody(status: int | None, code: str) -> None:
    body = {"error": {"code": code, "message": "You have reached your usage limit"}}

    assert meaning(status, body) is NOT_OURS


@pytest.mark.parametrize(
    "pointer", [{"param": "messages[0].content"}, {"loc": ["body", "messages"]}]
)
def test_words_of_a_validation_error_are_the_requests(pointer: dict[str, object]) -> None:
    said = {"message": "You have reached your usage limit", **pointer}

    assert meaning(400, {"error": said}) is NOT_OURS
    assert meaning(400, {"error": {**said, "code": "billing_not_active"}}) is BILLING
    assert meaning(403, {"error": said}) is EXHAUSTED


@pytest.mark.parametrize("status", [400, 403, 413, 422])
@pytest.mark.parametrize(
    "place", ["input", "messages", "request", "body", "content", "flagged_input"]
)
def test_what_is_echoed_beside_the_error_is_no_evidence(status: int, place: str) -> None:
    echo = [{"role": "user", "content": "usage limit reached", "code": "insufficient_quota"}]

    body = {"error": {"message": "Invalid request", "code": "invalid", place: echo}, place: echo}

    assert meaning(status, body) is NOT_OURS


# -- trouble behind the provider, and the server's own -----------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Error from provider (Console): usage limit reached"},
        {"message": "Upstream request failed"},
        {"message": "Provider returned error"},
        {"message": "x", "code": "provider_rate_limit_exceeded"},
        {"message": "x", "type": "upstream_error"},
        {"message": "x", "metadata": {"provider_name": "DeepInfra"}},
        {"message": "x", "metadata": {"provider_code": "rate_limited"}},
        {
            "message": "Provider returned error",
            "metadata": {
                "provider_name": "OpenAI",
                "raw": '{"error":{"code":"insufficient_quota","type":"invalid_api_key"}}',
            },
        },
    ],
)
def test_trouble_of_the_provider_behind_blames_no_account(error: dict[str, object]) -> None:
    body = {"error": error}

    assert meaning(429, body) is OVERLOAD
    assert meaning(503, body) is OVERLOAD
    assert meaning(None, body) is OVERLOAD
    assert {meaning(status, body) for status in (400, 401, 402, 403)} == {NOT_OURS}


def test_a_provider_name_that_is_null_is_no_provider_behind() -> None:
    assert meaning(429, {"error": {"metadata": {"provider_name": None}}}) is SHORT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "usage_limit_reached"}, EXHAUSTED),
        ({"code": "insufficient_quota"}, BILLING),
        ({"code": "rate_limit_exceeded"}, OVERLOAD),
        ({"status": "RESOURCE_EXHAUSTED"}, OVERLOAD),
        # https://github.com/lidge-jun/opencodex/issues/3176
        ({"message": "The usage limit has been reached"}, EXHAUSTED),
        ({"message": "You have reached your usage limit"}, EXHAUSTED),
        ({"message": "Sorry, you've hit your weekly limit"}, EXHAUSTED),
        ({"message": "Your quota is exhausted per minute"}, OVERLOAD),
        ({"message": "You exceeded your quota of 5 requests per minute"}, SHORT),
        ({"message": "Insufficient account balance"}, BILLING),
        ({"message": "Account balance is too low"}, BILLING),
        ({"message": "The account balance is insufficient"}, BILLING),
        ({"message": "Error: insufficient user credits"}, BILLING),
        ({"message": "用户余额不足"}, BILLING),
        # Not of whoever asks.
        ({"message": "Balance the load: quota exceeded"}, OVERLOAD),
        ({"message": "Quota exceeded"}, OVERLOAD),
        ({"message": "Daily limit reached while loading the model"}, OVERLOAD),
        ({"message": "The usage limit of the upstream has been reached"}, OVERLOAD),
        ({"message": "Insufficient balance of the provider"}, OVERLOAD),
        ({"message": "You have no luck: all accounts have reached the usage limit"}, OVERLOAD),
        ({"message": "上游账户余额不足"}, OVERLOAD),
        # Nor in the words of the answer itself.
        ({"message": "You see: the tool said: you have reached your usage limit"}, OVERLOAD),
    ],
)
def test_a_server_error_is_a_limit_by_its_code_or_by_words_of_whoever_asks(
    error: dict[str, object], expected: Meaning
) -> None:
    assert meaning(503, {"error": error}) is expected


def test_a_request_larger_than_the_limit_uses_up_nobody() -> None:
    body = {"error": {"message": "Request too large for m1", "code": "rate_limit_exceeded"}}

    assert meaning(429, body) is NOT_OURS
    assert meaning(429, {"error": {"message": "Sorry: Request too large"}}) is SHORT


# -- logins ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "app_session_terminated",
        "wrong_api_key",
        "API_KEY_INVALID",
        "invalid_api_key",
        "invalid_grant",
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_reused",
        "token_invalidated",
        "token_revoked",
    ],
)
def test_a_dead_code_rejects_the_login_with_401_and_403_alone(code: str) -> None:
    body = {"error": {"code": code, "message": "No."}}

    found = {status: meaning(status, body) for status in (401, 403, 400, 404, 500, None)}

    assert found == {
        401: DEAD, 403: DEAD, 400: NOT_OURS, 404: NOT_OURS, 500: OVERLOAD, None: NOT_OURS
    }  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        "Incorrect API key provided: KEY-CANA****RY-A.",
        "invalid x-api-key",
        "API key not valid. Please pass a valid API key.",
        "Authentication Fails, Your api key: ****RY-A is invalid",
        "Your authentication token has been invalidated. Please try signing in again.",
        "OAuth token has been revoked. Please obtain a new token.",
    ],
)
def test_a_standard_message_rejects_the_login_and_is_not_quoted(message: str) -> None:
    finding = classify(failure(401, {"error": {"message": message}}), NOW)

    assert finding == Finding(DEAD, "401, login no longer accepted")
    assert meaning(None, {"error": {"message": message}}) is NOT_OURS


@pytest.mark.parametrize(
    "error",
    [
        {"code": "account_deactivated"},
        {"code": "organization_restricted"},
        {"code": "CONSUMER_SUSPENDED"},
        {"code": "api_key_disabled"},
        {"message": "Your OpenAI account has been deactivated, please check your email"},
        {"message": "The OpenAI account associated with this API key has been deactivated."},
        {"message": "This organization has been disabled."},
        {"message": "Your project has been denied access. Please contact support."},
        {"message": "账户已被封禁，请联系客服"},
    ],
)
def test_who_is_shut_out_is_dead_whatever_the_status(error: dict[str, object]) -> None:
    found = {status: meaning(status, {"error": error}) for status in (400, 401, 403, None, 404)}

    assert found == {400: DEAD, 401: DEAD, 403: DEAD, None: DEAD, 404: NOT_OURS}


@pytest.mark.parametrize(
    "message",
    [
        "Your account has been temporarily suspended",
        "Your account has been blocked for 5 minutes",
        "This account is restricted from using the model",
        "Your access token has been revoked",
    ],
)
def test_who_is_shut_out_for_a_while_or_from_something_is_not_dead(message: str) -> None:
    assert meaning(403, {"error": {"message": message}}) is NOT_OURS


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Unauthorized"},
        {"message": "Invalid API key or insufficient permissions"},
        {"message": "We found: incorrect api key provided"},
        {"message": "Is your token revoked, invalid or expired?"},
        {"message": "Authentication Fails (no such user)"},
        {"code": "token_expired", "message": "Your authentication token has expired."},
        {"code": "invalid_token"},
        {"type": "authentication_error"},
        {"type": "permission_error"},
        {"type": "invalid_api_key_format"},
        {"message": "invalid_api_key"},
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_loose_word_rejects_no_login(status: int, error: dict[str, object]) -> None:
    assert meaning(status, {"error": error}) is NOT_OURS


# -- history of another account ----------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        {"code": "invalid_encrypted_content"},
        {"message": "The encrypted content gAAA...DQ== could not be verified."},
        {"message": "Reason: Encrypted content could not be decrypted or parsed."},
        {"message": "The encrypted content for item rs_1\ncould not be parsed"},
        {"message": "Input item ID does not belong to this connection"},
    ],
)
def test_a_refused_history_blames_no_account(error: dict[str, object]) -> None:
    body = {"error": {"type": "invalid_request_error", "param": "input", **error}}

    found = {status: meaning(status, body) for status in (400, 401, 403, 422, None, 404, 500)}

    assert found == {
        400: FOREIGN, 401: FOREIGN, 403: FOREIGN, 422: FOREIGN, None: FOREIGN,
        404: NOT_OURS, 500: OVERLOAD,
    }  # fmt: skip


def test_encrypted_content_of_another_kind_is_no_refused_history() -> None:
    assert meaning(400, "encrypted content is not supported") is NOT_OURS
    assert meaning(400, "encrypted content" + "x" * 400 + "could not be verified") is NOT_OURS


# -- without a status: opencode's log, and errors inside a stream ------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AI_APICallError: Rate limit reached", SHORT),
        ("AI_APICallError: Rate limit is exceeded. Try again in 30 seconds.", SHORT),
        ("AI_APICallError: Too Many Requests", SHORT),
        ("AI_APICallError: This request would exceed your account's rate limit.", SHORT),
        ("AI_APICallError: Sorry, you've hit a rate limit that restricts", SHORT),
        ("AI_APICallError: m1 is temporarily rate-limited", SHORT),
        ("AI_APICallError: Rate limit exceeded: free-models-per-day", EXHAUSTED),
        ("AI_APICallError: Weekly usage limit reached. Resets in 19hr", EXHAUSTED),
        ("AI_APICallError: Payment Required", BILLING),
        ("AI_APICallError: Insufficient Balance", BILLING),
        ("AI_APICallError: Overloaded", OVERLOAD),
        ("AI_APICallError: Selected model is at capacity. Please try a different one", OVERLOAD),
        ("AI_APICallError: Service Unavailable", OVERLOAD),
        ("AI_APICallError: Bad Gateway", OVERLOAD),
        ("AI_APICallError: Gateway Timeout", OVERLOAD),
        ("AI_APICallError: Error from provider (Console Go): Rate limit exceeded", OVERLOAD),
        ("AI_APICallError: Unauthorized", NOT_OURS),
        ("AI_APICallError: Forbidden", NOT_OURS),
        ("AI_APICallError: Not Found", NOT_OURS),
        ("AI_APICallError: prompt is too long: 200001 tokens > 200000 maximum", NOT_OURS),
        ("AI_APICallError: Cannot connect to API: Unable to connect", NOT_OURS),
        ("Error: Unable to connect. Is the computer able to access the url?", NOT_OURS),
        ("TimeoutError: The operation timed out", NOT_OURS),
        ("AbortError: The operation was aborted", NOT_OURS),
        ("TypeError: undefined is not an object (evaluating 'a.rate limit reached')", NOT_OURS),
        ("", NOT_OURS),
    ],
)
def test_a_line_of_the_log_means_only_what_it_plainly_says(text: str, expected: Meaning) -> None:
    assert meaning(None, error=text) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (402, BILLING),
        (429, SHORT),
        (500, OVERLOAD),
        (502, OVERLOAD),
        (501, NOT_OURS),
        (400, NOT_OURS),
        (401, NOT_OURS),
    ],
)
def test_an_error_in_a_stream_may_state_its_status(code: int, expected: Meaning) -> None:
    assert meaning(None, {"error": {"code": code, "message": "No."}}) is expected


def test_a_message_given_by_hand_counts_as_the_answers_own() -> None:
    assert (
        meaning(403, error="You've reached your usage limit for this billing cycle.") is EXHAUSTED
    )


# -- the finding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        pytest.param(
            failure(429, headers={"retry-after": "3600"}),
            "429, rate limited, retry after 1 h",
            id="429",
        ),
        pytest.param(
            failure(429, {"error": {"type": "usage_limit_reached", "resets_in_seconds": 13_872}}),
            "429, usage limit reached (usage_limit_reached), retry after 3 h 51 min",
            id="usage limit",
        ),
        pytest.param(failure(402), "402, credit or billing problem", id="402"),
        pytest.param(failure(529), "529, trouble at the provider", id="529"),
        pytest.param(failure(404), "404, not about the account", id="404"),
        pytest.param(
            failure(401, {"error": {"code": "token_revoked"}}),
            "401, login no longer accepted (token_revoked)",
            id="dead login",
        ),
        pytest.param(
            failure(400, {"error": {"code": "invalid_encrypted_content"}}),
            "400, history of another account",
            id="history",
        ),
        pytest.param(
            failure(None, error="AI_APICallError: The usage limit has been reached"),
            "usage limit reached",
            id="log",
        ),
        pytest.param(
            failure(403, {"error": {"code": "quota_exceeded_for_KEY-CANARY-A-0123456789"}}),
            "403, usage limit reached",
            id="a code that could hold a key",
        ),
        pytest.param(
            failure(403, {"error": {"code": "quota_exceeded" + "_x" * 20}}),
            "403, usage limit reached",
            id="a long code",
        ),
    ],
)
def test_the_reason_is_a_short_phrase_of_our_own(signal: Signal, reason: str) -> None:
    assert classify(signal, NOW).reason == reason


@pytest.mark.parametrize(
    ("seconds", "span"),
    [
        ("0.2", "1 s"),
        ("59", "59 s"),
        ("60", "1 min"),
        ("61.5", "1 min 2 s"),
        ("3599.5", "1 h"),
        ("3605", "1 h"),
        ("7260", "2 h 1 min"),
        ("90061", "1 d 1 h"),
        ("31622400", "366 d"),
    ],
)
def test_a_wait_is_told_in_its_two_largest_units(seconds: str, span: str) -> None:
    finding = classify(failure(429, headers={"retry-after": seconds}), NOW)

    assert finding.reason == f"429, rate limited, retry after {span}"


@pytest.mark.parametrize(
    ("status", "timed"), [(429, True), (402, True), (503, True), (404, False), (401, False)]
)
def test_only_what_passes_by_itself_has_a_time(status: int, timed: bool) -> None:  # noqa: FBT001  # a table's column
    finding = classify(failure(status, headers={"retry-after": "60"}), NOW)

    assert (finding.until is not None) is timed


def test_the_time_of_a_used_up_window_is_the_latest_that_the_answer_states() -> None:
    body = {"error": {"type": "usage_limit_reached", "resets_in_seconds": 7_200}}

    finding = classify(failure(429, body, headers={"retry-after": "60"}), NOW)

    assert finding.until == NOW + timedelta(hours=2)


# -- for any signal ----------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "usage limit reached", "usage_limit_reached", "insufficient_quota", "rate limit exceeded",
        "invalid_api_key", "invalid_encrypted_content", "overloaded", "Try again in 5s", "per day",
        "429", "503", "upstream_error", "\x1b[31m\u202e", "KEY-CANARY-A", "\ud800", "",
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "error", "errors", "detail", "details", "code", "type", "message", "metadata", "raw",
        "status", "resets_at", "retry_after", "retryDelay", "provider_name", "headers", "input",
    ]
)  # fmt: skip
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
BODIES = VALUES.map(json.dumps) | VALUES.map(str) | st.text(max_size=300)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "retry-after-ms", "date", "x-ratelimit-remaining", "x-ratelimit-reset"]
    )
    | st.text(max_size=10),
    st.from_regex(r"-?\d{1,15}(\.\d+)?[smh]?") | st.datetimes().map(str) | st.text(max_size=40),
    max_size=5,
)
STATUSES = st.none() | st.sampled_from([400, 401, 402, 403, 422, 429, 503]) | st.integers(-1, 700)
SIGNALS = st.builds(
    failure,
    STATUSES,
    st.builds(lambda body, cut: body[:cut], BODIES, st.integers(0, 400)) | BODIES,
    headers=HEADERS,
    error=st.none() | WORDS | st.text(max_size=100),
    at=st.integers(-(10**9), 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


@given(SIGNALS)
@example(failure(429, '{"error":{"retry_after":1e999}}'))
@example(failure(429, "[" * 50_000))
def test_any_signal_has_a_finding_that_can_be_shown(signal: Signal) -> None:
    finding = classify(signal, NOW)

    assert 0 < len(finding.reason) <= 300
    assert not {unicodedata.category(c) for c in finding.reason} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "CANARY" not in finding.reason.upper()


@given(SIGNALS)
def test_any_time_is_ahead_and_in_utc(signal: Signal) -> None:
    finding = classify(signal, NOW)

    if finding.until is not None:
        assert finding.meaning in {SHORT, EXHAUSTED, BILLING, OVERLOAD}
        assert finding.until >= NOW + timedelta(seconds=1)
        assert finding.until.utcoffset() == timedelta(0)


# None of these words is evidence, wherever they stand.
NEUTRAL = st.sampled_from(
    [
        "not_found",
        "Invalid request",
        "bad",
        "error",
        "unauthorized",
        "forbidden",
        "Limit your words",
    ]
)
NEUTRAL_VALUES = st.recursive(
    NEUTRAL | st.none() | st.booleans() | st.integers(0, 99),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


@given(st.sampled_from([200, 400, 401, 403, 404, 408, 413, 422, 499, None]), NEUTRAL_VALUES)
def test_without_evidence_no_account_is_limited_or_rejected(
    status: int | None, body: object
) -> None:
    signal = failure(status, body, headers={"retry-after": "60"})

    assert classify(signal, NOW).meaning in {NOT_OURS, OVERLOAD} - ({OVERLOAD} if status else set())


@given(st.integers(404, 428) | st.integers(430, 499) | st.integers(-9, 399), BODIES)
def test_a_status_that_never_speaks_of_limits_limits_nobody(status: int, body: str) -> None:
    assert meaning(status, body) in {NOT_OURS, FOREIGN}


@given(BODIES, HEADERS)
def test_a_429_is_a_limit_trouble_of_the_provider_or_too_large_a_request(
    body: str, headers: dict[str, str]
) -> None:
    assert meaning(429, body, headers=headers) in LIMITS | {OVERLOAD, NOT_OURS}


def test_a_wait_counts_from_the_answer_and_ends_a_second_from_now_at_the_soonest() -> None:
    signal = failure(429, headers={"retry-after": "5"}, at=NOW - timedelta(seconds=10))

    assert classify(signal, NOW).until == NOW + timedelta(seconds=1)


def test_the_shortest_name_of_a_model_that_is_no_word_of_a_sentence_has_four_letters() -> None:
    signal = failure(429, {"error": {"message": "Rate limit reached for grok"}})

    assert scope_of(replace(signal, model="grok"), SHORT) == Scope("grok")


def test_one_of_several_messages_may_name_the_model() -> None:
    error = {"message": "Too many requests", "detail": LIMIT}
    signal = replace(failure(429, {"error": error}), model="gpt-5-mini")

    assert scope_of(signal, SHORT) == Scope("gpt-5-mini")
