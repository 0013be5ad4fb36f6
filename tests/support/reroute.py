"""A plug-in for opencode, for tests alone: requests to vendors' hosts go to the loopback provider.

It replaces the fetch that the bridge will find, so the bridge sees the vendors' own addresses.
"""

from __future__ import annotations

import json
from pathlib import Path

HOSTS = (
    "https://api.anthropic.com",
    "https://api.githubcopilot.com",
    "https://api.openai.com",
    "https://api.x.ai",
    "https://auth.openai.com",
    "https://chatgpt.com",
)

_SCRIPT = """\
const hosts = HOSTS
const server = SERVER
// One opencode loads this once for each of its folders.
if (!globalThis.reroutedForTests) {
  globalThis.reroutedForTests = true
  const real = globalThis.fetch
  const rerouted = (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const host = hosts.find((one) => url.startsWith(one + "/"))
    if (!host) return real(input, init)
    const target = server + url.slice(host.length)
    return real(input instanceof Request ? new Request(target, input) : target, init)
  }
  globalThis.fetch = Object.assign(rerouted, real)
}
export const Reroute = async () => ({})
"""


def install_reroute(config_file: Path, server: str) -> None:
    """Write the plug-in beside opencode.json and name it there.

    opencode 1.18.33 loads what its configuration names before the files of the plug-in folder,
    and those in no order: a name that sorts first does not help.
    """
    script = config_file.with_name("reroute.js")
    text = _SCRIPT.replace("HOSTS", json.dumps(HOSTS)).replace("SERVER", json.dumps(server))
    script.write_text(text)
    config = json.loads(config_file.read_text())
    named = [name for name in config.get("plugin", []) if name != script.as_uri()]
    config_file.write_text(json.dumps(config | {"plugin": [script.as_uri(), *named]}))
