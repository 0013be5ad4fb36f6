"""A signal that the system gives to another thread than the one that waits is heard all the same.

Of several at once Linux lets any thread take all that are pending, and the main thread's wait in
a lock is not broken off. Case I1.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.signalled import SIGNALS

pytestmark = pytest.mark.no_cover

BEGINNING = """
import queue, signal, sys, threading, time
from rotator import interrupts
interrupts.note_signals()
number, answer = int(sys.argv[1]), threading.Event()
def give_to_this_thread():
    time.sleep(0.05)
    signal.pthread_kill(threading.get_ident(), number)
    while interrupts.came() is None:
        time.sleep(0.01)
    answer.set()
thread = threading.Thread(target=give_to_this_thread, daemon=True)
began = time.monotonic()
"""
LISTENING = """
messages = queue.SimpleQueue()
with interrupts.told_to(lambda: messages.put("stop")):
    thread.start()
    messages.get(timeout=20)
print("heard" if time.monotonic() - began < 10 else "late")
"""
ASKING = """
with interrupts.put_off("waiting for an answer"):
    thread.start()
    with interrupts.hearing():
        while interrupts.came() is None and not answer.wait(20):
            pass
    print("heard" if time.monotonic() - began < 10 else "late", flush=True)
"""
AT_A_QUESTION = """
try:
    with interrupts.counting_at_once():
        thread.start()
        threading.Event().wait(20)
except interrupts.Interrupted as exc:
    print("heard" if exc.exit_code == 128 + number else exc.exit_code)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        pytest.param(LISTENING, "", id="the watcher"),
        pytest.param(ASKING, "! waiting for an answer\n", id="who asks a vendor"),
        pytest.param(AT_A_QUESTION, "", id="who asks a person"),
    ],
)
def test_a_signal_that_another_thread_got_is_heard(waiting: str, said: str, number: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEGINNING + waiting, str(int(number))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.stdout == "heard\n", ended.stderr
    assert said in ended.stderr
