"""A signal that the system gives to another thread than the one that waits is heard all the same.

Of several at once Linux lets any thread take all that are pending, and the main thread's wait in
a lock is not broken off. So is one whose exception Python drops, as it does in what `input` calls
before it reads. Case I1.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.signalled import SIGNALS

pytestmark = pytest.mark.no_cover

BEGINNING = """
import queue, signal, sys, threading, time
from rotator.system import interrupts
interrupts.note_signals()
number, answer = int(sys.argv[1]), threading.Event()
def give_to_this_thread():
    time.sleep(0.05)
    signal.pthread_kill(threading.get_ident(), number)
    while interrupts.pending_signal() is None:
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
        while interrupts.pending_signal() is None and not answer.wait(20):
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
AT_A_QUESTION_DROPPED = """
try:
    with interrupts.counting_at_once():
        try:
            signal.raise_signal(number)
        except interrupts.Interrupted:
            pass
        threading.Event().wait(20)
except interrupts.Interrupted as exc:
    print("heard" if exc.exit_code == 128 + number else exc.exit_code)
"""

WAITING_FOR_A_LOCK = """
import fcntl, os, tempfile
from pathlib import Path
from rotator.errors import SwapConflict
from rotator.system.locks import swap_lock
path, ended = Path(tempfile.mkdtemp()) / "swap.lock", threading.Event()
held = os.open(path, os.O_RDWR | os.O_CREAT)
fcntl.flock(held, fcntl.LOCK_EX)
def wait_for_the_lock():
    try:
        with swap_lock(path, patience_seconds=60):
            pass
    except SwapConflict:
        ended.set()
with interrupts.told_to(lambda: None):
    threading.Thread(target=wait_for_the_lock, daemon=True).start()
    signal.raise_signal(number)
    print("heard" if ended.wait(20) else "late", flush=True)
os._exit(0)
"""

BESIDE_ONE_WHO_ASKS = WAITING_FOR_A_LOCK.replace(
    "with interrupts.told_to",
    """
asked, asking = threading.Event(), threading.Event()
def ask_a_vendor():
    with interrupts.put_off("waiting for an answer"):
        asking.set()
        asked.wait(60)
threading.Thread(target=ask_a_vendor, daemon=True).start()
asking.wait(20)
with interrupts.told_to""",
)
REFRESHING = """
from datetime import timedelta
from pathlib import Path
from rotator.services.refresh import ensure_fresh
from tests.support.live import oauth, open_live
from tests.support.renewing import RENEWING, Vendor
def wait(refresh):
    thread.start()
    answer.wait(20)
    return vendor.exchange(refresh)
vendor = Vendor(instead=[wait])
with open_live(Path.home(), registry=vendor.registry()) as live:
    live.sees({RENEWING: oauth("ada", left=-timedelta(minutes=1))})
    live.sees({RENEWING: oauth("bob")})
    live.clock.pass_time(minutes=10)
    began, (ada, _) = time.monotonic(), live.state.accounts
    try:
        ensure_fresh(live.context, ada)
    except interrupts.Interrupted:
        is_heard = time.monotonic() - began < 10
        print("heard" if is_heard and live.saved(ada.name)["refresh"].endswith("-2") else "late")
"""
# Nothing was sent yet: who keeps the store locked is not waited for.
BEGINNING_TO_REFRESH = """
import sqlite3
from datetime import timedelta
from pathlib import Path
from rotator.errors import StoreBusy
from rotator.services.refresh import ensure_fresh
from tests.support.live import oauth, open_live
from tests.support.renewing import RENEWING, Vendor
with open_live(Path.home(), registry=Vendor().registry()) as live:
    live.sees({RENEWING: oauth("ada", left=-timedelta(minutes=1))})
    live.sees({RENEWING: oauth("bob")})
    live.clock.pass_time(minutes=10)
    other = sqlite3.connect(live.paths.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread.start()
    began = time.monotonic()
    try:
        ensure_fresh(live.context, live.state.accounts[0])
    except (interrupts.Interrupted, StoreBusy):
        print("heard" if time.monotonic() - began < 3 else "late")
    other.close()
"""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        pytest.param(LISTENING, "", id="the watcher"),
        pytest.param(ASKING, "! waiting for an answer\n", id="who asks a vendor"),
        pytest.param(REFRESHING, "! waiting for the answer of renewing", id="who refreshes"),
        pytest.param(BEGINNING_TO_REFRESH, "", id="who is about to refresh"),
        pytest.param(AT_A_QUESTION, "", id="who asks a person"),
        pytest.param(AT_A_QUESTION_DROPPED, "", id="who asks a person, dropped"),
        pytest.param(WAITING_FOR_A_LOCK, "", id="who waits for a lock beside"),
        pytest.param(BESIDE_ONE_WHO_ASKS, "", id="who waits for a lock beside one who asks"),
    ],
)
def test_a_signal_that_another_thread_got_is_heard(waiting: str, said: str, number: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEGINNING + waiting, str(int(number))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert ended.stdout == "heard\n", ended.stderr
    assert said in ended.stderr
