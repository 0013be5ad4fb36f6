"""How the terminal is asked for clicks and pastes, by whatever the library offers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from rotator.tui.terminal.screen import hearing_all

HEARD = (1000, 1006, 2004)


class Known:
    """The part of blessed 1.52 that is used, which notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, *tuple[int, ...]]] = []

    def _dec_mode_set_enabled(self, *modes: int) -> None:
        self.asked.append(("on", *modes))

    def _dec_mode_set_disabled(self, *modes: int) -> None:
        self.asked.append(("off", *modes))


class Other:
    """A blessed that has only what is public."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, *tuple[int, ...]]] = []

    @contextlib.contextmanager
    def dec_modes_enabled(self, *modes: int) -> Iterator[None]:
        """Note what was asked."""
        self.asked.append(("on", *modes))
        yield
        self.asked.append(("off", *modes))


@pytest.mark.parametrize("kind", [Known, Other])
def test_clicks_and_pastes_are_heard_until_the_terminal_is_given_back(
    kind: type[Known | Other],
) -> None:
    term = kind()

    with hearing_all(term):  # type: ignore[arg-type]  # the part of it that is used
        assert term.asked == [("on", *HEARD)]

    assert term.asked == [("on", *HEARD), ("off", *HEARD)]


def test_they_are_given_back_after_an_error_too() -> None:
    term = Known()

    with pytest.raises(ValueError, match="broken"), hearing_all(term):  # type: ignore[arg-type]  # as above
        raise ValueError("broken")

    assert term.asked[-1][0] == "off"
