"""How soon the dashboard's first screen is there, and how soon what happens is on it."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil

from rotator.context import Context, open_context
from rotator.model import Identity, Snapshot, Window
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.system.paths import find_paths
from tests.bench.figures import Figure
from tests.support.dashboard_program import dashboard
from tests.support.household import Household
from tests.support.terminal import Terminal, terminal
from tests.support.waiting import wait_until

FEW, MANY = 20, 1000
_PROVIDERS = 10
_ALLOWED_MS = {FEW: 80.0, MANY: 150.0}
_LOOK_SECONDS, _SECONDS, _IDLE_SECONDS = 0.0005, 30.0, 2.0
_LIBRARY = (sys.executable, "-c", "import blessed")
_PROGRAM = (sys.executable, "-m", "rotator", "dashboard")
_THERE = "accounts ready"


def first_screen(home: Path, rounds: int) -> list[Figure]:
    """Measure from the start of the program to its first screen, beside loading the library."""
    houses = {number: _household(home / str(number), number) for number in (FEW, MANY)}
    times: dict[int, list[float]] = {0: [], FEW: [], MANY: []}
    for _ in range(rounds + 1):
        times[0].append(_until_end(houses[FEW]))
        for number, house in houses.items():
            times[number].append(_until_screen(house))
    library, *_ = kept = [values[1:] for values in times.values()]
    figures = [Figure("python -c 'import blessed'", library)]
    for number, values in zip((FEW, MANY), kept[1:], strict=True):
        figures.append(Figure(f"first screen of the dashboard, {number} accounts", values))
        added = [mine - its for mine, its in zip(values, library, strict=True)]
        name = f"beyond loading blessed, {number} accounts (of each pair)"
        figures.append(Figure(name, added, aim_ms=_ALLOWED_MS[number]))
    return figures


def on_screen(home: Path, rounds: int) -> list[Figure]:
    """Measure from a key, another size and another program's change to the screen."""
    house = _household(home, MANY)
    with _opened(house) as context, dashboard(house) as before:
        process = psutil.Process(before.process.pid)
        wait_until(lambda: _cpu_ms(process, 0.5) < 20, _SECONDS, "it to have loaded everything")
        keys = [_changed(before, lambda: before.press("down")) for _ in range(rounds)]
        sizes = [
            _changed(before, lambda number=number: before.resize(40, 120 + number % 2))  # type: ignore[misc]  # a default
            for number in range(1, rounds + 1)
        ]
        changes = []
        for number in range(rounds):
            with context.store.transaction():
                context.store.set_balancing(on=bool(number % 2))
            changes.append(_changed(before, context.notify_changed))
        idle = [_cpu_ms(process, _IDLE_SECONDS) for _ in range(2)]
    return [
        Figure(f"key → screen, {MANY} accounts", keys, aim_ms=16),
        Figure(f"another size → screen, {MANY} accounts", sizes, aim_ms=100),
        Figure(f"another program's change → screen, {MANY} accounts", changes, aim_ms=200),
        Figure("CPU of each second in which nothing happens", idle, aim_ms=5),
    ]


def _until_end(house: Household) -> float:
    began = time.perf_counter()
    with terminal(_LIBRARY, env=house.env(), cwd=house.home) as before:
        before.wait_for_end()
        return (time.perf_counter() - began) * 1000


def _until_screen(house: Household) -> float:
    there = _THERE.encode()
    began = time.perf_counter()
    with terminal(_PROGRAM, env=house.env(), cwd=house.home) as before:
        wait_until(lambda: there in before.raw, _SECONDS, "it", poll_seconds=_LOOK_SECONDS)
        return (time.perf_counter() - began) * 1000


def _changed(before: Terminal, act: Callable[[], object]) -> float:
    """Return how long it takes until the program has written something after that."""
    wait_until(lambda: _is_quiet(before), _SECONDS, "it to be quiet")
    size = before.written
    began = time.perf_counter()
    act()
    wait_until(lambda: before.written > size, _SECONDS, "it", poll_seconds=_LOOK_SECONDS)
    return (time.perf_counter() - began) * 1000


def _is_quiet(before: Terminal) -> bool:
    size = before.written
    time.sleep(0.1)
    return before.written == size


def _cpu_ms(process: psutil.Process, seconds: float) -> float:
    """Return how many milliseconds of CPU a process uses in a second, over so many."""
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    used_seconds = (after.user + after.system) - (before.user + before.system)
    return used_seconds * 1000 / seconds


def _household(home: Path, accounts: int) -> Household:
    home.mkdir(parents=True, exist_ok=True)
    house = Household(home)
    with _opened(house) as context:
        now = context.clock()
        windows = (Window("5h", 0.4, now + timedelta(hours=3)), Window("7d", 0.9, now))
        with context.store.transaction():
            for number in range(accounts):
                provider = f"acme{number % _PROVIDERS}"
                entry = Secret(json.dumps({"type": "api", "key": f"KEY-CANARY-{number}"}))
                credential = parse_entry(provider, entry)
                alias = f"account-{number:04}"
                account = context.store.add_account(provider, alias, credential, Identity(), now)
                context.history.keep_reading(account, Snapshot(now, windows), now)
    return house


@contextlib.contextmanager
def _opened(house: Household) -> Iterator[Context]:
    with open_context(find_paths(house.env())) as context:
        yield context
