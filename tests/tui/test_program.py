"""The real `rotator dashboard` in a terminal: keys, mouse, sizes, signals, and what it leaves."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from rotator.services.accounts import rename
from rotator.services.rotate import find_account
from rotator.system.locks import watcher_pid
from rotator.system.paths import find_paths
from rotator.tui.terminal.palette import TRUE, palette_for
from rotator.tui.view.frame import Style
from tests.support.children import has_ended
from tests.support.dashboard_program import (
    SECONDS,
    dashboard,
    is_given_back,
    line_with,
    opened,
    wait_for_line,
    with_accounts,
)
from tests.support.household import Household
from tests.support.rotator_process import rotator
from tests.support.screen import WHITE
from tests.support.terminal import Terminal, terminal
from tests.support.waiting import wait_until

# Opens the login that a person would type into opencode's own.
LOGIN = """\
#!/bin/sh
echo "logging in: $*"
read key
printf '{"acme": {"type": "api", "key": "%s"}}' "$key" > "$HOME/.local/share/opencode/auth.json"
"""
# Stands before the terminal library until it is let by.
GATE = """\
import os, sys, time
while not os.path.exists(os.path.join(os.path.dirname(__file__), "open")):
    time.sleep(0.01)
sys.path.remove(os.path.dirname(__file__))
del sys.modules["blessed"]
import blessed
"""
# However busy the machine is, the first screen has what was read.
PATIENT = """\
import rotator.tui.app
rotator.tui.app._FIRST_SECONDS = 25.0
"""
# Holds a lock until it is ended.
HOLDS = """\
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""
COLOR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-8]|4[0-8]|9[0-7])\b[0-9;]*m")


def put_opencode(folder: Path, script: str) -> None:
    """Put a program of that name into a folder of its own."""
    folder.mkdir()
    (folder / "opencode").write_text(script)
    (folder / "opencode").chmod(stat.S_IRWXU)


def key_in(house: Household) -> str:
    return str(house.read_auth()["acme"]["key"])


def test_keys_mouse_sizes_and_other_programs_change_what_is_seen(home: Path) -> None:
    house = with_accounts(home, "one", "two", "three")

    with dashboard(house) as before:
        # A key puts another account into auth.json.
        before.press("down")
        before.press("enter")
        wait_for_line(before, "● three", "live")
        assert key_in(house) == "KEY-CANARY-three"

        # A click chooses, and a click on the footer's words does what they say.
        before.click(10, line_with(before, "○ two"))
        wait_for_line(before, "▌ ○ two")
        row = line_with(before, " Enter activate")
        before.click(before.lines[row].index("Enter"), row)
        wait_for_line(before, "● two", "live")
        assert key_in(house) == "KEY-CANARY-two"

        # Another size gets its layout at once.
        before.resize(10, 40)
        before.wait_for_text("no watcher", SECONDS)
        wait_for_line(before, "● acme/two")
        before.resize(40, 120)
        before.wait_for_text("watcher not running", SECONDS)

        # What another program does is seen.
        with opened(house) as context:
            rename(context, find_account(context.store.state(), "acme", "one"), "first")
        wait_for_line(before, "○ first")

        before.press("q")
        assert before.wait_for_end() == 0
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")
        assert b"CANARY" not in before.raw


def test_it_stops_as_a_job_goes_on_and_ends_clean_on_sigterm(home: Path) -> None:
    house = with_accounts(home, "one", "two")

    with dashboard(house) as before:
        process = psutil.Process(before.process.pid)
        before.press("ctrl+z")
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, SECONDS, "it to stop")
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")

        process.send_signal(signal.SIGCONT)
        wait_until(lambda: not is_given_back(before), SECONDS, "it to take the screen again")
        before.press("?")
        before.wait_for_text("Put the chosen account into auth.json", SECONDS)

        process.send_signal(signal.SIGTERM)
        assert before.wait_for_end() == 128 + signal.SIGTERM
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")


def test_what_is_typed_before_it_is_there_counts_and_ctrl_c_leaves(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    command = [sys.executable, "-m", "rotator", "dashboard", "--no-suspend"]

    with terminal(command, env=house.env(), cwd=home) as before:
        before.press("?")
        before.wait_for_text("Put the chosen account into auth.json", SECONDS)

        # A program that shows it would wait for ever for one that has stopped.
        before.press("ctrl+z")
        before.press("escape")
        before.wait_for_text("accounts ready", SECONDS)
        before.press("ctrl+c")

        assert before.wait_for_end() == 130
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")


def test_the_first_screen_waits_for_no_library_and_keys_for_both(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    gate = home / "gate"
    gate.mkdir()
    (gate / "blessed.py").write_text(GATE)
    (gate / "sitecustomize.py").write_text(PATIENT)
    command = [sys.executable, "-m", "rotator", "dashboard"]
    path = os.pathsep.join([str(gate), *sys.path])

    with terminal(command, env=house.env() | {"PYTHONPATH": path}, cwd=home) as before:
        wait_for_line(before, "● one", "live")
        before.press("?")
        before.resize(20, 90)
        (gate / "open").touch()
        before.wait_for_text("Put the chosen account into auth.json", SECONDS)
        before.press("escape")
        wait_for_line(before, "● one", "ready")
        before.press("q")

        assert before.wait_for_end() == 0
        assert b"^[" not in before.raw


def test_a_late_answer_of_the_terminal_presses_no_key(home: Path) -> None:
    """Over a slow line answers come when they are not waited for: `r` and `b` mean something."""
    house = with_accounts(home, "one", "two")

    with dashboard(house) as before:
        dark = before.colours
        before.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?64;1;2c\x1bP1+r524742=38\x1b\\")
        wait_until(lambda: before.colours != dark, SECONDS, "the colours for a light ground")
        before.press("?")
        before.wait_for_text("Put the chosen account into auth.json", SECONDS)
        before.press("escape")
        wait_for_line(before, "● one", "live")
        before.wait_for_text("balancing on", SECONDS)

        assert key_in(house) == "KEY-CANARY-one"


def test_the_first_screen_has_the_colours_for_the_ground_that_is_told_in_time(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    command = [sys.executable, "-m", "rotator", "dashboard"]

    with terminal(command, env=house.env(), cwd=home, ground=WHITE) as before:
        # Answered before it was asked: no machine is too slow for that.
        before.send(f"\x1b]11;rgb:{WHITE}\x1b\\")
        before.wait_for_text("bridge not installed", SECONDS)

        assert palette_for(TRUE, light=True).code(Style.GOOD, chosen=False).encode() in before.raw
        assert palette_for(TRUE).code(Style.GOOD, chosen=False).encode() not in before.raw


def test_a_login_in_opencode_is_captured_and_named_and_the_watcher_started(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    put_opencode(home / "bin", LOGIN)
    paths = find_paths(house.env())

    with dashboard(house, PATH=f"{home / 'bin'}:{os.environ['PATH']}") as before:
        before.press("c")
        before.wait_for_text("acme", SECONDS)
        wait_for_line(before, "▌ acme", "2 accounts")
        before.press("enter")
        before.wait_for_text("logging in: auth login --provider acme", SECONDS)
        before.type("KEY-CANARY-new\n")
        before.wait_for_text("name of acme/acme", SECONDS)
        before.type("\x15third\n")
        wait_for_line(before, "● third", "live")

        before.press("w")
        before.wait_for_text("watcher running", SECONDS)
        pid = watcher_pid(paths.watch_lock)
        assert pid is not None
        try:
            before.press("q")
            assert before.wait_for_end() == 0
            assert watcher_pid(paths.watch_lock) == pid
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: has_ended(pid), SECONDS, "the watcher to end")


def test_a_watcher_that_is_started_in_a_project_runs_none_of_its_code(home: Path) -> None:
    house, project = with_accounts(home, "one"), home / "project"
    (project / "rotator").mkdir(parents=True)
    for name in ("rotator/__init__.py", "rotator/__main__.py", "click.py"):
        (project / name).write_text(f"open({str(home / 'ran')!r}, 'w')\n")
    code = (
        "from rotator.system.paths import find_paths\n"
        "from rotator.tui.jobs.start_watcher import Watcher\n"
        "import os; print(Watcher().start(1, find_paths(os.environ)).says)"
    )

    started = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=house.env(),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    pid = watcher_pid(find_paths(house.env()).watch_lock)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), SECONDS, "the watcher to end")
    assert started.stdout == "the watcher runs\n", started.stderr
    assert not (home / "ran").exists()


def test_without_colors_and_signs_it_says_the_same_and_a_lost_terminal_ends_it(
    home: Path,
) -> None:
    house = with_accounts(home, "one", "two")

    with dashboard(house, NO_COLOR="1", PYTHONIOENCODING="ascii") as before:
        wait_for_line(before, "> * one", "live")
        assert not COLOR.search(before.raw)
        assert before.text.isascii()

        before.process.send_signal(signal.SIGHUP)
        assert before.wait_for_end() == 128 + signal.SIGHUP


def test_a_terminal_that_is_closed_ends_it_as_its_signal_does(home: Path) -> None:
    house = with_accounts(home, "one", "two")

    with dashboard(house) as before:
        wait_for_line(before, "one  ready", "live")
        before.vanish()

        assert before.wait_for_end() == 128 + signal.SIGHUP


def test_it_leaves_at_once_while_opencode_is_still_being_asked(home: Path) -> None:
    house = with_accounts(home, "one", "two")
    put_opencode(home / "bin", "#!/bin/sh\nsleep 600\n")
    settings = find_paths(house.env()).config_file
    settings.parent.mkdir(parents=True)
    settings.write_text('[[priority]]\nprovider = "acme"\n')

    with dashboard(house, PATH=f"{home / 'bin'}:{os.environ['PATH']}") as before:
        before.press("p")
        before.wait_for_text("no model chosen", SECONDS)
        before.press("enter")
        before.wait_for_text("looking", SECONDS)
        before.press("escape")
        before.wait_for_text("no model chosen", SECONDS)
        before.press("q")
        before.press("q")

        assert before.wait_for_end() == 0
        wait_until(lambda: is_given_back(before), SECONDS, "the terminal to be given back")


def has_line(before: Terminal, pattern: str) -> bool:
    return any(re.match(pattern, line) for line in before.lines)


def swap(before: Terminal) -> None:
    before.press("down")
    before.press("enter")


def rotate_to_best(before: Terminal) -> None:
    before.press("r")


@pytest.mark.parametrize("change", [swap, rotate_to_best])
def test_whom_a_change_waits_for_is_named_after_a_second_and_each_time(
    home: Path, change: Callable[[Terminal], None]
) -> None:
    house = with_accounts(home, "one", "two", "three")
    lock = find_paths(house.env()).swap_lock
    with (
        dashboard(house) as before,
        subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE
        ) as holder,
    ):
        # What has failed begins with another word.
        is_named = partial(has_line, before, rf"\s*\S pid {holder.pid} \(")
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            holder.send_signal(signal.SIGSTOP)
            change(before)
            began = time.monotonic()
            # It gives up after ten seconds, and names the holder then anyway.
            wait_until(is_named, 5, "the holder's name")
            took_seconds = time.monotonic() - began
            before.wait_for_text("has held swap.lock", SECONDS)
            change(before)
            wait_until(is_named, 5, "the holder's name, once more")
        finally:
            holder.kill()
        wait_until(lambda: not is_named(), SECONDS, "the end of the wait")

    assert took_seconds >= 0.9


def test_it_sleeps_while_nothing_happens(home: Path) -> None:
    house = with_accounts(home, "one", "two")

    with dashboard(house) as before:
        process = psutil.Process(before.process.pid)
        wait_until(lambda: used_in(process, 0.5) < 0.05, SECONDS, "it to have loaded everything")
        written = len(before.raw)

        assert used_in(process, 2.0) < 0.06
        assert len(before.raw) - written < 400


def used_in(process: psutil.Process, seconds: float) -> float:
    """Return the CPU seconds that a process uses in so many seconds."""
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system) - (before.user + before.system)


@pytest.mark.parametrize("words", [[], ["--no-suspend"]])
def test_without_a_terminal_it_says_what_prints_instead(home: Path, words: list[str]) -> None:
    ended = rotator(Household(home), "dashboard", *words)

    assert ended.code == 2
    assert "the dashboard needs a terminal" in ended.stderr
