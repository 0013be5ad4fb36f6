"""A process killed before each of its steps that touch the disk: nothing is lost, the next works.

A step is a call into the operating system or SQLite that may change something; the child counts
them with a profile function and kills itself at the one that it is told.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rotator import ledger
from rotator.books import open_books
from rotator.paths import find_paths
from rotator.rotate import plan_rotation, rotate
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import Entry, HandClock, Live, api, oauth, open_live
from tests.support.rotator_process import accounts

FEWEST_STEPS, MOST_STEPS = 15, 400

DRIVER = """
import os, signal, sys
from rotator import ledger
from rotator.books import open_books
from rotator.capture import absorb
from rotator.lock import swap_lock
from rotator.paths import find_paths
from rotator.rotate import find_account, plan_rotation, rotate
what = sys.argv[1]
STEPS = {
    "open", "write", "pwrite", "fsync", "close", "ftruncate", "replace", "rename", "unlink",
    "mkdir", "chmod", "utime", "flock", "execute", "connect",
}

def act():
    with open_books(find_paths()) as books:
        if what == "swap":
            rotate(books, plan_rotation(books.store.state(), "acme", "acme-1", books.clock()))
        elif what == "capture":
            with swap_lock(books.paths.swap_lock):
                absorb(books, watched=False)
        else:
            provider, alias = what.split()
            ledger.remove(books, find_account(books.store.state(), provider, alias))

def die_at(step):
    left = [step]
    def count(frame, event, called):
        if event == "c_call" and called.__name__ in STEPS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return count

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            sys.setprofile(die_at(int(line)))
            act()
            code = 0
        finally:
            sys.setprofile(None)
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Scene:
    """What a child does to which file, and what may stand in the file afterwards."""

    what: str
    found: dict[str, Entry]
    left: dict[str, Entry]
    # Accounts that have to be there however far the child came, and what each holds.
    kept: dict[str, Entry]
    finish: Callable[[Live], None]


KEY = {"iota": oauth("ada")}
BEFORE = {"acme": api("b"), "zeta": api("z"), **KEY}
SAVED = {"acme/acme-1": api("a"), "zeta/zeta-1": api("z"), "iota/iota-1": oauth("ada")}


def swap_again(live: Live) -> None:
    rotate(live.books, plan_rotation(live.state, "acme", "acme-1", live.books.clock()))


def swap_a_new_login_away(live: Live) -> None:
    swap_again(live)
    assert live.saved("acme/acme-3") == api("c")
    rotate(live.books, plan_rotation(live.state, "acme", "acme-3", live.books.clock()))


def remove_again(name: str) -> Callable[[Live], None]:
    def finish(live: Live) -> None:
        if name in live.names():
            ledger.remove(live.books, live.account(name))
        assert name not in live.names()

    return finish


SCENES = [
    Scene(
        "swap",
        BEFORE,
        {**BEFORE, "acme": api("a")},
        {**SAVED, "acme/acme-2": api("b")},
        swap_again,
    ),
    Scene(
        "capture",
        {**BEFORE, "acme": api("c")},
        {**BEFORE, "acme": api("c")},
        {**SAVED, "acme/acme-2": api("b")},
        swap_a_new_login_away,
    ),
    Scene(
        "acme acme-2",
        BEFORE,
        {**BEFORE, "acme": api("a")},
        SAVED,
        remove_again("acme/acme-2"),
    ),
    Scene(
        "zeta zeta-1",
        BEFORE,
        {"acme": api("b"), **KEY},
        {name: entry for name, entry in SAVED.items() if name != "zeta/zeta-1"},
        remove_again("zeta/zeta-1"),
    ),
]


@contextmanager
def driver(house: Household, what: str) -> Iterator[Callable[[int], int]]:
    """Run the child; yields what lets it die at a step and returns its exit code."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=house.env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
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


def check(home: Path, scene: Scene, step: int) -> None:
    where = f"{scene.what}, killed at step {step}"
    file = Household(home).auth_file
    assert json.loads(file.read_bytes()) in (scene.found, scene.left), where
    with open_books(find_paths(places(home))) as books:
        live = Live(books, HandClock())
        live.look(watched=False)
        require_one_truth(live, where)
        assert {name: live.saved(name) for name in scene.kept} == scene.kept, where
        scene.finish(live)
        require_one_truth(live, where)
        assert live.entries() == scene.left, where
        assert {name: live.saved(name) for name in scene.kept} == scene.kept, where
        assert [path.name for path in file.parent.iterdir()] == ["auth.json"], where


def require_one_truth(live: Live, where: str) -> None:
    active = {p: live.state.active(p) for p, slot in live.state.slots.items() if slot.active}
    held = {p: json.loads(a.credential.entry.reveal()) for p, a in active.items() if a}
    assert held == live.entries(), where
    assert live.state.broken == (), where


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.what)
def test_a_process_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(
    home: Path, tmp_path: Path, scene: Scene
) -> None:
    with open_live(home) as live:
        live.sees({**BEFORE, "acme": api("a")})
        live.sees(BEFORE)
        live.write(scene.found)
    template = tmp_path / "home"
    shutil.copytree(home, template)

    with driver(Household(home), scene.what) as die_at:
        for step in range(1, MOST_STEPS):
            shutil.rmtree(home)
            shutil.copytree(template, home)
            code = die_at(step)
            assert code in {0, -9}, f"{scene.what} failed at step {step}"
            check(home, scene, step)
            if code == 0:
                break

    assert FEWEST_STEPS < step < MOST_STEPS - 1
    assert {account["provider"] for account in accounts(Household(home))} >= {"acme", "iota"}
