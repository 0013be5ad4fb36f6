"""Texts of made-up plug-ins: what each does to a request, or that it does nothing to one."""

from __future__ import annotations

LOADER = """export const Login = async () => ({ auth: { provider: "acme", methods: [],
  async loader(getAuth) { return { apiKey: "", async fetch(input, init) {
    const { access } = await getAuth(); init.headers.authorization = `Bearer ${access}`;
    return fetch(input, init); } }; } } });"""
POOL = LOADER.replace("await getAuth()", 'JSON.parse(fs.readFileSync("pool.json"))[0]')


NOTIFIER = """export const Told = async ({ $ }) => ({
  event: async ({ event }) => { if (event.type === "session.idle") await $`notify done`; } });"""
CALLS = 'export const C = async () => ({ tool: {}, event: () => fetch("https://ntfy.example") });'
HOOK = """export const H = async () => ({ "chat.headers": async (input, output) => {
  if (/^ac/.test(input.model.providerID)) output.headers["x-one"] = stock(); } });"""
CONFIGURES = """export const C = async () => ({ config: async (all) => {
  all.provider.acme.options.apiKey = stock(); } });"""
CONSTANT = LOADER.replace('"acme"', "ID") + '\nconst ID: string = "acme";'
FOR_ALL = LOADER.replace('"acme"', "process.argv[2]")
