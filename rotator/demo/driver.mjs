// Runs the bridge's own file outside opencode: loads it as opencode loads a plugin, lets it mark
// one request, sends that with the login that opencode would use, and prints the answer.
// node driver.mjs BRIDGE PROVIDER URL PROMPT, in a folder of its own.
import { copyFileSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

const [bridge, provider, url, prompt] = process.argv.slice(2)
const here = process.cwd()
// Node takes a file that ends in .js for an older kind of module; opencode does not.
const copy = join(here, "rotator.mjs")
copyFileSync(bridge, copy)
const plugin = (await import(pathToFileURL(copy))).default
const hooks = await plugin.server({
  client: {},
  project: { id: "demo", worktree: here },
  directory: here,
  worktree: here,
  serverUrl: new URL("http://127.0.0.1"),
})

const sessionID = "ses_demo"
const marked = { headers: {} }
await hooks["chat.headers"](
  {
    sessionID,
    agent: "build",
    model: { id: "m1", providerID: provider },
    provider: { id: provider, info: { id: provider }, source: "config", options: {} },
    message: { id: "msg_demo", sessionID, role: "user" },
  },
  marked,
)

const { key } = JSON.parse(readFileSync(join(process.env.XDG_DATA_HOME, "opencode", "auth.json")))[provider]
const response = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}`, ...marked.headers },
  body: JSON.stringify({ model: "m1", messages: [{ role: "user", content: prompt }] }),
})
const answer = await response.json()
if (response.ok) {
  console.log(answer.choices[0].message.content)
} else {
  console.error(`the provider answered ${response.status}`)
}
// The bridge may still look after its files; nobody is left to wait for it.
process.exit(response.ok ? 0 : 1)
