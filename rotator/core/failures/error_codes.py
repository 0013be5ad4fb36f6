"""The codes and phrases by which providers say what is wrong; each from a documented answer.

Codes are compared in snake case and may match anywhere in the word; phrases count only at the
head of a message and outside quotes, because an answer may echo what the user wrote. The
answers that taught them are in fixtures/generic.
"""

from __future__ import annotations

import re

from rotator.core.failures.error_response import ErrorResponse
from rotator.model import Meaning

# An echo of the user's text comes later than this, or in quotes.
_HEAD = 200
_LONGEST_QUOTE = 600
_MOST_MESSAGES = 8
_QUOTED = re.compile(r"""(?<!\w)'[^']*(?:'(?!\w)|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|[“«][^”»]*""")

Rule = tuple[Meaning, re.Pattern[str]]
# A meaning and the code that told it, empty where it was not a code.
Evidence = tuple[Meaning, str]


def _rule(meaning: Meaning, *patterns: str) -> Rule:
    return meaning, re.compile("|".join(patterns), re.IGNORECASE)


# An expired access token (`token_expired`, `invalid_token`) is missing on purpose: opencode
# refreshes it by itself.
_DEAD_CODES = {
    "account_deactivated",
    "api_key_invalid",
    "invalid_api_key",
    "invalid_grant",
    "refresh_token_expired",
    "refresh_token_invalidated",
    "refresh_token_reused",
    "token_invalidated",
    "token_revoked",
}
_DEAD_MESSAGES = re.compile(
    r"incorrect api key provided|invalid x-api-key|api key not valid\. please pass a valid"
    r"|authentication fails, your api key: \S{1,40} is invalid"
    r"|your authentication token has been invalidated|oauth token has been revoked"
    r"|your openai account has been deactivated"
    r"|the openai account associated with this api key has been deactivated",
    re.IGNORECASE,
)
_FOREIGN_CODE = "invalid_encrypted_content"
_FOREIGN_MESSAGES = re.compile(
    r"encrypted content.{0,300}could not be (?:verified|decrypted|parsed)"
    r"|input item id does not belong to this connection",
    re.IGNORECASE | re.DOTALL,
)
_UPSTREAM_CODES = re.compile(r"^upstream|^provider_rate_limit")
_UPSTREAM_MESSAGES = re.compile(
    r"error from provider\b|provider returned error|upstream request failed", re.IGNORECASE
)
_REQUEST_CODES = re.compile(
    r"context_length|content_policy|content_filter|moderation|_not_found"
    r"|^invalid_(?:value|type|prompt|image)|^unsupported|^missing"
    r"|too_large|too_long|weight_exceeds_budget"
)
_TOO_LARGE_MESSAGES = re.compile(r"request too large\b", re.IGNORECASE)

_BILLING_CODES = _rule(
    Meaning.BILLING,
    r"billing|payment|credit|spend(?:ing)?_limit|organization_usage_limit|usage_not_included",
    r"insufficient_(?:\w+_)?(?:quota|funds|balance)|exceeded_current_quota",
)
_EXHAUSTED_CODES = _rule(
    Meaning.EXHAUSTED,
    r"usage_(?:limit|exhausted)|quota_(?:exceeded|exhausted)|user_limit_error",
    r"(?:daily|weekly|monthly)_\w*(?:limit|count)|^openrouter_(?:key_limit|\w+_budget)$",
)
_IN_FLIGHT_CODES = _rule(Meaning.SHORT_LIMIT, r"in_flight")
_OVERLOAD_CODES = _rule(Meaning.OVERLOAD, r"overload|capacity|queue_exceeded|unavailable")
_SHORT_CODES = _rule(
    Meaning.SHORT_LIMIT, r"rate_limit|too_many_requests|throttl|resource_exhausted"
)
QUOTA_CODES = (_BILLING_CODES, _EXHAUSTED_CODES)
PAYMENT_CODES = (_IN_FLIGHT_CODES, *QUOTA_CODES)
LIMIT_CODES = (*PAYMENT_CODES, _OVERLOAD_CODES)
STREAM_CODES = (*LIMIT_CODES, _SHORT_CODES)

_BILLING_MESSAGES = _rule(
    Meaning.BILLING,
    r"\bcredit balance is too low|\binsufficient (?:account )?(?:balance|credits?|funds|quota)",
    r"\bout of credits|\bused all available credits|\bhave any credits|\brequires more credits",
    r"\bincluded credits\b|\bspending limit|\bbilling hard limit|\bno payment method",
    r"\bpayment required",
)
_EXHAUSTED_MESSAGES = _rule(
    Meaning.EXHAUSTED,
    r"\b(?:usage|session|daily|weekly|monthly|\d+[- ]hour) limits?"
    r" (?:has been |is )?(?:reached|exceeded|exhausted)",
    r"\b(?:reached|hit|exceeded) (?:your|the) (?:(?!rate\b)[\w()/-]+ ){0,4}"
    r"(?:usage limits?|(?:session|daily|weekly|monthly) (?:[\w()/-]+ ){0,2}limits?|quota)\b",
    r"\bquota (?:has been |is )?(?:exceeded|exhausted)|\byou have no quota|\bquota will reset",
    r"\bfree usage exceeded|\bused all the included free usage",
)
_OVERLOAD_MESSAGES = _rule(
    Meaning.OVERLOAD,
    r"\boverloaded\b|\bno capacity\b|\bat capacity\b|\bcapacity exceeded",
    r"\bexperiencing high (?:demand|traffic)",
)
_SHORT_MESSAGES = _rule(
    Meaning.SHORT_LIMIT,
    r"\brate limit (?:is )?(?:reached|exceeded)|\bhit a rate limit|\brate-limited\b",
    r"\bexceed(?:ed)? (?:\S{1,20} ){0,3}rate limit|\btoo many requests\b",
)
_SERVER_MESSAGES = _rule(
    Meaning.OVERLOAD,
    r"^(?:internal server error|bad gateway|service unavailable|gateway time-?out)\b",
)
QUOTA_MESSAGES = (_BILLING_MESSAGES, _EXHAUSTED_MESSAGES)
LIMIT_MESSAGES = (*QUOTA_MESSAGES, _OVERLOAD_MESSAGES)
STREAM_MESSAGES = (*LIMIT_MESSAGES, _SHORT_MESSAGES, _SERVER_MESSAGES)

_LONG_CODES = re.compile(r"per_day|daily|weekly|monthly")
_BRIEF_CODES = re.compile(r"per_(?:minute|second)")
_BRIEF_MESSAGES = re.compile(r"\bper[- ](?:min|minute|second)\b", re.IGNORECASE)
_LONG_MESSAGES = re.compile(
    r"\bper[- ](?:day|week|month)\b|\b(?:daily|weekly|monthly) (?:[\w()/-]+ ){0,2}limit",
    re.IGNORECASE,
)


def by_codes(rules: tuple[Rule, ...], answer: ErrorResponse) -> Evidence | None:
    """Return what the answer's codes say by the first rule that one of them meets."""
    evidence = ((meaning, c) for meaning, rule in rules for c in answer.codes if rule.search(c))
    return next(evidence, None)


def by_messages(rules: tuple[Rule, ...], answer: ErrorResponse) -> Evidence | None:
    """Return what the answer's messages say by the first rule that one of them meets."""
    heads = _heads(answer)
    evidence = ((meaning, "") for meaning, rule in rules for h in heads if rule.search(h))
    return next(evidence, None)


def by_window(evidence: Evidence, answer: ErrorResponse) -> Evidence:
    """Return `evidence` with its meaning set right by the length of the window that is named.

    A limit of minutes is short and one of days is a used-up window, whatever it is called:
    Cerebras says `request_quota_exceeded` of requests per minute.
    """
    meaning, code = evidence
    if meaning not in {Meaning.SHORT_LIMIT, Meaning.EXHAUSTED}:
        return evidence
    heads = _heads(answer)
    if any(map(_LONG_CODES.search, answer.codes)):
        return Meaning.EXHAUSTED, code
    if any(map(_BRIEF_CODES.search, answer.codes)) or any(map(_BRIEF_MESSAGES.search, heads)):
        return Meaning.SHORT_LIMIT, code
    if any(map(_LONG_MESSAGES.search, heads)):
        return Meaning.EXHAUSTED, code
    return evidence


def dead_login(answer: ErrorResponse) -> Evidence | None:
    """Return the evidence that the credential is dead for good, or None.

    A code says it, or one of the standard messages from its first word; never a loose word.
    """
    code = next((code for code in answer.codes if code in _DEAD_CODES), None)
    if code is not None:
        return Meaning.LOGIN_DEAD, code
    told = any(map(_DEAD_MESSAGES.match, answer.messages))
    return (Meaning.LOGIN_DEAD, "") if told else None


def is_foreign_history(answer: ErrorResponse) -> bool:
    """Return whether the answer refuses what another account left in the conversation."""
    return _FOREIGN_CODE in answer.codes or any(map(_FOREIGN_MESSAGES.search, answer.messages))


def is_upstream(answer: ErrorResponse) -> bool:
    """Return whether the provider only passes on trouble of the one behind it."""
    return (
        any(entry.get("provider_name") or entry.get("provider_code") for entry in answer.objects)
        or any(map(_UPSTREAM_CODES.search, answer.codes))
        or any(map(_UPSTREAM_MESSAGES.match, answer.messages))
    )


def is_about_the_request(answer: ErrorResponse) -> bool:
    """Return whether a code says that the request itself is refused, whoever sends it."""
    return any(map(_REQUEST_CODES.search, answer.codes))


def is_too_large(answer: ErrorResponse) -> bool:
    """Return whether the request alone is larger than the limit, so that nobody is used up."""
    return any(map(_TOO_LARGE_MESSAGES.match, answer.messages))


def names_a_parameter(answer: ErrorResponse) -> bool:
    """Return whether the answer points at a part of the request, as validation does."""
    return any(entry.get("param") or entry.get("loc") for entry in answer.objects)


def _heads(answer: ErrorResponse) -> list[str]:
    plain = (m[:_LONGEST_QUOTE].replace("\u2019", "'") for m in answer.messages[:_MOST_MESSAGES])
    return [_QUOTED.sub("", message)[:_HEAD] for message in plain]
