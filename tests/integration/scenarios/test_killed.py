"""A process killed before each of its steps that touch the disk: nothing is lost, the next works.

A step is a call into the operating system or SQLite that may change something; the child counts
them with a profile function and kills itself at the one that it is told. What it does are the
scenes of tests/support/interrupted.py, from the start of a process to its end.

Whoever is killed leaves its files and nothing else: between two changes of them every step is the
same death. So the child first goes through the scene alive and tells before which steps the files
are new, byte for byte; those are where it dies, and at some of the others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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

FEWEST_STEPS, MOST_STEPS, FEWEST_CHANGES = 15, 800, 5
# Of the steps before which nothing is new every so many-th.
STRIDE = 40

DRIVER = """
import os, signal, sys
from pathlib import Path
from rotator.system import mounts
from tests.support.interrupted import SCENES, file_in, opened, picture_of, vendor_of
home = Path(sys.argv[1])
(scene,) = (scene for scene in SCENES if scene.what == sys.argv[2])
STEPS = {
    "open", "write", "pwrite", "fsync", "close", "ftruncate", "replace", "rename", "unlink",
    "mkdir", "chmod", "utime", "flock", "execute", "executemany", "connect", "backup",
}

def counting(before):
    number = 0
    def count(frame, event, called):
        nonlocal number
        if event != "c_call" or called.__name__ not in STEPS:
            return
        # How many other namespaces are looked into is the machine's matter.
        if frame.f_code.co_filename != mounts.__file__:
            number += 1
            before(number)
    return count

def die_at(step):
    def die(number):
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)
    return die

def is_held(file):
    # Whoever looks into what is written in place would wait for its writer, us.
    held = Path("/proc/self/fd").iterdir()
    return str(file) in {os.readlink(fd) for fd in held if os.path.lexists(fd)}

def telling():
    last = None
    def tell(number):
        nonlocal last
        picture = number if scene.linked and is_held(file_in(home)) else picture_of(home)
        print(number, int(picture != last), end=" ", flush=True)
        last = picture
    return tell

def act(before=None):
    vendor, count = vendor_of(scene, home), before and counting(before)
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

# What is imported late, or kept, is so in each life.
act()
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act(die_at(int(line)) if int(line) else telling())
            code = 0
        finally:
            sys.setprofile(None)
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Driver:
    """The child, in which each life of the scene begins from the same process."""

    def __init__(self, given: IO[str], taken: IO[str]) -> None:
        self._given, self._taken = given, taken

    def die_at(self, step: int) -> int:
        """Let it die before a step; return its exit code."""
        return int(self._live(step)[-1])

    def changes(self) -> list[bool]:
        """Let it live; tell of each step whether the files are other than before the last one."""
        *told, code = self._live(0)
        assert code == "0"
        assert [int(number) for number in told[::2]] == list(range(1, len(told) // 2 + 1))
        return [is_new == "1" for is_new in told[1::2]]

    def _live(self, step: int) -> list[str]:
        self._given.write(f"{step}\n")
        self._given.flush()
        return self._taken.readline().split()


@contextmanager
def driver(home: Path, scene: Scene) -> Iterator[Driver]:
    """Run the child, which lives once before."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, home, scene.what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=Household(home).env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Driver(process.stdin, process.stdout)
        process.stdin.close()


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
        with driver(home, scene) as child:
            shutil.rmtree(home)
            copy_home(template, home, scene)
            changes = child.changes()
            steps = [n for n, is_new in enumerate(changes, 1) if is_new or n % STRIDE == 0]
            # After its last one it lives.
            for step in (*steps, len(changes), len(changes) + 1):
                shutil.rmtree(home)
                copy_home(template, home, scene)
                code = child.die_at(step)
                where = f"{scene}, killed at step {step}"
                assert code == (-9 if step <= len(changes) else 0), f"{where}: it failed"
                lost += check(home, scene, where)
        assert {account["provider"] for account in accounts(Household(home))} >= {"acme", "named"}

    assert FEWEST_STEPS < len(changes) < MOST_STEPS - 1
    assert sum(changes) > FEWEST_CHANGES
    # Between the vendor's answer and its being stored there is a moment that nobody can close.
    assert (lost > 0) == (scene.what == REFRESH)
