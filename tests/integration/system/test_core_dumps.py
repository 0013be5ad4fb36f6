"""Case I8: no command, and no program that one starts, writes what is in memory to a disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.scenes import api, log_in
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.rotator_process import rotator
from tests.support.signalled import report_failure
from tests.support.terminal import terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

PROGRAM = (sys.executable, "-m", "rotator")
SECONDS = 30.0
KEY = "KEY-CANARY-a"


@pytest.fixture
def house(home: Path) -> Household:
    house = Household(home)
    house.write_auth({"acme": {"type": "api", "key": KEY}})
    return house


def allowed(*command: str) -> list[str]:
    """Return the command as it runs for a person who has switched core dumps on."""
    allow = 'ulimit -c unlimited 2>/dev/null || ulimit -c hard; exec "$@"'
    return ["/bin/sh", "-c", allow, "sh", *command]


def dumps_nothing(pid: int) -> bool:
    limits = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
    (core,) = (line.split() for line in limits if line.startswith("Max core file size"))
    mappings = Path(f"/proc/{pid}/coredump_filter").read_text("ascii")
    return core[4:6] == ["0", "0"] and int(mappings, 16) == 0


@pytest.mark.parametrize(
    "words",
    [("watch",), ("events", "--follow"), ("status", "--watch"), ("status", "--watch", "--json")],
    ids=" ".join,
)
def test_what_goes_on_dumps_nothing_when_ctrl_backslash_ends_it(
    house: Household, words: Sequence[str]
) -> None:
    before = set(house.home.rglob("*"))
    with child(allowed(*PROGRAM, *words), env=house.env(), cwd=house.home) as running:
        Lines(running).wait_for("", SECONDS)
        silent = dumps_nothing(running.pid)
        running.send_signal(signal.SIGQUIT)
        code = running.wait(SECONDS)

    made = {path for path in house.home.rglob("*") if path not in before}
    assert (silent, code) == (True, -signal.SIGQUIT)
    assert [path for path in made if path.name.startswith("core")] == []


def test_a_dump_would_be_found_here(tmp_path: Path) -> None:
    code = "import os, time; print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen(
        allowed(sys.executable, "-c", code), cwd=tmp_path, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        is_silent = dumps_nothing(running.pid)
        running.kill()

    assert not is_silent


def test_the_dashboard_dumps_nothing(house: Household) -> None:
    command = allowed(*PROGRAM, "dashboard")
    with terminal(command, env=house.env(), cwd=house.home) as before:
        before.wait_for_text("acme")
        assert dumps_nothing(before.process.pid)


def test_a_question_dumps_nothing(house: Household) -> None:
    command = allowed(*PROGRAM, "accounts", "add", "acme")
    with terminal(command, env=house.env(), cwd=house.home) as before:
        before.wait_for_text("Key of acme")
        assert dumps_nothing(before.process.pid)


def test_an_editor_and_a_hook_dump_nothing_either(house: Household) -> None:
    told = house.home / "told"
    script = house.home / "program"
    script.write_text(
        "#!/bin/sh\n"
        f"(grep Max.core /proc/self/limits; cat /proc/self/coredump_filter) > {told}.new\n"
        f"mv {told}.new {told}\n"
    )
    script.chmod(0o755)

    env = house.env() | {"EDITOR": str(script)}
    command = allowed(*PROGRAM, "config", "edit")
    assert subprocess.run(command, env=env, cwd=house.home, check=False).returncode == 0
    by_editor = told.read_text()
    told.unlink()
    assert rotator(house, "config", "set", "hooks.command", f'["{script}"]').code == 0
    with child(allowed(*PROGRAM, "watch"), env=house.env(), cwd=house.home) as watching:
        Lines(watching).wait_for("watching ", SECONDS)
        log_in(house, "acme", api(KEY), api("KEY-CANARY-b"))
        report_failure(house, "acme", "KEY-CANARY-b")
        wait_until(told.exists, SECONDS, "the hook to be told")

    assert by_editor.split() == told.read_text().split()
    assert by_editor.split()[4:6] == ["0", "0"]
    assert by_editor.split()[-1] == "00000000"
