"""The same inside of the real OpenCode 2, and how soon a login there is an account."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

from rotator.context import Context, open_context
from rotator.system.paths import find_paths
from tests.bench.failover import ACCOUNTS, TRAVEL_SECONDS
from tests.bench.figures import Figure
from tests.bench.hand_overs import Trace
from tests.e2e.scenes import install_bridge
from tests.support.household import COLLECTS, Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, database, serve2
from tests.support.provider_answers import refusal, streamed
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

MODEL = "mock/m1"
_CAPTURE_SECONDS, _LOOK_SECONDS = 20.0, 0.001
_WARM_UP = 3
# One before the bridge and one behind it: what lies between them is OpenCode's way from hook to
# hook, and the bridge's.
_FIRST, _LAST = Path("plugin", "a-first.js"), Path("plugins", "z-last", "index.js")
_TIMER = """\
import fs from "node:fs"
const marks = (globalThis.marksForTests ??= {})
export default {
  id: NAME,
  setup: async (ctx) => {
    for (const hook of ["http.request", "http.response"]) {
      await ctx.session.hook(hook, () => {
        if (IS_FIRST) marks[hook] = performance.now()
        else fs.appendFileSync(FILE, `${hook} ${performance.now() - marks[hook]}\\n`)
      })
    }
  },
}
"""


def failover_latency2(home: Path, rounds: int, sync_ms: float) -> list[Figure]:
    """Measure from the 429 leaving the provider to the repeated request arriving there.

    What the disk takes to make something durable comes on top of the aim. Each part follows.
    """
    with LoopbackProvider() as provider:
        house = _household(home, provider)
        install_bridge(house)
        trace = Trace(house, is_second=True)
        trace.install()
        with trace.watcher(), serve2(house, **COLLECTS) as server:
            _log_in(server, ACCOUNTS)
            session = server.create_session(MODEL)
            server.prompt(session, "hello")
            for _ in range(rounds + _WARM_UP):
                limited = replace(
                    refusal(429, headers={"retry-after": "1"}), delay_seconds=TRAVEL_SECONDS
                )
                # Whoever is asked: on a busy machine the turn is over before the switch.
                provider.answer(limited, title=False, times=1)
                server.prompt(session, "hi")
                refused, repeated = provider.asked()[-2:]
                assert refused.status == 429
                assert refused.sent_ns is not None
                trace.add(refused.sent_ns, repeated.read_ns)
    del trace.rounds[:_WARM_UP]
    values = [(there - sent) / 1e6 for sent, there in trace.rounds]
    name = "failover in OpenCode 2: 429 sent → repeated request there"
    whole = Figure(name, values, aim_ms=round(5 + sync_ms, 1), aim_p99_ms=25)
    return [whole, *trace.figures()]


def added_time2(home: Path, rounds: int) -> list[Figure]:
    """Measure a request that does not fail, with and without the bridge, in alternating pairs."""
    with LoopbackProvider() as provider, contextlib.ExitStack() as stack:
        houses = {name: _household(home / name, provider) for name in ("without", "with")}
        install_bridge(houses["with"])
        stack.enter_context(watcher(houses["with"]))
        servers = {}
        for name, house in houses.items():
            _install_timers(house)
            servers[name] = stack.enter_context(serve2(house))
            servers[name].add_key("mock", "KEY-CANARY-A")
        with open_context(find_paths(houses["with"].env())) as context:
            _wait_for_accounts(context, 1)
        provider.answer(streamed("Hello.", delay_seconds=TRAVEL_SECONDS))
        sessions = {name: server.create_session(MODEL) for name, server in servers.items()}
        for _ in range(rounds + _WARM_UP):
            for name, server in servers.items():
                server.prompt(sessions[name], "hi")
        times = {name: _times(house)[-rounds:] for name, house in houses.items()}
    added = [b - a for a, b in zip(times["without"], times["with"], strict=True)]
    return [
        Figure("both hooks of OpenCode 2, without the bridge", times["without"]),
        Figure("both hooks of OpenCode 2, with the bridge", times["with"]),
        Figure("added by the bridge in OpenCode 2 (of each pair)", added, aim_ms=0.1),
    ]


def _install_timers(house: Household) -> None:
    for place, is_first in ((_FIRST, True), (_LAST, False)):
        file = house.config_folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        script = _TIMER.replace("NAME", json.dumps(place.parts[1]))
        script = script.replace("IS_FIRST", json.dumps(is_first))
        file.write_text(script.replace("FILE", json.dumps(str(house.home / "times"))))


def _times(house: Household) -> list[float]:
    told = [line.split() for line in (house.home / "times").read_text().splitlines()]
    before, after = (
        [float(ms) for hook, ms in told if hook == name]
        for name in ("http.request", "http.response")
    )
    return [a + b for a, b in zip(before, after, strict=True)]


def capture_time2(home: Path, rounds: int) -> Figure:
    """Measure from the time that OpenCode wrote into a login's row to the account in the store."""
    values = []
    with LoopbackProvider() as provider:
        house = _household(home, provider)
        with watcher(house), serve2(house) as server:
            server.connections("mock")
            with (
                open_context(find_paths(house.env())) as context,
                contextlib.closing(sqlite3.connect(database(house))) as table,
            ):
                for number in range(rounds + _WARM_UP):
                    server.add_key("mock", f"KEY-CANARY-{number}")
                    _wait_for_accounts(context, number + 1)
                    seen_ms = time.time() * 1000
                    newest = "SELECT max(time_created) FROM credential"
                    (written_ms,) = table.execute(newest).fetchone()
                    values.append(seen_ms - written_ms)
    name = "row written by OpenCode 2 → account in the store"
    return Figure(name, values[_WARM_UP:], aim_ms=60)


def _household(home: Path, provider: LoopbackProvider) -> Household:
    home.mkdir(parents=True, exist_ok=True)
    house = Household(home)
    house.configure(provider.url)
    return house


def _log_in(server: Server2, count: int) -> None:
    for number in range(count):
        server.add_key("mock", f"KEY-CANARY-{number}", f"n{number}")
    with open_context(find_paths(server.house.env())) as context:
        _wait_for_accounts(context, count)


def _wait_for_accounts(context: Context, count: int) -> None:
    wait_until(
        lambda: len(context.store.state().accounts) == count,
        _CAPTURE_SECONDS,
        "every login to be an account",
        poll_seconds=_LOOK_SECONDS,
    )
