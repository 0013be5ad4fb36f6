// What the command line and the environment say of the opencode that we are in.

export function kindOfProcess(argv) {
  const command = argv.slice(2).find((word) => ["run", "serve", "web"].includes(word));
  return { run: "run", serve: "serve", web: "serve" }[command] ?? "tui";
}

/** Return whether the requests of this process may not be touched at all. */
export function standsAside(env) {
  // The logins come from the environment then, and auth.json says nothing.
  if (env.OPENCODE_AUTH_CONTENT) return true;
  // The mark would leave through a WebSocket, which no fetch sees.
  return !/^(|0|false|no|off|n)$/i.test(env.OPENCODE_EXPERIMENTAL_WEBSOCKETS ?? "");
}
