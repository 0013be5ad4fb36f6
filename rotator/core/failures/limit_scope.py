"""What a limit is counted for, by the rules for everybody: one model, or all that a login asks.

Pure. An answer that names the model asked for limits that one, and so does one to a request
beside a turn, whose small model nobody else asks, unless it speaks of the account or its plan.
"""

from __future__ import annotations

import re

from rotator.core.failures.chinese import SIMPLIFIED
from rotator.core.failures.error_codes import heads_of
from rotator.core.failures.error_response import ErrorResponse, read_error_response
from rotator.core.failures.resets import names_a_full_window
from rotator.model import EVERYTHING, Meaning, Scope, Signal

# A shorter name could be any word of a sentence.
_SHORTEST_MODEL = 4
_MODEL_FIELDS = ("model", "model_id", "model_name")
# How a vendor may name the model more exactly: `openai/gpt-5`, `gpt-5-2025-08-07`.
_FROM = r"(?:[\w.-]{1,40}/){0,2}(?:(?:anthropic|google|meta|mistralai|openai)-)?"
_DATE = re.compile(r"[-@]20\d\d-?\d\d-?\d\d$")
_DATED = r"(?:[-@]20\d\d-?\d\d-?\d\d)?"
_LIMIT = r"(?:rate[- ]limit|limit|quota|usage|allowance)"
# Parts of models' names that a plan or a vendor is called by as well.
_COMMON = frozenset({
    "claude", "gemini", "grok", "kimi", "qwen", "deepseek", "minimax", "doubao", "codex",
    "copilot", "llama", "mistral", "plus", "free", "fast", "coding", "coder", "code", "plan",
    "token", "tokens", "weekly", "daily", "chat", "latest", "preview", "thinking", "instruct",
    "model", "mini", "flash", "turbo", "large", "small", "high", "medium", "experimental",
    "image", "text", "base", "context", "long",
})  # fmt: skip
_OF_THE_ACCOUNT = re.compile(
    r"\b(?:account|organi[sz]ation|workspace|plan|subscription|team|user|key|project|all models"
    r"|usage limit|credits|budget|balance|this (?:week|month)"
    r"|(?:weekly|daily|monthly|session|\d+[- ]hour)(?: \w+){0,2} (?:limit|quota))\b"
    r"|账[户号]|余额|积分|套餐|组织|用户|订阅|小时|每[周日月天]|本[周日月]",
    re.IGNORECASE,
)
# The account's own, whichever model was asked for.
_OF_ITS_OWN = re.compile(
    r"\b(?:your|this|the) (?:account|organi[sz]ation|workspace|team|subscription|plan|api[ -]?key)"
    rf"(?:'s)? (?:[\w-]+ ){{0,3}}{_LIMIT}\b|\ball models\b"
    r"|(?:[您你]的?|当前|该)(?:账[户号]|套餐|组织|订阅)[^，。]{0,12}(?:额度|限额|配额|用量|次数|上限)",
    re.IGNORECASE,
)


def scope_of(signal: Signal, meaning: Meaning) -> Scope:
    """Return what a limit is counted for."""
    model = signal.model
    if model is None or meaning is Meaning.BILLING or len(model) < _SHORTEST_MODEL:
        return EVERYTHING
    answer = read_error_response(signal)
    if _names(answer, model) or (signal.aside and not _is_of_the_account(answer)):
        return Scope(model)
    is_in_a_field = _is_in_a_field(answer, model)
    if is_in_a_field and not any(map(_OF_ITS_OWN.search, heads_of(answer))):
        return Scope(model)
    return EVERYTHING


def _is_in_a_field(answer: ErrorResponse, model: str) -> bool:
    fields = (entry.get(name) for entry in answer.objects for name in _MODEL_FIELDS)
    return any(isinstance(field, str) and _same(field, model) for field in fields)


def _names(answer: ErrorResponse, model: str) -> bool:
    named = _named(model)
    return any(named.search(m[:400].translate(SIMPLIFIED)) for m in answer.messages)


def _same(told: str, model: str) -> bool:
    pattern = rf"{_FROM}{_by_name(model)}{_DATED}"
    return re.fullmatch(pattern, told.strip(), re.IGNORECASE) is not None


def _by_name(model: str) -> str:
    return re.escape(_DATE.sub("", model)).replace(r"\.", "[.-]").replace(r"\-", "[.-]")


def _named(model: str) -> re.Pattern[str]:
    """Return what a sentence says of a model that is limited, by its name or by its family's.

    OpenAI's wording, which many have taken over: `Rate limit reached for gpt-5 in organization …`.
    """
    name = f"{_FROM}{_by_name(model)}{_DATED}"
    own = model.lower().rpartition("/")[2]
    families = [w for w in re.findall(r"[a-z]{4,}", own) if w not in _COMMON]
    either = "|".join([name, *map(re.escape, families)])
    return re.compile(
        rf"\b(?:for|of|on)(?: the)?(?: model)?[ `'\"“]+{name}(?![\w-])"
        rf"|(?:\bmodel|模型)[ :：`'\"“]{{0,3}}{name}(?![\w-])|(?<![\w/-]){name} ?模型"
        rf"|^(?:AI_APICallError: )?{name}[`'\"]?(?: (?:is |has |模型|{_LIMIT})| ?[今本每]日"
        rf"|[:：] ?(?:\w+ ){{0,2}}{_LIMIT})"
        # The one that was asked for.
        r"|\b(?:for|of|on) (?:this|the (?:requested|selected)) model\b|(?:[该此]|当前)模型"
        rf"|\bthis model(?:'s (?:[\w-]+ ){{0,2}}{_LIMIT}"
        r"| (?:has |is |was )?(?:been )?(?:reached|hit|exceeded|exhausted|rate[- ]limited)\b)"
        # Of its family: `weekly limit for Opus`.
        rf"|\b{_LIMIT} for (?:the )?(?:claude |gemini )?(?:{either})(?![\w/-])"
        rf"|\bfor (?:the )?(?:model family (?:{either})\b|(?:{either}) models\b)"
        rf"|\b(?:your|the|our|weekly|daily) (?:{either}) (?:\w+ ){{0,2}}{_LIMIT}"
        rf"|^(?:{either}) (?:\w+ ){{0,2}}{_LIMIT}",
        re.IGNORECASE,
    )


def _is_of_the_account(answer: ErrorResponse) -> bool:
    return names_a_full_window(answer.headers) or any(map(_OF_THE_ACCOUNT.search, heads_of(answer)))
