"""Watcher and opencode in two PID namespaces that share a HOME, as two containers do (I4)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rotator.system.files import publish
from rotator.system.liveness import SILENT_SECONDS, pid_namespace
from rotator.system.processes import start_ticks
from tests.bridge.test_turns import BUSY, IDLE
from tests.bridge.test_turns import status as tell_status
from tests.e2e.scenes import A, B, api, log_in
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.pid_namespaces import Inside, in_pid_namespace, watcher_inside
from tests.support.repository import ROOT
from tests.support.rotator_process import rotator, status, watcher
from tests.support.upstream import Upstream, model_request
from tests.support.waiting import wait_until

HOST = os.uname().nodename
ELSEWHERE = "another-boot pid:[1]"
_HOLDS = """
import sys, time
from pathlib import Path
from rotator.system.locks import swap_lock
with swap_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
# Says that it was imported, and waits until all were.
_WAITS = """
import fs from "node:fs";
const here = (name) => new URL(name, import.meta.url);
fs.writeFileSync(here(`imported-${crypto.randomUUID()}`), "");
while (!fs.existsSync(here("go"))) await new Promise((resolve) => setTimeout(resolve, 5));
"""


@pytest.fixture
def house(home: Path) -> Household:
    """Return a HOME that two containers share."""
    return Household(home)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Return a provider to which the key A is limited."""
    with Upstream() as server:
        server.limit(A)
        yield server


@pytest.fixture
def inside(house: Household) -> Iterator[Inside]:
    """Return a watcher in a namespace of its own that has captured B and A, which is live."""
    with watcher_inside(house) as inside:
        log_in(house, "mock", api(B), api(A))
        yield inside


def asks(bridge: BridgeProcess, upstream: Upstream) -> int:
    """Send a request with the limited key; return the status that opencode gets."""
    found: int = bridge.run("fetch", **model_request(upstream))["status"]
    return found


def test_a_bridge_asks_the_watcher_of_another_container(
    house: Household, upstream: Upstream, inside: Inside
) -> None:
    with bridge_process(house.home) as bridge:
        bridge.load()

        assert asks(bridge, upstream) == 200

    assert upstream.keys == [A, B]
    assert inside.pid_here


def test_a_watcher_of_another_container_that_crashed_is_not_asked(
    house: Household, upstream: Upstream, inside: Inside
) -> None:
    told = house.state_dir / "bridge"
    with bridge_process(house.home) as bridge:
        bridge.load()
        inside.ends(signal.SIGKILL)
        os.utime(told / "beat", (0, time.time() - SILENT_SECONDS - 1))
        statuses = [asks(bridge, upstream), asks(bridge, upstream)]

    assert statuses == [429, 429]
    assert (told / "state.json").exists()
    assert not list((told / "inbox").iterdir())


def test_the_second_of_two_watchers_says_who_holds_the_home(
    house: Household, inside: Inside
) -> None:
    second = rotator(house, "watch")
    told = status(house)
    shown, looked = rotator(house, "status").stdout, rotator(house, "doctor").stdout

    assert (second.code, "another container" in second.stderr) == (5, True)
    assert HOST in second.stderr
    assert told["watcher"] == {"running": True, "pid": None, "host": HOST}
    assert f"running (in another container or on another computer: host {HOST}" in shown
    assert f"a watcher runs (in another container or on another computer: host {HOST}" in looked
    assert "kill 1" not in shown + looked + second.stderr
    assert inside.ends(signal.SIGTERM) == 0
    assert status(house)["watcher"]["running"] is False


def test_a_watcher_of_another_container_that_is_paused_is_known_by_its_silence(
    house: Household, inside: Inside
) -> None:
    """As `docker pause` does: its pid says nothing here, and its lock is held still."""
    psutil.Process(inside.pid_here).suspend()
    os.utime(house.state_dir / "bridge" / "beat", (0, time.time() - SILENT_SECONDS - 10))

    told, checked = status(house), rotator(house, "status", "--check")
    looked = rotator(house, "doctor")
    psutil.Process(inside.pid_here).resume()
    # It beats every few seconds.
    wait_until(lambda: status(house)["watcher"]["running"], 30, "the watcher to be heard again")

    assert told["watcher"] == {"running": False, "stopped": True, "pid": None, "host": HOST}
    assert checked.code == 5
    assert f"may be stopped (in another container or on another computer: host {HOST}" in (
        checked.stdout
    )
    assert f"let its container go on, or end it on {HOST}" in checked.stdout
    assert (looked.code, "silent for 3" in looked.stdout) == (5, True)


def test_a_stopped_holder_of_the_lock_in_another_container_is_said_to_be_elsewhere(
    house: Household,
) -> None:
    house.write_auth({"mock": api(A)})
    assert rotator(house, "accounts").code == 0
    command = in_pid_namespace(sys.executable, "-c", _HOLDS, str(house.state_dir / "swap.lock"))
    with child(command, env=house.env() | {"PYTHONPATH": str(ROOT)}, cwd=house.home) as holder:
        Lines(holder).wait_for("held", 30)
        (held,) = psutil.Process(holder.pid).children()
        held.suspend()
        inside = in_pid_namespace(sys.executable, "-m", "rotator", "accounts")
        elsewhere = subprocess.run(
            inside, env=house.env(), cwd=house.home, capture_output=True, text=True, check=False
        )
        here = rotator(house, "accounts")
        held.kill()

    said = "! a process of another container or computer holds swap.lock: waiting for it"
    assert (elsewhere.returncode, elsewhere.stderr.splitlines()[0]) == (0, said)
    assert "mock/mock-1" in elsewhere.stdout
    # Whoever sees into that container names it.
    assert here.stderr.startswith(f"! pid {held.pid} (")
    assert "which is stopped, holds swap.lock: waiting for it" in here.stderr


def test_opencodes_of_other_containers_are_heard_although_all_have_one_pid(
    house: Household, upstream: Upstream
) -> None:
    before = tuple(in_pid_namespace())
    with (
        watcher(house),
        bridge_process(house.home, before=before) as one,
        bridge_process(house.home, before=before) as other,
    ):
        log_in(house, "mock", api(B), api(A))
        one.load()
        other.load()
        present = house.state_dir / "bridge" / "present"
        names = sorted(path.name for path in present.glob("*.json"))
        told = status(house)["opencodes"]

        assert asks(other, upstream) == 200
        assert [name[:2] for name in names] == ["1-", "1."]
        assert [(o["pid"], o["kind"]) for o in told] == [(None, "tui"), (None, "tui")]
        # The watcher's own look, too, leaves their files where they are.
        assert sorted(path.name for path in present.glob("*.json")) == names
    wait_until(lambda: not list(present.glob("*.json")), 10, "both to leave")


def begun_together(house: Household, *bridges: BridgeProcess) -> None:
    """Let opencodes import the bridge, all of them, before any of them calls it."""
    waits = house.home / "waits-canary.mjs"
    waits.write_text(_WAITS)
    loads = [
        bridge.start("load", directory=f"/{number}", files=["ours", str(waits)], start=[0])
        for number, bridge in enumerate(bridges)
    ]
    imported = house.home.glob
    wait_until(lambda: len(list(imported("imported-*"))) == len(bridges), 20, "the imports")
    (house.home / "go").touch()
    for load in loads:
        load.result()


def test_opencodes_of_containers_that_begin_together_are_all_heard(house: Household) -> None:
    before = tuple(in_pid_namespace())
    folder = house.state_dir / "bridge" / "present"
    with watcher(house), bridge_process(house.home, before=before) as first:
        log_in(house, "mock", api(B), api(A))
        with bridge_process(house.home, before=before) as second:
            begun_together(house, first, second)
            for bridge in (first, second):
                tell_status(bridge, "ses_1", BUSY)
            names = sorted(path.name for path in folder.glob("*.json"))
            busy = len(list(folder.glob("*.busy")))
            told = len(status(house)["opencodes"])
            tell_status(second, "ses_1", IDLE)
            still_busy = len(list(folder.glob("*.busy")))
        wait_until(lambda: len(list(folder.glob("*.json"))) == 1, 10, "the second to leave")

        assert [name[:2] for name in names] == ["1-", "1."]
        assert (busy, told, still_busy) == (2, 2, 1)
        assert len(status(house)["opencodes"]) == 1


def test_a_bridge_whose_name_another_one_has_taken_meanwhile_takes_another(
    house: Household,
) -> None:
    # Its container was paused, so that its file was swept.
    folder = house.state_dir / "bridge" / "present"
    before = tuple(in_pid_namespace())
    with bridge_process(house.home, before=before, variables={"BRIDGE_HASTE": "50"}) as bridge:
        bridge.load()
        tell_status(bridge, "ses_1", BUSY)
        ours = json.loads((folder / "1.json").read_text())
        publish(folder / "1.json", json.dumps(ours | {"pid_namespace": ELSEWHERE}).encode())
        (folder / "1.busy").unlink()
        os.utime(folder / "1.json", (0, 0))

        wait_until(lambda: len(list(folder.glob("1-*"))) == 2, 10, "its files under another name")
        (file,) = folder.glob("1-*.json")
        assert json.loads(file.read_text()) == ours
        assert file.with_suffix(".busy").exists()
    assert json.loads((folder / "1.json").read_text())["pid_namespace"] == ELSEWHERE
    assert (folder / "1.json").stat().st_mtime == 0
    assert list(folder.iterdir()) == [folder / "1.json"]


@pytest.mark.parametrize("content", [json.dumps({"pid_namespace": ELSEWHERE}), "{}", "[", ""])
def test_a_file_that_another_one_has_left_under_its_pid_is_left_to_whoever_sweeps(
    house: Household, content: str
) -> None:
    present = house.state_dir / "bridge" / "present"
    present.mkdir(parents=True)
    (present / "1.json").write_text(content)
    with bridge_process(house.home, before=tuple(in_pid_namespace())) as bridge:
        bridge.load()

        assert [path.name[:2] for path in sorted(present.glob("*.json"))] == ["1-", "1."]
        assert (present / "1.json").read_text() == content
    assert [path.name for path in present.iterdir()] == ["1.json"]


def test_a_file_that_a_dead_process_of_ours_has_left_under_its_pid_is_taken_over(
    house: Household,
) -> None:
    present = house.state_dir / "bridge" / "present"
    present.mkdir(parents=True)
    with bridge_process(house.home) as bridge:
        file = present / f"{bridge.pid}.json"
        file.write_text(json.dumps({"pid_namespace": pid_namespace(), "start_ticks": "1"}))
        file.with_suffix(".busy").touch()
        bridge.load()

        assert json.loads(file.read_text())["start_ticks"] == start_ticks(bridge.pid)
        assert list(present.iterdir()) == [file]


def test_a_bridge_of_a_container_beats(house: Household) -> None:
    variables = {"BRIDGE_HASTE": "50"}
    before = tuple(in_pid_namespace())
    with bridge_process(house.home, before=before, variables=variables) as bridge:
        bridge.load()
        (file,) = (house.state_dir / "bridge" / "present").glob("*.json")
        os.utime(file, (0, 0))
        wait_until(lambda: time.time() - file.stat().st_mtime < SILENT_SECONDS, 10, "a beat")
        assert json.loads(file.read_text())["pid"] == 1
        shutil.rmtree(file.parent)
        wait_until(file.exists, 10, "its file")
