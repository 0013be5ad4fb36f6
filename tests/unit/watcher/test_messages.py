"""The watcher's queue: what repeats is left out, and signals are told from other hints."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.watcher.messages import INBOX, LOG, SETTINGS, STOP, STORE, MessageQueue

FOLDER = Path("/state/bridge/inbox")
SIGNAL = FOLDER / "019aae.json"


@pytest.fixture
def messages() -> MessageQueue:
    return MessageQueue(FOLDER)


def test_messages_come_in_the_order_in_which_they_were_put_in(messages: MessageQueue) -> None:
    messages.put(SETTINGS)
    messages.hint(INBOX, SIGNAL)

    assert [messages.next(0), messages.next(0)] == [(SETTINGS, None), (INBOX, SIGNAL)]


def test_where_nothing_comes_it_is_time_for_the_regular_look(messages: MessageQueue) -> None:
    assert messages.next(0.001) == ("", None)


def test_a_signal_that_is_still_being_written_is_no_message(messages: MessageQueue) -> None:
    messages.hint(INBOX, FOLDER / ".019aae.json")

    assert messages.is_empty


@pytest.mark.parametrize(
    ("name", "path", "is_signal"),
    [
        pytest.param(INBOX, SIGNAL, True, id="a file of the inbox"),
        pytest.param(INBOX, FOLDER, False, id="the whole inbox"),
        pytest.param(INBOX, None, False, id="no file"),
        pytest.param(LOG, SIGNAL, False, id="a file of another folder"),
    ],
)
def test_a_signal_is_a_file_of_the_inbox(
    messages: MessageQueue, name: str, path: Path | None, *, is_signal: bool
) -> None:
    assert messages.is_signal(name, path) is is_signal


def test_what_waits_twice_is_left_out_and_signals_are_taken_out(messages: MessageQueue) -> None:
    for name in (STORE, LOG, STORE, LOG, SETTINGS):
        messages.put(name)
    messages.hint(INBOX, SIGNAL)
    messages.put(STOP)

    signals = messages.drain(LOG)

    assert signals == [SIGNAL]
    left = [messages.next(0)[0] for _ in range(3)]
    assert (left, messages.is_empty) == ([STORE, SETTINGS, STOP], True)
