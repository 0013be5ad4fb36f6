"""Who is alive: by pid and start where the pid means something, by a beat elsewhere (I4, I6)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import bridges_of
from rotator.services.status import read_status
from rotator.system.liveness import (
    SILENT_SECONDS,
    is_alive,
    is_known_here,
    pid_inside,
    pid_namespace,
)
from rotator.system.lock_holder import _may_have, holder_of
from rotator.system.locks import swap_lock
from rotator.system.paths import find_paths
from rotator.system.processes import start_ticks
from rotator.system.watch_holder import WatchHolder, own_entry, parse_entry
from tests.support.household import Household
from tests.support.live import Live, open_live
from tests.support.pid_namespaces import in_pid_namespace
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

ELSEWHERE = "another-boot pid:[1]"
OURS, OLD = os.getpid(), 3600.0


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


@pytest.fixture
def exchange(live: Live) -> Exchange:
    return Exchange(live.paths)


def own(**changes: object) -> dict[str, Any]:
    """Return what this process says of itself, in short."""
    return {"start_ticks": start_ticks(OURS), "pid_namespace": pid_namespace()} | changes


def says(
    exchange: Exchange, name: object = OURS, *, age_seconds: float = 0, **told: object
) -> Path:
    """Let a bridge say that it is there, in a turn and with a session; return its file."""
    value = {"schema": 1, "pid": OURS, "bridge": "0.4.0", "opencode": "", "kind": "run"}
    value |= {"auth_file": str(find_paths().auth_file), "directories": []}
    path = exchange.folder / "present" / f"{name}.json"
    for one in (path, path.with_suffix(".busy"), path.with_suffix(".sessions")):
        one.write_text(json.dumps(value | told) if one == path else "")
        os.utime(one, (time.time(), time.time() - age_seconds))
    return path


# -- a pid that is used again (I6) ------------------------------------------------------------


def test_a_process_is_known_again_by_its_start() -> None:
    assert is_alive(own(), OURS, 0)
    assert not is_alive(own(start_ticks="1"), OURS, time.time())
    assert is_alive(own(start_ticks=int(start_ticks(OURS) or 0)), OURS, 0)


def test_a_file_older_than_its_process_is_of_another_one() -> None:
    born = psutil.Process(OURS).create_time()

    assert is_alive({}, OURS, time.time())
    assert not is_alive({}, OURS, born - OLD)
    assert not is_alive(own(start_ticks=None), OURS, born - OLD)


def test_a_process_that_has_ended_and_is_not_noted_yet_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        wait_until(lambda: psutil.Process(ended.pid).status() == "zombie", 10, "its end")

        assert not is_alive({}, ended.pid, time.time())


@pytest.mark.parametrize("told", [own(start_ticks="1"), {"start_ticks": "1"}])
def test_the_ghost_of_a_crashed_opencode_holds_nothing_back(
    exchange: Exchange, told: dict[str, Any]
) -> None:
    path = says(exchange, **told)

    assert bridges_of(find_paths()) == []
    assert exchange.present() == []
    assert not exchange.turns_under_way(exchange.present())
    assert not path.exists()
    assert not path.with_suffix(".busy").exists()


def test_the_sessions_of_a_ghost_are_forgotten_a_while_later(exchange: Exchange) -> None:
    path = says(exchange, age_seconds=OLD, start_ticks="1")
    path.with_suffix(".sessions").write_text("ses_1\n")
    exchange.present()
    before = exchange.served_sessions()
    for left in path.parent.iterdir():
        os.utime(left, (0, time.time() - OLD))
    exchange.sweep()

    assert ["ses_1" in found for found in (before, exchange.served_sessions())] == [True, False]


def test_a_folder_in_place_of_the_sign_of_a_turn_is_no_turn(exchange: Exchange) -> None:
    path = says(exchange, **own())
    path.with_suffix(".busy").unlink()
    path.with_suffix(".busy").mkdir()

    assert len(exchange.present()) == 1
    assert not exchange.turns_under_way(exchange.present())


# -- another PID namespace (I4) ---------------------------------------------------------------


def test_a_pid_of_elsewhere_is_judged_by_its_beat_alone() -> None:
    now, there = time.time(), own(pid_namespace=ELSEWHERE)

    assert is_alive(there, 2**22 + 1, now)
    assert not is_alive(there, OURS, now - SILENT_SECONDS - 1)
    # Nor does a time that no beat can have had last for ever.
    assert not is_alive(there, OURS, now + OLD)
    assert is_alive(own(pid_namespace=None), 2**22 + 1, now)


def test_a_file_that_names_no_namespace_is_of_an_older_version_and_ours() -> None:
    assert [is_known_here(one) for one in ({}, own())] == [True, True]
    assert [is_known_here({"pid_namespace": one}) for one in (ELSEWHERE, None, 7)] == [False] * 3


def test_a_bridge_of_elsewhere_is_there_as_long_as_it_beats(live: Live, exchange: Exchange) -> None:
    fresh = says(exchange, **own(pid_namespace=ELSEWHERE, start_ticks="1"))
    silent = says(exchange, f"{OURS}-0123abcd", age_seconds=OLD, **own(pid_namespace=ELSEWHERE))

    (one,) = exchange.present()

    assert (one.who, one.is_here) == ("run (in another container)", False)
    assert exchange.turns_under_way([one])
    assert [path.exists() for path in (fresh, silent)] == [True, False]
    assert [(o.pid, o.who) for o in read_status(live.context).opencodes] == [
        (None, "run (in another container)")
    ]


def test_two_bridges_with_one_pid_are_two(exchange: Exchange) -> None:
    says(exchange, **own())
    says(exchange, f"{OURS}-0123abcd", **own(pid_namespace=ELSEWHERE))
    says(exchange, f"{OURS}-another", **own())

    assert sorted(one.is_here for one in exchange.present()) == [False, True]


def test_what_another_namespace_calls_itself_is_seen_from_outside() -> None:
    script = (
        "from rotator.system.liveness import pid_namespace\n"
        "import os, sys\n"
        "print(os.getpid(), pid_namespace(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = in_pid_namespace(sys.executable, "-c", script)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        pid, where = process.stdout.readline().strip().split(" ", 1)
        (found,) = psutil.Process(process.pid).children()

        assert pid_inside(found.pid) == (where, int(pid)) == (where, 1)
        assert where != pid_namespace()
        process.kill()
    assert pid_inside(OURS) is None
    assert pid_inside(2**22 + 1) is None


def test_where_proc_shows_another_namespace_a_pid_says_nothing() -> None:
    command = [one for one in in_pid_namespace(sys.executable) if one != "--mount-proc"]
    script = "from rotator.system.liveness import pid_namespace; print(pid_namespace())"

    ended = subprocess.run(
        [*command, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert ended.stdout == "None\n"


HOLDER = (
    "import os, sys; from rotator.system.lock_holder import holder_of;"
    " print(holder_of(os.open(sys.argv[1], os.O_RDWR)))"
)


@pytest.mark.parametrize("mounted", [True, False])
def test_who_holds_a_lock_in_another_namespace_is_not_named_by_a_pid(
    tmp_path: Path, *, mounted: bool
) -> None:
    lock = tmp_path / "the.lock"
    command = [
        one
        for one in in_pid_namespace(sys.executable, "-c", HOLDER, str(lock))
        if mounted or one != "--mount-proc"
    ]
    with swap_lock(lock):
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    assert ended.stdout == "None\n"


def test_who_has_a_file_of_the_same_number_elsewhere_is_not_taken_for_the_holder(
    tmp_path: Path,
) -> None:
    lock, other = tmp_path / "the.lock", tmp_path / "other.lock"
    lock.touch()
    with swap_lock(other), other.open() as file:
        mine = holder_of(file.fileno())
        with lock.open() as unheld:
            nobody = holder_of(unheld.fileno())

    assert (mine and mine.pid, nobody) == (OURS, None)
    with subprocess.Popen([sys.executable, "-c", ""]) as stranger:
        assert not _may_have(stranger.pid, lock.stat())


# -- who holds the watcher's lock -------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "holder"),
    [
        (own_entry(), WatchHolder(OURS, is_here=True, host=os.uname().nodename)),
        (b"7\n", WatchHolder(7, is_here=True, host="unknown")),
        (f"7\n{ELSEWHERE}\nbox\n".encode(), WatchHolder(7, is_here=False, host="box")),
        (b"7\n\nbox\n", WatchHolder(7, is_here=False, host="box")),
        (b"", None),
        (b"\xff\n", None),
    ],
    ids=["own", "older", "elsewhere", "unknown", "empty", "odd"],
)
def test_the_holder_of_the_watcher_s_lock_is_read(
    content: bytes, holder: WatchHolder | None
) -> None:
    assert parse_entry(content) == holder


def test_nobody_is_told_to_end_a_process_that_is_another_one_here() -> None:
    there, here, unknown = (
        WatchHolder(7, is_here=False, host="box"),
        WatchHolder(7),
        WatchHolder(0),
    )

    assert (there.way_to_end, here.way_to_end) == ("end it on box", "kill 7")
    assert "kill" not in unknown.way_to_end
    assert "host box" in str(there)


def test_a_watcher_that_was_halted_is_said_to_be_and_how_it_goes_on(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": {"type": "api", "key": "KEY-CANARY-a"}})
    with watcher(house) as process:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            shown = rotator(house, "status")
            told = rotator(house, "status", "--json").json()["watcher"]
            checked = rotator(house, "status", "--check").code
            examined = rotator(house, "doctor").stdout
        finally:
            os.kill(process.pid, signal.SIGCONT)
        again = rotator(house, "status", "--check").code

    way_on = f"kill -CONT {process.pid} lets it go on"
    assert f"stopped (pid {process.pid}): nothing fails over; {way_on}" in shown.stdout
    assert told == {"running": False, "pid": process.pid, "stopped": True}
    assert f"the watcher (pid {process.pid}) is stopped" in examined
    assert (checked, again) == (5, 0)
