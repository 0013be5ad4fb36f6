"""Texts that are made to be slow to read, and what reading one costs in time of the processor."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator

# As much as the bridge sends of a body.
LENGTH = 16_384
_TRIES = 3
# What a rule looks for, or begins with, and what ends it too late.
PIECES = (
    "reset ", "resets at ", "try again in ", "retry after ", "until ", "wait ", "wait for the ",
    "2026-11-23 ", "22:23:44 ", "UTC ", "UTC+8 ", "(America/New_York", "1d2h3m", "5 hours ",
    "Nov 22 ", "22 Nov ", "monday ", "重置", "后重试", "143 分钟", "十五", "一", "周", "a ",
    "half an hour ", "PT2H", "1 ", "1,", "1:", "9", "[1308] ", "code: 1308 ", "a_b-c.d ", "aB",
    "Aa", "SetLimitExceeded ", "a-", "a_", "_", "-", ".", "=", "(", "'", "`", "“", "[", "{", "\\",
    "\t", '"', '{"a":', '"x":1,', '{"error":{"message":"', 'data: {"error":{"code":1}}\n', "x", "é",
    "額度", "your ", "limit for ", "your account ", "exceeded the ", "the quota of ", "model ",
    "额度不足", "rate limit reached for ", "x=1&", ";r=0;t=1,", "error ", "server error ",
    "invalid ", "token ", "\u0660", "\ud800", "\n",
)  # fmt: skip
_MIXTURES = 60


def crafted_texts() -> Iterator[str]:
    """Yield one piece again and again, and mixtures of a few, the same ones every time."""
    for piece in PIECES:
        yield (piece * LENGTH)[:LENGTH]
    drawn = random.Random(15)  # noqa: S311  # nothing secret
    for _ in range(_MIXTURES):
        few = drawn.sample(PIECES, drawn.randint(2, 6))
        mixture = "".join(drawn.choices(few, k=LENGTH // 2))
        yield mixture[:LENGTH]


def bodies_of(text: str) -> Iterator[str]:
    """Yield bodies of an answer that have a text in them: alone, as a message and as names."""
    yield text
    message = {"error": {"code": "quota_exceeded", "message": text}}
    yield json.dumps(message, ensure_ascii=False)[:LENGTH]
    named = {text[:200]: text[:5_000], "retry_after": text[:150], "reset_at": text}
    yield json.dumps({"error": named}, ensure_ascii=False)[:LENGTH]


def cpu_ms(work: Callable[[], object], tries: int = _TRIES) -> float:
    """Return the least time of the processor that some work took, of a few tries."""
    return min(_once(work) for _ in range(tries))


def _once(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1_000
