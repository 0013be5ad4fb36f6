"""What an answer says in its own words, without what it tells of the content of a request.

Pure. A refused request is nearly always its own fault, and then the answer may tell of anything:
`The tool returned: You exceeded your current quota` is nobody's limit.
"""

from __future__ import annotations

import re
from dataclasses import replace

from rotator.core.failures.error_codes import heads_of
from rotator.core.failures.error_response import ErrorResponse

# From here on a sentence is about what was sent, fetched or answered to a tool.
_CONTENT = re.compile(
    r"\b(?:tools?|functions?|mcp|schemas?|(?<!on )files?|documents?|attachments?|transcripts?"
    r"|urls?|links?|web ?(?:site|page)s?|fields?|arguments?|parameters?|properties|property"
    r"|values?|enums?|json|payload|commands?(?! code\b)|conversation|search results?"
    r"|(?<!generate )contents?"
    r"|(?:in|out)puts?(?! tokens?\b)|(?:user|assistant|system) (?:messages?|prompts?|turns?)"
    r"|messages?(?=[.\[]\d)|(?:the|your) (?:texts?|prompts?)(?= (?:say|contain|mention|include))"
    r"|(?:fetch|download|pars|upload|crawl|scrap)(?:e|ed|es|ing)?"
    r"|(?<!server )(?<!upstream )(?<!provider )"
    r"(?:says|said|reads|returned|responded|replied|printed|wrote|quotes|quoted|mentions|mentioned"
    r"|contains|containing|includes) ?(?::|that\b))(?![a-z])"
    r"|(?:用户|历史|助手)消息|消息(?:内容|中|里)|输入(?! ?tokens?)|(?<!违规)(?<!违法)(?<!不良)内容"
    r"|工具|函数|文件|文档|附件|链接|网页|网址|图片|参数|字段|提示词|(?<!上游)(?<!服务器)返回|提到",
    re.IGNORECASE,
)


def in_own_words(answer: ErrorResponse) -> ErrorResponse:
    """Return the answer with each message up to where it begins to tell of that content."""
    return replace(answer, messages=tuple(map(_own, heads_of(answer))))


def _own(head: str) -> str:
    content = _CONTENT.search(head)
    return head if content is None else head[: content.end()]
