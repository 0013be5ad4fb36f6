"""Plug-ins of somebody else's that replace fetch as those in public do, each in its own way.

opencode 1.18.33 imports all plug-ins, the small ones first, then starts one after the other: those
that opencode.json lists, those of its own folder, those of the project. So where a plug-in lies
says when it starts: one lies before the bridge, one behind it. It starts them anew for each
directory, and which kind of rival each is then stands in a plan, so that one opencode plays many
scenes. Each writes down what it did, in `rival.jsonl` of the HOME: that the wanted order happened
is seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from tests.support.household import Household
from tests.support.opencode_offline import take_types_for_installed


class Order(Enum):
    """When a rival starts."""

    BEFORE = "before the bridge"
    AFTER = "after the bridge"


Plan = Mapping[Order, str]
POOL_KEY = "KEY-CANARY-POOL"
AT_IMPORT = "replaces fetch at import"

# What each does when it starts; what is above them is in _ABOVE.
_KINDS = {
    AT_IMPORT: "",
    "keeps fetch at import and replaces it when it starts": "globalThis.fetch = through(kept)",
    "replaces fetch when it starts": "globalThis.fetch = through(globalThis.fetch)",
    "replaces fetch a moment after its start": (
        "setTimeout(() => { globalThis.fetch = through(kept); note('replaced') }, 1)"
    ),
    "replaces fetch when the turn begins": (
        'return { "chat.message": async () => { globalThis.fetch = through(kept) } }'
    ),
    "hands the fetch on that it found": """
      const found = globalThis.fetch
      globalThis.fetch = (input, init) => {
        const asked = new Request(input, init)
        note("fetch", asked.url)
        return found(asked)
      }
    """,
    "wraps fetch at every request": (
        'return { "chat.headers": async () => { globalThis.fetch = through(globalThis.fetch) } }'
    ),
    "puts its own fetch back wherever it does not find it": """
      let below
      const mine = through((...given) => below(...given))
      const guard = () => {
        if (globalThis.fetch === mine) return
        below = globalThis.fetch
        globalThis.fetch = mine
      }
      guard()
      return { "chat.headers": async () => guard(), event: async () => guard() }
    """,
    "gives a Request in place of an init": """
      const found = globalThis.fetch
      globalThis.fetch = (input, init) =>
        (note("fetch", urlOf(input)), found(urlOf(input), new Request(input, init)))
    """,
    "puts back the fetch of its import at every request": (
        'return { "chat.headers": async () => { globalThis.fetch = through(kept) } }'
    ),
    "throws when it starts": (
        'globalThis.fetch = through(kept); throw new Error("the rival fell over")'
    ),
    "nails its fetch down": (
        'Object.defineProperty(globalThis, "fetch", { value: through(kept), writable: false })'
    ),
    "lets nobody see what it does with fetch": """
      let seen = globalThis.fetch
      Object.defineProperty(globalThis, "fetch", { get: () => seen, set: () => {} })
      seen = through(kept)
    """,
    "has a login's own fetch": "return login(() => globalThis.fetch)",
    "has a login's own fetch, kept at import": "return login(() => kept)",
    "has keys of its own in a login's fetch": "return login(() => globalThis.fetch, POOL)",
    "has keys of its own in a login's fetch, kept at import": "return login(() => kept, POOL)",
    "puts a key of its own into the headers": """
      return {
        "chat.headers": async (input, { headers }) => { headers.authorization = `Bearer ${POOL}` },
      }
    """,
    "has keys of its own in the fetch that it replaces when it starts": (
        "globalThis.fetch = through(substitute(globalThis.fetch))"
    ),
    "has keys of its own in the fetch that it kept at import": (
        "globalThis.fetch = through(substitute(keptLate))"
    ),
    "has keys of its own and keeps the login in another header": (
        "globalThis.fetch = through(substitute(globalThis.fetch, { isCopied: true }))"
    ),
    "has keys of its own at another place": (
        'globalThis.fetch = through(substitute(globalThis.fetch, { place: "/pool/v1/" }))'
    ),
    "has keys of its own and sends from a queue": (
        "globalThis.fetch = through(substitute(queued(globalThis.fetch)))"
    ),
    "has keys of its own in a fetch from before the bridge": (
        "globalThis.fetch = through(substitute(kept))"
    ),
    "has keys of its own in another fetch of the runtime": (
        "globalThis.fetch = through(substitute(Bun.fetch))"
    ),
    "has keys of its own and refuses by itself": """
      const refused = new Set()
      const send = substitute(Bun.fetch)
      globalThis.fetch = through(async (input, init) => {
        if (!isModel(input) || refused.has(init.body)) return send(input, init)
        refused.add(init.body)
        const headers = { "content-type": "application/json", "retry-after-ms": "50" }
        const error = { message: "the pool is limited", code: "rate_limit_exceeded" }
        return new Response(JSON.stringify({ error }), { status: 429, headers })
      })
    """,
}

_ABOVE = """\
import fs from "node:fs"
const POOL = POOL_KEY
const note = (did, url) =>
  fs.appendFileSync(NOTES, JSON.stringify({ order: ORDER, did, url }) + "\\n")
const planned = () => JSON.parse(fs.readFileSync(PLAN))[ORDER]
// The bridge says in which directories it has started.
const startedIn = () => {
  const file = PRESENT + "/" + process.pid + ".json"
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)).directories : []
}
const urlOf = (input) => (input instanceof Request ? input.url : String(input))
const through = (below) => (input, init) => (note("fetch", urlOf(input)), below(input, init))
const isModel = (input) => urlOf(input).endsWith("/chat/completions")
const substitute = (below, { place = "/v1/", isCopied = false } = {}) => (input, init) => {
  if (!isModel(input)) return below(input, init)
  const headers = new Headers(init?.headers ?? input.headers)
  if (isCopied) headers.set("x-original-authorization", headers.get("authorization"))
  headers.set("authorization", `Bearer ${POOL}`)
  return below(urlOf(input).replace("/v1/", place), { ...init, headers })
}
const jobs = []
let wake
const drain = async () => {
  for (;;) {
    for (let job; (job = jobs.shift()); ) job()
    await new Promise((go) => (wake = go))
  }
}
// As one does that lets a few through at a time: its context is that of the first request.
const queued = (below) => (input, init) =>
  new Promise((done, failed) => {
    jobs.push(() => Promise.resolve(below(input, init)).then(done, failed))
    wake ? wake() : drain()
  })
const login = (below, key) => {
  const loader = async (entry) => ({
    apiKey: "",
    fetch: async (input, init) => {
      const headers = new Headers(init.headers)
      headers.set("authorization", `Bearer ${key ?? (await entry()).key}`)
      return through(below())(input, { ...init, headers })
    },
  })
  return { auth: { provider: "mock", loader, methods: [] } }
}
const kept = globalThis.fetch
const bridge = Symbol.for("opencode-rotator.bridge")
for (let left = 2000; !(bridge in globalThis) && left > 0; left--) await Bun.sleep(1)
const keptLate = globalThis.fetch
if (planned() === AT_IMPORT) globalThis.fetch = through(kept)
export const Rival = async ({ directory }) => {
  const kind = planned()
  // What the scene before has put there is none of this one's.
  if (FIRST && kind !== AT_IMPORT) globalThis.fetch = kept
  if (kind === undefined) return {}
  note(`started ${startedIn().includes(directory) ? "after" : "before"} the bridge`)
  return (await kinds[kind]()) ?? {}
}
"""


def install_rivals(house: Household) -> None:
    """Write both plug-ins, which do nothing until a plan names them."""
    for order in Order:
        known: dict[str, object] = {
            "POOL_KEY": POOL_KEY,
            "NOTES": str(house.home / "rival.jsonl"),
            "PLAN": str(house.home / "plan.json"),
            "PRESENT": str(house.state_dir / "bridge" / "present"),
            "AT_IMPORT": AT_IMPORT,
            "ORDER": order.value,
            "FIRST": order is Order.BEFORE,
        }
        script = _ABOVE
        for word, value in known.items():
            script = script.replace(word, json.dumps(value))
        kinds = [f"{json.dumps(kind)}: () => {{ {body} }},\n" for kind, body in _KINDS.items()]
        script += f"const kinds = {{\n{''.join(kinds)}}}\n"
        place(house, f"rival-{order.name.lower()}-canary.js", script, order)


def play(house: Household, plan: Plan) -> None:
    """Say what each rival is where opencode starts it from now on, and forget what it did."""
    named = {order.value: kind for order, kind in plan.items()}
    (house.home / "plan.json").write_text(json.dumps(named))
    (house.home / "rival.jsonl").write_text("")


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
    """Return what the rivals did since the plan was made, in its order."""
    return [json.loads(line) for line in (house.home / "rival.jsonl").read_text().splitlines()]


def started(house: Household) -> dict[Order, str]:
    """Return when each rival started, as it saw it."""
    found = [one for one in notes(house) if one["did"].startswith("started ")]
    return {Order(one["order"]): one["did"].removeprefix("started ") for one in found}


def model_requests(house: Household, order: Order) -> int:
    """Return how often the fetch of a rival was asked for a model's answer."""
    asked = [one for one in notes(house) if (one["order"], one["did"]) == (order.value, "fetch")]
    return sum(one["url"].endswith("/chat/completions") for one in asked)
