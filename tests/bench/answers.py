"""What it costs to understand an answer that was made to be slow to read."""

from __future__ import annotations

from functools import partial

from rotator.core.failures.classify import classify
from rotator.core.failures.error_response import read_error_response
from tests.bench.figures import Figure
from tests.support.crafted_texts import bodies_of, cpu_ms, crafted_texts
from tests.support.failures import NOW, failure

_AIM_MS = 1.0


def crafted_answers() -> Figure:
    """Measure the time of the processor for each of the crafted answers of 16 KB."""
    bodies = [body for text in crafted_texts() for body in bodies_of(text)]
    values = [cpu_ms(partial(_understand, body)) for body in bodies]
    return Figure("a crafted answer of 16 KB understood", values, _AIM_MS, 2 * _AIM_MS)


def _understand(body: str) -> None:
    # Read anew: what was read last is kept.
    read_error_response(failure(500, ""))
    classify(failure(429, body), NOW)
