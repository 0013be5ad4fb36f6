"""Text from outside becomes one short, harmless line."""

from __future__ import annotations

import pytest

from rotator.text import LONGEST, one_line, sanitize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Rate limit reached", "Rate limit reached", id="plain"),
        pytest.param("two\nlines\r\nand\ttabs", "two lines and tabs", id="line breaks"),
        pytest.param("  much   room  ", "much room", id="spaces"),
        pytest.param("\x1b[31mred\x1b[0m", "[31mred [0m", id="escape sequences"),
        pytest.param("\x9b31mred", "31mred", id="one-byte escape sequences"),
        pytest.param("a\x00b\x7fc", "a b c", id="control characters"),
        pytest.param("user\u202egnp.exe", "user gnp.exe", id="right-to-left override"),
        pytest.param("zero\u200bwidth\ufeff", "zero width", id="format characters"),
        pytest.param("one\u2028two\u2029three", "one two three", id="separators"),
        pytest.param("lone \ud800 half", "lone half", id="surrogates"),
        pytest.param("\ue000private", "private", id="private use"),
        pytest.param("un\u0378assigned\uffff", "un assigned", id="unassigned"),
        pytest.param("a\u00a0b\u3000c", "a b c", id="other spaces"),
        pytest.param("Zoë 漢字 👋 né", "Zoë 漢字 👋 né", id="letters of all the world"),
        pytest.param("\n\x00 \u200b", "", id="nothing that can be seen"),
        pytest.param(17, "17", id="no text at all"),
    ],
)
def test_what_could_reach_a_terminal_is_harmless(text: object, expected: str) -> None:
    assert sanitize(text) == expected


def test_a_text_of_300_characters_stays_whole() -> None:
    assert sanitize("x" * LONGEST) == "x" * 300


def test_a_longer_text_is_cut_and_says_so() -> None:
    assert sanitize("x" * (LONGEST + 1)) == "x" * 299 + "…"


def test_the_bound_can_be_narrower() -> None:
    assert sanitize("a longer label", 8) == "a longe…"


def test_a_huge_text_costs_no_more_than_its_beginning() -> None:
    # Squeezing takes characters away: what fills the line may begin far to the right.
    assert sanitize("x  " * 1_000_000) == "x " * 149 + "x…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pool@git+https://me:CANARY@host.example/p.git", "pool@git+https://host.example/p.git"),
        ("see https://CANARY@host.example?a=1#b", "see https://host.example?a=1#b"),
        (
            "https://host.example/p?access_token=CANARY&b=2",
            "https://host.example/p?access_token=***&b=2",
        ),
        ("wss://host.example?b=2&X-Api-Key=CANARY", "wss://host.example?b=2&X-Api-Key=***"),
        ("me@host.example", "me@host.example"),
        ("https://host.example/@scope/p", "https://host.example/@scope/p"),
    ],
)
def test_of_an_address_no_login_is_shown(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    assert one_line(text) == text


def test_a_login_in_an_address_is_not_shown_though_the_text_is_cut() -> None:
    assert "CANARY" not in sanitize(f"https://me:{'CANARY' * 9}@host.example/{'p' * 30}", 30)
