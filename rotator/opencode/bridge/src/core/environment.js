// What the command line and the environment say of the opencode that we are in.

/** @typedef {"run" | "serve" | "tui"} Kind */

/** @type {Record<string, Kind>} */
const KINDS = { run: "run", serve: "serve", web: "serve" };

/**
 * Return how opencode was started.
 * @param {string[]} argv
 * @returns {Kind}
 */
export function processKind(argv) {
  const command = argv.slice(2).find((word) => Object.hasOwn(KINDS, word));
  return command === undefined ? "tui" : KINDS[command];
}

/**
 * Return whether the requests of this process may not be touched at all.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function mustStandAside(env) {
  // The logins come from the environment then, and auth.json says nothing.
  if (env.OPENCODE_AUTH_CONTENT) return true;
  // The mark would leave through a WebSocket, which no fetch sees.
  return !/^(|0|false|no|off|n)$/i.test(env.OPENCODE_EXPERIMENTAL_WEBSOCKETS ?? "");
}
