"""A plug-in of somebody else's that asks the model's provider itself, with the login's very key.

It has a tool, and hooks, from each of which such a request goes out: what opencode asks and what
a plug-in asks look alike but for who asks. Where it asks is in the query of the address.
"""

from __future__ import annotations

import json

from tests.support.household import Household
from tests.support.rival_plugin import Order, place

TOOLS = {order: f"asking_{order.name.lower()}" for order in Order}
_SCRIPT = """\
const ask = (where) =>
  fetch(`${URL}/v1/chat/completions?from=${NAME}.${where}`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "m1", messages: [{ role: "user", content: "aside" }] }),
  }).then((answer) => answer.status, (error) => String(error))
export const Asking = async () => ({
  tool: {
    [NAME]: {
      description: "Asks the provider.",
      args: {},
      execute: async () => `The provider said ${await ask("tool")}.`,
    },
  },
  "chat.message": async () => { await ask("chat.message") },
  "chat.params": async () => { await ask("chat.params") },
  "chat.headers": async () => { await ask("chat.headers"); setTimeout(() => ask("timer"), 1) },
  "tool.execute.before": async () => { await ask("tool.execute.before") },
  "tool.execute.after": async () => { await ask("tool.execute.after") },
  event: async ({ event }) => { if (event.type === "session.status") ask("event") },
})
"""
PLACES = frozenset(
    f"{tool}.{place}"
    for tool in TOOLS.values()
    for place in (
        "tool",
        "chat.message",
        "chat.params",
        "chat.headers",
        "timer",
        "tool.execute.before",
        "tool.execute.after",
        "event",
    )
)


# Its hook comes after ours and lets others come between the hooks and the request that follows.
_SLOW_SCRIPT = """\
let count = 0
export const Slow = async () => ({
  "chat.headers": async () => { await Bun.sleep((count++ * 7) % 40) },
})
"""


def install_slow(house: Household) -> None:
    """Write a plug-in that takes its time before each request, after the bridge's hook."""
    place(house, "slow.js", _SLOW_SCRIPT, Order.AFTER)


def install_asking(house: Household, url: str, key: str) -> None:
    """Write the plug-in that asks where it starts before the bridge, and where it does after it."""
    for order, name in TOOLS.items():
        script = _SCRIPT
        for word, value in {"URL": url, "KEY": key, "NAME": name}.items():
            script = script.replace(f"${{{word}}}", f"${{{json.dumps(value)}}}")
        script = script.replace("[NAME]", f"[{json.dumps(name)}]")
        place(house, f"{name}-canary.js", script, order)
