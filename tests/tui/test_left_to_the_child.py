"""Who hears the keyboard's signals while another program has the terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rotator.tui.terminal.event_pipe import EventPipe, left_to_the_child

HANDLED = "import signal; print(signal.getsignal(signal.{}) is signal.{})"


@pytest.fixture
def wakeups() -> Iterator[EventPipe]:
    with contextlib.closing(EventPipe()) as wakeups, wakeups.signals():
        yield wakeups


def signals(wakeups: EventPipe) -> set[signal.Signals]:
    read, write = os.pipe()
    try:
        return wakeups.wait(read, 0)
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize(
    ("name", "handler"), [("SIGINT", "default_int_handler"), ("SIGTSTP", "SIG_DFL")]
)
def test_a_child_hears_them_from_its_first_moment(
    wakeups: EventPipe, name: str, handler: str
) -> None:
    with left_to_the_child():
        said = subprocess.check_output([sys.executable, "-c", HANDLED.format(name, handler)])

    assert said == b"True\n"
    assert signals(wakeups) == set()


def test_meanwhile_ctrl_c_is_not_ours_and_an_end_is_kept_for_later(wakeups: EventPipe) -> None:
    with left_to_the_child():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    assert signals(wakeups) == {signal.SIGTERM}


def test_afterwards_they_are_ours_again(wakeups: EventPipe) -> None:
    with left_to_the_child():
        pass
    signal.raise_signal(signal.SIGINT)

    assert signals(wakeups) == {signal.SIGINT}
