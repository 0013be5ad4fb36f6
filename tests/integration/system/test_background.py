"""Programs that run beside the watcher: real ones, that hang, fail, and come in numbers."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rotator.system.background import BackgroundRunner, Command
from tests.support.waiting import wait_until

SECONDS = 20.0
HANG = "import signal, sys, time; print(flush=True); open(sys.argv[1], 'a').write('x')\n"
HANG += "time.sleep(600)"


@pytest.fixture
def beside() -> Iterator[BackgroundRunner]:
    found = BackgroundRunner("the program", os.environ)
    yield found
    found.close()


def python(code: str, *words: object) -> tuple[str, ...]:
    return (sys.executable, "-SEc", code, *map(str, words))


def test_a_program_gets_its_input_and_its_arguments_as_they_are(
    beside: BackgroundRunner, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    code = "import sys, json; text = json.dumps([sys.argv[2:], sys.stdin.read()])\n"
    code += "open(sys.argv[1] + '-', 'w').write(text)\n"
    code += "import os; os.rename(sys.argv[1] + '-', sys.argv[1])"

    beside.start(Command(python(code, told, "$HOME; *", "-e"), "a line\n"))
    wait_until(told.exists, SECONDS, "the program")

    assert json.loads(told.read_text()) == [["$HOME; *", "-e"], "a line\n"]


def test_they_run_one_after_the_other_and_the_newest_are_left_out_when_too_many_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told, beside = tmp_path / "told", BackgroundRunner("the program", os.environ, most_waiting=3)
    go_on = tmp_path / "go-on"
    code = "import sys, os, time\nfile = open(sys.argv[1], 'a')\n"
    code += "file.write(f'+{sys.argv[3]} '); file.flush()\n"
    code += "while not os.path.exists(sys.argv[2]): time.sleep(0.01)\n"
    code += "file.write(f'-{sys.argv[3]} ')"

    beside.start(Command(python(code, told, go_on, 0)))
    wait_until(lambda: told.exists() and told.read_text(), SECONDS, "the first")
    for number in range(1, 6):
        beside.start(Command(python(code, told, go_on, number)))
    go_on.touch()
    wait_until(lambda: "-3" in told.read_text(), SECONDS, "the last")
    beside.close()

    assert told.read_text() == "+0 -0 +1 -1 +2 -2 +3 -3 "
    assert caplog.messages == ["the program: too many wait already; one was left out"]


def test_one_that_hangs_is_ended_with_all_it_started_and_the_next_one_has_its_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside = BackgroundRunner("the program", os.environ, deadline_seconds=0.5)
    pids, told = tmp_path / "pids", tmp_path / "told"
    code = "import os, signal, subprocess, sys, time\n"
    code += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    code += "child = subprocess.Popen(['sleep', '600'])\n"
    code += "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}')\ntime.sleep(600)"

    beside.start(Command(python(code, pids), "x" * 1_000_000))
    beside.start(Command(python("import sys; open(sys.argv[1], 'w')", told)))
    wait_until(told.exists, SECONDS, "the next one")
    beside.close()

    wait_until(lambda: not any(map(runs, pids.read_text().split())), SECONDS, "their end")
    assert caplog.messages == ["the program: it was ended after 0.5 s"]


def runs(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_closing_ends_what_runs_and_forgets_what_waits(tmp_path: Path) -> None:
    began, beside = tmp_path / "began", BackgroundRunner("the program", os.environ)
    others = psutil.Process().children()
    beside.start(Command(python(HANG, began)))
    beside.start(Command(python(HANG, began)))
    wait_until(lambda: began.exists() and began.read_text(), SECONDS, "the first")
    before = time.monotonic()

    beside.close()

    assert time.monotonic() - before < 4
    assert began.read_text() == "x"
    assert psutil.Process().children() == others


def test_a_failure_is_logged_once_for_as_long_as_it_stays_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside, told = BackgroundRunner("the program", os.environ), tmp_path / "told"
    failing = Command(python("raise SystemExit(3)"), "x" * 1_000_000)
    missing = Command((str(tmp_path / "missing"),))
    impossible = Command(("a\0b",))
    good = Command(python("import sys; open(sys.argv[1], 'w')", told))

    for errand in (failing, failing, missing, missing, impossible, good, failing):
        beside.start(errand)
    wait_until(lambda: len(caplog.messages) == 4, SECONDS, lambda: str(caplog.messages))
    beside.close()

    assert caplog.messages == [
        "the program: it ended with 3",
        "the program: it could not be started: No such file or directory",
        "the program could not be started",
        "the program: it ended with 3",
    ]


def test_a_program_sees_no_variable_that_may_hold_a_secret(tmp_path: Path) -> None:
    told = tmp_path / "told"
    environ = dict(os.environ) | {"OPENAI_API_KEY": "KEY-CANARY-x", "LC_TIME": "C"}
    beside = BackgroundRunner("the program", environ)
    code = "import os, sys; open(sys.argv[1], 'w').write(' '.join(os.environ) + ' .')"

    beside.start(Command(python(code, told)))
    wait_until(lambda: told.exists() and told.read_text().endswith("."), SECONDS, "the program")
    beside.close()

    seen = set(told.read_text().split())
    assert {"HOME", "LC_TIME", "PATH", "XDG_DATA_HOME"} <= seen
    assert not seen & {"OPENAI_API_KEY", "PYTEST_CURRENT_TEST"}
