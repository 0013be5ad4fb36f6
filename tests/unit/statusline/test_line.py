"""The line of a prompt: what it says of each account, in few characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.statusline.line import is_simple, line
from rotator.statusline.quick_read import SlotStatus, StatusLineData

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_seat(provider: str = "openai", alias: str | None = "work", **facts: object) -> SlotStatus:
    seat = SlotStatus(provider)
    seat.alias = alias
    for name, value in facts.items():
        setattr(seat, name, value)
    return seat


def a_peek(*seats: SlotStatus, balancing: bool = True, watched: bool = True) -> StatusLineData:
    return StatusLineData(list(seats), NOW, balancing=balancing, watched=watched)


@pytest.mark.parametrize(
    ("seat", "said"),
    [
        pytest.param(a_seat(), "openai work", id="nothing known"),
        pytest.param(a_seat(used=0.42, window="5h"), "openai work 5h 42%", id="a window"),
        pytest.param(a_seat(used=0.29, window="5h"), "openai work 5h 29%", id="no rounding error"),
        pytest.param(a_seat(used=0.999, window="7d"), "openai work 7d 99%", id="not quite full"),
        pytest.param(a_seat(used=1.0), "openai work 100%", id="used up without a window"),
        pytest.param(
            a_seat(state="cooling", until=NOW + HOUR / 5, used=0.4, window="5h"),
            "openai work cooling 12m",
            id="cooling",
        ),
        pytest.param(
            a_seat(state="exhausted", until=NOW + 26 * HOUR), "openai work used up 1d", id="used up"
        ),
        pytest.param(
            a_seat(state="cooling", until=NOW + timedelta(seconds=40)),
            "openai work cooling 40s",
            id="soon",
        ),
        pytest.param(a_seat(state="rejected"), "openai work needs login", id="rejected"),
        pytest.param(a_seat(state="disabled"), "openai work disabled", id="disabled"),
        pytest.param(
            a_seat(alias="a\x1b[31m\nb", window="\x07", used=0.5),
            "openai a [31m b  50%",
            id="no control character",
        ),
        pytest.param(a_seat(alias="x" * 60), f"openai {'x' * 23}…", id="a long name is cut"),
    ],
)
def test_an_account_is_said_in_few_characters(seat: SlotStatus, said: str) -> None:
    assert line(a_peek(seat)) == said


def test_what_is_amiss_comes_first_and_only_providers_in_use_are_named() -> None:
    found = a_peek(
        a_seat("anthropic", "main", used=0.05, window="5h"),
        a_seat("empty", None),
        a_seat(),
        balancing=False,
        watched=False,
    )

    said = line(found)

    assert said == "no watcher | balancing off | anthropic main 5h 5% | openai work"


def test_wanted_providers_are_shown_in_the_wanted_order_even_without_an_account() -> None:
    found = a_peek(a_seat("anthropic", "main"), a_seat("empty", None), a_seat())

    said = line(found, ["openai", "unknown", "empty", "openai", "anthropic/"])

    assert said == "openai work | unknown - | empty - | anthropic main"


def test_a_line_without_accounts_says_so() -> None:
    assert line(a_peek()) == "no accounts"
    assert line(a_peek(a_seat("empty", None))) == "no login in use"


def test_what_is_no_plain_word_goes_to_the_real_command_line() -> None:
    assert is_simple(["--tmux", "openai"])
    assert not any(is_simple([word]) for word in ("--json", "-h", "--help", "--wrong", "--"))
