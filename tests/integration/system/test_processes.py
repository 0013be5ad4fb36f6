"""Other processes, told from /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from rotator.system.processes import is_running, kind_of, start_ticks, started


def test_a_process_is_known_by_the_time_it_started() -> None:
    before = datetime.now(UTC)
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        at, ticks = started(child.pid), start_ticks(child.pid)
        assert child.stdin is not None
        child.stdin.write(b"\n")

    # The kernel counts in hundredths of a second and rounds down.
    tick = timedelta(seconds=0.02)
    assert at is not None
    assert before - tick <= at <= datetime.now(UTC)
    assert ticks is not None
    assert int(ticks) > 0


def test_a_process_that_is_gone_has_no_start() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass

    assert start_ticks(child.pid) is None
    assert started(child.pid) is None
    assert not is_running(child.pid)
    assert is_running(os.getpid())


def test_no_number_of_a_process_is_too_odd_to_ask_about() -> None:
    assert not is_running(0)
    assert not is_running(-1)
    assert not is_running(2**80)


def test_the_kind_of_an_opencode_is_in_its_command_line() -> None:
    assert kind_of(["opencode", "serve", "--port", "0"]) == "serve"
    assert kind_of(["opencode", "web"]) == "serve"
    assert kind_of(["opencode", "run", "serve"]) == "run"
    assert kind_of(["opencode"]) == "tui"
    assert kind_of([]) == "tui"
