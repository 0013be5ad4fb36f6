"""How long a prompt waits for its line, beside what Python itself takes to start."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from rotator.context import open_context
from rotator.model import Identity, Snapshot, Window
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.system.paths import find_paths
from tests.bench.figures import Figure
from tests.support.household import Household
from tests.support.tool import beside_python

_PROVIDERS, _ACCOUNTS = 4, 20
_MOST_TIMES = 3.5


def prompt_line(home: Path, rounds: int) -> list[Figure]:
    """Measure `python -c pass` and `rotator statusline` in turns; the aim is in terms of the first.

    Their own start alone counts, so that neither is measured for coverage.
    """
    house = Household(home)
    _fill(house)
    env = {name: value for name, value in house.env().items() if not name.startswith("COVERAGE")}
    python, ours = [], []
    for _ in range(rounds + 1):
        python.append(_took_ms([sys.executable, "-c", "pass"], env))
        ours.append(_took_ms([beside_python("rotator"), "statusline"], env))
    python, ours = python[1:], ours[1:]
    aim_ms = round(_MOST_TIMES * statistics.median(python), 1)
    return [
        Figure("python -c pass", python),
        Figure(f"rotator statusline, {_ACCOUNTS} accounts", ours, aim_ms=aim_ms),
    ]


def _took_ms(command: list[str], env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def _fill(house: Household) -> None:
    with open_context(find_paths(house.env())) as context:
        now = context.clock()
        told = Snapshot(now, (Window("5h", 0.4, now + timedelta(hours=3)), Window("7d", 0.9)))
        for number in range(_ACCOUNTS):
            provider = f"acme{number % _PROVIDERS}"
            entry = Secret(json.dumps({"type": "api", "key": f"KEY-CANARY-{number}"}))
            credential = parse_entry(provider, entry)
            with context.store.transaction():
                account = context.store.add_account(
                    provider, f"account-{number:02}", credential, Identity(), now
                )
                context.store.set_active(provider, account, now)
            context.history.keep_reading(account, told, now)
