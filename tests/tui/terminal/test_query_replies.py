"""A terminal's answers are told from keys, whole or in pieces, early or late."""

from __future__ import annotations

import pytest

from rotator.tui.terminal.query_replies import QueryReplies

LIGHT = "\x1b]11;rgb:ffff/ffff/8000\x1b\\"
ANSWERS = [
    LIGHT,
    "\x1b]11;rgb:ff/ff/80\x07",
    "\x1b[?64;1;2c",
    "\x1b[>41;354;0c",
    "\x1b[?2026;2$y",
    "\x1bP1+r524742=38\x1b\\",
    "\x1bP>|kitty(0.36)\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
]


def as_keys(text: str) -> list[str]:
    """Return the pieces in which the terminal library tells a sequence that it does not know."""
    keys = []
    while text:
        size = 2 if text[0] == "\x1b" and len(text) > 1 else 1
        keys.append(text[:size])
        text = text[size:]
    return keys


def left_of(answers: QueryReplies, keys: list[str], pause_seconds: float = 0.001) -> list[str]:
    return [key for n, key in enumerate(keys) if not answers.takes(key, n * pause_seconds)]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_no_key(answer: str) -> None:
    assert QueryReplies().typed_in(f"r{answer}b") == "rb"
    assert left_of(QueryReplies(), ["r", *as_keys(answer), "b", "\x1b[A", "c"]) == [
        *("r", "b", "\x1b[A", "c")
    ]


def test_keys_are_left_alone() -> None:
    keys = ["\x1b", "r", "\x1b[A", "\x1b[1;2B", "\x1bOP", "\x1b[<0;3;4M", "é", "\x1br", "["]

    assert left_of(QueryReplies(), keys) == keys
    assert QueryReplies().typed_in("".join(keys)) == "".join(keys)


def test_what_nobody_ends_costs_only_what_follows_at_once() -> None:
    answers = QueryReplies()

    assert answers.takes("\x1b]", 5.0)
    assert answers.takes("r", 5.1)
    assert not answers.takes("r", 5.4)


@pytest.mark.parametrize("early", [True, False])
def test_the_ground_is_taken_from_the_answer(early: bool) -> None:  # noqa: FBT001
    answers = QueryReplies()

    assert answers.ground is None
    if early:
        answers.typed_in(LIGHT)
    else:
        left_of(answers, as_keys(LIGHT))

    assert answers.ground == pytest.approx((1.0, 1.0, 0x8000 / 0xFFFF))
