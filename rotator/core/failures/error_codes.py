"""The codes and phrases by which providers say what is wrong; each from a documented answer.

Codes are compared in snake case and may match anywhere in the word; phrases count only at the
head of a message and outside quotes, because an answer may echo what the user wrote. The
answers that taught them are in fixtures/generic.
"""

from __future__ import annotations

import re
from dataclasses import replace

from rotator.core.failures import chinese
from rotator.core.failures.error_response import ErrorResponse
from rotator.model import Meaning

# An echo of the user's text comes later than this, or in quotes.
_HEAD = 200
_LONGEST_QUOTE = 600
_MOST_MESSAGES = 8
# Google's names for a quota stand in quotes: `metric 'Requests' and limit 'Requests per minute'`.
_QUOTED = re.compile(
    r"(?<!\w)(?<!quota metric )(?<!and limit )'[^']*(?:'(?!\w)|$)"
    r"""|"[^"]*(?:"|$)|`[^`]*(?:`|$)|[“«][^”»]*"""
)

Rule = tuple[Meaning, re.Pattern[str]]
# A meaning and the code that told it, empty where it was not a code.
Evidence = tuple[Meaning, str]


def _rule(meaning: Meaning, *patterns: str) -> Rule:
    return meaning, re.compile("|".join(patterns), re.IGNORECASE)


def _says(pattern: re.Pattern[str], head: str) -> bool:
    """Tell whether a message says it; what is looked for in Chinese is in no plain ASCII."""
    if head.isascii() and not pattern.pattern.isascii():
        return False
    return pattern.search(head) is not None


def _any_says(heads: list[str], patterns: tuple[re.Pattern[str], ...]) -> bool:
    return any(_says(pattern, head) for pattern in patterns for head in heads)


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
# A request may be too long by them, and a window may be full; a word of time says which.
_LENGTH_CODES = re.compile(
    r"^image_limit|^tool_|^(?:(?:input|output|prompt|context|completion|request|max)_)*tokens?_limit"
)
_OF_A_TIME = re.compile(
    r"\b(?:daily|weekly|monthly|hourly|minute|hour|day|week|month|today|resets?)\b", re.IGNORECASE
)
# What is not there is the account's: `payment_method_not_found`, `token_not_found_in_db`.
_ACCOUNT_CODES = re.compile(
    r"payment|subscription|wallet|billing|credit|balance|(?:^|_)(?:key|token)_not_found"
)
_THINGS = (
    r"(?:tools?|functions?|attachments?|images?|pictures?|videos?|files?|documents?|pages"
    r"|stop sequences|parameters|properties|messages per (?:request|conversation))"
)
_TOO_LARGE_MESSAGES = re.compile(
    r"(?:^|\b(?:your|this|the) )request (?:is |was )?too (?:large|long|big)\b"
    r"|\b(?:prompt|input|context|conversation) (?:is |was )?too (?:long|large|big)\b"
    r"|\blong[- ]context (?:requests?|beta|usage)\b"
    r"|\b(?:maximum|max) (?:context|prompt|input|request) (?:length|window|size)\b"
    r"|\b(?:prompt|input|context|request) (?:length|size)\b[^.;]{0,40} exceed(?:s|ed)\b"
    # `Prompt tokens limit exceeded: 45000 > 33000`.
    r"|\b(?:prompt|input|context)\b(?:(?!\brate\b)[^.;>]){0,60}\d (?:tokens )?> ?\d++"
    r"(?! (?:tokens )?per\b)"
    r"|\bcontext (?:length|window)(?: limit)? (?:is |was )?exceeded\b"
    r"|\bexceeds? (?:the |your |this )?(?:[\w'-]+ ){0,3}context (?:length|window|limit|size)\b"
    r"|\bexceeds? (?:the |your )?(?:maximum|max) (?:number of )?(?:input )?tokens\b"
    r"|\bexceeds? (?:the |your )?(?:[\w'-]+ ){0,2}per[- ]request\b"
    # Of one request or of what is kept: `your limit of 128 tools`.
    rf"|\b(?:limit|quota|maximum) (?:of|on) (?:the number of )?(?:\d++ )?{_THINGS}\b"
    rf"|\b(?:reached|hit|exceeded) (?:[\w'-]+ ){{0,4}}\d++ {_THINGS}"
    r" (?:per|in an?|in one|for one)\b"
    r"|\b(?:storage|disk|file) (?:quota|space) (?:is |was |has been )?(?:exceeded|full|reached)\b",
    re.IGNORECASE,
)
_TOO_LARGE = (_TOO_LARGE_MESSAGES, re.compile(chinese.TOO_LONG, re.IGNORECASE))

_BILLING_CODES = _rule(
    Meaning.BILLING,
    r"billing|payment|credit|spend(?:ing)?_limit|organization_usage_limit|usage_not_included",
    r"insufficient_(?:\w+_)?(?:quota|funds|balance)|exceeded_current_quota",
    r"budget_exceeded|exceeded_(?:\w+_)?budget",
    r"arrear|overdue|(?:subscription|plan|membership|package)_(?:is_)?(?:expired|inactive|cancel)",
    r"customer_verification_required|balance_(?:insufficient|exhausted|depleted|not_enough)",
)
_EXHAUSTED_CODES = _rule(
    Meaning.EXHAUSTED,
    r"usage_(?:limit|exhausted)|quota_(?:exceeded|exhausted|reached)|user_limit_error|exhausted_quota",
    r"plan_limit_(?:reached|exceeded)|token_limit_reached|set_limit_exceeded",
    r"(?:daily|weekly|monthly)_\w*(?:limit|count)|^openrouter_(?:key_limit|\w+_budget)$",
)
_IN_FLIGHT_CODES = _rule(Meaning.SHORT_LIMIT, r"in_flight")
_OVERLOAD_CODES = _rule(Meaning.OVERLOAD, r"overload|capacity|queue_exceeded|unavailable")
_SHORT_CODES = _rule(
    Meaning.SHORT_LIMIT, r"rate_limit|too_many_requests|throttl|resource_exhausted"
)
_SERVER_CODES = _rule(
    Meaning.OVERLOAD,
    r"^(?:internal_)?server_error$|^internal_error$|^api_error$|^bad_gateway$|gateway_timeout"
    r"|^timeout(?:_error)?$|^upstream_error$|^engine_error$",
)
QUOTA_CODES = (_BILLING_CODES, _EXHAUSTED_CODES)
PAYMENT_CODES = (_IN_FLIGHT_CODES, *QUOTA_CODES)
LIMIT_CODES = (*PAYMENT_CODES, _OVERLOAD_CODES)
RATE_CODES = (*LIMIT_CODES, _SHORT_CODES)
STREAM_CODES = (*RATE_CODES, _SERVER_CODES)

_BILLING_MESSAGES = _rule(
    Meaning.BILLING,
    r"\bcredit balance is too low|\binsufficient (?:\w+ )?(?:balance|credits?|funds|quota)",
    r"(?:\bnot|n't) have enough (?:credits?|funds)\b",
    r"\bcredits? (?:have |has )?(?:exhausted|run out)\b",
    r"\bbalance (?:is )?too low\b|\bpayment method (?:is )?required\b|\bcard (?:was|is) declined\b",
    r"\bpayment (?:has |is |was )?(?:failed|overdue|declined)\b|\bsubscription (?:is )?required\b",
    r"\bneed an? (?:active |valid |paid )?(?:subscription|membership)\b|\bplease subscribe\b",
    r"\bbilling is (?:disabled|not enabled)\b|\bexceeded (?:your|its|the) (?:\w+ )?budget\b",
    r"^(?:your |the )?budget (?:limit )?(?:is |was |has been )?(?:exceeded|reached)\b",
    r"\binvoices? (?:is|are) overdue|^hard limit (?:is )?reached",
    r"\bupdate your (?:billing|payment) (?:information|details|method)\b",
    r"\b(?:reached|hit|exceeded) (?:its|your|the) credit limit\b",
    r"\bcredit limit (?:is |was |has been )?(?:exceeded|reached)\b",
    r"\b(?:does not|doesn't|do not|don't) have sufficient (?:credits?|balance|funds)\b",
    r"\bout of (?:credits|funds|balance|extra usage)\b|\bused all available credits",
    r"\bused up (?:all )?(?:of )?your (?:[\w-]+ ){0,2}credits\b",
    r"\bhave any credits|\brequires more credits",
    r"\bincluded credits\b|\bspend(?:ing)? (?:limit|cap)|\bbilling hard limit|\bno payment method",
    r"\bbilling (?:to be|must be|(?:is |has |was )?not(?: been)?) (?:enabled|active|set up)",
    r"(?:^|[.:] )(?:your |this |the |user )?account is (?:not active|inactive)\b",
    r"\b(?:no|0|zero) (?:\w+ )?(?:credits?|balance|funds) (?:remaining|left|available)\b",
    r"\bpayment required|\bcredit card (?:is )?(?:on file|required)|\binsufficient_quota\b",
    r"\b(?:credits?|balance|funds) (?:is|are|has been|have been) (?:\w+ )?"
    r"(?:depleted|exhausted|insufficient|used up|too low|negative|not enough|gone|spent)\b",
    r"\b(?:not enough|run out of|ran out of|no remaining|no more) (?:\w+ )?"
    r"(?:credits?|balance|funds)\b",
    r"\b(?:subscription|membership|trial"
    r"|(?:coding|code|token|pro|plus|max|team|paid|your|this) plan)\b"
    r"[^.,]{0,20} (?:has |is |was )?"
    r"(?:expired|ended|over(?! )|inactive|not active|cancell?ed|lapsed)\b",
    r"\bno (?:active|valid) (?:[\w-]+ ){0,3}(?:subscription|membership|plan|licen[cs]e)\b",
    r"\bunpaid\b|\bfailure to pay|\bpast[- ]due\b|\bbudget has been exceeded",
    r"\b(?:daily|weekly|monthly|usage|team|project|key|user|organi[sz]ation)(?:'s)? budget "
    r"(?:is |was )?(?:exceeded|reached|exhausted|spent|used up)\b",
    # LiteLLM: `ExceededTokenBudget: …`.
    r"\bexceeded ?(?:user|team|token|key|model|end ?user|org\w*)? ?budget\b|\bover budget\b",
    r"\bcrossed (?:the |your |its )?(?:budget|spend)\b",
    r"\bnot (?:currently )?subscribed to (?:a|an|any)\b",
    r"\b(?:do not|don't) have (?:a|an|any) (?:[\w-]+ ){0,3}(?:subscription|membership|plan)\b"
    r"(?! (?:that|which|for|with)\b)",
    r"\bin arrears\b|\boverdue (?:payment|bill|balance|invoice)|\baccount (?:is )?overdue\b",
    r"\b(?:top[- ]?up|recharge) your (?:account|balance)|\bfree tier\b[^.]{0,40} exhausted",
)
# What to do may be said of a used-up window as well, so it counts last.
_BILLING_ADVICE = _rule(
    Meaning.BILLING,
    r"(?:^|\b(?:need to|have to|must|please) )(?:add|buy|purchase|enter|provide) (?:more |some )?"
    r"(?:credits?|funds|a (?:valid )?payment method|a credit card)\b",
)
_BILLING_IN_CHINESE = _rule(Meaning.BILLING, chinese.BILLING)
_WINDOW = r"(?:usage|session|daily|weekly|monthly|\d{1,3}[- ]?(?:h|hrs?|hours?|d|days?))"
_PART = r"(?:limits?|caps?|quota|allowance|windows?)"
_EXHAUSTED_MESSAGES = _rule(
    Meaning.EXHAUSTED,
    rf"\b{_WINDOW} (?:(?!rate\b|context\b)[\w-]+ ){{0,2}}{_PART}(?: for [^.]{{0,40}})?"
    r" (?:has been |have been |is |was )?(?:reached|exceeded|exhausted|hit|used up|full|spent)\b",
    r"\b(?:reached|hit|exceeded|exhausted|used up) (?:your|the) (?:(?!rate\b)[\w()'/-]+ ){0,4}"
    rf"(?:{_WINDOW} (?:[\w()/-]+ ){{0,2}}{_PART}|usage limits?|quota)\b",
    r"\b(?:reached|hit|exceeded) your plan(?:'s)? (?:usage )?limit\b",
    r"\b(?:plan|premium request) limit (?:is |has been )?(?:reached|exceeded|hit)\b",
    r"\btoken allowance (?:is )?exhausted\b",
    r"\bno (?:more )?(?:requests|messages) (?:remaining|left) (?:this|today)\b",
    r"\bout of (?:requests|messages|prompts)\b|\bfair[- ]use (?:\w+ )?limit (?:reached|exceeded)\b",
    r"\b(?:used|consumed|spent|exhausted) all (?:of )?(?:your |the )?"
    r"(?:(?:daily|weekly|monthly) (?:requests|messages|tokens|prompts)"
    r"|(?:\w+ )?(?:requests|messages|tokens|prompts) (?:for|of|in|this|today))\b",
    r"\ball (?:of )?(?:the )?(?:tokens|requests|messages) of your (?:plan|subscription)"
    r" (?:are|have been) (?:used|spent|consumed)\b",
    r"\bmax(?:imum)? usage (?:is |has been )?(?:reached|exceeded)\b",
    r"\byour (?:\w+ )?(?:allowance|allocation) (?:is|has been) (?:all )?"
    r"(?:used up|exhausted|spent|gone|depleted)\b",
    r"\b(?:exhausted|used up) your (?:(?:daily|weekly|monthly) (?:requests|tokens|messages|credits)"
    r"|(?:\w+ )?(?:requests|tokens|messages|prompts) for (?:today|this))\b",
    r"\b(?:reached|hit) your limit\b(?![^.]{0,30} per (?:request|prompt|message|call)\b)",
    r"\blimit(?: reached| hit)? ?[\u00b7\u2219\u2022|] ?resets\b",
    r"\bhit your (?:(?!rate\b|requests?\b|tokens?\b|concurrency\b)[\w.-]+ ){1,2}limit\b",
    r"\b(?:tokens|requests) per (?:day|week|month) limit (?:is |was )?(?:exceeded|reached)",
    r"\btoo many (?:tokens|requests) per (?:day|week|month)\b|\bmax(?:imum)? [rt]pd\b",
    r"\bout of (?:[\w-]+ ){0,2}quota\b",
    r"\b(?:quota|usage) (?:of|for|in) (?:[\w-]+ ){1,3}(?:has been|is) (?:exhausted|used up)\b",
    r"\bquota (?:has been |is )?(?:exceeded|exhausted|used up|depleted)|\bquota will reset",
    r"\byou have no quota|\bfree usage exceeded|\bused all the included free usage",
    r"\bquota (?:limit )?(?:is )?reached",
    r"\bmodel has (?:reached|hit|exceeded) its (?:(?!rate\b)\w+ )?(?:limit|quota)\b",
    r"\bused (?:up )?(?:all )?(?:of )?your (?:[\w-]+ ){0,2}(?:quota|limit|allowance|allocation)\b",
    r"\b100 ?% of (?:your|the|its) (?:[\w()/-]+ ){0,4}"
    r"(?:limit|quota|allowance|usage|allocation|plan)\b",
    r"\b(?:limit|quota|allowance|usage|allocation)\b[^.,;]{0,20} 100 ?%",
    r"\b(?:credits|quota|requests|messages|tokens|usage|allowance|prompts)(?: for| of)?"
    r" (?:this|the|current|today)(?:'s)? ?(?:\w+ )?(?:is|are|has been|have been) (?:all )?"
    r"(?:gone|used up|exhausted|spent|depleted|finished)\b",
    r"\b(?:reached|hit|exceeded) today's (?:\w+ ){0,2}(?:quota|limit)",
    r"\b(?:exceeded|reached|hit) (?:your|the) "
    r"(?:\d+[- ](?:hour|day|week|month)|weekly|daily|monthly) (?:[\w-]+ ){0,2}(?:limits?|quota)",
)
_EXHAUSTED_IN_CHINESE = _rule(Meaning.EXHAUSTED, chinese.EXHAUSTED)
_OVERLOAD_MESSAGES = _rule(
    Meaning.OVERLOAD,
    r"\boverloaded\b|\bno (?:available )?capacity\b|\bat (?:\w+ )?capacity\b|\bcapacity exceeded",
    r"\bexperiencing high (?:demand|traffic|load)|\bno healthy upstream",
    r"\b(?:out of|insufficient|not enough) (?:capacity|compute|gpus?)\b",
    r"\b(?:gpu|compute)s?(?: resources?)? (?:is |are )?(?:exhausted|insufficient|full)\b",
    r"\b(?:server|service|system|engine|model)s? (?:is|are) (?:(?:currently|now|too|very) )*busy\b",
    r"\btraffic is (?:(?:currently|too|very) )*high\b",
)
_OVERLOAD_IN_CHINESE = _rule(Meaning.OVERLOAD, chinese.BUSY)
# Requests and tokens a minute, an hour and a day, as `RPD limit reached` has them.
_LETTERS = r" ?(?:rate )?(?:limit|quota|exceeded|reached|\))"
_SHORT_MESSAGES = _rule(
    Meaning.SHORT_LIMIT,
    r"\brate limit (?:of [\w ]{1,30} )?(?:is )?(?:reached|exceeded)",
    r"\bhit (?:an?|your|the) (?:\w+ )?rate limit",
    r"\brate[- ]limited\b|\b(?:due to|because of) rate[- ]limit",
    rf"(?<![a-z])[rt]p[mhd]{_LETTERS}",
    r"\b(?:reached|hit|exceeded|exhausted) this model's (?:\w+ )?rate limit\b",
    r"\bexceeded the limit of model|\breached your (?:[\w./-]+ ){1,2}limit\b",
    r"\bexceed(?:ed)? (?:\S{1,20} ){0,3}rate limit|\btoo many (?:\w+ )?(?:requests|connections)\b",
    r"\btoo many tokens, (?:please )?(?:wait|slow|try)\b|\bresources? (?:has been )?exhausted\b",
    r"\bmax(?:imum)? (?:\w+ )?(?:[rt]p[mhd]|concurrency)\b",
    r"\bconcurrency limit (?:is |was )?(?:exceeded|reached)\b",
    r"\b(?:tokens|requests) per (?:second|minute|hour) limit\b",
)
_SERVER_MESSAGES = _rule(
    Meaning.OVERLOAD,
    r"^(?:internal server error|bad gateway|service unavailable|gateway time-?out)\b",
    r"^\[?5\d\d\]?(?::| )|\bupstream (?:error|request|connect|server)\b[^.]{0,20}"
    r"(?:5\d\d|time-?d? ?out|fail|error|reset)",
    r"^(?:the )?(?:server|upstream|model|engine) "
    r"(?:had an error|timed out|is (?:temporarily )?unavailable)",
    r"^(?:the )?(?:service|inference|server|api) (?:is )?temporarily unavailable",
    r"^an error occurred while processing your request\. you can retry|^no available accounts\b",
    r"^(?:an )?internal (?:server )?error\b|\bupstream error\b|^request timed out by the server",
    r"^\w+ is unable to process your request\.?$",
)
BILLING_MESSAGES = (_BILLING_MESSAGES, _BILLING_IN_CHINESE)
_EXHAUSTED = (_EXHAUSTED_MESSAGES, _EXHAUSTED_IN_CHINESE)
QUOTA_MESSAGES = (*BILLING_MESSAGES, *_EXHAUSTED, _BILLING_ADVICE)
_BRIEF_IN_CHINESE = _rule(Meaning.SHORT_LIMIT, chinese.BRIEF)
LIMIT_MESSAGES = (
    *BILLING_MESSAGES, _OVERLOAD_MESSAGES, _OVERLOAD_IN_CHINESE, _BRIEF_IN_CHINESE, *_EXHAUSTED,
    _BILLING_ADVICE,
)  # fmt: skip
STREAM_MESSAGES = (*LIMIT_MESSAGES, _SHORT_MESSAGES, _SERVER_MESSAGES)

_LONG_CODES = re.compile(r"per_day|daily|weekly|monthly")
_BRIEF_CODES = re.compile(r"per_(?:minute|second)")
_BRIEF_MESSAGES = re.compile(
    rf"\bper[- ](?:min|minute|second)\b|_per_minute(?![a-z])|[a-z]ByMinute\b"
    rf"|(?<![a-z])[rt]pm{_LETTERS}",
    re.IGNORECASE,
)
_BRIEF_WINDOWS = (_BRIEF_MESSAGES, re.compile(chinese.MINUTE, re.IGNORECASE))
_LONG_MESSAGES = re.compile(
    rf"[a-z]By(?:Day|Week|Month)\b|(?<![a-z])[rt]pd{_LETTERS}|\bmax(?:imum)? [rt]pd\b"
    r"|\bper (?:86400|\d{6,7}) ?s(?:ec(?:ond)?s?)?\b"
    r"|\bper (?:[2-9]|\d{2,3}|two|five|seven) ?(?:h|hours?|hrs?|d|days?|weeks?)\b"
    r"|\b(?:credits|quota|requests|messages|tokens|usage|allowance) (?:for |of )?(?:this|the)"
    r" (?:day|week|month)\b|\btoday's (?:\w+ )?(?:credits|quota|requests|messages|tokens|usage)\b"
    r"|\b(?:daily|weekly|monthly) (?:[\w-]+ ){0,2}(?:allocation|allowance|quota|credits)\b"
    r"|\bper[- ](?:day|week|month)\b|\b(?:daily|weekly|monthly) (?:[\w()/-]+ ){0,2}limit"
    r"|\b(?:calls|requests|messages|tokens) ?(?:/|an?|each|every) ?(?:day|week|month)\b"
    r"|\b(?:\d{1,3}|one|two|five)[- ](?:hours?|days?|weeks?|months?) "
    r"(?:[\w-]+ ){0,2}(?:limit|quota)",
    re.IGNORECASE,
)
_LONG_WINDOWS = (_LONG_MESSAGES, re.compile(chinese.LONG, re.IGNORECASE))

_OF_THE_ASKER = re.compile(
    r"^(?:AI_APICallError: )?(?:(?:sorry|error|oops)[:,.!]? )?(?:you(?:'ve| have| are|'re)?\b"
    r"|(?:the |your )?(?:[\w-]+ )?usage limit\b|insufficient (?:account |user )?(?:balance|credits)"
    r"|(?:the |your )?(?:(?:account|credit) )?balance (?:is|has)\b"
    r"|(?:您的?|用户|账[户号])?(?:余额|额度))",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\bupstream|\bproviders?\b|\bback-?end\b|\bpool\b|\bchannels?\b|\bgateway\b|\bproxy\b"
    r"|\bservers?\b|\b(?:all|no|every|any|each) (?:[\w-]+ ){0,2}(?:accounts?|keys?|credentials?)\b"
    r"|上游|渠道|通道|号池|服务器|所有",
    re.IGNORECASE,
)


def by_codes(rules: tuple[Rule, ...], answer: ErrorResponse) -> Evidence | None:
    """Return what the answer's codes say by the first rule that one of them meets."""
    evidence = ((meaning, c) for meaning, rule in rules for c in answer.codes if rule.search(c))
    return next(evidence, None)


def by_messages(rules: tuple[Rule, ...], answer: ErrorResponse) -> Evidence | None:
    """Return what the answer's messages say by the first rule that one of them meets."""
    heads = heads_of(answer)
    evidence = ((meaning, "") for meaning, rule in rules for h in heads if _says(rule, h))
    return next(evidence, None)


def of_whoever_asks(answer: ErrorResponse) -> Evidence | None:
    """Return what messages say of the asker's own limit or money, not of a server's.

    A gateway speaks of the accounts behind it as well, and of what it has no room for.
    """
    heads = [h for h in heads_of(answer) if _OF_THE_ASKER.search(h) and not _OF_OTHERS.search(h)]
    return by_messages((*BILLING_MESSAGES, *_EXHAUSTED), replace(answer, messages=tuple(heads)))


def by_window(evidence: Evidence, answer: ErrorResponse) -> Evidence:
    """Return `evidence` with its meaning set right by the length of the window that is named.

    A limit of minutes is short and one of days is a used-up window, whatever it is called:
    Cerebras says `request_quota_exceeded` of requests per minute.
    """
    meaning, code = evidence
    if meaning not in {Meaning.SHORT_LIMIT, Meaning.EXHAUSTED}:
        return evidence
    heads = heads_of(answer)
    if any(map(_LONG_CODES.search, answer.codes)):
        return Meaning.EXHAUSTED, code
    if any(map(_BRIEF_CODES.search, answer.codes)) or _any_says(heads, _BRIEF_WINDOWS):
        return Meaning.SHORT_LIMIT, code
    if _any_says(heads, _LONG_WINDOWS):
        return Meaning.EXHAUSTED, code
    return evidence


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
    codes = [code for code in answer.codes if not _ACCOUNT_CODES.search(code)]
    if any(map(_REQUEST_CODES.search, codes)):
        return True
    is_of_length = any(map(_LENGTH_CODES.search, codes))
    return is_of_length and not any(map(_OF_A_TIME.search, heads_of(answer)))


def is_too_large(answer: ErrorResponse) -> bool:
    """Return whether the request alone is larger than the limit, so that nobody is used up."""
    return _any_says(heads_of(answer), _TOO_LARGE)


def names_a_parameter(answer: ErrorResponse) -> bool:
    """Return whether the answer points at a part of the request, as validation does."""
    return any(entry.get("param") or entry.get("loc") for entry in answer.objects)


def heads_of(answer: ErrorResponse) -> list[str]:
    """Return the heads of the messages, without what stands in quotes."""
    plain = (m[:_LONGEST_QUOTE].replace("\u2019", "'") for m in answer.messages[:_MOST_MESSAGES])
    return [_QUOTED.sub("", message)[:_HEAD].translate(chinese.SIMPLIFIED) for message in plain]
