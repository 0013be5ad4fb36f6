"""When a sentence says to ask again: which words mean it, and which do not."""

from __future__ import annotations

import pytest

from rotator.core.failures.words import stated_in
from tests.support.failures import NOW


def ends(text: str) -> list[float]:
    """Return the seconds to each end that a text states."""
    return list(stated_in(text, NOW.timestamp(), None))


@pytest.mark.parametrize("word", ["at", "on", "after", "until", "by", "from"])
def test_a_time_of_the_day_is_the_end_behind_words_of_a_moment(word: str) -> None:
    assert ends(f"Try again {word} 13:00 UTC") == [3_600]


@pytest.mark.parametrize("word", ["within", "for"])
def test_a_time_of_the_day_is_none_behind_words_of_a_length(word: str) -> None:
    assert ends(f"Try again {word} 13:00 UTC") == []


@pytest.mark.parametrize("word", ["on", "every", "each", "until", "till"])
def test_a_length_is_none_behind_words_of_a_moment(word: str) -> None:
    assert ends(f"Resets {word} 5 hours") == []


@pytest.mark.parametrize("word", ["in", "after", "within", "for"])
def test_a_length_is_the_end_behind_words_of_a_length(word: str) -> None:
    assert ends(f"Resets {word} 5 hours") == [18_000]


def test_bare_seconds_are_meant_behind_retry_after_alone() -> None:
    assert ends("retry-after: 60") == [60]
    assert ends("retry after 60 min") == [3_600]
    assert ends("limit: 60") == []
