"""How long a failover takes inside the real opencode, and what the bridge costs otherwise."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace
from pathlib import Path

from rotator.context import Context, open_context
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services.accounts import add
from rotator.system.paths import find_paths
from tests.bench.figures import Figure
from tests.bench.hand_overs import Trace
from tests.e2e.scenes import api, install_bridge
from tests.support.household import COLLECTS, Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import refusal, streamed
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

_CAPTURE_SECONDS = 10.0
_LOOK_SECONDS = 0.0002
_WARM_UP = 3
# Each rests for a second after its turn; a round takes long enough for all of them to be back.
ACCOUNTS = 30
# No provider answers within a millisecond; opencode is then still busy with what it does beside
# a request, and that time would be counted as ours.
TRAVEL_SECONDS = 0.05

# Times each model request from outside of the bridge, whose fetch is the outermost: as a login's
# loader, which gives opencode a fetch of its own.
_TIMER = """\
import fs from "node:fs"
export const Timer = async () => ({
  auth: {
    provider: "mock",
    methods: [],
    loader: async () => ({
      fetch: async (input, init) => {
        const began = performance.now()
        const response = await fetch(input, init)
        fs.appendFileSync(FILE, `${performance.now() - began}\\n`)
        return response
      },
    }),
  },
})
"""


def failover_latency(home: Path, rounds: int) -> list[Figure]:
    """Measure from the 429 leaving the provider to the repeated request arriving there.

    Each part of it follows.
    """
    with LoopbackProvider() as provider:
        house = _household(home, provider)
        _save_all(house, [f"KEY-CANARY-{number}" for number in range(ACCOUNTS)])
        install_bridge(house)
        trace = Trace(house, is_second=False)
        trace.install()
        with trace.watcher(), serve(house, **COLLECTS) as server:
            session = server.create_session()
            server.prompt(session, "hello")
            for _ in range(rounds + _WARM_UP):
                live = house.read_auth()["mock"]["key"]
                limited = replace(
                    refusal(429, headers={"retry-after": "1"}), delay_seconds=TRAVEL_SECONDS
                )
                provider.answer(limited, key=live, title=False, times=1)
                server.prompt(session, "hi")
                refused, repeated = provider.asked()[-2:]
                assert refused.status == 429
                assert refused.sent_ns is not None
                trace.add(refused.sent_ns, repeated.read_ns)
    del trace.rounds[:_WARM_UP]
    values = [(there - sent) / 1e6 for sent, there in trace.rounds]
    name = "failover: 429 sent → repeated request there"
    return [Figure(name, values, aim_ms=10, aim_p99_ms=50), *trace.figures()]


def added_time(home: Path, rounds: int) -> list[Figure]:
    """Measure a request that does not fail, with and without the bridge, in alternating pairs."""
    with LoopbackProvider() as provider, contextlib.ExitStack() as stack:
        houses = {name: _household(home / name, provider) for name in ("without", "with")}
        install_bridge(houses["with"])
        stack.enter_context(watcher(houses["with"]))
        servers = {}
        for name, house in houses.items():
            house.write_auth({"mock": api("KEY-CANARY-A")})
            _install_timer(house, home / f"{name}.times")
            servers[name] = stack.enter_context(serve(house, **COLLECTS))
        provider.answer(streamed("Hello.", delay_seconds=TRAVEL_SECONDS))
        sessions = {name: server.create_session() for name, server in servers.items()}
        for _ in range(rounds + _WARM_UP):
            for name, server in servers.items():
                server.prompt(sessions[name], "hi")
        times = {name: _times(home / f"{name}.times")[-rounds:] for name in houses}
    added = [b - a for a, b in zip(times["without"], times["with"], strict=True)]
    return [
        Figure("request that does not fail, without the bridge", times["without"]),
        Figure("request that does not fail, with the bridge", times["with"]),
        Figure("added by the bridge (of each pair)", added, aim_ms=0.5),
    ]


def capture_time(home: Path, rounds: int) -> Figure:
    """Measure from a write of auth.json in opencode's manner to the account in the store."""
    house = Household(home)
    values = []
    with watcher(house), open_context(find_paths(house.env())) as context:
        for number in range(rounds):
            began = time.perf_counter()
            house.write_auth({"mock": api(f"KEY-CANARY-{number}")})
            _wait_for_accounts(context, number + 1)
            values.append((time.perf_counter() - began) * 1000)
    return Figure("login written → account in the store", values, aim_ms=60)


def _wait_for_accounts(context: Context, count: int) -> None:
    wait_until(
        lambda: len(context.store.state().accounts) == count,
        _CAPTURE_SECONDS,
        "the account in the store",
        poll_seconds=_LOOK_SECONDS,
    )


def _household(home: Path, provider: LoopbackProvider) -> Household:
    home.mkdir(parents=True, exist_ok=True)
    house = Household(home)
    house.configure(provider.url)
    return house


def _save_all(house: Household, keys: list[str]) -> None:
    with open_context(find_paths(house.env())) as context:
        for key in keys:
            entry = Secret(json.dumps(api(key)))
            add(context, "mock", parse_entry("mock", entry), alias=None, activate=False)


def _install_timer(house: Household, file: Path) -> None:
    folder = house.config_folder / "plugin"
    folder.mkdir(parents=True, exist_ok=True)
    script = _TIMER.replace("FILE", json.dumps(str(file)))
    (folder / "timer.js").write_text(script)


def _times(file: Path) -> list[float]:
    return [float(line) for line in file.read_text().splitlines()]
