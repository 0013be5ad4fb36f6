"""When an answer says that a login is dead: its key is not accepted, or its account is closed.

Pure. Whoever is shut out has to be what the sentence is about: of a model, a tool or a feature
that is disabled for an organization nobody is to blame, and another account may have it.
"""

from __future__ import annotations

import re

from rotator.core.failures import chinese
from rotator.core.failures.error_codes import BILLING_MESSAGES, Evidence, by_messages, heads_of
from rotator.core.failures.error_response import ErrorResponse
from rotator.model import Meaning

# An expired access token (`token_expired`, `invalid_token`) is missing on purpose: opencode
# refreshes it by itself.
_DEAD_CODES = {
    "access_terminated",
    "api_key_not_found",
    "expired_key",
    "key_disabled",
    "key_revoked",
    "token_not_found_in_db",
    "api_key_invalid",
    "app_session_terminated",
    "invalid_api_key",
    "invalid_grant",
    "refresh_token_expired",
    "refresh_token_invalidated",
    "refresh_token_reused",
    "token_invalidated",
    "token_revoked",
    "wrong_api_key",
}
_KEY = r"(?:your |the |this |an? )?(?:provided |supplied )?api[ -]?key"
_DEAD_MESSAGES = re.compile(
    r"(?:(?:unauthori[sz]ed|forbidden|authentication (?:failed|error)|access denied)[:.,]? )?"
    rf"(?:{_KEY} (?:you (?:have )?(?:provided|entered) )?is (?:invalid|incorrect|not valid)\b"
    rf"|{_KEY} (?:you (?:have )?(?:provided|entered) )?(?:(?:is|was|has)(?: been)? )?"
    r"(?:expired|revoked|deleted|deactivated|disabled|inactive|no longer (?:valid|active))\b"
    rf"|{_KEY} (?:(?:does not|doesn't) exist|(?:was |is )?not found)\b"
    r"|(?:invalid|incorrect|wrong|unknown|unrecogni[sz]ed) api[ -]?key\b(?! or\b)"
    r"|please (?:make sure|check)(?: that)? your api[ -]?key is (?:valid|correct)\b"
    r"(?! (?:for|and|to|in)\b)"
    r"|invalid x-api-key|api key not valid\. please pass a valid"
    r"|authentication fails, your api key: \S{1,40} is invalid"
    r"|your authentication token has been invalidated|oauth token has been revoked"
    r"|your openai account has been deactivated"
    r"|the openai account associated with this api key has been deactivated)",
    re.IGNORECASE,
)

# Who is shut out, whatever the status says: it does not come back by itself.
_WHO = r"(?:account|user|organi[sz]ation|org|workspace|project|team|tenant|consumer|api[ _]?key)"
_SHUT = (
    r"(?:disabled|suspended|banned|deactivated|restricted|terminated|blocked|closed|frozen|locked)"
)
_CLOSED_CODES = re.compile(
    rf"(?:^|(?<!_for)(?<!_of)(?<!_in)(?<!_by)_){_WHO}_(?:is_|has_been_|was_)?"
    rf"(?:{_SHUT}|revoked|deleted|expired)$"
)
# Which one it is: `org-1a`, `<ak-1>`, `(me@example.com)`, `associated with this key`.
_NAME = r"(?:[\w.@#/*-]*[\d_@*][\w.@#/*-]*|org-[\w-]+|<[^>]{1,60}>|\([^)]{1,60}\))"
_WHICH = (
    rf"(?:(?:(?: +|(?=<))(?:(?:for |named |ending in |ending with |with id )?{_NAME}"
    r"|(?:with|at) [\w.-]+"
    r"|(?:associated with|linked to|belonging to|behind|of|for|in|(?:that|which|who) owns)"
    rf" (?:this|the|your|that)(?: \w+)? (?:{_WHO}|key|token|login|credentials?)"
    r"|(?:that )?you(?: are|'re)? (?:using|used|use|provided))){0,2}|, (?:[^,.:;]|\.(?=\w)){1,40},)"
)
# What else is said before: `violated our policy and`, `flagged and`.
_AFTER_WHAT = r"(?: (?:has|had|have|violated) [^.:;]{1,50}? and)?"
_IS = (
    r" +(?:is|was|are|(?:has|have)(?: \w+ly| now| already)? been)(?: \w+ly| now| already)?"
    r"(?: \w+ed,? and(?: is| was| has been)?)?"
)
_WRONGS = (
    r"violat|breach|abus|misus|fraud|spam|suspicious|unusual|illegal|non-?payment|not paying|fail"
    r"|polic|terms|secur|safety|inactiv|reasons?\b|good\b|life\b|exceeding|sharing"
)
_THING = (
    r"(?:models?|features?|tools?|endpoints?|requests?|methods?|regions?|countr(?:y|ies)|betas?"
    r"|resources?|operations?|actions?)"
)
# Shut out of all that a vendor has.
_ALL_OF_IT = (
    r"(?:the |our |this |all |any )?(?:[\w-]+ )?(?:apis?|platform|services?|systems?|site|copilot)"
)
# Shut out of something is not shut out; nor is whoever would be, or a field of that name.
_AT_ALL = (
    r"(?!(?<=restricted)(?::| and cannot\b))"
    r"(?! by (?:[\w'-]+ ){0,4}"
    r"(?:polic(?:y|ies)|filters?|moderation|sessions?|firewalls?|referrers?)(?! violations?)\b)"
    rf"(?! *\(?(?:(?:(?:to|from)(?! (?:using |accessing )?{_ALL_OF_IT})|against|field|parameter"
    r"|flag|value|via|when|if|unless)\b"
    rf"|for(?! (?:[\w']+ ){{0,4}}(?:{_WRONGS}))\b"
    rf"|(?:in|on) (?!{_ALL_OF_IT})(?:this|that|your|our|some|all)\b)"
    rf"|[^.;:]{{0,40}} (?:(?:from|to) \w+ing(?! {_ALL_OF_IT})"
    rf"|(?:from|for|in|on|to) (?:the|these|any) (?:\w+ )?{_THING})\b)"
)
_CLOSED = re.compile(
    rf"\b(?:access to your account|owner of (?:this|the|your) {_WHO}"
    rf"|{_WHO}(?: holder| owner| status|(?:'s)?(?: api)? access)?){_WHICH}{_AFTER_WHAT}{_IS}"
    rf" (?:(?:{_SHUT}|deleted|revoked)\b|denied access){_AT_ALL}"
    rf"|^(?:(?:forbidden|unauthori[sz]ed|access denied)[:.,]? )?{_WHO}"
    rf" (?:suspended|banned|deactivated|terminated|disabled|blocked|closed)\b{_AT_ALL}"
    rf"|\bapi access (?:for|of) (?:this|the|your) {_WHO}{_WHICH}{_IS}"
    rf" (?:{_SHUT}|revoked)\b{_AT_ALL}"
    rf"|\byour(?: api)? access(?: to {_ALL_OF_IT})? (?:is|was|has been)"
    rf" (?:suspended|terminated|revoked|disabled)\b{_AT_ALL}"
    rf"|\byou (?:have been|are|were)(?: \w+ly)? (?:banned|suspended)\b{_AT_ALL}"
    r"|\bwe(?:'ve| have)(?: \w+ly)? (?:suspended|banned|disabled|deactivated|terminated|closed)"
    rf" your {_WHO}\b(?!'s)"
    r"|\byour (?:api key|session|token) (?:is|has|was)(?: been)? (?:ended|expired|revoked|deleted)",
    re.IGNORECASE,
)
# What stands before makes it a part of something else, somebody else's, or a mere thought.
_ASIDE = re.compile(
    r"\b(?:for|of|(?<!logged )(?<!signed )in|by|to|from|on|within|under|at|with|across|inside"
    r"|outside|per|about|via|than|without|between|through|into|before|after|if|when|whether|once|unless|should|not|any"
    r"|another|other|some|each|every|my|our|his|her|their|(?!bill|warn|exist|pend|own)\w+ing)"
    r"(?: +(?:the|this|your|that|an?))?(?: +(?!(?:the|this|your|that|an?) )[\w'.-]+){0,2} +$",
    re.IGNORECASE,
)
# Whoever pays is let in again.
_OWES = re.compile(
    r"\bbilling\b|\binvoices?\b"
    r"|\b(?:update|add|verify|check) (?:your |a )?(?:\w+ )?payment|\bpayment (?:failed|method|due)",
    re.IGNORECASE,
)
_CLOSED_IN_CHINESE = re.compile(chinese.CLOSED, re.IGNORECASE)
_NOT_FOR_GOOD = re.compile(
    r"\btemporar\w*|\btry again|\bretry\b|\bplease wait\b|\bfor \d|access token"
    r"|暂时|稍后|解封|封禁 ?(?:至|到|\d)",
    re.IGNORECASE,
)


def dead_login(answer: ErrorResponse) -> Evidence | None:
    """Return the evidence that the credential is dead for good, or None.

    A code says it, or one of the standard messages from its first word; never a loose word.
    """
    code = next((code for code in answer.codes if code in _DEAD_CODES), None)
    if code is not None:
        return Meaning.LOGIN_DEAD, code
    told = any(map(_DEAD_MESSAGES.match, answer.messages))
    return (Meaning.LOGIN_DEAD, "") if told else None


def closed_login(answer: ErrorResponse) -> Evidence | None:
    """Return the evidence that whoever asks is shut out, as a code or in words, or None."""
    code = next((code for code in answer.codes if _CLOSED_CODES.search(code)), None)
    if code is not None:
        return Meaning.LOGIN_DEAD, code
    heads = heads_of(answer)
    if not any(_is_closed(head) and not _NOT_FOR_GOOD.search(head) for head in heads):
        return None
    owes = by_messages(BILLING_MESSAGES, answer) is not None or any(map(_OWES.search, heads))
    return (Meaning.BILLING if owes else Meaning.LOGIN_DEAD), ""


def _is_closed(head: str) -> bool:
    """Tell whether a sentence is about who asks, and says that it is shut out."""
    told = _CLOSED.finditer(head)
    if any(not _ASIDE.search(head, 0, match.start()) for match in told):
        return True
    return not head.isascii() and _CLOSED_IN_CHINESE.search(head) is not None
