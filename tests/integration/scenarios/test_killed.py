"""A process killed before each of its steps that touch the disk: nothing is lost, the next works.

A step is a call into the operating system or SQLite that may change something; the child counts
them with a profile function and kills itself at the one that it is told. What it does are the
scenes of tests/support/interrupted.py, from the start of a process to its end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.interrupted import (
    REFRESH,
    SCENES,
    Scene,
    copy_home,
    furnish,
    memory_folder,
    opened,
    require_done,
    require_nobody_lost,
    require_one_truth,
    require_whole,
    vendor_of,
)
from tests.support.rotator_process import accounts

# A scene is gone through once for each of its steps, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

FEWEST_STEPS, MOST_STEPS = 15, 800

DRIVER = """
import os, signal, sys
from pathlib import Path
from tests.support.interrupted import SCENES, opened, vendor_of
home = Path(sys.argv[1])
(scene,) = (scene for scene in SCENES if scene.what == sys.argv[2])
STEPS = {
    "open", "write", "pwrite", "fsync", "close", "ftruncate", "replace", "rename", "unlink",
    "mkdir", "chmod", "utime", "flock", "execute", "executemany", "connect", "backup",
}

def die_at(step):
    left = [step]
    def count(frame, event, called):
        if event == "c_call" and called.__name__ in STEPS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return count

def act(step):
    vendor, count = vendor_of(scene, home), die_at(step)
    answer = vendor.send
    def send(request):
        # The vendor is another computer.
        sys.setprofile(None)
        try:
            return answer(request)
        finally:
            sys.setprofile(count)
    vendor.send = send
    sys.setprofile(count)
    with opened(home, scene, vendor) as live:
        scene.act(live)

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act(int(line))
            code = 0
        finally:
            sys.setprofile(None)
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@contextmanager
def driver(home: Path, scene: Scene) -> Iterator[Callable[[int], int]]:
    """Run the child; yields what lets it die at a step and returns its exit code."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, home, scene.what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=Household(home).env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, taken = process.stdin, process.stdout
        assert taken.readline() == "ready\n"

        def die_at(step: int) -> int:
            given.write(f"{step}\n")
            given.flush()
            return int(taken.readline())

        yield die_at
        given.close()


def check(home: Path, scene: Scene, where: str) -> bool:
    """Assert that nothing is lost and the next process ends it; tell whether an answer was lost."""
    vendor = vendor_of(scene, home)
    lost = require_whole(home, scene, vendor, where)
    with opened(home, scene, vendor) as live:
        live.look(watched=False)
        require_one_truth(live, where, torn=scene.cut is not None)
        require_nobody_lost(live, scene, vendor, where)
        scene.finish(live)
        require_done(live, scene, where)
    return lost


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_process_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(scene: Scene) -> None:
    lost = 0
    with memory_folder() as folder:
        template, home = folder / "template", folder / "home"
        furnish(template, scene)
        copy_home(template, home, scene)
        with driver(home, scene) as die_at:
            for step in range(1, MOST_STEPS):
                shutil.rmtree(home)
                copy_home(template, home, scene)
                code = die_at(step)
                where = f"{scene}, killed at step {step}"
                assert code in {0, -9}, f"{where}: it failed"
                lost += check(home, scene, where)
                if code == 0:
                    break
        assert {account["provider"] for account in accounts(Household(home))} >= {"acme", "named"}

    assert FEWEST_STEPS < step < MOST_STEPS - 1
    # Between the vendor's answer and its being stored there is a moment that nobody can close.
    assert (lost > 0) == (scene.what == REFRESH)
