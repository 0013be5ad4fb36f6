"""A child that goes through a scene again and again, and is killed before a step that it is told.

A step is a call into the operating system or SQLite that may change something; the child counts
them with a profile function. Whoever is killed leaves its files and nothing else: between two
changes of them every step is the same death. So the child first goes through the scene alive and
tells before which steps the files are new, byte for byte.

What is played is told by a module under tests/support: `play(home, what, count)` goes through the
scene of that name with `count` as the profile function of what is ours, and `is_held(home, what)`
tells that the files may not be looked into for the moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

from tests.support.household import Household

# Of the steps before which nothing is new every so many-th.
STRIDE = 40
KILLED = -9

DRIVER = """
import importlib, os, signal, sys
from pathlib import Path
from rotator.system import mounts
from tests.support.interrupted import picture_of
home, what, module = Path(sys.argv[1]), sys.argv[2], importlib.import_module(sys.argv[3])
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

def telling():
    last = None
    def tell(number):
        nonlocal last
        picture = number if module.is_held(home, what) else picture_of(home)
        print(number, int(picture != last), end=" ", flush=True)
        last = picture
    return tell

# What is imported late, or kept, is so in each life.
module.play(home, what, None)
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            module.play(home, what, counting(die_at(int(line)) if int(line) else telling()))
            code = 0
        finally:
            sys.setprofile(None)
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Child:
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


def deaths(changes: list[bool]) -> list[int]:
    """Return the steps at which it is killed; after the last one it lives."""
    steps = [n for n, is_new in enumerate(changes, 1) if is_new or n % STRIDE == 0]
    return [*steps, len(changes), len(changes) + 1]


@contextmanager
def child(home: Path, what: str, module: ModuleType) -> Iterator[Child]:
    """Run the child, which lives once before."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, home, what, module.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=Household(home).env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Child(process.stdin, process.stdout)
        process.stdin.close()
