"""What is read of an answer costs no more than a millisecond, however it was made to be slow.

Time of the processor is measured, with room for a slow one; that no pattern's work grows faster
than its text is found by texts that grow.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

import providers
import rotator.core.failures
from rotator.core.failures.classify import classify
from rotator.core.failures.error_response import read_error_response
from rotator.core.failures.words import stated_in
from tests.support.crafted_texts import PIECES, bodies_of, cpu_ms, crafted_texts
from tests.support.failures import NOW, failure
from tests.support.field_cases import registry
from tests.support.told_figures import FIGURE

AIM_MS = 1.0
# A processor may be slow, and busy with something else.
ROOM = 8
SHORT, TIMES = 512, 8
# Twice what a pattern may cost that does so much for each letter; the square would be eight times.
GROWTH = 2.5 * TIMES
UNMEASURABLE_MS = 1.0
METHODS = ("search", "match", "fullmatch", "finditer", "sub")

registry()


@pytest.mark.alone
def test_no_text_takes_longer_than_a_millisecond(
    record_property: Callable[[str, object], None],
) -> None:
    worst = max(
        (cpu_ms(partial(_read_words, text)), f"{text[:20]!r} as words") for text in crafted_texts()
    )

    record_property(FIGURE, f"16 KB read as words: worst {worst[0]:.2f} ms ({worst[1]})")
    assert worst[0] < AIM_MS * ROOM, worst


@pytest.mark.alone
def test_no_answer_takes_longer_to_be_understood(
    record_property: Callable[[str, object], None],
) -> None:
    worst = max(
        (cpu_ms(partial(_understand, body)), body[:30])
        for text in crafted_texts()
        for body in bodies_of(text)
    )

    record_property(
        FIGURE, f"an answer of 16 KB understood: worst {worst[0]:.2f} ms ({worst[1]!r})"
    )
    assert worst[0] < AIM_MS * ROOM, worst


def _read_words(text: str) -> None:
    list(stated_in(text, NOW.timestamp(), None))


def _understand(body: str) -> None:
    # Read anew: what was read last is kept.
    read_error_response(failure(500, ""))
    classify(failure(429, body), NOW)


@cache
def sources() -> dict[str, str]:
    """Return the modules that have patterns of answers, and their text."""
    found = {}
    for package in (rotator.core.failures, providers):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            file = importlib.import_module(module.name).__file__
            found[module.name] = Path(str(file)).read_text(encoding="utf-8")
    return found


def patterns() -> Iterator[tuple[str, re.Pattern[str], tuple[str, ...]]]:
    """Yield every pattern that stands in a module, and the ways in which it is used."""
    text = "\n".join(sources().values())
    for name in sources():
        for label, value in vars(importlib.import_module(name)).items():
            for pattern in _patterns_in(value):
                used = set(re.findall(rf"\b{label}\.({'|'.join(METHODS)})\b", text))
                yield f"{name}.{label}", pattern, tuple(sorted(used)) or ("search",)


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:
            yield from _patterns_in(inner)


def test_no_pattern_s_work_grows_faster_than_its_text() -> None:
    slow = {
        f"{name}.{how}: {piece!r}"
        for name, pattern, ways in dict.fromkeys(patterns())
        for how in ways
        for piece in _pieces_for(pattern)
        if _grows(_work(pattern, how), piece)
    }

    assert slow == set()


def test_a_pattern_whose_work_grows_with_the_square_is_found() -> None:
    assert _grows(_work(re.compile(r"\w+x"), "search"), "a")
    assert not _grows(_work(re.compile(r"\w++x"), "match"), "a")


def _pieces_for(pattern: re.Pattern[str]) -> list[str]:
    words = dict.fromkeys(re.findall(r"[A-Za-z\u4e00-\u9fff]{3,}", pattern.pattern))
    return [*PIECES, *(f"{word} " for word in [*words][:6])]


def _work(pattern: re.Pattern[str], how: str) -> Callable[[str], object]:
    if how == "sub":
        return partial(pattern.sub, "")
    if how == "finditer":
        return lambda text: list(pattern.finditer(text))
    return partial(getattr(pattern, how))


def _grows(work: Callable[[str], object], piece: str) -> bool:
    short = (piece * SHORT)[:SHORT] + "\0"
    long = (piece * SHORT * TIMES)[: SHORT * TIMES] + "\0"
    if cpu_ms(partial(work, long), tries=1) < UNMEASURABLE_MS:
        return False
    return cpu_ms(partial(work, long)) > GROWTH * max(cpu_ms(partial(work, short)), 0.01)
