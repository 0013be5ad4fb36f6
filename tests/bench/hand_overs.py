"""Where the time of a failover goes: a time at each hand-over, from the refusal to the repetition.

The watcher notes its own (`traced_watcher`); in opencode a plug-in notes what the bridge does to
files, and when it asks the provider once more. All of it is on one clock.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Figure
from tests.support.children import Lines, child, end
from tests.support.household import Household
from tests.support.repository import ROOT

_READY_SECONDS = 30.0
_MS = 1e6
# What is looked for is over by then; what follows a verdict may take longer.
_AFTER_NS = 2_000_000_000
# Each begins where the one before ends.
_PARTS = {
    "heard": "the bridge hears of it",
    "signalled": "its signal is written",
    "told": "the watcher is told of the file",
    "read": "it has read the signal",
    "understood": "it knows what the refusal means",
    "decided": "it has decided",
    "put": "the other login stands where it is needed",
    "answered": "the verdict is written",
    "noticed": "the bridge has found the verdict",
    "sent": "the request has the other login, and is sent",
}
_THERE = "the provider has it"
# Behind the verdict, so that no request waits for it.
_AFTERWARDS = {"kept": "the store has it, durably", "switched": "the server has switched"}

_TRACER = """\
import fs from "node:fs"
const file = FILE
if (!globalThis.stampForTests) {
  // The time of the system is told to the millisecond: it is looked at when that changes.
  const at = Date.now()
  let next = at
  while (next === at) next = Date.now()
  const began = next - performance.now()
  const stamps = []
  const flush = () => fs.appendFileSync(file, stamps.splice(0).join(""))
  const stamp = (globalThis.stampForTests = (name) => {
    const now = Math.round((began + performance.now()) * 1000)
    if (stamps.push(`${name} ${now}000\\n`) === 1) setTimeout(flush, 60)
  })
  const noted = (name, isIt, before, after) => {
    const real = fs[name]
    fs[name] = (...given) => {
      const hit = isIt(...given.map(String))
      if (hit && before) stamp(before)
      try {
        return real.apply(fs, given)
      } finally {
        if (hit && after) stamp(after)
      }
    }
  }
  if (!IS_SECOND) noted("mkdirSync", (path) => path.endsWith("/inbox"), "heard")
  noted("renameSync", (_, path) => path.includes("/inbox/"), undefined, "signalled")
  noted("openSync", (path) => path.includes("/outbox/"), "noticed")
  if (IS_SECOND) {
    const real = globalThis.fetch
    const asked = (...given) => (stamp("sent"), real(...given))
    globalThis.fetch = Object.assign(asked, real)
  }
}
const setup = async (ctx) => {
  if (IS_SECOND) await ctx.session.hook("http.response", () => globalThis.stampForTests("heard"))
}
export default { id: "a-trace", server: async () => ({}), setup }
"""


@dataclass
class Trace:
    """What was noted in one house while its rounds were measured."""

    house: Household
    is_second: bool
    rounds: list[tuple[int, int]] = field(default_factory=list)

    @property
    def _watchers(self) -> Path:
        return self.house.home / "watcher.stamps"

    @property
    def _bridges(self) -> Path:
        return self.house.home / "bridge.stamps"

    def install(self) -> None:
        """Put the plug-in that notes beside the bridge, and before it."""
        folder = self.house.config_folder / "plugin"
        folder.mkdir(parents=True, exist_ok=True)
        script = _TRACER.replace("FILE", json.dumps(str(self._bridges)))
        script = script.replace("IS_SECOND", json.dumps(self.is_second))
        (folder / "a-trace.js").write_text(script)

    @contextlib.contextmanager
    def watcher(self) -> Iterator[None]:
        """Run the watcher that notes."""
        env = self.house.env() | {"PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "tests.bench.traced_watcher", str(self._watchers)]
        with child(words, env=env, cwd=self.house.home) as process:
            lines = Lines(process)
            lines.wait_for("watching ", _READY_SECONDS)
            yield
            code = end(process)
            lines.join()
            assert code == 0, lines.seen

    def add(self, refused_ns: int, repeated_ns: int) -> None:
        """Remember a round: when its refusal was sent, and when its repetition had come."""
        self.rounds.append((refused_ns, repeated_ns))

    def figures(self) -> list[Figure]:
        """Return how long each part took; call it when both programs have ended."""
        stamps = self._stamps()
        values: dict[str, list[float]] = {name: [] for name in (*_PARTS, _THERE, *_AFTERWARDS)}
        for began, ended in self.rounds:
            at = began
            for name in (name for name in _PARTS if name in stamps):
                found = _first(stamps[name], at if name != "told" else began, ended)
                if found is None:
                    continue
                # One that was noted a little before the other side had noted its own.
                values[name].append(max(found - at, 0) / _MS)
                at = max(at, found)
            values[_THERE].append((ended - at) / _MS)
            verdict = _first(stamps.get("answered", ()), began, ended)
            for name in _AFTERWARDS if verdict is not None else ():
                found = _first(stamps.get(name, ()), verdict or 0, (verdict or 0) + _AFTER_NS)
                if found is not None:
                    values[name].append((found - (verdict or 0)) / _MS)
        named = _PARTS | {_THERE: _THERE}
        parts = [Figure(f"  → {named[n]}", values[n]) for n in named if values[n]]
        behind = [Figure(f"  behind it: {_AFTERWARDS[n]}", values[n]) for n in _AFTERWARDS]
        return [*parts, *(figure for figure in behind if figure.values_ms)]

    def _stamps(self) -> dict[str, list[int]]:
        ahead = time.time_ns() - time.monotonic_ns()
        found: dict[str, list[int]] = {}
        for path, offset in ((self._watchers, 0), (self._bridges, ahead)):
            for line in path.read_text().splitlines():
                name, at = line.split()
                found.setdefault(name, []).append(int(at) - offset)
        return {name: sorted(times) for name, times in found.items()}


def _first(times: Sequence[int], begin: int, until: int) -> int | None:
    number = bisect_left(times, begin)
    return times[number] if number < len(times) and times[number] <= until else None
