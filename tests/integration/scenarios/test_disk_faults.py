"""A disk that refuses at any step, once or from there on: nothing is lost, and then it works.

A process that begins knows the files and nothing else: from files that are the same byte for byte
it is shown once that it finds everybody, and once that it comes to the end.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from rotator.errors import RotatorError
from rotator.system import files
from tests.support.faults import Seam, Step, can_fail, failing
from tests.support.interrupted import (
    SCENES,
    Picture,
    Scene,
    clock_of,
    copy_home,
    furnish,
    link,
    memory_folder,
    opened,
    picture_of,
    require_done,
    require_whole,
    vendor_of,
)
from tests.support.token_vendor import Vendor

# A scene is gone through once for each of its steps, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

CODES = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE)
# The same steps need room and a disk that takes writes, and nothing of ours tells one error from
# the other: they take turns.
EVERY = {errno.ENOSPC: (1, 2), errno.EROFS: (2, 2)}
FEWEST_STEPS = 15
# These read what nobody changes, or let go.
# The one call of the system that Python lacks; a seam takes it for a `replace`.
EXCHANGE = files._exchange.__code__  # noqa: SLF001  # see above
HARMLESS = {
    "create_function",
    *("close", "fspath", "fstat", "getpid", "getuid", "lstat", "monotonic", "stat", "urandom"),
    # Whose and what kind of file it is, and holding up whoever opens it.
    *("access", "geteuid", "getegid", "getgroups", "listxattr", "fcntl", "ioctl"),
    "perf_counter",
    *("_path_normpath", "readlink"),
    # Of a database in memory.
    *("serialize", "deserialize"),
}


def steps_of(scene: Scene, home: Path) -> list[Step]:
    """Return what the scene does when nothing stands in its way."""
    vendor = vendor_of(scene, home)
    with Seam().watching() as trace, opened(home, scene, vendor) as live:
        scene.act(live)
    return trace


class Waiting:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Shown:
    """The files from which it was shown what a process does that begins: for one scene."""

    def __init__(self) -> None:
        self._whole: dict[Moment, bool] = {}
        self._done: set[Moment] = set()

    def is_answer_lost(self, home: Path, scene: Scene, vendor: Vendor, where: str) -> bool:
        """Require that nobody is lost; tell whether what the vendor gave is."""
        moment = moment_of(home, vendor)
        if moment not in self._whole:
            self._whole[moment] = require_whole(home, scene, vendor, where)
        return self._whole[moment]

    def require_done(self, home: Path, scene: Scene, vendor: Vendor, where: str) -> None:
        """Require that the next process comes to the end."""
        moment = moment_of(home, vendor)
        if moment not in self._done:
            with opened(home, scene, vendor) as live:
                scene.finish(live)
                require_done(live, scene, where)
            self._done.add(moment)


Moment = tuple[Picture, str]


def moment_of(home: Path, vendor: Vendor) -> Moment:
    """Return all that there is: the home, and what the vendor knows."""
    return picture_of(home, like=True), repr(vendor.newest)


def interrupt(  # all that there is to vary
    scene: Scene, home: Path, code: int, number: int, shown: Shown, *, lasting: bool
) -> None:
    """Let a disk refuse in the middle of a scene, then do it again on one that is well.

    Whoever met a single fault does it again as a new process, as a person does with a command;
    whoever met a lasting one lives on, as a watcher does.
    """
    where = f"{scene}: {errno.errorcode[code]} {'from' if lasting else 'at'} step {number}"
    vendor, waiting = vendor_of(scene, home), Waiting()
    seam = Seam(monotonic=waiting.monotonic, sleep=waiting.sleep)
    with contextlib.ExitStack() as stack:
        survivor, told = None, None
        with seam.watching(failing(number, code, lasting=lasting)) as trace:
            try:
                survivor = stack.enter_context(opened(home, scene, vendor))
                scene.act(survivor)
            except RotatorError as exc:
                told = exc
        where = f"{where} ({trace[-1]}): {told}"
        # Only a store that takes nothing for long may cost what a vendor has just given.
        assert not shown.is_answer_lost(home, scene, vendor, where) or lasting, where
        if survivor is not None and lasting:
            scene.finish(survivor)
            require_done(survivor, scene, where)
    shown.require_done(home, scene, vendor, where)


@contextlib.contextmanager
def calls_outside() -> Iterator[Counter[str]]:
    """Count what is really called in the modules that reach the outside."""
    called: Counter[str] = Counter()

    def count(frame: FrameType, event: str, function: Any) -> None:
        if event == "call" and frame.f_code is EXCHANGE:
            called["replace"] += 1
        if event == "c_call":
            module, owner = function.__module__, getattr(function, "__self__", None)
            reaches = module in {"posix", "fcntl", "io", "_io", "time", "_sqlite3"}
            if reaches or isinstance(owner, sqlite3.Connection):
                called[function.__name__] += 1

    sys.setprofile(count)
    try:
        yield called
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_what_reaches_the_outside_is_a_step(home: Path, scene: Scene) -> None:
    furnish(home, scene)
    link(home, scene)
    vendor = Vendor(clock_of(scene))
    vendor.newest = {"ada": 1, "bob": 2}

    with (
        Seam().watching() as steps,
        opened(home, scene, vendor) as live,
        calls_outside() as called,
    ):
        started = len(steps)
        scene.act(live)

    taken = Counter(step.name for step in steps[started:])
    assert {n: c for n, c in called.items() if n not in HARMLESS} == taken


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_disk_that_refuses_at_any_step_costs_nothing(scene: Scene, *, lasting: bool) -> None:
    with memory_folder() as folder:
        template, home = folder / "template", folder / "home"
        furnish(template, scene)
        copy_home(template, home, scene)
        steps, shown = steps_of(scene, home), Shown()

        for code in CODES:
            last = sum(can_fail(step, code) for step in steps)
            first, stride = EVERY.get(code, (1, 1))
            for number in range(first, last + 1, stride):
                shutil.rmtree(home)
                copy_home(template, home, scene)
                interrupt(scene, home, code, number, shown, lasting=lasting)

        assert len(steps) > FEWEST_STEPS
