"""A signal to any command ends it at once where nothing is under way, and breaks nothing off.

Cases I1 and its siblings: what was asked of a vendor is saved first, whoever sends the signal,
however often, whatever became of the terminal.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support import signalled
from tests.support.children import Lines, child, has_ended
from tests.support.connected import Connected
from tests.support.rotator_process import accounts, rotator
from tests.support.signalled import HOST, NEW, OLD, PATH, SIGNALS, furnish, report_failure, saved
from tests.support.terminal import terminal
from tests.support.token_endpoint import Grant, Hold, TokenEndpoint
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

# Some go through many steps, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

PROGRAM = (sys.executable, "-m", "rotator")
SECONDS = 30.0
# Nothing is waited for then; a busy machine takes its time all the same.
AT_ONCE_SECONDS = 5.0
STRIDES = 17
each_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        yield vendor


@pytest.fixture
def hold(vendor: Vendor) -> Iterator[Hold]:
    """Yield what keeps the answer of the vendor back."""
    with Hold() as hold:
        endpoint = TokenEndpoint()
        endpoint.grant(OLD, Grant("ACC-CANARY-B-2", NEW, hold=hold))
        vendor.answer(HOST, PATH, endpoint.answer)
        yield hold


@pytest.fixture
def house(home: Path, vendor: Vendor) -> Connected:
    return furnish(home, vendor)


def started(house: Connected, *words: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *words],
        env=house.env() | more,
        cwd=house.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_signal_at_any_step_of_a_rotation_loses_no_login(tmp_path: Path) -> None:
    with signalled.scene(tmp_path) as played:
        last = signalled.number_of_steps(played)
        # From the first lines of the program to its last.
        for turn, step in enumerate(range(19, last, last // STRIDES)):
            played.run(step, SIGNALS[turn % 3])

    assert played.lost == []
    assert set(played.codes) <= {0, *(128 + n for n in SIGNALS), *(-n for n in SIGNALS)}
    assert sum(played.codes[128 + number] for number in SIGNALS) > STRIDES // 2
    # Some before it was asked, some afterwards.
    assert STRIDES // 5 < played.asked < STRIDES - STRIDES // 5


@each_signal
def test_a_signal_while_a_vendor_is_asked_waits_until_its_answer_is_saved(
    house: Connected, hold: Hold, number: signal.Signals
) -> None:
    """Case I1."""
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        running.send_signal(number)
        assert running.stderr is not None
        said = running.stderr.readline()
        hold.let_go()
        printed, more = running.communicate(timeout=SECONDS)

    assert said == "! waiting for the answer of openai: its new tokens work once\n"
    assert (running.returncode, printed, more) == (128 + number, "", "")
    assert saved(house) == NEW
    assert house.read_auth()["openai"]["refresh"] == "REF-CANARY-A"


COMMANDS = (
    ("accounts",),
    ("accounts", "rename", "openai/b", "c"),
    ("balance", "off"),
    ("bridge", "install"),
    ("config", "show"),
    ("doctor",),
    ("events",),
    ("explain",),
    ("priority",),
    ("status", "--json"),
    ("statusline",),
    ("usage", "--refresh"),
)


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_a_signal_to_any_command_ends_it_and_leaves_every_login(
    house: Connected, seconds: float
) -> None:
    running = [(started(house, *words), SIGNALS[n % 3]) for n, words in enumerate(COMMANDS)]
    for process, _ in running:
        # Before that it is Python's own start that is signalled.
        wait_until(partial(_notes_signals_or_ended, process), SECONDS, "its handlers")
    # Not for luck: each moment is as good as another one.
    time.sleep(seconds)
    for process, number in running:
        process.send_signal(number)
    told = [process.communicate(timeout=SECONDS)[1] for process, _ in running]
    codes = [(process.returncode, 128 + number, -number) for process, number in running]

    # Who was done before has the code of what it found.
    assert all(code in {0, 1, 5, *ended} for code, *ended in codes), codes
    assert "Traceback" not in "".join(told)
    assert {one["alias"] for one in accounts(house)} in ({"openai-1", "b"}, {"openai-1", "c"})
    assert house.read_auth()["openai"]["refresh"] == "REF-CANARY-A"
    assert [p.name for p in house.auth_file.parent.iterdir()] == ["auth.json"]


def _notes_signals_or_ended(process: subprocess.Popen[str]) -> bool:
    if process.poll() is not None:
        return True
    told = Path(f"/proc/{process.pid}/status").read_text("ascii")
    caught = next(line for line in told.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_pressing_ctrl_c_again_and_again_breaks_nothing_off(house: Connected, hold: Hold) -> None:
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        for _ in range(5):
            running.send_signal(signal.SIGINT)
            running.send_signal(signal.SIGTERM)
        assert running.stderr is not None
        said = running.stderr.readline()
        hold.let_go()
        _, more = running.communicate(timeout=SECONDS)

    assert (said[:9], more) == ("! waiting", "")
    assert running.returncode in {130, 143}
    assert saved(house) == NEW


def test_a_terminal_that_is_closed_meanwhile_loses_nothing(house: Connected, hold: Hold) -> None:
    command = [*PROGRAM, "rotate", "openai", "b"]
    with terminal(command, env=house.env(), cwd=house.home) as before:
        hold.wait_for_request()
        os.killpg(before.process.pid, signal.SIGHUP)
        hold.let_go()
        code = before.wait_for_end()

    assert code == 129
    assert saved(house) == NEW


def test_a_terminal_that_is_gone_without_a_signal_keeps_nothing_from_being_done(
    house: Connected, hold: Hold
) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        ["/usr/bin/env", "nohup", *PROGRAM, "rotate", "openai", "b"],
        env=house.env(),
        cwd=house.home,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as running:
        os.close(slave)
        hold.wait_for_request()
        os.close(master)
        hold.let_go()
        running.wait(SECONDS)

    assert saved(house) == NEW
    assert house.read_auth()["openai"]["refresh"] == NEW


@each_signal
def test_a_signal_to_the_watcher_waits_until_an_answer_is_saved(
    house: Connected, hold: Hold, number: signal.Signals
) -> None:
    with child([*PROGRAM, "watch"], env=house.env(), cwd=house.home) as watching:
        Lines(watching).wait_for("watching ", SECONDS)
        report_failure(house, "openai", "ACC-CANARY-A")
        hold.wait_for_request()
        watching.send_signal(number)
        watching.send_signal(number)
        hold.let_go()
        code = watching.wait(SECONDS)

    assert code == 0
    assert saved(house) == NEW


@each_signal
@pytest.mark.parametrize(
    ("words", "code"), [(("events", "--follow"), None), (("status", "--watch"), 0)], ids=str
)
def test_a_signal_ends_what_goes_on_for_ever(
    house: Connected, words: tuple[str, ...], code: int | None, number: signal.Signals
) -> None:
    with child([*PROGRAM, *words], env=house.env(), cwd=house.home) as running:
        Lines(running).wait_for("", SECONDS)
        running.send_signal(number)
        ended = running.wait(AT_ONCE_SECONDS)

    assert ended == (128 + number if code is None else code)


@each_signal
def test_a_signal_ends_a_wait_for_a_lock(house: Connected, number: signal.Signals) -> None:
    with _holding_the_swap_lock(house), started(house, "rotate", "openai", "b") as running:
        assert running.stderr is not None
        said = running.stderr.readline()
        running.send_signal(number)
        code = running.wait(AT_ONCE_SECONDS)

    assert "holds swap.lock: waiting for it" in said
    assert code == 128 + number


def test_a_stopped_holder_of_the_lock_is_named_and_reading_goes_on(house: Connected) -> None:
    """Case I9."""
    with _holding_the_swap_lock(house) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        for words in (["accounts"], ["status"], ["events"], ["explain"]):
            began = time.monotonic()
            ended = rotator(house, *words)
            assert time.monotonic() - began < AT_ONCE_SECONDS
            assert ended.code == 0, ended.stderr
            assert ended.stderr.startswith(f"! pid {holder.pid} ("), words
            assert "which is stopped, holds swap.lock" in ended.stderr


@contextlib.contextmanager
def _holding_the_swap_lock(house: Connected) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys; from pathlib import Path; from rotator.system.locks import swap_lock\n"
        "with swap_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(house.state_dir / "swap.lock")],
        env=house.env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


@each_signal
def test_a_signal_at_a_question_ends_it(house: Connected, number: signal.Signals) -> None:
    command = [*PROGRAM, "accounts", "remove", "openai/b"]
    with terminal(command, env=house.env(), cwd=house.home) as before:
        before.wait_for_text("[y/N]")
        before.process.send_signal(number)
        code = before.wait_for_end(AT_ONCE_SECONDS)

    assert code == 128 + number
    assert saved(house) == OLD


@each_signal
@pytest.mark.parametrize("words", [["doctor"], ["doctor", "--fix"]], ids=" ".join)
def test_a_signal_while_doctor_waits_for_a_program_ends_both(
    house: Connected, number: signal.Signals, words: list[str]
) -> None:
    program, told = house.home / "bin" / "opencode", house.home / "pid"
    program.parent.mkdir()
    # The one that waits is a child of the program.
    program.write_text(f"#!/bin/sh\nsleep 300 & echo $! > {told}.new\nmv {told}.new {told}\nwait\n")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"

    with started(house, *words, PATH=path) as running:
        wait_until(told.exists, SECONDS, "the program to run")
        running.send_signal(number)
        code = running.wait(AT_ONCE_SECONDS)

    assert code == 128 + number
    wait_until(lambda: has_ended(int(told.read_text())), SECONDS, "what it started to end")


def test_a_signal_while_standard_input_is_waited_for_ends_it(house: Connected) -> None:
    with subprocess.Popen(
        [*PROGRAM, "accounts", "add", "acme"],
        env=house.env(),
        cwd=house.home,
        stdin=subprocess.PIPE,
    ) as running:
        wait_until(lambda: _waits_in(running.pid, "pipe"), SECONDS, "it to read")
        running.send_signal(signal.SIGTERM)
        code = running.wait(AT_ONCE_SECONDS)

    assert code == 143


def test_a_signal_while_nobody_takes_the_output_ends_it(house: Connected) -> None:
    read, write = os.pipe()
    while select.select([], [write], [], 0)[1]:
        os.write(write, b"x" * select.PIPE_BUF)
    with subprocess.Popen(
        [*PROGRAM, "accounts"], env=house.env(), cwd=house.home, stdout=write
    ) as running:
        wait_until(lambda: _waits_in(running.pid, "poll", "select"), SECONDS, "it to write")
        running.send_signal(signal.SIGTERM)
        code = running.wait(AT_ONCE_SECONDS)
    os.close(read)
    os.close(write)

    assert code == 143


def _waits_in(pid: int, *where: str) -> bool:
    found = Path(f"/proc/{pid}/wchan").read_text("ascii")
    return any(one in found for one in where)


def test_ctrl_c_in_the_editor_is_the_editor_s(house: Connected) -> None:
    script = house.home / "editor"
    script.write_text('#!/bin/sh\ntrap "echo heard" INT\necho ready\nread line\nread line\n')
    script.chmod(0o755)
    env = house.env() | {"EDITOR": str(script)}
    with terminal([*PROGRAM, "config", "edit"], env=env, cwd=house.home) as before:
        before.wait_for_text("ready")
        before.press("ctrl+c")
        before.wait_for_text("heard")
        before.type("\n\n")
        code = before.wait_for_end()
        shown = before.text

    assert (code, "nothing was changed" in shown) == (0, True)


def test_a_demo_leaves_nothing_behind_whenever_the_signal_comes(house: Connected) -> None:
    programs = house.home / "programs"
    programs.mkdir()
    (programs / "node").write_text(
        f'#!/bin/sh\nPATH={os.defpath}\n[ "$1" = --version ] && echo v22.1.0 || sleep 60\n'
    )
    (programs / "node").chmod(0o755)
    env = house.env() | {"PATH": str(programs)}
    with contextlib.ExitStack() as stack:
        demos = [
            stack.enter_context(
                subprocess.Popen(
                    [*PROGRAM, "demo"], env=env, cwd=house.home, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(9)
        ]
        for turn, demo in enumerate(demos):
            # Before that it is Python's own beginning that a Ctrl-C breaks off.
            wait_until(partial(_is_listening, demo.pid), SECONDS, "a demo that listens")
            # Not for luck: each moment is as good as another one.
            with pytest.raises(subprocess.TimeoutExpired):
                demo.wait(0.2)
            demo.send_signal(SIGNALS[turn % 3])
        for demo in demos:
            demo.communicate(timeout=SECONDS)

    for turn, demo in enumerate(demos):
        assert demo.returncode in {128 + SIGNALS[turn % 3], -SIGNALS[turn % 3]}
    assert list(house.temporary.iterdir()) == []
    wait_until(lambda: not _processes_of(house), AT_ONCE_SECONDS, "every process to be gone")


def _is_listening(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def _processes_of(house: Connected) -> list[str]:
    """Return the processes whose environment names the home: whatever a demo has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(house.home) in (folder / "environ").read_bytes():
                found.append(folder.name)
    return found
