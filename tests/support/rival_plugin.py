"""Plug-ins of somebody else's that replace fetch as those in public do, each in its own way.

opencode 1.18.33 imports all plug-ins, the small ones first, then starts one after the other: those
that opencode.json lists, those of its own folder, those of the project. So where a plug-in lies
says when it starts. Each writes down what it did, in `rival.jsonl` of the HOME: that the wanted
order happened is seen.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from tests.support.household import Household
from tests.support.opencode_offline import take_types_for_installed


class Order(Enum):
    """When a rival starts."""

    BEFORE = "before the bridge"
    AFTER = "after the bridge"


# What each does, as the body of a module; `note`, `through` and `ours` are above it.
_KINDS = {
    "keeps fetch at import and replaces it when it starts": """
const kept = globalThis.fetch
export const Rival = async () => { start(); globalThis.fetch = through(kept); return {} }
""",
    "replaces fetch when it starts": """
export const Rival = async () => {
  start(); globalThis.fetch = through(globalThis.fetch); return {}
}
""",
    "replaces fetch at import": """
globalThis.fetch = through(globalThis.fetch)
export const Rival = async () => { start(); return {} }
""",
    "replaces fetch a moment after its start": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  setTimeout(() => { globalThis.fetch = through(kept); note("replaced") }, 1)
  return {}
}
""",
    "replaces fetch when the turn begins": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  return { "chat.message": async () => { globalThis.fetch = through(kept) } }
}
""",
    "hands the fetch on that it found": """
export const Rival = async () => {
  start()
  const found = globalThis.fetch
  globalThis.fetch = (input, init) => {
    const asked = new Request(input, init)
    note("fetch", asked.url)
    return found(asked)
  }
  return {}
}
""",
    "wraps fetch at every request": """
export const Rival = async () => {
  start()
  return { "chat.headers": async () => { globalThis.fetch = through(globalThis.fetch) } }
}
""",
    "puts back the fetch of its import at every request": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  return { "chat.headers": async () => { globalThis.fetch = through(kept) } }
}
""",
    "throws when it starts": """
const kept = globalThis.fetch
export const Rival = async () => {
  start(); globalThis.fetch = through(kept); throw new Error("the rival fell over")
}
""",
    "nails its fetch down": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  Object.defineProperty(globalThis, "fetch", { value: through(kept), writable: false })
  return {}
}
""",
    "lets nobody see what it does with fetch": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  let seen = globalThis.fetch
  Object.defineProperty(globalThis, "fetch", { get: () => seen, set: () => {} })
  seen = through(kept)
  return {}
}
""",
    "has a login's own fetch, kept at import": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  const loader = async (entry) => ({
    apiKey: "",
    fetch: async (input, init) => {
      const headers = new Headers(init.headers)
      headers.set("authorization", `Bearer ${(await entry()).key}`)
      return through(kept)(input, { ...init, headers })
    },
  })
  return { auth: { provider: "mock", loader, methods: [] } }
}
""",
    "has a login's own fetch": """
export const Rival = async () => {
  start()
  const loader = async (entry) => ({
    apiKey: "",
    fetch: async (input, init) => {
      const headers = new Headers(init.headers)
      headers.set("authorization", `Bearer ${(await entry()).key}`)
      return through(globalThis.fetch)(input, { ...init, headers })
    },
  })
  return { auth: { provider: "mock", loader, methods: [] } }
}
""",
    "has keys of its own in a login's fetch": """
export const Rival = async () => {
  start()
  const loader = async () => ({
    apiKey: "",
    fetch: async (input, init) => {
      const headers = new Headers(init.headers)
      headers.set("authorization", `Bearer ${POOL}`)
      return through(globalThis.fetch)(input, { ...init, headers })
    },
  })
  return { auth: { provider: "mock", loader, methods: [] } }
}
""",
    "has keys of its own in a login's fetch, kept at import": """
const kept = globalThis.fetch
export const Rival = async () => {
  start()
  const loader = async () => ({
    apiKey: "",
    fetch: async (input, init) => {
      const headers = new Headers(init.headers)
      headers.set("authorization", `Bearer ${POOL}`)
      return through(kept)(input, { ...init, headers })
    },
  })
  return { auth: { provider: "mock", loader, methods: [] } }
}
""",
    "puts a key of its own into the headers": """
export const Rival = async () => {
  start()
  return {
    "chat.headers": async (input, output) => {
      output.headers.authorization = `Bearer ${POOL}`
    },
  }
}
""",
    "has keys of its own in the fetch that it replaces when it starts": """
export const Rival = async () => {
  start(); globalThis.fetch = through(substitute(globalThis.fetch)); return {}
}
""",
    "has keys of its own in the fetch that it kept at import": """
const real = globalThis.fetch
for (let left = 2000; globalThis.fetch === real && left > 0; left--) await Bun.sleep(1)
const kept = globalThis.fetch
export const Rival = async () => {
  start(); globalThis.fetch = through(substitute(kept)); return {}
}
""",
}
KINDS = tuple(_KINDS)
POOL_KEY = "KEY-CANARY-POOL"

_ABOVE = """\
import fs from "node:fs"
const POOL = POOL_KEY
const note = (did, url) =>
  fs.appendFileSync(NOTES, JSON.stringify({ name: NAME, did, url }) + "\\n")
const present = PRESENT + "/" + process.pid + ".json"
const order = () => (fs.existsSync(present) ? "after" : "before")
const start = () => note(`started ${order()} the bridge`)
const urlOf = (input) => (input instanceof Request ? input.url : String(input))
const through = (below) => (input, init) => (note("fetch", urlOf(input)), below(input, init))
const substitute = (below) => (input, init) => {
  if (!urlOf(input).endsWith("/chat/completions")) return below(input, init)
  const headers = new Headers(init?.headers ?? input.headers)
  headers.set("authorization", `Bearer ${POOL}`)
  return below(input, { ...init, headers })
}
note("imported")
"""


def install_rival(house: Household, kind: str, order: Order, name: str = "rival") -> None:
    """Write the plug-in where opencode starts it in that order."""
    known = {"POOL_KEY": POOL_KEY, "NOTES": str(house.home / "rival.jsonl"), "NAME": name}
    known["PRESENT"] = str(house.state_dir / "bridge" / "present")
    script = _ABOVE + _KINDS[kind]
    for word, value in known.items():
        script = script.replace(word, json.dumps(value))
    place(house, f"{name}-canary.js", script, order)


def place(house: Household, name: str, script: str, order: Order) -> None:
    """Write a plug-in where opencode starts it before the bridge, or after it."""
    if order is Order.AFTER:
        folder = house.project / ".opencode"
        (folder / "plugin").mkdir(parents=True, exist_ok=True)
        take_types_for_installed(folder, _version_of(house))
        (folder / "plugin" / name).write_text(script)
        return
    path = house.home / name
    path.write_text(script)
    config_file = house.config_folder / "opencode.json"
    config = json.loads(config_file.read_text())
    listed = [*config.get("plugin", []), path.as_uri()]
    config_file.write_text(json.dumps(config | {"plugin": listed}))


def _version_of(house: Household) -> str:
    """Return the version of opencode for which the household's packages are taken as there."""
    package = json.loads((house.config_folder / "package.json").read_text())
    return str(package["dependencies"]["@opencode-ai/plugin"])


def notes(house: Household) -> list[dict[str, Any]]:
    """Return what the rivals did so far, in its order."""
    file = house.home / "rival.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def started(house: Household) -> list[str]:
    """Return when each rival started, as it saw it."""
    return [one["did"] for one in notes(house) if one["did"].startswith("started ")]


def model_requests(house: Household, name: str = "rival") -> int:
    """Return how often that rival's fetch was asked for a model's answer."""
    asked = [one for one in notes(house) if (one["name"], one["did"]) == (name, "fetch")]
    return sum(one["url"].endswith("/chat/completions") for one in asked)
